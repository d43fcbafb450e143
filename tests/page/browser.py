"""Pages in a real browser: Debian's Chromium, without a screen."""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Each of them would set window.ran, in one context or another of HTML.
HOSTILE = [
    "</script><script>window.ran = 1</script>",
    "<!--<script>window.ran = 1</script>-->",
    "<img src=x onerror='window.ran = 1'><svg onload='window.ran = 1'>",
    "</pre></details></title></textarea></style><script>window.ran = 1</script>",
    r"$\text{<img src=x onerror=window.ran=1>}$ \(\href{javascript:window.ran=1}{x}\)",
    '"><iframe srcdoc="<script>parent.ran = 1</script>"></iframe>',
    "\u2028window.ran = 1\u2029 \u202etxet sdrawkcab \u2066\x00\x1b",
    "{{ 7 * 7 }} ${window.ran = 1} [[window.ran=1]] &lt;script&gt;",
    "<svg><animate onbegin=window.ran=1 attributeName=x dur=1s></svg><svg><a xlink:href=javascript:window.ran=1>x</a>",
    # What a parser changes when it reads its own output (mXSS).
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=window.ran=1&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=window.ran=1>'><xmp><img src=x onerror=window.ran=1></xmp>",
    "<a href='javascript:window.ran=1'>x</a> [x](javascript:window.ran=1) <form action=javascript:window.ran=1><input>",
    "<base href='http://127.0.0.1:9/'><link rel=stylesheet href=//127.0.0.1:9/x>",
    "<meta http-equiv=refresh content='0;url=//127.0.0.1:9/x'>",
    r"$\style{background:url(//127.0.0.1:9)}{x} \unicode{x3c} \mathrm{</math><script>window.ran=1</script>}$",
    "<template><script>window.ran=1</script></template><dialog open><iframe src=javascript:parent.ran=1></dialog>",
    "<details open ontoggle=alert(1)><body onload=alert(1)><video><source onerror=alert(1)>",
    "\ud800 half of a pair",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser that notes down its console and every request it makes."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install selenium")
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        # Chromium's sandbox does not start for root.
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield browser
    browser.quit()


class Reader:
    """What a person does with the page and sees on it."""

    def __init__(self, browser: Any, page: Path, fragment: str = "") -> None:
        self.browser = browser
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(page.as_uri() + fragment)
        self.until(lambda: self.all(".sample") or "None of" in self.status)

    def until(self, condition: Callable[[], Any]) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.browser, 20, poll_frequency=0.05).until(lambda _: condition())

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    @property
    def status(self) -> str:
        return self.one("#status").text

    def choose(self, name: str, value: str) -> None:
        from selenium.webdriver.support.select import Select

        before = self.status
        Select(self.one(f'[name="{name}"]')).select_by_value(value)
        self.until(lambda: self.status != before)

    def search(self, text: str, status: str) -> None:
        box = self.one('[name="text"]')
        box.clear()
        box.send_keys(text)
        self.until(lambda: self.status == status)

    def click(self, element: Any) -> None:
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def open(self, place: int) -> Any:
        sample = self.all(".sample")[place]
        self.click(sample.find_element("css selector", "summary"))
        self.until(lambda: sample.find_elements("css selector", ".completion"))
        return sample

    def look(self, width: int, scheme: str) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def take_picture(self, path: Path) -> None:
        shot = self.browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(shot["data"]))

    def assert_quiet(self) -> None:
        """Nothing of the data ran, the console is empty, nothing but the page itself was asked for."""
        assert self.browser.execute_script("return window.ran") is None
        said = self.browser.get_log("browser")
        assert said == [], said
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        assert asked
        assert all(address.startswith(("file:", "data:")) for address in asked), asked
