"""The texts in a model's answer, however it has wrapped them, and what is wrong with the answer."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from emovec.corpus.generation.json_lists import DIALOGUES, Found, json_texts, quoted_lines, quoted_texts
from emovec.corpus.generation.requests import Request
from emovec.corpus.quality.boilerplate import is_afterword, is_preface, is_refusal, without_thoughts
from emovec.languages.language import MIN_SHARE
from emovec.languages.lexicon import unspaced
from emovec.languages.script import script_share

MIN_LETTERS, MIN_LETTERS_UNSPACED = 60, 25
"""Fewer letters than this are no story: a placeholder, a title, a fragment."""

CUT = frozenset({"max_tokens", "model_length"})
"""What Inspect calls the reasons for which an answer ends before its end."""

_NOUNS = r"""stor(?:y|ies)|text|dialog(?:ue)?|conversation|scene|
    historia|relato|cuento|texto|di[aá]logo|conversaci[oó]n|
    geschichte|erz[aä]hlung|gespr[aä]ch|dialog|histoire|物語|ストーリー|話|会話|対話|エピソード|故事|对话|對話|短文|小说"""
_TAG = re.compile(
    rf"<\s*((?:{_NOUNS}|item|li|s|p)(?:[\s_-]*\d+)?)\b[^<>]*>(.*?)(<\s*/\s*\1\s*>|(?=<\s*(?:{_NOUNS}|item|li)(?:[\s_-]*\d+)?\b[^<>]*>)|\Z)",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_DIGITS = r"[0-9０-９]{1,3}|[①-⑳]|[一二三四五六七八九十]"
_SPELT = "one|two|three|four|five|six|seven|eight|nine|ten"
_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
_ROMAN = "I|II|III|IV|V|VI|VII|VIII|IX|X"
_WORDS = {
    word.lower(): i
    for words in (_SPELT, _ORDINALS, _ROMAN, "A|B|C|D|E|F|G|H")
    for i, word in enumerate(words.split("|"), 1)
}
_NUMBER = re.compile(
    rf"""^[ \t]*[\#>*_=~■◆●【\[(（「《〈\s-]*?
    (?: (?:{_NOUNS})\s*(?:\#|no\.?|n[º°]|nr\.?|number|その|第)?\s*({_DIGITS}|{_SPELT})(?![\w])
          [】\])）」》〉]* (?:[ \t]*\([^()\n]+\))? [ \t]*(?:[.．。:：、)）–—*_=~-]+|$|(?=\s|[「『《〈]))
      | (?:{_NOUNS})\s*({_ROMAN}|[A-H])(?=[】\])）」》〉*_]*[ \t]*(?:[.:：)–—=-]|$))
      | (?:the[ ])?({_ORDINALS})[ ](?:{_NOUNS})(?=[*_]*[ \t]*(?:[:：.–—]|$))
      | 第\s*({_DIGITS})\s*(?:の?(?:話|篇|編|章|回|物語|会話|对话)|[个個]?故事|则|則)
      | ({_DIGITS})\s*(?:つ|番|編|篇|本|話)目(?:の\w{{1,3}})?
      | [【\[(（《〈]\s*({_DIGITS})\s*[】\])）》〉]
      | ({_DIGITS})\s*(?:[.．:：、)）]|[-–—](?=\s)|[*_]+|\s*$)
      | ({_ROMAN})[.)]
      | ([①-⑳]) )
    [】\])）」》〉*_:：.、=~]*[ \t]*""",
    re.MULTILINE | re.IGNORECASE | re.VERBOSE,
)
_HEADING = re.compile(r"(?m)^[ \t]*(?:\#{1,6}[ \t]+\S[^\n]*|(\*\*|__)[^*\n]*[^*\n:：]\1)[ \t]*$")
_SEPARATOR = re.compile(
    r"(?m)^[ \t]*(?:[-*_=~#＊—–─]{3,}|(?:[*＊]\s+){2,}[*＊]|[◇◆☆★○●□■※]|<[-=/]*>|\[SEP\]|⁂|§)[ \t]*$"
)
_BULLET = re.compile(r"(?m)^[ \t]*(?:[-*•‣][ \t]+|[・●■◆]\s*)(?=\S)")
_END = re.compile(r"(?:\s*(?:<\|[\w-]+\|>|</s>|<end_of_turn>))+\Z")
_LENGTH = re.compile(
    r"""\s*[*_]*(?: [(（\[] \s*(?:word\ count\s*:?|約|about|approx\.?)?\s*\d+\s*
                      (?:words?|字|文字|词|palabras|wörter)\s* [)）\]]
                  | [(（\[]? \s*word\ count\s*[:：][*_]*\s*\d+(?:\s*words)?\s* [)）\]]? )[*_]*\Z""",
    re.IGNORECASE | re.VERBOSE,
)


def parse_answer(
    answer: str, request: Request, stop_reason: str = "stop", least: int = 0
) -> tuple[list[str], list[str]]:
    """The usable texts of an answer, and its problems.

    JSON (also in a fence, with typographic or unescaped quotation marks, one object or string a line), tags, numbers
    and headings in several languages, separators, bullets, blank lines and lines are understood, in this order;
    thoughts, prefaces, afterwords, titles, counts of words and markdown are taken off. A text that is cut off, too
    short, in another script, a repetition, or no dialogue where one was asked for is left out.

    Args:
        answer: what the model said.
        request: what it was asked for.
        stop_reason: why it stopped, as Inspect says it.
        least: letters that a text must have, if more than `MIN_LETTERS`.

    Returns:
        At most `request.n` texts, and the problems as `status: reason`, of the statuses `refusal`, `truncated` and
        `malformed`; none if all is well.
    """
    cut = stop_reason in CUT
    text = _END.sub("", without_thoughts(answer).replace("\r\n", "\n")).strip()
    if stop_reason == "content_filter":
        return [], ["refusal: the provider's filter stopped the answer"]
    if not text:
        return [], ["truncated: cut off before any text" if cut else "malformed: the answer is empty"]
    found, whole = _found(text, request)
    if not found:
        if is_refusal(text):
            return [], ["refusal: the model says that it won't"]
        return [], ["truncated: cut off before any text" if cut else "malformed: no list of texts in the answer"]
    if cut and not whole:
        found = found[:-1]
    texts: list[str] = []
    problems: list[str] = ["truncated: cut off at the limit of tokens"] if cut else []
    for each in found:
        cleaned = clean_text(each, dialogue=request.kind in DIALOGUES)
        if problem := _problem(cleaned, request, texts, least):
            problems.append(problem)
        else:
            texts.append(cleaned)
    if not problems and len(texts) < request.n:
        problems.append("malformed: fewer texts than were asked for")
    if len(texts) >= request.n:  # all is there, whatever else the answer holds
        return texts[: request.n], []
    return texts, list(dict.fromkeys(problems))


def clean_text(text: str, *, dialogue: bool = False) -> str:
    """A text without titles, list marks, markdown, its length, enclosing quotation marks and broken characters."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    text = _LENGTH.sub("", re.sub(r"(?is)\A<title>.*?</title>\s*", "", text))
    if all(line.startswith(">") for line in text.split("\n") if line.strip()):
        text = re.sub(r"(?m)^>[ \t]?", "", text).strip()
    if text.startswith('"') and isinstance(inner := _decoded(text), str):
        text = inner.strip()
    if dialogue:
        text = re.sub(r"(?m)^[ \t]*([^\s「」:：]{1,12})[ \u3000]?「([^「」\n]+)」[ \t]*$", r"\1：\2", text)
    else:
        text = re.sub(r"\A(\*\*|__)[^*_\n]{1,60}(?:[:：]\1|\1[:：])[ \t]*(?=\S)", "", text)
    text = re.sub(r"(?m)^\s*```\w*\s*$", "", text)
    text = re.sub(r"(?:\n\s*(?:[-*_=~]{3,}|[*＊]{3,})\s*)+\Z", "", text)
    if "\n" not in text:
        text = re.sub(r"(?:\\r)?\\n", "\n", text)  # escaped twice
    text = re.sub(r"(\*\*\*|\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text) if not _titled(text, dialogue) else text
    lines = text.split("\n")
    while len(lines) > 1 and (_titled("\n".join(lines), dialogue) or not lines[0].strip()):
        lines.pop(0)
    text = "\n".join(line.strip() for line in lines)
    text = re.sub(r"(\*\*\*|\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"\1", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    for left, right in ('""', "“”", "„“", "«»", "「」", "『』"):
        if len(text) > 2 and text[0] == left and text[-1] == right and not re.search(f"[{left}{right}]", text[1:-1]):
            text = text[1:-1].strip()
    return re.sub(r"\n{2,}", "\n", text) if dialogue else text


def _titled(text: str, dialogue: bool) -> bool:
    """Whether the first line is a title: a heading, a bold line, or (of a story) a short line that is no sentence."""
    first, _, rest = text.partition("\n")
    first = first.strip()
    if not rest.strip() or not first:
        return False
    if re.match(r"#{1,6}\s", first) or re.fullmatch(r"(\*\*|__)[^*\n]+\1:?", first):
        return not (dialogue and re.fullmatch(r"(\*\*|__)[^*\n]+:(\*\*|__)", first))
    if re.match(r"(?i)(?:title|título|titel|タイトル|題名?|标题|題目)\s*[:：]", first):
        return True
    return not dialogue and len(first) <= 60 and not re.search(r"[.!?…。！？”」』\"'’»:：,、，;]$", first)


def _problem(text: str, request: Request, before: Sequence[str], least: int) -> str:
    letters = sum(unicodedata.category(letter)[0] == "L" for letter in text)
    short = unspaced(request.language)
    if letters < max(least, MIN_LETTERS_UNSPACED if short else MIN_LETTERS):
        return "refusal: the model says that it won't" if is_refusal(text) else "malformed: a text is too short"
    if len(text) < (100 if short else 250) and is_refusal(text):
        return "refusal: the model says that it won't"
    share = script_share(text, request.language)
    if share is not None and share < MIN_SHARE:
        return f"malformed: a text is not in the script of '{request.language}'"
    if text in before:
        return "malformed: a text comes twice"
    if request.kind == "dialogues" and len(re.findall(r"(?m)^[^\n:：]{1,40}[:：]\s*\S", text)) < 2:
        return "malformed: a dialogue has no turns such as 'Name: …'"
    return ""


def _found(text: str, request: Request) -> Found:
    if text.startswith('"') and isinstance(inner := _decoded(text), str):  # encoded twice
        text = inner
    if len((found := json_texts(text, request))[0]) >= request.n:
        return found
    for other in (quoted_lines(text, request), quoted_texts(text, request), _tagged(text), found):
        if other[0]:
            return other
    text = re.sub(r"(?m)^\s*```\w*\s*$", "", text).strip()
    if is_refusal(text):
        return [], False
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    while len(paragraphs) > 1 and is_afterword(paragraphs[-1]):
        paragraphs = paragraphs[:-1]
    if request.n == 1 and len(paragraphs) > 1 and is_preface(paragraphs[0]):
        paragraphs = paragraphs[1:]
    text = "\n\n".join(paragraphs)
    dialogue = request.kind in DIALOGUES
    marked = (_numbered(text, request.n), _headed(text, dialogue), _split(_SEPARATOR, text), _split(_BULLET, text))
    lines = [] if dialogue else [line for line in text.split("\n") if line.strip()]
    for parts in (*marked, paragraphs, lines):
        said = [part for part in parts if not is_preface(part) and not is_afterword(part)]
        # Marks prove a list; without one, only as many parts as were asked for do.
        if len(said) == request.n or (len(said) > 1 and parts not in (paragraphs, lines)):
            return said, False
    return ([text], False) if request.n == 1 else ([], False)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _tagged(text: str) -> Found:
    found = list(_TAG.finditer(text))
    texts = [match[2] for match in found if match[2].strip()]
    return texts, bool(found) and found[-1][3].startswith("<")


def _numbered(text: str, n: int) -> list[str]:
    """The parts that begin with 1, 2, 3 and so on; numbers out of turn belong to the text.

    Some count from 0, and some write 1 before each, as Markdown lets them: if that makes as many as were asked for.
    """
    marks = [(_int(next(filter(None, match.groups()))), match) for match in _NUMBER.finditer(text)]
    if n == 1 and marks and text[: marks[0][1].start()].strip():
        return []  # a list within a story
    found = _in_turn(marks, text, 1)
    if len(found) < n:
        ones = _parts([match for number, match in marks if number == 1], text)
        found = next((other for other in (_in_turn(marks, text, 0), ones) if len(other) == n), found)
    return found


def _in_turn(marks: Sequence[tuple[int, re.Match[str]]], text: str, first: int) -> list[str]:
    starts: list[re.Match[str]] = []
    for number, match in marks:
        if number == len(starts) + first:
            starts.append(match)
    return _parts(starts, text)


def _parts(starts: Sequence[re.Match[str]], text: str) -> list[str]:
    ends = [*(match.start() for match in starts[1:]), len(text)]
    return [_untitled(match, text[match.end() : end]) for match, end in zip(starts, ends, strict=False)]


def _untitled(mark: re.Match[str], part: str) -> str:
    """A part without the title in brackets that a heading (“物語1「朝の庭」”) ends with."""
    if re.search(rf"{_NOUNS}|第", mark[0], re.IGNORECASE | re.VERBOSE):
        part = re.sub(r"\A[ \t]*[「『《〈][^\n]{1,30}[」』》〉][*_]*[ \t]*\n", "", part)
    return part.strip()


def _headed(text: str, dialogue: bool) -> list[str]:
    """What follows each heading or bold line (which in a dialogue may be a speaker)."""
    marks = [match for match in _HEADING.finditer(text) if not (dialogue and match[1])]
    return [part for part in _parts(marks, text) if part] if marks else []


def _int(number: str) -> int:
    if number.lower() in _WORDS:
        return _WORDS[number.lower()]
    return int(number) if number.isdecimal() else int(unicodedata.numeric(number))


def _split(mark: re.Pattern[str], text: str) -> list[str]:
    return [part.strip() for part in mark.split(text) if part.strip()] if mark.search(text) else []
