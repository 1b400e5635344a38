"""What is known of a language: all of it from its one file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from emovec.errors import EmovecError, did_you_mean

MIN_SHARE = 0.7
"""Below this share of expected letters a text counts as written in another script."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The scripts a language is written in.

    Attributes:
        scripts: first words of the Unicode names of its letters.
        sign: those of `scripts` that every longer text of the language shows, and that tell it from others.
    """

    scripts: frozenset[str]
    sign: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Words:
    """The words of an emotion, by which texts are searched.

    Attributes:
        labels: one to four that name it, the commonest first.
        forms: inflections and close forms of these.
        synonyms: near synonyms, which don't name it.
    """

    labels: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Language:
    """A language; what its file doesn't say is empty.

    Attributes:
        code: such as `en`, `ja`, `pt-BR`.
        path: the file all this was read from; empty where there is none.
        name: what its speakers call it.
        english: its English name.
        writing: the scripts it is written in.
        spaces: whether spaces stand between its words.
        characters_per_token: roughly.
        characters_per_word: roughly, with the space after it.
        unit: what `shortest` and `longest` count.
        shortest: of a story that is written for a study, in units.
        longest: of such a story, in units.
        offset: where reading should start: the token that is as deep in a story as the 50th in English. A hint.
        prompts: a template for each kind of text.
        system: the system message; empty for none.
        variations: for a kind of text, sentences of which each request is given one, so that equal requests differ.
        people: given names of which each request is given some, against stock names.
        labels: for each emotion (in English) the words by which texts are asked for, the head word first.
        topics: sentences for topics, by their ids, where the language brings its own.
        words: for each emotion the words by which texts are searched.
        contexts: for some of these words a regular expression of where they stand as no other word, nor part of one.
        frames: sentences that an emotion's word completes, by their ids.
        openings: neutral beginnings of texts, by their ids.
        preferences: the question of two activities, `chat` and `plain`.
        rules: `examples` of answers to a base model, where its answer ends (`stop`), and the `space` before a rule.
    """

    code: str
    path: str = ""
    name: str = ""
    english: str = ""
    writing: Writing | None = None
    spaces: bool = True
    characters_per_token: float = 2.5
    characters_per_word: float = 6.0
    unit: Literal["words", "characters"] = "words"
    shortest: int = 0
    longest: int = 0
    offset: int = 50
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    system: str = ""
    variations: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    people: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    topics: Mapping[str, str] = field(default_factory=dict[str, str])
    words: Mapping[str, Words] = field(default_factory=dict[str, Words])
    contexts: Mapping[str, str] = field(default_factory=dict[str, str])
    frames: Mapping[str, str] = field(default_factory=dict[str, str])
    openings: Mapping[str, str] = field(default_factory=dict[str, str])
    preferences: Mapping[str, str] = field(default_factory=dict[str, str])
    rules: Mapping[str, str] = field(default_factory=dict[str, str])

    def require(self, setting: str, *keys: str) -> None:
        """Make sure that the file has some keys, before work that needs them starts.

        Args:
            setting: that names the language, for the message.
            *keys: of the file, such as `frames`.

        Raises:
            EmovecError: if it lacks any: the file and the keys.
        """
        values = {"length": self.shortest, "script": self.writing}
        if missing := [key for key in keys if not values.get(key, getattr(self, key, None))]:
            where = f"{self.path} has no" if self.path else f"there is no {self.code}.yaml, so no"
            raise EmovecError(
                f"{setting}: {where} {' and no '.join(missing)}; add what is missing to a file {self.code}.yaml in "
                f"your generation.languages_folder, as docs/how-to/add-a-language.md shows, or leave '{self.code}' out."
            )

    def forbidden(self, emotion: str) -> tuple[str, ...]:
        """The words that texts of an emotion may not use, the head word first.

        Raises:
            EmovecError: if the language has none. In English an emotion names itself.
        """
        if found := self.labels.get(emotion):
            return found
        if base_language(self.code) == "en":
            return (emotion,)
        raise EmovecError(
            f"{self.path}: labels: no word for '{emotion}'{did_you_mean(emotion, self.labels)}; "
            f"add it to a file {self.code}.yaml in your generation.languages_folder. "
            f"`emovec corpus languages {self.code}` lists all that are missing."
        )

    def label(self, emotion: str) -> str:
        """The head word of an emotion; errors as in `forbidden`."""
        return self.forbidden(emotion)[0]

    def missing(self, emotions: Iterable[str]) -> list[str]:
        """Those of the emotions that the language has no head word for."""
        return [e for e in emotions if e not in self.labels and base_language(self.code) != "en"]


def base_language(code: str) -> str:
    """The language of a code without its region or script: `en` of `en-GB` and of `en_GB`."""
    return re.split("[-_]", code, maxsplit=1)[0].lower()
