"""Near synonyms of emotions, from a list that users may replace, and where a text uses them."""

import csv
import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

from emovec.corpus.lexicon import base_language, named_words, word_pattern
from emovec.errors import EmovecError

Synonyms = dict[tuple[str, str], re.Pattern[str]]
"""(language, emotion) → a pattern that finds its synonyms."""

_COLUMNS = ["language", "emotion", "word"]


def load_synonyms(path: str | Path | None = None) -> Synonyms:
    """The synonyms of a CSV file with the columns language, emotion and word; by default those of the package.

    Words are looked for whole, whatever their case, so inflections have rows of their own; in languages without spaces
    a row may be a stem.

    Raises:
        EmovecError: if the file can't be read or lacks a column or a value.
    """
    file = files("emovec") / "data" / "emotion_synonyms.csv" if path is None else Path(path)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise EmovecError(f"{path}: can't be read as a list of synonyms ({reason}).") from error
    rows = csv.DictReader(lines)
    if missing := [column for column in _COLUMNS if column not in (rows.fieldnames or [])]:
        raise EmovecError(
            f"{path}: a list of synonyms has the columns language, emotion, word; '{missing[0]}' is not there."
        )
    words: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        language, emotion, word = ((row[column] or "").strip() for column in _COLUMNS)
        if not (language and emotion and word):
            raise EmovecError(f"{path}:{rows.line_num}: a row names a language, an emotion and a word; one is empty.")
        words[base_language(language), emotion].append(word)
    return {key: word_pattern(found, key[0]) for key, found in words.items()}


def synonyms_in(text: str, language: str, emotion: str, synonyms: Synonyms) -> tuple[str, ...]:
    """The synonyms of an emotion that a text uses, in lower case and the text's order, but none that name it."""
    pattern = synonyms.get((base_language(language), emotion))
    if pattern is None:
        return ()
    found = dict.fromkeys(" ".join(match.lower().split()) for match in pattern.findall(text))
    return tuple(word for word in found if not named_words(word, language, emotion))
