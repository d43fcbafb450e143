"""How a model is asked: options weigh more than the profile, and that more than the benchmark."""

from pathlib import Path

import pytest

from gpg_cli.catalog import profile_paths
from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.profiles import Style, choose_style, load_profile, suggest_profile

MATH500, QUICKSTART = load_bench("math500"), load_bench("quickstart")


def test_the_profiles_that_ship() -> None:
    profiles = {name: load_profile(name) for name in profile_paths()}
    assert {name: (profile.chat, profile.system_prompt) for name, profile in profiles.items()} == {
        "deepseek-distill": (True, None),
        "qwen2-vl-instruct": (True, None),
        "qwen2.5-math": (False, None),
    }


@pytest.mark.parametrize(
    ("profile", "chat_template", "system_prompt", "style"),
    [
        (None, None, None, Style(chat=True)),
        ("qwen2.5-math", None, None, Style(chat=False)),
        ("qwen2.5-math", "on", None, Style(chat=True, must=True)),
        ("deepseek-distill", "off", None, Style(chat=False)),
        (None, None, "Be brief.", Style(chat=True, must=True, system_prompt="Be brief.")),
        (None, None, "", Style(chat=True)),
    ],
)
def test_what_weighs_more(
    profile: str | None, chat_template: str | None, system_prompt: str | None, style: Style
) -> None:
    chosen = load_profile(profile) if profile else None
    assert choose_style(MATH500, profile=chosen, chat_template=chat_template, system_prompt=system_prompt) == style


@pytest.mark.parametrize(
    ("chat_template", "system_prompt", "shown"),
    [(None, None, "A conversation between"), (None, "", None), (None, "Be brief.", "Be brief."), ("off", None, None)],
)
def test_a_benchmarks_own_system_message(
    chat_template: str | None, system_prompt: str | None, shown: str | None
) -> None:
    lisa = load_bench("lisa-val")
    style = choose_style(lisa, profile=None, chat_template=chat_template, system_prompt=system_prompt)
    assert (style.system_prompt or "None").startswith(str(shown))
    # A model without a chat template is asked without it all the same.
    assert not choose_style(lisa, profile=None, chat_template=None, system_prompt=None).must


def test_a_profile_chooses_a_benchmarks_variant() -> None:
    instruct = load_profile("qwen2-vl-instruct")
    cvbench = load_bench("cvbench")
    assert not cvbench.chat
    asked = cvbench.as_variant(instruct.variant)
    assert asked.chat
    assert asked.query("Which?") == (
        "Which?\nOutput the thinking process in <think> </think> and final answer in <answer> </answer> tags."
    )
    assert MATH500.as_variant(instruct.variant) == MATH500


def test_a_profile_of_ones_own_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("description: mine\nchat: true\nsystem_prompt: Think.\n")
    style = choose_style(QUICKSTART, profile=load_profile(str(path)), chat_template=None, system_prompt=None)
    assert style == Style(chat=True, must=True, system_prompt="Think.")


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text("{{ messages[0].content }}")
    style = choose_style(QUICKSTART, profile=None, chat_template=str(path), system_prompt=None)
    assert style == Style(chat=True, template="{{ messages[0].content }}")
    path.write_text("{% if %}")
    with pytest.raises(GpgError, match=r"chat\.jinja:1 is no Jinja template"):
        choose_style(QUICKSTART, profile=None, chat_template=str(path), system_prompt=None)


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-distill"),
        ("GD-ML/Open-RS1", "deepseek-distill"),
        ("Qwen/Qwen2.5-Math-7B", "qwen2.5-math"),
        ("Qwen/Qwen2.5-Math-7B-Instruct", None),
        ("Qwen/Qwen2-VL-2B", None),
        ("Qwen/Qwen2-VL-2B-Instruct", "qwen2-vl-instruct"),
        ("Qwen/Qwen2.5-VL-3B-Instruct", "qwen2-vl-instruct"),
        ("runs/open-rs1-20261123/model", None),
    ],
)
def test_a_profile_is_suggested_by_the_models_name(model: str, profile: str | None) -> None:
    found = suggest_profile(model)
    assert (found.name if found else None) == profile
