from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from transformers import LlamaConfig

from emovec.activations.extract import extract
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.study_files import read_provenance
from emovec.vectors.build import build_vectors
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.tiny_models import FAMILIES, save_tiny_model


@pytest.fixture(scope="module", params=[True, False], ids=["neutral", "no neutral"])
def vectors(
    request: pytest.FixtureRequest,
    tiny_model: Callable[..., LanguageModel],
    stories: list[Story],
    tmp_path_factory: pytest.TempPathFactory,
) -> EmotionVectors:
    texts = [story for story in stories if request.param or story.emotion != "neutral"]
    return build_vectors(extract(tiny_model(), texts, tmp_path_factory.mktemp("a"), offset=3, batch_tokens=200))


def test_a_file_reads_back_as_it_was_and_always_has_the_same_bytes(vectors: EmotionVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "v.safetensors")
    loaded = EmotionVectors.load(tmp_path / "v.safetensors")
    for name in ("raw", "centred", "denoised", "story_std", "residual_norm", "counts", "noise_components"):
        written, read = getattr(vectors, name), getattr(loaded, name)
        assert (written is None) == (read is None)
        if written is not None:
            xr.testing.assert_equal(written, read)
            assert written.dtype == read.dtype
    assert loaded.provenance == vectors.provenance == read_provenance(tmp_path / "v.safetensors")
    loaded.save(tmp_path / "w.safetensors")
    assert (tmp_path / "v.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()


def test_standardised_vectors_are_divided_by_the_pooled_deviation(vectors: EmotionVectors) -> None:
    variances = np.mean(
        [vectors.story_std.sel(language=la).values.astype(np.float64) ** 2 for la in ("en", "ja")], axis=0
    )
    expected = vectors.best.sel(language="ja", emotion="sad").values / np.sqrt(variances)
    found = vectors.variant("standardised")
    np.testing.assert_allclose(found.sel(language="ja", emotion="sad"), expected, rtol=1e-5)
    assert found.dims == vectors.raw.dims
    assert vectors.variant("raw") is vectors.best
    with pytest.raises(EmovecError, match="'z' is no variant"):
        vectors.variant("z")


def test_without_neutral_texts_there_are_no_denoised_vectors(vectors: EmotionVectors) -> None:
    if vectors.denoised is None:
        with pytest.raises(EmovecError, match="without neutral texts"):
            vectors.variant("raw", "denoised")


def test_vectors_of_another_model(
    vectors: EmotionVectors,
    tiny_model: Callable[..., LanguageModel],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vectors.require_fit(tiny_model())
    assert not caplog.records
    vectors.require_fit(tiny_model("qwen3"))
    assert "made with" in caplog.text
    other = save_tiny_model(tmp_path, LlamaConfig(**{**FAMILIES["llama"].to_dict(), "num_hidden_layers": 3}))
    with pytest.raises(EmovecError, match=r"layers up to 3\) and can't be used with .* 3 layers"):
        vectors.require_fit(load_model(str(other), device="cpu"))


def test_broken_and_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(EmovecError, match="no such file"):
        EmotionVectors.load(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(EmovecError, match="not a readable safetensors file"):
        EmotionVectors.load(tmp_path / "broken.safetensors")
    save_file({"raw": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(EmovecError, match="not one of emotion vectors"):
        EmotionVectors.load(tmp_path / "other.safetensors")
    assert read_provenance(tmp_path / "broken.safetensors") == {}
