import io
import warnings
import zipfile
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
    with pytest.raises(EmovecError, match="one vector without a layer; say with `layer`"):
        read_vectors(tmp_path / "v.npz")


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
    np.savez(folder / "v.npz", **dict.fromkeys(("en.happy", "en.sad", "ja.happy"), np.ones((2, 4))))
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
        (lambda folder: folder / "v.pt", "no such file"),
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
    with pytest.raises(EmovecError, match=r"b.gguf: en.b has the layers 2, but en.a in .*a.gguf has 1"):
        read_vectors(one, two)
    with pytest.raises(EmovecError, match=r"was in .* already"):
        read_vectors(one, named={"a": one})


def grid(layers: tuple[int, ...] = (20, 21, 28)) -> dict[tuple[int, str], np.ndarray]:
    rng = np.random.default_rng(4)
    return {(layer, emotion): rng.normal(size=8).astype(np.float32) for layer in layers for emotion in EMOTIONS}


def _flat(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    np.savez(folder / "v.npz", **{f"layer_{layer}__{emotion}": row for (layer, emotion), row in vectors.items()})
    return [folder / "v.npz"]


def _behind(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    save_file({f"{e}.L{k}": torch.tensor(row) for (k, e), row in vectors.items()}, folder / "v.safetensors")
    return [folder / "v.safetensors"]


def _a_file_a_layer(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    files = {layer: folder / f"vectors_layer{layer}.npz" for layer, _ in vectors}
    for layer, file in files.items():
        np.savez(file, **{emotion: row for (k, emotion), row in vectors.items() if k == layer})
    return list(files.values())


def _a_file_a_vector(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    for (layer, emotion), row in vectors.items():
        (folder / "all" / f"layer_{layer}").mkdir(parents=True, exist_ok=True)
        torch.save(torch.tensor(row), folder / "all" / f"layer_{layer}" / f"{emotion}.pt")
    return [folder / "all"]


def _nested(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    data = {k: {e: torch.tensor(vectors[k, e]) for e in EMOTIONS} for k, _ in vectors}
    torch.save({"vectors": data}, folder / "v.pt")
    return [folder / "v.pt"]


def _nested_other_way(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    data = {e: {f"layer_{k}": torch.tensor(vectors[k, e]) for k, _ in vectors} for e in EMOTIONS}
    torch.save(data, folder / "v.pt")
    return [folder / "v.pt"]


def _stacked(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    layers = sorted({layer for layer, _ in vectors})
    means = torch.tensor(np.array([[vectors[k, e] for e in EMOTIONS] for k in layers]))
    torch.save({"emotions": list(EMOTIONS), "layers": layers, "means": means}, folder / "v.pt")
    return [folder / "v.pt"]


def _labelled(folder: Path, vectors: dict[tuple[int, str], np.ndarray]) -> list[Path]:
    layers = sorted({layer for layer, _ in vectors})
    means = np.array([[vectors[k, e] for k in layers] for e in EMOTIONS])
    np.savez(folder / "v.npz", emotions=np.array(EMOTIONS), layers=np.array(layers), means=means)
    return [folder / "v.npz"]


LAYOUTS = (_flat, _behind, _a_file_a_layer, _a_file_a_vector, _nested, _nested_other_way, _stacked, _labelled)


@pytest.mark.fault("C5")
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("write", LAYOUTS)
def test_vectors_of_others_are_read_as_they_lie(tmp_path: Path, write: Callable[..., list[Path]], offset: int) -> None:
    given = grid()
    found = read_vectors(*write(tmp_path, given), layer_offset=offset)
    assert found.layers == [20 - offset, 21 - offset, 28 - offset]
    assert sorted(found.emotions) == sorted(EMOTIONS)
    for (layer, emotion), row in given.items():
        np.testing.assert_array_equal(found.raw.sel(language="en", emotion=emotion, layer=layer - offset), row)


def _numbers(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{f"{e}_{k}": row for (k, e), row in grid().items()})
    return folder / "v.npz"


def _some_layers(folder: Path) -> Path:
    np.savez(folder / "v.npz", layer_1__sad=np.ones(4), happy=np.ones(4))
    return folder / "v.npz"


def _holes(folder: Path) -> Path:
    np.savez(folder / "v.npz", layer_1__sad=np.ones(4), layer_2__happy=np.ones(4))
    return folder / "v.npz"


def _either_axis(folder: Path) -> Path:
    np.savez(folder / "v.npz", emotions=np.array(["sad", "calm"]), means=np.ones((2, 2, 4)))
    return folder / "v.npz"


def _zeros(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{**arrays(), "sad": np.zeros((3, 8))})
    return folder / "v.npz"


def _code(folder: Path) -> Path:
    torch.save({"sad": Path("x")}, folder / "v.pt")
    return folder / "v.pt"


def _too_large(folder: Path) -> Path:
    np.savez(folder / "v.npz", **{**arrays(), "sad": np.full((3, 8), 1e300)})
    return folder / "v.npz"


def _declared(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "v.npz", "w") as archive:
        for name in ("sad", "calm"):
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                header, {"descr": "<f4", "fortran_order": False, "shape": (10**7, 10**7)}
            )
            archive.writestr(f"{name}.npy", header.getvalue() + b"0" * 64)
    return folder / "v.npz"


def _twice(folder: Path) -> Path:
    array = io.BytesIO()
    np.save(array, np.ones((2, 4)))
    with zipfile.ZipFile(folder / "v.npz", "w") as archive, warnings.catch_warnings(action="ignore"):
        for name in ("sad", "calm", "sad"):
            archive.writestr(f"{name}.npy", array.getvalue())
    return folder / "v.npz"


def _folder(folder: Path) -> Path:
    np.savez(folder / "v.npz", **arrays())
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    return folder


@pytest.mark.fault("C5")
@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_numbers, "hold numbers without saying of what"),
        (_some_layers, "some names have a layer and some don't"),
        (_holes, "has the layers 2, but en.sad in .* has 1"),
        (_either_axis, "could each be the emotions"),
        (_zeros, "en.sad is all zeros at layer 0"),
        (_code, "could run somebody's code"),
        (_too_large, "too large for float32"),
        (_declared, "declares the shape"),
        (_twice, "'sad.npy' is there twice"),
        (_folder, "contains 'notes.txt', which isn't a file of vectors"),
    ],
)
def test_what_cannot_be_told_for_sure_is_refused(tmp_path: Path, write: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(EmovecError, match=said) as caught:
        read_vectors(write(tmp_path), layer=3)
    assert "\n" not in str(caught.value)


def test_a_pattern_tells_how_names_are_made(tmp_path: Path) -> None:
    found = read_vectors(_numbers(tmp_path), names="{emotion}_{layer}")
    np.testing.assert_array_equal(found.raw.sel(emotion="sad", layer=28)[0], grid()[28, "sad"])
