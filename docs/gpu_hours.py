"""Expected GPU hours of the presets, by arithmetic: python docs/gpu_hours.py prints the table of reproduction.md.

Nothing of this was measured. A step of a training is taken to last

    sampling   longest completion x time of one decoding step of the engine
    training   tokens of the step x 8 x parameters / arithmetic that is reached

times an allowance, plus a few seconds, for what is left out. One decoding step reads the weights and the cache of all
sequences once, at half of the memory's bandwidth; 8 x parameters is 2 for the forward pass, 4 for the backward pass,
and 2 for the forward pass that gradient checkpointing repeats.
"""

from dataclasses import dataclass

# NVIDIA's figures for an H100 SXM of 80 GB: bytes a second, and bfloat16 operations a second without sparsity.
BANDWIDTH = 3.35e12
ARITHMETIC = 989e12
# Assumed: shares of them that are reached; the allowance for rewards, checkpoints and processes that wait for the
# slowest; and the seconds of a step in which the engine wakes up, gets the weights, and goes to sleep.
BANDWIDTH_REACHED = 0.5
ARITHMETIC_REACHED = 0.35
ALLOWANCE = 1.5
HANDING_OVER_SECONDS = 3


@dataclass(frozen=True)
class Model:
    """Parameters, and bytes that one token takes in the cache (layers x 2 x heads x width x 2 bytes)."""

    parameters: float
    cache_bytes: int


QWEN_1_5B = Model(1.78e9, 28 * 2 * 2 * 128 * 2)
QWEN_7B = Model(7.62e9, 28 * 2 * 4 * 128 * 2)
QWEN2_VL_2B = Model(2.21e9, 28 * 2 * 2 * 128 * 2)
QWEN2_5_VL_3B = Model(3.75e9, 36 * 2 * 2 * 128 * 2)


@dataclass(frozen=True)
class Run:
    """One preset.

    Attributes:
        completions: trained on in a step, over all GPUs.
        prompt: mean tokens of a prompt, those of a picture included; assumed.
        mean: mean tokens of a completion; assumed.
        longest: `max_completion_length`.
        sampled: completions sampled for each that is trained on; above 1 where there is a threshold; assumed.
    """

    preset: str
    gpus: int
    steps: int
    completions: int
    model: Model
    prompt: int
    mean: int
    longest: int
    sampled: float = 1.0

    @property
    def step_seconds(self) -> float:
        at_once = self.completions / self.gpus
        read = 2 * self.model.parameters + at_once * self.model.cache_bytes * (self.prompt + self.mean)
        sampling = self.sampled * self.longest * read / (BANDWIDTH * BANDWIDTH_REACHED)
        tokens = at_once * (self.prompt + self.mean)
        training = tokens * 8 * self.model.parameters / (ARITHMETIC * ARITHMETIC_REACHED)
        return ALLOWANCE * (sampling + training) + HANDING_OVER_SECONDS

    @property
    def gpu_hours(self) -> float:
        return self.steps * self.step_seconds * self.gpus / 3600


RUNS = (
    Run("open-rs1", 16, 100, 384, QWEN_1_5B, 250, 2500, 3584),
    Run("open-rs3", 16, 50, 384, QWEN_1_5B, 250, 2500, 3584),
    Run("open-rs-7b", 16, 500, 384, QWEN_7B, 250, 2500, 3584),
    Run("qwen2.5-math-7b", 8, 1330, 256, QWEN_7B, 200, 700, 2048, sampled=1.5),
    Run("qwen2.5-math-7b-math", 8, 117, 512, QWEN_7B, 250, 600, 1024),
    Run("qwen2.5-1.5b-instruct", 8, 5858, 128, QWEN_1_5B, 200, 500, 1024),
    Run("sat-cvbench", 4, 7500, 32, QWEN2_VL_2B, 500, 150, 700, sampled=1.3),
    Run("lisa-grounding", 8, 498, 128, QWEN2_VL_2B, 500, 100, 256, sampled=1.1),
    Run("cls-flowers102", 8, 204, 128, QWEN2_VL_2B, 500, 100, 256, sampled=1.3),
    Run("cls-pets37", 8, 216, 128, QWEN2_VL_2B, 500, 100, 256, sampled=1.3),
    Run("cls-fgvc-aircraft", 8, 200, 128, QWEN2_VL_2B, 500, 100, 256, sampled=1.3),
    Run("cls-cars196", 8, 392, 128, QWEN2_VL_2B, 500, 100, 256, sampled=1.3),
    Run("geoqa", 8, 501, 128, QWEN2_5_VL_3B, 500, 150, 256, sampled=1.3),
)


def rounded(hours: float) -> str:
    """Two significant digits at most, since the assumptions have no more."""
    return f"{float(f'{hours:.2g}'):g}"


def rows() -> list[str]:
    """The table's rows: preset, GPUs, steps, completions a step, seconds a step, GPU hours."""
    return [
        f"| `{run.preset}` | {run.gpus} | {run.steps:,} | {run.completions} | {run.step_seconds:.0f} | "
        f"{rounded(run.gpu_hours)} |"
        for run in RUNS
    ]


def evaluation_hours(model: Model = QWEN_1_5B, problems: int = 1517, mean: int = 6000, at_once: int = 128) -> float:
    """GPU hours of the five benchmarks, one sample a problem, on one GPU; mean and at_once are assumed."""
    read = 2 * model.parameters + at_once * model.cache_bytes * mean / 2
    steps = problems * mean / at_once
    return ALLOWANCE * steps * read / (BANDWIDTH * BANDWIDTH_REACHED) / 3600


if __name__ == "__main__":
    print("\n".join(rows()))
    print(f"five benchmarks, 1.5B: {evaluation_hours():.1f}; 7B: {evaluation_hours(QWEN_7B, mean=1500):.1f}")
