"""What a model is asked for the texts of a study, in each language, by the language's file."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from emovec.corpus.generation.topics import Topic
from emovec.errors import EmovecError
from emovec.languages.language import Language, base_language
from emovec.languages.load import BUNDLED, language_files, load_language

Kind = Literal["stories", "neutral", "dialogues", "masked"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Stories with an emotion, dialogues without any, dialogues of two speakers who feel different emotions, and stories
whose character hides one emotion behind another."""


def speaks_of(language: Language, topic: Topic) -> bool:
    """Whether the language has a sentence of its own for a topic."""
    return topic.id in language.topics or not {language.code, base_language(language.code)}.isdisjoint(topic.texts)


def topic_text(language: Language, topic: Topic) -> str:
    """A topic in this language: the language's own sentence, else the topic's, else the English one.

    Raises:
        EmovecError: if there is none of these.
    """
    found = (
        language.topics.get(topic.id) or topic.texts.get(language.code) or topic.texts.get(base_language(language.code))
    )
    if found := found or topic.texts.get("en"):
        return found
    raise EmovecError(f"topics: '{topic.id}' has no text in '{language.code}'; add one, or one in English.")


def prompt_for(
    language: Language, kind: Kind, topic: Topic, *, n: int, emotions: Sequence[str] = (), draw: int = 0
) -> str:
    """What a model is asked.

    Args:
        language: from `asking_language`.
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
    choice = random.Random(f"{language.code} {kind} {draw}")
    heads = [language.label(emotion) for emotion in emotions]
    taboo = dict.fromkeys(word for emotion in emotions for word in language.forbidden(emotion))
    values: dict[str, Any] = {
        "n": n,
        "topic": topic_text(language, topic),
        "shortest": language.shortest,
        "longest": language.longest,
        "variation": choice.choice(language.variations.get(kind) or ("",)),
        "names": _listed(language, choice.sample(language.people, min(len(language.people), 2 * n))),
        "forbidden": _listed(language, taboo),
    }
    values |= dict(zip(("emotion",) if kind == "stories" else ("first", "second"), heads, strict=False))
    return language.prompts[kind].format_map(values).strip()


def _listed(language: Language, words: Iterable[str]) -> str:
    return ("、" if language.unit == "characters" else ", ").join(words)


def asking_language(code: str, folder: str | Path | None = None) -> Language:
    """A language in which texts can be asked for.

    Args:
        code: of the language.
        folder: of the user's own language files, if there are any.

    Raises:
        EmovecError: if its file lacks what that takes, or is wrong.
    """
    language = load_language(code, folder)
    if not language.prompts and (folder is None or language.path == load_language(code).path):
        raise EmovecError(
            f"languages: no '{code}' to generate texts in, only {', '.join(sorted(asking_languages(folder)))}; add a "
            f"file {code}.yaml to generation.languages_folder, as docs/how-to/add-a-language.md shows."
        )
    language.require("languages", "script", "length", "prompts", "labels")
    return language


def asking_languages(folder: str | Path | None = None) -> dict[str, Path]:
    """The files of the languages that texts can be asked for in, and all of the user's own, by their codes."""
    bundled = {code: path for code, path in language_files(BUNDLED).items() if load_language(code).prompts}
    return bundled | ({} if folder is None else language_files(Path(folder)))
