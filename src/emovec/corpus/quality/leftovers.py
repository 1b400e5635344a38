"""What a text's making has left in it: markup, labels and numbers of stories, the author model's own voice."""

import re

PATTERNS: dict[str, re.Pattern[str]] = {
    "code fence": re.compile(r"```|~~~"),
    "heading": re.compile(r"(?m)^\s{0,3}#{1,6}\s+\S"),
    "emphasis": re.compile(
        r"\*\*\S(?:[^*\n]*\S)?\*\*|(?<![\w*])\*[^\s*](?:[^*\n]*[^\s*])?\*(?![\w*])|(?<!\w)__\S[^_\n]*__(?!\w)"
    ),
    "list mark": re.compile(r"\A\s*(?:[-*•]\s+|・\s*(?=\S)|[①-⑳]|\(?\d{1,3}[.)．）、:：]\s*(?=\S))"),
    "rule": re.compile(r"(?m)^\s*(?:-{3,}|\*{3,}|_{3,}|={3,})\s*$"),
    "JSON": re.compile(r'\A\s*[\[{]\s*["{]|"\s*[}\]],?\s*\Z|"(?:text|story|id|emotion|topic|content)"\s*:'),
    "tag": re.compile(r"</?[A-Za-z][\w-]*(?:\s[^<>\n]*)?/?>|<\|[\w-]+\|>|\[/?(?:INST|STORY|TEXT|END)\]"),
    "escaped character": re.compile(r'\\[nt"]|\\u[0-9a-fA-F]{4}|&(?:amp|lt|gt|quot|nbsp|#\d+);'),
    "label": re.compile(
        r"(?im)^\s*(?:(?:story|tale|title|text|scene|version|topic|emotion|historia|título|geschichte|titel|erzählung|"
        r"cuento|texto)\b\s*#?\d*\s*(?:of\s+\d+\s*)?[:：]|(?:story|historia|geschichte|cuento)\s*#?\d+\s*$|"
        r"(?:物語|ストーリー|話|タイトル|題名|題|故事|标题|標題|主题)\s*[#＃]?[\d０-９一二三四五六七八九十]*\s*[:：]|"
        r"第[\d０-９一二三四五六七八九十]+[話篇編]\s*$|"
        r"[【「『\[](?:物語|ストーリー|タイトル|故事|标题|story|title)[\s\d]*[】」』\]])"
    ),
    "author's voice": re.compile(
        r"(?i)\A\s*(?:(?:sure|certainly|of course|okay|absolutely)[,!.]\s+(?:here|i)\b|"
        r"here(?:'s| is| are) (?:a|an|the|your|\d+|my)\b[^.\n]{0,60}\b(?:stor(?:y|ies)|paragraph|version)|"
        r"as an ai\b|i(?:'m| am) sorry, (?:but )?i (?:can't|cannot|can’t) (?:help|assist|write|create|generate|"
        r"provide|fulfil|produce)|"
        r"以下(?:は|に|が|の)[^。\n]{0,30}(?:物語|ストーリー|文章)|(?:はい、)?(?:もちろん|承知|かしこまり)[^。\n]{0,12}[。!！]|"
        r"以下是|当然[,，!！可]|好的[,，!！]|aquí (?:está|tienes|hay)\b|hier (?:ist|sind)\b[^.\n]{0,40}geschichte)|"
        r"\b(?:as an ai (?:language )?model|let me know if you|word count\s*[:：])|"
        r"\bi hope (?:you enjoy|th(?:is|ese) (?:stor|text|help|meet))|(?m:^\W*note: th(?:is|ese) (?:stor|text))|"
        r"(?m:^\s*※(?:この|これらの|本)(?:物語|話|文章|作品)|^\s*以上(?:です|が[^。\n]{0,20}(?:物語|ストーリー|文章)(?:です|になります))。)|"
        r"[（(](?:\d+\s*(?:words|字|文字))[)）]"
    ),
}
"""What is looked for, by the name that a report gives it."""


def leftovers(text: str) -> dict[str, str]:
    """The kinds of leftovers in a text, each with its first place and a few characters about it."""
    found: dict[str, str] = {}
    for kind, pattern in PATTERNS.items():
        match = pattern.search(text)
        if match:
            found[kind] = " ".join(text[max(0, match.start() - 12) : match.end() + 12].split())
    return found
