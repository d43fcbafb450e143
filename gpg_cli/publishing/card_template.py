"""Model cards from Jinja templates: checked before anything is written, rendered without access to this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from gpg_cli.errors import GpgError
from gpg_cli.text_file import read_text_file
from gpg_cli.yaml_file import did_you_mean

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_MAX_BYTES = 1_000_000
DEFAULT_TEMPLATE = Path(__file__).parent / "card.md.jinja"


def check(path: Path, example: Mapping[str, Any]) -> None:
    """Refuse a template that cannot become a card.

    Args:
        example: the variables there are, with values of the kind they will have.

    Raises:
        GpgError: the file is missing or no text, has an error of syntax, uses what there is not, or brings metadata
            that is no YAML; with file and line.
    """
    from jinja2 import meta, nodes

    environment = _environment(path)
    hint = "Name a Jinja template: --card FILE"
    text = read_text_file(path, f"the card template {path}", max_bytes=_MAX_BYTES, hint=hint)
    try:
        tree = environment.parse(text, filename=str(path))
    except Exception as error:
        _explain(error, path, example)
    unknown = meta.find_undeclared_variables(tree) - set(example) - set(environment.globals)
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            raise GpgError(f"{path}:{name.lineno} uses {name.name!r}, which there is not", _known(example, name.name))
    render(path, example)


def render(path: Path, variables: Mapping[str, Any]) -> str:
    """The card of a template: with the variable `metadata` put in front, unless it has a metadata block of its own.

    Raises:
        GpgError: the template uses what there is not, or fails; its metadata is no YAML mapping. With file and line.
    """
    from jinja2 import TemplateError

    try:
        text = _environment(path).get_template(path.name).render(variables).strip() + "\n"
    except (
        TemplateError,
        ArithmeticError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        _explain(error, path, variables)
    if not text.startswith("---\n"):
        return f"---\n{variables['metadata']}\n---\n\n{text}"
    _check_metadata(path, text)
    return text


def _environment(path: Path) -> "SandboxedEnvironment":
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    # A template may include others beside it, and nothing elsewhere.
    return SandboxedEnvironment(
        loader=FileSystemLoader(path.parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _explain(error: Exception, path: Path, variables: Mapping[str, Any]) -> NoReturn:
    from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

    if isinstance(error, TemplateSyntaxError):
        where = f"{error.filename or path}:{error.lineno}"
        raise GpgError(f"{where} is no Jinja template: {error.message}", "Mend that line.") from error
    if isinstance(error, TemplateNotFound):
        raise GpgError(
            f"{path} includes {error.name}, which is not beside it", "Put it into the same folder."
        ) from error
    where = f"{path}:{_line(error, path)}"
    if isinstance(error, UndefinedError):
        raise GpgError(f"{where} uses what there is not: {error.message}", _known(variables, None)) from error
    raise GpgError(f"{where} cannot be filled in: {error or type(error).__name__}", "Mend that line.") from error


def _line(error: Exception, path: Path) -> int:
    """The line of the template that raised; jinja2 gives the frames of a traceback the template's file and lines."""
    line, frame = 1, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == str(path):
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _known(variables: Mapping[str, Any], name: str | None) -> str:
    near = did_you_mean(name, variables) if name else ""
    return f"{near}There are: {', '.join(sorted(variables))}."


def _check_metadata(path: Path, text: str) -> None:
    import yaml
    from huggingface_hub import ModelCard

    block, end, _ = text.removeprefix("---\n").partition("\n---\n")
    if not end:
        raise GpgError(f"{path}: its metadata block is not closed", "End it with a line of three dashes.")
    try:
        values = yaml.safe_load(block)
        if isinstance(values, dict):
            ModelCard(text)
            return
        reason = "it is no `key: value` lines"
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())
    raise GpgError(f"{path}: its metadata block is not what the Hub reads: {reason}", "Mend it, or leave it out.")
