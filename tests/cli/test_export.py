from collections.abc import Callable
from pathlib import Path

import gguf
import pytest

from emovec.vectors.emotion_vectors import EmotionVectors
from tests.vectors.test_exporting import some_vectors

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    some_vectors().save(tmp_path / "study" / "vectors.safetensors")
    return tmp_path / "study" / "vectors.safetensors"


def test_a_file_or_a_folder_becomes_a_control_vector(run: Run, file: Path, tmp_path: Path) -> None:
    for source in (file, file.parent):
        code, out, err = run(
            "vectors", "export", source, "--emotion", "angry", "--out", "angry.gguf", "--layer", "all", "--overwrite"
        )
        assert (code, err) == (0, "")
        assert "Block 0 is left out" in out
        assert "strength 0.1 residual norms in en" in out
        names = [tensor.name for tensor in gguf.GGUFReader(tmp_path / "angry.gguf").tensors]
        assert names == [f"direction.{k}" for k in range(1, 6)]


def test_a_study_file_names_its_folder(run: Run, file: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("model: some/model\nlanguages: [en]\n", encoding="utf-8")
    code, _, err = run(
        "vectors", "export", "study.yaml", "--format", "safetensors", "--emotion", "sad", "--out", "sad.safetensors"
    )
    assert (code, err) == (0, "")
    assert (tmp_path / "sad.safetensors").is_file()


def test_the_hub_folder(run: Run, file: Path, tmp_path: Path) -> None:
    code, out, err = run(
        "vectors", "export", file, "--format", "hub", "--language", "ja", "--base-model", "a/b", "--out", "hub"
    )
    assert (code, err) == (0, "")
    assert "and 2 more" in out
    assert "base_model: a/b" in (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert EmotionVectors.load(tmp_path / "hub" / "vectors.safetensors").languages == ["en", "ja"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--emotion", "sda"), "did you mean 'sad'?"),
        (("--emotion", "sad", "--layer", "two"), "--layer two: there are vectors for layers [0, 1, 2, 3, 4, 5]"),
        (("--emotion", "sad", "--kind", "best"), "--kind best: give one of denoised, centred, raw"),
        (("--emotion", "sad", "--format", "onnx"), "--format onnx"),
    ],
)
def test_errors_are_one_sentence(run: Run, file: Path, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("vectors", "export", file, *arguments, "--out", "x.gguf")
    assert code == 2
    assert said in err


def test_a_missing_file(run: Run) -> None:
    code, _, err = run("vectors", "export", "none.safetensors", "--emotion", "sad", "--out", "x.gguf")
    assert code == 2
    assert "no such file" in err
