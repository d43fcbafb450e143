"""The `chat_template` of a recipe: the template's text, or the name of a file that holds it."""

from pathlib import Path

from gpg_cli.errors import GpgError


def chat_template_text(value: str, where: str) -> str:
    """The text of a chat template, checked.

    Args:
        value: the text, or the path of a .jinja file.
        where: where it was given, for an error message.

    Raises:
        GpgError: the file cannot be read, or the text is no Jinja template.
    """
    from jinja2 import TemplateError, TemplateSyntaxError
    from transformers.utils.chat_template_utils import render_jinja_template

    text = value
    if "{" not in value:
        try:
            text = Path(value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise GpgError(
                f"{where}: chat_template {value!r} is neither a template nor a file that can be read",
                "Give the path of a .jinja file, or the template itself.",
            ) from error
    try:
        # Only whether it compiles: a template may refuse a conversation or need the tokenizer's own tokens.
        render_jinja_template([[{"role": "user", "content": "?"}]], chat_template=text, add_generation_prompt=True)
    except TemplateSyntaxError as error:
        raise GpgError(
            f"{where}: chat_template is not valid Jinja, line {error.lineno}: {error.message}", "Mend that line."
        ) from error
    except (TemplateError, TypeError, ValueError):
        pass
    return text
