"""What `gpg eval` costs beside vLLM itself, and what one start for all benchmarks saves.

    python benchmarks/eval_throughput.py MODEL DATA [--prompts 200] [--tokens 64] [--rounds 3]

DATA is a folder with math500.jsonl and the files of the four other benchmarks of the suite `math`.

1. One benchmark: a whole `gpg eval` (start, prompts, sampling, grading by two rules, files) beside a bare script that
   starts the same engine with the same arguments and calls `LLM.generate` on the same rendered prompts with the same
   seeds. Each in a process of its own, alternating; medians of whole processes, from the command to its end.
2. Five benchmarks in one run beside five runs.

Prints Markdown tables for BENCHMARKS.md.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCHES = ("aime24", "math500", "amc23", "minerva", "olympiadbench")

BARE = """
import json, sys
from vllm import LLM, SamplingParams
requests = json.load(open(sys.argv[2]))
longest = max(len(tokens) for tokens, _ in requests) + int(sys.argv[3])
llm = LLM(model=sys.argv[1], dtype="float32", max_model_len=longest, gpu_memory_utilization=0.8, enforce_eager=True,
          enable_chunked_prefill=False, enable_prefix_caching=True, generation_config="vllm")
outputs = llm.generate(
    [{"prompt_token_ids": tokens} for tokens, _ in requests],
    [SamplingParams(temperature=0.6, top_p=0.95, max_tokens=int(sys.argv[3]), seed=seed) for _, seed in requests],
)
print(sum(len(output.outputs[0].token_ids) for output in outputs))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_KVCACHE_SPACE": "2"}
    os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
    with tempfile.TemporaryDirectory() as folder:
        beside_bare(arguments, Path(folder))
        one_start(arguments, Path(folder))


def beside_bare(arguments: argparse.Namespace, folder: Path) -> None:
    requests = folder / "requests.json"
    requests.write_text(json.dumps(rendered(arguments)))
    bare = [sys.executable, "-c", BARE, arguments.model, str(requests), str(arguments.tokens)]
    ours_s, bare_s = [], []
    for number in range(arguments.rounds):
        ours = gpg(arguments, ["math500"], arguments.prompts, folder / f"ours-{number}")
        ours_s.append(seconds(ours))
        bare_s.append(seconds(bare))
    ratio = statistics.median(ours / plain for ours, plain in zip(ours_s, bare_s, strict=True))
    print(f"| {arguments.prompts} prompts, at most {arguments.tokens} tokens | s | relative |\n|---|---|---|")
    print(f"| LLM.generate | {statistics.median(bare_s):.1f} | 1 |")
    print(f"| gpg eval | {statistics.median(ours_s):.1f} | {ratio:.2f} |\n", flush=True)


def one_start(arguments: argparse.Namespace, folder: Path) -> None:
    limit = arguments.prompts // 20
    alone = [seconds(gpg(arguments, [bench], limit, folder / f"alone-{bench}")) for bench in BENCHES]
    together = seconds(gpg(arguments, list(BENCHES), limit, folder / "together"))
    print(f"| five benchmarks, {limit} prompts of each | s | relative |\n|---|---|---|")
    print(f"| five runs | {sum(alone):.1f} | 1 |\n| one run | {together:.1f} | {together / sum(alone):.2f} |")


def gpg(arguments: argparse.Namespace, benches: list[str], limit: int, output: Path) -> list[str]:
    command = [sys.executable, "-m", "gpg_cli", "eval", "--model", arguments.model, "--bench", ",".join(benches)]
    command += ["--limit", str(limit), "--max-tokens", str(arguments.tokens), "--engine", "vllm"]
    for bench in benches:
        command += ["--data", f"{bench}={arguments.data / f'{bench}.jsonl'}"]
    return [*command, "--output-dir", str(output)]


def rendered(arguments: argparse.Namespace) -> list[tuple[list[int], int]]:
    """Tokens and seed of each prompt that `gpg eval` asks."""
    from gpg_cli.evaluation.model_text import load_model_text
    from gpg_cli.evaluation.plan import EvalRequest, check
    from gpg_cli.evaluation.prompting import prepare

    files = {"math500": arguments.data / "math500.jsonl"}
    request = EvalRequest(arguments.model, ["math500"], files, limit=arguments.prompts, max_tokens=arguments.tokens)
    prepared = prepare(check(request).benches[0], load_model_text(arguments.model))
    places = range(len(prepared.prompts))
    return [(list(prepared.prompts[place].token_ids), prepared.sampling(place, 0, 0).seed) for place in places]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
