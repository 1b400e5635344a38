"""The texts in a model's answer, however it has wrapped them, and what is wrong with the answer."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from emovec.corpus.lexicon import UNSPACED_LANGUAGES, base_language
from emovec.corpus.script import MIN_SHARE, script_share
from emovec.generation.commentary import is_afterword, is_preface, is_refusal
from emovec.generation.json_lists import DIALOGUES, Found, json_texts, quoted_texts
from emovec.generation.requests import Request

MIN_LETTERS, MIN_LETTERS_UNSPACED = 60, 25
"""Fewer letters than this are no story: a placeholder, a title, a fragment."""

CUT = frozenset({"max_tokens", "model_length"})
"""What Inspect calls the reasons for which an answer ends before its end."""

_NOUNS = r"""stor(?:y|ies)|text|dialog(?:ue)?|conversation|scene|
    historia|relato|cuento|texto|di[aá]logo|conversaci[oó]n|
    geschichte|erz[aä]hlung|gespr[aä]ch|dialog|histoire|物語|ストーリー|話|会話|対話|エピソード|故事|对话|對話|短文|小说"""
_TAG = re.compile(
    rf"<\s*((?:{_NOUNS}|item|s|p)(?:[\s_-]*\d+)?)\b[^<>]*>(.*?)(<\s*/\s*\1\s*>|(?=<\s*(?:{_NOUNS}|item)(?:[\s_-]*\d+)?\b[^<>]*>)|\Z)",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_DIGITS = r"[0-9０-９]{1,3}|[①-⑳]|[一二三四五六七八九十]"
_SPELT = "one|two|three|four|five|six|seven|eight|nine|ten"
_WORDS = {word: i for i, word in enumerate(_SPELT.split("|"), 1)}
_NUMBER = re.compile(
    rf"""^[ \t]*[#>*_【\[(（「\s]*?
    (?: (?:{_NOUNS})\s*(?:\#|no\.?|n[º°]|nr\.?|number|その|第)?\s*({_DIGITS}|{_SPELT})(?![\w])
          [】\])）」]* [ \t]*(?:[.．。:：、)）–—*_-]+|$|(?=\s))
      | 第\s*({_DIGITS})\s*(?:の?(?:話|篇|章|回|物語|会話|对话)|[个個]?故事|则|則)
      | ({_DIGITS})\s*(?:つ目|番目)(?:の\w{{1,3}})?
      | [【\[(（]\s*({_DIGITS})\s*[】\])）]
      | ({_DIGITS})\s*(?:[.．:：、)）]|[*_]+|\s*$)
      | ([①-⑳]) )
    [】\])）」*_:：.、]*[ \t]*""",
    re.MULTILINE | re.IGNORECASE | re.VERBOSE,
)
_SEPARATOR = re.compile(r"(?m)^[ \t]*(?:[-*_=~#＊—–─]{3,}|(?:[*＊]\s+){2,}[*＊]|<[-=/]*>|\[SEP\]|⁂|§)[ \t]*$")
_BULLET = re.compile(r"(?m)^[ \t]*[-*•・‣][ \t]+(?=\S)")


def parse_answer(
    answer: str, request: Request, stop_reason: str = "stop", least: int = 0
) -> tuple[list[str], list[str]]:
    """The usable texts of an answer, and its problems.

    JSON (also in a fence, with typographic or unescaped quotation marks, one object a line), tags, numbers and
    headings in several languages, separators, bullets and blank lines are understood, in this order; thoughts,
    prefaces, afterwords, titles and markdown are taken off. A text that is cut off, too short, in another script, a
    repetition, or no dialogue where one was asked for is left out.

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
    text = re.sub(r"<think(?:ing)?>.*?(</think(?:ing)?>|\Z)", "", answer, flags=re.DOTALL)
    text = text.rsplit("</think>", 1)[-1].replace("\r\n", "\n").strip()
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
    """A text without titles, list marks, markdown, enclosing quotation marks and broken characters."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
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
    unspaced = base_language(request.language) in UNSPACED_LANGUAGES
    if letters < max(least, MIN_LETTERS_UNSPACED if unspaced else MIN_LETTERS):
        return "refusal: the model says that it won't" if is_refusal(text) else "malformed: a text is too short"
    if len(text) < (100 if unspaced else 250) and is_refusal(text):
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
    for other in (quoted_texts(text, request), _tagged(text), found):
        if other[0]:
            return other
    text = re.sub(r"(?m)^\s*```\w*\s*$", "", text).strip()
    if not is_refusal(text):
        paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
        if len(paragraphs) > 1 and is_preface(paragraphs[0]):
            paragraphs = paragraphs[1:]
        while len(paragraphs) > 1 and is_afterword(paragraphs[-1]):
            paragraphs = paragraphs[:-1]
        text = "\n\n".join(paragraphs)
        for parts in (_numbered(text), _split(_SEPARATOR, text), _split(_BULLET, text), paragraphs):
            # Marks prove a list; without one, only as many parts as were asked for do.
            if len(parts) == request.n or (len(parts) > 1 and parts is not paragraphs):
                return [part for part in parts if not is_preface(part) and not is_afterword(part)], False
        if request.n == 1:
            return [text], False
    return [], False


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _tagged(text: str) -> Found:
    found = list(_TAG.finditer(text))
    texts = [match[2] for match in found if match[2].strip()]
    return texts, bool(found) and found[-1][3].startswith("<")


def _numbered(text: str) -> list[str]:
    """The parts that begin with 1, 2, 3 and so on; numbers out of turn belong to the text."""
    starts: list[re.Match[str]] = []
    for match in _NUMBER.finditer(text):
        number = next(group for group in match.groups() if group)
        if _int(number) == len(starts) + 1:
            starts.append(match)
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return [text[match.end() : end].strip() for match, end in zip(starts, ends, strict=True)] if starts else []


def _int(number: str) -> int:
    if number.lower() in _WORDS:
        return _WORDS[number.lower()]
    return int(number) if number.isdecimal() else int(unicodedata.numeric(number))


def _split(mark: re.Pattern[str], text: str) -> list[str]:
    return [part.strip() for part in mark.split(text) if part.strip()] if mark.search(text) else []
