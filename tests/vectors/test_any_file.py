"""Whatever a file of vectors holds, it is read right or refused in a sentence, and no file is touched."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from emovec.errors import EmovecError
from emovec.vectors.importing import read_vectors
from emovec.vectors.reading import READERS
from tests.cli.conftest import run as run
from tests.test_targets import tree
from tests.vectors.test_exporting import some_vectors
from tests.vectors.test_importing import arrays, grid, write_gguf


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays(layers=2, hidden=4))
    return buffer.getvalue()


def _labelled() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, emotions=np.array(["sad", "calm"]), layers=np.array([3, 4, 5]), means=np.ones((2, 3, 4))
    )
    return buffer.getvalue()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((2, 4)))
    return buffer.getvalue()


def _pt() -> bytes:
    buffer = io.BytesIO()
    torch.save({layer: {"sad": torch.ones(4), "calm": -torch.ones(4)} for layer in (1, 2)}, buffer)
    return buffer.getvalue()


def _gguf() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_gguf(
            Path(folder) / "sad.gguf", {1: np.ones(4, np.float32), 2: np.ones(4, np.float32)}
        ).read_bytes()


WHOLE: dict[str, list[Callable[[], bytes]]] = {
    ".npz": [_npz, _labelled],
    ".npy": [_npy],
    ".safetensors": [lambda: save(arrays(layers=2, hidden=4)), lambda: some_vectors().to_bytes()],
    ".gguf": [_gguf],
    ".pt": [_pt],
}


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """The end of a name, and the bytes of such a file after an accident."""
    suffix = draw(st.sampled_from(sorted(WHOLE)))
    data = bytearray(draw(st.sampled_from([make() for make in WHOLE[suffix]])))
    match draw(st.sampled_from(["cut", "bytes", "middle", "other", "noise"])):
        case "cut":
            data = data[: draw(st.integers(0, len(data)))]
        case "bytes":
            # Headers are at both ends: what happens there matters most.
            for _ in range(draw(st.integers(1, 4))):
                at = draw(st.integers(0, min(400, len(data) - 1)) | st.integers(max(0, len(data) - 300), len(data) - 1))
                data[at] = draw(st.sampled_from([0, 1, 0x7F, 0xFF, ord("9")]) | st.integers(0, 255))
        case "middle":
            at = draw(st.integers(0, len(data)))
            data[at:at] = draw(st.binary(min_size=1, max_size=20))
        case "other":
            suffix = draw(st.sampled_from(sorted(READERS)))
        case _:
            data = bytearray(draw(st.binary(max_size=200)))
    return suffix, bytes(data)


def read_or_refuse(path: Path, **options: Any) -> str:
    """The sentence of a refusal; empty where the vectors are right."""
    try:
        found = read_vectors(path, **options)
    except EmovecError as error:
        return str(error)
    assert np.isfinite(found.raw.values).all()
    assert found.raw.shape[:3] == (len(found.languages), len(found.emotions), len(found.layers))
    assert min(found.layers) >= 0
    return ""


@pytest.mark.fault("C5")
@settings(max_examples=150)
@given(files())
def test_a_file_after_an_accident_is_read_or_refused(file: tuple[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / f"sad{file[0]}").write_bytes(file[1])
        before = tree(folder)
        said = read_or_refuse(folder / f"sad{file[0]}", layer=3)
        assert "\n" not in said
        assert tree(folder) == before


_NAMES = st.text(alphabet="asnoejL012_./- {}\u00e9\x1b", min_size=1, max_size=10) | st.sampled_from(
    ["sad", "calm", "en.sad", "ja/sad", "layer_1__sad", "emotions", "layers", "languages", "L2.calm", "NaN", "neutral"]
)
_SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)
_DTYPES = st.sampled_from(["f4", "f8", "f2", "i4", "u1", "c8", "?", "U3", "S2", "M8[s]", "V4"])
_VALUES = st.sampled_from([0.0, 1.0, np.nan, np.inf, 1e300])


@pytest.mark.fault("C5")
@settings(max_examples=100)
@given(st.dictionaries(_NAMES, st.tuples(_SHAPES, _DTYPES, _VALUES), max_size=4), st.booleans())
def test_any_names_shapes_and_types_are_read_or_refused(
    made: dict[str, tuple[tuple[int, ...], str, float]], with_layer: bool
) -> None:
    given = {}
    for name, (shape, dtype, value) in made.items():
        with np.errstate(all="ignore"):
            given[name] = (
                np.full(shape, value).astype("f8").astype(dtype) if dtype[0] in "fiuc?" else np.zeros(shape, dtype)
            )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.npz"
        np.savez(path, **{name.replace("/", "|"): array for name, array in given.items() if name != "file"})
        said = read_or_refuse(path, layer=1 if with_layer else None)
        assert "\n" not in said


@pytest.mark.fault("C5")
def test_the_command_leaves_every_other_file_as_it_was(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "emovec.pipeline.imported.write_imported_study", lambda *_, **__: []
    )  # the analyses take minutes
    np.savez(tmp_path / "good.npz", **{f"layer_{k}__{e}": row for (k, e), row in grid().items()})
    rng = np.random.default_rng(0)
    for suffix, makers in WHOLE.items():
        for number, make in enumerate(makers):
            data = bytearray(make())
            for at in rng.integers(0, min(len(data), 300), 3):
                data[at] = rng.integers(256)
            (tmp_path / f"bad{number}{suffix}").write_bytes(data)
            (tmp_path / f"cut{number}{suffix}").write_bytes(make()[: len(data) // 2])
    before = tree(tmp_path)
    assert "Layers are read as the outputs of blocks" in run("vectors", "import", "good.npz", "--out", "made")[1]
    for name in before:
        code, _, err = run("vectors", "import", name, "--out", "made", "--layer", "2")
        assert code == 0 or (code == 2 and err.startswith("Error: "))
    assert tree(tmp_path) == before
