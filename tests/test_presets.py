"""Every preset is checked by a dry run, and makes two real optimiser steps, with a tiny model and real problems."""

import json
import math
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from gpg_cli.catalog import find_preset, preset_paths
from gpg_cli.recipe_file import read_layers
from gpg_cli.training.settings import OBJECTIVE, resolve_settings

from .conftest import Outcome, shared_data

SCALING = Path(__file__).parents[1] / "docs" / "scaling.md"
# The quickstart needs no stand-ins; tests/training/test_run.py and tests/test_end_to_end.py train it. Presets with
# pictures have models and data of their own: tests/training/test_vision_presets.py.
WITH_COMMENTS = [name for name in preset_paths() if not name.startswith("quickstart")]
PRESETS = [name for name in WITH_COMMENTS if resolve_settings(preset=name).run.image_column is None]
PUBLISHED = (
    *("open-rs1", "open-rs3", "qwen2.5-math-7b", "qwen2.5-math-7b-math"),
    *("sat-cvbench", "lisa-grounding", "cls-flowers102", "cls-pets37", "cls-fgvc-aircraft", "cls-cars196", "geoqa"),
)
DIGITS = "1234"
_CHAT = (
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real problems with answers from 1 to 4, which the tiny model below gets right now and then."""
    lines = shared_data("math_lvl3to5_8k.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if json.loads(line)["answer"] in tuple(DIGITS)]
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    path.write_text("\n".join(rows[:200]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chat_model(problems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 of 0.1 million weights with a chat template, taught to answer one of `\\boxed{1}` to `\\boxed{4}`.

    A random model is never right, so all rewards would be equal and no step would move anything.
    """
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config

    texts = [json.loads(line)["problem"] for line in problems.read_text(encoding="utf-8").splitlines()]
    prompts = [str(resolve_settings(preset=name).run.system_prompt) for name in PRESETS]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_byte_pairs([*texts, *prompts]), eos_token="<eos>", pad_token="<pad>", chat_template=_CHAT
    )
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = AutoModelForCausalLM.from_config(config)
    _teach(model, tokenizer, texts)
    folder = tmp_path_factory.mktemp("chat_model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_pairs(texts: list[str]):
    """A tokenizer without unknown characters, small enough that a system prompt fits into max_prompt_length."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<pad>", "<eos>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([r"\boxed{"])  # no special token, which would be left out of the text that rewards see
    return tokenizer


def _teach(model: torch.nn.Module, tokenizer, texts: list[str]) -> None:
    """A few supervised steps on the ends of prompts, as plain text and as chat, followed by a random answer."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(25):
        batch = []
        for row in range(16):
            text = texts[(16 * step + row) % len(texts)] + ("\n[assistant]" if row % 2 else "")
            digit = DIGITS[torch.randint(len(DIGITS), ()).item()]
            batch.append(tokenizer(text)["input_ids"][-8:] + tokenizer(rf"\boxed{{{digit}}}<eos>")["input_ids"])
        length = min(map(len, batch))
        ids = torch.tensor([row[-length:] for row in batch])
        labels = ids.clone()
        labels[:, :-4] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.fixture
def train(gpg, chat_model: Path, problems: Path) -> Callable[..., Outcome]:
    """`train("open-rs1", "--dry-run")`: a preset on the tiny model and the real problems."""

    def run(preset: str, *arguments: str | Path) -> Outcome:
        outcome = gpg("train", "--preset", preset, "--model", chat_model, "--dataset", problems, *arguments)
        assert outcome.code == 0, outcome.err
        return outcome

    return run


def settings_of(assignments: dict[str, object]) -> Iterator[str]:
    for key, value in assignments.items():
        yield from ("--set", f"{key}={value}")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_dry_run_of_every_preset_takes_a_local_model_and_data_set(preset: str, train) -> None:
    # One process instead of 16 or 8 makes a smaller step, so 200 rows are enough for it.
    shown = train(preset, "--dry-run", "--json").json
    assert shown["rows"] > 150
    assert shown["settings"]["model_name_or_path"] != resolve_settings(preset=preset).run.model_name_or_path


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_two_real_optimiser_steps(preset: str, train, tmp_path: Path) -> None:
    asked = resolve_settings(preset=preset)
    small = {
        "max_completion_length": 8,
        "per_device_train_batch_size": 4 * asked.trainer["num_generations"],
        "gradient_accumulation_steps": 1,
    }
    run = tmp_path / "run"
    train(preset, "--max-steps", "2", "--output-dir", run, *settings_of(small))

    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2]
    assert all(math.isfinite(step["loss"]) and step["grad_norm"] > 0 for step in steps)
    written = json.loads((run / "run.json").read_text())["settings"]
    objective = ("algorithm", "loss_type", "beta", "epsilon", "reward_funcs", "reward_weights", *OBJECTIVE)
    assert {key: written.get(key) for key in objective} == {key: asked.to_dict().get(key) for key in objective}


@pytest.mark.parametrize(
    ("preset", "objective"),
    [
        ("open-rs1", {"scale_rewards": "group", "adjust_gd": False, "min_inverse_alpha": 0.0}),
        ("open-rs3", {"scale_rewards": "group", "adjust_gd": False, "min_inverse_alpha": 0.0}),
        ("open-rs1-std", {"scale_rewards": "none", "adjust_gd": False, "min_inverse_alpha": 0.0}),
        ("qwen2.5-math-7b", {"scale_rewards": "none", "adjust_gd": True, "min_inverse_alpha": 0.5}),
        ("qwen2.5-math-7b-math", {"scale_rewards": "group", "adjust_gd": False, "min_inverse_alpha": 0.0}),
    ],
)
def test_the_objective_is_the_one_that_the_published_number_had(preset: str, objective: dict) -> None:
    settings = resolve_settings(preset=preset).to_dict()
    assert {key: settings[key] for key in objective} == objective


@pytest.mark.parametrize("preset", ["open-rs1", "qwen2.5-math-7b"])
def test_a_grpo_counterpart_differs_in_nothing_but_the_objective(preset: str) -> None:
    ours, grpo = (resolve_settings(preset=name).to_dict() for name in (preset, f"{preset}-grpo"))
    different = {key for key in ours.keys() | grpo.keys() if ours.get(key) != grpo.get(key)}
    of_the_objective = {"algorithm", "loss_type", "beta", "epsilon", "loss_reduction", *OBJECTIVE}
    assert different - of_the_objective == {"description"}
    assert (grpo["beta"], grpo["scale_rewards"], grpo["epsilon"]) == (0.04, "group", 0.2)


def test_presets_are_listed_with_model_data_steps_gpus_and_published_average(gpg) -> None:
    listed = {line.split("\t")[0]: line.split("\t")[1:] for line in gpg("presets").out.splitlines()}
    assert set(listed) == set(preset_paths())
    assert listed["open-rs1"] == ["DeepSeek-R1-Distill-Qwen-1.5B", "open-s1", "100", "16 x 80 GB", "55.7"]
    assert listed["open-rs1-grpo"] == ["DeepSeek-R1-Distill-Qwen-1.5B", "open-s1", "100", "16 x 80 GB", "-"]
    assert listed["cls-pets37"] == ["Qwen2-VL-2B-Instruct", "ViRFT_CLS_pets37_4shot", "24 epochs", "8 x 80 GB", "90.8"]
    assert listed["qwen2.5-math-7b"] == ["Qwen2.5-Math-7B", "SimpleRL-Zoo-Data", "5 epochs", "8 x 80 GB", "51.0"]
    assert {name for name, facts in listed.items() if facts[-1] != "-"} == set(PUBLISHED)


@pytest.mark.parametrize("preset", WITH_COMMENTS)
def test_comments_tell_what_to_expect_and_how_noisy_it_is(preset: str, gpg) -> None:
    printed = gpg("presets", preset).out
    assert printed == find_preset(preset).read_text(encoding="utf-8")
    assert "standard error" in printed
    average = read_layers(find_preset(preset))[-1].values.get("published_average")
    assert average is None or str(average) in printed.partition("published_average")[0]


def test_the_average_of_other_presets_is_not_inherited() -> None:
    """A preset that builds on a published one has a score of its own, or none."""
    for path in preset_paths().values():
        layers = read_layers(path)
        assert len(layers) == 1 or "published_average" in layers[-1].values, path


def test_the_line_for_one_24_gb_gpu_is_complete(train) -> None:
    text = SCALING.read_text(encoding="utf-8").partition("one 24 GB GPU")[2]
    found = re.search(r"```bash\n(gpg train .+?)```", text, re.DOTALL)
    assert found is not None
    words = shlex.split(found.group(1).replace("\\\n", " "))
    assert words[:4] == ["gpg", "train", "--preset", "open-rs1"]
    # The step is as large as that of 16 GPUs: 64 prompts.
    shown = train("open-rs1", *words[4:], "--dry-run", "--json").json["settings"]
    assert shown["per_device_train_batch_size"] * shown["gradient_accumulation_steps"] == 6 * 4 * 16
    assert (shown["use_peft"], shown["use_vllm"], shown["vllm_mode"]) == (True, True, "colocate")
