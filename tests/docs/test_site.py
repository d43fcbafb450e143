"""The site as it is built: strictly, and read without a network. Needs the extra `docs`; .ci/run has it elsewhere."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .pages import ROOT

pytest.importorskip("mkdocs", reason="needs the extra docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    found = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert len(found) > 20
    return found


def test_formulas_are_mathml(site: Path, pages: list[Path]) -> None:
    method = (site / "method" / "index.html").read_text(encoding="utf-8")
    assert method.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') == 3
    assert method.count("<math") > 10
    for page in pages:
        assert 'class="arithmatex"' not in page.read_text(encoding="utf-8"), page


def test_the_method_shows_the_lines_of_each_formula(site: Path) -> None:
    """mkdocstrings reads them from the source, so that they cannot be those of yesterday."""
    method = (site / "method" / "index.html").read_text(encoding="utf-8")
    source = (ROOT / "gpg_cli" / "training" / "objective.py").read_text(encoding="utf-8").splitlines()
    for function in ("group_advantages", "gpg_loss", "token_weights", "inverse_alpha", "importance_weights"):
        first = next(number for number, line in enumerate(source, 1) if line.startswith(f"def {function}("))
        part = method.partition(f'id="gpg_cli.training.objective.{function}"')[2]
        assert re.search(r'<span class="normal">\s*(\d+)', part)[1] == str(first)  # type: ignore[index]


def test_pages_fetch_nothing_from_elsewhere(site: Path, pages: list[Path]) -> None:
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|img|iframe|source)[^>]+src="(?:https?:)?//[^"]+', text), page
        assert not re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect|icon)"[^>]+href="(?:https?:)?//', text), page
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", style.read_text(encoding="utf-8")), style


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.slow
def test_pages_fit_a_phone_and_the_search_finds(address: str, site: Path, pages: list[Path]) -> None:
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install selenium")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    # Containers run as root, for whom Chromium's sandbox does not start.
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-sandbox"):
        options.add_argument(argument)
    browser = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        for page in pages:
            browser.get(address + str(page.parent.relative_to(site)).removeprefix(".") + "/")
            wider = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{page}: {wider} pixels wider than a phone"
        browser.get(f"{address}?q=threshold")
        waiting = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait(browser, 20)
        waiting.until(lambda page: page.find_elements("css selector", ".md-search-result__item"))
        fetched = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert fetched
        assert not [name for name in fetched if not name.startswith(address)]
    finally:
        browser.quit()
