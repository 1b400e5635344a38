import pytest

from emovec.errors import EmovecError
from emovec.steering.experiments.judge import judge, parse_answer, question

inspect_model = pytest.importorskip("inspect_ai.model")
EMOTIONS = ["angry", "calm", "sad"]


def _mock(answer: str | list[str]):
    answers = [answer] * 50 if isinstance(answer, str) else answer
    outputs = [inspect_model.ModelOutput.from_content("mockllm/model", each) for each in answers]
    for output in outputs:
        output.usage = inspect_model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return inspect_model.get_model("mockllm/model", custom_outputs=outputs, memoize=False)


def test_answers_go_to_their_texts_and_equal_texts_are_asked_about_once() -> None:
    asked: list[str] = []

    def answer(input, *_):
        asked.append(input[-1].text)
        word = "Angry." if "slammed" in asked[-1] else "I would say sad" if "wept" in asked[-1] else "happy"
        output = inspect_model.ModelOutput.from_content("mockllm/model", word)
        output.usage = inspect_model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    model = inspect_model.get_model("mockllm/model", custom_outputs=answer, memoize=False)
    texts = ["he slammed the door", "she wept", "he slammed the door", " ", "it was Tuesday"]
    assert judge(texts, EMOTIONS, model) == ["angry", "sad", "angry", "none", None]
    assert len(asked) == 3
    # Blind: nothing but the text and the choices, which stand in an order of their own.
    orders = {text.split("most clearly: ")[1].split("?")[0] for text in asked}
    assert len(orders) > 1
    assert all("steer" not in text for text in asked)


def test_a_judge_may_find_no_emotion() -> None:
    assert judge(["a", "b"], EMOTIONS, _mock("none")) == ["none", "none"]


def test_a_judge_that_does_not_answer_is_told_of() -> None:
    with pytest.raises(EmovecError, match=r"steering\.judge: no-such-provider/x: this model can't be asked"):
        judge(["a"], EMOTIONS, "no-such-provider/x")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("SAD", "sad"), ("**calm**", "calm"), ("saddle", None), ("sad or calm", None), ("None", "none"), ("", None)],
)
def test_parse_answer(answer: str, expected: str | None) -> None:
    assert parse_answer(answer, EMOTIONS) == expected


def test_the_question_holds_the_text_and_all_choices() -> None:
    asked = question(" She left. ", EMOTIONS)
    assert "<text>\nShe left.\n</text>" in asked
    assert "angry, calm, sad" in asked
