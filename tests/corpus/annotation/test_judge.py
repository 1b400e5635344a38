import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.annotation.answers import Answer, keep_answer, label_table, options_digest, read_answers, text_digest
from emovec.corpus.annotation.judge import TRIAL, label_with_model, sample_stories, unanswered
from emovec.corpus.annotation.questions import parse_answer, question
from emovec.corpus.annotation.session import LabelSession, matching
from emovec.corpus.story import Story
from emovec.emotions import ANTHROPIC_171, DEFAULT_30
from emovec.errors import EmovecError
from tests.corpus.labelled import CONFUSION, EMOTIONS, mock, stories, truth

pytest.importorskip("inspect_ai")


def judged(prompt: str) -> str:
    return CONFUSION[truth(prompt)]


# Sampling


@given(st.integers(1, 60), st.integers(0, 5))
def test_samples_are_even_over_emotions_within_each_language(number: int, seed: int) -> None:
    chosen = sample_stories(stories(), number, seed)
    for language in ("en", "ja"):
        counts = Counter(story.emotion for story in chosen if story.language == language)
        assert counts.total() == min(number, 20)
        assert max(counts.values()) - min(counts[emotion] for emotion in EMOTIONS) <= 1


@given(st.integers(1, 19), st.integers(0, 5))
def test_a_larger_sample_holds_the_smaller(number: int, seed: int) -> None:
    small, large = ({s.id for s in sample_stories(stories(), n, seed)} for n in (number, number + 1))
    assert small < large


def test_samples_depend_on_the_seed_and_not_on_other_languages() -> None:
    english = [s for s in sample_stories(stories(), 7, 1) if s.language == "en"]
    assert english == sample_stories(stories(languages=("en",)), 7, 1)
    assert len({tuple(s.id for s in sample_stories(stories(), 7, seed)) for seed in range(5)}) > 1


# Questions and answers


@pytest.mark.parametrize(
    ("said", "top", "means"),
    [
        ("sad", 1, ("sad",)),
        ("**Sad.**", 1, ("sad",)),
        ("The emotion is joyful.", 1, ("joyful",)),
        ("<think>angry? calm? sad?</think>\n\ncalm", 1, ("calm",)),
        ("<thinking>angry? calm? sad?</thinking>\n\ncalm", 1, ("calm",)),
        ("so, angry or calm?</think>\n\ncalm", 1, ("calm",)),
        ("[THINK]angry? sad?[/THINK]-calm", 1, ("calm",)),
        ("**Sad**\n\nExplanation: the calm voice hides what the man has lost, and nobody is angry.", 1, ("sad",)),
        ("It could be calm or sad, hard to tell.\nAnswer: sad", 1, ("sad",)),
        ("none", 1, ("none",)),
        ("Unclear.", 1, ("none",)),
        ("joy", 1, ("joyful",)),
        ("怒り", 1, ("angry",)),
        ("sad, calm, angry", 3, ("sad", "calm", "angry")),
        ("1. sad\n2. calm", 3, ("sad", "calm")),
        ("sad, sad, calm", 3, ("sad", "calm")),
    ],
)
def test_answers_are_understood(said: str, top: int, means: tuple[str, ...]) -> None:
    assert parse_answer(said, EMOTIONS, top, "ja") == (means, "")


@pytest.mark.parametrize(
    ("said", "top", "problem"),
    [
        ("", 1, "blank"),
        ("<think>sad, surely", 1, "blank"),
        ("bittersweet", 1, "none of the emotions"),
        ("sadly", 1, "none of the emotions"),
        ("sad and calm", 1, "2 emotions"),
        ("sad\ncalm", 1, "2 emotions"),
        ("self-sad", 1, "none of the emotions"),
        ("angry, calm, joyful, sad", 3, "4 emotions"),
        ("It is not joyful.", 1, "prose"),
        ("The text conveys a mix of many feelings and moods, of which joyful may be one of several.", 1, "prose"),
    ],
)
def test_what_is_no_label_says_why(said: str, top: int, problem: str) -> None:
    labels, why = parse_answer(said, EMOTIONS, top)
    assert labels == ()
    assert problem in why


@given(st.sampled_from(sorted({*ANTHROPIC_171, *DEFAULT_30})))
def test_every_emotion_of_the_long_list_is_understood_as_itself(emotion: str) -> None:
    assert parse_answer(f"{emotion.capitalize()}.", ANTHROPIC_171 + DEFAULT_30) == ((emotion,), "")


def test_a_head_word_of_two_options_is_no_label() -> None:
    assert parse_answer("fear", ["afraid", "sad"])[0] == ("afraid",)
    assert parse_answer("scared", ["afraid", "scared"])[0] == ("scared",)


# The judge


def test_a_judge_is_blind_and_sees_the_options_in_another_order_each_time(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return judged(prompt)

    label_with_model(stories(), EMOTIONS, mock(answer), tmp_path / "a.jsonl")
    assert len(asked) == 40
    for prompt in asked:
        assert "topic" not in prompt
        assert not any(story.id in prompt for story in stories())
    assert len({prompt.split("list: ")[1] for prompt in asked}) > 10
    assert [truth(prompt) for prompt in asked] != [story.emotion for story in stories()]


def test_labels_are_what_the_judge_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    seen: list[int] = []
    label_with_model(stories(), EMOTIONS, mock(judged), path, progress=seen.append)
    table = label_table(stories(), read_answers(path), EMOTIONS)
    assert table["label"].tolist() == [CONFUSION[story.emotion] for story in stories()]
    assert table["id"].tolist() == [story.id for story in stories()]
    assert sum(seen) == 40
    shown = {row["position"] for row in table.to_dict("records")}
    assert shown == {0, 1, 2, 3}


def test_equal_texts_are_asked_about_once_and_all_labelled(tmp_path: Path) -> None:
    twins = [Story(f"{i}", "en", "sad", None, "Scene 0 of kind K3.") for i in range(3)]
    label_with_model(twins, EMOTIONS, mock(judged), tmp_path / "a.jsonl")
    assert len(read_answers(tmp_path / "a.jsonl")) == 1
    assert len(label_table(twins, read_answers(tmp_path / "a.jsonl"), EMOTIONS)) == 3


def test_what_is_answered_is_not_asked_again_unless_text_options_or_judge_change(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    label_with_model(stories(), EMOTIONS, mock(judged), path)
    label_with_model(stories(), EMOTIONS, mock(lambda _: pytest.fail("asked again")), path)
    label_with_model(stories(), EMOTIONS[::-1], mock(lambda _: pytest.fail("asked again")), path, seed=5)
    changed = [
        Story(s.id, s.language, s.emotion, s.topic, s.text + "!") if i < 2 else s for i, s in enumerate(stories())
    ]
    assert len(unanswered(changed, EMOTIONS, "mockllm/model", path)) == 2
    assert len(unanswered(stories(), (*EMOTIONS, "bored"), "mockllm/model", path)) == 40
    assert len(unanswered(stories(), EMOTIONS, "another/judge", path)) == 40
    assert len(unanswered(stories(), EMOTIONS, "mockllm/model", path, top=3)) == 40


def test_unusable_answers_are_kept_apart_and_asked_again_up_to_three_times(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    asked: Counter[str] = Counter()

    def answer(prompt: str) -> str:
        emotion = truth(prompt)
        text = prompt.split("</text>")[0]
        asked[text] += 1
        if emotion == "angry":
            return "I'm sorry, I can't help with that."
        return "calm" if emotion != "sad" or asked[text] == 2 else "who knows"

    def stop(prompt: str) -> str:
        return "max_tokens" if truth(prompt) == "joyful" else "stop"

    label_with_model(stories(), EMOTIONS, mock(answer, stop), path)
    answers = read_answers(path)
    assert Counter(a.status for a in answers) == {"refusal": 30, "truncated": 30, "malformed": 10, "ok": 20}
    assert {a.attempt for a in answers if a.status == "refusal"} == {1, 2, 3}
    assert {a.said for a in answers if a.status == "malformed"} == {"who knows"}
    assert len(label_table(stories(), answers, EMOTIONS)) == 20
    label_with_model(stories(), EMOTIONS, mock(lambda _: pytest.fail("asked a fourth time")), path)
    label_with_model(stories(), EMOTIONS, mock(judged), path, retry=True)
    assert len(label_table(stories(), read_answers(path), EMOTIONS)) == 40


def test_the_options_stand_in_another_order_when_asked_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "?!x"

    label_with_model(stories(1, ("en",), ("angry",)), DEFAULT_30, mock(answer), tmp_path / "a.jsonl")
    assert len(set(asked)) == 3


def test_a_judge_that_never_answers_is_stopped_early_with_an_example(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "Once upon a time"

    with pytest.raises(EmovecError, match=r"can't serve as a judge.*Once upon a time") as raised:
        label_with_model(stories(), EMOTIONS, mock(answer), tmp_path / "a.jsonl")
    assert 3 * TRIAL <= len(asked) < 3 * len(stories())
    assert "`max_tokens`" in str(raised.value)


def test_requests_that_fail_stop_the_run_and_say_nothing_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush-hush-1234")
    path = tmp_path / "a.jsonl"
    failing = mock(lambda _: RuntimeError("401 for key hush-hush-1234 and sk-abcdefgh12345"))
    with pytest.raises(EmovecError, match=r"gave no answer .*401") as raised:
        label_with_model(stories(), EMOTIONS, failing, path)
    for text in (str(raised.value), path.read_text()):
        assert "hush" not in text
        assert "abcdefgh" not in text
    # Failed requests are no attempts: the same command goes on.
    label_with_model(stories(), EMOTIONS, mock(judged), path)
    assert len(label_table(stories(), read_answers(path), EMOTIONS)) == 40


def test_a_server_that_dies_midway_loses_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = 0

    def answer(prompt: str) -> Any:
        nonlocal good
        good += 1
        return judged(prompt) if good <= 25 else ConnectionError("connection refused")

    with pytest.raises(EmovecError, match=r"has stopped answering .connection refused.; .*continues"):
        label_with_model(stories(), EMOTIONS, mock(answer), path)
    assert len(label_table(stories(), read_answers(path), EMOTIONS)) == 25
    assert len(unanswered(stories(), EMOTIONS, "mockllm/model", path)) == 15


def test_texts_given_up_are_retried_with_the_emotions_in_new_orders(tmp_path: Path) -> None:
    path, asked = tmp_path / "a.jsonl", list[str]()

    def nonsense(prompt: str) -> str:
        asked.append(prompt)
        return "?x?"

    label_with_model(stories()[:1], EMOTIONS, mock(nonsense), path)
    label_with_model(stories()[:1], EMOTIONS, mock(nonsense), path)
    assert len(asked) == 3
    label_with_model(stories()[:1], EMOTIONS, mock(nonsense), path, retry=True)
    assert [answer.attempt for answer in read_answers(path)] == [1, 2, 3, 4, 5, 6]
    assert asked[3:] != asked[:3]


KILLED = """
    import os, sys
    from pathlib import Path
    from emovec.corpus.annotation.judge import label_with_model
    from tests.corpus.labelled import CONFUSION, EMOTIONS, mock, stories, truth

    asked = open(sys.argv[2], "a")
    left = int(sys.argv[3])

    def answer(prompt):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        asked.write(prompt.split("</text>")[0].split("<text>")[1].strip() + "\\n")
        asked.flush()
        return CONFUSION[truth(prompt)]

    label_with_model(stories(), EMOTIONS, mock(answer), Path(sys.argv[1]), max_connections=1)
"""


def test_killed_and_started_again_nothing_is_lost_or_asked_twice(tmp_path: Path) -> None:
    path, log = tmp_path / "a.jsonl", tmp_path / "asked"
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(log)]
    first = subprocess.run([*command, "13"], env=environment, capture_output=True, text=True, check=False)
    assert first.returncode == 9, first.stderr
    kept = len(read_answers(path))
    with path.open("ab") as file:
        file.write(b'{"text": "cut sho')
    second = subprocess.run([*command, "-1"], env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    table = label_table(stories(), read_answers(path), EMOTIONS)
    assert table["label"].tolist() == [CONFUSION[story.emotion] for story in stories()]
    # An answer that was still on its way when the process was killed may be asked for once more, one that was kept not.
    asked = Counter(log.read_text().splitlines())
    assert asked.total() == 13 + 40 - kept
    assert kept >= 12


# The file of answers


def test_lines_that_are_no_answers_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    answer = Answer("t", "me", "human", "o", 1, "ok", ("sad",), 2)
    keep_answer(path, answer)
    with path.open("ab") as file:
        file.write(b'\xff\xfe\n[1]\n{"text": 1}\n{"status": "ok", "labels": null}\n{"text"')
    keep_answer(path, answer)
    assert read_answers(path) == [answer, answer]


def test_a_failed_answer_never_replaces_a_label() -> None:
    story = stories()[0]
    about = (text_digest(story), "m", "judge", options_digest(EMOTIONS), 1)
    given = [Answer(*about, "ok", ("sad",)), Answer(*about, "malformed")]
    assert label_table([story], given, EMOTIONS)["label"].tolist() == ["sad"]


# People


def test_a_person_labels_skips_takes_back_and_goes_on_later(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    texts = stories(2, ("en",))

    def session() -> LabelSession:
        return LabelSession(texts, EMOTIONS, "ann", path)

    one = session()
    first = one.current
    one.label(["sad"], 2)
    second = one.current
    assert second != first
    one.skip()
    third = one.current
    one.label(["calm"])
    assert one.undo()
    assert one.current == third
    one.label(["angry"])

    two = session()
    assert (two.done, two.total) == (2, 8)
    assert two.current not in (first, second, third)
    seen = []
    while (story := two.current) is not None:
        seen.append(story)
        two.label(["none"])
    assert len(seen) == 6
    assert seen[-1] == second
    table = label_table(texts, read_answers(path), EMOTIONS).set_index("id")
    assert first
    assert third
    assert (table.loc[first.id, "label"], table.loc[first.id, "confidence"]) == ("sad", 2)
    assert table.loc[third.id, "label"] == "angry"
    assert session().current is None
    again = session()
    assert again.undo()
    assert again.current == second


def test_undo_takes_back_the_last_act_be_it_a_label_or_a_skip(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    session = LabelSession(stories(1, ("en",)), EMOTIONS, "ann", path)
    assert not session.undoable
    first = session.current
    session.label(["sad"])
    second = session.current
    session.skip()
    assert session.undo()
    assert (session.current, session.done) == (second, 1)
    session.skip()
    third = session.current
    later = LabelSession(stories(1, ("en",)), EMOTIONS, "ann", path)
    assert later.current == third
    assert later.undo()
    assert (later.current, later.done) == (second, 1)
    assert later.undo()
    assert (later.current, later.done) == (first, 0)
    assert not later.undo()

    while later.current != third:
        later.skip()
    for _ in range(later.total):
        later.label(["calm"])
    assert (later.current, later.done) == (None, later.total)
    for done in reversed(range(later.total)):
        assert later.undo()
        assert later.done == done
    assert not later.undoable


def test_each_person_has_their_own_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    texts = stories(1, ("en",))
    LabelSession(texts, EMOTIONS, "ann", path).label(["sad"])
    assert LabelSession(texts, EMOTIONS, "bob", path).done == 0
    assert LabelSession(texts, EMOTIONS, "ann", path).done == 1


@pytest.mark.parametrize("wrong", [[], ["gloomy"], ["sad", "calm"]])
def test_what_is_no_label_is_refused(tmp_path: Path, wrong: list[str]) -> None:
    session = LabelSession(stories(), EMOTIONS, "ann", tmp_path / "a.jsonl")
    with pytest.raises(EmovecError):
        session.label(wrong)
    assert not (tmp_path / "a.jsonl").exists()


def test_what_is_kept_tells_nothing_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    LabelSession(stories(), EMOTIONS, "ann", path).label(["none"])
    record = json.loads(path.read_text())
    assert not {"id", "emotion", "topic"} & set(record)


def test_prefixes() -> None:
    options = [*DEFAULT_30, "none"]
    assert matching("sa", options, ["en"]) == ["sad"]
    assert set(matching("a", options, ["en"])) == {"afraid", "angry", "ashamed", "anxious"}
    assert matching("怒", options, ["ja"]) == ["angry"]
    assert matching("unc", options, ["en"]) == ["none"]
    assert matching("xyz", options, ["en"]) == []
    assert matching("hope", ["hope", "hopeful"], ["en"]) == ["hope"]


def test_the_question_holds_text_and_options() -> None:
    asked = question("  A {curly} text. ", ["sad", "calm"], 3)
    assert "A {curly} text." in asked
    assert "sad, calm" in asked
    assert "three" in asked
