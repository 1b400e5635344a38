"""Write stories as JSONL."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from emovec.corpus.story import Story
from emovec.files import write_bytes


def write_jsonl(stories: Iterable[Story], path: str | Path) -> None:
    """Write one JSON object a line, UTF-8, with the fields `id, language, emotion, topic, text`.

    Raises:
        EmovecError: if the file can't be written.
    """
    lines = [json.dumps(asdict(story), ensure_ascii=False) + "\n" for story in stories]
    write_bytes(Path(path), "".join(lines).encode())
