"""`gpg eval` of vision-language models: from data, pictures and a model to scores, masks and files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.compare import compare
from gpg_cli.evaluation.engine import EngineOptions
from gpg_cli.evaluation.for_training import held_out, measure
from gpg_cli.evaluation.pictures import PictureOptions
from gpg_cli.evaluation.plan import EvalRequest
from gpg_cli.evaluation.results import EvalResult
from gpg_cli.evaluation.run import evaluate, rescore
from tests.evaluation import drawn
from tests.evaluation.vision_set import CLASSES, VisionSet, put_in_mouth, vision_set

# To every row of the drawn set. By the published protocol "a table" is option A, and 717 in a name is all of it.
REPLIES = {
    "cvbench": [
        "<answer>(A)</answer>",
        "<answer>a table</answer>",
        "chair",
        "",
        "<answer>b</answer>",
        "<think>B or A?</think><answer>\n(B)\n</answer>",
        "<think>It is (A).</think><answer>(B)</answer>",
        "<answer>(A)</answer>",
    ],
    # flag_first: (0, 0, 0.25, 0.25); ignored: (0, 0, 0.5, 0.5); portrait: (0.25, 0.25, 0.75, 0.75).
    "lisa-val": ["(0,0),(250,250)", "<answer>(0,0),(500,250)</answer>", "(500,500),(1000,1000)"],
    # decimal; empty, to which no answer is right; triangle: the whole picture.
    "lisa-test": ["(94,100),(900,900)", "(0,0),(1000,1000)", "(1000,1000),(0,0)"],
    "cls-flowers102": [
        "<answer>rose</answer>",
        "<answer>ROSE</answer>",
        "<answer>rose</answer>",
        "<answer>desert-rose</answer>",
        "<answer>water lily</answer>",
        "<answer></answer>",
        "<answer>717</answer>",
        "Boeing 717",
    ],
    "geoqa": [
        "<answer> 140° </answer>",
        "so 65 it is <answer>65</answer>",
        r"$\frac{12}{5}$",
        "$8$",
        r"<answer> $4\pi$ </answer>",
        r"<answer> $\sqrt{3}$ </answer>",
        "<answer> 12米 </answer>",
        "",
    ],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> VisionSet:
    return vision_set(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def measured(
    data: VisionSet, tiny_qwen2_vl: Path, tiny_sam: Path, tmp_path_factory: pytest.TempPathFactory
) -> EvalResult:
    """The suite `vision` by the real engine, masks and all."""
    folder = tmp_path_factory.mktemp("measured") / "out"
    return evaluate(request(data, tiny_qwen2_vl, masks=str(tiny_sam), output_dir=folder), html=True)


def request(data: VisionSet, model: Path, benches: tuple[str, ...] = ("vision",), **changes: Any) -> EvalRequest:
    files = data.data_files if benches == ("vision",) else {name: data.data_files[name] for name in benches}
    folders = {name: folder for name, folder in data.pictures.folders.items() if name in files}
    values: dict[str, Any] = {"data_files": files, "pictures": PictureOptions(folders), "max_tokens": 8}
    return EvalRequest(model=str(model), benches=list(benches), **(values | changes))


def folder_of(result: EvalResult) -> Path:
    return Path(str(result.output_dir))


def test_the_suite_measures_every_benchmark_with_one_model_start(measured: EvalResult, data: VisionSet) -> None:
    written = json.loads((folder_of(measured) / "results.json").read_text())
    assert {name: bench["problems"] for name, bench in written["benches"].items()} == {
        **dict.fromkeys(data.data_files, 8),
        "lisa-val": 3,
        "lisa-test": 3,
    }
    assert {name: bench["metric"] for name, bench in written["benches"].items() if name.startswith("lisa")} == {
        "lisa-val": "mIoU",
        "lisa-test": "mIoU",
    }
    assert written["benches"]["cvbench"]["groups"]["task"].keys() == {"Count", "Relation", "Depth", "Distance"}
    assert written["suites"].keys() == {"cls"}
    test = written["benches"]["lisa-test"]["masks"]
    # The picture without shapes counts by LISA's definition alone.
    assert (test["first_polygon"]["pictures"], test["official"]["pictures"], test["without_shapes"]) == (2, 3, 1)


def test_the_page_shows_every_picture(measured: EvalResult) -> None:
    from tests.evaluation.page.conftest import Page

    problems = Page(folder_of(measured) / "report.html").data["problems"]
    assert len(problems) == 6 * 8 + 2 * 3
    assert all(problem["picture"].startswith("data:image/jpeg;base64,") for problem in problems)


def test_what_is_whole_is_neither_sampled_nor_segmented_again(
    measured: EvalResult, data: VisionSet, tiny_qwen2_vl: Path, tiny_sam: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = evaluate(request(data, tiny_qwen2_vl, masks=str(tiny_sam), output_dir=folder_of(measured)))
    err = capsys.readouterr().err
    assert "All 54 samples are in" in err
    assert "masks of" not in err
    assert again.benches["lisa-val"].masks == measured.benches["lisa-val"].masks


@pytest.fixture(scope="module")
def replied(data: VisionSet, tiny_qwen2_vl: Path, tmp_path_factory: pytest.TempPathFactory) -> EvalResult:
    """Replies that are known, judged by the real rules."""
    folder = tmp_path_factory.mktemp("replied") / "out"
    evaluate(request(data, tiny_qwen2_vl, tuple(REPLIES), masks="off", output_dir=folder))
    put_in_mouth(folder, REPLIES)
    return rescore(folder)


def test_cvbench_by_task_and_in_all(replied: EvalResult) -> None:
    metrics = replied.benches["cvbench"].metrics
    assert {task: score.accuracy for task, score in metrics.groups["task"].items()} == {
        "Count": 1.0,
        "Relation": 1.0,
        "Depth": 1.0,
        "Distance": 0.0,
    }
    # "a table" is not the chair of option A: the sound rule alone knows.
    assert (metrics.accuracy, metrics.strict, metrics.differing) == (6 / 8, 5 / 8, 1)


def test_the_mean_overlap_of_boxes_by_hand(replied: EvalResult) -> None:
    """Exact 1; half of the box 0.5; a quarter of both, 0.0625 / 0.4375 = 0.142857."""
    val, test = (replied.benches[name].metrics for name in ("lisa-val", "lisa-test"))
    assert round(val.accuracy, 4) == round((1 + 0.5 + 0.0625 / 0.4375) / 3, 4)
    # decimal: (10.5, 8.4, 100.8, 75.6) of 112 x 84 is (0.09375, 0.1, 0.9, 0.9), of which (0.094, 0.1, 0.9, 0.9) is in.
    # Without shapes 0, with swapped corners 0; both stay in the mean.
    assert round(test.accuracy, 4) == round(0.806 * 0.8 / (0.80625 * 0.8) / 3, 4)
    assert test.correct == 1


def test_classes_are_judged_leniently_and_strictly(replied: EvalResult) -> None:
    metrics = replied.benches["cls-flowers102"].metrics
    # rose, ROSE, rose in desert-rose, desert-rose, water lily, no empty answer, 717 in the name, no tags.
    assert metrics.verdicts["correct"] == metrics.correct
    samples = {sample.index: sample for sample in samples_of(replied, "cls-flowers102")}
    assert [samples[index].verdict == "correct" for index in (0, 1, 2, 3, 5, 6)] == [
        True,
        True,
        True,
        True,
        False,
        True,
    ]
    assert [samples[index].strict == "correct" for index in (0, 1, 2, 3, 5, 6)] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]


def test_geoqa_has_the_quirks_of_its_protocol_and_a_sound_rule_beside_it(replied: EvalResult) -> None:
    samples = {sample.index: sample for sample in samples_of(replied, "geoqa")}
    assert [samples[index].verdict == "correct" for index in range(8)] == [
        True,
        True,
        True,
        True,  # 8 for 8√{3}
        False,  # 4π is read as 4
        False,  # √{3} never parses
        True,
        False,
    ]
    strict = [samples[index].strict == "correct" for index in range(8)]
    assert (strict[3], strict[4], strict[5], strict[7]) == (False, True, True, False)
    assert replied.benches["geoqa"].metrics.differing >= 3


def samples_of(result: EvalResult, bench: str) -> list:
    from gpg_cli.evaluation.samples_file import read_samples

    return [sample for sample in read_samples(folder_of(result) / "samples.jsonl") if sample.bench == bench]


def test_overlaps_are_compared_picture_by_picture(measured: EvalResult, replied: EvalResult) -> None:
    found = compare(folder_of(measured), folder_of(replied))
    assert found.benches["lisa-val"].second == pytest.approx(replied.accuracy("lisa-val"))
    assert found.benches["lisa-val"].difference > 0.5
    assert found.only_first == 3 * 8


def test_masks_follow_the_boxes(
    data: VisionSet, tiny_qwen2_vl: Path, tiny_sam: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = request(data, tiny_qwen2_vl, ("lisa-val",), masks=str(tiny_sam), output_dir=tmp_path / "out")
    first = evaluate(asked).benches["lisa-val"].masks
    assert first is not None
    assert (first["without_box"], first["first_polygon"]["giou"]) == (3, 0)
    put_in_mouth(tmp_path / "out", {"lisa-val": REPLIES["lisa-val"]})
    # What was kept is of other boxes; without the pictures none are made.
    assert rescore(tmp_path / "out").benches["lisa-val"].masks is None
    second = evaluate(asked).benches["lisa-val"].masks
    assert second is not None
    assert second["without_box"] == 0
    assert rescore(tmp_path / "out").benches["lisa-val"].masks == second
    assert evaluate(replace(asked, masks="off")).benches["lisa-val"].masks == second
    assert "lisa-val: masks of 3 boxes" in capsys.readouterr().err


def test_without_the_segmenter_nothing_is_sampled(data: VisionSet, tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="facebook/sam-vit-huge") as caught:
        evaluate(request(data, tiny_qwen2_vl, ("lisa-val",), output_dir=tmp_path / "out"))
    assert "--masks off" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_text_model_is_refused_before_it_loads(data: VisionSet, chat_model: Path, tmp_path: Path) -> None:
    with pytest.raises(GpgError, match=r"geoqa shows pictures, and .* is a text model"):
        evaluate(request(data, chat_model, ("geoqa",), output_dir=tmp_path / "out"))


def test_lighteval_is_shown_no_pictures(data: VisionSet, tiny_qwen2_vl: Path) -> None:
    with pytest.raises(GpgError, match="lighteval"):
        evaluate(request(data, tiny_qwen2_vl, ("geoqa",), keep=False), harness="lighteval")


def test_other_pixels_are_another_evaluation(data: VisionSet, tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    asked = request(data, tiny_qwen2_vl, ("geoqa",), output_dir=tmp_path / "out")
    evaluate(asked)
    with pytest.raises(GpgError, match="--max-pixels is None there, 3136 here"):
        evaluate(replace(asked, pictures=PictureOptions(max_pixels=3136)))


def test_other_pictures_under_the_same_question_are_another_evaluation(tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    file = drawn.classes(tmp_path)
    asked = EvalRequest(
        model=str(tiny_qwen2_vl),
        benches=["cls-pets37"],
        data_files={"cls-pets37": file},
        pictures=PictureOptions({"": tmp_path / "pictures"}),
        max_tokens=2,
        output_dir=tmp_path / "out",
    )
    evaluate(asked)
    file.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))
    with pytest.raises(GpgError, match="cls-pets37: its data has changed"):
        evaluate(asked)


def test_text_and_pictures_are_measured_together(
    data: VisionSet, tiny_qwen2_vl: Path, json_lines: Callable[..., Path]
) -> None:
    asked = request(data, tiny_qwen2_vl, ("geoqa",), keep=False)
    sums = json_lines({"question": "1+1?", "answer": "#### 2"})
    both = evaluate(replace(asked, benches=["gsm8k", "geoqa"], data_files={**asked.data_files, "gsm8k": sums}))
    assert {name: bench.metrics.samples for name, bench in both.benches.items()} == {"gsm8k": 1, "geoqa": 8}


def test_the_limit_of_the_protocols_own_processor_is_mentioned(
    tiny_qwen2_vl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn.drawing(3, size=(800, 600)).save(tmp_path / "a.png")
    file = drawn.write_lines(tmp_path / "rows.jsonl", [{"image": "a.png", "label": "rose"}])
    asked = EvalRequest(model=str(tiny_qwen2_vl), benches=["cls-pets37"], data_files={"cls-pets37": file}, keep=False)
    evaluate(replace(asked, max_tokens=2))
    assert "pictures down to 401,408 pixels, the published protocol's to 12,845,056: --max-pixels" in (
        capsys.readouterr().err
    )


def test_an_instruct_model_is_offered_its_profile(
    data: VisionSet, tiny_qwen2_vl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "Qwen2-VL-2B-Instruct"
    model.symlink_to(tiny_qwen2_vl)
    evaluate(request(data, model, ("cvbench",), keep=False))
    assert "cvbench asks this model as if it were a base model; --profile qwen2-vl-instruct" in capsys.readouterr().err
    result = evaluate(request(data, model, ("cvbench",), profile="qwen2-vl-instruct", output_dir=tmp_path / "out"))
    prompt = samples_of(result, "cvbench")[0].prompt
    assert "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>How many organs" in prompt
    assert "(D) 0\nOutput the thinking process in <think> </think> and final answer in <answer>" in prompt


def test_training_measures_before_and_after_and_asks_with_pictures_meanwhile(
    data: VisionSet, tiny_qwen2_vl: Path
) -> None:
    files = {"lisa-val": data.data_files["lisa-val"]}
    assert measure(tiny_qwen2_vl, "lisa-val", files, 1, False) == 0.0
    asked = held_out("lisa-val", files, 1, str(tiny_qwen2_vl), 0)
    assert [len(pictures) for pictures in asked.pictures] == [1]
    assert asked.judge([asked.prompts[0][:3]])["score"] == 0


def test_the_command(gpg: Callable, data: VisionSet, tiny_qwen2_vl: Path, tmp_path: Path) -> None:
    outcome = gpg(
        *("eval", "--model", tiny_qwen2_vl, "--bench", "vision", *data.arguments, "--limit", "2", "--max-tokens", "2"),
        *("--masks", "off", "--max-pixels", "3136", "--skip-faulty", "--output-dir", tmp_path / "out", "--json"),
    )
    assert outcome.code == 0, outcome.err
    assert all(bench["problems"] == 2 for bench in outcome.json["benches"].values())
    assert outcome.json["suites"] == {}


@pytest.mark.slow
def test_vllm_and_transformers_say_the_same(data: VisionSet, tmp_path: Path, needs_torchvision: None) -> None:
    """Every benchmark, greedily, through both engines, by a model whose answers hang on the picture."""
    pytest.importorskip("vllm")
    from tests.evaluation.engines.picture_requests import save_sharp_vision_model

    model = save_sharp_vision_model(tmp_path / "model")
    said: dict[str, dict[tuple, str]] = {}
    for engine in ("vllm", "transformers"):
        arguments = {"dtype": "float32"}
        asked = request(data, model, masks="off", max_tokens=16, output_dir=tmp_path / engine)
        result = evaluate(replace(asked, engine=EngineOptions(engine, arguments=arguments)))
        every = (sample for bench in result.benches for sample in samples_of(result, bench))
        said[engine] = {sample.key: sample.completion for sample in every}
    assert said["vllm"].keys() == said["transformers"].keys()
    for bench in data.data_files:
        keys = [key for key in said["vllm"] if key[0] == bench]
        equal = sum(said["vllm"][key] == said["transformers"][key] for key in keys)
        print(f"{bench}: {equal} of {len(keys)} greedy completions are equal")
        assert equal > len(keys) / 2
    # The agreement means something: different pictures got different answers.
    assert len({said["vllm"][key] for key in said["vllm"] if key[0] == CLASSES[0]}) > 4
