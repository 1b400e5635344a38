"""What a model is asked for: the requests that a study's texts take, and their messages."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emovec.config import GenerationConfig, StudyConfig
from emovec.corpus.generation.prompts import Kind, asking_language, prompt_for
from emovec.corpus.generation.topics import Topic, load_topics
from emovec.errors import EmovecError
from emovec.languages.language import Language
from emovec.languages.load import languages_folder


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask a model: a few texts of one cell of the design.

    Attributes:
        id: unique within a plan, and the same whenever the study is planned anew.
        kind: of text.
        language: its code.
        emotion: the emotion of the texts (of the first speaker, or the one that is hidden); None in neutral texts.
        other: the emotion of the second speaker, or the one that is shown; None where there is only one.
        topic: the topic's id.
        part: which of the cell's requests this is, from 1.
        texts: the ids that the texts will have.
    """

    id: str
    kind: Kind
    language: str
    emotion: str | None
    other: str | None
    topic: str
    part: int
    texts: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many texts to ask for."""
        return len(self.texts)

    @property
    def emotions(self) -> tuple[str, ...]:
        """None, one or two."""
        return tuple(emotion for emotion in (self.emotion, self.other) if emotion is not None)


@dataclass(frozen=True)
class Wording:
    """What turns requests into messages.

    Attributes:
        languages: by their codes.
        topics: by their ids.
        seed: of the variations.
    """

    languages: dict[str, Language]
    topics: dict[str, Topic]
    seed: int = 0


def plan_requests(config: StudyConfig, base: str | Path = ".") -> list[Request]:
    """Every request of a study, in an order drawn by its seed, so that a run that stops early has some of everything.

    Dialogues go through all ordered pairs of emotions, each topic where the one before left off; a hidden emotion
    hides behind each of the others in turn.

    Args:
        config: the study.
        base: the folder that its relative paths start from.

    Raises:
        EmovecError: if a topic or a language is unknown, or a language lacks a word for an emotion.
    """
    wording = load_wording(config, base)
    if set(config.generation.kinds) != {"neutral"}:
        for language in wording.languages.values():
            for emotion in language.missing(config.emotion_words):
                language.label(emotion)  # which says what is missing, and where to add it
    requests = list(ordered_requests(config, list(wording.topics)))
    random.Random(config.generation.seed).shuffle(requests)
    return requests


def ordered_requests(config: StudyConfig, topics: Sequence[str]) -> Iterator[Request]:
    """The requests by kind, language, emotion, topic and number: the order of the texts in their files."""
    settings = config.generation
    for kind in dict.fromkeys(settings.kinds):
        cells = _cells(kind, config.emotion_words, topics, settings)
        for language in config.languages:
            for (emotion, other, topic), count in cells.items():
                named = "+".join(filter(None, (emotion, other))).replace(" ", "_") or "neutral"
                cell = f"{language}-{kind}-{named}-{topic}"
                for part, start in enumerate(range(1, count + 1, settings.per_completion), 1):
                    numbers = range(start, min(start + settings.per_completion, count + 1))
                    yield Request(
                        id=f"{cell}-{numbers[0]}..{numbers[-1]}",
                        kind=kind,
                        language=language,
                        emotion=emotion,
                        other=other,
                        topic=topic,
                        part=part,
                        texts=tuple(f"{cell}-{number}" for number in numbers),
                    )


def load_wording(config: StudyConfig, base: str | Path = ".") -> Wording:
    """The languages and topics of a study; errors as in `plan_requests`."""
    settings = config.generation
    folder = languages_folder(config, base)
    languages = {code: asking_language(code, folder) for code in config.languages}
    topics = load_topics(settings.topics, base)
    return Wording(languages, {topic.id: topic for topic in topics}, settings.seed)


def prompt_of(request: Request, wording: Wording, attempt: int = 1) -> list[dict[str, str]]:
    """The messages of a request, each with a `role` (`system` or `user`) and its `content`.

    Args:
        request: what is asked for; see `remaining` for one that was answered in part.
        wording: from `load_wording`.
        attempt: from 1; each draws a variation and names of its own.
    """
    language = wording.languages[request.language]
    draw = number_of(wording.seed, request.id, attempt)
    prompt = prompt_for(
        language, request.kind, wording.topics[request.topic], n=request.n, emotions=request.emotions, draw=draw
    )
    system = [{"role": "system", "content": language.system}] if language.system else []
    return [*system, {"role": "user", "content": prompt}]


def remaining(request: Request, done: set[str] | dict[str, str]) -> Request | None:
    """The request for those of its texts that aren't there yet; None if all are."""
    missing = tuple(text for text in request.texts if text not in done)
    return replace(request, texts=missing) if missing else None


def number_of(seed: int, request: str, attempt: int) -> int:
    """A number below 2³¹ for each attempt at each request, whatever else is asked."""
    digest = hashlib.sha256(f"{seed} {request} {attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def wording_hash(wording: Wording, kinds: Sequence[Kind]) -> dict[str, dict[str, str]]:
    """For each language and kind a short hash of what its prompts are made of, which tells whether that was changed."""

    def of(language: Language, kind: Kind) -> str:
        parts = [language.system, language.prompts[kind], language.variations.get(kind, ()), language.people]
        parts += [language.shortest, language.longest, language.unit]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:12]

    return {code: {kind: of(language, kind) for kind in kinds} for code, language in wording.languages.items()}


def _cells(
    kind: Kind, emotions: Sequence[str], topics: Sequence[str], settings: GenerationConfig
) -> Counter[tuple[str | None, str | None, str]]:
    """How many texts each (emotion, other emotion, topic) takes in each language."""
    count: int = getattr(settings, kind)
    cells: Counter[tuple[str | None, str | None, str]] = Counter()
    if kind == "neutral":
        cells.update({(None, None, topic): count for topic in topics})
        return cells
    if kind == "stories":
        cells.update({(emotion, None, topic): count for emotion in emotions for topic in topics})
        return cells
    if len(emotions) < 2:
        raise EmovecError(f"generation.kinds: {kind} take two emotions or more; the study has {len(emotions)}.")
    order = random.Random(settings.seed).sample(list(emotions), len(emotions))
    size = len(order)
    for t, topic in enumerate(topics):
        turns = range(t * count, (t + 1) * count)
        if kind == "dialogues":
            pairs = [(turn % size, 1 + turn // size % (size - 1)) for turn in turns]
        else:
            pairs = [(i, 1 + turn % (size - 1)) for i in range(size) for turn in turns]
        cells.update((order[i], order[(i + step) % size], topic) for i, step in pairs)
    return cells
