"""The benchmarks with pictures, letter by letter as their protocols ask, and with the published numbers as they are."""

import math
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.problems import load_problems

THINKING = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think><answer> answer here </answer>"
)
TASKS = {"Count": 788, "Relation": 650, "Depth": 600, "Distance": 600}
CLASSES = ["cls-flowers102", "cls-pets37", "cls-fgvc-aircraft", "cls-cars196"]


def test_cvbench_asks_a_base_model() -> None:
    bench = load_bench("cvbench")
    # The word <image> beside the picture, a blank before the second line's end, and nothing after <think>.
    assert bench.query("How many? (A) 1 (B) 2") == (
        "<image>A conversation between User and Assistant. The user asks a question about the image, and the Assistant "
        "solves it. The assistant first thinks about the reasoning process in the mind and then provides the user with "
        "the answer.\nUser: How many? (A) 1 (B) 2 \nAssistant: Let me solve this step by step.\n<think>"
    )
    assert (bench.chat, bench.system_prompt) == (False, None)
    assert (bench.sampling.temperature, bench.sampling.max_tokens) == (0, 1024)


@pytest.mark.parametrize("name", ["lisa-val", "lisa-test"])
def test_lisa_asks_with_a_system_message_and_a_full_stop(name: str) -> None:
    bench = load_bench(name)
    assert bench.query("the cup") == (
        "Output the bounding box in the image corresponding to the instruction: the cup. Output the thinking process "
        'in <think> </think> and your grouding box. Following "<think> thinking process </think>\n'
        '<answer>(x1,y1),(x2,y2)</answer>)" format.'
    )
    assert bench.system_prompt == THINKING
    assert (bench.chat, bench.masks, bench.pictures.upright) == (True, True, False)
    assert (bench.sampling.temperature, bench.sampling.max_tokens) == (0, 128)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cls-flowers102", "a plant. Please identify the species of the plant"),
        ("cls-pets37", "a pet. Please identify the species of the pet"),
        ("cls-fgvc-aircraft", "an aircraft. Please identify the model of the aircraft"),
        ("cls-cars196", "a car. Please identify the model of the car"),
    ],
)
def test_classification_asks_the_same_of_every_picture(name: str, sentence: str) -> None:
    bench = load_bench(name)
    assert bench.query("") == (
        f"<image>\nThis is an image containing {sentence} based on the image.\nOutput the thinking process in <think> "
        "</think> and final answer in <answer> </answer> tags.The output answer format should be as follows:\n<think> "
        "... </think> <answer>species name</answer>\nPlease strictly follow the format."
    )
    assert (bench.chat, bench.system_prompt, bench.sampling.max_tokens) == (True, None, 1024)


def test_geoqa_has_one_blank_before_output() -> None:
    assert load_bench("geoqa").query("Find x.") == (
        "Find x. Output the thinking process in <think> </think> and final answer (number) in <answer> </answer> tags."
    )


@pytest.mark.parametrize(
    ("row", "right"),
    [
        ("Qwen2-VL-2B-SFT", (473, 448, 330, 275)),
        ("Qwen2-VL-2B-GRPO", (470, 434, 325, 340)),
        ("Qwen2-VL-2B-GPG", (525, 541, 490, 453)),
    ],
)
def test_the_published_numbers_of_cvbench_are_cut_to_two_decimals(row: str, right: tuple[int, ...]) -> None:
    """As whole numbers of right answers they add up; rounded, 490 of 600 would be 81.67."""
    bench = load_bench("cvbench")

    def cut(share: float) -> float:
        return math.floor(share * 10_000) / 100

    published = bench.published_groups["task"]
    assert [published[task][row] for task in TASKS] == [
        cut(count / of) for count, of in zip(right, TASKS.values(), strict=True)
    ]
    assert bench.published[row] == cut(sum(right) / sum(TASKS.values()))
    if row == "Qwen2-VL-2B-GPG":
        assert round(100 * right[2] / 600, 2) != published["Depth"][row]


def test_the_published_average_of_classification_counts_every_set_the_same() -> None:
    mean = sum(load_bench(name).published["Qwen2-VL-2B-GPG"] for name in CLASSES) / 4
    assert mean == pytest.approx(89.025)


def test_the_published_numbers_of_geoqa_are_of_754_problems() -> None:
    published = load_bench("geoqa").published
    assert list(published.values()) == [round(100 * right / 754, 2) for right in (267, 358, 387)]


@pytest.mark.parametrize("name", ["lisa-val", "lisa-test", "geoqa", *CLASSES])
def test_data_that_is_on_no_server_is_told_where_to_get(name: str) -> None:
    with pytest.raises(GpgError, match=f"the data of {name} is on no server") as caught:
        load_problems(load_bench(name), None, None)
    assert f"--data {name}=" in caught.value.hint
    assert "github.com/" in caught.value.hint


def test_cvbench_comes_from_the_hub() -> None:
    with pytest.raises(GpgError, match="'nyu-visionx/CV-Bench': the Hugging Face Hub cannot") as caught:
        load_problems(load_bench("cvbench"), None, None)
    assert "--data cvbench=" in caught.value.hint


def test_a_benchmark_of_ones_own_may_have_pictures(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: Mine\ndescription: two pictures\ndata: {local: ask me}\ncolumns: {gold: name, image: file}\n"
        'rule: class-name\nprompt: "What is it?"\nsampling: {temperature: 0, max_tokens: 8}\n'
    )
    assert load_bench(str(path)).shows_pictures
