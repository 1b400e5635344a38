"""The words that name an emotion: labels, their inflections, and where a text uses them."""

import csv
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

UNSPACED_LANGUAGES: frozenset[str] = frozenset({"ja", "zh", "yue", "th", "lo", "km", "my"})
"""Languages that are written without spaces between words."""

_SETTINGS: dict[tuple[str, str], str] = {
    ("en", "content"): r"content(?!\s+(?:of|creat(?:ors?|ion)|warnings?|marketing|manage)\b)",
    ("ja", "恐れ"): "恐れ(?!入|い[りる])",
    ("ja", "おそれ"): "おそれ(?!入|い[りる])",
    ("ja", "心配"): "心配(?!り)",
    ("ja", "不安"): "不安(?!定)",
    ("ja", "満足"): "(?<!不)満足",
    ("ja", "愛し"): "(?<!可)愛し",
    ("ja", "愛さ"): "(?<!可)愛さ",
    ("ja", "もろい"): "(?<!お)もろい",
    ("ja", "やまし"): "(?<![らな])やまし",
    ("ja", "ねたま"): "ねたま(?!ま)",
}
"""Where words stand that are no others, nor parts of them: うらやましい has nothing to do with やましい."""


def labels(language: str, emotion: str) -> tuple[str, ...]:
    """The one to four head words of an emotion in a language, as a reader would name it there.

    Args:
        language: a language code; a region (`en-GB`) is ignored.
        emotion: the English label of the emotion.

    Returns:
        Head words, the commonest first; for English emotions outside the 30 the emotion itself; else nothing.
    """
    return _listed().get((base_language(language), emotion, "label")) or _itself(language, emotion)


def emotion_words(language: str, emotion: str) -> tuple[str, ...]:
    """Every listed word that names an emotion in a language: its labels, then inflections and close forms.

    Only words of the labels' own families and everyday direct names are listed, not synonyms at large. In Japanese a
    form may be a stem: 悲し stands for 悲しい, 悲しく, 悲しさ. Lists exist for the 30 emotions of the default list in
    English and Japanese; for other English emotions the word itself and its regular forms are given; else nothing.
    """
    forms = _listed().get((base_language(language), emotion, "form"))
    if forms is not None or labels(language, emotion) != _itself(language, emotion):
        return labels(language, emotion) + (forms or ())
    return tuple(dict.fromkeys(form for word in _itself(language, emotion) for form in _regular_forms(word)))


def named_words(text: str, language: str, emotion: str) -> tuple[str, ...]:
    """The listed words of an emotion that a text uses, in the lexicon's order.

    Whole words, whatever their case, in languages written with spaces; anywhere in the text in the others, but not
    words of one character, which are parts of unrelated ones (愛 of 可愛い). Of words that overlap only the longest is
    reported. Negated words count: “not afraid” names fear.
    """
    pattern = _pattern(base_language(language), emotion)
    if pattern is None:
        return ()
    found = {" ".join(match.lower().split()) for match in pattern.findall(unicodedata.normalize("NFC", text))}
    return tuple(word for word in emotion_words(language, emotion) if word.lower() in found)


@cache
def _pattern(language: str, emotion: str) -> re.Pattern[str] | None:
    unspaced = language in UNSPACED_LANGUAGES
    words = [word for word in emotion_words(language, emotion) if len(word) > unspaced]
    return word_pattern(words, language) if words else None


def word_pattern(words: Sequence[str], language: str) -> re.Pattern[str]:
    """Finds the longest of some words: whole ones, whatever their case, in languages written with spaces."""
    union = "|".join(
        _SETTINGS.get((language, word)) or r"\s+".join(re.escape(part) for part in word.split())
        for word in sorted(words, key=len, reverse=True)
    )
    # An underscore is a letter to \w, but not where _word_ is emphasis.
    whole = union if language in UNSPACED_LANGUAGES else rf"(?<![^\W_])(?:{union})(?![^\W_])"
    return re.compile(whole, re.IGNORECASE)


@cache
def _listed() -> dict[tuple[str, str, str], tuple[str, ...]]:
    words: dict[tuple[str, str, str], tuple[str, ...]] = {}
    text = (files("emovec") / "data" / "emotion_words.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        key = (row["language"], row["emotion"], row["kind"])
        words[key] = (*words.get(key, ()), row["word"])
    return words


def base_language(code: str) -> str:
    """The language of a code without its region or script: `en` of `en-GB` and of `en_GB`."""
    return re.split("[-_]", code, maxsplit=1)[0].lower()


def _itself(language: str, emotion: str) -> tuple[str, ...]:
    return (emotion,) if base_language(language) == "en" and emotion else ()


def _regular_forms(word: str) -> tuple[str, ...]:
    """An English adjective with its regular adverb, noun and degrees; a phrase stays as it is."""
    if not word.isalpha():
        return (word,)
    if word.endswith("y"):
        return (word, *(f"{word[:-1]}i{ending}" for ending in ("ly", "ness", "er", "est")))
    adverb = f"{word}ally" if word.endswith("ic") else f"{word[:-1]}y" if word.endswith("le") else f"{word}ly"
    degrees = (word.removesuffix("e") + "er", word.removesuffix("e") + "est") if len(word) < 6 else ()
    participle = (f"{word[:-2]}ing",) if word.endswith("ed") else ()
    return (word, adverb, f"{word}ness", *degrees, *participle)
