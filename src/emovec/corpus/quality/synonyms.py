"""Near synonyms of emotions, from a list that users may replace, and where a text uses them."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from emovec.delimited import read_small_table
from emovec.errors import EmovecError
from emovec.labels import check_label, clean
from emovec.languages.language import base_language
from emovec.languages.lexicon import named_words, word_pattern
from emovec.languages.load import load_language

Synonyms = dict[tuple[str, str], re.Pattern[str]]
"""(language, emotion) → a pattern that finds its synonyms."""

_COLUMNS = ["language", "emotion", "word"]


def listed_synonyms(languages: Iterable[str]) -> Synonyms:
    """The synonyms that the files of some languages list; a region has those of its language."""
    return {
        (language.code, emotion): word_pattern(own.synonyms, language.code)
        for language in map(load_language, dict.fromkeys(map(base_language, languages)))
        for emotion, own in language.words.items()
        if own.synonyms
    }


def read_synonyms(path: str | Path) -> Synonyms:
    """The synonyms of a CSV file with the columns language, emotion and word.

    Words are looked for whole, whatever their case, so inflections have rows of their own; in languages without spaces
    a row may be a stem.

    Raises:
        EmovecError: if the file can't be read or lacks a column or a value.
    """
    words: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    _, rows = read_small_table(Path(path), "a list of synonyms", _COLUMNS)
    for line, row in rows:
        if not all(clean(row[column]) for column in _COLUMNS):
            raise EmovecError(f"{path}:{line}: a row names a language, an emotion and a word; one is empty.")
        try:
            language, emotion = check_label("language", row["language"]), check_label("emotion", row["emotion"])
        except EmovecError as error:
            raise EmovecError(f"{path}:{line}: {error}.") from error
        words[base_language(language), emotion].append(clean(row["word"]))
    return {key: word_pattern(found, key[0]) for key, found in words.items()}


def synonyms_in(text: str, language: str, emotion: str, synonyms: Synonyms) -> tuple[str, ...]:
    """The synonyms of an emotion that a text uses, in lower case and the text's order, but none that name it."""
    pattern = synonyms.get((base_language(language), emotion))
    if pattern is None:
        return ()
    found = dict.fromkeys(
        " ".join(match.lower().split()) for match in pattern.findall(unicodedata.normalize("NFC", text))
    )
    return tuple(word for word in found if not named_words(word, language, emotion))
