"""The words that name an emotion: labels, their inflections, and where a text uses them."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from emovec.languages.language import Language, base_language
from emovec.languages.load import load_language


def unspaced(language: str) -> bool:
    """Whether a language is written without spaces between words."""
    return not load_language(language).spaces


def labels(language: str | Language, emotion: str) -> tuple[str, ...]:
    """The one to four head words of an emotion in a language, as a reader would name it there.

    Args:
        language: a language, or its code.
        emotion: the English label of the emotion.

    Returns:
        Head words, the commonest first; for English emotions outside the 30 the emotion itself; else nothing.
    """
    language = load_language(language) if isinstance(language, str) else language
    found = language.words.get(emotion)
    return (found.labels if found else ()) or _itself(language.code, emotion)


def emotion_words(language: str, emotion: str) -> tuple[str, ...]:
    """Every listed word that names an emotion in a language: its labels, then inflections and close forms.

    Only words of the labels' own families and everyday direct names are listed, not synonyms at large. In Japanese a
    form may be a stem: 悲し stands for 悲しい, 悲しく, 悲しさ. Lists exist for the 30 emotions of the default list in
    English, Japanese, Chinese, Spanish and German; for other English emotions the word itself and its regular forms are
    given; else nothing.
    """
    if found := load_language(language).words.get(emotion):
        return labels(language, emotion) + found.forms
    return tuple(dict.fromkeys(form for word in _itself(language, emotion) for form in _regular_forms(word)))


def named_words(text: str, language: str, emotion: str) -> tuple[str, ...]:
    """The listed words of an emotion that a text uses, in the lexicon's order.

    Whole words, whatever their case, in languages written with spaces; anywhere in the text in the others, but not
    words of one character, which are parts of unrelated ones (愛 of 可愛い). Of words that overlap only the longest is
    reported. Negated words count: “not afraid” names fear.
    """
    pattern = _pattern(language, emotion)
    if pattern is None:
        return ()
    found = {" ".join(match.lower().split()) for match in pattern.findall(unicodedata.normalize("NFC", text))}
    return tuple(word for word in emotion_words(language, emotion) if word.lower() in found)


@cache
def _pattern(language: str, emotion: str) -> re.Pattern[str] | None:
    least = 2 if unspaced(language) else 1
    words = [word for word in emotion_words(language, emotion) if len(word) >= least]
    return word_pattern(words, language) if words else None


def word_pattern(words: Sequence[str], language: str) -> re.Pattern[str]:
    """Finds the longest of some words: whole ones, whatever their case, in languages written with spaces."""
    contexts = load_language(language).contexts
    union = "|".join(
        contexts.get(word) or r"\s+".join(re.escape(part) for part in word.split())
        for word in sorted(words, key=len, reverse=True)
    )
    # An underscore is a letter to \w, but not where _word_ is emphasis.
    whole = union if unspaced(language) else rf"(?<![^\W_])(?:{union})(?![^\W_])"
    return re.compile(whole, re.IGNORECASE)


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
