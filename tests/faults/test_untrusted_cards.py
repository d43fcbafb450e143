"""A model card whose every fact was written by a stranger: it is the text that it is, and its metadata are ours."""

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from gpg_cli.publishing.card import write_card
from gpg_cli.publishing.facts import read_facts
from gpg_cli.publishing.scores import BenchScore
from gpg_cli.run_folder import ModelSource
from tests.publishing.conftest import RUN

HOSTILE = [
    "x\n---\nlicense: evil\ntags: [evil]\n---\n# evil",
    "<script>evil()</script><img src=x onerror=evil()>",
    "](javascript:evil()) [evil](https://evil.invalid) ![evil](https://evil.invalid/x.png)",
    "<https://evil.invalid> <evil@evil.invalid>",
    "` ``` ~~~ | a | b |\n|---|\n<details open ontoggle=evil()>",
    "</code></pre></td></table><iframe src=//evil.invalid>",
    "\x1b]52;c;evil\x07 \u202e \x00",
    "{{ 7 * 7 }} {% include '/etc/passwd' %} {{ ''.__class__ }}",
    "!!python/object/apply:os.system ['touch canary']",
    "org/evil\nlicense: evil",
]
_HOSTS = ("https://huggingface.co", "https://arxiv.org", "https://github.com", "reward.png", "#")
_TAGS = {
    "script",
    "img",
    "iframe",
    "details",
    "form",
    "input",
    "svg",
    "math",
    "style",
    "object",
    "base",
    "link",
    "meta",
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.addresses += [value or "" for name, value in attributes if name in ("href", "src")]


def hostile_everywhere(value: Any, text: str) -> Any:
    """The same JSON with every text replaced."""
    if isinstance(value, dict):
        return {key: hostile_everywhere(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile_everywhere(item, text) for item in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE)
def test_a_card_of_hostile_facts_is_plain_text(
    text: str, untrained_quickstart: Path, tmp_path: Path, tally: Callable[[str, int], None]
) -> None:
    folder, run = tmp_path / "exported", tmp_path / "run"
    run.mkdir()
    shutil.copytree(untrained_quickstart, folder)
    (run / "run.json").write_text(json.dumps(hostile_everywhere(RUN, text) | {"notes": [text]}))
    facts = read_facts(ModelSource(str(folder), run=run))
    score = BenchScore(text, text, 50.0, (45.6, 54.4), problems=500, available=500)
    write_card(folder, text, "me/model", facts, [score])
    card = (folder / "README.md").read_text()
    _, block, body = card.split("---\n", 2)
    metadata = yaml.safe_load(block)
    assert metadata.get("license") != "evil"
    assert "evil" not in (metadata.get("tags") or [])
    assert set(metadata) <= {"base_model", "library_name", "pipeline_tag", "tags", "model-index", "datasets", "license"}
    # As the Hub renders it, HTML included.
    found = _Links()
    found.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(body))
    assert found.tags.isdisjoint(_TAGS - {"img"}), found.tags
    assert not any(name.startswith("on") for name in found.attributes)
    assert all(address.startswith(_HOSTS) for address in found.addresses), found.addresses
    assert not set(card) & set("\x1b\x07\x00\u202e")
    assert "49" not in body or "{{ 7 * 7 }}" in body
    assert not Path("canary").exists()
    tally("hostile texts in every fact of a model card", 1)
