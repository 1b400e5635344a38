"""The languages texts can be generated in: one YAML file each, with prompts and the words for emotions."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.corpus.generation.prompt_files import read_language_file
from emovec.corpus.generation.topics import Topic, did_you_mean
from emovec.errors import EmovecError
from emovec.labels import check_label
from emovec.languages.lexicon import base_language
from emovec.languages.script import Writing

Kind = Literal["stories", "neutral", "dialogues", "masked"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Stories with an emotion, dialogues without any, dialogues of two speakers who feel different emotions, and stories
whose character hides one emotion behind another."""


@dataclass(frozen=True)
class Language:
    """How texts are asked for in one language.

    Attributes:
        code: such as `en`, `ja`, `pt-BR`.
        name: what its speakers call it.
        writing: the scripts it is written in.
        unit: what `shortest` and `longest` count.
        shortest: of a story, in units.
        longest: of a story, in units.
        offset: where reading should start: the token that is as deep in a story as the 50th in English. A hint.
        prompts: a template for each kind of text.
        system: the system message; empty for none.
        variations: for a kind of text, sentences of which each request is given one, so that equal requests differ.
        people: given names of which each request is given some, against stock names.
        labels: for each emotion (in English) its words in this language, the head word first.
        topics: sentences for topics, by their ids, where the language brings its own.
        path: the file all this was read from.
    """

    code: str
    name: str
    writing: Writing
    unit: Literal["words", "characters"]
    shortest: int
    longest: int
    offset: int
    prompts: Mapping[Kind, str]
    system: str
    variations: Mapping[Kind, tuple[str, ...]]
    people: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    topics: Mapping[str, str] = field(default_factory=dict[str, str])
    path: str = ""

    def words(self, emotion: str) -> tuple[str, ...]:
        """The words that name an emotion, the head word first.

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
        """The head word of an emotion; errors as in `words`."""
        return self.words(emotion)[0]

    def missing(self, emotions: Iterable[str]) -> list[str]:
        """Those of the emotions that the language has no word for."""
        return [e for e in emotions if e not in self.labels and base_language(self.code) != "en"]

    def speaks_of(self, topic: Topic) -> bool:
        """Whether the language has a sentence of its own for a topic."""
        return topic.id in self.topics or not {self.code, base_language(self.code)}.isdisjoint(topic.texts)

    def topic(self, topic: Topic) -> str:
        """A topic in this language: the language's own sentence, else the topic's, else the English one.

        Raises:
            EmovecError: if there is none of these.
        """
        found = self.topics.get(topic.id) or topic.texts.get(self.code) or topic.texts.get(base_language(self.code))
        if found := found or topic.texts.get("en"):
            return found
        raise EmovecError(f"topics: '{topic.id}' has no text in '{self.code}'; add one, or one in English.")

    def prompt(self, kind: Kind, topic: Topic, *, n: int, emotions: Sequence[str] = (), draw: int = 0) -> str:
        """What a model is asked.

        Args:
            kind: of text.
            topic: what the texts are about.
            n: how many texts to ask for.
            emotions: by their English words: one for stories, two for dialogues (of the first and the second
                speaker) and masked (felt, then shown), none for neutral.
            draw: a number that picks the variation and the people's names; equal numbers give equal prompts.

        Raises:
            EmovecError: if the language lacks a word for an emotion or for the topic.
        """
        expected = {"stories": 1, "neutral": 0, "dialogues": 2, "masked": 2}[kind]
        if len(emotions) != expected:
            raise ValueError(f"{kind} take {expected} emotions, not {len(emotions)}")
        choice = random.Random(f"{self.code} {kind} {draw}")
        heads = [self.label(emotion) for emotion in emotions]
        taboo = dict.fromkeys(word for emotion in emotions for word in self.words(emotion))
        values: dict[str, Any] = {
            "n": n,
            "topic": self.topic(topic),
            "shortest": self.shortest,
            "longest": self.longest,
            "variation": choice.choice(self.variations.get(kind) or ("",)),
            "names": self._listed(choice.sample(self.people, min(len(self.people), 2 * n))),
            "forbidden": self._listed(taboo),
        }
        values |= dict(zip(("emotion",) if kind == "stories" else ("first", "second"), heads, strict=False))
        return self.prompts[kind].format_map(values).strip()

    def _listed(self, words: Iterable[str]) -> str:
        return ("、" if self.unit == "characters" else ", ").join(words)


def load_language(code: str, folder: str | Path | None = None) -> Language:
    """The language of a code: from the user's folder if it is there, else from the package.

    A region falls back on its language: `en-GB` is read from `en.yaml` where there is no `en-GB.yaml`.

    Raises:
        EmovecError: if there is no such language, or its file is incomplete; all that is missing is named, by line.
    """
    try:
        code = check_label("language", code)
    except EmovecError as error:
        raise EmovecError(f"languages: {error}.") from error
    known = language_paths(folder)
    path = known.get(code) or known.get(base_language(code))
    if path is None:
        raise EmovecError(
            f"languages: no '{code}' to generate texts in, only {', '.join(sorted(known))}; add a file {code}.yaml to "
            "generation.languages_folder, as docs/add-a-language.md shows."
        )
    return Language(code=code, **read_language_file(path))


def language_paths(folder: str | Path | None = None) -> dict[str, Path]:
    """The file of each language by its code; those of the user's folder replace those of the package.

    Files that are not named after a language (`notes.yaml`) are left alone.

    Raises:
        EmovecError: if the folder isn't there, or two of its files are of one language (`pt-BR.yaml`, `pt_br.yaml`).
    """
    bundled = Path(str(files("emovec") / "data" / "languages"))
    if folder is not None and not Path(folder).is_dir():
        raise EmovecError(f"generation.languages_folder: {folder} is no folder; make it, or leave the setting out.")
    folders = [bundled] if folder is None else [bundled, Path(folder)]
    found: dict[str, Path] = {}
    for path in (path for each in folders for path in sorted(each.glob("*.yaml"))):
        try:
            code = check_label("language", path.stem)
        except EmovecError:
            continue
        if code in found and found[code].parent == path.parent:
            raise EmovecError(f"{path}: {found[code].name} is of the same language, '{code}'; keep one of them.")
        found[code] = path
    return found
