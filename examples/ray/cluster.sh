#!/usr/bin/env bash
# One Ray cluster of several machines, for a vLLM that spans them. On the first machine, then on each of the others:
#
#   examples/ray/cluster.sh head 10.0.0.1
#   examples/ray/cluster.sh worker 10.0.0.1
#
# Needs `pip install "ray>=2.48"` beside vLLM, the same versions on all machines (the container image of this project
# is one way), and the model at the same path, or the same HF_HOME, on all. It stays in the foreground: Ctrl-C takes the
# machine out. Ray asks for no password, so its ports (6379 and the high ones) are for your own network only.
set -euo pipefail

role=${1:-}
head=${2:?usage: cluster.sh head|worker ADDRESS-OF-THE-FIRST-MACHINE}
PORT=${RAY_PORT:-6379}

case $role in
head)
  exec ray start --block --head --node-ip-address "$head" --port "$PORT" --disable-usage-stats
  ;;
worker)
  exec ray start --block --address "$head:$PORT" --disable-usage-stats
  ;;
*)
  echo "usage: cluster.sh head|worker ADDRESS-OF-THE-FIRST-MACHINE" >&2
  exit 2
  ;;
esac
