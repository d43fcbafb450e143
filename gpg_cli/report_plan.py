"""What `gpg plan` prints."""

import shlex
from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import print_json, results, table

if TYPE_CHECKING:
    from gpg_cli.planning.advice import Advice
    from gpg_cli.planning.estimate import Estimate
    from gpg_cli.planning.run import MemoryPlan

_WAYS = {"single": "one GPU", "ddp": "ddp", "zero2": "zero2", "zero3": "zero3", "fsdp": "fsdp"}


def show_memory_plan(plan: "MemoryPlan", *, as_json: bool) -> None:
    """A table, what it is about, and at the end the line to type, or what to change."""
    if as_json:
        print_json(plan.to_dict())
        return
    wishes = plan.wishes
    results.print(
        f"[bold]{escape(plan.model)}[/], {plan.shape.parameters / 1e9:.2f} billion parameters, on {plan.gpus} x "
        f"{plan.memory_gb:g} GB",
        soft_wrap=True,
    )
    assumed = " assumed" if wishes.prompts_assumed else ""
    limit = "" if wishes.microbatch_tokens is None else f", at most {wishes.microbatch_tokens} tokens"
    results.print(
        f"micro-batch {wishes.rows} x ({wishes.prompt_tokens}{assumed} + {wishes.completion_tokens}) tokens{limit}, "
        f"gradient checkpointing {'on' if wishes.checkpointing else 'off'}",
        soft_wrap=True,
    )
    results.print(_engine(plan), soft_wrap=True)
    results.print()
    made = table("GB a GPU", "weights", "gradients", "optimizer", "activations", "sampling", "peak", "")
    for column in made.columns[1:7]:
        column.justify = "right"
        column.no_wrap = True
    for way in plan.ways:
        parts = (way.weights, way.gradients, way.optimizer, way.activations, way.sampling, way.peak)
        made.add_row(_WAYS[way.sharing], *(f"{part / 1e9:.1f}" for part in parts), _verdict(way))
    results.print(made)
    peaks = {way.when for way in plan.ways}
    results.print(
        f"\n[dim]The peak is in {' or '.join(sorted(peaks))}. It holds 2 GB and 5% for what no formula covers:\n"
        "CUDA's context, fragmentation.[/]",
        soft_wrap=True,
    )
    _show_advice(plan)


def _engine(plan: "MemoryPlan") -> str:
    wishes, way = plan.wishes, plan.ways[0]
    if wishes.engine == "transformers":
        return f"sampling with transformers, {wishes.rows * wishes.rounds} completions at once"
    full = int(way.room or 0)
    room = f"room for {full} completions of full length" if full > 0 else "no room for a completion of full length"
    if wishes.engine == "server":
        return f"vLLM server on {way.engine_gpus} GPU{'s' if way.engine_gpus > 1 else ''}, {room}"
    sleep = "asleep while training" if wishes.sleeps else "awake while training"
    return f"vLLM in {wishes.utilization:.0%} of each GPU, {sleep}, {room}"


def _verdict(way: "Estimate") -> str:
    if way.fits:
        return "[green]fits[/]"
    if way.processes < 1:
        return "[red]no GPU left to train[/]"
    return "[red]no[/]" if way.starts else "[red]no (vLLM)[/]"


def _show_advice(plan: "MemoryPlan") -> None:
    advice = plan.advice
    if advice is None:
        results.print(
            "\n[bold red]Nothing that was tried fits[/], on up to 1,024 GPUs of this size. It takes larger ones, or\n"
            "vLLM on GPUs of its own (--vllm server) or spread over several (--set vllm_tensor_parallel_size=...).",
            soft_wrap=True,
        )
        return
    way = advice.estimate
    name = _WAYS[way.sharing]
    if plan.fits:
        left = (way.capacity - way.peak) / 1e9
        results.print(f"\n[bold green]It fits[/] with {name}: {left:.1f} GB of each GPU stay free.", soft_wrap=True)
    else:
        text = _changes(advice, plan.gpus)
        results.print(f"\n[bold yellow]Nothing fits as it is.[/] It does with {name} and {text}:", soft_wrap=True)
        if "use_peft" in advice.changes:
            results.print("LoRA trains adapters, not the whole model: it is another training.", soft_wrap=True)
    # Not wrapped: it is there to be copied.
    results.print(f"  {plan.line}", markup=False, highlight=False, soft_wrap=True)
    if way.engine_gpus:
        serve = f"trl vllm-serve --model {shlex.quote(plan.model)} --tensor-parallel-size {way.engine_gpus}"
        results.print(f"after, on the other {way.engine_gpus} GPU{'s' if way.engine_gpus > 1 else ''}:")
        results.print(f"  {serve}", markup=False, soft_wrap=True)


def _changes(advice: "Advice", gpus: int) -> str:
    parts = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in advice.changes.items()
    ]
    parts += [f"{advice.gpus} GPUs"] if advice.gpus != gpus else []
    return escape(", ".join(parts)) or "nothing changed"
