"""Recipes that build on a preset."""

from pathlib import Path

import pytest

from gpg_cli import catalog
from gpg_cli.errors import GpgError
from gpg_cli.recipe_file import read_layers
from gpg_cli.training.settings import resolve_settings


@pytest.fixture
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of presets of its own, empty."""
    folder = tmp_path / "presets"
    folder.mkdir()
    monkeypatch.setattr(catalog, "_folder", lambda name: folder)
    return folder


def test_a_recipe_says_only_what_differs_from_its_base(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("base: open-rs1\nlearning_rate: 2.0e-6\n")
    mine, base = resolve_settings(config=recipe).to_dict(), resolve_settings(preset="open-rs1").to_dict()
    assert {key for key in mine.keys() | base.keys() if mine.get(key) != base.get(key)} == {"learning_rate"}


def test_a_base_may_have_a_base(presets: Path) -> None:
    (presets / "low.yaml").write_text("model_name_or_path: m\ndataset_name: d\nreward_funcs: [format]\nmax_steps: 1\n")
    (presets / "middle.yaml").write_text("base: low\nmax_steps: 2\nseed: 2\n")
    (presets / "high.yaml").write_text("seed: 3\nbase: middle\n")
    settings = resolve_settings(preset="high")
    assert (settings.run.model_name_or_path, settings.trainer["max_steps"], settings.trainer["seed"]) == ("m", 2, 3)
    assert settings.preset == "high"
    assert "base" not in settings.to_dict()


def test_an_algorithm_replaces_the_objective_of_the_base(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("base: open-rs1-std\nalgorithm: grpo\n")
    trainer = resolve_settings(config=recipe).trainer
    assert (trainer["scale_rewards"], trainer["beta"]) == ("group", 0.04)


def test_an_unknown_base_is_named_with_its_place(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("# mine\nbase: open-rs\n")
    with pytest.raises(GpgError) as caught:
        resolve_settings(config=recipe)
    assert caught.value.message == f"{recipe}:2: unknown preset 'open-rs'"
    assert "open-rs1" in caught.value.hint


@pytest.mark.parametrize("base", ["null", "[open-rs1]", "7"])
def test_a_base_that_is_no_name_is_refused(base: str, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(f"base: {base}\n")
    with pytest.raises(GpgError, match=r"mine\.yaml:1: unknown preset"):
        resolve_settings(config=recipe)


def test_presets_that_build_on_each_other_are_refused(presets: Path) -> None:
    (presets / "a.yaml").write_text("base: b\n")
    (presets / "b.yaml").write_text("base: a\n")
    with pytest.raises(GpgError, match=r"b\.yaml:1: base: a leads back to where it started"):
        resolve_settings(preset="a")


def test_a_mistake_in_the_base_is_told_with_the_line_of_the_base(presets: Path, tmp_path: Path) -> None:
    (presets / "low.yaml").write_text("max_steps: 1\nlerning_rate: 1.0e-6\n")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("base: low\n")
    with pytest.raises(GpgError, match=r"low\.yaml:2: unknown setting 'lerning_rate'"):
        resolve_settings(config=recipe)


def test_settings_that_stand_for_too_much_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12))
    for text, said in (
        (bomb, "it stands for more than 100,000 values"),
        ("a: &a [*a]\n", "an alias stands for a value that it is part of"),
        ("a: " + "[" * 100_000, "not valid YAML"),
        ("# " + "x" * 1_000_000, "more than 1,000,000 bytes"),
        ("a: !!python/object/apply:os.system ['touch canary']\n", "not valid YAML"),
        ("a: !!python/name:os.system\n", "not valid YAML"),
    ):
        path.write_text(text)
        with pytest.raises(GpgError, match=said):
            read_layers(path)
    assert not Path("canary").exists()
