"""`gpg check` on the command line: parse, delegate, print."""

from typing import Annotated

import typer

from gpg_cli.cli_options import (
    ConfigOption,
    DatasetOption,
    DebugOption,
    ImageFolderOption,
    JsonOption,
    ModelOption,
    PresetOption,
    RewardFileOption,
    SetOption,
    VllmOption,
)
from gpg_cli.command_errors import explains_errors
from gpg_cli.command_line import vllm_settings
from gpg_cli.given_to_training import benchmarks
from gpg_cli.trust import PickleOption, TrustOption, grants_trust


@explains_errors
@grants_trust
def check(
    preset: PresetOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    assignments: SetOption = None,
    vllm: VllmOption = None,
    rollouts: Annotated[int, typer.Option(min=0, help="Let the model answer so many prompts, and forecast.")] = 0,
    reward_file: RewardFileOption = None,
    image_dir: ImageFolderOption = None,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Look for what would go wrong in a training, before anyone pays for it."""
    from gpg_cli.report_check import show_report
    from gpg_cli.training.check.findings import Level
    from gpg_cli.training.check.run import check as run_check
    from gpg_cli.training.plan import TrainRequest

    named = (("model_name_or_path", "--model", model), ("dataset_name", "--dataset", dataset))
    request = TrainRequest(
        preset=preset,
        config=config,
        assignments=[*vllm_settings(vllm), *(assignments or [])],
        options={key: (option, value) for key, option, value in named if value is not None},
        num_processes=1,
        reward_files=tuple(reward_file or ()),
        image_dir=image_dir,
    )
    report = run_check(request, rollouts, benchmarks().questions)
    show_report(report, as_json=json)
    if report.count(Level.PROBLEM):
        raise typer.Exit(1)
