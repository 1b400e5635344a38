"""Whether a text is written in a script of its language."""

import re
import unicodedata
from functools import cache

from emovec.languages.language import Writing
from emovec.languages.load import load_language

_MIN_SIGN_SHARE = 0.1


def script_share(text: str, language: str) -> float | None:
    """The share (0–1) of a text's letters that belong to the scripts of a language.

    A text without letters has share 0, and so has one that lacks the language's telling letters: kana in Japanese,
    Hangul in Korean.

    Args:
        text: any text; digits, marks and punctuation don't count.
        language: a language code; a region (`pt-BR`) is ignored, a script (`sr-Latn`) makes the language unknown.

    Returns:
        The share, or None where the language's scripts are not known here.
    """
    writing = writing_of(language)
    if writing is None:
        return None
    scripts = [_script(letter) for letter in text if letter.isalpha()]
    if not scripts or (
        writing.sign and sum(script in writing.sign for script in scripts) < _MIN_SIGN_SHARE * len(scripts)
    ):
        return 0.0
    return sum(script in writing.scripts for script in scripts) / len(scripts)


def writing_of(language: str) -> Writing | None:
    """The scripts of a language, or None where none are known here; none is for those with two usual ones."""
    base, *subtags = re.split("[-_]", language.lower())
    return None if any(len(tag) == 4 and tag.isalpha() for tag in subtags) else load_language(base).writing


@cache
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "UNKNOWN")
    return name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").split()[0]
