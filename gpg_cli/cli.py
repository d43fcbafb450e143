"""The command line: parse, delegate, print. Heavy libraries are imported inside the commands that need them."""

import gc
import io
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gpg_cli import cli_check, cli_data, cli_env, cli_export, cli_plan, cli_report
from gpg_cli.cli_options import (
    ConfigOption,
    DatasetOption,
    DebugOption,
    ImageFolderOption,
    JsonOption,
    ModelOption,
    OutputDirOption,
    OverwriteOption,
    PresetOption,
    RewardFileOption,
    SetOption,
    VllmOption,
)
from gpg_cli.cli_verl import print_verl
from gpg_cli.command_errors import explains_errors, print_error
from gpg_cli.command_line import read_bench_data, read_data_files, vllm_settings, with_dashes, with_resume_value
from gpg_cli.errors import GpgError
from gpg_cli.given_to_training import benchmarks, publisher
from gpg_cli.leftover_threads import end_without_them
from gpg_cli.termination import ends_in_order
from gpg_cli.trust import PickleOption, TrustOption, grants_trust

app = typer.Typer(
    name="gpg",
    help="Train language models to reason with Group Policy Gradient, measure them, publish them.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help"]},
)

_INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def version_option(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show our version, and where GnuPG is.")] = False,
) -> None:
    """Train language models to reason with Group Policy Gradient, measure them, publish them."""
    if version:
        _show_version()
        raise typer.Exit


@app.command(
    rich_help_panel="Commands",
    epilog="Example: gpg train --preset quickstart. Settings also go in TRL's style: --learning_rate 2e-6",
    # What no option of ours takes is read as an override in TRL's style, or refused there.
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
@explains_errors
@grants_trust
def train(
    context: typer.Context,
    preset: PresetOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    decontaminate: Annotated[
        bool, typer.Option("--decontaminate", help="Leave out problems that a benchmark at hand has too.")
    ] = False,
    bench_data: Annotated[
        list[str] | None, typer.Option(metavar="BENCH=FILE", help="A benchmark's data; repeatable.")
    ] = None,
    output_dir: OutputDirOption = None,
    eval_bench: Annotated[str | None, typer.Option(help="A benchmark to measure before and after.")] = None,
    eval_every: Annotated[int | None, typer.Option(min=1, help="Measure it while training too, each N steps.")] = None,
    eval_limit: Annotated[int | None, typer.Option(min=1, help="Only its first so many problems.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything random.")] = None,
    assignments: SetOption = None,
    algorithm: Annotated[str | None, typer.Option(help="gpg, or for comparison grpo, dr_grpo, dapo.")] = None,
    vllm: VllmOption = None,
    num_processes: Annotated[int | None, typer.Option(min=1, help="Processes here; one for each GPU.")] = None,
    num_machines: Annotated[int, typer.Option(min=1, help="Machines that take part.")] = 1,
    machine_rank: Annotated[int, typer.Option(min=0, help="Which of them this is, from 0.")] = 0,
    main_process_ip: Annotated[str | None, typer.Option(help="Address of machine 0.")] = None,
    main_process_port: Annotated[int | None, typer.Option(min=1, help="Port on machine 0.")] = None,
    push_to_hub: Annotated[str | None, typer.Option(help="Hub repository, user/name, for the final model.")] = None,
    push_every: Annotated[int | None, typer.Option(min=1, help="And each N steps' checkpoint, as step-N.")] = None,
    push_private: Annotated[bool, typer.Option("--push-private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, print the settings, stop.")] = False,
    verl_too: Annotated[bool, typer.Option("--print-verl", help="Print the same as a command of verl, stop.")] = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="[RUN|CHECKPOINT]", help="Go on with a run where it stopped.")
    ] = None,
    reward_file: RewardFileOption = None,
    image_dir: ImageFolderOption = None,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Train a model with Group Policy Gradient."""
    from gpg_cli import report_training
    from gpg_cli.training.plan import TrainRequest, make_plan
    from gpg_cli.training.preview import make_preview
    from gpg_cli.training.pushing import read_push
    from gpg_cli.training.run import train as run_training

    options = {
        key: (option, value)
        for key, option, value in (
            ("model_name_or_path", "--model", model),
            ("dataset_name", "--dataset", dataset),
            ("decontaminate", "--decontaminate", decontaminate or None),
            ("bench_data", "--bench-data", read_bench_data(bench_data)),
            ("eval_bench", "--eval-bench", eval_bench),
            ("eval_every", "--eval-every", eval_every),
            ("eval_limit", "--eval-limit", eval_limit),
            ("max_steps", "--max-steps", max_steps),
            ("seed", "--seed", seed),
            ("algorithm", "--algorithm", algorithm),
        )
        if value is not None
    }
    request = TrainRequest(
        preset=preset,
        config=config,
        assignments=[*vllm_settings(vllm), *(assignments or []), *_overrides(context)],
        options=options,
        output_dir=output_dir,
        resume=resume,
        overwrite=overwrite,
        num_processes=num_processes,
        num_machines=num_machines,
        machine_rank=machine_rank,
        main_process_ip=main_process_ip,
        main_process_port=main_process_port,
        push=read_push(push_to_hub, push_every, push_private),
        reward_files=tuple(reward_file or ()),
        image_dir=image_dir,
    )
    if verl_too:
        print_verl(request)
    elif dry_run:
        plan = make_plan(request, benchmarks().questions, publisher().check)
        report_training.show_plan(plan, make_preview(plan), as_json=json)
    elif (result := run_training(request, benchmarks(), publisher())) is not None:
        report_training.show_result(result, as_json=json)
        if result.not_pushed:
            raise typer.Exit(1)


app.command(rich_help_panel="Commands", epilog="Example: gpg check --preset open-rs1 --rollouts 8")(cli_check.check)
app.command(rich_help_panel="Commands", epilog="Example: gpg plan --preset open-rs1 --gpus 8")(cli_plan.plan)


@app.command("eval", rich_help_panel="Commands", epilog="Example: gpg eval --model runs/my-run --bench math")
@explains_errors
@ends_in_order
@grants_trust
def evaluate(
    model: Annotated[str | None, typer.Option(help="Run folder, checkpoint, model folder or Hub id.")] = None,
    bench: Annotated[
        str | None, typer.Option(help="Benchmarks and suites, a,b, or a YAML file; `gpg benches` lists them.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many problems of each.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples of each problem: mean@n, pass@k, maj@n.")] = 1,
    data: Annotated[
        list[str] | None, typer.Option(metavar="BENCH=FILE", help="A local file instead of the Hub's; repeatable.")
    ] = None,
    image_dir: Annotated[
        list[str] | None, typer.Option(metavar="[BENCH=]DIR", help="Where its pictures lie, if not there; repeatable.")
    ] = None,
    skip_faulty: Annotated[bool, typer.Option("--skip-faulty", help="Leave out rows with a broken picture.")] = False,
    max_pixels: Annotated[int | None, typer.Option(min=1, help="Scale pictures down to this area.")] = None,
    masks: Annotated[str, typer.Option(metavar="on|off|MODEL", help="Score masks of boxes, by SAM ViT-H.")] = "on",
    profile: Annotated[str | None, typer.Option(help="How a family of models is asked; `gpg benches`.")] = None,
    chat_template: Annotated[
        str | None, typer.Option(metavar="on|off|FILE", help="Ask with the model's chat template, without, or so.")
    ] = None,
    system_prompt: Annotated[str | None, typer.Option(help="A system message before each question.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest completion, in tokens.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="0 is greedy.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Share of probability that is kept.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampling.")] = 0,
    engine: Annotated[str, typer.Option(help="auto, vllm, transformers or openai.")] = "auto",
    engine_arg: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An argument of the engine; repeatable.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible server, http://host:8000/v1.")] = None,
    served_model: Annotated[str | None, typer.Option(help="The model's name there, if it serves several.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests that the server gets at once.")] = None,
    harness: Annotated[str, typer.Option(help="gpg, or lighteval: its pipeline and metrics.")] = "gpg",
    rescore: Annotated[Path | None, typer.Option(metavar="DIR", help="Judge stored completions again.")] = None,
    compare: Annotated[
        tuple[Path, Path] | None, typer.Option(metavar="DIR1 DIR2", help="Compare two evaluations, problem by problem.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Write report.html too: scores and every completion.")] = False,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    output_dir: OutputDirOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure a model on benchmarks; judge again, or compare, what was measured."""
    from gpg_cli import report_evaluation

    if compare is not None:
        report_evaluation.show_comparison(*compare, as_json=json)
        return
    if rescore is not None:
        report_evaluation.show_rescored(rescore, html=html, as_json=json)
        return
    from gpg_cli.evaluation.engine import EngineOptions
    from gpg_cli.evaluation.engines.arguments import read_arguments
    from gpg_cli.evaluation.pictures import PictureOptions, read_picture_folders
    from gpg_cli.evaluation.plan import EvalRequest

    if model is None or bench is None:
        missing = "--model" if model is None else "--bench"
        raise GpgError(f"{missing} is missing", "For example: gpg eval --model runs/my-run --bench math500")
    request = EvalRequest(
        model=model,
        benches=[name.strip() for name in bench.split(",") if name.strip()],
        data_files=read_data_files("--data", data or []),
        limit=limit,
        samples=samples,
        engine=EngineOptions(engine, base_url, served_model, read_arguments(engine_arg or []), concurrency),
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        profile=profile,
        chat_template=chat_template,
        system_prompt=system_prompt,
        pictures=PictureOptions(read_picture_folders(image_dir or []), skip_faulty, max_pixels),
        masks=masks,
        seed=seed,
        output_dir=output_dir,
        overwrite=overwrite,
    )
    report_evaluation.show_evaluation(request, harness=harness, html=html, as_json=json)


app.command(rich_help_panel="Commands", epilog="Example: gpg export runs/my-run --repo-id me/my-model")(
    cli_export.export
)


@app.command(rich_help_panel="Find your way")
@explains_errors
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this one, with its comments.")] = None,
) -> None:
    """List the presets, or print one."""
    from gpg_cli import listing

    listing.show_presets(name)


@app.command(rich_help_panel="Find your way")
@explains_errors
def benches(
    name: Annotated[str | None, typer.Argument(help="Print this one, with its comments.")] = None,
) -> None:
    """List the benchmarks, or print one."""
    from gpg_cli import listing

    listing.show_benches(name)


@app.command(rich_help_panel="Find your way")
@explains_errors
def rewards(
    name: Annotated[str | None, typer.Argument(help="Describe this one, with its parameters.")] = None,
) -> None:
    """List the rewards, or describe one."""
    from gpg_cli import listing

    listing.show_rewards(name)


app.command(rich_help_panel="Commands", epilog="Example: gpg report runs/my-run runs/other-run --open")(
    cli_report.report
)


app.command(rich_help_panel="Find your way")(cli_env.env)
app.add_typer(cli_data.app, name="data", rich_help_panel="Commands")


def main(arguments: list[str] | None = None) -> NoReturn:
    """The console script `gpg-cli`, and what `gpg` calls once GnuPG is out of the way."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Half of a surrogate pair, which a model may write, is printed as its escape; in JSON that is the same text.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(arguments)
    if arguments is None:  # else it is not the process's own command, and the process goes on
        end_without_them(code)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    """Run one command; returns its exit code."""
    # Collecting garbage while Typer imports pydantic is a twentieth of what `gpg presets` takes in all.
    gc.disable()
    given = with_resume_value(with_dashes(arguments))
    try:
        code = 0 if _listed(given) else app(given, standalone_mode=False, prog_name="gpg")
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        print_error("interrupted", "Run the same command again.")
        return _INTERRUPTED
    except typer.TyperException as error:
        text = error.format_message()
        if not text:  # `gpg` alone: the help is on the screen already
            return 0
        print_error(text.rstrip("."), "See `gpg --help`, or `gpg COMMAND --help` for a command's options.")
        return 2
    except BrokenPipeError:  # `gpg presets | head`: who read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else flushing at the end fails once more
        return 128 + signal.SIGPIPE
    finally:
        gc.enable()
    return code if isinstance(code, int) else 0


def _listed(given: list[str]) -> bool:
    """Show a list, what is under a name in it, or the version; False where the command line is anything else.

    To read any value Typer 0.29 imports pydantic, which takes longer than all the rest of a list.
    """
    command, *names = given or [""]
    if given == ["--version"]:
        _show_version()
        return True
    show = {"presets": presets, "benches": benches, "rewards": rewards}.get(command)
    if show is None or len(names) > 1 or any(name.startswith("-") for name in names):
        return False
    show(names[0] if names else None)
    return True


def _show_version() -> None:
    from gpg_cli.gnupg import version_lines

    print("\n".join(version_lines()))


def _overrides(context: typer.Context) -> list[str]:
    """What is left of the command line, as assignments."""
    if not context.args:
        return []
    from gpg_cli.training.recipes.overrides import read_overrides
    from gpg_cli.training.settings import setting_types

    options = [name for option in context.command.params for name in option.opts if name.startswith("--")]
    return read_overrides(context.args, setting_types(), options)
