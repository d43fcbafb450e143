"""The quickstart from a cold start, for several seeds: accuracy before and after, and the seconds of the whole command.

    python benchmarks/quickstart.py [--preset quickstart-vision] [--seeds 0 1 2]

Prints a Markdown table for BENCHMARKS.md. Each run has an empty cache folder of its own, so that the warm-up is part of
what is timed; the time is that of the process, imports included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=("quickstart", "quickstart-vision"), default="quickstart")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    print("| seed | before, % | after, % | steps | seconds, cold start, whole command |\n|---|---|---|---|---|")
    for seed in asked.seeds:
        summary, seconds = run_quickstart(asked.preset, seed)
        before, after = 100 * summary["accuracy_before"], 100 * summary["accuracy_after"]
        print(f"| {seed} | {before:.1f} | {after:.1f} | {summary['steps']} | {seconds:.0f} |", flush=True)


def run_quickstart(preset: str, seed: int) -> tuple[dict, float]:
    """The summary of one run, and the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "gpg_cli", "train", "--preset", preset, "--seed", str(seed), "--json"],
            cwd=folder,
            env=os.environ | {"XDG_CACHE_HOME": os.path.join(folder, "cache"), "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return json.loads(done.stdout), time.perf_counter() - started


if __name__ == "__main__":
    main()
