"""What a judge is asked about a text, and what its answer says."""

import re
from collections.abc import Sequence

from emovec.corpus.annotation.answers import NONE
from emovec.corpus.quality.boilerplate import without_thoughts
from emovec.languages.lexicon import labels

_QUESTION = """Read this text.

<text>
{text}
</text>

{what} Choose from this list: {options}. If none of these fits, or it can't be told, answer {none}.

{how}"""
_WHAT = {1: "Which emotion does the text convey most of all?", 3: "Which three emotions does the text convey most?"}
_HOW = {
    1: "Answer with that one entry of the list, spelt as it is there, and write nothing else.",
    3: "Answer with three entries of the list, spelt as they are there, the best first, with commas between, and write "
    "nothing else.",
}
MOST_WORDS = 12
"""Words of an answer that still counts as a label."""
_DENIED = re.compile(r"\bnot\b|n['’]t\b", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:I(?:['’]m| am) (?:sorry|unable)|I (?:can(?:['’]t|not)|won['’]t)|as an AI)\b", re.IGNORECASE
)
_MARKED = re.compile(r"^\W*(?:final\s+)?(?:answer|emotion|label)s?\b\W*[:：](.+)$", re.IGNORECASE | re.MULTILINE)


def question(text: str, options: Sequence[str], top: int = 1) -> str:
    """What a judge is asked about one text."""
    return _QUESTION.format(text=text.strip(), what=_WHAT[top], options=", ".join(options), none=NONE, how=_HOW[top])


def parse_answer(said: str, options: Sequence[str], top: int = 1, language: str = "en") -> tuple[tuple[str, ...], str]:
    """The emotions that an answer names, best first, and what is wrong with it: one of the two is empty.

    Thoughts in tags are left out. Of a longer answer only the last line that says “Answer:” counts, or a first line
    that is nothing but one emotion with prose below: prose that happens to name one emotion (“not clearly joyful,
    rather mixed”) is no label.
    An answer that is nothing but the emotion's name in the text's language, or another of its head words (“joy”),
    stands for the emotion, if it stands for one alone.
    """
    text = without_thoughts(said)
    if not re.search(r"\w", text):
        return (), "the answer is blank"
    marked: list[str] = _MARKED.findall(text)
    if marked:
        text = marked[-1]
    elif top == 1:
        text = _alone(text, options) or text
    named = _named(text, options)
    if named and (len(text.split()) > MOST_WORDS or _DENIED.search(text)):
        return (), "the answer is prose that gives no one label"
    if not named:
        bare = re.sub(r"^\W+|\W+$", "", text).casefold()
        means = {
            emotion
            for emotion in options
            for base in dict.fromkeys(("en", language))
            if bare in (word.casefold() for word in labels(base, emotion))
        }
        named = tuple(means) if len(means) == 1 else ()
    if not named:
        return (), "the answer names none of the emotions"
    if len(named) > top:
        return (), f"the answer names {len(named)} emotions where {top} {'was' if top == 1 else 'were'} asked for"
    return named, ""


def _alone(text: str, options: Sequence[str]) -> str | None:
    """The first line, if it is one of the emotions and no other line is."""
    known = {option.casefold() for option in options} | {NONE}
    lines = [re.sub(r"^[\W_]+|[\W_]+$", "", line).casefold() for line in text.split("\n") if line.strip()]
    return lines[0] if lines[0] in known and not known & set(lines[1:]) else None


def declines(said: str) -> bool:
    """Whether an answer that names no emotion says that the model won't give one."""
    return _REFUSAL.search(said) is not None


def _named(text: str, options: Sequence[str]) -> tuple[str, ...]:
    known = {option.casefold(): option for option in options} | {NONE: NONE, "unclear": NONE}
    words = sorted(known, key=len, reverse=True)  # so that “self-critical” is not taken for “critical”
    pattern = rf"(?<!\w)(?<!\w-)(?:{'|'.join(map(re.escape, words))})(?!\w)"
    found = (known[word] for word in re.findall(pattern, text.casefold()))
    return tuple(dict.fromkeys(found))
