from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import DynamicCache

from emovec.errors import EmovecError
from emovec.geometry.decoding import CHOICE
from emovec.models.behaviour import named_cache
from emovec.models.blocks import block_output
from emovec.models.depth import two_thirds
from emovec.models.generate import generate, own_positions, pad_left
from emovec.models.intervene import intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Span, character_span
from emovec.vectors.control_vectors import usual_layer
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.tiny_models import FAMILIES

Model = Callable[..., LanguageModel]
PROMPTS = ("w1 w2 w3 w4 w5", "w7 w8", "w9 w10 w11 w12 w13 w14 w15 w16")
NEW = 5
NORM = 4.0
LAYERS = (1, 2)
SPANS = (Span(1, 3), Span(0, 2), Span(4, 40))
MODES: dict[str, Any] = {
    "all": "all",
    "prompt": "prompt",
    "generated": "generated",
    "span": Span(1, 3),
    "spans": list(SPANS),
}


def _chosen(mode: str, row: int, length: int, n_prompt: int) -> np.ndarray:
    """Which of a row's own tokens are steered, said in the plainest way."""
    at = np.arange(length)
    if mode == "prompt":
        return at < n_prompt
    if mode == "generated":
        return at >= n_prompt
    if mode in {"span", "spans"}:
        span = MODES[mode] if mode == "span" else SPANS[row]
        return (at >= span.start) & (at < span.stop)
    return np.ones(length, bool)


def _reference(model: LanguageModel, ids: list[int], change: Callable[[int, Tensor], Tensor]) -> Tensor:
    """[token, vocab] logits of one row alone, without padding or cache; `change` gets a layer and [token, hidden]."""

    def hook_of(layer: int) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            changed = change(layer, block_output(output)[0])[None]
            return changed if isinstance(output, Tensor) else (changed, *output[1:])

        return hook

    with ExitStack() as stack, torch.inference_mode():
        for layer in LAYERS:
            stack.callback(model.blocks[layer].register_forward_hook(hook_of(layer)).remove)
        return model.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def _generated(model: LanguageModel, use_cache: bool, **options: Any) -> tuple[list[list[int]], list[int], Tensor]:
    """Own tokens of each row with what was generated, lengths of the prompts, logits [row, step, vocab]."""
    encoded = [list(text.ids) for text in model.tokenizer.encode(PROMPTS)]
    ids, mask = pad_left(encoded, model.device)
    with torch.inference_mode():
        out = model.model.generate(
            ids, attention_mask=mask, do_sample=False, max_new_tokens=NEW, min_new_tokens=NEW, use_cache=use_cache,
            output_logits=True, return_dict_in_generate=True, pad_token_id=1, **options,
        )  # fmt: skip
    width = ids.shape[1]
    whole = [prompt + row[width:].tolist() for prompt, row in zip(encoded, out.sequences, strict=True)]
    return whole, [len(prompt) for prompt in encoded], torch.stack(out.logits, dim=1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_steering_equals_each_row_alone_without_a_cache(tiny_model: Model, family: str, mode: str) -> None:
    model = tiny_model(family)
    generator = np.random.default_rng(3)
    vectors = generator.standard_normal((len(PROMPTS), model.hidden_size))
    strengths = [0.4, 0.0, -0.7]
    plain = intervene(vectors, layer=LAYERS, strength=strengths, norm=[NORM, 2 * NORM], positions=MODES[mode])
    out = intervene(generator.standard_normal(model.hidden_size), layer=2, project_out=True, positions=MODES[mode])
    taken = out.directions[0, 0].double()
    for use_cache in (True, False):
        with steer(model, [plain, out]):
            whole, lengths, logits = _generated(model, use_cache)
        for row, (ids, n_prompt) in enumerate(zip(whole, lengths, strict=True)):

            def change(layer: int, hidden: Tensor, row: int = row, n_prompt: int = n_prompt) -> Tensor:
                unit = vectors[row] / np.linalg.norm(vectors[row])
                norm = NORM * (1 + LAYERS.index(layer))
                steered = hidden.double() + torch.from_numpy(strengths[row] * norm * unit)
                if layer == 2:
                    steered = steered - (steered @ taken)[:, None] * taken
                chosen = torch.from_numpy(_chosen(mode, row, len(hidden), n_prompt))
                return torch.where(chosen[:, None], steered, hidden.double()).to(hidden.dtype)

            expected = _reference(model, ids[:-1], change)[n_prompt - 1 :]
            torch.testing.assert_close(logits[row], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_a_static_cache_changes_nothing(tiny_model: Model, family: str, mode: str) -> None:
    model = tiny_model(family)
    vector = np.random.default_rng(3).standard_normal(model.hidden_size)
    with steer(model, vector, layer=LAYERS, strength=0.6, norm=NORM, positions=MODES[mode]):
        whole, _, expected = _generated(model, True)
        again, _, logits = _generated(model, True, cache_implementation="static", disable_compile=True)
    assert again == whole
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
def test_strength_zero_is_bit_identical(tiny_model: Model, family: str) -> None:
    model = tiny_model(family)
    vector = np.random.default_rng(0).standard_normal(model.hidden_size)
    whole, _, plain = _generated(model, True)
    for strength in (0.0, [0.0, 0.0, 0.0]):
        with steer(model, vector, layer=LAYERS, strength=strength, norm=NORM):
            again, _, logits = _generated(model, True)
        assert again == whole
        assert torch.equal(logits, plain)
    with steer(model, vector, layer=1, strength=[0.0, 0.9, 0.0], norm=NORM):
        _, _, mixed = _generated(model, True)
    assert torch.equal(mixed[0], plain[0])
    assert torch.equal(mixed[2], plain[2])
    assert not torch.allclose(mixed[1], plain[1], atol=1e-3)


def test_nothing_is_left_behind(tiny_model: Model) -> None:
    model = tiny_model("llama")

    def hooks() -> int:
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules())

    before, vector = hooks(), np.ones(model.hidden_size)
    for _ in range(10):
        with steer(model, vector, norm=1.0), steer(model, vector, layer=0, norm=1.0, positions="prompt"):
            assert hooks() == before + 8
    with pytest.raises(ZeroDivisionError), steer(model, vector, norm=1.0):
        _ = 1 / 0
    with pytest.raises(EmovecError, match="layer"), steer(model, [intervene(vector, layer=[0, 9], norm=1.0)]):
        pass
    assert hooks() == before


def test_nested_blocks_add_up_in_their_order(tiny_model: Model) -> None:
    model = tiny_model("llama")
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, model.hidden_size))
    one, two = (intervene(v, layer=1, strength=0.3, norm=NORM) for v in (a, b))
    with steer(model, one), steer(model, two):
        nested = _generated(model, True)[2]
    with steer(model, [one, two]):
        assert torch.equal(_generated(model, True)[2], nested)
    together = 0.3 * (a / np.linalg.norm(a) + b / np.linalg.norm(b))
    with steer(model, together, layer=1, strength=float(np.linalg.norm(together)), norm=NORM):
        torch.testing.assert_close(_generated(model, True)[2], nested, atol=1e-4, rtol=1e-4)


def test_a_new_prompt_in_the_same_block_has_a_prompt_of_its_own(tiny_model: Model) -> None:
    model = tiny_model("llama")
    vector = np.random.default_rng(1).standard_normal(model.hidden_size)
    with steer(model, vector, layer=1, strength=0.8, norm=NORM, positions="prompt"):
        first = generate(model, ["w1 w2 w3", "w4 w5"], max_new_tokens=4)
        second = generate(model, ["w1 w2 w3 w6 w7 w8", "w4 w5"], max_new_tokens=4)
    for prompts, found in ((["w1 w2 w3", "w4 w5"], first), (["w1 w2 w3 w6 w7 w8", "w4 w5"], second)):
        with steer(model, vector, layer=1, strength=0.8, norm=NORM, positions="prompt"):
            assert generate(model, prompts, max_new_tokens=4) == found


@pytest.mark.parametrize("more", ["w4", "w4 w5 w6"])
@pytest.mark.parametrize("positions", ["prompt", "generated"])
def test_a_prompt_that_goes_on_from_the_last_one_is_all_prompt(tiny_model: Model, positions: Any, more: str) -> None:
    model = tiny_model("llama")
    options: dict[str, Any] = {"layer": 1, "strength": 0.8, "norm": NORM, "positions": positions}
    vector = np.random.default_rng(1).standard_normal(model.hidden_size)
    prompts = ["w1 w2 w3", f"w1 w2 w3 {more}"]
    with steer(model, vector, **options):
        found = [_logits(model, prompt) for prompt in prompts]
    for prompt, logits in zip(prompts, found, strict=True):
        with steer(model, vector, **options):
            assert torch.equal(_logits(model, prompt), logits)


def _logits(model: LanguageModel, prompt: str) -> Tensor:
    """[step, vocab] of what is generated after one prompt."""
    ids = torch.tensor([model.tokenizer.encode([prompt])[0].ids])
    with torch.inference_mode():
        out = model.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=4, min_new_tokens=4,
            output_logits=True, return_dict_in_generate=True, pad_token_id=1,
        )  # fmt: skip
    return torch.cat(out.logits)


@pytest.mark.parametrize("mode", ["prompt", "generated", "span"])
def test_a_prompt_may_begin_in_a_cache(tiny_model: Model, mode: str) -> None:
    model = tiny_model("llama")
    vector = np.random.default_rng(1).standard_normal(model.hidden_size)
    ids = list(model.tokenizer.encode([PROMPTS[2]])[0].ids)
    cache = DynamicCache(config=model.model.config)
    with torch.inference_mode():
        model.model(input_ids=torch.tensor([ids[:2]]), use_cache=True, **named_cache(model.model, cache))
        with steer(model, vector, layer=1, strength=0.8, norm=NORM, positions=MODES[mode]):
            rest = model.model(
                input_ids=torch.tensor([ids[2:-1]]), use_cache=True, **named_cache(model.model, cache)
            ).logits[0]
            last = model.model(
                input_ids=torch.tensor([ids[-1:]]), use_cache=True, **named_cache(model.model, cache)
            ).logits[0]

    def change(layer: int, hidden: Tensor) -> Tensor:
        at = np.arange(len(hidden))
        chosen = torch.from_numpy(_chosen(mode, 0, len(ids), len(ids) - 1) & (at >= 2) & (layer == 1))
        return hidden + chosen[:, None] * torch.from_numpy(0.8 * NORM * vector / np.linalg.norm(vector)).float()

    expected = _reference(model, ids, change)[2:]
    torch.testing.assert_close(torch.cat([rest, last]), expected, atol=1e-4, rtol=1e-4)


def test_several_samples_of_a_row_share_its_vector(tiny_model: Model) -> None:
    model = tiny_model("llama")
    vectors = np.random.default_rng(2).standard_normal((2, model.hidden_size))
    ids, mask = pad_left([[0, 3, 4], [0, 5, 6]], model.device)
    wide, wide_mask = ids.repeat_interleave(3, dim=0), mask.repeat_interleave(3, dim=0)
    with torch.inference_mode(), steer(model, vectors, layer=1, strength=[0.5, -0.5], norm=NORM):
        few = model.model(ids, attention_mask=mask).logits
        many = model.model(wide, attention_mask=wide_mask).logits
        torch.testing.assert_close(many, few.repeat_interleave(3, dim=0))
        with pytest.raises(EmovecError, match="rows"):
            model.model(ids[:1], attention_mask=mask[:1])


@given(st.integers(1, 5), st.integers(0, 3))
def test_the_width_of_padding_changes_nothing(tiny_model: Model, extra: int, start: int) -> None:
    model = tiny_model("llama")
    vector = np.random.default_rng(4).standard_normal(model.hidden_size)
    own = [0, 3, 9, 12, 7]
    options: dict[str, Any] = {"layer": 1, "strength": 0.6, "norm": NORM, "positions": Span(start, start + 2)}
    with torch.inference_mode(), steer(model, vector, **options):
        alone = model.model(torch.tensor([own])).logits[0, -1]
        ids, mask = pad_left([own, list(range(3, 3 + len(own) + extra))], model.device)
        padded = model.model(ids, attention_mask=mask, position_ids=own_positions(mask)).logits[0, -1]
    torch.testing.assert_close(padded, alone, atol=1e-4, rtol=1e-4)


def test_vectors_carry_their_norms(tiny_model: Model, tiny_vectors: EmotionVectors) -> None:
    model = tiny_model("llama")
    chosen = tiny_vectors.best.sel(language="en", emotion="angry")
    for layer in (1, [1, 2]):
        found = intervene(chosen, layer=layer, strength=0.5)
        at = chosen.sel(layer=np.atleast_1d(layer))
        expected = at.values / np.linalg.norm(at.values, axis=-1, keepdims=True)
        np.testing.assert_allclose(found.directions[:, 0], expected, rtol=1e-6)
        np.testing.assert_allclose(found.lengths[:, 0], 0.5 * (3.0 + np.atleast_1d(layer)))
    assert intervene(chosen.sel(layer=2), layer=2, strength=1.0).lengths.item() == 5.0
    with pytest.raises(EmovecError, match="norm: this vector comes without"):
        intervene(chosen.values[0], layer=0)
    with steer(model, chosen):
        pass  # two thirds of four blocks
    languages = tiny_vectors.best.sel(emotion="angry")
    with pytest.raises(EmovecError, match="norms of their own"):
        intervene(languages, layer=1)
    assert intervene(languages, layer=1, norm=4.0).directions.shape[1] == 2
    assert two_thirds(4) == 3
    assert two_thirds(18) == 12


def test_a_vector_taken_from_a_layer_steers_there(tiny_model: Model, tiny_vectors: EmotionVectors) -> None:
    model = tiny_model("llama")
    at_1 = tiny_vectors.best.sel(language="en", emotion="angry", layer=1)
    with steer(model, at_1, strength=0.5):
        found = _generated(model, True)[2]
    with steer(model, at_1, layer=1, strength=0.5, norm=4.0):
        assert torch.equal(_generated(model, True)[2], found)
    for layer in (2, [1, 2]):
        with pytest.raises(EmovecError, match="residual norm of layer 1 only"), steer(model, at_1, layer=layer):
            pass
    with steer(model, at_1, layer=2, norm=5.0), steer(model, at_1, layer=2, project_out=True):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strength": float("nan")}, "finite number"),
        ({"strength": []}, "finite number"),
        ({"strength": [0.1, 0.2]}, "2 of them for 3"),
        ({"strength": 1e20}, "lower the strength"),
        ({"norm": -1.0}, "positive"),
        ({"norm": [1.0, 2.0]}, "one for each of 1"),
        ({"layer": [1, 1]}, "only once"),
        ({"positions": "answer"}, "none of all"),
        ({"positions": (1, 3)}, "give a Span"),
        ({"positions": Span(3, 1)}, "end before it starts"),
        ({"positions": []}, "give a Span"),
        ({"vector": np.zeros(8)}, "zero"),
        ({"vector": np.full(8, np.inf)}, "not finite"),
        ({"vector": np.ones((2, 2, 2))}, "shape"),
    ],
)
def test_what_can_t_be_done_is_refused(change: dict[str, Any], said: str) -> None:
    options: dict[str, Any] = {"vector": np.ones((3, 8)), "layer": 1, "norm": 1.0, **change}
    with pytest.raises(EmovecError, match=said):
        intervene(options.pop("vector"), **options)


def test_vectors_of_another_size_are_refused(tiny_model: Model) -> None:
    with pytest.raises(EmovecError, match="8 dimensions"), steer(tiny_model("llama"), np.ones(8), norm=1.0):
        pass


def test_characters_become_tokens(tiny_model: Model) -> None:
    model = tiny_model("llama")
    text = "w1 w22 w3 w4"
    assert character_span(model, text, 3, 6) == Span(2, 3)  # BOS is token 0
    assert character_span(model, text, 4, 8) == Span(2, 4)
    assert character_span(model, text, 0, 2, special_tokens=False) == Span(0, 1)
    with pytest.raises(EmovecError, match="no part of a text"):
        character_span(model, text, 5, 50)


def test_a_plain_transformers_model_will_do(tiny_model: Model) -> None:
    model = tiny_model("llama")
    vector = np.random.default_rng(5).standard_normal(model.hidden_size)
    with steer(model, vector, layer=1, strength=0.5, norm=NORM):
        expected = _generated(model, True)[2]
    with steer(model.model, vector, layer=1, strength=0.5, norm=NORM):
        assert torch.equal(_generated(model, True)[2], expected)


@pytest.mark.fault("U6")
def test_two_thirds_of_the_depth_is_one_layer_everywhere() -> None:
    values = np.random.default_rng(0).standard_normal((1, 2, 28, 4)).astype(np.float32)
    vectors = EmotionVectors.from_arrays(values, languages=["en"], emotions=["calm", "sad"])
    some = EmotionVectors.from_arrays(
        values[:, :, :3], languages=["en"], emotions=["calm", "sad"], layers=[4, 17, 27], provenance={"n_layers": 28}
    )
    for found, layer in ((vectors, 19), (some, 17)):
        assert two_thirds(28, found.layers) == usual_layer(found) == layer
        assert CHOICE.run(vectors=found, decoding=None, fixed_layer=None).summary["layer"] == layer
