"""The training part of a step on one GPU: GPGTrainer against TRL's GRPOTrainer, on the same canned rollouts.

    python benchmarks/gpu_step.py [--rounds 5]

Randomly initialised models of the shapes of Qwen2.5-0.5B and 1.5B, bfloat16, gradient checkpointing, 32 completions a
step in 4 accumulation steps, heavy-tailed lengths (median about 400 tokens, at most 2,048). Sampling is excluded. It
needs this checkout on the path and the packages of pyproject.toml, no file and no network. Medians, alternating; memory
is PyTorch's peak of allocated bytes. benchmarks/train_step.py is the same on a CPU, and says more.
"""

import argparse
import datetime
import statistics
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import torch  # noqa: E402
from train_step import Setting, make_trainer  # noqa: E402

SHAPES = {
    "Qwen2.5-0.5B": {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "Qwen2.5-1.5B": {
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
}


def measure(shape: dict, dead_share: float, rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of a step and peak GiB for each trainer."""
    setting = Setting(
        model={"vocab_size": 151936, "dtype": "bfloat16", **shape},
        trainer={"bf16": True, "gradient_checkpointing": True, "model_init_kwargs": {"dtype": "bfloat16"}},
        longest=2048,
        typical=(6.0, 0.8),
    )
    seconds: dict[str, list[float]] = {"TRL dapo": [], "GPG": []}
    peaks = dict.fromkeys(seconds, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for name in seconds:
                # One model at a time, so that the peak is its own.
                trainer, stopwatch = make_trainer(name, dead_share, Path(folder), 32, setting)
                torch.cuda.reset_peak_memory_stats()
                trainer.train()
                torch.cuda.synchronize()
                peaks[name] = max(peaks[name], torch.cuda.max_memory_allocated() / 2**30)
                if turn:
                    seconds[name] += stopwatch.seconds[1:]
                del trainer
                torch.cuda.empty_cache()
    return {name: (statistics.median(taken), peaks[name]) for name, taken in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if not torch.cuda.is_available():
        sys.exit("There is no GPU here.")
    print(f"{datetime.date.today()}, {torch.cuda.get_device_name(0)}, torch {torch.__version__}\n")
    print("| model | dead groups | TRL dapo, s | GPG, s | faster | TRL, GiB | GPG, GiB |")
    print("|---|---|---|---|---|---|---|")
    for name, shape in SHAPES.items():
        for dead in (0.0, 0.5, 0.75):
            found = measure(shape, dead, rounds)
            (theirs, their_peak), (ours, our_peak) = found["TRL dapo"], found["GPG"]
            print(
                f"| {name} | {dead:.0%} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.2f}x | {their_peak:.1f} | "
                f"{our_peak:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
