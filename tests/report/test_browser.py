import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emovec.report.sections.registry import charts_of, read_outs
from emovec.study.results import read_study

pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found: looked for chromium, chromium-browser and google-chrome on the PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


# What the browser says of its own speed when plotly draws points in space, on a machine without a graphics card.
SLOW_GRAPHICS = ("Canvas2D: Multiple readback operations", "GPU stall due to ReadPixels")


class Visit:
    """A report opened from disk, with everything that it said and asked for; the network is shut."""

    def __init__(self, browser: Any, path: Path, width: int = 1300):
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._allow_files)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=120_000)

    def _note(self, message: Any) -> None:
        if not any(known in message.text for known in SLOW_GRAPHICS):
            self.complaints.append(f"{message.type}: {message.text}")

    def _allow_files(self, route: Any) -> None:
        self.requests.append(route.request.url)
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    def first_trace(self, name: str) -> Any:
        return self.page.evaluate(f"JSON.stringify(document.getElementById('figure-{name}').data[0])")

    def slide(self, name: str, control: int, value: int) -> None:
        self.page.evaluate(
            f"""() => {{ const slider = document.getElementById('{name}-{control}');
            slider.value = {value}; slider.dispatchEvent(new Event('input')); }}"""
        )


@pytest.fixture(scope="module")
def visit(browser: Any, study: Path) -> Visit:
    return Visit(browser, study / "report.html")


def test_opens_from_disk_without_errors_or_requests(visit: Visit, study: Path):
    visit.page.wait_for_timeout(500)
    assert visit.complaints == []
    assert visit.requests == [(study / "report.html").as_uri()]


def test_every_figure_is_drawn(visit: Visit, study: Path):
    drawn = visit.page.evaluate("[...document.querySelectorAll('.js-plotly-plot .main-svg')].length")
    names = visit.page.evaluate("[...document.querySelectorAll('.js-plotly-plot')].map(e => e.id)")
    assert len(names) == len(charts_of(read_outs(read_study(study))))
    assert drawn >= len(names)
    assert visit.page.locator("#figure-lens-tokens td .token").count() == 80


def test_slider_and_choices_change_the_figure(visit: Visit):
    title = "#figure-cosine .annotation-text"
    assert visit.page.locator(title).first.text_content() == "English, layer 8, standardised"
    before = visit.first_trace("cosine")
    visit.slide("cosine", 0, 0)
    assert visit.page.locator(title).first.text_content() == "English, layer 0, standardised"
    assert visit.page.locator("#selectors-cosine output").text_content() == "0"
    after = visit.first_trace("cosine")
    assert before != after
    visit.page.get_by_label("English–Japanese").first.check()
    assert visit.page.locator(title).first.text_content() == "English–Japanese, layer 0, standardised"
    assert visit.first_trace("cosine") != after
    assert visit.complaints == []


def test_lens_table_follows_its_slider(visit: Visit):
    rows = "#figure-lens-tokens tbody"
    before = visit.page.locator(rows).text_content()
    visit.slide("lens-tokens", 0, 0)
    assert visit.page.locator(rows).text_content() != before


def test_labels_of_points_do_not_cover_each_other(visit: Visit):
    boxes = visit.page.evaluate(
        """[...document.querySelectorAll('#figure-pca .annotation-text')].map(e => {
        const b = e.getBoundingClientRect(); return [e.textContent, b.left, b.top, b.right, b.bottom]; })"""
    )
    assert len(boxes) >= 16
    for i, (a, *p) in enumerate(boxes):
        for b, *q in boxes[i + 1 :]:
            across, down = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
            assert across <= 1 or down <= 3, (a, b)


def test_page_does_not_spill_sideways_on_a_narrow_screen(browser: Any, study: Path):
    visit = Visit(browser, study / "report.html", width=420)
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    visit.page.close()
    assert width <= 420


def test_hostile_names_and_stories_stay_text(browser: Any, hostile: Path):
    visit = Visit(browser, hostile / "report.html")
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.broken === undefined")
    assert visit.complaints == []
    ticks = visit.page.locator("#figure-cosine .ytick text").all_text_contents()
    assert {"mad & sad", "a & y", "喜び"} <= set(ticks)
    assert visit.page.locator("#corpus script, #corpus img").count() == 0
    assert visit.page.locator("#corpus .story").first.text_content().startswith("</p><script>window.broken=1</script>")
    visit.page.close()
