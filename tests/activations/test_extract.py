import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import emovec.activations.extract as extraction
from emovec.activations.extract import extract
from emovec.activations.store import Activations
from emovec.activations.tokens import token_states
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from tests.activations.reference import Reference
from tests.tiny_models import FAMILIES, WORDS

TinyModel = Callable[..., LanguageModel]


def by_id(activations: Activations) -> dict[str, np.ndarray]:
    """[layer, hidden] of each text."""
    found: dict[str, np.ndarray] = {}
    for store in activations.stores:
        language, _, neutral = store.name.partition(".")
        layers = [activations.layer(k, language, neutral=bool(neutral)) for k in activations.layers]
        for row, story_id in enumerate(layers[0]["id"].values):
            found[str(story_id)] = np.stack([layer.values[row] for layer in layers])
    return found


def relative_error(values: np.ndarray, reference: np.ndarray) -> float:
    return float((np.linalg.norm(values - reference, axis=-1) / np.linalg.norm(reference, axis=-1)).max())


def assert_equals_reference(
    activations: Activations, stories: Sequence[Story], folder: Path, offset: float, sink_threshold: float | None
) -> None:
    reference, found = Reference(folder), by_id(activations)
    kept = [story for story in stories if story.id in found]
    assert kept
    for story in kept:
        expected = reference.pooled(story.text, offset, sink_threshold)
        assert relative_error(found[story.id], expected) < 1e-5, story.id


@pytest.mark.parametrize("bos", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_equals_the_unbatched_reference(
    family: str,
    bos: bool,
    tiny_model: TinyModel,
    tiny_folder: Callable[..., Path],
    stories: list[Story],
    tmp_path: Path,
) -> None:
    model = tiny_model(family, bos=bos)
    activations = extract(model, stories, tmp_path, offset=4, batch_tokens=300, sink_threshold=2)
    assert activations.layers == list(range(4))
    assert_equals_reference(activations, stories, tiny_folder(family, bos=bos), 4, 2)


@given(order=st.randoms(use_true_random=False), budget=st.integers(1, 2000), shard_size=st.integers(1, 40))
def test_batches_shards_and_order_change_nothing(
    order: object,
    budget: int,
    shard_size: int,
    tiny_model: TinyModel,
    stories: list[Story],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    shuffled = list(stories)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    alone = by_id(extract(tiny_model(), stories, tmp_path_factory.mktemp("alone"), offset=3, batch_tokens=1))
    folder = tmp_path_factory.mktemp("together")
    together = by_id(extract(tiny_model(), shuffled, folder, offset=3, batch_tokens=budget, shard_size=shard_size))
    assert together.keys() == alone.keys()
    assert max(relative_error(together[i], alone[i]) for i in alone) < 1e-5


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pad", ["<eos>", "<bos>", None])
def test_the_tokenizers_padding_is_never_asked(
    side: str, pad: str | None, tiny_folder: Callable[..., Path], stories: list[Story], tmp_path: Path
) -> None:
    folder = tiny_folder("qwen2", bos=True)
    model = load_model(str(folder), device="cpu")
    model.tokenizer.tokenizer.padding_side = side
    model.tokenizer.tokenizer.pad_token = pad
    activations = extract(model, stories, tmp_path, offset=4, batch_tokens=400)
    assert_equals_reference(activations, stories, folder, 4, 10)


@given(poison=st.integers(0, 62))
def test_poisoned_padding_changes_nothing(
    poison: int, tiny_model: TinyModel, stories: list[Story], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def poisoned(texts: Sequence[extraction.EncodedText], device: torch.device) -> torch.Tensor:
        longest = max(len(text.ids) for text in texts)
        return torch.tensor([list(text.ids) + [poison] * (longest - len(text.ids)) for text in texts], device=device)

    clean = by_id(extract(tiny_model(), stories, tmp_path_factory.mktemp("clean"), offset=2, batch_tokens=500))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "pad_right", poisoned)
        dirty = by_id(extract(tiny_model(), stories, tmp_path_factory.mktemp("dirty"), offset=2, batch_tokens=500))
    assert max(relative_error(dirty[i], clean[i]) for i in clean) < 1e-5


@pytest.mark.parametrize("offset", [0, 0.25, 0.9, 7])
@pytest.mark.parametrize("sink_threshold", [None, 1.1, 10])
def test_offset_and_sinks_equal_the_reference(
    offset: float,
    sink_threshold: float | None,
    tiny_model: TinyModel,
    tiny_folder: Callable[..., Path],
    stories: list[Story],
    tmp_path: Path,
) -> None:
    activations = extract(
        tiny_model("gpt2"), stories, tmp_path, offset=offset, sink_threshold=sink_threshold, batch_tokens=300
    )
    assert_equals_reference(activations, stories, tiny_folder("gpt2"), offset, sink_threshold)
    sinks = activations.facts()["languages"]["en"]["sink_tokens"]
    assert (sinks > 0) == (sink_threshold == 1.1)


def test_a_planted_sink_is_left_out_and_counted(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    model = load_model(str(tiny_folder("llama")), device="cpu")
    sink = model.text_token_ids("w59")[0]
    with torch.no_grad():
        model.model.get_input_embeddings().weight[sink] *= 1e4
    with_sink = [Story("s", "en", "calm", None, " ".join(["w1 w2 w3 w4 w5 w6"] * 2 + ["w59", "w7 w8 w9"]))]
    masked = extract(model, with_sink, tmp_path / "masked", offset=2, layers=[0], batch_tokens=1)
    unmasked = extract(
        model, with_sink, tmp_path / "unmasked", offset=2, layers=[0], batch_tokens=1, sink_threshold=None
    )
    assert masked.facts()["languages"]["en"]["sink_tokens"] == 1
    assert np.linalg.norm(unmasked.layer(0, "en")) > 20 * np.linalg.norm(masked.layer(0, "en"))


def test_an_early_stop_gives_the_same_layers(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    ran: list[int] = []
    model = tiny_model("gemma3")
    handles = [b.register_forward_hook(lambda *_, k=k: ran.append(k)) for k, b in enumerate(model.blocks)]
    try:
        some = extract(model, stories, tmp_path / "some", offset=3, layers=[2, 0], batch_tokens=500)
    finally:
        for handle in handles:
            handle.remove()
    assert max(ran) == 2
    whole = extract(model, stories, tmp_path / "whole", offset=3, batch_tokens=500)
    assert some.layers == [0, 2]
    for layer in (0, 2):
        np.testing.assert_allclose(some.layer(layer, "en"), whole.layer(layer, "en"), rtol=1e-6)
    assert not any(block._forward_hooks for block in model.blocks)


def test_short_and_long_texts_are_left_out_and_reported(tiny_model: TinyModel, tmp_path: Path) -> None:
    texts = {"short": "w1 w2 w3", "just": "w1 w2 w3 w4", "long": " ".join(["w5"] * 97), "fits": " ".join(["w5"] * 95)}
    stories = [Story(name, "en", "calm", None, text) for name, text in texts.items()]
    activations = extract(tiny_model("llama"), stories, tmp_path, offset=3, batch_tokens=100)
    assert set(by_id(activations)) == {"just", "fits"}
    skipped = {skip["id"]: skip["reason"] for skip in activations.facts()["languages"]["en"]["skipped"]}
    assert skipped == {
        "short": "no token past the offset: 3 tokens, offset 3",
        "long": "98 tokens, longer than the model's 96",
    }


def test_no_usable_text_is_an_error_that_names_the_remedy(tiny_model: TinyModel, tmp_path: Path) -> None:
    stories = [Story("a", "en", "calm", None, "w1 w2"), Story("b", "ja", "calm", None, " ".join(["w1"] * 60))]
    with pytest.raises(EmovecError, match=r"No text of 'en' .* lower extraction.offset"):
        extract(tiny_model(), stories, tmp_path, batch_tokens=100)


def test_activations_that_are_not_finite_name_the_story(
    tiny_folder: Callable[..., Path], stories: list[Story], tmp_path: Path
) -> None:
    model = load_model(str(tiny_folder("llama")), device="cpu")
    bad = model.text_token_ids("w59")[0]
    fine = [s for s in stories if "w59" not in s.text.split()]
    culprit = Story("culprit", "ja", "sad", None, "w1 w2 w59 w3")
    with torch.no_grad():
        model.model.get_input_embeddings().weight[bad] = float("nan")
    with pytest.raises(EmovecError, match=r"'culprit' .* not finite at layer 0"):
        extract(model, [*fine, culprit], tmp_path, offset=1, batch_tokens=200, shard_size=4)
    assert sum(len(store.records()) for store in Activations(tmp_path).stores) > 0


def test_a_layer_that_the_model_lacks(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match=r"layers 0 to 3; there is no 4"):
        extract(tiny_model(), stories, tmp_path, layers=[4])


def test_only_shards_whose_stories_changed_are_made_again(
    tiny_model: TinyModel, stories: list[Story], tmp_path: Path
) -> None:
    def manifest() -> list[dict[str, object]]:
        return [json.loads(line) for line in (tmp_path / "en" / "manifest.jsonl").read_text().splitlines()]

    english = [story for story in stories if story.language == "en" and story.emotion != "neutral"]
    extract(tiny_model(), english, tmp_path, offset=3, batch_tokens=100, shard_size=4)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "en").glob("shard-*")}
    changed = [*english[:-1], Story("new", "en", "sad", "t3", " ".join(WORDS[:20]))]
    extract(tiny_model(), changed, tmp_path, offset=3, batch_tokens=100, shard_size=4)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "en").glob("shard-*")}
    assert [name for name in after if after[name] != before[name]] == ["shard-00002.safetensors"]
    assert len(manifest()) == 3
    extract(tiny_model(), changed, tmp_path, offset=4, batch_tokens=100, shard_size=4)
    again = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "en").glob("shard-*")}
    assert all(again[name] != after[name] for name in after)


def test_other_settings_are_named_before_they_replace_what_is_there(
    tiny_model: TinyModel, stories: list[Story], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, few = tiny_model("llama"), stories[:4]
    extract(model, few, tmp_path, offset=4, batch_tokens=300)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("shard-*")}
    extract(model, few, tmp_path, offset=4.0, sink_threshold=10.0, batch_tokens=300)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("shard-*")} == before
    assert "replaced" not in caplog.text
    extract(model, few, tmp_path, offset=3, batch_tokens=300)
    assert "Activations made with other settings are replaced: offset 4.0 → 3.0" in caplog.text


def test_bfloat16_on_disk_stays_close(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    full = by_id(extract(tiny_model(), stories, tmp_path / "a", offset=3, batch_tokens=200))
    half = by_id(extract(tiny_model(), stories, tmp_path / "b", offset=3, batch_tokens=200, store_dtype="bfloat16"))
    assert 0 < max(relative_error(half[i], full[i]) for i in full) < 1e-2


def test_a_model_in_bfloat16_pools_in_float32(
    tiny_folder: Callable[..., Path], tiny_model: TinyModel, stories: list[Story], tmp_path: Path
) -> None:
    model = load_model(str(tiny_folder("llama")), device="cpu", dtype="bfloat16")
    half = by_id(extract(model, stories, tmp_path / "half", offset=3, batch_tokens=200))
    full = by_id(extract(tiny_model("llama"), stories, tmp_path / "full", offset=3, batch_tokens=200))
    assert max(relative_error(half[i], full[i]) for i in full) < 5e-2
    bfloat16 = {i: torch.from_numpy(v).bfloat16().float().numpy() for i, v in half.items()}
    assert any((bfloat16[i] != half[i]).any() for i in half)


def test_progress_counts_every_text_once(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> None:
    def run() -> tuple[int, int]:
        seen: list[tuple[int, int]] = []
        extract(tiny_model(), stories, tmp_path, offset=20, batch_tokens=200, progress=lambda *done: seen.append(done))
        return sum(n for n, _ in seen), sum(b for _, b in seen)

    expected = (len(stories), sum(len(story.text.encode()) for story in stories))
    assert run() == expected
    assert run() == expected  # all of it was there already


def test_token_states_equal_the_reference(tiny_model: TinyModel, tiny_folder: Callable[..., Path]) -> None:
    text = " ".join(WORDS[:12])
    states = token_states(tiny_model("gemma2"), text, [3, 1])
    assert list(states["layer"].values) == [1, 3]
    assert list(states["token_text"].values[:3]) == ["<bos>", "w0", "w1"]
    own = states.values[:, states["own"].values]
    np.testing.assert_allclose(own, Reference(tiny_folder("gemma2")).token_states(text)[[1, 3]], rtol=1e-4, atol=1e-5)
