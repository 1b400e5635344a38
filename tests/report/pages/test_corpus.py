"""The page of a corpus: complete in itself, safe with any text, and right in its numbers."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import audit_corpus
from emovec.corpus.quality.check import check_corpus
from emovec.corpus.quality.scores import scores
from emovec.report.pages.corpus import differing, excerpt, render

EMOTIONS = ["calm", "sad", "angry", "proud"]


def pages(name: str = "mine.jsonl") -> tuple[str, Corpus]:
    stories = [s for s in bundled_stories("plain") if s.emotion in EMOTIONS]
    stories[0] = replace(
        stories[0], text=f"<script>alert('x')</script> {stories[0].emotion} {stories[0].text}", id="<b>id</b>"
    )
    stories[1] = replace(stories[1], text=stories[3].text, emotion="sad")
    corpus = Corpus(stories[:-1], bundled_neutral()[:4], [], {})
    check = check_corpus(corpus, ["en", "ja"], EMOTIONS, count_tokens=lambda text: len(text))
    return render(name, corpus, check, audit_corpus(corpus, permutations=9)), corpus


@pytest.fixture(scope="module")
def page() -> str:
    return pages('a "<name>".jsonl')[0]


def test_the_page_loads_nothing_from_elsewhere(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!#|data:,")', page)
    assert "<script" not in page
    assert "&lt;script&gt;alert" in page
    assert "<b>id</b>" not in page
    assert "a &#34;&lt;name&gt;&#34;.jsonl" in page


def test_every_score_is_on_the_page(page: str) -> None:
    html, corpus = pages()
    check = check_corpus(corpus, ["en", "ja"], EMOTIONS, count_tokens=lambda text: len(text))
    table = scores(corpus, check, audit_corpus(corpus, permutations=9))
    assert set(table["language"]) == {"en", "ja"}
    for row in table.itertuples():
        assert f"<td>{row.check}</td>" in html
        assert str(row.finding).replace("'", "&#39;") in html
    assert html.count('class="bar ') == len(table)


def test_examples_are_shown(page: str) -> None:
    assert "under several emotions" in page
    assert re.search(r"<mark>(calm|sad|angry|proud)</mark>", page)
    assert 'lang="ja"' in page
    assert 'class="none"' in page  # the cell whose story was taken away


def test_an_empty_corpus_has_a_page() -> None:
    corpus = Corpus([], [], [], {})
    html = render("none", corpus, check_corpus(corpus, ["en"], EMOTIONS), audit_corpus(corpus))
    assert "A run would fail." in html


@given(text=st.text("ab <&\n", max_size=300), words=st.lists(st.text("ab <", max_size=3), max_size=3))
def test_excerpts_escape_their_text(text: str, words: list[str]) -> None:
    found = str(excerpt(text, words, "en"))
    bare = found.replace("<mark>", "").replace("</mark>", "").replace("…", "")
    assert "<" not in bare
    assert not re.search(r"&(?!amp;|lt;|gt;|#34;|#39;)", bare)
    assert bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") in text


def test_whole_words_alone_are_marked() -> None:
    text = "They enjoyed the ride. " + "It went on and on, up the hill. " * 4 + "Then came joy, and killjoys."
    assert re.findall(r"(\w*)<mark>(\w+)</mark>(\w*)", str(excerpt(text, ["joy"], "en-GB"))) == [("", "joy", "")]
    assert "<mark>悲し</mark>かった" in str(excerpt("とても悲しかった。", ["悲し"], "ja"))


def test_an_excerpt_is_about_the_first_word() -> None:
    found = str(excerpt("x" * 100 + " tender night " + "y" * 100, ["tender"], "en"))
    assert found == "…" + "x" * 59 + " <mark>tender</mark> night " + "y" * 53 + "…"


@given(one=st.text("ab <雨、\n", max_size=40), other=st.text("ab <雨、\n", max_size=40))
def test_two_texts_are_alike_where_nothing_is_marked(one: str, other: str) -> None:
    marked = [str(side) for side in differing(one, other)]
    for side, text in zip(marked, (one, other), strict=True):
        bare = side.replace("<mark>", "").replace("</mark>", "")
        assert bare.replace("&lt;", "<") == text
    common = [re.sub(r"<mark>.*?</mark>", "", side, flags=re.DOTALL) for side in marked]
    assert common[0] == common[1]
    assert ("<mark>" in "".join(marked)) == (one != other)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_its_window(tmp_path: Path, page: str, width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.goto((tmp_path / "page.html").as_uri())
        wide = tab.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert wide <= width
