import base64
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.page import browser, write_page
from gpg_cli.evaluation.page.thumbnails import thumbnails
from gpg_cli.vision.images import Picture
from tests.evaluation.drawn import save_drawing

from .conftest import SAMPLE, Page, bench_scores, changed

WRONG = changed(index=1, extracted="3", verdict="wrong", strict="correct", groups={"subject": "Geometry", "level": "5"})
TRUNCATED = changed(index=2, extracted=None, verdict="wrong", strict="wrong", finish_reason="length", tokens=32768)


def write(folder: Path) -> Page:
    target = folder / "page.html"
    write_page(folder, target)
    return Page(target)


def test_the_head_says_what_was_measured_with_what_and_how_long(evaluation_folder: Callable[..., Path]) -> None:
    page = write(evaluation_folder(SAMPLE))
    words = " ".join(page.text.split())
    for fact in ("org/model", "vllm", "42", "temperature 0.6, top_p 0.95, at most 32,768 tokens", "1 h 2 min"):
        assert fact in words
    assert "math: average of 1 benchmark 50.0 40.0–60.0 strict 49.0" in words
    assert "math-verify 0.9.0" in words
    assert "63c902dbdbaf1552" in words


def test_scores_stand_with_their_interval_and_what_the_strict_rule_says(evaluation_folder: Callable[..., Path]) -> None:
    samples = [SAMPLE, WRONG, TRUNCATED]
    page = write(evaluation_folder(*samples, benches={"math500": bench_scores(samples, available=500)}))
    head, row = page.tables["scores"]
    told = dict(zip(head, row, strict=True))
    assert told["Benchmark"] == "MATH-500"
    assert (told["Problems"], told["Score"], told["Strict"]) == ("3 of 500", "33.3", "33.3")
    assert (told["Verdicts that differ"], told["Truncated"]) == ("1", "33.3%")
    assert told["Mean tokens"] == "10,936"
    labels = [attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg"]
    assert "33.3 of 100, 95% interval 23.3 to 43.3" in labels


def test_published_scores_stand_beside_ours_with_the_difference_and_whether_it_is_noise(
    evaluation_folder: Callable[..., Path],
) -> None:
    samples = [SAMPLE, changed(index=1, verdict="wrong")]
    scores = bench_scores(samples, problems=500, available=500)
    page = write(evaluation_folder(*samples, benches={"math500": scores}))
    ours, first, second = page.tables["published"][1:]
    assert ours == ["org/model measured here", "50.0", "50.0"]
    assert first == ["GPG-RS1", "55.0 −5.0", "55.0 −5.0"]
    assert second == ["Open-RS1", "35.0 +15.0", "35.0 +15.0"]
    kinds = [attributes["class"] for tag, attributes in page.tags if "difference" in (attributes.get("class") or "")]
    assert kinds[:4] == ["difference within", "difference within", "difference up", "difference up"]


def test_some_of_the_problems_are_not_compared_with_what_was_published_of_all(
    evaluation_folder: Callable[..., Path],
) -> None:
    page = write(evaluation_folder(SAMPLE, benches={"math500": bench_scores([SAMPLE], available=500)}))
    assert "published" not in page.tables
    assert "Only some of the problems were asked: such numbers are not compared with published ones." in page.text


def test_an_average_is_compared_only_where_all_of_the_suite_was_published(
    evaluation_folder: Callable[..., Path],
) -> None:
    samples = SAMPLE, changed(bench="aime24")
    benches = {
        "math500": bench_scores(samples[:1], published={"A": 80.0, "B": 60.0}),
        "aime24": bench_scores(samples[1:], title="AIME24", published={"A": 30.0}),
    }
    page = write(evaluation_folder(*samples, benches=benches))
    assert page.tables["published"][2:] == [
        ["A", "80.0 +20.0", "30.0 +70.0", "55.0 −5.0"],
        ["B", "60.0 +40.0", "–", "–"],
    ]


def test_levels_stand_by_number_subjects_from_best_to_worst(evaluation_folder: Callable[..., Path]) -> None:
    groups = {
        "subject": {name: {"score": score, "problems": 9} for name, score in (("A", 10.0), ("B", 90.0), ("C", 50.0))},
        "level": {name: {"score": 50.0, "problems": 9} for name in ("Level 10", "Level 2", "Level 1")},
    }
    folder = evaluation_folder(SAMPLE, benches={"math500": bench_scores([SAMPLE], groups=groups)})
    names = [row[0] for row in write(folder).tables["groups"]]
    assert names == ["subject", "B", "C", "A", "level", "Level 1", "Level 2", "Level 10"]


def test_pass_at_k_and_the_majority_have_a_table_where_there_were_several_samples(
    evaluation_folder: Callable[..., Path],
) -> None:
    samples = SAMPLE, changed(number=1)
    several = bench_scores(samples, pass_at={"1": 50.0, "2": 62.5, "16": 80.0}, majority=55.5)
    page = write(evaluation_folder(*samples, benches={"math500": several}))
    head, row = page.tables["several"]
    assert head[1:] == ["pass@1", "pass@2", "pass@16", "majority of n"]
    assert row[1:] == ["50.0", "62.5", "80.0", "55.5"]
    assert "several" not in write(evaluation_folder(SAMPLE)).tables


def test_the_page_holds_every_sample_whole_and_in_the_order_of_the_data(
    evaluation_folder: Callable[..., Path],
) -> None:
    texts = ["plain", r"$x$ and \[y\]", "\u2028 </script><!--<script> \ud800", "长 😀 $\\frac{1}$"]
    samples = [changed(index=index, completion=text) for index, text in enumerate(texts)]
    data = write(evaluation_folder(*reversed(samples))).data
    sources = [source for source, _ in data["formulas"]]
    written = [
        "".join(piece if isinstance(piece, str) else sources[piece] for piece in sample["completion"])
        for sample in data["samples"]
    ]
    assert written == texts
    assert len(data["problems"]) == 4
    assert data["prompts"] == [SAMPLE.prompt]
    assert data["samples"][0] | {"completion": 0} == {
        "problem": 0,
        "prompt": 0,
        "number": 0,
        "completion": 0,
        "extracted": ["2"],
        "verdict": "correct",
        "strict": "correct",
        "value": None,
        "differs": False,
        "tokens": 20,
        "end": "complete",
        "seed": 7,
    }


def test_a_picture_stands_small_beside_its_problem(evaluation_folder: Callable[..., Path], tmp_path: Path) -> None:
    picture = Picture(str(save_drawing(tmp_path / "a.png")))
    samples = [changed(value=0.25, verdict="wrong", strict_value=0.75), changed(index=1)]
    write_page(evaluation_folder(*samples), tmp_path / "page.html", {("math500", 0): picture})
    data = Page(tmp_path / "page.html").data
    first, second = (problem["picture"] for problem in data["problems"])
    assert first.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(first.partition(",")[2]))) as shown:
        assert shown.size == (84, 56)
    assert second is None
    assert [(sample["value"], sample["differs"]) for sample in data["samples"]] == [(0.25, True), (None, False)]


def test_a_page_has_room_for_so_many_pictures(tmp_path: Path) -> None:
    pictures = {
        ("geoqa", number): Picture(str(save_drawing(tmp_path / f"{number}.png", number))) for number in range(3)
    }
    pictures["geoqa", 1] = Picture(str(tmp_path / "gone.png"))
    every = thumbnails(pictures)
    assert list(every) == [("geoqa", 0), ("geoqa", 2)]
    assert list(thumbnails(pictures, most_text=len(every["geoqa", 0]))) == [("geoqa", 0)]


def test_masks_stand_under_the_title(evaluation_folder: Callable[..., Path], tmp_path: Path) -> None:
    masks = {
        "segmenter": "facebook/sam-vit-huge",
        "first_polygon": {"giou": 50.4, "ciou": 40.0, "pictures": 777},
        "official": {"giou": 48.0, "ciou": 39.0, "pictures": 779},
    }
    benches = {"math500": bench_scores([SAMPLE], title="LISA test", metric="mIoU", masks=masks)}
    write_page(evaluation_folder(SAMPLE, benches=benches), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "gIoU 50.4 and cIoU 40.0 of 777 pictures (first polygon, as published)" in page
    assert "gIoU 48.0 and cIoU 39.0 of 779 pictures (as LISA defines it)" in page
    assert '<span class="muted">(mIoU)</span>' in page


def test_a_filter_is_offered_for_whatever_differs_and_counts_its_samples(
    evaluation_folder: Callable[..., Path],
) -> None:
    page = write(evaluation_folder(SAMPLE, WRONG, TRUNCATED))
    names = [attributes["name"] for tag, attributes in page.tags if tag == "select"]
    assert names == ["verdict", "strict", "end", "group:subject", "group:level", "order"]
    words = " ".join(page.text.split())
    assert "Verdict all correct (1) wrong (2)" in words
    assert "Level all 1 (2) 5 (1)" in words


def test_more_text_than_a_page_can_hold_is_cut_to_its_ends_and_the_page_says_so(
    evaluation_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "MOST_TEXT", 100)
    page = write(evaluation_folder(changed(completion="a" * 1000 + "the end"), changed(index=1, completion="short")))
    long, short = (sample["completion"] for sample in page.data["samples"])
    assert long == ["[957 characters left out]\n" + "a" * 43 + "the end"]
    assert short == ["short"]
    assert "only the last 50 characters are here; all of them are in samples.jsonl" in page.text


def test_samples_that_the_scores_do_not_count_are_mentioned(evaluation_folder: Callable[..., Path]) -> None:
    folder = evaluation_folder(SAMPLE, WRONG)
    lines = (folder / "samples.jsonl").read_text().splitlines()
    (folder / "samples.jsonl").write_text(lines[0] + "\n")
    assert "MATH-500: the scores are those of 2 samples, the folder holds 1." in write(folder).text


def test_the_page_needs_nothing_from_elsewhere_and_forbids_it(evaluation_folder: Callable[..., Path]) -> None:
    page = write(evaluation_folder(SAMPLE))
    addresses = [value for _, named in page.tags for name, value in named.items() if name in ("src", "href")]
    assert all(address == "data:," or address.startswith("#") for address in addresses)
    (policy,) = [named["content"] for _, named in page.tags if named.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [named for _, named in page.tags if "style" in named or any(name.startswith("on") for name in named)]


def test_names_from_the_files_are_escaped(evaluation_folder: Callable[..., Path]) -> None:
    hostile = "</title></script><script>ran()</script><img src=x onerror=ran()>"
    scores = bench_scores(
        [SAMPLE],
        title=hostile,
        groups={hostile: {hostile: {"score": 1.0, "problems": 1}}},
        published={hostile: 5.0},
        rule=hostile,
        data={hostile: hostile},
        verdicts={hostile: 1},
    )
    sample = changed(groups={hostile: hostile}, finish_reason=hostile)
    suite = {"benches": ["math500"], "score": 1.0, "interval": [0.0, 2.0], "strict": 1.0}
    page = write(
        evaluation_folder(
            sample,
            changed(index=1, groups={hostile: "{{ 7 * 7 }}"}),
            benches={"math500": scores},
            model=hostile,
            engine=hostile,
            versions={hostile: hostile},
            suites={hostile: suite},
        )
    )
    assert [named for tag, named in page.tags if tag == "script"] == [{"type": "application/gzip", "id": "data"}, {}]
    assert "img" not in [tag for tag, _ in page.tags]
    assert "{{ 7 * 7 }}" in page.text


def test_the_same_folder_gives_the_same_page_and_an_old_one_is_replaced(evaluation_folder: Callable[..., Path]) -> None:
    folder = evaluation_folder(SAMPLE, WRONG)
    first = write(folder).path.read_bytes()
    assert write(folder).path.read_bytes() == first
    assert sorted(os.listdir(folder)) == ["page.html", "results.json", "samples.jsonl"]


def refusal(folder: Path) -> GpgError:
    with pytest.raises(GpgError) as raised:
        write_page(folder, folder / "page.html")
    assert not (folder / "page.html").exists()
    return raised.value


def test_a_missing_folder_or_file_is_named(evaluation_folder: Callable[..., Path], tmp_path: Path) -> None:
    assert "there is no folder" in refusal(tmp_path / "nowhere").message
    folder = evaluation_folder(SAMPLE)
    (folder / "samples.jsonl").unlink()
    assert "holds no samples.jsonl" in refusal(folder).message
    (folder / "results.json").unlink()
    assert "holds no results.json" in refusal(folder).message
    assert "the same `gpg eval` command" in refusal(folder).hint


def test_another_schema_is_refused(evaluation_folder: Callable[..., Path]) -> None:
    older = refusal(evaluation_folder(SAMPLE, schema=1))
    assert "is of schema 1; this version of gpg reads schema 2" in older.message
    assert "gpg eval --rescore" in older.hint
    assert refusal(evaluation_folder(SAMPLE, schema=3)).hint == "Update gpg."
    assert "is of schema null" in refusal(evaluation_folder(SAMPLE, schema=None)).message


def test_a_results_file_without_a_score_is_refused(evaluation_folder: Callable[..., Path]) -> None:
    scores = bench_scores([SAMPLE])
    del scores["score"]
    assert (
        "benches.math500.score: Field required"
        in refusal(evaluation_folder(SAMPLE, benches={"math500": scores})).message
    )


def test_samples_of_a_benchmark_without_scores_are_refused(evaluation_folder: Callable[..., Path]) -> None:
    folder = evaluation_folder(SAMPLE, changed(bench="gsm8k"), benches={"math500": bench_scores([SAMPLE])})
    assert "holds samples of gsm8k, which results.json does not name" in refusal(folder).message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"bench": "math5', "samples.jsonl:2 is not JSON"),
        ("[]", "samples.jsonl:2 is not a JSON object"),
        (json.dumps({"bench": "math500"}), "samples.jsonl:2 is not a sample: index: "),
    ],
)
def test_a_line_that_is_no_sample_is_named(evaluation_folder: Callable[..., Path], line: str, complaint: str) -> None:
    folder = evaluation_folder(SAMPLE)
    with (folder / "samples.jsonl").open("a") as file:
        file.write(line + "\n")
    assert complaint in refusal(folder).message


def test_a_target_that_cannot_be_written_is_named(evaluation_folder: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(GpgError, match="cannot write"):
        write_page(evaluation_folder(SAMPLE), tmp_path / "nowhere" / "page.html")
