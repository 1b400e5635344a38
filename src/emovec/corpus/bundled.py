"""The corpus that comes with the package: stories on 12 topics in several styles, and neutral dialogues."""

import json
from collections.abc import Iterable
from importlib.resources import files

from emovec.config import Style
from emovec.corpus.story import Story
from emovec.errors import EmovecError

BUNDLED_LANGUAGES: tuple[str, ...] = ("en", "ja", "zh", "es", "de")
"""The languages of the neutral dialogues, and of the style `varied`."""

STYLES: dict[Style, tuple[str, ...]] = {
    "varied": BUNDLED_LANGUAGES,
    "plain": ("en", "ja"),
    "literary": ("en", "ja"),
    "controlled": ("en", "ja"),
    "concepts": ("en", "ja"),
}
"""The styles, and the languages in which each is written."""


def bundled_stories(style: Style = "varied", languages: Iterable[str] | None = None) -> list[Story]:
    """The bundled stories of one style, 360 a language: one for each pair of 30 emotions and 12 topics.

    Args:
        style: `varied` (everyday prose without stock phrases), `plain` (affect-rich prose), `literary` (plots carry the
            emotion), `controlled` (few words give the emotion away) or `concepts` (30 abstract concepts that are no
            emotions; the field `emotion` has the concept). The data card in `emovec/data/README.md` says what each is
            good for.
        languages: which languages, in the order wanted; by default all that the style is written in.

    Raises:
        EmovecError: if there is no such style, or not in that language.
    """
    if style not in STYLES:
        raise EmovecError(f"corpus: no bundled style '{style}'; give one of {', '.join(STYLES)}.")
    there = STYLES[style]
    return _read(f"{style}/stories", f"{style} stories", there if languages is None else languages, there)


def bundled_neutral(languages: Iterable[str] = BUNDLED_LANGUAGES) -> list[Story]:
    """The bundled emotion-free dialogues, 72 a language: 6 for each of the topics of the stories.

    Raises:
        EmovecError: if there are none in a language.
    """
    return _read("neutral", "neutral dialogues", languages, BUNDLED_LANGUAGES)


def _read(name: str, what: str, languages: Iterable[str], there: tuple[str, ...]) -> list[Story]:
    """The texts of each language, from `<name>.<language>.jsonl`; `what` is what an error calls them."""
    stories: list[Story] = []
    for language in languages:
        if language not in there:
            raise EmovecError(
                f"corpus: the bundled corpus has no {what} in '{language}', only in {', '.join(there)}; "
                "bring your own texts for other languages."
            )
        text = (files("emovec") / "data" / "corpus" / f"{name}.{language}.jsonl").read_text(encoding="utf-8")
        stories += [Story(**json.loads(line)) for line in text.split("\n") if line]
    return stories
