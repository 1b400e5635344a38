"""What models leave in texts, say around them, or say instead: markup, labels, their own voice, refusals, prefaces."""

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


_REFUSALS = re.compile(
    r"""^\W*(?:
      (?:i['’]?\s?a?m\s(?:\w+\s)?sorry|i\sapologi[sz]e|sorry|my\sapologies|unfortunately|regrettably)\b
          [^\n]{0,90}?\b(?:can(?:no|['’])t|can\snot|unable|won['’]t|not\s(?:able|comfortable|going|feel\scomfortable)|must\sdecline)\b
    | i\s?(?:can(?:no|['’])t|can\snot|won['’]t|will\snot|(?:a|['’])m\s(?:unable|not\sable|not\scomfortable|not\sgoing)|
          must\s(?:respectfully\s)?decline)\b[^\n]{0,40}?
          \b(?:help|assist|write|writing|create|creating|generate|produce|provide|fulfil|fulfill|comply|complete|do\sthat)\b
    | as\san\sai\b
    | i\s(?:appreciate|understand)\b[^\n]{0,90}?,?\s(?:but|however)\W+i
          \W?(?:a?m\s(?:not\sable|unable)|\s?can(?:no|['’])t|\swon['’]t)\b
    | i\s(?:do\snot|don['’]t)\sfeel\scomfortable\s(?:writing|creating|producing|generating|with)\s
          (?:this|that|these|those|such|stor|content)
    | i(?:['’]d|\swould)\s(?:rather|prefer)\snot\s(?:to\s)?(?:write|create|produce)\s
          (?:stor|such|content|these\sstor|about)
    | i['’]?\s?a?m\s(?:going\sto|afraid\si)\s(?:have\sto\sdecline|can(?:no|['’])t\s(?:help|assist|write|create|fulfil))
    | (?:this|the|your)\s(?:request|content|prompt)\b[^\n]{0,40}\b(?:goes\sagainst|violates)\s
    | (?:大変|誠に)?(?:申し訳|すみません|恐れ入り|恐縮|ごめんなさい|残念ながら)[^\n]{0,80}?
          (?:でき(?:ません|かねます)|いたしかねます|お応え|お答え|お手伝い|控え)
    | (?:倫理的|道徳的|安全上?|ポリシー)[^。\n]{0,12}(?:理由|観点|都合|上)[^。\n]{0,40}
          (?:できません|できかねます|いたしかねます)
    | (?:私は|わたしは)?(?:ai(?!\s*[:：「])|人工知能|言語モデル)[^。\n]{0,60}(?:でき(?:ません|かねます)|いたしかねます)
    | お力になれ(?:ず|ません)
    | (?:その|この|こちらの)?ご?(?:要望|依頼|リクエスト|内容)[^。\n]{0,40}(?:でき(?:ません|かねます)|いたしかねます)
    | (?:很)?(?:抱歉|对不起|對不起|遗憾|遺憾)[^。\n]{0,60}(?:无法|無法|不能|不便|没有办法)
    | 我(?:无法|無法|不能)(?:为|為|帮|幫|提供|写|寫|协助|協助|满足|滿足|生成|创作|創作)
    | (?:作为|作為)(?:一个|一個|一名)?(?:ai|人工智能|人工智慧|语言模型)
    | lo\s(?:siento|lamento)[^\n]{0,80}\bno\spuedo
    | no\spuedo\s(?:ayudar|escribir|crear|generar|cumplir|proporcionar|realizar)
    | (?:es\s)?tut\smir\s(?:sehr\s)?leid[^\n]{0,90}\b(?:kann|nicht|keine)\b
    | (?:leider\s)?(?:kann|darf)\sich\s[^\n]{0,60}(?:nicht|keine)\b
    | ich\skann\s[^\n]{0,40}(?:nicht|keine)\b[^\n]{0,30}(?:helfen|schreiben|erstellen|erfüllen|verfassen)
    | (?:je\ssuis\s)?désolée?[^\n]{0,80}\bne\speux
    )""",
    re.IGNORECASE | re.VERBOSE,
)

_PREFACE = re.compile(
    r"""^\W*(?:sure|certainly|of\scourse|absolutely|okay|ok\b|here\s(?:is|are)|here['’]s|below\s(?:is|are)|
    the\sfollowing|以下|はい|承知|了解|わかりました|分かりました|かしこまりました|もちろん|好的|当然|當然|没问题|下面|
    這是|这是|claro|por\ssupuesto|aquí\s(?:tienes|están|hay|va)|a\scontinuación|natürlich|gerne|selbstverständlich|
    hier\s(?:ist|sind|kommen)|voici|bien\ssûr)""",
    re.IGNORECASE | re.VERBOSE,
)

_AFTERWORD = re.compile(
    r"""^\W*(?:note\b\s*:|notes\b\s*:|i\shope\s(?:these|this|you|it)|let\sme\sknow|feel\sfree|would\syou\slike|
    (?:these|the|all|each\sof\s(?:these|the)|each|both)\s(?:\w+\s)?(?:stories|story|dialogues?|texts?|conversations?)\b|
    以上(?:です|が|、|の|是)|ご希望|ご要望|必要で(?:あれば|したら)|いかがでしょうか|お役に立て|これらの(?:物語|会話)|
    注\s*[:：]|※|希望(?:这|這|以上|能)|如果(?:您|你)(?:需要|想|希望)|如需|这些故事|espero\sque\s(?:estas|te|le)|
    nota\s*:|si\s(?:quieres|necesitas|deseas)\b|ich\shoffe,?\sd|hinweis\s*:|anmerkung\s*:|wenn\s(?:sie|du)\s\w*\s*(?:möcht|weiter)|
    j['’]espère\sque\sces)""",
    re.IGNORECASE | re.VERBOSE,
)

_THOUGHTS = re.compile(
    r"<(think(?:ing)?|thoughts?|reasoning|scratchpad)>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_END_OF_THOUGHTS = re.compile(r"</(?:think(?:ing)?|thoughts?|reasoning|scratchpad)>|\[/THINK\]", re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """An answer without what a model thought before it, also where the beginning or the end of that is lost."""
    return _END_OF_THOUGHTS.split(_THOUGHTS.sub("", text))[-1]


def is_refusal(text: str) -> bool:
    """Whether a text begins as a refusal does, in English, Japanese, Chinese, Spanish, German or French."""
    return _REFUSALS.match(text.strip()) is not None


def is_preface(paragraph: str) -> bool:
    """Whether a paragraph only announces what follows: “Here are four stories:”."""
    said = paragraph.strip()
    if len(said) > 240 or "\n" in said:
        return False
    return bool(re.search(r"[:：]\W*$", said)) or (len(said) < 160 and _PREFACE.match(said) is not None)


def is_afterword(paragraph: str) -> bool:
    """Whether a paragraph speaks about the texts before it: “I hope these stories …”."""
    said = paragraph.strip()
    return len(said) < 320 and _AFTERWORD.match(said) is not None
