"""The corpus that comes with the package: 30 emotions × 12 topics in English and Japanese, in three styles."""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Literal, get_args

from emovec.corpus.story import Story
from emovec.errors import EmovecError

Style = Literal["plain", "literary", "controlled"]

BUNDLED_LANGUAGES: tuple[str, ...] = ("en", "ja")
"""The languages of the bundled corpus."""


def bundled_stories(style: Style = "plain", languages: Iterable[str] = BUNDLED_LANGUAGES) -> list[Story]:
    """The bundled stories of one style, 360 a language: one for each pair of 30 emotions and 12 topics.

    Args:
        style: `plain` (affect-rich prose), `literary` (plots carry the emotion) or `controlled` (few words give the
            emotion away). The data card in `emovec/data/README.md` says what each is good for.
        languages: which languages, in the order wanted.

    Raises:
        EmovecError: if the style or a language is not bundled.
    """
    if style not in get_args(Style):
        raise EmovecError(f"corpus: no bundled style '{style}'; give one of {', '.join(get_args(Style))}.")
    return [story for language in languages for story in _read(f"{style}/stories", language)]


def bundled_neutral(languages: Iterable[str] = BUNDLED_LANGUAGES) -> list[Story]:
    """The bundled emotion-free dialogues, 72 a language: 6 for each of the topics of the stories.

    Raises:
        EmovecError: if a language is not bundled.
    """
    return [story for language in languages for story in _read("neutral", language)]


def _read(name: str, language: str) -> list[Story]:
    if language not in BUNDLED_LANGUAGES:
        raise EmovecError(
            f"corpus: the bundled corpus has no '{language}', only {', '.join(BUNDLED_LANGUAGES)}; "
            "bring your own texts for other languages."
        )
    text = (files("emovec") / "data" / "corpus" / f"{name}.{language}.jsonl").read_text(encoding="utf-8")
    return [Story(**json.loads(line)) for line in text.split("\n") if line]
