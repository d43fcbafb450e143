"""How a model is asked: with its chat template or without, with which system message."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from gpg_cli.catalog import find_profile, profile_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import Bench, is_path
from gpg_cli.evaluation.yaml_shapes import Shape, read_shape
from gpg_cli.text_file import read_text_file

ON, OFF = "on", "off"
# Of a chat template; those of models that call tools are the longest, with some 10 kB.
_MAX_BYTES = 1_000_000


class Profile(Shape):
    """How one family of models is asked.

    Attributes:
        name: what a person types; the file's name without its ending.
        chat: whether the query becomes a user's message in the model's chat template.
        system_prompt: put before it as a system message; None for the benchmark's own, if it has one.
        models: patterns of the names of models it is for.
        variant: which of a benchmark's prompts is used, where it has one of that name.
    """

    name: str
    description: str
    chat: bool
    system_prompt: str | None = None
    models: tuple[str, ...] = ()
    variant: str | None = None


@dataclass(frozen=True)
class Style:
    """How the queries of one benchmark are put to the model.

    Attributes:
        chat: whether a query becomes a user's message in a chat template.
        must: whether a model without a chat template is an error, since one was asked for by name.
        template: Jinja text to use instead of the model's own; None for the model's.
        system_prompt: a system message before it; None for none.
    """

    chat: bool
    must: bool = False
    template: str | None = None
    system_prompt: str | None = None


def load_profile(name: str) -> Profile:
    """A profile by its name, or by the path of a YAML file of one's own.

    Raises:
        GpgError: unknown name (the nearest ones are told); the file is missing or not as needed.
    """
    path = Path(name) if is_path(name) else find_profile(name)
    return read_shape(path, Profile, "evals/profiles/deepseek-distill.yaml is one to copy from.")


def suggest_profile(model: str) -> Profile | None:
    """The profile whose patterns fit a model's name, where there is one."""
    name = Path(model).name
    profiles = (load_profile(each) for each in profile_paths())
    return next((each for each in profiles if any(fnmatch(name, pattern) for pattern in each.models)), None)


def choose_style(
    bench: Bench, *, profile: Profile | None, chat_template: str | None, system_prompt: str | None
) -> Style:
    """How a benchmark is put to the model; the options weigh more than the profile, and that more than the benchmark.

    Args:
        chat_template: `on`, `off` or the path of a Jinja file; None leaves it.
        system_prompt: None leaves it; empty for none.

    Raises:
        GpgError: the template's file is missing or is no text; a system message without a chat template to hold it.
    """
    chat = profile.chat if profile else bench.chat
    named = system_prompt if system_prompt is not None else profile.system_prompt if profile else None
    system = named if named is not None else bench.system_prompt
    template = None
    if chat_template is not None:
        chat = chat_template != OFF
        template = _read_template(chat_template) if chat_template not in (ON, OFF) else None
    if system_prompt and not chat:
        raise GpgError(
            f"--system-prompt needs a chat template, and {bench.name} is asked without one", "Add --chat-template on."
        )
    must = chat_template == ON or bool(named)
    return Style(chat, must=chat and must, template=template, system_prompt=(chat and system) or None)


def _read_template(path: str) -> str:
    hint = "Give on, off, or the path of a Jinja template."
    text = read_text_file(Path(path), f"--chat-template {path}", max_bytes=_MAX_BYTES, hint=hint)
    _check_template(path, text)
    return text


def _check_template(path: str, text: str) -> None:
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"]).parse(text)
    except TemplateSyntaxError as error:
        # transformers adds the tag {% generation %}, which this parser does not know.
        if "generation" not in str(error):
            raise GpgError(f"{path}:{error.lineno} is no Jinja template: {error.message}", "Mend that line.") from error
