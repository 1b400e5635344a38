from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import xarray as xr
from safetensors.torch import save_file

from emovec.errors import EmovecError
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.importing import read_vectors

EMOTIONS = ("happy", "sad", "angry", "calm", "afraid")


def arrays(layers: int = 3, hidden: int = 8, seed: int = 0, names: tuple[str, ...] = EMOTIONS) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(layers, hidden)).astype(np.float32) for name in names}


def write_gguf(path: Path, rows: dict[int, np.ndarray], hint: str = "llama") -> Path:
    writer = gguf.GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", hint)
    for k, row in rows.items():
        writer.add_tensor(f"direction.{k}", row)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_from_arrays_centres_and_survives_its_file(tmp_path: Path) -> None:
    by = {"en": arrays(), "ja": arrays(seed=1)}
    vectors = EmotionVectors.from_arrays(by, layers=[4, 5, 9], model="some/model")
    assert vectors.layers == [4, 5, 9]
    mean = np.mean([by["ja"][e][1].astype(np.float64) for e in EMOTIONS], axis=0)
    np.testing.assert_allclose(
        vectors.centred.sel(language="ja", emotion="sad", layer=5), by["ja"]["sad"][1] - mean, rtol=1e-5, atol=1e-6
    )
    vectors.save(tmp_path / "v.safetensors")
    again = EmotionVectors.load(tmp_path / "v.safetensors")
    xr.testing.assert_equal(again.centred, vectors.centred)
    assert (again.story_std, again.residual_norm, again.counts, again.denoised) == (None, None, None, None)
    assert again.provenance == {"model": "some/model"}
    assert again.variants == ("raw",)
    with pytest.raises(EmovecError, match="no standardised"):
        again.variant("standardised")


def test_parts_that_are_given_are_kept_by_label(tmp_path: Path) -> None:
    plain = EmotionVectors.from_arrays({"en": arrays(), "ja": arrays(seed=1)})
    rng = np.random.default_rng(3)
    std = xr.DataArray(
        rng.uniform(1, 2, size=(8, 3, 2)),
        dims=("hidden", "layer", "language"),
        coords={"layer": [2, 0, 1], "language": ["ja", "en"]},
    )
    vectors = EmotionVectors.from_arrays(plain.raw, story_std=std, counts=np.full((2, 5), 7))
    expected = std.sel(layer=1, language="ja").values
    np.testing.assert_allclose(vectors.story_std.sel(layer=1, language="ja"), expected, rtol=1e-6)  # pyright: ignore[reportOptionalMemberAccess]
    assert vectors.variants == ("raw", "standardised")
    vectors.save(tmp_path / "v.safetensors")
    loaded = EmotionVectors.load(tmp_path / "v.safetensors")
    xr.testing.assert_equal(loaded.variant("standardised"), vectors.variant("standardised"))
    with pytest.raises(EmovecError, match="story_std: has nothing for layer 2"):
        EmotionVectors.from_arrays(plain.raw, story_std=std.sel(layer=[0, 1]))
    with pytest.raises(EmovecError, match=r"residual_norm: has the shape \(3, 2\)"):
        EmotionVectors.from_arrays(plain.raw, residual_norm=np.ones((3, 2)))


def test_npz_by_names_and_by_labels_agree(tmp_path: Path) -> None:
    by = {"en": arrays(), "ja": arrays(seed=1)}
    np.savez(tmp_path / "names.npz", **{f"{la}.{e}": v for la, part in by.items() for e, v in part.items()})
    whole = np.array([[by[la][e] for e in EMOTIONS] for la in by])
    labels = {"languages": np.array(["en", "ja"]), "emotions": np.array(EMOTIONS), "layers": np.arange(3)}
    np.savez(tmp_path / "labels.npz", vectors=whole, **labels)
    a, b = read_vectors(tmp_path / "names.npz"), read_vectors(tmp_path / "labels.npz")
    xr.testing.assert_equal(a.raw, b.raw)
    np.testing.assert_array_equal(a.raw.sel(language="ja", emotion="calm"), by["ja"]["calm"])


@pytest.mark.parametrize("sign", [".", "/", ""])
def test_safetensors_by_name_also_in_bfloat16(tmp_path: Path, sign: str) -> None:
    given = arrays()
    tensors = {f"ja{sign}{e}" if sign else e: torch.tensor(v).bfloat16() for e, v in given.items()}
    save_file(tensors, tmp_path / "v.safetensors")
    vectors = read_vectors(tmp_path / "v.safetensors", language="ja")
    assert vectors.languages == ["ja"]
    expected = torch.tensor(given["sad"]).bfloat16().float().numpy()
    np.testing.assert_array_equal(vectors.raw.sel(language="ja", emotion="sad"), expected)


def test_our_own_file_is_taken_as_it_is(tmp_path: Path) -> None:
    made = EmotionVectors.from_arrays({"en": arrays()}, layers=[1, 2, 3], story_std=np.ones((1, 3, 8)), model="m")
    made.save(tmp_path / "v.safetensors")
    read = read_vectors(tmp_path / "v.safetensors")
    xr.testing.assert_equal(read.raw, made.raw)
    assert read.variants == ("raw", "standardised")
    assert read.provenance == {"model": "m", "imported": ["v.safetensors"]}


def test_control_vectors_direction_k_is_layer_k(tmp_path: Path) -> None:
    given = arrays(layers=4)
    files = {e: write_gguf(tmp_path / f"{e}-vector.gguf", {k + 1: v[k] for k in range(4)}) for e, v in given.items()}
    vectors = read_vectors(named=files)
    assert vectors.layers == [1, 2, 3, 4]
    assert vectors.provenance["model"] == "llama"
    np.testing.assert_array_equal(vectors.raw.sel(language="en", emotion="angry", layer=3), given["angry"][2])
    by_stem = read_vectors(*files.values())
    assert by_stem.emotions == [f"{e}-vector" for e in EMOTIONS]


def test_lone_vectors_stand_at_the_layer_given(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", **{e: v[0] for e, v in arrays().items()})
    assert read_vectors(tmp_path / "v.npz", layer=7).layers == [7]
    assert read_vectors(tmp_path / "v.npz").layers == [0]


def _nan(folder: Path) -> Path:
    given = arrays()
    given["sad"][1, 2] = np.nan
    np.savez(folder / "v.npz", **given)
    return folder / "v.npz"


def _sizes(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{**arrays(), "sad": np.ones((3, 9), np.float32)})
    return folder / "v.npz"


def _cube(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{e: v[None] for e, v in arrays().items()})
    return folder / "v.npz"


def _pickle(folder: Path) -> Path:
    np.savez(folder / "v.npz", happy=np.array([{"a": 1}], dtype=object))
    return folder / "v.npz"


def _state(folder: Path) -> Path:
    save_file({"model.layers.0.weight": torch.ones(2, 2)}, folder / "v.safetensors")
    return folder / "v.safetensors"


def _mixed(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{"en.happy": np.ones(4), "sad": np.ones(4)})
    return folder / "v.npz"


def _one(folder: Path) -> Path:
    return write_gguf(folder / "happy.gguf", {1: np.ones(4, np.float32)})


def _no_direction(folder: Path) -> Path:
    writer = gguf.GGUFWriter(folder / "v.gguf", "llama")
    writer.add_tensor("token_embd.weight", np.ones((2, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder / "v.gguf"


def _junk(folder: Path) -> Path:
    (folder / "v.gguf").write_bytes(b"junk")
    return folder / "v.gguf"


def _unshared(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{"en.happy": np.ones(4), "en.sad": np.ones(4), "ja.happy": np.ones(4)})
    return folder / "v.npz"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_nan, "sad: 1 of 24 values are not finite"),
        (_sizes, "sad: is 3 layers × 9 dimensions, but en.happy is 3 × 8"),
        (_cube, r"has the shape \(1, 3, 8\)"),
        (_pickle, "not an .npz file of plain arrays"),
        (_state, "'model.layers.0.weight' is no '<emotion>'"),
        (_mixed, "some names have a language"),
        (_one, "at least two emotions"),
        (_no_direction, "not a control vector"),
        (_junk, "not a readable GGUF file"),
        (_unshared, r"don't have the same emotions \(sad\)"),
        (lambda folder: folder / "v.pt", "read from .npz, .safetensors, .gguf"),
        (lambda folder: folder / "none.npz", "no such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, write: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(EmovecError, match=said) as caught:
        read_vectors(write(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    one = write_gguf(tmp_path / "a.gguf", {1: np.ones(4, np.float32)})
    two = write_gguf(tmp_path / "b.gguf", {2: np.ones(4, np.float32)})
    with pytest.raises(EmovecError, match=r"has the layers 2, but .* has 1"):
        read_vectors(one, two)
    with pytest.raises(EmovecError, match=r"was in .* already"):
        read_vectors(one, named={"a": one})
