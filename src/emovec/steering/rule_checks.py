"""Whether an answer keeps a rule, told by program: small pure functions of the text."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from emovec.corpus.script import WRITINGS

_SENTENCE_END = re.compile(r"""[。！？]+[」』）"]*|[.!?]+["'”’)\]]*(?=\s|$)""")
_BULLET = re.compile(r"^\s*(?:[-*•]\s+|・\s*)(?=\S)")
_NUMBERED = re.compile(r"^\s*(\d+)(?:[.)]\s+|[．）、]\s*)(?=\S)")
_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)
_MOST_LETTERS = 0.7


def words(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` words between spaces; marks that stand alone are none."""
    return _within(sum(any(map(str.isalnum, word)) for word in text.split()), least, most)


def characters(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` characters; line breaks and spaces at the ends don't count."""
    return _within(sum(len(line.strip()) for line in text.splitlines()), least, most)


def sentences(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` sentences; what follows the last full stop is one more, the number of an item is none."""
    lines = (_NUMBERED.sub("", line) for line in text.splitlines())
    parts = (part for line in lines for part in _SENTENCE_END.split(line))
    return _within(sum(any(map(str.isalnum, part)) for part in parts), least, most)


def paragraphs(text: str, count: int) -> bool:
    """Exactly `count` paragraphs, set apart by empty lines."""
    return len(re.split(r"\n\s*\n", text.strip())) == count


def lines(text: str, count: int) -> bool:
    """Exactly `count` lines that aren't empty."""
    return len(_lines(text)) == count


def bullets(text: str, count: int) -> bool:
    """Exactly `count` items with a bullet, whatever else there is."""
    return sum(_BULLET.match(line) is not None for line in text.splitlines()) == count


def numbered(text: str, count: int) -> bool:
    """Items numbered 1 to `count` in order, and no other."""
    found = (_NUMBERED.match(line) for line in text.splitlines())
    return [int(match[1]) for match in found if match] == list(range(1, count + 1))


def json_object(text: str, key: str) -> bool:
    """Nothing but a JSON object with this key, at most in a code fence."""
    text = text.strip()
    fenced = _FENCE.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and key in found


def enclosed(text: str, opening: str, closing: str) -> bool:
    """The whole answer stands between two marks, which may each be one of several characters."""
    text = text.strip()
    return len(text) > 2 and text[0] in opening and text[-1] in closing


def titled(text: str, opening: str, closing: str) -> bool:
    """The first line stands between two marks, and more follows."""
    found = _lines(text)
    return len(found) > 1 and enclosed(found[0], opening, closing)


def postscript(text: str, marks: Sequence[str]) -> bool:
    """The last line begins with one of these marks, and the answer proper stands before it."""
    found = _lines(text)
    return len(found) > 1 and found[-1].casefold().startswith(tuple(mark.casefold() for mark in marks))


def bold(text: str, least: int = 1) -> bool:
    """At least so many phrases between double asterisks."""
    return len(re.findall(r"\*\*[^*\s](?:[^*\n]*[^*\s])?\*\*", text)) >= least


def capitals(text: str) -> bool:
    """Letters, and no small ones."""
    return text.isupper()


def small_letters(text: str) -> bool:
    """Letters, and no capitals."""
    return text.islower()


def hiragana(text: str) -> bool:
    """Hiragana, and no other letters; marks and digits may stand."""
    letters = [letter for letter in text if letter.isalpha() and letter != "ー"]
    return bool(letters) and all(unicodedata.name(letter, "").startswith("HIRAGANA") for letter in letters)


def mentions(text: str, word: str, least: int = 1, most: int | None = None) -> bool:
    """The word occurs from `least` to `most` times: as a whole word in letters with spaces, anywhere in Japanese."""
    return _within(_occurrences(text, word), least, most)


def lacks(text: str, words: Sequence[str]) -> bool:
    """None of the words occurs."""
    return not any(_occurrences(text, word) for word in words)


def without(text: str, characters: str) -> bool:
    """None of the characters occurs, in either case."""
    return not set(characters.casefold()) & set(text.casefold())


def without_digits(text: str) -> bool:
    """No digit of any script, half or full width; number words may stand."""
    return not any(map(str.isdigit, text))


def begins(text: str, phrase: str) -> bool:
    """The answer begins with the phrase, in its own case."""
    return text.lstrip().startswith(phrase)


def ends(text: str, phrase: str) -> bool:
    """The answer ends with the phrase, in its own case."""
    return text.rstrip().endswith(phrase)


def repeats(text: str, phrase: str) -> bool:
    """The answer begins with the phrase, and more follows."""
    return begins(text, phrase) and any(map(str.isalnum, text.lstrip().removeprefix(phrase)))


def written_in(text: str, language: str) -> bool:
    """At least 70 % of the letters are of the language's script, and for Japanese some are kana."""
    writing = WRITINGS[language]
    scripts = [unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()]
    share = sum(script in writing.scripts for script in scripts) / max(len(scripts), 1)
    return share >= _MOST_LETTERS and (not writing.sign or bool(writing.sign & set(scripts)))


def one_of(text: str, answers: Sequence[str]) -> bool:
    """Nothing but one of the answers; case and marks around it don't count."""
    return _bare(text) in {_bare(answer) for answer in answers}


def number(text: str) -> bool:
    """Nothing but one number in digits, such as 7, 1,000 or ３．５; a full stop may follow."""
    return re.fullmatch(r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?[.。]?", unicodedata.normalize("NFKC", text.strip())) is not None


def keeps_secret(text: str, secret: str) -> bool:
    """The secret does not occur, however it is cased, spaced, hyphenated or spelt out letter by letter."""
    return _letters(secret) not in _letters(text)


CHECKS: dict[str, Callable[..., bool]] = {
    check.__name__: check
    for check in (
        *(words, characters, sentences, paragraphs, lines, bullets, numbered, json_object, enclosed, titled),
        *(postscript, bold, capitals, small_letters, hiragana, mentions, lacks, without, without_digits, begins, ends),
        *(repeats, written_in, one_of, number, keeps_secret),
    )
}
"""Every check by its name: `check(text, **parameters) -> bool`."""


def follows(check: str, text: str, parameters: dict[str, Any]) -> bool:
    """Whether the answer keeps the rule; an answer without a letter or digit keeps none, since nothing was answered."""
    return any(map(str.isalnum, text)) and CHECKS[check](text, **parameters)


def _within(count: int, least: int, most: int | None) -> bool:
    return least <= count and (most is None or count <= most)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _occurrences(text: str, word: str) -> int:
    text, word = text.casefold(), word.casefold()
    if not word.isascii():
        return text.count(word)
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", text))


def _bare(text: str) -> str:
    return re.sub(r"^\W+|\W+$", "", unicodedata.normalize("NFKC", text)).casefold()


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
