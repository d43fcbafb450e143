#!/usr/bin/env bash
# Serve a model on a Ray cluster (cluster.sh starts one) and measure it. On the first machine:
#
#   MACHINES=2 examples/ray/evaluate.sh Qwen/Qwen2.5-32B --bench math --samples 16
#
# What stands after the model goes to `gpg eval`. Stopped at any moment, the same line goes on where it stopped.
#
#   MACHINES  of the cluster        GPUS    on each: default 8      PORT  of the server: default 8000
#   SPREAD    copies: a copy of the model on each GPU, or on each TENSOR_PARALLEL of them (default)
#             layers: one copy over all machines, for a model that one machine does not hold
#
# Sizes (weights in bfloat16; the rest of a GPU's memory is cache for completions):
#   1.5B, 3.6 GB   1 GPU of 24 GB: no cluster needed, `gpg eval --engine vllm` does
#   7B, 15 GB      MACHINES=2, 16 copies on GPUs of 80 GB; one machine of 8 does without Ray as well
#   32B, 66 GB     MACHINES=4 TENSOR_PARALLEL=2: 16 copies on 32 GPUs of 80 GB
#   400B, 800 GB   MACHINES=2 TENSOR_PARALLEL=8 SPREAD=layers: 16 GPUs of 80 GB hold one copy
set -euo pipefail

model=${1:?usage: evaluate.sh MODEL --bench BENCH [options of gpg eval]}
shift
MACHINES=${MACHINES:-2}
GPUS=${GPUS:-8}
TENSOR_PARALLEL=${TENSOR_PARALLEL:-1}
SPREAD=${SPREAD:-copies}
PORT=${PORT:-8000}
MAX_LENGTH=${MAX_LENGTH:-32768}
# Seconds for the server to load the model.
PATIENCE=${PATIENCE:-1800}

serve=(vllm serve "$model" --port "$PORT" --max-model-len "$MAX_LENGTH" --tensor-parallel-size "$TENSOR_PARALLEL")
if [[ $SPREAD == layers ]]; then
  copies=1
  serve+=(--pipeline-parallel-size "$MACHINES" --distributed-executor-backend ray)
else
  copies=$((MACHINES * GPUS / TENSOR_PARALLEL))
  serve+=(--data-parallel-size "$copies" --data-parallel-size-local "$((GPUS / TENSOR_PARALLEL))"
    --data-parallel-backend ray)
fi

"${serve[@]}" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true' EXIT
python3 - "http://127.0.0.1:$PORT/v1/models" "$server" "$PATIENCE" <<'PYTHON'
import os, sys, time, urllib.request

url, server, patience = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
while True:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5)
        break
    except OSError:
        pass
    patience -= 2
    if not os.path.exists(f"/proc/{server}") or patience < 0:
        sys.exit("the server is not there; what it said stands above")
    time.sleep(2)
PYTHON

# As many requests at once as the copies can batch.
gpg eval --model "$model" --engine openai --base-url "http://127.0.0.1:$PORT/v1" --concurrency "$((copies * 64))" "$@"
