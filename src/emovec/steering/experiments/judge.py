"""A judge, another model, says which emotion a text expresses, without knowing how it was steered."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from emovec.asking.ask import Question, Reply, ask_all

NONE = "none"
"""What a judge answers for a text that expresses none of the emotions."""

_QUESTION = """Here is the beginning of a text, cut off after a few words:

<text>
{text}
</text>

Which of these emotions does it express most clearly: {options}? If it expresses none of them, answer {none}. Answer \
with that one word in English and nothing else."""


def judge(texts: Sequence[str], emotions: Sequence[str], model: "str | Any", seed: int = 0) -> list[str | None]:
    """Ask a judge which emotion each text expresses.

    The judge is blind: it sees the text alone, the texts come in random order and the emotions in another order for
    each of them. Equal texts are asked about once.

    Args:
        texts: what was written.
        emotions: the answers to choose from; `none` is always there.
        model: an Inspect model, or its name, such as `openai/gpt-4o-mini`.
        seed: of both orders.

    Returns:
        The emotion for each text, `none`, or None where the answer names not exactly one.

    Raises:
        EmovecError: if Inspect isn't installed, there is no such model, or it doesn't answer.
    """
    rng = np.random.default_rng(seed)
    asked = list(dict.fromkeys(text for text in texts if text.strip()))
    order = [asked[i] for i in rng.permutation(len(asked))]
    questions = [question(text, [str(emotion) for emotion in rng.permutation(list(emotions))]) for text in order]

    heard: dict[str, str | None] = {}

    def keep(asked: Question, reply: Reply) -> list[Question]:
        heard[asked.key] = parse_answer(reply.text, emotions)
        return []

    asked_about = [Question(text, each) for text, each in zip(order, questions, strict=True)]
    ask_all(asked_about, model, keep, config={"temperature": 0.0, "max_tokens": 16}, setting="steering.judge")
    return [heard.get(text, NONE) for text in texts]


def question(text: str, emotions: Sequence[str]) -> str:
    """What the judge is asked about one text."""
    return _QUESTION.format(text=text.strip(), options=", ".join(emotions), none=NONE)


def parse_answer(answer: str, emotions: Sequence[str]) -> str | None:
    """The one emotion (or `none`) that an answer names; None if it names none of them, or several."""
    named = [word for word in [*emotions, NONE] if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", answer, re.IGNORECASE)]
    return named[0] if len(named) == 1 else None
