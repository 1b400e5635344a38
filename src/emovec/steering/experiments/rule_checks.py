"""Whether an answer keeps a rule, told by program: small pure functions of the text."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from emovec.languages.script import writing_of

_SENTENCE_END = re.compile(
    r"""[。｡！？]++(?![」』｣）"*]+[ぁ-ん])[」』｣）"*]*|．+(?!\d)|"""  # 「おはよう。」と言った is one sentence
    r"""[.!?…]++(?!["'”’)*]+\s[a-z]|(?<=\.\.)\s[a-z]|(?<=…)\s[a-z])["'”’)\]*_]*(?=\s|$)|[!?]+(?=[ぁ-んァ-ヶ一-鿿])"""
)
# Their full stops end no sentence; those of a.m., etc. and U.S. do unless it goes on in small letters.
_ABBREVIATION = re.compile(r"\b(?:Mrs?|Ms|Dr|Prof|St|vs|e\.g|i\.e)\.|\b(?:(?:[A-Za-z]\.){2,}|etc\.)(?=,|\s+[a-z])")
_NUMBERED = re.compile(r"^\s*\(?(\d+)(?:[.):](?!\d)|、)\s*(?=\S)")
_CIRCLED = re.compile(r"^\s*[①-⑳]")
_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL | re.IGNORECASE)
_OPENING, _CLOSING = " \t\r\n　*_#>\"'“‘「『", " \t\r\n　*_\"'”’」』"
_MOST_LETTERS = 0.7


def words(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` words between spaces, long dashes or commas; marks that stand alone are none."""
    return _within(sum(any(map(str.isalnum, word)) for word in re.split(r"\s+|—|,(?=[^\W\d])", text)), least, most)


def characters(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` characters; line breaks and spaces at the ends don't count."""
    return _within(sum(len(line.strip()) for line in text.splitlines()), least, most)


def sentences(text: str, least: int = 0, most: int | None = None) -> bool:
    """From `least` to `most` sentences; what follows the last full stop is one more, the number of an item is none."""
    lines = (_ABBREVIATION.sub("x", _NUMBERED.sub("", _numerals(line))) for line in text.splitlines())
    parts = (part for line in lines for part in _SENTENCE_END.split(line))
    return _within(sum(any(map(str.isalnum, part)) for part in parts), least, most)


def paragraphs(text: str, count: int) -> bool:
    """Exactly `count` paragraphs, set apart by empty lines; a line of marks is none."""
    return sum(any(map(str.isalnum, part)) for part in re.split(r"\n\s*\n", text)) == count


def lines(text: str, count: int) -> bool:
    """Exactly `count` lines that aren't empty."""
    return len(_lines(text)) == count


def bullets(text: str, count: int, marks: str) -> bool:
    """Exactly `count` lines begin with one of these marks, whatever else there is; a hyphen has a space after it."""
    found = re.compile(rf"\s*[{re.escape(marks)}](?:(?<!-)|\s)\s*(.*)")
    items = (found.match(line) for line in text.splitlines())
    return sum(item is not None and any(map(str.isalnum, item[1])) for item in items) == count


def numbered(text: str, count: int) -> bool:
    """Items numbered 1 to `count` in order, and no other: 1. or 1) or (1) or 1: or 1、 or ①, also bold."""
    found = (_NUMBERED.match(_numerals(line)) for line in text.splitlines())
    return [int(match[1]) for match in found if match] == list(range(1, count + 1))


def json_object(text: str, key: str) -> bool:
    """Nothing but a JSON object with this key alone, at most in a code fence."""
    text = text.strip()
    fenced = _FENCE.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and list(found) == [key]


def enclosed(text: str, opening: str, closing: str) -> bool:
    """The whole answer stands between two marks, which may each be one of several characters and are one pair."""
    text, depth = unicodedata.normalize("NFKC", text.strip()), 0
    for mark in text[1:-1]:
        depth += mark in opening and mark not in closing
        depth -= mark in closing
        if depth < 0:
            return False
    return len(text) > 2 and text[0] in opening and text[-1] in closing


def titled(text: str, opening: str, closing: str) -> bool:
    """The first line stands between two marks, at most set as a heading or in bold, and more follows."""
    found = _lines(text)
    return len(found) > 1 and enclosed(found[0].lstrip("# ").strip("*"), opening, closing)


def postscript(text: str, marks: Sequence[str]) -> bool:
    """The last line begins with one of these marks and goes on, and the answer proper stands before it."""
    found = _lines(text)
    said = found[-1].replace("*", "").casefold() if len(found) > 1 else ""
    after = (said.removeprefix(mark.casefold()) for mark in marks if _starts(said, mark.casefold()))
    return any(any(map(str.isalnum, rest)) for rest in after)


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
    """No digit of any script, half or full width, circled or in a fraction; number words may stand."""
    return not any(unicodedata.category(letter) in {"Nd", "No"} for letter in text)


def begins(text: str, phrase: str) -> bool:
    """The answer begins with the phrase, in its own case, at most in quotation marks or bold."""
    return _starts(text.lstrip(_OPENING), phrase.lstrip(_OPENING))


def ends(text: str, phrase: str) -> bool:
    """The answer ends with the phrase, in its own case, at most in quotation marks or bold."""
    return text.rstrip(_CLOSING).endswith(phrase.rstrip(_CLOSING))


def repeats(text: str, phrase: str) -> bool:
    """The answer begins with the phrase, and more follows."""
    rest = text.lstrip(_OPENING).removeprefix(phrase.lstrip(_OPENING))
    return begins(text, phrase) and any(map(str.isalnum, rest))


def written_in(text: str, language: str) -> bool:
    """At least 70 % of the letters are of the language's script, and for Japanese some are kana."""
    writing, text = writing_of(language), unicodedata.normalize("NFKC", text)
    scripts = [unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()]
    assert writing is not None, f"a rule on the script of {language}, which is not known"
    share = sum(script in writing.scripts for script in scripts) / max(len(scripts), 1)
    return share >= _MOST_LETTERS and (not writing.sign or bool(writing.sign & set(scripts)))


def one_of(text: str, answers: Sequence[str]) -> bool:
    """Nothing but one of the answers; case and marks around it don't count."""
    return _bare(text) in {_bare(answer) for answer in answers}


def number(text: str) -> bool:
    """Nothing but one number in digits, such as 7, 1,000 or ３．５; a full stop may follow, and it may be bold."""
    bare = unicodedata.normalize("NFKC", text).strip().strip("*")
    return re.fullmatch(r"[-−+]?\d+(?:,\d{3})*(?:\.\d+)?[.。]?", bare) is not None


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
    text = unicodedata.normalize("NFC", text)
    return any(map(str.isalnum, text)) and CHECKS[check](text, **parameters)


def _within(count: int, least: int, most: int | None) -> bool:
    return least <= count and (most is None or count <= most)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _occurrences(text: str, word: str) -> int:
    text, word = text.casefold(), word.casefold()
    if not word.isascii():
        return text.count(word)
    # An underscore is markup, and the i of "i.e." no word.
    return len(re.findall(rf"(?<![^\W_]){re.escape(word)}(?![^\W_]|\.\w)", text))


def _starts(text: str, phrase: str) -> bool:
    """Whether it begins with the phrase, and a word in letters with spaces ends there."""
    after = text[len(phrase) : len(phrase) + 1]
    return text.startswith(phrase) and not (phrase[-1:].isascii() and phrase[-1:].isalnum() and after.isalnum())


def _numerals(line: str) -> str:
    """A line with its list number in one form: without bold, half width, and with a full stop after ①."""
    line = re.sub(r"^(\s*)\*\*(\(?\d+[.):]?)\*\*", r"\1\2", line)
    line = _CIRCLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]) + ". ", line)
    return re.sub(r"^\s*[（(]?[０-９0-9]+[．）：]?", lambda found: unicodedata.normalize("NFKC", found[0]), line)


def _bare(text: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", unicodedata.normalize("NFKC", text)).casefold()


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
