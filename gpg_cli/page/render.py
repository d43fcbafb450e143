"""A page in one file: templates, styles and scripts of the package, nothing from anywhere else."""

import base64
import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

_SHARED = "gpg_cli.page"


def render(package: str, template: str, *, style: str, script: str, **values: Any) -> str:
    """Fill a template that extends `base.html`; every value is escaped.

    The page forbids itself, by a Content-Security-Policy, the network and every script and style but the two given
    here; and its script, by Trusted Types, to have text parsed as HTML.

    Args:
        package: where the template, the style and the script lie, such as `gpg_cli.evaluation.page`.
        template: file name of the template.
        style, script: file names of what the page has beyond the styles and the script of `gpg_cli/page`.
        values: what the template shows.
    """
    styles = "".join([_text(_SHARED, "style.css"), _text(_SHARED, "samples.css"), _text(package, style)])
    scripts = _text(_SHARED, "samples.js") + _text(package, script)
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader(_SHARED, "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "duration": duration,
        "signed": signed,
        # Jinja's own `urlencode` fails at half of a surrogate pair.
        "in_address": lambda text: quote(text, safe="", errors="replace"),
    }
    page = environment.get_template(template)
    return page.render(style=styles, script=scripts, policy=_policy(styles, scripts), **values)


def write_whole(page: str, target: Path) -> None:
    """Write a page whole or not at all: beside it first, then renamed over it.

    Raises:
        OSError: the file cannot be written.
    """
    beside = target.with_name(target.name + ".tmp")
    try:
        # Half of a surrogate pair, which JSON may hold, cannot be written as UTF-8.
        beside.write_text(page, encoding="utf-8", errors="replace")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def percent(value: float) -> str:
    """33.333 -> 33.3"""
    return f"{value:.1f}"


def signed(value: float) -> str:
    """-1.26 -> −1.3"""
    return f"{value:+.1f}".replace("-", "−")


def count(value: float) -> str:
    """12345.6 -> 12,346"""
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """3725 -> 1 h 2 min"""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            # Otherwise a browser asks a server for /favicon.ico; the page has an empty one.
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
