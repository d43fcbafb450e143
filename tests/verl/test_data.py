"""`gpg data verl`: real problems as verl reads them, with the prompts that the trainer samples from."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from datasets import Dataset, load_dataset
from transformers import AutoTokenizer

from gpg_cli.verl.data import PLAIN_TEMPLATE, verl_rows
from gpg_cli.verl.reward import compute_score

from ..conftest import shared_data


def recipe(tmp_path: Path, model: Path, data: Path, **more: object) -> Path:
    path = tmp_path / "recipe.yaml"
    lines = {"model_name_or_path": str(model), "dataset_name": str(data), "reward_funcs": ["accuracy"], **more}
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in lines.items()))
    return path


@pytest.fixture
def byte_model(tmp_path: Path) -> Path:
    """A configuration and a tokenizer that knows every byte: all that the data need of a model."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_alone = Tokenizer(models.BPE({sign: number for number, sign in enumerate(alphabet)}, []))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, eos_token="<eos>", pad_token="<pad>")
    folder = tmp_path / "model"
    tokenizer.save_pretrained(folder)
    Qwen2Config(vocab_size=len(tokenizer)).save_pretrained(folder)
    return folder


def test_the_rows_of_a_real_file(gpg: Callable, tmp_path: Path, byte_model: Path) -> None:
    data = shared_data("math_l35_500.jsonl")
    made = recipe(
        tmp_path, byte_model, data, use_chat_template=False, system_prompt="Think.", max_prompt_length=400,
        prompt_template="Solve: {problem}",
    )  # fmt: skip
    outcome = gpg("data", "verl", "--config", made, "--to", "train.parquet", "--json")
    assert outcome.code == 0, outcome.err
    rows = load_dataset("parquet", data_files="train.parquet", split="train", cache_dir=str(tmp_path / "cache"))
    assert outcome.json == {"file": "train.parquet", "rows": len(rows), "too_long": outcome.json["too_long"]}
    assert 0 < len(rows) < 500
    assert outcome.json["too_long"] > 0
    assert set(rows.column_names) == {"data_source", "prompt", "ability", "reward_model", "extra_info"}

    # As gpg train has them: the dry run shows the first one.
    dry = gpg("train", "--config", made, "--dry-run", "--json")
    tokenizer = AutoTokenizer.from_pretrained(byte_model)
    shown = tokenizer.apply_chat_template(rows[0]["prompt"], chat_template=PLAIN_TEMPLATE, tokenize=False)
    assert dry.json["prompts"] == len(rows)
    assert dry.json["first_prompt"] == shown
    assert shown.startswith("Think.\n\nSolve: ")
    assert dry.json["first_gold"] == rows[0]["reward_model"]["ground_truth"]

    # And a perfect answer pays.
    gold = rows[3]["reward_model"]["ground_truth"]
    answer = "So it is $\\boxed{" + gold.strip("$") + "}$"
    assert compute_score(rows[3]["data_source"], answer, gold, rows[3]["extra_info"]) == 1.0


def test_messages_stay_messages() -> None:
    prompts = Dataset.from_dict(
        {
            "prompt": [[{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1?"}]],
            "solution": ["$2$"],
            "level": [3],
        }
    )
    row = verl_rows(prompts, "data.jsonl", "train")[0]
    assert row["prompt"] == prompts[0]["prompt"]
    assert row["reward_model"] == {"style": "rule", "ground_truth": "$2$"}
    assert json.loads(row["extra_info"]["columns"]) == {"level": 3}


def picture_rows(tmp_path: Path, problem: str) -> Path:
    from PIL import Image

    Image.new("RGB", (60, 40), "red").save(tmp_path / "red.jpg")
    row = {"image": "red.jpg", "problem": problem, "solution": "<answer> 2 </answer>"}
    (tmp_path / "rows.jsonl").write_text((json.dumps(row) + "\n") * 8)
    return tmp_path / "rows.jsonl"


def test_a_picture_has_its_place(gpg: Callable, tmp_path: Path, tiny_qwen2_vl: Path) -> None:
    from PIL import Image

    rewards = {"reward_funcs": ["vision_accuracy"], "image_column": "image"}
    made = recipe(tmp_path, tiny_qwen2_vl, picture_rows(tmp_path, "How many?"), **rewards)
    assert gpg("data", "verl", "--config", made, "--to", "train.parquet").code == 0
    rows = load_dataset("parquet", data_files="train.parquet", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(rows) == 8
    assert rows[0]["prompt"][-1] == {"role": "user", "content": "<image>How many?"}
    # verl opens bytes.
    assert Image.open(BytesIO(rows[0]["images"][0]["bytes"])).size == (60, 40)
    assert rows[0]["ability"] == "vision"


def test_a_text_that_verl_takes_for_a_picture_is_refused(gpg: Callable, tmp_path: Path, tiny_qwen2_vl: Path) -> None:
    rewards = {"reward_funcs": ["vision_accuracy"], "image_column": "image"}
    made = recipe(tmp_path, tiny_qwen2_vl, picture_rows(tmp_path, "See <image> here"), **rewards)
    outcome = gpg("data", "verl", "--config", made, "--to", "train.parquet")
    assert outcome.code == 2
    assert "prompt 1 holds the text <image>" in outcome.err
    assert not Path("train.parquet").exists()


def test_mistakes_are_told_before_anything_is_read(gpg: Callable, tmp_path: Path) -> None:
    assert "parquet" in gpg("data", "verl", "--preset", "open-rs1", "--to", "rows.jsonl").err
    (tmp_path / "there.parquet").touch()
    assert "exists" in gpg("data", "verl", "--preset", "open-rs1", "--to", "there.parquet").err
