"""A language model says which emotion each text conveys, without knowing which one it was written for."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emovec.asking.ask import Question, Reply, ask_all
from emovec.asking.errors import RETRIES
from emovec.corpus.annotation.answers import (
    FAILED,
    Answer,
    keep_answer,
    options_digest,
    read_answers,
    standing,
    text_digest,
)
from emovec.corpus.annotation.questions import declines, parse_answer, question
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.printable import shortened

if TYPE_CHECKING:
    from inspect_ai.model import Model

ATTEMPTS = 3
"""Times a text is asked about until an answer is usable."""
TRIAL = 20
"""Texts whose attempts a judge may use up without any usable answer before it is stopped."""
FAILURES = 5
"""Texts about which requests fail one after the other before a run stops."""
TEMPERATURE = 0.01
"""Next to none; local models refuse 0."""
AGAIN = 0.7
"""The temperature of later attempts, or the same answer would come back."""


def sample_stories(stories: Sequence[Story], number: int | None, seed: int = 0) -> list[Story]:
    """So many stories of each language, as evenly over emotions as that number allows, drawn at random.

    A larger sample of the same seed holds the smaller one, so that its answers are still of use.

    Args:
        stories: of any languages.
        number: for each language; None for all.
        seed: of the draw, which is the same whatever other languages there are.

    Returns:
        The chosen ones, in their order.
    """
    if number is None:
        return list(stories)
    kept: set[int] = set()
    for language in dict.fromkeys(story.language for story in stories):
        rng = np.random.default_rng([seed, *language.encode()])
        cells: dict[str, list[int]] = {}
        for i, story in enumerate(stories):
            if story.language == language:
                cells.setdefault(story.emotion, []).append(i)
        # Round after round, one story of each emotion; in the last chance decides which emotions get one.
        queue = [
            (turn, rng.random(), i)
            for emotion in sorted(cells)
            for turn, i in enumerate(rng.permutation(cells[emotion]).tolist())
        ]
        kept.update(i for _, _, i in sorted(queue)[:number])
    return [stories[i] for i in sorted(kept)]


def label_with_model(
    stories: Sequence[Story],
    options: Sequence[str],
    model: "str | Model",
    answers: Path,
    *,
    top: int = 1,
    seed: int = 0,
    max_tokens: int = 256,
    max_connections: int = 10,
    retries: int = RETRIES,
    retry: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Ask a judge about every text that it hasn't labelled yet, and keep each answer as it comes.

    The judge is blind: it sees the text alone, never an id or a topic, the texts come in random order and the emotions
    in another order for each of them. Equal texts are asked about once. An answer that is no label is asked for again,
    up to `ATTEMPTS` times, with the emotions in yet another order.

    Args:
        stories: what to label.
        options: the emotions to choose from; `NONE` is always there.
        model: as Inspect names it (`openai/gpt-4o-mini`, `emovec/…`), or one of Inspect's models.
        answers: the JSONL file that keeps the answers; what is in it is not asked again.
        top: 1, or 3 for the three best emotions.
        seed: of the orders.
        max_tokens: of an answer; models that think before they answer take more.
        max_connections: requests at once.
        retries: how often Inspect sends a request again where the provider is busy or silent.
        retry: ask again about texts whose attempts are used up.
        progress: called with 1 after each text.

    Raises:
        EmovecError: if Inspect or the model isn't there, requests fail, or no answer names an emotion.
    """
    judge = _Judge(str(model), options, answers, top, seed, progress)
    waiting = unanswered(stories, options, judge.by, answers, top=top, retry=retry)
    if not waiting:
        return
    for story, attempt in waiting:
        judge.last[text_digest(story)] = attempt + ATTEMPTS - 1 if retry else ATTEMPTS
    order = np.random.default_rng(seed).permutation(len(waiting))
    ask_all(
        [judge.question(*waiting[i]) for i in order],
        model,
        judge.keep,
        config={"max_tokens": max_tokens, "max_retries": retries},
        stop_after=FAILURES,
        connections=max_connections,
        kept=lambda: "what was answered is kept, and the same command continues from there",
    )


@dataclass
class _Judge:
    """What a judge is asked, and what has come of it in this run.

    Attributes:
        by: the judge's name.
        options: as in `label_with_model`; so are answers, top, seed and progress.
        last: the number of the last attempt at each text, by its digest.
        statuses: how many answers of each kind there are.
    """

    by: str
    options: Sequence[str]
    answers: Path
    top: int
    seed: int
    progress: Callable[[int], None] | None
    last: dict[str, int] = field(default_factory=dict[str, int])
    statuses: Counter[str] = field(default_factory=Counter[str])

    def question(self, story: Story, attempt: int) -> Question:
        text = text_digest(story)
        rng = np.random.default_rng([self.seed, int(text, 16), attempt])
        shown = rng.permutation(sorted(self.options)).tolist()
        warm = {"temperature": TEMPERATURE if attempt == 1 else AGAIN}
        return Question(text, question(story.text, shown, self.top), warm, (story, attempt, shown))

    def keep(self, asked: Question, reply: Reply) -> list[Question]:
        """Keep an answer; gives the question to ask again where it is no label and attempts are left."""
        story, attempt, _ = asked.about
        answer = self.understood(asked, reply)
        keep_answer(self.answers, answer)
        self.statuses[answer.status] += 1
        if not self.statuses["ok"] and self.statuses.total() - self.statuses["error"] >= TRIAL * ATTEMPTS:
            raise EmovecError(no_labels(read_answers(self.answers), self.by, self.answers))
        if answer.status in FAILED and attempt < self.last[asked.key]:
            return [self.question(story, attempt + 1)]
        if self.progress is not None:
            self.progress(1)
        return []

    def understood(self, asked: Question, reply: Reply) -> Answer:
        story, attempt, shown = asked.about
        about: dict[str, Any] = {
            "by": self.by,
            "kind": "judge",
            "options": options_digest(self.options),
            "top": self.top,
            "text": asked.key,
            "attempt": attempt,
        }
        if reply.error:
            return Answer(**about, status="error", reason=reply.error)
        usage = {"input": reply.usage.get("input_tokens", 0), "output": reply.usage.get("output_tokens", 0)}
        about |= {"said": reply.text, "usage": usage if reply.usage else None}
        if reply.stop == "content_filter":
            return Answer(**about, status="refusal", reason="the provider withheld the answer")
        if reply.cut:  # it might have gone on to name others
            return Answer(**about, status="truncated", reason="the answer was cut off at the limit of tokens")
        named, problem = parse_answer(reply.text, self.options, self.top, story.language)
        if named:
            position = shown.index(named[0]) if named[0] in shown else None
            return Answer(**about, status="ok", labels=named, position=position)
        if declines(reply.text):
            return Answer(**about, status="refusal", reason="the model declined to answer")
        return Answer(**about, status="malformed", reason=problem)


def unanswered(
    stories: Iterable[Story],
    options: Iterable[str],
    by: str,
    answers: Path,
    *,
    top: int = 1,
    retry: bool = False,
) -> list[tuple[Story, int]]:
    """The texts that a judge is still to be asked about, each once, and the number of the next attempt.

    Arguments as in `label_with_model`.
    """
    wanted = options_digest(options)
    given = [a for a in read_answers(answers) if a.by == by and a.options == wanted and a.top == top]
    failed = Counter(a.text for a in given if a.status in FAILED)
    done = {text for (_, text), answer in standing(given).items() if answer.status == "ok"}
    texts = {text_digest(story): story for story in stories}
    return [
        (story, failed[text] + 1)
        for text, story in texts.items()
        if text not in done and (retry or failed[text] < ATTEMPTS)
    ]


def no_labels(answers: Iterable[Answer], by: str, path: Path) -> str:
    """What to tell a user whose judge gives no labels, or few: why, with an example."""
    failed = [answer for answer in answers if answer.by == by and answer.status in FAILED]
    reasons = "; ".join(f"{n} times {reason}" for reason, n in Counter(a.reason for a in failed).most_common(3))
    said = failed[-1].said if failed else ""
    example = shortened(said, 120)
    return (
        f"{by}: can't serve as a judge: too few of its answers name an emotion of the list ({reasons}; for example "
        f"“{example}”). Take a more capable model, or raise `max_tokens` for one that thinks first; all answers are in "
        f"{path}."
    )
