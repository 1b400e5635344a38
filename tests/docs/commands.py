"""What the command lines of README and docs need to run here: names that stand for others, sizes, files, answers."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from emovec.corpus.write import write_jsonl
from emovec.pipeline.run import run_study
from emovec.study.study import Study
from emovec.vectors.control_vectors import ControlVector, write_gguf
from tests.docs.pages import blocks
from tests.docs.workspace import EMOTIONS, LAYERS, short_texts, tiny_model

NOT_HERE = {
    "emovec corpus check my-stories.jsonl --fix": "drops such short texts; tests/cli/test_corpus_audit.py runs it",
    "emovec corpus check my-study.yaml --fix": "takes texts out of a generated study; tests/cli/test_corpus_audit.py",
    "emovec corpus generate my-study.yaml": "asks for those texts anew; generate.md runs the command",
    "emovec run STUDY.yaml --only certainty": "an experiment of the page's own; tests/study/test_additions.py runs it",
    "emovec demo": "the main job itself, of minutes: `make demo` runs it",
    "--web": "waits for a browser; tests/cli/test_corpus_label.py runs it",
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
    "emovec steer tiny": ["--max-new-tokens", "3"],
    "emovec chat": ["--max-new-tokens", "3"],
    "emovec corpus check bundled-controlled": ["--no-tokens"],
    "emovec corpus check theirs.jsonl": ["--no-tokens"],
    "emovec corpus generate": ["--yes"],
}
"""Options that shorten an answer, do without a tokenizer that isn't here, or answer a question asked at a terminal."""
TYPED = {"emovec chat": "Hello.\n/quit\n", "--human": "sad\n1\n/quit\n"}
"""What the person at the terminal types."""
MAKES = {
    "tutorial.md": ["my-study.yaml", "my-study"],
    "own-vectors.md": ["my-study"],
    "share-a-corpus.md": ["my-stories"],
}
"""What a page makes itself, which therefore isn't there before."""
GENERATED = {
    "model": "tiny",
    "languages": ["en"],
    "emotions": ["afraid", "calm"],
    "corpus": {"stories": "generated", "neutral": "generated"},
    "extraction": {"offset": 3, "batch_tokens": 4096, "device": "cpu", "threads": 1, "layers": [20]},
    "geometry": {"permutations": 20, "bootstraps": 20, "top_k": 1},
    "steering": {"experiments": []},
    "generation": {
        "model": "mockllm/model", "topics": ["job_interview"], "stories": 2, "neutral": 2, "per_completion": 2,
    },
}  # fmt: skip
TINY: dict[str, Any] = {
    "model": "tiny",
    "languages": ["en"],
    "emotions": ["angry", "calm", "sad"],
    "corpus": {"stories": "my-stories.jsonl", "neutral": "neutral.jsonl"},
    "extraction": {"offset": 3, "batch_tokens": 4096, "device": "cpu", "threads": 1, "layers": [20]},
    "geometry": {"permutations": 20, "bootstraps": 20, "top_k": 1},
    "steering": {
        "experiments": [], "emotions": ["angry"], "strengths": [0.1], "controls": 1, "limit": 1, "max_new_tokens": 2,
    },
}  # fmt: skip
"""Settings that make a study of seconds out of that of `emovec init`."""


def finished_study(folder: Path) -> Path:
    """A study with everything done, under absolute paths, so that a copy of it under any name is done too."""
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
    run_study(Study(path))
    return path


def prepare(page: str, lines: list[str], folder: Path, study: Path) -> None:
    """Put into a folder what the page takes for granted: the tiny model, texts, and every study that a line names."""
    (folder / "tiny").symlink_to(study.with_name("tiny"))
    for name in ("my-stories.jsonl", "neutral.jsonl"):
        shutil.copy(study.with_name(name), folder)
    shutil.copy(study.with_suffix("") / "vectors.safetensors", folder)
    (folder / "my-prices.csv").write_text("model,input,output,batch,as_of\nmockllm/*,1,4,1,2026-11-27\n")
    named = {word for line in lines for word in re.findall(r"\S+\.yaml|studies/\w+|my-study\b", line)}
    for name in sorted({STANDS_FOR.get(name, name) for name in named}):
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


def _a_page_in_german(folder: Path) -> None:
    settings = yaml.safe_load((folder / "my-study.yaml").read_text(encoding="utf-8"))
    (folder / "survey.csv").write_text(
        "story_text,label\nEin Tag am See und niemand rief an.,calm\nEr schlug die Tür zu und ging fort.,angry\n",
        encoding="utf-8",
    )
    source = {"path": "survey.csv", "columns": {"text": "story_text", "emotion": "label"}, "language": "de"}
    settings |= {"languages": ["de"], "emotions": ["angry", "calm"], "corpus": {"stories": source, "neutral": None}}
    del settings["steering"]
    (folder / "my-study.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.rmtree(folder / "my-study")


def _vectors_of_others(folder: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(3, 8)).astype(np.float32) for name in ("happy", "sad", "calm", "angry")}
    np.savez(folder / "mine.npz", **arrays)  # pyright: ignore[reportArgumentType]
    for name, layers in arrays.items():
        directions = {k + 1: layer for k, layer in enumerate(layers)}
        write_gguf(ControlVector(name, "en", "raw", 1.0, directions, {}), folder / f"{name[0]}.gguf")


def _tiny_settings(folder: Path, _study: Path) -> None:
    path = folder / "my-study.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in TINY.items():
        settings[key] = {**settings[key], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")


def _as_if_run(folder: Path, study: Path) -> None:
    shutil.copy(study, folder / "my-study.yaml")
    shutil.copytree(study.with_suffix(""), folder / "my-study", dirs_exist_ok=True)


AFTER: dict[str, Callable[[Path, Path], None]] = {
    "emovec init my-study.yaml": _tiny_settings,
    "emovec run my-study.yaml --limit 2": _as_if_run,
}
"""What happens after a line: the reader edits the settings; and the whole run that comes next is one made before."""
FILES: dict[str, Callable[[Path], None]] = {
    "add-a-language.md": _fixed_language,
    "generate.md": _generated,
    "import-a-corpus.md": _others_texts,
    "own-corpus.md": _a_page_in_german,
    "own-vectors.md": _vectors_of_others,
    "share-a-corpus.md": _generated_texts,
}
