"""Model cards from a user's own template."""

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from gpg_cli.errors import GpgError
from gpg_cli.publishing.card import check_template, write_card
from gpg_cli.publishing.card_template import DEFAULT_TEMPLATE
from gpg_cli.publishing.facts import RunFacts
from gpg_cli.publishing.scores import BenchScore

SCORES = [BenchScore("math500", "MATH-500", 87.6, problems=500, available=500)]
FACTS = RunFacts(model="Qwen/Qwen2.5-1.5B", preset="open-rs1", seed=7)

Render = Callable[..., str]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Check a template's text, write a card by it, and read that."""

    def write(text: str, note: str | None = None) -> str:
        template = tmp_path / "card.md"
        template.write_text(text)
        check_template(template)
        folder = tmp_path / "model"
        folder.mkdir()
        write_card(folder, "mine", "me/mine", FACTS, SCORES, template=template, note=note)
        return (folder / "README.md").read_text()

    return write


def test_a_template_has_the_sections_and_the_plain_facts(render: Render) -> None:
    text = """\
{% for score in scores %}
{{ score.title }}: {{ score.score }}
{% endfor %}
{{ repo_id }} of {{ base_model }}, seed {{ seed }}

{{ citation }}"""
    card = render(text)
    assert "MATH-500: 87.6\nme/mine of Qwen/Qwen2.5-1.5B, seed 7\n\n```bibtex" in card


def test_metadata_stands_in_front_of_a_template_without_it(render: Render) -> None:
    card = ModelCard(render("Only this."))
    assert card.text.strip() == "Only this."
    assert card.data.base_model == "Qwen/Qwen2.5-1.5B"
    assert card.data.eval_results[0].metric_value == 87.6


def test_a_template_may_bring_its_own_metadata(render: Render) -> None:
    card = ModelCard(render("---\nlicense: mit\nlanguage: en\n{{ metadata }}\n---\n\nText."))
    assert (card.data.license, card.data.base_model) == ("mit", "Qwen/Qwen2.5-1.5B")


def test_a_template_may_include_what_lies_beside_it(render: Render, tmp_path: Path) -> None:
    (tmp_path / "thanks.md").write_text("Thanks for {{ dataset or 'all' }}.")
    assert "Thanks for all." in render("{% include 'thanks.md' %}")


def test_our_own_template_is_one_and_shows_a_note(render: Render) -> None:
    card = render(DEFAULT_TEMPLATE.read_text(), note="Merged from [a] LoRA adapter.")
    assert card.startswith("---\nbase_model: ")
    assert "\n> Merged from \\[a\\] LoRA adapter.\n" in card
    assert "\n\n\n" not in card


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("# Card\n\n{{ results\n", r"card\.md:\d is no Jinja template", "Mend"),
        ("# Card\n{{ result }}", r"card\.md:2 uses 'result', which there is not", "Did you mean results"),
        ("a\n\n{{ scores[0].titel }}", r"card\.md:3 uses what there is not: .*titel", "There are: base_model"),
        ("{{ scores / 2 }}", r"card\.md:1 cannot be filled in", "Mend"),
        ("{{ ''.__class__.__mro__ }}", r"card\.md:1 ", ""),
        ("{% include '../secret' %}", r"includes \.\./secret, which is not beside it", "same folder"),
        ("---\nlicense: [\n---\n\nText", "metadata block is not what the Hub reads", "leave it out"),
        ("---\nText\n---\n", "it is no `key: value` lines", "leave it out"),
        ("---\nlicense: mit\n\nText", "is not closed", "three dashes"),
    ],
)
def test_what_cannot_become_a_card_is_refused_with_its_line(
    render: Render, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(GpgError, match=message) as refused:
        render(text)
    assert hint in (refused.value.hint or "")
    assert not (tmp_path / "model").exists()


def test_a_template_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"cannot read the card template .*none\.md: No such file"):
        check_template(tmp_path / "none.md")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GpgError, match="it is not UTF-8 text"):
        check_template(tmp_path / "binary")
    check_template(None)
