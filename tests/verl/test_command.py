"""`gpg train --print-verl`: a command of verl for every preset, with keys that verl has."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from gpg_cli.catalog import preset_paths
from gpg_cli.training.settings import resolve_settings
from gpg_cli.verl.command import verl_command
from gpg_cli.verl.mapping import MAPPED, VERL_VERSION, as_markdown

# Read in this version; another one may call things otherwise.
KEYS_OF = "0.9.1"
KEYS = {line for line in (Path(__file__).parent / "keys.txt").read_text().splitlines() if not line.startswith("#")}
PRESETS = [name for name in preset_paths() if not name.startswith("quickstart")]
PAGE = Path(__file__).parents[2] / "docs" / "verl.md"


def overrides_of(text: str) -> dict[str, str]:
    """What a shell gives verl: the command is the block that ends with an empty line, after the line for the data."""
    data, command, _ = text.split("\n\n", 2)
    assert shlex.split(data)[:3] == ["gpg", "data", "verl"]
    # A shell joins lines that end so; Python's shlex does not.
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["python3", "-m", "verl.trainer.main_ppo"]
    pairs = [word.partition("=") for word in words[3:]]
    assert all(key and equals for key, equals, _ in pairs)
    assert len({key for key, _, _ in pairs}) == len(pairs), "no key twice"
    return {key: value for key, _, value in pairs}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_command_of_verl(name: str) -> None:
    made = verl_command(resolve_settings(preset=name), ["--preset", name], 8)
    found = overrides_of(made.text())
    assert found == made.overrides, "the shell gives verl what was meant"
    for key, value in found.items():
        # A plus adds what the configuration has not; all else must be there.
        assert key.startswith("+") != (key in KEYS), f"{key} in verl {VERL_VERSION}"
        assert value, f"{key} is empty"
        assert value[0] in '"[' or not re.search(r"[\s{}:,'\"]", value), f"{key}={value} would have to be quoted"
    assert VERL_VERSION == KEYS_OF


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_has_every_key_that_is_printed(name: str) -> None:
    known = {key for row in MAPPED for key in row.theirs}
    fixed = {"actor_rollout_ref.model.use_remove_padding", "trainer.critic_warmup"}
    fixed |= {"trainer.val_before_train", "trainer.test_freq"}
    for key in verl_command(resolve_settings(preset=name), [], 8).overrides:
        assert key in known | fixed or key.rpartition(".")[0] in known, key


def test_the_command_line(gpg: Callable) -> None:
    outcome = gpg("train", "--preset", "open-rs1", "--learning_rate", "2e-6", "--print-verl", "--num-processes", "8")
    assert outcome.code == 0, outcome.err
    found = overrides_of(outcome.out)
    # 8 GPUs x 6 completions x 4 are 32 prompts with 6 completions each.
    assert found["data.train_batch_size"] == found["actor_rollout_ref.actor.ppo_mini_batch_size"] == "32"
    assert found["actor_rollout_ref.rollout.n"] == "6"
    assert float(found["actor_rollout_ref.actor.optim.lr"]) == 2e-6
    assert found["+reward.custom_reward_function.reward_kwargs.reward_funcs"] == "[format_v2,cosine]"
    assert found["trainer.n_gpus_per_node"] == "8"
    assert "--set learning_rate=2e-6" in outcome.out.splitlines()[0]


def test_alpha_decides_the_estimator() -> None:
    """verl's gpg always multiplies by an alpha; without one, F = std and F = 1 are its grpo's advantages."""
    kinds = {}
    for name in ("open-rs1", "open-rs1-std", "qwen2.5-math-7b"):
        made = verl_command(resolve_settings(preset=name), [], 8).overrides
        assert made["actor_rollout_ref.actor.policy_loss.loss_mode"] == "gpg"
        assert made["actor_rollout_ref.actor.use_kl_loss"] == "False"
        kinds[name] = (made["algorithm.adv_estimator"], made.get("algorithm.norm_adv_by_std_in_grpo"))
    assert kinds == {
        "open-rs1": ("grpo", "True"),
        "open-rs1-std": ("grpo", "False"),
        "qwen2.5-math-7b": ("gpg", None),
    }


def test_what_does_not_map_is_said() -> None:
    notes = " ".join(verl_command(resolve_settings(preset="qwen2.5-math-7b"), [], 8).notes)
    assert "min_inverse_alpha" in notes
    assert "1 / accuracy" in notes
    assert "min_inverse_alpha" not in " ".join(verl_command(resolve_settings(preset="open-rs1"), [], 16).notes)


def test_the_quickstart_is_refused_in_words(gpg: Callable) -> None:
    outcome = gpg("train", "--preset", "quickstart", "--print-verl")
    assert outcome.code == 2
    assert "verl cannot load" in outcome.err


def test_groups_must_go_round(gpg: Callable) -> None:
    outcome = gpg("train", "--preset", "open-rs1", "--num-processes", "1", "--set", "num_generations=5", "--print-verl")
    assert outcome.code == 2
    assert "24 completions" in outcome.err


def test_the_page_holds_the_table() -> None:
    if not PAGE.is_file():
        pytest.skip("docs/verl.md is not there")
    assert as_markdown() in PAGE.read_text(encoding="utf-8")
