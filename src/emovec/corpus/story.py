"""One text of a corpus, and the fingerprint of many."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Story:
    """A text in which a character feels one emotion (or none: `NEUTRAL`).

    Attributes:
        id: unique within its corpus.
        language: a short code such as `en` or `ja`.
        emotion: the English word that names the emotion in every language.
        topic: the situation, shared by emotions and languages; None where the corpus has no topics.
        text: the text itself.
        other: a second emotion, where there is one: the second speaker's in a dialogue, the one that is shown where
            `emotion` is hidden.
    """

    id: str
    language: str
    emotion: str
    topic: str | None
    text: str
    other: str | None = None


def fingerprint(stories: Iterable[Story]) -> str:
    """SHA-256 (hex) over every field of the stories, in the order given."""
    digest = hashlib.sha256()
    for story in stories:
        for field in (story.id, story.language, story.emotion, story.topic or "", story.text):
            data = field.encode()
            digest.update(len(data).to_bytes(8, "little") + data)
        if story.other:  # after a length that no field has; without it the digest is what it always was
            data = story.other.encode()
            digest.update(b"\xff" * 8 + len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
