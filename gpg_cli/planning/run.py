"""The story of `gpg plan`: settings -> shape of the model -> memory of each way -> advice -> command line."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.planning.advice import Advice, advise, as_line, command
from gpg_cli.planning.architecture import read_architecture
from gpg_cli.planning.estimate import Estimate, estimates, gigabytes
from gpg_cli.planning.memory import GB, Architecture
from gpg_cli.planning.wishes import Wishes, read_wishes


@dataclass(frozen=True)
class PlanRequest:
    """What the user asked for; see the options of `gpg plan`. `more` are settings that `vllm` stands for."""

    preset: str | None = None
    config: Path | None = None
    model: str | None = None
    assignments: tuple[str, ...] = ()
    vllm: str | None = None
    more: tuple[str, ...] = ()
    gpus: int = 1
    memory_gb: float = 80.0
    machines: int = 1


@dataclass(frozen=True)
class MemoryPlan:
    """What was found.

    Attributes:
        model: its name.
        ways: one for each way to share the work, as the settings are.
        advice: the one to take; None where nothing helps.
        line: its command line; empty where there is no advice.
        memory_gb: of a GPU.
    """

    model: str
    shape: Architecture
    wishes: Wishes
    gpus: int
    memory_gb: float
    ways: list[Estimate]
    advice: Advice | None
    line: str

    @property
    def fits(self) -> bool:
        """Whether any way fits on these GPUs with the settings as they are."""
        return any(way.fits for way in self.ways)

    def to_dict(self) -> dict[str, Any]:
        """Sizes are in GB (1e9 bytes), of one GPU."""
        best = self.advice
        return {
            "model": self.model,
            "parameters": self.shape.parameters,
            "gpus": self.gpus,
            "memory_gb": self.memory_gb,
            "microbatch_tokens": self.wishes.tokens,
            "fits": self.fits,
            "ways": [_way(way) for way in self.ways],
            "advice": None
            if best is None
            else {"gpus": best.gpus, "changes": best.changes, "command": self.line, **_way(best.estimate)},
        }


def make_memory_plan(request: PlanRequest) -> MemoryPlan:
    """Estimate every way, and find the one to take.

    Raises:
        GpgError: see `resolve_settings` and `read_architecture`; or machines do not have equally many GPUs.
    """
    from gpg_cli.training.settings import resolve_settings

    if request.gpus % request.machines:
        raise GpgError(
            f"{request.gpus} GPUs cannot be spread evenly over {request.machines} machines",
            "Give --gpus as the sum over all machines.",
        )
    options = {"model_name_or_path": ("--model", request.model)} if request.model else {}
    settings = resolve_settings(
        preset=request.preset,
        config=request.config,
        assignments=[*request.more, *request.assignments],
        options=options,
    )
    wishes = read_wishes(settings)
    shape = read_architecture(settings.run.model_name_or_path, settings.run.model_revision)
    capacity = request.memory_gb * GB
    ways = estimates(shape, wishes, request.gpus, capacity)
    advice = advise(shape, wishes, request.gpus, capacity)
    line = ""
    if advice is not None:
        per_machine = request.gpus // request.machines
        machines = max(1, advice.gpus // per_machine) if request.machines > 1 else 1
        published = re.match(r"(\d+) x ", settings.run.gpus or "")
        count = int(published[1]) if published and not request.config else None
        line = as_line(command(_origin(request), wishes, advice, machines, count))
    return MemoryPlan(
        settings.run.model_name_or_path, shape, wishes, request.gpus, request.memory_gb, ways, advice, line
    )


def _origin(request: PlanRequest) -> list[str]:
    given: list[str] = []
    for option, value in (
        ("--preset", request.preset),
        ("--config", request.config),
        ("--model", request.model),
        ("--vllm", request.vllm),
    ):
        given += [] if value is None else [option, str(value)]
    for assignment in request.assignments:
        given += ["--set", assignment]
    return given


def _way(way: Estimate) -> dict[str, Any]:
    return {
        "sharing": way.sharing,
        "processes": way.processes,
        "engine_gpus": way.engine_gpus,
        "weights_gb": gigabytes(way.weights),
        "gradients_gb": gigabytes(way.gradients),
        "optimizer_gb": gigabytes(way.optimizer),
        "activations_gb": gigabytes(way.activations),
        "sampling_gb": gigabytes(way.sampling),
        "peak_gb": gigabytes(way.peak),
        "peak_in": way.when,
        "completions_at_once": None if way.room is None else int(way.room),
        "fits": way.fits,
    }
