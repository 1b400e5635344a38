import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emovec.corpus.write import write_jsonl
from tests.tiny_models import random_stories


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_kills_at_random_moments_change_no_byte_of_the_vectors(
    study_file: Path, change: Callable[..., None], tmp_path: Path
) -> None:
    topics = tuple(f"t{i}" for i in range(20))
    texts = random_stories(topics=topics, n_neutral=40)
    write_jsonl([s for s in texts if s.emotion != "neutral"], tmp_path / "stories.jsonl")
    write_jsonl([s for s in texts if s.emotion == "neutral"], tmp_path / "neutral.jsonl")
    change(extraction={"shard_size": 4})
    script = Path(__file__).with_name("interrupted.py")
    command = [sys.executable, str(script), str(study_file), str(tmp_path / "runs"), "30"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert finished.returncode == 0, finished.stderr + finished.stdout
