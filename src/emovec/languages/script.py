"""Whether a text is written in a script of its language."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

_KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_HAN = frozenset({"CJK", "IDEOGRAPHIC"})


@dataclass(frozen=True, slots=True)
class Writing:
    """The scripts a language is written in.

    Attributes:
        scripts: first words of the Unicode names of its letters.
        sign: those of `scripts` that every longer text of the language shows, and that tell it from others.
    """

    scripts: frozenset[str]
    sign: frozenset[str] = frozenset()


_OF_ONE_SCRIPT = {
    "LATIN": """af ca cs cy da de en es et eu fi fil fr ga gl hr hu id is it la lt lv ms mt nb nl nn no pl pt ro sk sl
        so sq sv sw tl tr vi yo zu""",
    "CYRILLIC": "be bg kk ky mk mn ru tg uk",
    "ARABIC": "ar fa ps ug ur",
    "HEBREW": "he yi",
    "DEVANAGARI": "hi mr ne sa",
    "ETHIOPIC": "am",
    "BENGALI": "bn",
    "GREEK": "el",
    "GUJARATI": "gu",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "KHMER": "km",
    "KANNADA": "kn",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "GURMUKHI": "pa",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}

WRITINGS: dict[str, Writing] = {
    "ja": Writing(_KANA | _HAN, sign=_KANA),
    "zh": Writing(_HAN | {"BOPOMOFO"}),
    "yue": Writing(_HAN | {"BOPOMOFO"}),
    "ko": Writing(frozenset({"HANGUL"}) | _HAN, sign=frozenset({"HANGUL"})),
} | {
    language: Writing(frozenset({script}))
    for script, languages in _OF_ONE_SCRIPT.items()
    for language in languages.split()
}
"""Common languages by ISO 639 code. Languages with two usual scripts (Serbian, Uzbek) are left out, so not judged."""

MIN_SHARE = 0.7
"""Below this share of expected letters a text counts as written in another script."""

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
    """The scripts of a language, or None where they are not known here."""
    base, *subtags = re.split("[-_]", language.lower())
    return None if any(len(tag) == 4 and tag.isalpha() for tag in subtags) else WRITINGS.get(base)


@cache
def _script(letter: str) -> str:
    name = unicodedata.name(letter, "UNKNOWN")
    return name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ").split()[0]
