"""The `chat_template` of a recipe: the template's text, or the name of a file that holds it."""

from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.model_files import rendering
from gpg_cli.text_file import read_text_file

# Those of models that call tools are the longest, with some 10 kB.
_MAX_BYTES = 1_000_000


def chat_template_text(value: str, where: str) -> str:
    """The text of a chat template, checked.

    Args:
        value: the text, or the path of a .jinja file.
        where: where it was given, for an error message.

    Raises:
        GpgError: the file cannot be read, or the text is no Jinja template.
    """
    from jinja2 import TemplateSyntaxError
    from transformers.utils.chat_template_utils import render_jinja_template

    text = value
    if "{" not in value:
        try:
            text = read_text_file(Path(value), "chat_template", max_bytes=_MAX_BYTES, hint="")
        except GpgError as error:
            raise GpgError(
                f"{where}: chat_template {value[:200]!r} is neither a template nor a file that can be read",
                "Give the path of a .jinja file, or the template itself.",
            ) from error
    try:
        # Only whether it compiles: a template may refuse a conversation or need the tokenizer's own tokens.
        with rendering(""):
            render_jinja_template([[{"role": "user", "content": "?"}]], chat_template=text, add_generation_prompt=True)
    except GpgError as failed:
        if isinstance(cause := failed.__cause__, TemplateSyntaxError):
            raise GpgError(
                f"{where}: chat_template is not valid Jinja, line {cause.lineno}: {cause.message}", "Mend that line."
            ) from cause
    return text
