"""The license that a trained model inherits."""

from pathlib import Path
from typing import Any

import pytest

from gpg_cli.publishing.license import License, base_license

CARD = "---\n{}\n---\n\n# A model\n"


@pytest.mark.parametrize(
    ("metadata", "license"),
    [
        ("license: apache-2.0", License("apache-2.0")),
        (
            "license: other\nlicense_name: qwen-research\nlicense_link: https://example.org/LICENSE",
            License("other", "qwen-research", "https://example.org/LICENSE"),
        ),
        ("license: other\nlicense_name: mine\nlicense_link: LICENSE", License("other", "mine", None)),
        ("tags: [a]", None),
        ("license: [mit]", None),
        ("a: [", None),
        ("- a", None),
    ],
)
def test_a_folders_own_card_names_it(tmp_path: Path, metadata: str, license: License | None) -> None:
    (tmp_path / "README.md").write_text(CARD.format(metadata))
    assert base_license(str(tmp_path)) == license


def test_without_a_card_it_is_not_known(tmp_path: Path) -> None:
    assert base_license(str(tmp_path)) is None
    assert base_license("builtin:quickstart") is None
    assert base_license(None) is None


def test_the_card_of_a_cached_model_names_it_and_its_file_becomes_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tmp_path / "README.md"
    card.write_text(CARD.format("license: other\nlicense_name: qwen-research\nlicense_link: LICENSE"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(card))
    link = "https://huggingface.co/Qwen/Qwen2.5-3B/blob/main/LICENSE"
    assert base_license("Qwen/Qwen2.5-3B") == License("other", "qwen-research", link)


def test_the_hub_is_asked_only_where_that_is_allowed_and_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(*args: Any, **kwargs: Any) -> None:
        asked.append(kwargs)
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", fail)
    assert base_license("nobody/knows-this") is None
    assert asked == []
    assert base_license("nobody/knows-this", online=True) is None
    assert asked == [{"timeout": 5.0}]
