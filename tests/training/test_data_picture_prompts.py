"""Prompts about pictures: as the base and the instruct model read them, and never cropped."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import Dataset

from gpg_cli.errors import GpgError
from gpg_cli.training.data import load_training_data, make_prompts
from gpg_cli.training.data.picture_cells import row_pictures
from gpg_cli.training.data.picture_prompts import prepare_processor
from gpg_cli.training.data.rendering import prompt_lengths
from gpg_cli.training.pictures import PictureReader, with_pictures
from gpg_cli.training.settings import RunSettings, resolve_settings
from gpg_cli.vision.model import load_processor
from gpg_cli.vision.template import plain_template
from tests.vision.data_sets import CLS_PROBLEM, OF_PRESET, circles, with_image_column

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
TURN = f"{SYSTEM}<|im_start|>user\n{PICTURE}"
END = "<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def processor(tiny_qwen2_vl: Path) -> Any:
    return load_processor(str(tiny_qwen2_vl), min_pixels=3136, max_pixels=401408)


def settings_of(preset: str, dataset: Path, **changes: object) -> RunSettings:
    run = resolve_settings(preset=preset).run
    # The tiny tokenizer has a token for each byte.
    return run.model_copy(update={"dataset_name": str(dataset), "max_prompt_length": None, **changes})


def prompts_of(run: RunSettings, processor: Any) -> Dataset:
    return make_prompts(load_training_data(run, seed=0, vision=True), run, processor)


def rendered(preset: str, folder: Path, processor: Any) -> str:
    """The first prompt of a preset on its small data set, as the trainer's own reader tokenizes it."""
    folder.mkdir(exist_ok=True)
    run = settings_of(preset, OF_PRESET[preset](folder))
    row = prompts_of(run, processor)[0]
    own = load_processor(processor.tokenizer.name_or_path)
    reader = PictureReader(prepare_processor(own, run))
    ((ids,), (pictures,)) = reader.tokenize([with_pictures(row["prompt"], row["images"])])
    assert pictures == row_pictures(row)
    short = [token for place, token in enumerate(ids) if token != reader.image_token or ids[place - 1] != token]
    return processor.tokenizer.decode(short, clean_up_tokenization_spaces=False)


def test_the_base_model_s_prompt_has_no_roles(tmp_path: Path, processor: Any) -> None:
    text = rendered("sat-cvbench", tmp_path / "sat", processor)
    before, choices, after = text.partition("Choose between the following options: ")
    assert before == (
        f"{PICTURE}<image>A conversation between User and Assistant. The user asks a question about the image, and the "
        "Assistant solves it. The assistant first thinks about the reasoning process in the mind and then provides the "
        "user with the answer.\nUser:  Answer in natural language. How many circles are in picture 0? "
    )
    assert choices
    assert after.endswith(" \nAssistant: Let me solve this step by step.\n<think>")


def test_the_instruct_model_s_prompt_is_a_turn_with_the_picture_first(tmp_path: Path, processor: Any) -> None:
    assert rendered("sat-cvbench-instruct", tmp_path / "sat", processor) == (
        f"{TURN}<image> Answer in natural language. How many in 0? Choose between the following options: 1 or 2"
        f"  Output the thinking process in <think> </think> and final answer (option) in <answer> </answer> tags.{END}"
    )


def test_geoqa_s_prompt_has_two_blanks(tmp_path: Path, processor: Any) -> None:
    assert rendered("geoqa", tmp_path / "geoqa", processor) == (
        f"{TURN}As shown in figure 0, how large is the angle?  Output the thinking process in <think> </think> and "
        f"final answer (number) in <answer> </answer> tags.{END}"
    )


def test_nothing_is_put_around_the_problems_of_classification(tmp_path: Path, processor: Any) -> None:
    assert rendered("cls-flowers102", tmp_path / "cls", processor) == f"{TURN}{CLS_PROBLEM}{END}"


def test_lisa_s_prompt_is_upstream_s(tmp_path: Path, processor: Any) -> None:
    text = rendered("lisa-grounding", tmp_path / "lisa", processor)
    assert text == (
        f"{TURN}Output the bounding box in the image corresponding to the instruction: the thing that holds water "
        "Output the thinking process in <think> </think> and your grouding box. Following "
        f'"<think> thinking process </think>\n<answer>(x1,y1),(x2,y2)</answer>)" format.{END}'
    )


def test_rows_have_a_prompt_of_parts_an_undecoded_picture_and_the_gold(tmp_path: Path, processor: Any) -> None:
    row = prompts_of(settings_of("cls-pets37", OF_PRESET["cls-pets37"](tmp_path)), processor)[1]
    ((message,), (cell,)) = row["prompt"], row["images"]
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["image", "text"]
    assert isinstance(cell["bytes"], bytes)
    assert row["solution"] == "<answer>desert-rose</answer>"


def test_a_system_prompt_comes_before_the_picture(tmp_path: Path, processor: Any) -> None:
    run = settings_of("geoqa", OF_PRESET["geoqa"](tmp_path), system_prompt="Think.")
    system, user = prompts_of(run, processor)[0]["prompt"]
    assert (system["role"], system["content"][0]["text"]) == ("system", "Think.")
    assert user["content"][0]["type"] == "image"


def test_too_long_prompts_are_left_out_vision_tokens_counted(tmp_path: Path, processor: Any, capfd) -> None:
    """A picture of 84 x 84 takes 9 tokens, one of 280 x 280 takes 100; the others keep their own pictures."""
    rows = [
        {"image": circles(row + 1, size=(280, 280) if row == 1 else (84, 84)), "problem": "q", "solution": str(row)}
        for row in range(3)
    ]
    run = settings_of("geoqa", with_image_column(tmp_path / "rows.parquet", rows))
    data = load_training_data(run, seed=0, vision=True)
    lengths = prompt_lengths(data, list(prompts_of(run, processor)["prompt"]), run, processor)
    assert lengths[1] - lengths[0] == 100 - 9
    kept = prompts_of(run.model_copy(update={"max_prompt_length": lengths[0]}), processor)
    assert kept["solution"] == ["0", "2"]
    assert [row_pictures(row)[0].identity for row in kept] == [
        data.pictures.of(row)[0].identity for row in (0, 2) if data.pictures
    ]
    assert f"Left out 1 prompts of more than {lengths[0]} tokens." in capfd.readouterr().err
    with pytest.raises(GpgError, match="every prompt is longer than max_prompt_length = 10 tokens"):
        prompts_of(run.model_copy(update={"max_prompt_length": 10}), processor)


def test_pictures_are_chosen_by_an_index_and_not_copied(tmp_path: Path, processor: Any) -> None:
    run = settings_of("sat-cvbench", OF_PRESET["sat-cvbench"](tmp_path))
    data = load_training_data(run, seed=0, vision=True)
    assert data.pictures is not None

    def address(column: Any) -> int:
        return column.chunk(0).values.field("bytes").buffers()[2].address

    assert address(make_prompts(data, run, processor).data.column("images")) == address(data.pictures.cells)


def test_a_mark_of_the_model_in_a_problem_is_refused(tmp_path: Path, processor: Any) -> None:
    rows = [{"image": circles(1), "problem": f"q{mark}", "solution": "1"} for mark in ("", "<|image_pad|>")]
    run = settings_of("geoqa", with_image_column(tmp_path / "rows.parquet", rows))
    with pytest.raises(GpgError, match=r"row 2: its text holds <\|image_pad\|>"):
        prompts_of(run, processor)


def test_a_template_without_a_place_for_a_picture_is_refused(tmp_path: Path, processor: Any) -> None:
    other = load_processor(processor.tokenizer.name_or_path)
    other.chat_template = "{{ messages[-1]['content'][1]['text'] }}"
    run = settings_of("geoqa", OF_PRESET["geoqa"](tmp_path))
    with pytest.raises(GpgError, match="leaves no place for a picture") as refused:
        prompts_of(run, other)
    assert "use_chat_template=false" in refused.value.hint


def test_a_model_without_a_chat_template_says_what_to_do(tmp_path: Path, processor: Any) -> None:
    other = load_processor(processor.tokenizer.name_or_path)
    other.chat_template = other.tokenizer.chat_template = None
    with pytest.raises(GpgError, match="has no chat template"):
        prompts_of(settings_of("geoqa", OF_PRESET["geoqa"](tmp_path)), other)
    assert len(prompts_of(settings_of("sat-cvbench", OF_PRESET["sat-cvbench"](tmp_path)), other)) == 7


def test_the_template_of_a_base_model_is_saved_with_it(tmp_path: Path, processor: Any) -> None:
    own = load_processor(processor.tokenizer.name_or_path)
    run = settings_of("sat-cvbench", tmp_path)
    prepare_processor(own, run).save_pretrained(tmp_path / "model")
    assert load_processor(str(tmp_path / "model")).chat_template == plain_template(own)
    untouched = load_processor(processor.tokenizer.name_or_path)
    assert prepare_processor(untouched, settings_of("geoqa", tmp_path)).chat_template == processor.chat_template


def test_a_dry_run_shows_the_prompt_with_its_picture_s_size(gpg, tmp_path: Path, tiny_qwen2_vl: Path) -> None:
    data = OF_PRESET["geoqa"](tmp_path)
    call = ("train", "--preset", "geoqa", "--model", tiny_qwen2_vl, "--dataset", data, "--dry-run")
    few = ("--set", "gradient_accumulation_steps=1")
    shown = gpg(*call, *few)
    assert shown.code == 0, shown.err
    assert "<|vision_start|>[picture 84 x 56]<|vision_end|>As shown in figure 0" in shown.err
    assert "the picture from 'image', the gold answer from 'solution' (as it stands)" in shown.err
    facts = gpg(*call, *few, "--json").json
    assert facts["first_gold"] == "<answer> 90° </answer>"
    assert facts["data"]["columns"] == {"problem": "problem", "gold": "solution", "pictures": "image"}
    assert json.dumps(facts)


def test_a_text_model_is_refused_for_a_vision_preset(gpg, tmp_path: Path, tiny_model: Path) -> None:
    data = OF_PRESET["geoqa"](tmp_path)
    refused = gpg("train", "--preset", "geoqa", "--model", tiny_model, "--dataset", data, "--dry-run")
    assert refused.code == 2
    first, hint = refused.error_lines[-2:]
    assert f"the model {tiny_model} reads text alone, but the preset geoqa is for models that see" in first
    assert "--model Qwen/Qwen2-VL-2B-Instruct" in hint


def test_a_model_that_sees_takes_a_text_preset(gpg, json_lines, tiny_qwen2_vl: Path) -> None:
    rows = json_lines(*({"problem": f"{n}+1", "answer": str(n + 1)} for n in range(30)))
    shown = gpg(
        *("train", "--preset", "open-rs1", "--model", tiny_qwen2_vl, "--dataset", rows, "--dry-run"),
        *("--set", "max_prompt_length=4096"),
    )
    assert shown.code == 0, shown.err
    assert "The data has no pictures: a model that sees is trained on text alone." in shown.err


def test_gpg_check_reads_pictures(gpg, tmp_path: Path, tiny_qwen2_vl: Path) -> None:
    few = ("--set", "gradient_accumulation_steps=1")
    data = OF_PRESET["cls-cars196"](tmp_path)
    report = gpg("check", "--preset", "cls-cars196", "--model", tiny_qwen2_vl, "--dataset", data, *few, "--json")
    assert report.code in (0, 1), report.err
    sections = {section["title"]: section for section in report.json["sections"]}
    assert "Golds" not in sections
    assert sections["Rewards"]["findings"][0]["level"] == "ok", sections["Rewards"]
