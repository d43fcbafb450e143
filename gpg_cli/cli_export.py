"""`gpg export`: its options, and what it prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpg_cli.cli_options import DebugOption, JsonOption, OverwriteOption
from gpg_cli.command_errors import explains_errors
from gpg_cli.termination import ends_in_order
from gpg_cli.trust import PickleOption, TrustOption, grants_trust

if TYPE_CHECKING:
    from gpg_cli.publishing.request import ExportResult

# Of the card that --dry-run shows.
_FIRST_LINES = 24


@explains_errors
@ends_in_order
@grants_trust
def export(
    source: Annotated[str, typer.Argument(help="Run folder, checkpoint, adapter or model folder.", metavar="RUN")],
    checkpoint: Annotated[
        str | None, typer.Option(metavar="best|last|N", help="Of a run: another model than its final one.")
    ] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Merge a LoRA adapter into its base model.")] = False,
    base: Annotated[
        str | None, typer.Option(help="The base model, where the source does not say: folder, Hub id.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="Convert the weights: bfloat16, float16 or float32.")] = None,
    check: Annotated[
        str, typer.Option(help="What loads the copy again: transformers; vllm does too.")
    ] = "transformers",
    to: Annotated[Path | None, typer.Option(help="Folder to write the model to.")] = None,
    repo_id: Annotated[str | None, typer.Option(help="Hub repository to upload to, user/name.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch of the repository, made if needed.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    gguf: Annotated[
        str | None, typer.Option(metavar="TYPE", help="A GGUF file too, by llama.cpp: q8_0, f16, ...")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="Your own template for the model card (Jinja).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Export weights with NaN all the same.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be exported, write nothing.")] = False,
    trust_remote_code: TrustOption = False,
    allow_pickle: PickleOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Write a self-contained, checked, documented model; push it to the Hub."""
    from gpg_cli.console import print_json
    from gpg_cli.publishing.request import ExportRequest
    from gpg_cli.publishing.run import export_model

    request = ExportRequest(
        source=source,
        to=to,
        repo_id=repo_id,
        private=private,
        overwrite=overwrite,
        checkpoint=checkpoint,
        merge=merge,
        base=base,
        dtype=dtype,
        check=check,
        gguf=gguf,
        card=card,
        revision=revision,
        create_pr=create_pr,
        force=force,
        dry_run=dry_run,
    )
    result = export_model(request)
    if json:
        print_json(result.to_dict())
    else:
        print_result(result)


def print_result(result: "ExportResult") -> None:
    """How much was exported and where it is; of a dry run, every file and the beginning of the card."""
    from rich.markup import escape

    from gpg_cli.console import results

    if result.dry_run:
        results.print(f"[bold]Would export[/] {escape(str(result.source))}:", soft_wrap=True)
        width = max(map(len, result.files))
        for name, size in sorted(result.files.items()):
            results.print(f"  {escape(name):<{width}}  {_size(size):>10}", soft_wrap=True, highlight=False)
        results.print(f"  {'in all':<{width}}  {_size(result.bytes):>10}", highlight=False)
        lines = result.card.splitlines()
        results.print(f"\n[bold]README.md[/], the first of its {len(lines)} lines:")
        for line in lines[:_FIRST_LINES]:
            results.print(f"  {escape(line)}", soft_wrap=True, highlight=False)
        return
    results.print(f"[bold green]Exported.[/] {len(result.files)} files, {_size(result.bytes)}", soft_wrap=True)
    for what, where in (("Folder", result.output_dir), ("Hub", result.repo_url)):
        if where is not None:
            results.print(f"{what:<7} {escape(str(where))}", soft_wrap=True)


def _size(size: int) -> str:
    return (
        f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
    )
