"""Start-up of the commands that only tell something, as multiples of `import typer, rich`.

    python benchmarks/startup.py [--rounds 10]

Medians, alternating; prints a Markdown table for BENCHMARKS.md.
"""

import argparse
import statistics
import subprocess
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    commands = {"python -c 'import typer, rich'": [sys.executable, "-c", "import typer, rich"]}
    for arguments in ("--help", "--version", "presets", "benches", "rewards"):
        commands[f"gpg {arguments}"] = [sys.executable, "-m", "gpg_cli", arguments]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    baseline = next(iter(medians.values()))
    print("| command | median, s | ratio |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| `{name}` | {median:.3f} | {median / baseline:.2f} |")


if __name__ == "__main__":
    main()
