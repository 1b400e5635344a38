import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emovec.cli.show import SafeConsole
from emovec.models.language_model import LanguageModel
from emovec.report.pages.trace import UNSCORED, shade, signed
from emovec.steering.trace import trace
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.cli.conftest import Run

TEXT = "w1 w2 w9 w9 w30 w7"


@pytest.fixture(scope="module")
def vectors(tiny_model: Callable[..., LanguageModel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder with vectors of the tiny llama, and a chosen layer."""
    model, folder = tiny_model("llama"), tmp_path_factory.mktemp("study")
    values = np.random.default_rng(0).standard_normal((2, 6, model.n_layers, model.hidden_size)).astype(np.float32)
    emotions = ["afraid", "angry", "calm", "joyful", "sad", "at ease"]
    made = EmotionVectors.from_arrays(values, languages=["en", "ja"], emotions=emotions, model=model.id)
    made.save(folder / "vectors.safetensors")
    (folder / "geometry").mkdir()
    (folder / "geometry" / "choice.json").write_text(json.dumps({"summary": {"layer": 1}}), encoding="utf-8")
    return folder


def test_the_strongest_emotions_are_shown_with_marks_where_there_is_no_colour(
    run: Run, tiny_folder: Callable[..., Path], tiny_model: Callable[..., LanguageModel], vectors: Path
) -> None:
    code, out, _ = run("trace", tiny_folder("llama"), vectors, TEXT, "--baseline", "text", "--top", 2)
    assert code == 0
    assert "layer 1" in out
    traced = trace(tiny_model("llama"), vectors, TEXT, baseline="text", layers=[1]).sel(layer=1)
    assert len(re.findall(r": mean ", out)) == 2
    first = traced.sel(emotion=str(traced["emotion"].values[int(traced.mean("token").argmax())]))
    assert out.index(f"{first['emotion'].item()}: mean") < out.rindex(": mean")
    for token, score in zip(first["token_text"].values, first.values, strict=True):
        marked = f"{token}[{signed(float(score))}]"
        assert (marked in out) == (abs(score) >= 1)
    assert "\x1b" not in out


def test_named_emotions_are_shown_in_colour(
    run: Run, tiny_folder: Callable[..., Path], vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = SafeConsole(force_terminal=True, color_system="truecolor", width=150, no_color=False)
    monkeypatch.setattr("emovec.cli.trace.console", coloured)
    options = ("--emotion", "sad", "--emotion", "calm", "--baseline", "text", "--layer", 3)
    code, out, _ = run("trace", tiny_folder("llama"), vectors / "vectors.safetensors", TEXT, *options)
    assert code == 0
    assert re.search(r"38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+m ?w30", out)
    assert out.index("sad: mean") < out.index("calm: mean")
    assert "layer 3" in out
    assert "w30[" not in out


def test_the_page_holds_every_score(
    run: Run, tiny_folder: Callable[..., Path], tiny_model: Callable[..., LanguageModel], vectors: Path, tmp_path: Path
) -> None:
    page = tmp_path / "new" / "page.html"
    options = ("--emotion", "calm", "--baseline", "text", "--page", page)
    code, out, _ = run("trace", tiny_folder("llama"), vectors, TEXT, *options)
    assert code == 0
    assert str(page) in out
    text = page.read_text(encoding="utf-8")
    assert "<b>" not in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    traced = trace(tiny_model("llama"), vectors, TEXT, baseline="text")
    scores = np.frombuffer(base64.b64decode(data["scores"]), "<i2").reshape(traced.shape) / 100
    np.testing.assert_allclose(scores, traced.values, atol=0.0051)
    assert "".join(data["pieces"]) == TEXT
    assert (data["shown"], data["layer"], data["layers"]) == (["calm"], 1, [0, 1, 2, 3])


def test_an_attention_sink_is_no_finding(
    run: Run,
    tiny_folder: Callable[..., Path],
    tiny_model: Callable[..., LanguageModel],
    vectors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = EmotionVectors.load(vectors / "vectors.safetensors")
    replace(made, provenance={**made.provenance, "pooling": {"sink_threshold": 1.02}}).save(tmp_path / "v.safetensors")
    traced = trace(tiny_model("llama"), tmp_path / "v.safetensors", TEXT, baseline="text").sel(emotion="calm")
    layer = int(traced["sink"].sum("token").argmax("layer"))
    sinks = traced["sink"].values[layer]
    options = ("--emotion", "calm", "--baseline", "text", "--layer", layer)
    _, out, _ = run("trace", tiny_folder("llama"), tmp_path / "v.safetensors", TEXT, *options, "--page", "page.html")
    assert 0 < sinks.sum() < len(sinks)
    assert out.count("[sink]") == sinks.sum()
    for token, score in zip(traced["token_text"].values[sinks], traced.values[layer, sinks], strict=True):
        assert f"{token}[sink]" in out
        assert f"{token} {signed(float(score))}" not in out
    page = Path("page.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    held = np.frombuffer(base64.b64decode(data["scores"]), "<i2").reshape(6, -1, len(sinks))
    np.testing.assert_array_equal(held[2] == data["no_score"], traced["sink"].values)
    assert (shade(float("nan")), data["unscored"]) == (UNSCORED, list(UNSCORED))


def test_neutral_texts_of_ones_own(run: Run, tiny_folder: Callable[..., Path], vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "neutral.txt").write_text("w5 w6 w7\n\nw8 w9 w40 w1\n", encoding="utf-8")
    code, out, _ = run("trace", tiny_folder("llama"), vectors, TEXT, "--baseline", tmp_path / "neutral.txt")
    assert code == 0
    assert "2 neutral texts of your own" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--emotion", "angri"), "did you mean 'angry'"),
        (("--layer", "8"), "--layer 8: there are vectors for layers"),
        (("--language", "fr"), "no vectors for 'fr'"),
        (("--baseline", "nowhere.txt"), "--baseline nowhere.txt"),
        (("--baseline", "text", "--page", "."), "is a folder; name a file"),
    ],
)
def test_bad_options_end_in_one_sentence_before_the_model_is_loaded(
    run: Run, vectors: Path, options: tuple[str, ...], said: str
) -> None:
    code, _, err = run("trace", "no-such-model", vectors, TEXT, *options)
    assert code == 2
    assert said in err


def test_vectors_that_are_not_there(run: Run, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    code, _, err = run("trace", tiny_folder("llama"), tmp_path / "none", TEXT)
    assert code == 2
    assert "no such file" in err


def test_a_page_that_can_t_be_written_is_told_of(
    run: Run, tiny_folder: Callable[..., Path], vectors: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    options = ("--baseline", "text", "--page", tmp_path / "file" / "page.html")
    code, _, err = run("trace", tiny_folder("llama"), vectors, TEXT, *options)
    assert code == 2
    assert "can't be written" in err
