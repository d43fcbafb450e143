"""The license of a base model, which what was trained from it inherits: from its own card, where that is at hand."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpg_cli.publishing.names import hub_id

# A license is worth a moment's wait, not a failed export.
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class License:
    """As a model card's metadata has it: `name` and `link` belong to the id `other`; the link is a URL."""

    id: str
    name: str | None = None
    link: str | None = None


def base_license(model: str | None, *, online: bool = False) -> License | None:
    """The license that a base model's card names: its folder's README.md, the cached one, or that on the Hub.

    Args:
        model: a folder or a Hub id.
        online: whether the Hub may be asked, for five seconds. Whatever goes wrong then, the license is unknown.
    """
    if not model:
        return None
    if os.path.isdir(model):
        return _license(_front_matter(Path(model) / "README.md"), None)
    name = hub_id(model) or (model if model.replace("-", "").replace("_", "").replace(".", "").isalnum() else None)
    if name is None:
        return None
    return _license(_cached(name) or (_from_hub(name) if online else {}), name)


def _cached(model: str) -> dict[str, Any]:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "README.md")
    return _front_matter(Path(found)) if isinstance(found, str) else {}


def _from_hub(model: str) -> dict[str, Any]:
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return {}
    try:
        data = HfApi().model_info(model, timeout=_TIMEOUT_S).card_data
        return dict(data.to_dict()) if data else {}
    except Exception:  # no network, a closed repository, an answer of another form: all mean that it is not known
        return {}


def _front_matter(card: Path) -> dict[str, Any]:
    import yaml
    from huggingface_hub.repocard import metadata_load

    try:
        return metadata_load(card) or {}
    except (OSError, ValueError, yaml.YAMLError):
        return {}


def _license(metadata: dict[str, Any], model: str | None) -> License | None:
    found = metadata.get("license")
    if not isinstance(found, str) or not found.strip():
        return None
    if found != "other":
        return License(found)
    name, link = metadata.get("license_name"), metadata.get("license_link")
    return License(found, name if isinstance(name, str) else None, _url(link, model))


def _url(link: Any, model: str | None) -> str | None:
    """A link, made absolute where it names a file of the base model's repository."""
    if not isinstance(link, str):
        return None
    if link.startswith(("https://", "http://")):
        return link
    return f"https://huggingface.co/{model}/blob/main/{link.removeprefix('./')}" if model else None
