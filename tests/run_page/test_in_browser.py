"""The page of runs in a real browser: clicked through, read by keys, looked at, and attacked."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.run_page import write_report
from tests.evaluation.page.conftest import SAMPLE, bench_scores
from tests.page.browser import HOSTILE, Reader

from .conftest import completion_line, step_line

pytestmark = pytest.mark.slow

RunFolder = Callable[..., Path]


@pytest.fixture
def read(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    def open_report(*runs: Path) -> Reader:
        return Reader(chromium, write_report(runs, tmp_path / "page.html").page)

    yield open_report
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


@pytest.fixture
def two(run_folder: RunFolder) -> tuple[Path, Path]:
    """Runs of 100 and of 50 steps, a completion a step; the second is half as fast and pays half as much."""
    slow = [step_line(step, **{"time/step": 20.0, "reward": step / 200}) for step in range(1, 51)]
    return (
        run_folder(
            "first",
            completions=[
                completion_line(
                    step,
                    accuracy=float(step % 4 > 0),
                    reward=step / 100,
                    advantage=[0.5, -0.5, 0.0, None][step % 4],
                    truncated=step % 10 == 0,
                    completion=f"needle-{step} is \\(\\frac{{{step}}}{{1}}\\).",
                )
                for step in range(1, 101)
            ],
            settings={"learning_rate": 1e-6},
        ),
        run_folder(
            "second",
            metrics=slow,
            completions=[completion_line(step) for step in range(1, 51)],
            settings={"learning_rate": 2e-6},
        ),
    )


def shown(page: Reader, selector: str) -> int:
    return sum(element.is_displayed() for element in page.all(selector))


def reading(page: Reader, curve: str) -> str:
    return " ".join(page.one(f'[data-curve="{curve}"] .reading').text.split())


def test_runs_are_switched_on_and_off_and_axes_and_smoothing_chosen(
    read: Callable[..., Reader], two: tuple[Path, Path]
) -> None:
    page = read(*two)
    reward = '[data-curve="reward"] .plot '
    assert shown(page, reward + ".raw.by-step") == shown(page, reward + ".smooth.by-step") == 2
    assert reading(page, "reward") == "last first: 0.964 second: 0.25"
    page.click(page.one('.legend [value="1"]'))
    assert shown(page, reward + ".smooth.by-step") == 1
    assert reading(page, "reward") == "last first: 0.964"
    page.click(page.one('.legend [value="1"]'))

    assert shown(page, reward + ".by-time") == 0
    page.click(page.one('[name="along"][value="time"]'))
    assert (shown(page, reward + ".smooth.by-time"), shown(page, reward + ".by-step")) == (2, 0)
    # Over time both end together: 100 steps of 10 s, 50 of 20 s; over steps the second ends in the middle.
    ends = [path.rect["width"] for path in page.all(reward + ".smooth.by-time")]
    assert ends[0] == pytest.approx(ends[1], rel=0.03)
    page.click(page.one('[name="along"][value="step"]'))
    ends = [path.rect["width"] for path in page.all(reward + ".smooth.by-step")]
    assert ends[1] == pytest.approx(ends[0] / 2, rel=0.03)

    page.click(page.one('[name="smooth"]'))
    assert (shown(page, reward + ".smooth"), shown(page, reward + ".raw.by-step")) == (0, 2)
    # What is measured at a few steps only is never smoothed.
    assert shown(page, '[data-curve="eval/math500"] .plot .smooth') == 2
    assert not page.one('[data-curve="grad_norm"], .more .curve').is_displayed()
    page.click(page.one(".more > summary"))
    assert page.one(".more .curve").is_displayed()
    page.assert_quiet()


def test_values_are_read_under_the_pointer_and_by_keys(read: Callable[..., Reader], two: tuple[Path, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page = read(*two)
    drawing = page.one('[data-curve="length"] > svg')
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", drawing)
    ActionChains(page.browser).move_to_element(drawing).perform()
    page.until(lambda: "step" in reading(page, "length"))
    word, step, _, first, _, second = reading(page, "length").split()
    assert (word, 30 < int(step) < 60) == ("step", True)
    assert {first, second} <= {str(200 + int(step)), "–"}
    ActionChains(page.browser).move_to_element(page.one("h1")).perform()
    page.until(lambda: reading(page, "length") == "last first: 300 second: 250")

    figure = page.one('[data-curve="length"]')
    page.browser.execute_script("arguments[0].focus()", figure)
    figure.send_keys(Keys.END)
    # The second run has ended long before.
    assert reading(page, "length") == "step 100 first: 300 second: –"
    figure.send_keys(Keys.ARROW_LEFT)
    assert reading(page, "length") == "step 99 first: 299 second: –"
    figure.send_keys(Keys.HOME)
    assert reading(page, "length") == "step 1 first: 201 second: 201"
    figure.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert reading(page, "length") == "step 3 first: 203 second: 203"
    page.click(page.one('[name="along"][value="time"]'))
    page.browser.execute_script("arguments[0].focus()", figure)
    figure.send_keys(Keys.END)
    assert reading(page, "length") == "after 17 min first: 300 second: 250"
    page.assert_quiet()


def test_completions_are_found_by_answer_step_and_text(read: Callable[..., Reader], two: tuple[Path, Path]) -> None:
    page = read(*two)
    assert page.status == "1–50 of 150 samples"
    page.choose("run", "0")
    assert page.status == "1–50 of 100 samples (150 in all)"
    page.choose("verdict", "wrong")
    assert page.status == "1–25 of 25 samples (150 in all)"
    assert {verdict.text for verdict in page.all(".sample > summary > .verdict")} == {"wrong"}

    page.one('[name="order"] [value="highest"]').click()
    page.until(lambda: page.all(".sample .place")[0].text == "Step 100")
    page.choose("end", "truncated")
    assert page.status == "1–5 of 5 samples (150 in all)"
    page.click(page.one('button[type="reset"]'))
    page.until(lambda: page.status == "1–50 of 150 samples")
    page.choose("push", "not trained on")
    assert page.status == "1–25 of 25 samples (150 in all)"
    page.choose("push", "")
    page.search("NEEDLE-77 ", "1–1 of 1 samples (150 in all)")

    sample = page.open(0)
    assert sample.find_elements("css selector", ".completion mfrac")
    facts = sample.find_element("css selector", ".facts").text.split("\n")
    told = dict(zip(facts[::2], facts[1::2], strict=True))
    assert {key: told[key] for key in ("Run", "Step", "Answer", "Reward", "Advantage", "Tokens")} == {
        "Run": "first",
        "Step": "77",
        "Answer": "right",
        "Reward": "0.77",
        "Advantage": "−0.5",
        "Tokens": "97",
    }
    assert [reward.text for reward in sample.find_elements("css selector", ".group li.this")] == ["1.25"]
    page.assert_quiet()


def test_a_completion_tells_its_run_where_another_run_kept_none(
    read: Callable[..., Reader], run_folder: RunFolder
) -> None:
    page = read(run_folder("old"), *(run_folder(name, completions=[completion_line(1)]) for name in ("new", "newest")))
    page.choose("run", "2")
    assert page.status == "1–1 of 1 samples (2 in all)"
    assert page.open(0).find_element("css selector", ".facts").text.split("\n")[:2] == ["Run", "newest"]
    assert "No completions were kept of old:" in page.one(".note").text
    page.assert_quiet()


def test_the_keyboard_and_a_screen_reader_reach_everything(read: Callable[..., Reader], two: tuple[Path, Path]) -> None:
    page = read(*two)
    unnamed = "return [...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert page.browser.execute_script(unnamed) == 0
    # What a screen reader is told of a drawing.
    spoken = page.one('[data-curve="length"] > svg').get_attribute("aria-label")
    assert "first: from 201 tokens at step 1 to 300 tokens at step 100" in spoken
    headings = [(heading.tag_name, heading.text) for heading in page.all("h1, h2")]
    assert headings == [
        ("h1", "2 runs"),
        *(("h2", text) for text in ("What differs", "Curves", "Scores", "Completions", "What is the same")),
    ]
    reached = "return document.querySelectorAll('.curve[tabindex=\"0\"]').length"
    assert page.browser.execute_script(reached) == len(page.all(".curve"))
    low = """
        const light = (color) => {
          const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
            .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        const probe = document.createElement("i");
        document.body.append(probe);
        return [0, 1, 2, 3, 4, 5].map((run) => {
          probe.style.color = `var(--run-${run})`;
          const [high, low] = [light(getComputedStyle(probe).color), paper].sort((a, b) => b - a);
          return (high + 0.05) / (low + 0.05);
        });
    """
    for scheme in ("light", "dark"):
        page.look(1280, scheme)
        # WCAG 2.2 asks 3:1 of what is drawn.
        assert min(page.browser.execute_script(low)) > 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_a_laptop_and_a_phone_by_day_and_by_night(
    read: Callable[..., Reader], two: tuple[Path, Path], tmp_path: Path, width: int, scheme: str
) -> None:
    page = read(*two)
    page.look(width, scheme)
    page.open(0)
    page.take_picture(tmp_path / f"report-{width}-{scheme}.png")
    assert page.browser.execute_script("return document.documentElement.scrollWidth") == width
    # Every curve with its title is on the page, beside others on a laptop, one below the other on a phone.
    lefts = {figure.rect["x"] for figure in page.all(".curve") if figure.is_displayed()}
    assert len(lefts) == (1 if width < 600 else 3)
    assert (tmp_path / f"report-{width}-{scheme}.png").stat().st_size > 10_000
    page.assert_quiet()


def test_it_prints_and_is_readable_without_a_script(
    read: Callable[..., Reader], two: tuple[Path, Path], chromium: Any
) -> None:
    page = read(*two)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert not page.one("#controls").is_displayed()
    # Paper is white, whatever the screen is.
    line = page.one('[data-curve="reward"] .plot .smooth.by-step')
    assert line.value_of_css_property("stroke") == "rgb(0, 103, 168)"
    assert shown(page, '[data-curve="reward"] .plot .smooth.by-step') == 2
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.refresh()
        assert not page.one("#controls").is_displayed()
        assert shown(page, '[data-curve="reward"] .plot .smooth.by-step') == 2
        assert "needs JavaScript" in page.one("main").text
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_nothing_that_a_model_or_the_data_wrote_is_run(
    read: Callable[..., Reader], run_folder: RunFolder, tally: Callable[[str, int], None]
) -> None:
    metrics = [
        step_line(step, **{f"rewards/{text}/mean": 0.5 for text in HOSTILE}, **{f"eval/{HOSTILE[2]}/score": 0.5})
        for step in (1, 2)
    ]
    completions = [
        completion_line(
            place + 1, prompt=text, gold=text, completion=text, rewards={text: 1.0, "__proto__": 0.5, HOSTILE[0]: 1.0}
        )
        for place, text in enumerate(HOSTILE)
    ]
    facts = {"model": HOSTILE[0], "dataset": HOSTILE[2], "preset": HOSTILE[3], "notes": HOSTILE, "finished": HOSTILE[5]}
    settings = {f"setting {text}": text for text in HOSTILE} | {"eval_bench": HOSTILE[1], "algorithm": HOSTILE[2]}
    hostile_name = "<img src=x onerror='window.ran = 1'>"
    runs = [
        run_folder(name, metrics=metrics, completions=completions, settings=settings | {"seed": seed}, **facts)
        for seed, name in enumerate((hostile_name, "other"))
    ]
    scores = bench_scores([SAMPLE], title=HOSTILE[0], published={HOSTILE[2]: 50.0, "GPG-RS1": 40.0}, rule=HOSTILE[3])
    whole = {"schema": 2, "model": HOSTILE[2], "engine": HOSTILE[5], "seed": 0, "samples": 1, "seconds": 1.0}
    (runs[0] / "eval").mkdir()
    written = json.dumps({**whole, "versions": {}, "suites": {}, "benches": {HOSTILE[2]: scores}})
    (runs[0] / "eval" / "results.json").write_text(written)
    page = read(*runs)
    page.click(page.one(".more > summary"))
    page.click(page.one("[data-open]"))
    page.until(lambda: len(page.all(".completion")) == 2 * len(HOSTILE))
    found = [element.get_attribute("textContent") for element in page.all(".completion")]
    assert found[0:8:2] == found[1:8:2] == HOSTILE[:4]
    made = page.all(
        "main img, main iframe, main script, .samples form:not(#filters), .samples a, main style, main base"
    )
    assert [element.get_attribute("outerHTML") for element in made] == []
    assert len(page.all("main form")) == 2
    for figure in page.all(".curve"):
        page.browser.execute_script("arguments[0].focus()", figure)
        figure.send_keys("\ue010")  # End
    tally("hostile texts in each place of a report, in a real browser", len(HOSTILE))
    page.assert_quiet()
