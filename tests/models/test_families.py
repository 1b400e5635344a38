"""Every family is either right, against one plain text at a time, or refused in a sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from emovec.activations.extract import extract
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.models.behaviour import Behaviour
from emovec.models.check import check_model
from emovec.models.generate import generate, log_probabilities
from emovec.models.intervene import intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.models.passes import pass_faults
from emovec.models.positions import Span
from emovec.steering.experiments.shared_prefix import log_probabilities_after
from emovec.steering.experiments.word_effects import SplitFrame, word_log_probabilities
from tests.tiny_models import MORE_FAMILIES

Model = Callable[..., LanguageModel]
TEXTS = ("w1 w2 w3 w4 w5 w6 w7", "w8 w9 w10", " ".join(f"w{i}" for i in range(30)))
REFUSED = {"gemma3n": r"each of the blocks 0–3 gives an output of shape \[2, 1, 8, 32\]", "hrm_text": "no single list"}
RIGHT = [family for family in MORE_FAMILIES if family not in REFUSED]
SPLIT_UP = {"rwkv", "recurrent_gemma", "minimax"}
"""Those that read what stands in padding on the left."""

MODES = ("all", "prompt", "generated", "spans")
# `check_model` steers every family in every mode; here each has two, and one that mixes kinds of blocks all four.
STEERED = [
    (family, mode) for i, family in enumerate(RIGHT) for mode in (MODES if family == "jamba" else MODES[i % 2 :: 2])
]


def _plain(
    model: LanguageModel, ids: list[int], change: Callable[[Tensor], Tensor] | None = None, layer: int = 2
) -> tuple[dict[int, Tensor], Tensor]:
    """What each next block, or the final norm, is given, and the logits: one text, no padding, no cache.

    `change` stands between block `layer` and the next.
    """
    read: dict[int, Tensor] = {}

    def hook_of(below: int) -> Any:
        def hook(_module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
            given = arguments[0] if arguments else named["hidden_states"]
            if change is not None and below == layer:
                changed = change(given)
                return ((changed, *arguments[1:]), named) if arguments else ((), {**named, "hidden_states": changed})
            read[below] = given[0]
            return None

        return hook

    readers = [*list(model.blocks)[1:], model.decoder.final_norm]
    handles = [reader.register_forward_pre_hook(hook_of(k), with_kwargs=True) for k, reader in enumerate(readers)]
    try:
        with torch.inference_mode():
            logits = model.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    finally:
        for handle in handles:
            handle.remove()
    return read, logits


@pytest.mark.fault("M2")
@pytest.mark.fault("M3")
@pytest.mark.fault("M4")
@pytest.mark.fault("M8")
@pytest.mark.parametrize("family", RIGHT)
def test_check_holds(family: str, tiny_model: Model) -> None:
    checks = check_model(tiny_model(family), TEXTS)
    failed = [(check.name, check.error) for check in checks if not check.passed]
    if family == "mllama":
        assert [name for name, _ in failed] == [checks[0].name]
        assert "block 1 never runs on text" in checks[0].meaning
        assert "extraction.layers" in checks[0].meaning
    else:
        assert not failed
    assert len(checks) >= 10
    assert tiny_model(family).behaviour.pads_left == (family not in SPLIT_UP)


@pytest.mark.parametrize("family", RIGHT)
def test_extraction_equals_each_text_alone(family: str, tiny_model: Model, tmp_path: Path) -> None:
    model = tiny_model(family)
    stories = [Story(f"s{i}", "en", "sad", "t", text) for i, text in enumerate(TEXTS)]
    layers = [layer for layer in range(model.n_layers) if layer not in model.behaviour.faults]
    found = extract(model, stories, tmp_path, offset=2, layers=layers, sink_threshold=None, batch_tokens=200)
    for row, text in enumerate(TEXTS):
        encoded = model.tokenizer.encode([text])[0]
        read, _ = _plain(model, list(encoded.ids))
        assert len(read) >= model.n_layers - 1
        for layer in set(read) & set(layers):  # all but the last of GPT-1, which has no final norm to read it
            expected = read[layer][encoded.start + 2 :].double().mean(0).numpy()
            np.testing.assert_allclose(found.layer(layer, "en").values[row], expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("family", "mode"), STEERED)
def test_steered_text_equals_each_row_alone_without_a_cache(family: str, mode: str, tiny_model: Model) -> None:
    model = tiny_model(family)
    layer, new = (0 if model.n_layers == 2 else 2), 3
    spans = [Span(1, 3), Span(0, 2), Span(20, 29)]
    positions: Any = spans if mode == "spans" else mode
    vectors = np.random.default_rng(3).standard_normal((3, model.hidden_size))
    lengths = [2.0, 0.0, -3.0]
    pushed = [length * vector / np.linalg.norm(vector) for length, vector in zip(lengths, vectors, strict=True)]
    one_by_one = not model.behaviour.batches
    texts, written = list(TEXTS), []
    for rows in [[0], [1], [2]] if one_by_one else [[0, 1, 2]]:
        some = [spans[row] for row in rows] if mode == "spans" else positions
        what = intervene(vectors[rows], layer=layer, strength=[lengths[row] for row in rows], norm=1.0, positions=some)
        with steer(model, what):
            written += generate(model, [texts[row] for row in rows], max_new_tokens=new)
    for row, text in enumerate(texts):
        prompt = list(model.tokenizer.encode([text])[0].ids)
        ids = list(prompt)

        def change(hidden: Tensor, row: int = row, n_prompt: int = len(prompt)) -> Tensor:
            at = torch.arange(hidden.shape[1])
            span = spans[row]
            chosen = {
                "all": at >= 0, "prompt": at < n_prompt, "generated": at >= n_prompt,
                "spans": (at >= span.start) & (at < span.stop),
            }[mode]  # fmt: skip
            return hidden + chosen[None, :, None] * torch.from_numpy(pushed[row]).float()

        for _ in range(new):
            ids.append(int(_plain(model, ids, change, layer)[1][-1].argmax()))
            if ids[-1] == 1:  # EOS
                break
        own = [i for i in ids[len(prompt) :] if i > 2]
        assert written[row].split() == model.token_texts(own)


@pytest.mark.parametrize("family", [*sorted(SPLIT_UP), "mamba", "jamba", "mllama"])
def test_shared_beginnings_and_words_are_right_for_every_kind_of_cache(family: str, tiny_model: Model) -> None:
    model = tiny_model(family)
    prompts = [[0, 4, 5, 6, 7], [0, 4, 5, 9], [0, 4, 5, 9, 10, 11]]
    alone = [torch.log_softmax(_plain(model, ids)[1][-1].double(), -1)[[3, 8]].tolist() for ids in prompts]
    np.testing.assert_allclose(log_probabilities_after(model, prompts, [3, 8]), alone, atol=1e-4)
    batch = log_probabilities(model, TEXTS, [" w4"] * len(TEXTS))
    for text, value in zip(TEXTS, batch, strict=True):
        *before, last = model.tokenizer.encode([f"{text} w4"])[0].ids
        expected = torch.log_softmax(_plain(model, before)[1][-1].double(), -1)[last]
        assert value == pytest.approx(float(expected), abs=1e-3)
    split = SplitFrame((0, 4, 5), ((6,), (7, 8), (9, 10, 11)))
    found = word_log_probabilities(model, split, np.ones((1, model.hidden_size)), np.zeros(1), layer=0)
    for word, value in zip(split.words, found[0], strict=True):
        logs = torch.log_softmax(_plain(model, [*split.prefix, *word])[1].double(), -1)
        expected = sum(float(logs[len(split.prefix) - 1 + i, token]) for i, token in enumerate(word))
        assert value == pytest.approx(expected, abs=1e-4)


@pytest.mark.fault("M2")
@pytest.mark.parametrize("family", REFUSED)
def test_what_can_t_be_read_is_refused_when_it_is_loaded(family: str, tiny_model: Model) -> None:
    with pytest.raises(EmovecError, match=REFUSED[family]):
        tiny_model(family)


@pytest.mark.fault("M2")
def test_a_block_that_never_runs_is_refused_before_and_while_it_runs(tiny_model: Model, tmp_path: Path) -> None:
    model = tiny_model("mllama")
    assert model.behaviour.faults == {1: "never runs on text"}
    sentence = r"can't be read or steered at layer 1: block 1 never runs on text.*extraction\.layers.* of 0, 2, 3\."
    with pytest.raises(EmovecError, match=sentence):
        extract(model, [Story("s", "en", "sad", "t", TEXTS[2])], tmp_path / "out", offset=2)
    assert not (tmp_path / "out").exists()
    vector = np.ones(model.hidden_size)
    with pytest.raises(EmovecError, match=sentence), steer(model, vector, layer=1, norm=1.0):
        pass
    with pytest.raises(EmovecError, match=sentence), steer(model.model, vector, layer=1, norm=1.0):
        model.model(input_ids=torch.tensor([[3, 4, 5]]))


@pytest.mark.fault("M2")
def test_a_block_that_runs_twice_is_refused(tiny_folder: Callable[..., Path]) -> None:
    from emovec.models.load import load_model

    model = load_model(str(tiny_folder("llama")), device="cpu")
    plain = model.blocks[2].forward

    def twice(hidden: Tensor, *rest: Any, **named: Any) -> Tensor:
        return model.blocks[1](plain(hidden, *rest, **named), *rest, **named)

    model.blocks[2].forward = twice
    ids = torch.tensor([[3, 4, 5]])
    assert pass_faults(model.decoder, ids) == {1: "runs 2 times in a pass"}
    steered = steer(model, np.ones(model.hidden_size), layer=1, norm=1.0)
    with pytest.raises(EmovecError, match="block 1 runs several times in a pass"), steered, torch.inference_mode():
        model.model(input_ids=ids)
    assert model.behaviour == Behaviour()  # the model as it was loaded
