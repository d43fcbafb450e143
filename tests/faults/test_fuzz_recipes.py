"""Recipes of any content: trained or refused in words, through `gpg train --config FILE --dry-run`."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml

from gpg_cli.training.recipes.keys import REFUSED, RENAMED, WITHOUT_EFFECT
from gpg_cli.training.settings import setting_types
from tests.conftest import Outcome
from tests.faults import LONG
from tests.faults.fuzzing import fuzz
from tests.faults.hostile import YAML_VALUES, told

Gpg = Callable[..., Outcome]
Tally = Callable[[str, int], None]

_OF_OTHERS = ["torch_dtype", "warmup_ratio", "weighted_sample", "adafactor", "accelerate_config", "deepspeed", "fsdp"]
KEYS = sorted({*setting_types(), *RENAMED, *WITHOUT_EFFECT, *REFUSED, *_OF_OTHERS, "output_dir", "base"})
# Pieces of YAML that a reader may trip over.
_PIECES = ["&a ", "*a", "<<: ", "!!bool ", "!!int ''", "!!set {a}", "!!timestamp x", "!!binary a===", "!!python/tuple "]
_PIECES += [
    "\t",
    "\0",
    "\ufeff",
    "\u2028",
    "- ",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "|\n",
    ">\n",
    "---\n",
    "...\n",
]
_PIECES += [
    "#",
    "%YAML 9.9\n",
    "@",
    "`",
    "\n",
    "  ",
    "[" * 1500,
    "9" * 5000,
    "1:2:3",
    ".nan",
    "0x_",
    "2020-99-99",
    "=",
    "~",
]


@pytest.fixture
def small(json_lines: Callable[..., Path]) -> dict[str, Any]:
    """Settings of a run that is planned in a moment."""
    rows = json_lines({"problem": "1+1", "answer": "2"}, {"problem": "2+2", "answer": "4"}, name="sums.jsonl")
    batch = {"per_device_train_batch_size": 8, "num_generations": 8, "gradient_accumulation_steps": 1}
    return {"base": "quickstart", "dataset_name": str(rows), **batch}


def _train(gpg: Gpg, content: str | bytes) -> Outcome:
    path = Path("recipe.yaml")
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return gpg("train", "--config", path, "--dry-run")


@pytest.mark.parametrize("values", [1, pytest.param(12, marks=LONG)])
def test_every_setting_takes_values_of_every_kind(gpg: Gpg, small: dict[str, Any], tally: Tally, values: int) -> None:
    chosen = random.Random(0)
    keys = KEYS if values > 1 else chosen.sample(KEYS, 100)
    for key in keys:
        for value in chosen.sample(YAML_VALUES, values):
            told(_train(gpg, yaml.safe_dump(small | {key: value})))
            if values > 1:
                assignments = [
                    ("--set", f"{name}={json.dumps(item)}") for name, item in small.items() if name != "base"
                ]
                words = [word for pair in assignments for word in pair]
                told(gpg("train", "--preset", "quickstart", *words, "--set", f"{key}={value}", "--dry-run"))
    tally("values of settings in a recipe, and as --set", len(keys) * values * (2 if values > 1 else 1))


@pytest.mark.parametrize("examples", [60, pytest.param(3000, marks=LONG)])
def test_texts_of_any_form_are_read_or_refused(gpg: Gpg, small: dict[str, Any], tally: Tally, examples: int) -> None:
    text = yaml.safe_dump(small | {"description": "a", "reward_funcs": ["accuracy"], "seed": 1})
    edits = st.lists(st.tuples(st.integers(0, len(text)), st.sampled_from(_PIECES) | st.text(max_size=3)), max_size=4)

    assert _train(gpg, text).code == 0  # what is imported now is part of no case

    def check(changes: list[tuple[int, str]]) -> None:
        changed = text
        for place, piece in changes:
            changed = changed[:place] + piece + changed[place:]
        told(_train(gpg, changed))

    fuzz(check, edits, examples)
    tally("recipes with pieces of YAML anywhere", examples)


@pytest.mark.parametrize("examples", [40, pytest.param(2000, marks=LONG)])
def test_structures_of_any_form_are_read_or_refused(gpg: Gpg, tally: Tally, examples: int) -> None:
    leaves = st.sampled_from(YAML_VALUES)
    keys = st.sampled_from([None, True, 1, 0.5, "x", *KEYS])
    nested = st.recursive(leaves, lambda of: st.lists(of, max_size=4) | st.dictionaries(keys, of, max_size=4))
    structures = st.dictionaries(st.sampled_from(KEYS), nested, max_size=6) | nested
    told(_train(gpg, ""))  # what is imported now is part of no case
    fuzz(lambda value: told(_train(gpg, yaml.safe_dump(value))), structures, examples)
    tally("recipes of any structure", examples)


_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
_BOMB += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (_BOMB, "stands for more than"),
        ("description: &a [*a]\n", "value that it is part of"),
        ("description: " + "[" * 10_000 + "]" * 10_000, "nesting"),
        ("description: '" + "x" * 10_000_000 + "'", "more than"),
        ("a: 1\n" * 2_000_000, "more than"),
        ("!!set {base: quickstart}\n", "does not hold settings"),
        ("seed: !!bool abc\n", "does not fit its tag"),
        ("seed: !!int ''\n", "does not fit its tag"),
        ("seed: !!timestamp abc\n", "does not fit its tag"),
        ("base: quickstart\nlearning_rate: .inf\n", "at most"),
        ("base: quickstart\nseed: 4294967296\n", "at most"),
        ('base: quickstart\nchat_template: "a\\0b"\n', "neither a template nor a file"),
        ('base: quickstart\noutput_dir: "a\\0b"\n', "NUL"),
        (f"base: quickstart\noutput_dir: {'x' * 300}\n", "File name too long"),
        (f"base: quickstart\ndataset_name: {'x' * 300}.jsonl\n", "File name too long"),
        (f"base: quickstart\nreward_funcs: ['python:{'x' * 300}:f']\n", "File name too long"),
        ("base: quickstart\nparallelism_config: {}\n", "nothing that a recipe can hold"),
        ("base: quickstart\nalgorithm: []\n", "algorithm = [] is refused"),
        ("base: quickstart\neval_bench: nowhere.yaml\n", "there is no file"),
    ],
)
def test_recipes_that_failed_once(gpg: Gpg, text: str, complaint: str) -> None:
    outcome = _train(gpg, text)
    told(outcome)
    assert complaint in outcome.err
    assert len(outcome.err) < 2000


def test_what_is_no_file_is_refused(gpg: Gpg, tmp_path: Path) -> None:
    os.mkfifo("pipe.yaml")
    for name in ("pipe.yaml", "/dev/zero", str(tmp_path)):
        assert "cannot read" in gpg("train", "--config", name, "--dry-run").err
        assert gpg("train", "--preset", "quickstart", "--dry-run", "--set", f"chat_template={name}").code == 2
