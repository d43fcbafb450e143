"""The page of an evaluation in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gpg_cli.data_file import read_json_lines
from gpg_cli.evaluation.page import write_page
from tests.conftest import shared_data
from tests.page.browser import HOSTILE, Reader

from .conftest import SAMPLE, bench_scores, changed

pytestmark = pytest.mark.slow


@pytest.fixture
def read(chromium: Any) -> Iterator[Callable[..., Reader]]:
    yield lambda folder, fragment="": Reader(chromium, _page(folder), fragment)
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def _page(folder: Path) -> Path:
    write_page(folder, folder / "page.html")
    return folder / "page.html"


@pytest.fixture
def many(evaluation_folder: Callable[..., Path]) -> Path:
    """120 samples of two benchmarks, 60 of each: 40 wrong, 12 truncated, 10 whose strict verdict differs."""
    samples = [
        changed(
            bench="math500" if place < 60 else "gsm8k",
            index=place % 60,
            problem=f"What is ${place} + 1$?",
            completion=f"It is $\\frac{{{place}}}{{1}} + 1$. needle-{place}.",
            verdict="wrong" if place % 3 == 0 else "correct",
            strict="wrong" if place % 3 == 0 or place % 12 == 1 else "correct",
            finish_reason="length" if place % 10 == 0 else "stop",
            tokens=100 + place,
            groups={"subject": "Algebra" if place % 2 else "Geometry"} if place < 60 else {},
        )
        for place in range(120)
    ]
    titles = {"math500": "MATH-500", "gsm8k": "GSM8K"}
    benches = {
        name: bench_scores([sample for sample in samples if sample.bench == name], title=title)
        for name, title in titles.items()
    }
    return evaluation_folder(*samples, benches=benches)


def test_filters_pages_and_search_show_what_they_say(read: Callable[..., Reader], many: Path) -> None:
    page = read(many)
    assert page.status == "1–50 of 120 samples"
    assert len(page.all(".sample")) == 50
    page.click(page.one('[data-step="1"]'))
    assert page.status == "51–100 of 120 samples"
    page.click(page.one('[data-step="1"]'))
    assert page.status == "101–120 of 120 samples"
    assert not page.one('[data-step="1"]').is_enabled()

    page.choose("verdict", "wrong")
    assert page.status == "1–40 of 40 samples (120 in all)"
    assert {verdict.text for verdict in page.all(".sample > summary > .verdict")} == {"wrong"}
    page.choose("bench", "gsm8k")
    assert page.status == "1–20 of 20 samples (120 in all)"
    page.choose("end", "truncated")
    assert page.status == "1–2 of 2 samples (120 in all)"
    page.click(page.one('button[type="reset"]'))
    page.until(lambda: page.status == "1–50 of 120 samples")

    page.choose("strict", "differs")
    assert page.status == "1–10 of 10 samples (120 in all)"
    assert "strict: wrong" in page.all(".sample")[0].text
    page.choose("strict", "")
    page.choose("group:subject", "Geometry")
    assert page.status == "1–30 of 30 samples (120 in all)"
    page.choose("group:subject", "")
    page.search("NEEDLE-77.", "1–1 of 1 samples (120 in all)")
    page.search(r"\frac{118}{1}", "1–1 of 1 samples (120 in all)")
    page.search("nothing of the kind", "None of the 120 samples match.")
    page.assert_quiet()


def test_the_longest_completions_can_come_first(read: Callable[..., Reader], many: Path) -> None:
    page = read(many)
    before = page.all(".sample")[0]
    page.one('[name="order"] [value="longest"]').click()
    page.until(lambda: page.all(".sample")[0] != before)
    assert [sample.text for sample in page.all(".sample > summary > .end")[:2]] == ["219 tokens", "218 tokens"]


def test_the_tables_lead_into_the_samples_and_an_address_holds_the_choice(
    read: Callable[..., Reader], many: Path
) -> None:
    page = read(many)
    page.click(page.one('[aria-label="MATH-500: 5 verdicts differ"]'))
    page.until(lambda: page.status == "1–5 of 5 samples (120 in all)")
    page.click(page.one(".breakdown a"))
    page.until(lambda: page.status == "1–30 of 30 samples (120 in all)")
    address = page.browser.current_url
    again = read(many, "#" + address.partition("#")[2])
    assert again.status == "1–30 of 30 samples (120 in all)"
    assert read(many, "#length=1&nothing=2").status == "1–50 of 120 samples"
    again.assert_quiet()


def test_an_open_sample_shows_mathematics_answers_prompt_and_the_whole_of_a_long_completion(
    read: Callable[..., Reader], evaluation_folder: Callable[..., Path]
) -> None:
    long = changed(
        completion=r"First \[ \frac{1}{2} \] and malformed $\frac{1}$" + "\nword" * 1000, gold=("2", r"\sqrt{4}")
    )
    page = read(evaluation_folder(long))
    sample = page.open(0)
    fraction = sample.find_element("css selector", ".completion mfrac")
    numerator, denominator = (part.rect for part in fraction.find_elements("css selector", "mn"))
    assert numerator["y"] + numerator["height"] <= denominator["y"]
    words = sample.text
    assert r"malformed $\frac{1}$" in words
    assert "2 or" in words
    assert sample.find_elements("css selector", ".answer msqrt")

    prompt = sample.find_element("css selector", ".prompt")
    assert SAMPLE.prompt not in sample.text
    page.click(prompt.find_element("css selector", "summary"))
    page.until(lambda: SAMPLE.prompt in sample.text)

    completion = sample.find_element("css selector", ".completion")
    folded = completion.size["height"]
    page.click(sample.find_element("css selector", "button"))
    assert completion.size["height"] > 10 * folded
    page.assert_quiet()


def test_the_keyboard_alone_opens_a_sample(read: Callable[..., Reader], many: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page = read(many)
    summary = page.one(".sample > summary")
    page.browser.execute_script("arguments[0].focus()", summary)
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until(lambda: page.all(".completion"))
    unnamed = "return [...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert page.browser.execute_script(unnamed) == 0


def test_nothing_that_a_model_or_the_data_wrote_is_run(
    read: Callable[..., Reader], evaluation_folder: Callable[..., Path], tally: Callable[[str, int], None]
) -> None:
    samples = [
        changed(
            index=place,
            problem=text,
            prompt=text,
            completion=text,
            extracted=text,
            gold=(text, text),
            groups={text: text, "__proto__": text},
        )
        for place, text in enumerate(HOSTILE)
    ]
    scores = bench_scores(samples, title=HOSTILE[0], published={HOSTILE[2]: 50.0}, rule=HOSTILE[3])
    page = read(evaluation_folder(*samples, benches={"math500": scores}, model=HOSTILE[2], engine=HOSTILE[5]))
    page.click(page.one("[data-open]"))
    page.until(lambda: len(page.all(".completion")) == len(HOSTILE))
    for summary in page.all(".prompt > summary"):
        page.click(summary)
    page.until(lambda: len(page.all(".prompt > pre")) == len(HOSTILE))
    completions = [element.get_attribute("textContent") for element in page.all(".completion")]
    assert completions[:4] == HOSTILE[:4]
    assert completions[5] == HOSTILE[5]
    # Marks that would turn the text around are shown instead.
    assert "U+202Etxet sdrawkcab U+2066U+0000U+001B" in completions[6]
    assert completions[7:] == [*HOSTILE[7:-1], "U+D800 half of a pair"]
    made = page.all("main img, main iframe, main script, .samples form:not(#filters), .samples svg, .samples a")
    assert [element.get_attribute("outerHTML") for element in made] == []
    tally("hostile texts in each place of a page, in a real browser", len(HOSTILE))
    page.assert_quiet()


def test_the_policy_of_the_page_stops_what_would_come_from_elsewhere(
    read: Callable[..., Reader], evaluation_folder: Callable[..., Path]
) -> None:
    """Were something of the data to become an element after all, it would neither run nor reach the network."""
    page = read(evaluation_folder(SAMPLE))
    attempt = """
        const done = arguments[0], stopped = [];
        const attempt = (act) => { try { act(); } catch (error) { stopped.push(error.message); } };
        document.addEventListener("securitypolicyviolation", (event) => stopped.push(event.effectiveDirective));
        const script = document.createElement("script"), picture = document.createElement("img");
        attempt(() => { document.body.innerHTML += "<b>x</b>"; });
        attempt(() => { script.src = "http://127.0.0.1:9/x.js"; });
        script.append("window.ran = 1");
        picture.src = "http://127.0.0.1:9/x.png";
        attempt(() => document.body.append(picture, script));
        fetch("http://127.0.0.1:9/").catch(() => setTimeout(() => done(stopped), 200));
    """
    stopped = page.browser.execute_async_script(attempt)
    assert {"img-src", "connect-src"} <= set(stopped)
    assert sum("requires 'Trusted" in message for message in stopped) == 2
    assert page.browser.execute_script("return window.ran") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_it_fits_a_laptop_and_a_phone_by_day_and_by_night(
    read: Callable[..., Reader], many: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    page = read(many)
    page.look(width, scheme)
    page.open(0)
    page.take_picture(tmp_path / f"page-{width}-{scheme}.png")
    assert page.browser.execute_script("return document.documentElement.scrollWidth") == width
    paper = page.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 252, 250)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert (tmp_path / f"page-{width}-{scheme}.png").stat().st_size > 10_000
    page.assert_quiet()


def test_real_completions_open_all_at_once_with_their_mathematics(
    read: Callable[..., Reader], evaluation_folder: Callable[..., Path], tmp_path: Path
) -> None:
    rows = read_json_lines(shared_data("math_completions.jsonl"))[::8]
    samples = [
        changed(index=place, **{key: row[key] for key in ("problem", "gold", "completion")})
        for place, row in enumerate(rows)
    ]
    page = read(evaluation_folder(*samples))
    page.click(page.one("[data-open]"))
    page.until(lambda: len(page.all(".completion")) == len(rows))
    assert len(page.all(".completion math")) > 500
    page.take_picture(tmp_path / "real.png")
    page.assert_quiet()
