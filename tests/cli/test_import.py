from pathlib import Path

import gguf
import numpy as np
import pandas as pd

from emovec.config import read_config
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.cli.conftest import Run

EMOTIONS = ("happy", "sad", "angry", "calm", "afraid")


def test_two_languages_become_a_study_with_a_report(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(5, 2, 16))
    arrays = {
        f"{language}.{emotion}": (shared[i] + 0.3 * rng.normal(size=(2, 16))).astype(np.float32)
        for language in ("en", "ja")
        for i, emotion in enumerate(EMOTIONS)
    }
    np.savez(tmp_path / "mine.npz", **arrays)
    code, out, err = run("vectors", "import", "mine.npz", "--out", "made", "--model", "some/model")
    assert (code, err) == (0, "")
    assert "5 emotions in en, ja, 2 layers × 16 dimensions" in out
    folder = tmp_path / "made"
    config = read_config(folder / "study.yaml")
    assert (config.model, config.languages, config.emotion_words) == ("some/model", ["en", "ja"], EMOTIONS)
    vectors = EmotionVectors.load(folder / "vectors.safetensors")
    np.testing.assert_array_equal(vectors.raw.sel(language="ja", emotion="calm"), arrays["ja.calm"])
    rsa = pd.read_parquet(folder / "geometry" / "rsa.parquet")
    assert set(rsa["variant"]) == {"raw"}
    assert len(rsa) > 0
    assert pd.read_parquet(folder / "geometry" / "decoding.parquet").empty
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Emotion vectors of some/model" in page
    assert "imported from mine.npz" in page
    assert "This needs the stories&#39; activations, but the vectors were made elsewhere." in page
    assert "Sink masking" not in page


def test_bad_input_ends_in_one_sentence(run: Run, tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "controlvector")
    writer.add_tensor("direction.1", np.ones(4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    np.savez(tmp_path / "v.npz", happy=np.ones(4), sad=-np.ones(4))
    np.savez(tmp_path / "n.npz", neutral=np.ones(4), sad=-np.ones(4))
    for arguments, said in (
        (("--emotion", "happy"), "give it as NAME=FILE"),
        (("--emotion", "happy=a.gguf"), "at least two emotions"),
        (("--emotion", "happy=a.gguf", "--emotion", "happy=a.gguf"), "given twice"),
        (("v.npz", "a.gguf", "--layer", "0"), "has the layers 1"),
        (("v.npz",), "say with --layer"),
        (("n.npz", "--layer", "0"), "'neutral' is no emotion"),
        (("nothing.npz",), "nothing.npz: no such file"),
        ((), "Give at least one file"),
    ):
        code, _, err = run("vectors", "import", *arguments, "--out", "made")
        assert code == 2
        assert said in err
        assert not (tmp_path / "made").exists()


def test_the_layer_must_be_one_of_the_vectors(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", **{e: np.random.default_rng(i).normal(size=(3, 8)) for i, e in enumerate(EMOTIONS)})
    code, _, err = run("vectors", "import", "v.npz", "--out", "made", "--layer", "3")
    assert code == 2
    assert "layer: 3 is none of the vectors' layers [0, 1, 2]." in err
