"""Answers in every wrapping that models have been seen to use, and answers that are none."""

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.generation.parsing import clean_text, parse_answer
from emovec.corpus.generation.prompts import Kind
from emovec.corpus.generation.requests import Request

EN = [
    "She set the cup down so slowly that it made no sound, and stayed there, listening to the stairs (all 3 of them).",
    "“Not now,” he said. The phone, number 2 on the list, went on ringing; he put it under the cushion and sat on it.",
    "I counted the exits again: 1, 2, 3. My palms left two dark shapes on the folder, and nobody at the table saw it.",
    "Their dog didn't bark that night. At the window he could see the hedge move - once, twice - then nothing at all.",
]
JA = [
    "階段の三段目が鳴った。彼女は茶碗を置いたまま、息を止めて廊下の暗がりを見つめていた。",
    "「もういいよ」と彼は言った。受話器の向こうで、母がまだ何かを数えている声がした。",
    "封筒は机の上に二日置かれたままだった。私は毎朝その脇を通り、靴を履いて出かけた。",
]
ZH = [
    "他把信放在桌上，没有打开。窗外的雨下了整整一夜，楼道里的灯亮了又灭，灭了又亮。",
    "她数了一遍出口，又数了一遍。会议室里没有人说话，只有空调的声音一直响着，一直响着。",
]
DIALOGUES = [
    "Person: When does the library on Mill Road open on Saturdays?\nAI: At nine; the reading room opens at ten.",
    "Person: How long is the warranty on the lift motor?\nAI: Five years.\nPerson: And on its cables?\nAI: Two.",
]


def request(n: int, language: str = "en", kind: Kind = "stories") -> Request:
    texts = tuple(f"t-{i}" for i in range(n))
    return Request("r", kind, language, None if kind == "neutral" else "calm", None, "topic", 1, texts)


def heads(mark: Callable[[int], str], texts: list[str], between: str = "\n\n") -> str:
    return between.join(f"{mark(i)}{text}" for i, text in enumerate(texts, 1))


WRAPPINGS: dict[str, Callable[[list[str]], str]] = {
    "a list": lambda t: json.dumps(t),
    "a list as it is written": lambda t: json.dumps(t, ensure_ascii=False, indent=2),
    "a fenced list with talk around it": lambda t: f"Here you are:\n```json\n{json.dumps(t)}\n```\nI hope these help!",
    "a list with a comma too many": lambda t: json.dumps(t)[:-1] + ",\n]",
    "a list with line breaks in its strings": lambda t: "[" + ",".join(f'"{x}\n"' for x in t) + "]",
    "objects": lambda t: json.dumps([{"id": i, "story": x} for i, x in enumerate(t)]),
    "objects with a title": lambda t: json.dumps([{"title": "A Title Here", "text": x} for x in t]),
    "a list in an object": lambda t: json.dumps({"stories": t, "count": len(t)}),
    "objects in an object": lambda t: json.dumps({"stories": [{"story": x} for x in t]}),
    "numbered keys": lambda t: json.dumps({str(i): x for i, x in enumerate(t, 1)}),
    "one object a line": lambda t: "\n".join(json.dumps({"story": x}) for x in t),
    "a list encoded twice": lambda t: json.dumps(json.dumps(t)),
    "a list in a list": lambda t: json.dumps([t]),
    "a list after thoughts": lambda t: f'<think>1. plan ["x", "y"]\n2. write</think>\n{json.dumps(t)}',
    "a list after thoughts whose beginning is lost": lambda t: f"so, a list it is.</think>{json.dumps(t)}",
    "tags": lambda t: "\n".join(f"<story>\n{x}\n</story>" for x in t),
    "numbered tags": lambda t: "\n".join(f"<story{i}>{x}</story{i}>" for i, x in enumerate(t, 1)),
    "tags with attributes, in talk": lambda t: (
        "Sure.\n" + heads(lambda i: f'<text id="{i}">', t, "</text>\n") + "</text>"
    ),
    "tags never closed": lambda t: heads(lambda i: "<story>", t, "\n"),
    "numbers": lambda t: heads(lambda i: f"{i}. ", t),
    "numbers with brackets": lambda t: heads(lambda i: f"{i}) ", t, "\n"),
    "numbers in brackets": lambda t: heads(lambda i: f"({i}) ", t),
    "numbers between talk": lambda t: f"Of course! Here they are:\n\n{heads(lambda i: f'{i}. ', t)}\n\nLet me know!",
    "bold numbers": lambda t: heads(lambda i: f"**{i}.** ", t),
    "headings": lambda t: heads(lambda i: f"### Story {i}\n\n", t),
    "headings with titles": lambda t: heads(lambda i: f"## Story {i}: The Long Way Home\n\n", t),
    "bold headings with titles": lambda t: heads(lambda i: f"**Story {i}: The Cup**\n", t),
    "headings and lines": lambda t: heads(lambda i: f"Story {i}:\n", t, "\n\n---\n\n"),
    "words": lambda t: heads(lambda i: f"Story {['One', 'Two', 'Three', 'Four'][i - 1]}\n", t),
    "Japanese headings": lambda t: heads(lambda i: f"【物語{i}】\n", t),
    "Japanese chapters": lambda t: heads(lambda i: f"第{'一二三四'[i - 1]}話\n", t),
    "full-width numbers": lambda t: heads(lambda i: f"{'１２３４'[i - 1]}．", t),
    "circled numbers": lambda t: heads(lambda i: f"{'①②③④'[i - 1]} ", t),
    "Japanese numbers": lambda t: f"以下の物語です。\n\n{heads(lambda i: f'{i}、', t)}\n\n以上です。ご確認ください。",
    "Chinese numbers": lambda t: heads(lambda i: f"{'一二三四'[i - 1]}、", t),
    "Chinese headings": lambda t: (
        f"好的，以下是故事：\n\n{heads(lambda i: f'故事{i}：', t)}\n\n希望这些故事符合您的要求。"
    ),
    "Spanish headings": lambda t: "Claro, aquí tienes:\n\n" + heads(lambda i: f"**Historia {i}**\n", t),
    "German headings": lambda t: "Gerne!\n\n" + heads(lambda i: f"Geschichte {i}:\n", t) + "\n\nIch hoffe, das hilft.",
    "lines": lambda t: "\n---\n".join(t),
    "stars": lambda t: "\n\n* * *\n\n".join(t) + "\n\n***",
    "bullets": lambda t: heads(lambda i: "- ", t, "\n"),
    "blank lines": lambda t: "Here are the stories you asked for:\n\n" + "\n\n".join(t),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize(("language", "texts"), [("en", EN), ("ja", JA), ("zh", ZH)])
def test_texts_come_out_of_every_wrapping(wrapping: str, language: str, texts: list[str]) -> None:
    assert parse_answer(WRAPPINGS[wrapping](texts), request(len(texts), language)) == (texts, [])


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_one_text_comes_out_of_every_wrapping(wrapping: str) -> None:
    assert parse_answer(WRAPPINGS[wrapping](EN[:1]), request(1)) == (EN[:1], [])


@pytest.mark.parametrize(
    "answer",
    [
        "[“" + "”, “".join(text.replace("“", "‘").replace("”", "’") for text in EN) + "”]",
        "['" + "', '".join(text.replace("'", "\\'") for text in EN) + "']",
        '["' + '",\n "'.join(text.replace("“", '"').replace("”", '"') for text in EN) + '"]',
        json.dumps(EN).replace("[", "[ ").replace('", "', '" ， "'),
    ],
    ids=["typographic", "single", "unescaped within", "full-width comma"],
)
def test_quotation_marks_that_are_no_json(answer: str) -> None:
    texts, problems = parse_answer(answer, request(4))
    assert not problems
    assert [text[-30:] for text in texts] == [text[-30:] for text in EN]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), st.sampled_from(sorted(WRAPPINGS)))
def test_more_than_were_asked_for_are_cut_to_the_first(order: list[int], wrapping: str) -> None:
    texts = [EN[i] for i in order]
    if wrapping not in {"blank lines"} and len(texts) > 1:  # which only as many parts as asked for prove
        assert parse_answer(WRAPPINGS[wrapping](texts), request(len(texts) - 1)) == (texts[:-1], [])


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(DIALOGUES),
        json.dumps([dialogue.split("\n") for dialogue in DIALOGUES]),
        json.dumps(
            [
                {"turns": [dict(zip(("speaker", "text"), line.split(": "), strict=True)) for line in d.split("\n")]}
                for d in DIALOGUES
            ]
        ),
        json.dumps(DIALOGUES).replace("\\n", "\\\\n"),
        "\n\n---\n\n".join(dialogue.replace("\n", "\n\n") for dialogue in DIALOGUES),
        "\n\n".join(f"**Dialogue {i}**\n\n{dialogue}" for i, dialogue in enumerate(DIALOGUES, 1)),
        "\n\n".join(
            f"Dialogue {i}:\n{dialogue.replace('Person:', '**Person:**').replace('AI:', '**AI:**')}"
            for i, dialogue in enumerate(DIALOGUES, 1)
        ),
    ],
    ids=[
        "list",
        "lists of turns",
        "objects of turns",
        "escaped twice",
        "blank lines between",
        "headings",
        "bold names",
    ],
)
@pytest.mark.parametrize("kind", ["neutral", "dialogues"])
def test_dialogues_keep_their_turns(answer: str, kind: Kind) -> None:
    assert parse_answer(answer, request(2, kind=kind)) == (DIALOGUES, [])


def test_one_dialogue_as_a_list_of_turns() -> None:
    turns = DIALOGUES[1].split("\n")
    assert parse_answer(json.dumps(turns), request(1, kind="dialogues")) == ([DIALOGUES[1]], [])


RARER: dict[str, Callable[[list[str]], str]] = {
    "a list for each": lambda t: "\n\n".join(f"```json\n{json.dumps([x])}\n```" for x in t),
    "two lists": lambda t: f"{json.dumps(t[:1])}\n\nAnd more:\n{json.dumps(t[1:])}",
    "numbers after thoughts": lambda t: f"[THINK]1. plan\n2. write[/THINK]{heads(lambda i: f'{i}. ', t)}",
    "numbers after reasoning": lambda t: f"<reasoning>\n1. plan\n</reasoning>\n{heads(lambda i: f'{i}. ', t)}",
    "an object under each heading": lambda t: heads(lambda i: f"**Story {i}**\n", [json.dumps({"text": x}) for x in t]),
    "strings without commas": lambda t: "[\n" + "\n".join(map(json.dumps, t)) + "\n]",
    "strings with comments": lambda t: "[\n  // one\n" + ",\n  // next\n".join(map(json.dumps, t)) + "\n]",
    "a string a line": lambda t: "\n".join(map(json.dumps, t)),
    "YAML": lambda t: "stories:\n" + "\n".join(f"  - {json.dumps(x)}" for x in t),
    "Python with escaped apostrophes": lambda t: (
        "x = [" + ", ".join('"' + x.replace("'", "\\'") + '"' for x in t) + "]"
    ),
    "corner brackets a line": lambda t: "、\n".join(f"「{x.replace('「', '『').replace('」', '』')}」" for x in t),
    "full-width brackets": lambda t: "［" + "、".join(json.dumps(x, ensure_ascii=False) for x in t) + "］",
    "list items": lambda t: "<ol>\n" + "\n".join(f"<li>{x}</li>" for x in t) + "\n</ol>",
    "tags with titles": lambda t: "\n".join(f"<story><title>The Cup</title>\n{x}</story>" for x in t),
    "headings without numbers": lambda t: heads(lambda i: f"## {'The Cup of a Friend'[: 6 + i]}\n\n", t),
    "bold lines without numbers": lambda t: heads(lambda i: f"**{'The Cup of a Friend'[: 6 + i]}**\n\n", t),
    "bold headings with colons": lambda t: heads(lambda i: f"**Story {i}:**\n\n", t),
    "bold titles in line": lambda t: heads(lambda i: f"{i}. **The Cup:** ", t),
    "headings with remarks": lambda t: heads(lambda i: f"**Story {i} (first person):**\n", t),
    "headings with titles in brackets": lambda t: heads(lambda i: f"### 物語{i}「朝の庭」\n\n", t),
    "ordinals": lambda t: heads(lambda i: f"{['First', 'Second', 'Third', 'Fourth'][i - 1]} story:\n", t),
    "letters": lambda t: heads(lambda i: f"Story {'ABCD'[i - 1]}:\n", t),
    "Roman numbers": lambda t: heads(lambda i: f"{['I', 'II', 'III', 'IV'][i - 1]}. ", t),
    "dashes after numbers": lambda t: heads(lambda i: f"{i} - ", t),
    "numbers from 0": lambda t: heads(lambda i: f"{i - 1}. ", t),
    "1 before each": lambda t: heads(lambda i: "1. ", t),
    "one kind of number after another": lambda t: heads(lambda i: ("1. ", "２．", "③ ", "4) ")[i - 1], t),
    "Japanese counters": lambda t: heads(lambda i: f"{'１２３４'[i - 1]}編目：\n", t),
    "Japanese ordinals": lambda t: heads(lambda i: f"第{'一二三四'[i - 1]}編\n\n", t),
    "Japanese bullets": lambda t: heads(lambda i: "・", t),
    "diamonds between": lambda t: "\n\n◇\n\n".join(t),
    "lines alone": lambda t: "以下の物語です。\n" + "\n".join(f"　{x}" for x in t),
    "block quotes": lambda t: heads(lambda i: "> ", t),
    "counts of words": lambda t: heads(lambda i: f"{i}. ", [f"{x}\n\n*(Word count: 118)*" for x in t]),
    "counts of characters": lambda t: heads(lambda i: f"{i}. ", [f"{x}（285字）" for x in t]),
    "a token of the end": lambda t: heads(lambda i: f"{i}. ", t) + "</s><|im_end|>",
}


@pytest.mark.parametrize("wrapping", RARER)
@pytest.mark.parametrize(("language", "texts"), [("en", EN), ("ja", JA), ("zh", ZH)])
def test_texts_come_out_of_rarer_wrappings(wrapping: str, language: str, texts: list[str]) -> None:
    found, problems = parse_answer(RARER[wrapping](texts), request(len(texts), language))
    assert [text.translate(CORNERS) for text in found] == [text.translate(CORNERS) for text in texts]
    assert problems == []


CORNERS = str.maketrans("『』", "「」")


@pytest.mark.parametrize("collection", ["plain", "literary"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_real_stories_stay_as_they_are(collection: Literal["plain", "literary"], language: str) -> None:
    texts = [story.text for story in bundled_stories(collection, [language])][::3]
    for text in texts:
        assert parse_answer(text, request(1, language)) == ([text], [])
    for some in zip(*[iter(texts)] * 4, strict=False):
        for answer in (
            "\n".join(some),
            heads(lambda i: f"**Story {i}:**\n\n", [*some]),
            heads(lambda i: "1. ", [*some]),
        ):
            assert parse_answer(answer, request(4, language)) == ([*some], [])


@pytest.mark.parametrize("mark", ["1. ", "Text a ", "Conversation I ", "The first story "])
def test_one_story_keeps_what_comes_before_something_like_a_mark(mark: str) -> None:
    text = f"{EN[0]}\n{mark}{EN[2]}"
    assert parse_answer(text, request(1)) == ([text], [])


def test_a_story_that_is_half_speech_is_no_list_of_lines() -> None:
    speech = "“Put it back where you found it, and say nothing about it to your sister.”"
    text = "\n".join([EN[0], speech, EN[1], speech.replace("sister", "brother"), EN[2]])
    assert parse_answer(text, request(2))[0] == []


def test_japanese_turns_without_colons() -> None:
    turns = "佐藤「会議は何時に始まりますか、十時でしたか」\n鈴木「十時です。資料は机の上にあります」"
    expected = turns.replace("「", "：").replace("」", "")
    answer = json.dumps([turns, turns.replace("十時", "九時")])
    assert parse_answer(answer, request(2, "ja", "dialogues")) == ([expected, expected.replace("十時", "九時")], [])


REFUSALS = [
    "I appreciate the detail, but I'm not able to write these stories.",
    "I don't feel comfortable writing these.",
    "I'd rather not write stories like these.",
    "I'm going to have to decline.",
    "This request goes against my guidelines, so there is nothing I could write.",
    "ごめんなさい。このリクエストにはお応えすることができません。",
    "そのご要望にはお応えいたしかねます。",
    "倫理的な理由から、この依頼には対応できません。",
    "私はAIアシスタントですので、この種の物語を書くことはできません。",
    "お力になれず申し訳ありません。",
    "I'm sorry, but I can't help with that request.",
    "I cannot write stories that depict this.",
    "I’m unable to assist with creating that content.",
    "As an AI language model, I do not write about this.",
    "Unfortunately, I won't be able to do this. I cannot create such stories.",
    "申し訳ありませんが、そのご依頼にはお応えできません。",
    "すみません、その内容の物語は作成できません。",
    "抱歉，我无法完成这个请求。",
    "我不能写这样的故事。",
    "Lo siento, pero no puedo ayudar con eso.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    json.dumps(["I'm sorry, but I can't write this story.", "I'm sorry, but I can't write that story either."]),
]


@pytest.mark.parametrize("answer", REFUSALS)
@pytest.mark.parametrize("n", [1, 2])
def test_refusals_are_told_by_what_they_say(answer: str, n: int) -> None:
    for language in ("en", "ja"):
        texts, problems = parse_answer(answer, request(n, language))
        assert texts == []
        assert problems[0].startswith("refusal: ")


def test_a_refusal_is_told_by_its_stop_reason() -> None:
    assert parse_answer(json.dumps(EN), request(4), "content_filter") == (
        [],
        ["refusal: the provider's filter stopped the answer"],
    )


def test_sorry_characters_are_no_refusal() -> None:
    text = (
        "I'm sorry, she kept saying, and I can't say that I heard it. The kettle had boiled dry; the kitchen smelt of "
        "hot metal and nobody moved to open the window. Outside a bus went by with all its lights on and no one in it, "
        "and I thought of the ticket in my coat."
    )
    assert parse_answer(json.dumps([text, *EN[:1]]), request(2)) == ([text, EN[0]], [])


def test_apologies_in_a_japanese_story_are_no_refusal() -> None:
    text = "「申し訳ありません、これ以上お待たせすることはできません」と窓口の女性は言った。" + "".join(JA) + JA[0]
    assert parse_answer(json.dumps([text, JA[1]]), request(2, "ja")) == ([text, JA[1]], [])


@pytest.mark.parametrize("reason", ["max_tokens", "model_length"])
def test_of_a_cut_list_the_whole_texts_are_kept_at_every_cut(reason: str) -> None:
    answer = json.dumps(EN, ensure_ascii=False)
    ends = [answer.index(text) + len(text) for text in EN]
    for cut in range(len(answer)):
        texts, problems = parse_answer(answer[:cut], request(4), reason)
        whole = sum(cut > end for end in ends)
        assert texts == EN[:whole]
        assert problems == [] if whole == 4 else problems[0].startswith("truncated: ")


@pytest.mark.parametrize("wrapping", ["numbers", "headings", "tags", "lines"])
def test_of_other_cut_answers_the_last_text_is_left_out(wrapping: str) -> None:
    answer = WRAPPINGS[wrapping](EN)
    texts, problems = parse_answer(answer[: answer.index(EN[3]) + 30], request(4), "max_tokens")
    assert texts == EN[:3]
    assert problems == ["truncated: cut off at the limit of tokens"]


def test_thoughts_that_never_end_are_no_texts() -> None:
    assert parse_answer(f"<think>{EN[0]} {json.dumps(EN)}", request(4), "max_tokens") == (
        [],
        ["truncated: cut off before any text"],
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "the answer is empty"),
        ("What a lovely idea! Which kind of story would you like to read today, and how long should it be?", "no list"),
        (EN[0], "no list of texts"),
        (json.dumps(["first story", "second story"]), "a text is too short"),
        (json.dumps(["…", "…"]), "a text is too short"),
        (json.dumps(EN[:1]), "fewer texts than were asked for"),
        (json.dumps([EN[0], EN[0]]), "a text comes twice"),
        (json.dumps([EN[0], JA[0] + JA[1]]), "a text is not in the script of 'en'"),
    ],
)
def test_malformed_answers_are_named(answer: str, reason: str) -> None:
    texts, problems = parse_answer(answer, request(2))
    assert len(texts) < 2
    assert len(problems) == 1
    assert problems[0].startswith("malformed: ")
    assert reason in problems[0]


def test_a_story_much_shorter_than_asked_for_is_told() -> None:
    assert parse_answer(json.dumps(EN[:2]), request(2), least=80)[0] == EN[:2]
    assert parse_answer(json.dumps(EN[:2]), request(2), least=200) == ([], ["malformed: a text is too short"])


def test_prose_is_no_dialogue() -> None:
    texts, problems = parse_answer(json.dumps([EN[0], DIALOGUES[0]]), request(2, kind="dialogues"))
    assert texts == DIALOGUES[:1]
    assert problems == ["malformed: a dialogue has no turns such as 'Name: …'"]


@given(st.text(max_size=300), st.integers(1, 4), st.sampled_from(["stop", "max_tokens"]))
def test_whatever_comes_is_either_texts_or_a_problem(answer: str, n: int, stop_reason: str) -> None:
    texts, problems = parse_answer(answer, request(n), stop_reason)
    assert len(texts) <= n
    assert (len(texts) == n) == (problems == [])


@given(
    st.recursive(
        st.none() | st.text(max_size=90) | st.integers(),
        lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_is_either_texts_or_a_problem(value: Any) -> None:
    for kind in ("stories", "dialogues"):
        texts, problems = parse_answer(json.dumps(value), request(2, kind=kind))
        assert (len(texts) == 2) == (problems == [])


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("**The Cup**\n\nShe *never* drank.", "She never drank."),
        ("# Title\nShe **never** drank.", "She never drank."),
        ("Title: The Cup\nShe drank.", "She drank."),
        ("The Long Way Home\n\nShe walked.", "She walked."),
        ("“She walked.”", "She walked."),
        ("“Go,” she said. “Now.”", "“Go,” she said. “Now.”"),
        ("「帰る」", "帰る"),
        ("One.\n\n\n\nTwo.", "One.\n\nTwo."),
        ("2 * 3 * 4 is 24", "2 * 3 * 4 is 24"),
        ("Half a pair \ud83d here", "Half a pair \ufffd here"),
        ("First sentence.\nSecond.", "First sentence.\nSecond."),
    ],
)
def test_what_cleaning_takes_off(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned
