"""The story of `gpg export`: check everything, copy, verify, describe, put in place, upload."""

from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from gpg_cli import __version__
from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.publishing import card, checkpoint, gguf, hub, staging, verification, vllm_check, weights, whole
from gpg_cli.publishing.facts import RunFacts, read_facts
from gpg_cli.publishing.names import MARKER, hub_id
from gpg_cli.publishing.records import write_records
from gpg_cli.publishing.request import CHECKS, DTYPES, ExportRequest, ExportResult
from gpg_cli.publishing.scores import BenchScore, read_scores
from gpg_cli.publishing.source import ExportSource, find_source
from gpg_cli.run_folder import write_json


@dataclass(frozen=True)
class _Plan:
    """An export that will not fail for a reason that could have been known."""

    source: ExportSource
    parts: whole.Parts
    destination: hub.Destination | None
    adapter_of: str | None
    converter: gguf.Converter | None
    facts: RunFacts | None
    scores: list[BenchScore]


def export_model(request: ExportRequest) -> ExportResult:
    """Write a self-contained model folder, upload it, or both.

    Raises:
        GpgError: the source is no model that can be exported, the target may not be written, the copy does not give the
            logits of the source, or the Hub refuses. But for a refusal by the Hub after `to` was written, nothing is
            left behind.
    """
    plan = _check(request)
    needed = 0 if request.dry_run else _needed_bytes(request, plan.parts)
    with staging.staging_folder(None if request.dry_run else request.to, needed) as staged:
        checks = [] if request.dry_run else _copy_verified(request, plan, staged)
        if request.dry_run:
            _copy_small_files(plan, staged)
        ggufs = [_convert(request, plan, staged)] if plan.converter and not request.dry_run else []
        _describe(request, plan, staged, [path.name for path in ggufs])
        text = (staged / "README.md").read_text(encoding="utf-8")
        if request.dry_run:
            files = _sizes(staged) | {f"{_weights_name(plan)} (about)": plan.parts.bytes}
            return ExportResult(plan.source.folder, files, text, dry_run=True)
        files = write_marker(staged)
        if request.to is not None:
            staging.put_in_place(staged, request.to)
        url = hub.push(request.to or staged, plan.destination) if plan.destination else None
    return ExportResult(plan.source.folder, files, text, checks, request.to, url)


def _check(request: ExportRequest) -> _Plan:
    """Find the model and refuse what cannot work, before anything is written.

    Raises:
        GpgError: see `export_model`.
    """
    if request.to is None and request.repo_id is None and not request.dry_run:
        raise GpgError("there is nowhere to export to", "Pass --to DIR, --repo-id user/name, or both.")
    for option, value, known in (("--dtype", request.dtype, DTYPES), ("--check", request.check, CHECKS)):
        if value is not None and value not in known:
            raise GpgError(f"{option} {value} is not known", f"One of {', '.join(known)}.")
    if request.repo_id is None and (request.private or request.revision or request.create_pr):
        raise GpgError("--private, --revision and --create-pr are about the Hub", "Pass --repo-id user/name.")
    source = find_source(request.source, request.checkpoint, request.base)
    parts = whole.find_parts(source, merge=request.merge, dtype=request.dtype)
    stays_adapter = source.kind == "adapter" and not request.merge
    if stays_adapter and (request.gguf or request.check == "vllm"):
        raise GpgError("an adapter alone is neither converted to GGUF nor checked in vLLM", "Pass --merge.")
    adapter_of = _public_base(source, request) if stays_adapter else None
    if request.check == "vllm":
        vllm_check.require_vllm()
    card.check_template(request.card)
    converter = gguf.check_converter(request.gguf) if request.gguf else None
    facts, scores = read_facts(source.of_run), read_scores(source.of_run)
    destination = None
    if request.repo_id is not None:
        destination = hub.Destination(
            request.repo_id, private=request.private, revision=request.revision, create_pr=request.create_pr
        )
    if not request.dry_run:
        if request.to is not None:
            staging.check_target(request.to, source.folder, overwrite=request.overwrite, marker=MARKER)
        if destination is not None:
            hub.check_can_push(destination)
    return _Plan(source, parts, destination, adapter_of, converter, facts, scores)


def _public_base(source: ExportSource, request: ExportRequest) -> str:
    """How an adapter's configuration names its base model: a place on this machine says nothing to others."""
    name = hub_id(source.base)
    if name is None and request.repo_id is not None:
        raise GpgError(
            f"the adapter's base model is {source.base}, which others do not have",
            "Name it as the Hub does (--base org/model), or pass --merge.",
        )
    if name is None:
        say("[yellow]adapter_config.json names a place on this machine, its base model's: no copy for others.[/]")
    return name or str(source.base)


def _needed_bytes(request: ExportRequest, parts: whole.Parts) -> int:
    # A GGUF file is at most as large as the weights.
    return parts.work_bytes + parts.bytes * (2 if request.gguf else 1)


def _copy_verified(request: ExportRequest, plan: _Plan, staged: Path) -> list[str]:
    """Copy the model, and compare the copy with its source; returns what was found right, a sentence each."""
    source, parts, dtype = plan.source, plan.parts, request.dtype
    model = whole.make_whole(source, parts, staged.parent, merge=request.merge)
    _refuse_nan(model, force=request.force)
    if model.base is not None:
        checkpoint.copy_adapter(model.weights, model.tokenizer, staged, str(plan.adapter_of), dtype)
        difference = verification.verify_adapter(model.base, model.weights, staged, dtype)
        checks = [f"The exported adapter gives its base the same logits{_rounded(difference)}."]
    else:
        checks = []
        if source.kind == "adapter":
            assert parts.base is not None
            merged = verification.verify_merged(parts.base, source.folder, model.weights)
            checks = [f"The merged model gives the logits of its base with the adapter{_rounded(merged)}."]
        checkpoint.copy_model(model.weights, model.tokenizer, staged, dtype)
        difference = verification.verify_copy(model.weights, staged, dtype, nan_allowed=request.force)
        checks += [f"The exported model gives the same logits as its source{_rounded(difference)}."]
        verification.verify_stops(staged)
    verification.verify_tokenizer(model.tokenizer, staged)
    checks.append("Its tokenizer gives the same tokens, texts and chats.")
    if request.check == "vllm":
        nats = vllm_check.verify_in_vllm(staged)
        checks.append(f"vLLM gives its tokens the same log-probabilities ({nats:.4f} nats off on average).")
    for line in checks:
        say(escape(line))
    return checks


def _rounded(difference: float) -> str:
    return f", but for {difference:.2%} of rounding" if difference else ""


def _refuse_nan(model: whole.WholeModel, *, force: bool) -> None:
    names = [checkpoint.ADAPTER_WEIGHTS] if model.base is not None else weights.find_weights(model.weights)
    found = weights.not_finite(model.weights / name for name in names)
    if found is None:
        return
    if not force:
        raise GpgError(f"there are NaN or infinite weights: {found}", "Export an earlier checkpoint (or pass --force).")
    say(f"[yellow]There are NaN or infinite weights: {escape(found)}.[/]")


def _copy_small_files(plan: _Plan, staged: Path) -> None:
    """For a dry run: what the card looks at, and whose sizes are known."""
    if plan.adapter_of is None:
        checkpoint.copy_config(plan.parts.model_files, staged)
    checkpoint.copy_tokenizer(plan.parts.tokenizer, staged)


def _weights_name(plan: _Plan) -> str:
    if plan.adapter_of is not None:
        return checkpoint.ADAPTER_WEIGHTS
    shards = -(-plan.parts.bytes // weights.MAX_SHARD_BYTES)
    return weights.SINGLE_FILE if shards <= 1 else f"model-0000[1-{shards}]-of-{shards:05}.safetensors"


def _convert(request: ExportRequest, plan: _Plan, staged: Path) -> Path:
    assert plan.converter is not None
    assert request.gguf is not None
    return gguf.convert(plan.converter, staged, request.gguf, _name(request))


def _describe(request: ExportRequest, plan: _Plan, staged: Path, ggufs: list[str]) -> None:
    """The card, and the run's own records."""
    write_records(staged, plan.source.of_run, plan.scores, step=plan.source.step)
    card.write_card(
        staged,
        _name(request),
        request.repo_id,
        plan.facts,
        plan.scores,
        template=request.card,
        adapter_of=plan.adapter_of,
        gguf=ggufs,
        revision=request.revision,
        online=plan.destination is not None and not request.dry_run,
    )


def _name(request: ExportRequest) -> str:
    """What the model is called in its card: as on the Hub, or as its folder."""
    if request.repo_id is not None:
        return request.repo_id.rpartition("/")[2]
    return (request.to or Path(request.source)).resolve().name


def write_marker(folder: Path) -> dict[str, int]:
    """Note which files the export has, with their sizes in bytes; returns those of all files, the note included."""
    write_json(folder / MARKER, {"schema": 1, "gpg_cli": __version__, "files": _sizes(folder)})
    return _sizes(folder)


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
