"""Model folders of any content: read or refused in words, by `train --dry-run`, `eval` and `export`."""

import json
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest

from tests.conftest import Outcome
from tests.faults import LONG
from tests.faults.fuzzing import fuzz
from tests.faults.hostile import JSON_VALUES, damaged, told

Gpg = Callable[..., Outcome]
Tally = Callable[[str, int], None]
Try = Callable[..., list[Outcome]]

JSON_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "adapter_config.json"]
JSON_FILES += ["model.safetensors.index.json", "preprocessor_config.json", "special_tokens_map.json"]
CONTENTS = [
    b"",
    b"{}",
    b"[]",
    b"3",
    b"null",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"\0" * 50,
    b"[" * 100_000,
    b"NaN",
    b'{"a": [1]}',
]
# Of every configuration, and those that ask for something else than a plain model.
MORE_KEYS = ["vision_config", "text_config", "auto_map", "quantization_config", "rope_scaling", "torch_dtype"]
TEMPLATES = {
    "for ever": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "10 GB": "{{ 'x' * 10**10 }}",
    "many parts": "{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
    "power": "{% set n = namespace(x=9) %}{% for i in range(9) %}{% set n.x = n.x ** n.x %}{% endfor %}",
    "syntax": "{% for",
    "undefined": "{{ nobody.knows.it }}",
    "raises": "{{ raise_exception('no') }}",
    "itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "file": "{% include '/etc/passwd' %}",
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
}


@pytest.fixture
def trying(gpg: Gpg, tiny_model: Path, json_lines: Callable[..., Path]) -> Iterator[Try]:
    """`trying({"config.json": b""}, "eval")`: the tiny model with these files; None removes one."""
    import torch

    # Threads that wait for each other on a crowded machine count as processor time.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = json_lines({"problem": "1+1", "answer": "2"}, {"problem": "2+2", "answer": "4"}, name="sums.jsonl")
    model = Path("model").absolute()
    batch = ["--set", "per_device_train_batch_size=8", "--set", "use_chat_template=true"]
    commands: dict[str, list[str | Path]] = {
        "train": ["train", "--preset", "quickstart", "--dataset", rows, *batch, "--model", model, "--dry-run"],
        "eval": ["eval", "--model", model, "--bench", "quickstart", "--engine", "transformers", "--limit", "1"],
        "export": ["export", model, "--to", "exported"],
    }
    commands["eval"] += ["--max-tokens", "2", "--chat-template", "on", "--output-dir", "measured", "--overwrite"]

    def call(changes: dict[str, bytes | None], *which: str) -> list[Outcome]:
        for folder in (model, Path("exported")):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tiny_model, model)
        for name, content in ({"chat_template.jinja": b"{{ messages[0]['content'] }}"} | changes).items():
            if content is None:
                (model / name).unlink(missing_ok=True)
            else:
                (model / name).write_bytes(content)
        return [gpg(*commands[name]) for name in which or commands]

    yield call
    torch.set_num_threads(threads)


@pytest.mark.parametrize("contents", [1, pytest.param(len(CONTENTS) + 1, marks=LONG)])
def test_json_files_of_any_content(trying: Try, tally: Tally, contents: int) -> None:
    chosen = random.Random(1)
    for name in JSON_FILES:
        for content in chosen.sample([None, *CONTENTS], contents):
            for outcome in trying({name: content}):
                told(outcome)
    tally("model folders with a wrong JSON file", len(JSON_FILES) * contents * 3)


@pytest.mark.parametrize("examples", [10, pytest.param(500, marks=LONG)])
def test_configurations_with_values_of_any_kind(trying: Try, tally: Tally, tiny_model: Path, examples: int) -> None:
    files = {name: json.loads((tiny_model / name).read_text()) for name in ("config.json", "tokenizer_config.json")}
    files["generation_config.json"] = json.loads((tiny_model / "generation_config.json").read_text())
    keys = sorted((name, key) for name, content in files.items() for key in {*content, *MORE_KEYS})
    values = st.sampled_from([*JSON_VALUES, 10**9])

    # What is imported now, also where an architecture is looked up that there is not, is part of no case.
    assert [outcome.code for outcome in trying({})] == [0, 0, 0]
    trying({"config.json": json.dumps(files["config.json"] | {"architectures": ["x"]}).encode()})

    def check(case: tuple[tuple[str, str], Any]) -> None:
        (name, key), value = case
        changed = json.dumps(files[name] | {key: value}).encode()
        for outcome in trying({name: changed}):
            told(outcome)

    fuzz(check, st.tuples(st.sampled_from(keys), values), examples)
    tally("model folders with a wrong value", examples * 3)


@pytest.mark.parametrize("examples", [10, pytest.param(500, marks=LONG)])
def test_damaged_weights(trying: Try, tally: Tally, tiny_model: Path, examples: int) -> None:
    whole = (tiny_model / "model.safetensors").read_bytes()
    head = 8 + int.from_bytes(whole[:8], "little")

    assert [outcome.code for outcome in trying({}, "eval", "export")] == [0, 0]

    def check(start: bytes) -> None:
        # Cut files, and changed headers before whole weights.
        content = start if len(start) < head else start + whole[head:]
        for outcome in trying({"model.safetensors": content}, "eval", "export"):
            told(outcome)

    fuzz(check, damaged(whole[:head]), examples)
    tally("model folders with damaged weights", examples * 2)


def test_a_header_with_missing_offsets_is_refused(trying: Try, tiny_model: Path) -> None:
    header = json.dumps({"lm_head.weight": {"dtype": "F32", "shape": [1], "data_offsets": []}}).encode()
    (outcome,) = trying({"model.safetensors": struct.pack("<Q", len(header)) + header}, "export")
    assert "no whole safetensors file" in outcome.err


def test_a_part_of_a_configuration_that_is_none_is_refused(trying: Try, tiny_model: Path) -> None:
    config = json.loads((tiny_model / "config.json").read_text()) | {"text_config": True}
    for outcome in trying({"config.json": json.dumps(config).encode()}, "eval", "export"):
        told(outcome)
        assert "has no attribute" in outcome.err


def test_end_tokens_that_are_none_are_refused(trying: Try) -> None:
    for outcome in trying({"generation_config.json": b'{"eos_token_id": [[]]}'}, "eval", "export"):
        told(outcome)
        assert outcome.code == 2


def test_a_tokenizer_with_a_limit_that_is_no_number_is_refused(trying: Try, tiny_model: Path) -> None:
    config = json.loads((tiny_model / "tokenizer_config.json").read_text()) | {"model_max_length": ""}
    for outcome in trying({"tokenizer_config.json": json.dumps(config).encode()}, "eval", "export"):
        told(outcome)
        assert "'>' not supported" in outcome.err


@pytest.mark.parametrize("name", TEMPLATES)
def test_hostile_chat_templates(trying: Try, tally: Tally, name: str) -> None:
    commands = ["eval"] if name == "for ever" else ["train", "eval"]
    outcomes = trying({"chat_template.jinja": TEMPLATES[name].encode()}, *commands)
    for outcome in outcomes:
        told(outcome)
        assert "the chat template" in outcome.err
    tally("hostile chat templates", len(outcomes))


@pytest.mark.parametrize("key", ["hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers"])
def test_a_model_that_is_larger_than_its_weights_is_refused(trying: Try, tiny_model: Path, key: str) -> None:
    config = json.loads((tiny_model / "config.json").read_text()) | {key: 10**9, "layer_types": None}
    for outcome in trying({"config.json": json.dumps(config).encode()}):
        told(outcome)
        assert f"{key} 1000000000; the weights beside it are of a smaller model" in " ".join(outcome.err.split())
