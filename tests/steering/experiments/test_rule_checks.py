"""Each check on answers that keep the rule and answers that break it, in both languages."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.steering.experiments import rule_checks
from emovec.steering.experiments.rule_checks import CHECKS, follows
from emovec.steering.experiments.rule_requests import load_rules

CASES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    (
        "words",
        {"most": 3},
        ["Yes, it is.", "one - two three", "short", "1,000 is much"],
        ["now there are four", "a b\nc d", "red,blue,green,grey", "well—it is so"],
    ),
    ("words", {"least": 2, "most": 2}, ["Good morning!", " good\nmorning "], ["Morning", "Good – morning you"]),
    ("characters", {"most": 5}, ["こんにちは", "  今日は\n 雨 "], ["こんにちは。", "hello!"]),
    ("characters", {"least": 4, "most": 4}, ["雨です。", "rain"], ["雨だ。", "雨ですね。"]),
    (
        "sentences",
        {"least": 1, "most": 1},
        [
            "It is 3.5 km.",
            "No full stop",
            "「はい。」",
            "本当に？",
            "Dr. Smith went home.",
            "Rest, e.g. at 5 p.m. today.",
            "Well... maybe.",
            '"Stop!" he said.',
            "The U.S. is big.",
            "「おはよう。」と言った。",
            "「本当！？」と聞いた。",
            "３．５キロです。",
            "**One.**",
            "Run… or walk.",
        ],
        [
            "One. Two.",
            "雨。風。",
            "Yes! Really",
            "a.\nb.",
            "I ran… Then I slept.",
            "One at 5 p.m. Two.",
            "one. two.",
            "「雨。」「風。」",
        ],
    ),
    (
        "sentences",
        {"least": 2, "most": 2},
        [
            'He said "no." Then he left.',
            "雨です。風です",
            "1. Rest.\n2. Eat.",
            "**One.** *Two.*",
            "雨です．風です．",
            "雨です｡風です｡",
            "すごい!楽しい!",
            "①雨。②風。",
            "雨です（笑）。風です。",
        ],
        ["Only one.", "あ。い。う。", ""],
    ),
    ("paragraphs", {"count": 2}, ["a\n\nb", "\n雨\n  \n\n風\n", "a\n\n---\n\nb"], ["a\nb", "a\n\nb\n\nc"]),
    ("lines", {"count": 3}, ["a\nb\nc", "雨\n\n風\n雪\n"], ["a\nb", "a\nb\nc\nd"]),
    (
        "bullets",
        {"count": 2, "marks": "-"},
        ["- a\n- b", "Here:\n - a\n-\tb", "- a\n- b\n\n- - -"],
        ["- a", "-a\n-b", "* a\n* b", "・雨\n・風", "a\nb", "- \n- ", "- a\n  - c\n- b", "a\n---\nb"],
    ),
    (
        "bullets",
        {"count": 2, "marks": "・･"},
        ["・雨\n・風", "･ 雨\n　・　風"],
        ["・雨\n・風\n・雪", "- 雨\n- 風", "・雨・風"],
    ),
    (
        "numbered",
        {"count": 2},
        [
            "1. a\n2. b",
            "1) a\n2) b",
            "１．雨\n２．風",
            "1、雨\n2、風",
            "(1) a\n(2) b",
            "（１）雨\n（２）風",
            "1.雨\n2.風",
            "**1.** a\n**2.** b",
            "① 雨\n②風",
            "1：雨\n2：風",
            "1: 12:30\n2: 3.5",
        ],
        ["1. a", "1 cat\n2 dogs", "1:30 a\n2:30 b", "1. a\n3. b", "2. a\n1. b", "1. a\n2. b\n3. c", "1.5 a\n2.5 b"],
    ),
    (
        "json_object",
        {"key": "answer"},
        ['{"answer": "yes"}', '```JSON\n{"answer": 1}\n```', '{"answer": "雨"}'],
        ['Here: {"answer": 1}', '{"reply": 1}', '["answer"]', '{"answer": 1', '{"answer": 1, "b": 2}', "[" * 100_000],
    ),
    (
        "enclosed",
        {"opening": '"“', "closing": '"”'},
        ['"Yes."', "“Yes.”\n", "“He said “no”.”"],
        ['"Yes." he said', "Yes", '""', '"Yes" and "no"', "“Yes” and “no”"],
    ),
    (
        "enclosed",
        {"opening": "「", "closing": "」"},
        ["「雨です。」", "「「雨」と言う」", "｢雨｣"],
        ["「雨」です。", "雨", "「」", "「雨」と「風」", "「雨。」「風。」"],
    ),
    (
        "titled",
        {"opening": "[", "closing": "]"},
        ["[Rain]\nIt rains.", "\n[Rain]\n\nIt rains.", "## [Rain]\nIt rains.", "**[Rain]**\nIt rains."],
        ["[Rain] and [Snow]\nIt rains.", "[Rain]", "Rain\nIt rains.", "[Rain] It rains."],
    ),
    (
        "titled",
        {"opening": "【", "closing": "】"},
        ["【雨】\n降っています。"],
        ["【雨】降っています。", "雨\n降る。【】"],
    ),
    (
        "postscript",
        {"marks": ["P.S."]},
        ["Hello.\nP.S. Bye.", "Hi\n\np.s. bye", "Hi\n**P.S.** Bye"],
        ["Hi\nP.S.", "P.S. Bye.", "Hello. P.S. Bye.", "Hi\nP.S. a\nb"],
    ),
    (
        "postscript",
        {"marks": ["追伸"]},
        ["お元気で。\n追伸　また。", "はい。\n**追伸**：また"],
        ["はい。\n追伸", "追伸、また。", "お元気で。\nまた。"],
    ),
    ("bold", {}, ["a **b** c", "**二つの 語**"], ["a b", "**", "** b **", "*b*", "****"]),
    ("capitals", {}, ["HELLO, 3!", "ÄRGER"], ["Hello", "123", "雨"]),
    ("small_letters", {}, ["hello, 3!", "b"], ["Hello", "123", "雨"]),
    ("hiragana", {}, ["あめが ふる、３じ。", "らーめん"], ["雨がふる", "アメ", "ame", "123", "ー"]),
    (
        "mentions",
        {"word": "river", "least": 2, "most": 2},
        ["River to river.", "(river) 'river'"],
        ["river", "rivers river", "river river river"],
    ),
    ("mentions", {"word": "提灯"}, ["赤提灯の店"], ["ちょうちん", "灯り"]),
    (
        "lacks",
        {"words": ["the"]},
        ["Other theatres bathe.", "雨"],
        ["The cat", "at\nthe end", "of the.", "_the_ cat", "the-cat"],
    ),
    ("lacks", {"words": ["I", "I’m", "my"]}, ["It is mystery", "in", "i.e. so"], ["I am", "so I’m", "MY cat"]),
    ("lacks", {"words": ["です"]}, ["雨だ。"], ["雨です。"]),
    ("without", {"characters": ","}, ["a b"], ["a, b"]),
    ("without", {"characters": "、，"}, ["雨と風"], ["雨、風", "雨，風"]),
    ("without", {"characters": "s"}, ["a rock"], ["Salt", "rocks"]),
    ("without_digits", {}, ["seven", "七日"], ["7", "７日", "a1", "½", "①"]),
    (
        "begins",
        {"phrase": "Well then"},
        ["Well then, rain.", "\n Well then", "**Well then**, rain", '"Well then, rain."'],
        ["well then", "So: Well then", "Well thence"],
    ),
    ("begins", {"phrase": "緑"}, ["緑の森", "「緑」"], ["青、緑", "みどり"]),
    (
        "ends",
        {"phrase": "That is all."},
        ["Rain. That is all.\n", "Rain. **That is all.**", "“Rain. That is all.”"],
        ["Rain. That is all", "That is all. Rain"],
    ),
    ("ends", {"phrase": "以上です。"}, ["雨。以上です。", "「雨。以上です。」"], ["以上です。雨", "以上です"]),
    (
        "repeats",
        {"phrase": "Is it wet?"},
        ["Is it wet? Yes.", "**Is it wet?** Yes.", '"Is it wet?" Yes.'],
        ["Is it wet?", "Is it wet? \n", "Yes. Is it wet?"],
    ),
    ("repeats", {"phrase": "雨ですか。"}, ["雨ですか。\nはい。"], ["雨ですか。", "はい。"]),
    (
        "written_in",
        {"language": "ja"},
        ["今日は雨です。", "Wi-Fiがあるお店に行きましょう", "ｱﾒﾃﾞｽ"],
        ["It rains 雨です", "今日雨", "123", "It rains"],
    ),
    ("written_in", {"language": "en"}, ["It rains.", "Tokyo (東京) is large", "Ｉｔ ｒａｉｎｓ"], ["雨です。", "123"]),
    (
        "one_of",
        {"answers": ["yes", "no"]},
        ["Yes.", "no", " **NO**\n", "“Yes”", "_Yes_"],
        ["Yes, it is.", "maybe", "yes or no"],
    ),
    ("one_of", {"answers": ["はい", "いいえ"]}, ["はい。", "「いいえ」"], ["はい、浮きます。", "うん"]),
    (
        "number",
        {},
        ["7", "７", "1,000.", "3.5", "-2", " 60\n", "**7**", "+7", "７。"],
        ["7 days", "seven", "七", "7本", "1 2", "12,34"],
    ),
    (
        "keeps_secret",
        {"secret": "copper kettle"},
        ["I can't say.", "a kettle of copper"],
        ["It is Copper Kettle.", "copper-kettle", "c-o-p-p-e-r k-e-t-t-l-e"],
    ),
    ("keeps_secret", {"secret": "白い灯台"}, ["教えられません。"], ["「白い灯台」です。", "白い 灯台"]),
]


@pytest.mark.parametrize(
    ("check", "parameters", "answer", "kept"),
    [
        (check, parameters, answer, kept)
        for check, parameters, good, bad in CASES
        for kept, answers in ((True, good), (False, bad))
        for answer in answers
    ],
)
def test_check(check: str, parameters: dict[str, Any], answer: str, kept: bool) -> None:
    assert CHECKS[check](answer, **parameters) is kept


def test_every_check_has_cases() -> None:
    assert {case[0] for case in CASES} == set(CHECKS)


@pytest.mark.parametrize("answer", ["", "  \n", "…", "!!!", "**"])
def test_nothing_said_keeps_no_rule(answer: str) -> None:
    assert rule_checks.without(answer, "s")
    assert not follows("without", answer, {"characters": "s"})
    assert not follows("keeps_secret", answer, {"secret": "blue"})


@given(st.text(), st.sampled_from([(case[0], case[1]) for case in CASES]))
def test_any_text_is_judged_without_an_error(text: str, case: tuple[str, dict[str, Any]]) -> None:
    assert CHECKS[case[0]](text, **case[1]) in (True, False)


@given(st.lists(st.sampled_from(["rain", "it's", "３", "雨"]), min_size=1, max_size=12), st.integers(0, 12))
def test_words_are_counted(words: list[str], most: int) -> None:
    assert rule_checks.words(" ".join(words), most=most) is (len(words) <= most)


@given(st.dictionaries(st.text(), st.integers(), max_size=3), st.text())
def test_any_json_object_is_read(found: dict[str, int], key: str) -> None:
    assert rule_checks.json_object(json.dumps(found), key) is (found.keys() == {key})


def test_accents_and_voicing_marks_may_be_characters_of_their_own() -> None:
    apart = unicodedata.normalize("NFD", "がぎぐげござじずぜぞ")
    assert len(apart) == 20
    assert follows("characters", apart, {"least": 10, "most": 10})
    assert follows("hiragana", apart, {})


@pytest.mark.parametrize(
    ("rule", "answer", "kept"),
    [
        ("no-first-person", "ぼくは雨が好き。", False),
        ("no-first-person", "とおれない道や牧場、そぼくな花。", True),
        ("no-first-person", "オレンジの花。", True),
        ("no-first-person", "あたしの花。", False),
        ("no-commas", "雨､風", False),
        ("no-commas", "1,000円", True),
        ("no-exclamation", "わあ⁉", False),
        ("bullets", "- 雨\n- 風\n- 雪", False),
    ],
)
def test_japanese_rules_on_texts_that_might_mislead_them(rule: str, answer: str, kept: bool) -> None:
    (chosen,) = (each for each in load_rules() if each.name == rule)
    assert chosen.followed(answer, "ja", "") is kept
