"""`gpg plan` on the command line: parse, delegate, print."""

from typing import Annotated

import typer

from gpg_cli.cli_options import ConfigOption, DebugOption, JsonOption, ModelOption, PresetOption, SetOption, VllmOption
from gpg_cli.command_errors import explains_errors
from gpg_cli.command_line import vllm_settings
from gpg_cli.errors import GpgError
from gpg_cli.trust import TrustOption, grants_trust


@explains_errors
@grants_trust
def plan(
    preset: PresetOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    assignments: SetOption = None,
    vllm: VllmOption = None,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs in all, those of a vLLM server included.")] = 1,
    memory: Annotated[float, typer.Option(min=1, help="Memory of each, in GB.")] = 80.0,
    machines: Annotated[int, typer.Option(min=1, help="Machines that they are in.")] = 1,
    trust_remote_code: TrustOption = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Estimate the memory of each GPU, and say what fits; no weights are loaded."""
    if preset is None and config is None:
        raise GpgError(
            "plan needs to know what is to be trained: no preset and no recipe",
            "For example: gpg plan --preset open-rs1 --gpus 8 --memory 80; `gpg presets` lists them.",
        )
    from gpg_cli.planning.run import PlanRequest, make_memory_plan
    from gpg_cli.report_plan import show_memory_plan

    request = PlanRequest(
        preset=preset,
        config=config,
        model=model,
        assignments=tuple(assignments or ()),
        vllm=vllm,
        more=tuple(vllm_settings(vllm)),
        gpus=gpus,
        memory_gb=memory,
        machines=machines,
    )
    found = make_memory_plan(request)
    show_memory_plan(found, as_json=json)
    if not found.fits:
        raise typer.Exit(1)
