"""What `gpg train` prints when it ends."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from gpg_cli.console import messages, print_json, results, say
from gpg_cli.run_folder import MODEL_FOLDER, REWARD_PICTURE
from gpg_cli.secrets import hidden

if TYPE_CHECKING:
    from gpg_cli.training.plan import Plan
    from gpg_cli.training.preview import Preview
    from gpg_cli.training.run import TrainResult


def show_plan(plan: "Plan", preview: "Preview", *, as_json: bool) -> None:
    """The settings a dry run resolved, as a recipe on stdout, what was checked, and the first prompt and its gold."""
    if as_json:
        data = plan.data.facts()
        print_json(
            {
                "settings": plan.settings.to_dict(),
                "rows": data["rows"],
                "data": data,
                "notes": plan.notes,
                "prompts": preview.prompts,
                "too_long": preview.too_long,
                "first_prompt": preview.first,
                "first_prompt_tokens": preview.first_tokens,
                "first_gold": preview.gold,
                "output_dir": str(plan.output_dir),
            }
        )
        return
    print(hidden(plan.settings.to_yaml()), end="", flush=True)
    say(f"\n[bold]First prompt[/] ({preview.first_tokens} tokens)")
    _say_as_it_is(preview.first)
    say("[bold]Its gold answer[/]")
    _say_as_it_is("none" if preview.gold is None else preview.gold)
    say(f"[green]Everything checked.[/] {preview.prompts} prompts; would write {escape(str(plan.output_dir))}.")


def _say_as_it_is(text: str) -> None:
    """Rich's own `escape` loses the backslash of LaTeX such as \\[x\\]."""
    messages.print(text, soft_wrap=True, markup=False, emoji=False)


def show_result(result: "TrainResult", *, as_json: bool) -> None:
    """Before, after, where the model is, what to type next."""
    if as_json:
        print_json(result.to_dict())
        return
    folder = Path(escape(result.output_dir))
    if result.interrupted:
        results.print(f"\n[bold yellow]Stopped[/] after {result.steps} steps; nothing is lost. Go on with:")
        from gpg_cli.training.going_on import resume_command

        results.print(f"  {escape(resume_command(Path(result.output_dir)))}", soft_wrap=True)
        return
    results.print(f"\n[bold green]Done.[/] {result.steps} steps, {result.seconds:.0f} s in all.")
    if result.accuracy_before is not None and result.accuracy_after is not None:
        results.print(
            f"Accuracy  [bold]{result.accuracy_before:.1%}[/] before, [bold]{result.accuracy_after:.1%}[/] after"
        )
    results.print(f"Model     {folder / MODEL_FOLDER}", soft_wrap=True)
    results.print(f"Curve     {folder / REWARD_PICTURE}", soft_wrap=True)
    if result.repo_url is not None:
        results.print(f"Hub       {escape(result.repo_url)}", soft_wrap=True)
    results.print("\nNext:")
    results.print(f"  gpg report {folder}", soft_wrap=True)
    results.print(f"  gpg eval --model {folder} --bench {escape(result.measured_by)}", soft_wrap=True)
    results.print(f"  gpg export {folder} --to my-model", soft_wrap=True)
