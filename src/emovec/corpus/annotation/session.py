"""A person's way through the texts to label: what comes next, back one, later."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emovec.corpus.annotation.answers import (
    NONE,
    Answer,
    Status,
    keep_answer,
    options_digest,
    read_answers,
    standing,
    text_digest,
)
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.languages.lexicon import labels


class LabelSession:
    """The texts that a person is to label, in random order; every step is kept at once and a later session goes on.

    Equal texts are shown once. Skipped texts come back at the end.
    """

    def __init__(
        self,
        stories: Sequence[Story],
        options: Sequence[str],
        annotator: str,
        answers: Path,
        *,
        top: int = 1,
        seed: int = 0,
    ):
        """Take up where this annotator stopped.

        Args:
            stories: what to label.
            options: the emotions to choose from; `NONE` is always there.
            annotator: the person's name.
            answers: the JSONL file that keeps the answers.
            top: how many emotions may be given, the best first.
            seed: of the order.

        Raises:
            EmovecError: if the file can't be read.
        """
        self.options, self.annotator, self.top = [*sorted(options), NONE], annotator, top
        self._path, self._digest = answers, options_digest(options)
        own = [
            a for a in read_answers(answers) if a.kind == "human" and a.by == annotator and a.options == self._digest
        ]
        given = {text: answer.status for (_, text), answer in standing(own).items()}
        texts = {text_digest(story): story for story in stories}
        names = sorted(texts)
        order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
        self._texts, self.total = texts, len(order)
        self._waiting = [text for text in order if given.get(text, "undone") == "undone"]
        self._waiting += [text for text in order if given.get(text) == "skipped"]
        self._labelled = {text for text in order if given.get(text) == "ok"}
        # What undo goes back through, that of earlier sessions as well: each text once, where it was last acted on.
        last = {answer.text: i for i, answer in enumerate(own)}
        acted = (text for text in order if given.get(text) in {"ok", "skipped"})
        self._acts = sorted(acted, key=last.__getitem__)

    @property
    def done(self) -> int:
        """How many texts have a label."""
        return len(self._labelled)

    @property
    def undoable(self) -> bool:
        """Whether there is a label or a skip to take back."""
        return bool(self._acts)

    @property
    def current(self) -> Story | None:
        """The text to label now; None when all are."""
        return self._texts[self._waiting[0]] if self._waiting else None

    @property
    def token(self) -> str | None:
        """Stands for the current text without saying anything of it."""
        return self._waiting[0] if self._waiting else None

    def label(self, chosen: Sequence[str], confidence: int | None = None) -> None:
        """Label the current text.

        Raises:
            EmovecError: if these are no labels, or they can't be kept.
        """
        chosen = list(dict.fromkeys(chosen))
        unknown = [name for name in chosen if name not in self.options]
        if not chosen or unknown or len(chosen) > self.top:
            wrong = f"'{unknown[0]}' is not in the list" if unknown else f"give 1 to {self.top} of the list"
            raise EmovecError(f"Label: {wrong}.")
        if confidence is not None and (type(confidence) is not int or confidence not in {1, 2, 3}):
            raise EmovecError("Confidence: 1, 2 or 3.")
        if self._waiting:
            self._keep(self._waiting[0], "ok", chosen, confidence)
            self._labelled.add(self._act())

    def skip(self) -> None:
        """Put the current text off to the end."""
        if self._waiting:
            self._keep(self._waiting[0], "skipped")
            self._waiting.append(self._act())

    def undo(self) -> bool:
        """Take the last label or skip back and show its text again; False if there is none."""
        if not self._acts:
            return False
        self._keep(self._acts[-1], "undone")
        text = self._acts.pop()
        if text in self._labelled:
            self._labelled.remove(text)
        else:
            self._waiting.remove(text)
        self._waiting.insert(0, text)
        return True

    def _act(self) -> str:
        """Take the current text from those that wait, as the one that undo brings back first."""
        text = self._waiting.pop(0)
        self._acts = [*(other for other in self._acts if other != text), text]
        return text

    def _keep(self, text: str, status: Status, labels: Sequence[str] = (), confidence: int | None = None) -> None:
        answer = Answer(text, self.annotator, "human", self._digest, self.top, status, tuple(labels), confidence)
        keep_answer(self._path, answer)


def option_names(option: str, languages: Sequence[str]) -> str:
    """An option as people see it: the English word, and a word of each language of the texts where one is known."""
    words = [labels(language, option) for language in languages]
    others = dict.fromkeys(found[0] for found in words if found and found[0] != option)
    return " · ".join([option if option != NONE else "none / unclear", *others])


def option_words(option: str, languages: Sequence[str]) -> list[str]:
    """What can be typed for an option: its English name first, then its words in the languages of the texts."""
    if option == NONE:
        return [NONE, "unclear"]
    return list(dict.fromkeys([option, *(word for language in languages for word in labels(language, option))]))


def matching(typed: str, options: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The options that begin with what was typed, in English or else in a language of the texts; an exact one alone."""
    typed = typed.strip().casefold()
    known = {option: [word.casefold() for word in option_words(option, languages)] for option in options}
    return (
        [option for option, words in known.items() if typed == words[0]]
        or [option for option, words in known.items() if words[0].startswith(typed)]
        or [option for option, words in known.items() if any(word.startswith(typed) for word in words)]
    )
