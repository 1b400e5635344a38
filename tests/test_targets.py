"""Nothing is written over unasked, and nothing of another kind at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from emovec.errors import EmovecError
from emovec.pipeline.imported import require_import_folder
from emovec.pipeline.run import run_study
from emovec.report.pages.comparison import require_page
from emovec.study.study import Study
from emovec.targets import (
    CONTROL_VECTOR,
    PAGE,
    STUDY_FILE,
    TEXTS,
    is_imported,
    require_file,
    require_folder,
    require_results_folder,
)
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.exporting import export_vectors
from emovec.vectors.hub_folder import is_hub_folder
from tests.cli.conftest import run as run
from tests.vectors.test_exporting import some_vectors

Run = Callable[..., tuple[int, str, str]]


def tree(folder: Path) -> dict[str, str]:
    """Every file with the hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a user may have lying about: a study, an imported one, weights, notes, a page, texts."""
    study = tmp_path / "study"
    some_vectors().save(study / "vectors.safetensors")
    (study / "study.yaml").write_text("model: x\nlanguages: [en, ja]\n", encoding="utf-8")
    (study / "report.html").write_text("<!DOCTYPE html>mine", encoding="utf-8")
    imported = some_vectors(imported=["theirs.npz"])
    imported.save(tmp_path / "made" / "vectors.safetensors")
    (tmp_path / "made" / "study.yaml").write_text("model: x\nlanguages: [en, ja]\n", encoding="utf-8")
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.ones((2, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for name in ("notes.gguf", "notes.html", "notes.safetensors", "notes.jsonl", "notes.yaml"):
        (tmp_path / name).write_text("my notes", encoding="utf-8")
    (tmp_path / "page.html").write_text("<!DOCTYPE html><p>old", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("library_name: emovec", encoding="utf-8")
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    (tmp_path / "link.gguf").symlink_to(tmp_path / "notes.gguf")
    return tmp_path


EXPORT = ("vectors", "export", "study", "--emotion", "sad")


@pytest.mark.fault("C4")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((*EXPORT, "--out", "model.gguf"), "is no control-vector GGUF"),
        ((*EXPORT, "--out", "notes.gguf"), "is no control-vector GGUF"),
        ((*EXPORT, "--out", "link.gguf"), "is a link"),
        ((*EXPORT, "--out", "study"), "is a folder"),
        ((*EXPORT, "--out", "notes.yaml"), "ends in .gguf"),
        ((*EXPORT, "--out", "notes.html/x.gguf"), "is no folder"),
        ((*EXPORT, "--out", "/dev/null/x.gguf"), "is no folder"),
        ((*EXPORT, "--format", "safetensors", "--out", "study/vectors.safetensors"), "belongs to the study"),
        ((*EXPORT, "--format", "safetensors", "--out", "notes.safetensors"), "is no safetensors file of control"),
        ((*EXPORT, "--format", "hub", "--out", "mine"), "contains something other than an earlier export"),
        ((*EXPORT, "--format", "hub", "--out", "study"), "is the folder of a study"),
        ((*EXPORT, "--format", "hub", "--out", "study/figures"), "belongs to the study"),
        (("trace", "none", "study", "text", "--page", "notes.html"), "is no HTML page"),
        (("trace", "none", "study", "text", "--page", "study/report.html"), "belongs to the study"),
        (("trace", "none", "study", "text", "--page", "study/vectors.safetensors"), "ends in .html"),
        (("compare", "study", "made", "--page", "notes.html"), "is no HTML page"),
        (("compare", "study", "made", "--page", "mine.html"), "contains something other than the tables"),
        (("compare", "study", "made", "--page", "study.html"), "is the folder of a study"),
        (("init", "notes.yaml"), "is no study file"),
        (("init", "study/study.yaml"), "belongs to the study"),
        (("init", "notes.html"), "ends in .yaml"),
        (("corpus", "import", "notes.jsonl", "--out", "notes.jsonl"), "is what the result is made from"),
        (("corpus", "import", "mine", "--out", "notes.jsonl"), "is no JSONL file of texts"),
        (("corpus", "check", "bundled", "--page", "notes.html"), "is no HTML page"),
        (
            ("vectors", "import", "study/vectors.safetensors", "--out", "mine"),
            "contains something other than an earlier import",
        ),
        (("vectors", "import", "study/vectors.safetensors", "--out", "study"), "contains a study of its own"),
        (
            ("vectors", "import", "made/vectors.safetensors", "--out", "made"),
            "is in the folder that would be replaced",
        ),
    ],
)
def test_even_overwrite_leaves_what_is_of_another_kind(
    command: tuple[str, ...], said: str, run: Run, folder: Path
) -> None:
    before = tree(folder)
    code, _, err = run(*command, "--overwrite")
    assert code == 2
    assert said in err
    assert tree(folder) == before


@pytest.mark.fault("C4")
def test_without_overwrite_nothing_is_replaced(run: Run, folder: Path) -> None:
    export_vectors(some_vectors(), folder / "v.gguf", emotions="calm")
    export_vectors(some_vectors(), folder / "hub", format="hub", emotions="calm")
    before = tree(folder)
    for command in (
        (*EXPORT, "--out", "v.gguf"),
        (*EXPORT, "--format", "hub", "--out", "hub"),
        ("trace", "none", "study", "text", "--page", "page.html"),
        ("compare", "study", "made", "--page", "page.html"),
        ("corpus", "check", "bundled", "--page", "page.html"),
        ("init", "notes.yaml"),
        ("vectors", "import", "study/vectors.safetensors", "--out", "made"),
    ):
        code, _, err = run(*command)
        assert code == 2
        assert "--overwrite" in err
        assert tree(folder) == before
    assert run(*EXPORT, "--out", "v.gguf", "--overwrite")[0] == 0
    assert run(*EXPORT, "--format", "hub", "--out", "hub", "--overwrite")[0] == 0
    assert [file.name for file in sorted((folder / "hub" / "control_vectors").iterdir())] == [
        "en.sad.gguf",
        "ja.sad.gguf",
    ]
    changed = {name for name, content in tree(folder).items() if before.get(name) != content}
    assert changed == {"v.gguf", "hub/README.md", "hub/control_vectors/en.sad.gguf", "hub/control_vectors/ja.sad.gguf"}


@pytest.mark.fault("C4")
def test_no_run_makes_imported_vectors_anew(run: Run, folder: Path) -> None:
    assert is_imported(folder / "made")
    (folder / "other.yaml").write_text("model: x\n", encoding="utf-8")
    before = tree(folder)
    for more in ((), ("--until", "vectors"), ("--no-steering",), ("--only", "implicit")):
        code, _, err = run("run", "other.yaml", "--out", "made", *more)
        assert code == 2
        assert "contains vectors that were imported" in err
        assert run("run", "made/study.yaml", *more)[0] == 2
    assert tree(folder) == before


@pytest.mark.fault("C4")
@pytest.mark.parametrize("there", ["mine", "study"])
def test_a_run_takes_no_folder_of_somebody_elses(there: str, folder: Path) -> None:
    (folder / "other.yaml").write_text("model: x\n", encoding="utf-8")
    before = tree(folder)
    with pytest.raises(EmovecError, match="give another `out`"):
        run_study(Study(folder / "other.yaml", folder / there))
    assert tree(folder) == before


@pytest.mark.fault("C4")
def test_library_functions_ask_too(folder: Path) -> None:
    vectors = some_vectors()
    before = tree(folder)
    for attempt in (
        lambda: vectors.save(folder / "study" / "vectors.safetensors", overwrite=True),
        lambda: vectors.save(folder / "notes.safetensors"),
        lambda: vectors.save(folder / "notes.safetensors", overwrite=True),
        lambda: export_vectors(vectors, folder / "notes.gguf", emotions="sad"),
        lambda: require_page(folder / "page.html"),
        lambda: require_import_folder(folder / "made"),
        lambda: require_file(folder / "notes.jsonl", TEXTS, overwrite=True),
        lambda: require_file(folder / "page.html", PAGE, overwrite=True, inputs=[folder / "page.html"]),
        lambda: require_folder(folder / "page.html", "an export", is_hub_folder),
    ):
        with pytest.raises(EmovecError):
            attempt()
    assert tree(folder) == before
    require_file(folder / "page.html", PAGE, overwrite=True)
    require_file(folder / "new.yaml", STUDY_FILE)
    vectors.save(folder / "again.safetensors")
    vectors.save(folder / "again.safetensors", overwrite=True)
    assert EmotionVectors.load(folder / "again.safetensors").emotions == vectors.emotions


def test_a_folder_that_may_not_be_changed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(EmovecError, match="may not be changed"):
        require_file(folder / "new.gguf", CONTROL_VECTOR)


def test_a_run_killed_in_its_first_moment_goes_on(tmp_path: Path) -> None:
    for left in ("run.log", "study.yaml.emovec.tmp"):
        (tmp_path / left).write_text("half")
        require_results_folder(tmp_path, tmp_path.with_suffix(".yaml"))
    (tmp_path / "thesis.txt").write_text("not ours")
    with pytest.raises(EmovecError, match=r"contains 'thesis.txt' and no study"):
        require_results_folder(tmp_path, tmp_path.with_suffix(".yaml"))
