"""What the command lines of README and docs need to run here: names that stand for others, sizes, files, answers."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from emovec.corpus.write import write_jsonl
from emovec.study import Study
from tests.docs.pages import blocks
from tests.docs.workspace import EMOTIONS, LAYERS, short_texts, tiny_model

RUN = ["add-a-language.md", "export.md", "generate.md", "import-a-corpus.md", "plan.md", "share-a-corpus.md"]
"""Pages whose commands run; those of the others are parsed alone, as most need a study with its geometry and report."""
NOT_HERE = {
    "emovec run study.yaml": "a whole run, which tests/study/test_study.py does",
    "emovec corpus check theirs.jsonl": "its text is too short to pass; tests/cli/test_corpus_audit.py runs it",
}
"""Lines that are only parsed, and why."""
STANDS_FOR = {
    "gemma-3-270m": "tiny",
    "Qwen/Qwen2.5-7B": "tiny",
    "MODEL": "tiny",
    "VECTORS": "vectors.safetensors",
    "STUDY.yaml": "study.yaml",
    "openai/…": "mockllm/model",
    "openai/gpt-4o-mini": "mockllm/model",
    "openai-api/local/qwen2.5-32b": "mockllm/model",
}
"""Models, and what is written for the reader's own files."""
SMALLER = {
    "emovec corpus generate": ["--yes"],
}
"""Options that make an answer short, or answer a question that is asked of a person at a terminal."""
MAKES = {
    "share-a-corpus.md": ["my-stories"],
}
"""What a page makes itself, which therefore isn't there before."""
GENERATED = {
    "languages": ["en"],
    "emotions": ["afraid", "calm"],
    "corpus": {"stories": "generated", "neutral": "generated"},
    "generation": {
        "model": "mockllm/model", "topics": ["job_interview"], "stories": 2, "neutral": 2, "per_completion": 2,
    },
}  # fmt: skip


def finished_study(folder: Path) -> Path:
    """A study with its vectors made, under absolute paths, so that a copy of it under any name is as far."""
    model = tiny_model(folder / "tiny")
    stories, neutral = short_texts()
    stories = [story for story in stories if story.emotion in EMOTIONS]
    write_jsonl(stories, folder / "my-stories.jsonl")
    write_jsonl(neutral, folder / "neutral.jsonl")
    settings: dict[str, Any] = {
        "model": str(model),
        "languages": ["en", "ja"],
        "emotions": list(EMOTIONS),
        "corpus": {"stories": str(folder / "my-stories.jsonl"), "neutral": str(folder / "neutral.jsonl")},
        "extraction": {
            "offset": 3, "batch_tokens": 4096, "device": "cpu", "threads": 1, "layers": [20, LAYERS - 1],
        },
        "geometry": {"permutations": 20, "bootstraps": 20, "top_k": 3},
        "steering": {
            "experiments": ["implicit"], "emotions": ["angry", "sad"], "strengths": [0.1], "controls": 1, "limit": 1,
            "max_new_tokens": 2, "languages": ["en"],
        },
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    Study(path).run("vectors")
    return path


def prepare(page: str, lines: list[str], folder: Path, study: Path) -> None:
    """Put into a folder what the page takes for granted: the tiny model, texts, and every study that a line names."""
    (folder / "tiny").symlink_to(study.with_name("tiny"))
    shutil.copy(study.with_name("my-stories.jsonl"), folder)
    shutil.copy(study.with_suffix("") / "vectors.safetensors", folder)
    (folder / "my-prices.csv").write_text("model,input,output,batch,as_of\nmockllm/*,1,4,1,2026-11-27\n")
    for name in sorted({word for line in lines for word in re.findall(r"\S+\.yaml|studies/\w+|my-study\b", line)}):
        if name in MAKES.get(page, []):
            continue
        copy = (folder / name).with_suffix(".yaml")
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(study, copy)
        shutil.copytree(study.with_suffix(""), copy.with_suffix(""), dirs_exist_ok=True)
    FILES.get(page, lambda _: None)(folder)


def _fixed_language(folder: Path) -> None:
    (folder / "languages").mkdir()
    (text,) = [b.text for b in blocks() if b.page == "add-a-language.md" and "prompts:" in b.text]
    (folder / "languages" / "fr.yaml").write_text(text, encoding="utf-8")


def _generated(folder: Path) -> None:
    shutil.rmtree(folder / "study")
    (folder / "study.yaml").write_text(yaml.safe_dump(GENERATED), encoding="utf-8")


def _generated_texts(folder: Path) -> None:
    (folder / "my-study-texts").mkdir()
    shutil.copy(folder / "my-stories.jsonl", folder / "my-study-texts" / "stories.jsonl")


def _others_texts(folder: Path) -> None:
    (folder / "their-folder").mkdir()
    record = {"body": "A day at the lake, and nobody called.", "emotion": "joy"}
    (folder / "their-folder" / "joy.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    lines = ["He threw the cup at the wall.\t1", "They sang on the way home.\t5", "Both at once, and more.\t1, 5"]
    (folder / "en-annotated.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


FILES: dict[str, Callable[[Path], None]] = {
    "add-a-language.md": _fixed_language,
    "generate.md": _generated,
    "import-a-corpus.md": _others_texts,
    "share-a-corpus.md": _generated_texts,
}
