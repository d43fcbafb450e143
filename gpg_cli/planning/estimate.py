"""From settings, a model's shape and some GPUs to the memory of each GPU, for each way to share the work."""

from dataclasses import dataclass
from typing import get_args

from gpg_cli.planning import memory
from gpg_cli.planning.memory import FRAGMENTATION, GB, RESERVE, Architecture, Precision, Sharing
from gpg_cli.planning.wishes import Wishes

SHARINGS: tuple[Sharing, ...] = get_args(Sharing)
# TRL's `vllm-serve` takes this share of its GPUs.
_SERVER_SHARE = 0.9


@dataclass(frozen=True)
class Estimate:
    """What one GPU of a way to train would hold, in bytes.

    Attributes:
        sharing: how the work is shared.
        processes: that train.
        engine_gpus: of a vLLM server, besides.
        weights, gradients, optimizer, activations: while training.
        sampling: what sampling takes besides weights and optimiser.
        peak: the most at any time, with the allowances.
        when: in which phase: training, sampling or the optimiser's step.
        room: completions of full length that a vLLM engine holds at once; None without one.
        capacity: of the GPU.
    """

    sharing: Sharing
    processes: int
    engine_gpus: int
    weights: float
    gradients: float
    optimizer: float
    activations: float
    sampling: float
    peak: float
    when: str
    room: float | None
    capacity: float

    @property
    def starts(self) -> bool:
        """Whether a vLLM engine has room for one completion, which it refuses to start without."""
        return self.room is None or self.room >= 1

    @property
    def fits(self) -> bool:
        return self.processes >= 1 and self.starts and self.peak <= self.capacity


def estimates(shape: Architecture, wishes: Wishes, gpus: int, capacity: float) -> list[Estimate]:
    """One for each way to share the work of so many GPUs, each with `capacity` bytes."""
    alone = gpus - server_gpus(shape, wishes, capacity) <= 1
    ways: tuple[Sharing, ...] = ("single",) if alone else ("ddp", "zero2", "zero3", "fsdp")
    return [estimate(shape, wishes, way, gpus, capacity) for way in ways]


def server_gpus(shape: Architecture, wishes: Wishes, capacity: float) -> int:
    """GPUs that a vLLM server needs: the smallest power of two that holds the model and one completion."""
    if wishes.engine != "server":
        return 0
    count = 1
    while count < 64 and memory.engine_room(shape, _SERVER_SHARE * capacity, count, wishes.longest) < 1:
        count *= 2
    return count


def estimate(shape: Architecture, wishes: Wishes, sharing: Sharing, gpus: int, capacity: float) -> Estimate:
    """One way; see `estimates`."""
    engine_gpus = server_gpus(shape, wishes, capacity)
    processes = max(gpus - engine_gpus, 0)
    precision = _precision(wishes, sharing)
    adapters = 0
    if wishes.lora_rank is not None:
        adapters = memory.lora_parameters(shape, wishes.lora_rank, wishes.lora_modules)
    trainable = adapters or shape.parameters
    state = memory.training_state(shape, precision, sharing, max(processes, 1), trainable, adapters, wishes.moments)
    weights = state.weights * (2 if wishes.reference else 1)
    rows = max(1, wishes.tokens // wishes.longest)
    active = memory.step_activations(
        shape,
        wishes.tokens,
        min(wishes.tokens, rows * wishes.completion_tokens),
        precision,
        checkpointing=wishes.checkpointing,
        frozen=wishes.lora_rank is not None,
    ) + memory.vision_activations(
        shape, rows * wishes.picture_tokens * shape.vision_merge, precision, checkpointing=wishes.checkpointing
    )
    sampling, awake, asleep, room = _sampling(shape, wishes, sharing, precision, capacity)
    held = 1 + FRAGMENTATION
    phases = {
        "training": held * (weights + state.optimizer + state.gradients + active) + asleep,
        "sampling": held * (weights + state.optimizer + sampling) + awake,
        "the optimiser's step": held * (weights + state.optimizer + state.gradients + state.at_step) + asleep,
    }
    when = max(phases, key=lambda name: phases[name])
    return Estimate(
        sharing=sharing,
        processes=processes,
        engine_gpus=engine_gpus,
        weights=weights,
        gradients=state.gradients,
        optimizer=state.optimizer,
        activations=active,
        sampling=sampling + awake,
        peak=phases[when] + RESERVE,
        when=when,
        room=room,
        capacity=capacity,
    )


def _precision(wishes: Wishes, sharing: Sharing) -> Precision:
    if sharing.startswith("zero"):
        # DeepSpeed converts the model, and keeps float32 weights with the optimiser.
        return Precision(wishes.compute, wishes.compute, wishes.compute)
    if sharing == "fsdp":
        return Precision(wishes.weights, wishes.compute, wishes.compute)
    return Precision(wishes.weights, wishes.compute, wishes.weights)


def _sampling(
    shape: Architecture, wishes: Wishes, sharing: Sharing, precision: Precision, capacity: float
) -> tuple[float, float, float, float | None]:
    """(of PyTorch while sampling, of an engine at work, of one asleep while training, its room)."""
    if wishes.engine == "server":
        count = server_gpus(shape, wishes, capacity)
        return 0.0, 0.0, 0.0, memory.engine_room(shape, _SERVER_SHARE * capacity, count, wishes.longest)
    if wishes.engine == "colocate":
        share = wishes.utilization * capacity
        room = memory.engine_room(shape, share, wishes.tensor_parallel, wishes.longest)
        return 0.0, share, (memory.ENGINE_ASLEEP if wishes.sleeps else share), room
    # Shares are put together: TRL samples from whole models.
    whole = {"zero3": precision.compute, "fsdp": precision.weights}.get(sharing, 0) * shape.parameters
    rows = wishes.rows * wishes.rounds
    return (
        whole + memory.generation(shape, rows, wishes.prompt_tokens, wishes.completion_tokens, precision),
        0.0,
        0.0,
        None,
    )


def gigabytes(value: float) -> float:
    """For a reader."""
    return round(value / GB, 1)
