"""Write stories as JSONL."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from emovec.corpus.story import Story
from emovec.files import write_bytes


def write_jsonl(stories: Iterable[Story], path: str | Path) -> None:
    """Write one JSON object a line, UTF-8, with the fields `id, language, emotion, topic, text`, and `other` if any.

    Raises:
        EmovecError: if the file can't be written.
    """
    write_bytes(Path(path), "".join(map(_line, stories)).encode())


def _line(story: Story) -> str:
    record = asdict(story)
    if story.other is None:
        del record["other"]
    return json.dumps(record, ensure_ascii=False) + "\n"
