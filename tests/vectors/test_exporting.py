from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

import emovec
from emovec.errors import EmovecError
from emovec.vectors.control_vectors import control_vector, usual_layer
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.exporting import export_vectors
from emovec.vectors.importing import read_vectors

EMOTIONS = ("angry", "calm", "sad")
LAYERS = 6


def some_vectors(**more: Any) -> EmotionVectors:
    rng = np.random.default_rng(0)
    return EmotionVectors.from_arrays(
        rng.normal(size=(2, 3, LAYERS, 8)).astype(np.float32),
        languages=["en", "ja"],
        emotions=EMOTIONS,
        residual_norm=rng.uniform(5, 50, size=(2, LAYERS)),
        counts=np.full((2, 3), 12),
        model="some/model",
        provenance={"n_layers": LAYERS, "architecture": "LlamaForCausalLM", **more},
    )


def expected(vectors: EmotionVectors, emotion: str, language: str, layer: int, strength: float) -> np.ndarray:
    """strength × residual norm × unit(centred), one number at a time."""
    means = [vectors.raw.sel(language=language, layer=layer, emotion=e).values.astype(float) for e in EMOTIONS]
    row = means[EMOTIONS.index(emotion)] - sum(means) / 3
    length = sum(x * x for x in row) ** 0.5
    norm = float(vectors.residual_norm.sel(language=language, layer=layer))  # pyright: ignore[reportOptionalMemberAccess]
    return np.array([strength * norm * x / length for x in row])


def test_gguf_holds_what_steering_adds_and_what_llama_cpp_asks_for(tmp_path: Path) -> None:
    vectors = some_vectors()
    path = tmp_path / "new" / "angry.gguf"
    written = emovec.export_vectors(vectors, path, emotions="angry", languages="ja", layers=[5, 2], strength=-0.3)
    assert written == [path]
    reader = gguf.GGUFReader(path)
    fields = {name: reader.get_field(name) for name in ("general.architecture", "controlvector.model_hint")}
    assert [field.contents() for field in fields.values() if field] == ["controlvector", "llama"]
    count = reader.get_field("controlvector.layer_count")
    assert count is not None
    assert count.contents() == 2
    assert [tensor.name for tensor in reader.tensors] == ["direction.2", "direction.5"]
    for tensor, layer in zip(reader.tensors, (2, 5), strict=True):
        assert tensor.tensor_type == gguf.GGMLQuantizationType.F32
        assert tensor.shape.tolist() == [8]
        np.testing.assert_allclose(tensor.data, expected(vectors, "angry", "ja", layer, -0.3), rtol=1e-5)
    assert list(path.parent.iterdir()) == [path]


def test_our_importer_finds_each_vector_at_the_layer_it_came_from(tmp_path: Path) -> None:
    vectors = some_vectors()
    files = {e: tmp_path / f"{e}.gguf" for e in EMOTIONS}
    for emotion, file in files.items():
        export_vectors(vectors, file, emotions=emotion, layers=[1, 3, 4])
    again = read_vectors(named=files)
    assert again.layers == [1, 3, 4]
    np.testing.assert_allclose(
        again.raw.sel(language="en", emotion="sad", layer=3), expected(vectors, "sad", "en", 3, 0.1), rtol=1e-5
    )
    export_vectors(vectors, tmp_path / "v.safetensors", format="safetensors", layers=[0, 3])
    tensors = load_file(tmp_path / "v.safetensors")
    assert set(tensors) == {f"{la}.{e}" for la in ("en", "ja") for e in EMOTIONS}
    whole = read_vectors(tmp_path / "v.safetensors")
    assert (whole.layers, whole.provenance["model"]) == ([0, 3], "some/model")
    np.testing.assert_allclose(
        whole.raw.sel(language="ja", emotion="calm", layer=3), expected(vectors, "calm", "ja", 3, 0.1), rtol=1e-5
    )


def test_the_same_vector_gives_the_same_bytes(tmp_path: Path) -> None:
    for suffix in ("gguf", "safetensors"):
        for name in "ab":
            file = tmp_path / f"{name}.{suffix}"
            export_vectors(some_vectors(), file, format=suffix, emotions="sad")  # pyright: ignore[reportArgumentType]
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@pytest.mark.parametrize("kind", ["raw", "centred"])
def test_kinds(kind: Any) -> None:
    vectors = some_vectors()
    made = control_vector(vectors, "calm", kind=kind, layers=[2])
    row = getattr(vectors, kind).sel(language="en", emotion="calm", layer=2).values
    cosine = row @ made.directions[2] / np.linalg.norm(row) / np.linalg.norm(made.directions[2])
    assert cosine == pytest.approx(1)
    with pytest.raises(EmovecError, match="no denoised"):
        control_vector(vectors, "calm", kind="denoised")


def test_the_usual_layer_is_at_two_thirds_or_the_nearest_there_is() -> None:
    assert usual_layer(some_vectors()) == 4
    assert usual_layer(some_vectors(n_layers=30)) == 5


def test_vectors_without_a_norm_need_one() -> None:
    plain = EmotionVectors.from_arrays(some_vectors().raw)
    with pytest.raises(EmovecError, match="give `norm`"):
        control_vector(plain, "sad")
    made = control_vector(plain, "sad", norm=20, strength=0.5)
    assert np.linalg.norm(made.directions[4]) == pytest.approx(10)


def test_hub_folder_has_a_card_that_the_hub_reads(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    vectors = some_vectors()
    files = export_vectors(vectors, folder, format="hub", emotions=["sad", "calm"], findings=["They were measured."])
    names = {f"control_vectors/{la}.{e}.gguf" for la in ("en", "ja") for e in ("sad", "calm")}
    assert {str(file.relative_to(folder)) for file in files} == {"README.md", "vectors.safetensors", *names}
    assert all(file.is_file() for file in files)
    assert EmotionVectors.load(folder / "vectors.safetensors").emotions == list(EMOTIONS)
    card = ModelCard.load(folder / "README.md")
    assert (card.data.base_model, card.data.library_name, card.data.language) == ("some/model", "emovec", ["en", "ja"])
    assert card.data.license == "other"
    for part in ("12 a vector", "layer=4", "They were measured.", "Limitations", "Fill in `license`", "some/model"):
        assert part in card.text
    with pytest.raises(EmovecError, match="already contains something"):
        export_vectors(vectors, folder, format="hub")


def test_the_card_of_a_local_model_tells_no_path(tmp_path: Path) -> None:
    weights = tmp_path / "my-model"
    weights.mkdir()
    vectors = some_vectors(model=str(weights))
    vectors.provenance["model"] = str(weights)
    export_vectors(vectors, tmp_path / "hub", format="hub", emotions="sad", license="mit")
    card = ModelCard.load(tmp_path / "hub" / "README.md")
    assert card.data.base_model is None
    assert card.data.license == "mit"
    assert "my-model" in card.text
    assert str(tmp_path) not in card.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"emotions": "agnry"}, "there are no vectors for 'agnry'; did you mean 'angry'?"),
        ({"emotions": "sad", "languages": "fr"}, "no vectors for 'fr'; there are for en, ja"),
        ({"emotions": "sad", "layers": [0]}, "can't steer block 0"),
        ({"emotions": "sad", "layers": [9]}, "have the layers 0 to 5"),
        ({"emotions": "sad", "strength": 0.0}, "a number other than 0"),
        ({"emotions": "sad", "strength": float("nan")}, "a number other than 0"),
        ({"emotions": "sad", "norm": -1.0}, "a positive number"),
        ({}, "one `emotion`"),
        ({"emotions": ["sad", "calm"]}, "one `emotion`"),
        ({"emotions": "sad", "format": "onnx"}, "one of gguf, safetensors, hub"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(EmovecError, match=said):
        export_vectors(some_vectors(), tmp_path / "v.gguf", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_lone_block_0_is_refused(tmp_path: Path) -> None:
    lone = EmotionVectors.from_arrays(some_vectors().raw.isel(layer=[0]))
    with pytest.raises(EmovecError, match="stands at block 0"):
        export_vectors(lone, tmp_path / "v.gguf", emotions="sad", norm=1)


def test_a_vector_without_direction_is_refused() -> None:
    rows = np.ones((1, 2, 3, 4), dtype=np.float32)
    same = EmotionVectors.from_arrays(rows, languages=["en"], emotions=["a", "b"])
    with pytest.raises(EmovecError, match="'a' has no vector in 'en' at layer 2"):
        control_vector(same, "a", norm=1)
