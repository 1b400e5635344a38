"""The data card says what the bundled data are; `emovec corpus export` takes its sections as they stand."""

import re
from pathlib import Path
from statistics import median

import pytest

from emovec.corpus.bundled import Style, bundled_neutral, bundled_stories
from emovec.corpus.quality.surface import predict_from_surface
from emovec.languages.lexicon import named_words

DATA = Path(__file__).parents[2] / "src" / "emovec" / "data"
CARD = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())
STYLES: tuple[Style, ...] = ("plain", "literary", "controlled")


def test_every_file_is_in_it() -> None:
    for path in DATA.iterdir():
        assert re.search(rf"\b{re.escape(path.name)}\b", CARD) or path.name == "README.md" or path.name == "study.yaml"


def test_lengths() -> None:
    stories = [story for style in STYLES for story in bundled_stories(style)]
    words = [len(story.text.split()) for story in stories if story.language == "en"]
    characters = [len(story.text) for story in stories if story.language == "ja"]
    assert f"{min(words)}–{max(words)} words (median {median(words):g})" in CARD
    assert f"{min(characters)}–{max(characters)} characters (median {median(characters):g})" in CARD
    assert "72 emotion-free dialogues a language" in CARD
    assert [sum(s.language == code for s in bundled_neutral()) for code in ("en", "ja")] == [72, 72]


def test_stories_that_name_their_emotion() -> None:
    found = [
        (story.language, *named_words(story.text, story.language, story.emotion))
        for style in STYLES
        for story in bundled_stories(style)
        if named_words(story.text, story.language, story.emotion)
    ]
    assert {language for language, *_ in found} == {"ja"}
    assert f"and {len(found)} Japanese ones of 1,080" in CARD
    assert all(word in CARD for _, *words in found for word in words)


@pytest.mark.parametrize("style", STYLES)
def test_what_words_alone_tell(style: Style) -> None:
    shares: list[str] = []
    for language in ("en", "ja"):
        table = predict_from_surface(bundled_stories(style, [language]), language).set_index("features")
        shares.append(f"{table.loc['words', 'accuracy']:.2f}")
    assert f"| {style} | {shares[0]} | {shares[1]} |" in CARD
