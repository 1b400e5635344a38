"""The data card says what the bundled data are; `emovec corpus export` takes its sections as they stand."""

import re
from pathlib import Path
from statistics import median

import pytest

from emovec.config import Style
from emovec.corpus.bundled import BUNDLED_LANGUAGES, STYLES, bundled_neutral, bundled_stories
from emovec.corpus.quality.surface import predict_from_surface
from emovec.languages.language_names import language_name
from emovec.languages.lexicon import named_words

DATA = Path(__file__).parents[2] / "src" / "emovec" / "data"
CARD = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())


def test_every_file_is_in_it() -> None:
    for path in DATA.iterdir():
        assert re.search(rf"\b{re.escape(path.name)}\b", CARD) or path.name in {"README.md", "study.yaml", "demo.yaml"}


@pytest.mark.parametrize("language", BUNDLED_LANGUAGES)
def test_lengths(language: str) -> None:
    texts = [s.text for style, there in STYLES.items() if language in there for s in bundled_stories(style, [language])]
    unit = "characters" if language in {"ja", "zh"} else "words"
    lengths = [len(text) if unit == "characters" else len(text.split()) for text in texts]
    row = f"| {language_name(language)} | {min(lengths)}–{max(lengths)} {unit} (median {median(lengths):g}) |"
    assert row in CARD
    assert len(bundled_neutral([language])) == 72


def test_stories_that_name_their_emotion() -> None:
    found = [
        (story.language, *named_words(story.text, story.language, story.emotion))
        for style in STYLES
        for story in bundled_stories(style)
        if named_words(story.text, story.language, story.emotion)
    ]
    assert {language for language, *_ in found} == {"ja"}
    assert f"and {len(found)} Japanese ones of 1,440" in CARD
    assert all(word in CARD for _, *words in found for word in words)


@pytest.mark.parametrize("style", STYLES)
def test_what_words_alone_tell(style: Style) -> None:
    shares: list[str] = []
    for language in STYLES[style]:
        table = predict_from_surface(bundled_stories(style, [language]), language).set_index("features")
        shares.append(f"{table.loc['words', 'accuracy']:.2f}")
    assert f"| {style} | {' | '.join(shares)} |" in CARD
