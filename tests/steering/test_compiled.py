"""Compiled models: a graph made before a hook was added would pass it over, without a word."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import CompileConfig

from emovec.models.blocks import find_decoder
from emovec.models.eager import uncompiled
from emovec.models.intervene import steer
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.shared_prefix import log_probabilities_after
from emovec.steering.projections import read_texts
from tests.models.test_intervene import MODES, NEW, NORM, _generated

Model = Callable[..., LanguageModel]
WAYS = ("transformers", "blocks")


class _Counted:
    """A backend that compiles nothing, and counts how often its graphs run."""

    def __init__(self) -> None:
        self.runs = 0

    def __deepcopy__(self, _: dict[int, Any]) -> "_Counted":  # transformers copies its settings
        return self

    def __call__(self, graph: torch.fx.GraphModule, _inputs: list[Tensor]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self.runs += 1
            return graph.forward(*arguments)

        return run


def _compiled(model: LanguageModel, way: str) -> tuple[LanguageModel, _Counted, dict[str, Any]]:
    """A copy of a model that runs compiled, its counter, and what `generate` is to be told."""
    torch.compiler.reset()
    inner, counted, options = copy.deepcopy(model.model), _Counted(), {}
    if way == "transformers":
        config = CompileConfig(backend=counted, fullgraph=False, mode=None)  # type: ignore[arg-type]
        config._compile_all_devices = True
        options = {"cache_implementation": "static", "compile_config": config}
    elif way == "blocks":
        for block in find_decoder(inner, inner.config).blocks:
            block.compile(backend=counted)
    else:
        inner.model.compile(backend=counted)
        inner.forward = torch.compile(inner.forward, backend=counted)
    return replace(model, model=inner, decoder=find_decoder(inner, inner.config)), counted, options


@pytest.mark.fault("M1")
@pytest.mark.parametrize("way", WAYS)
def test_a_compiled_model_is_steered_as_an_uncompiled_one(tiny_model: Model, way: str) -> None:
    plain = tiny_model("llama")
    model, counted, options = _compiled(plain, way)
    vector = np.random.default_rng(3).standard_normal(model.hidden_size)
    unsteered = _generated(plain, True)
    for _ in range(2):
        assert _generated(model, True, **options)[0] == unsteered[0]
    ran = counted.runs
    assert ran > NEW - 2
    for mode in ("all", "generated"):
        how: dict[str, Any] = {"layer": 2, "strength": 2.0, "norm": NORM, "positions": MODES[mode]}
        with steer(plain, vector, **how):
            whole, _, expected = _generated(plain, True)
        with steer(model, vector, **how):
            again, _, logits = _generated(model, True, **options)
        assert whole != unsteered[0]
        assert again == whole
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
    assert counted.runs == ran
    assert _generated(model, True, **options)[0] == unsteered[0]
    assert counted.runs > ran  # compiled again after the block


@pytest.mark.fault("M1")
def test_what_is_compiled_after_steering_is_not_steered(tiny_model: Model) -> None:
    plain = tiny_model("llama")
    model, counted, options = _compiled(plain, "transformers")
    with steer(model, np.ones(model.hidden_size), layer=2, strength=2.0, norm=NORM):
        _generated(model, True, **options)
    assert counted.runs == 0
    assert _generated(model, True, **options)[0] == _generated(plain, True)[0]


@pytest.mark.fault("M1")
def test_a_wrapped_model_may_be_handed_in(tiny_model: Model) -> None:
    plain, counted = tiny_model("llama").model, _Counted()
    torch.compiler.reset()
    wrapped: Any = torch.compile(copy.deepcopy(plain), backend=counted)
    ids, vector = torch.tensor([[0, 5, 6, 7]]), np.ones(32)
    with torch.inference_mode():
        unsteered = wrapped(input_ids=ids).logits
        assert counted.runs
        with steer(plain, vector, layer=2, strength=2.0, norm=NORM):
            expected = plain(input_ids=ids).logits
        with steer(wrapped, vector, layer=2, strength=2.0, norm=NORM):
            torch.testing.assert_close(wrapped(input_ids=ids).logits, expected)
        torch.testing.assert_close(wrapped(input_ids=ids).logits, unsteered)


@pytest.mark.fault("M1")
def test_reading_and_asking_a_compiled_model(tiny_model: Model) -> None:
    plain = tiny_model("llama")
    model, counted, _ = _compiled(plain, "whole")
    texts, prompts = ["w1 w2 w3", "w4 w5 w6"], [[0, 5, 6], [7, 5, 8]]
    with torch.inference_mode():  # compiled, for the shapes that are to come
        model.decoder.module(input_ids=torch.tensor([[0, 4, 5, 6]] * 2), use_cache=False)
        model.model(input_ids=torch.tensor(prompts), use_cache=False)
    assert counted.runs
    np.testing.assert_allclose(read_texts(model, texts, [0, 2]), read_texts(plain, texts, [0, 2]), atol=1e-5)
    found, expected = (log_probabilities_after(each, prompts, [5, 6]) for each in (model, plain))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_overlapping_blocks_compile_again_only_after_the_last(tiny_model: Model) -> None:
    torch.compiler.reset()
    counted = _Counted()
    double: Any = torch.compile(nn.Linear(2, 2), backend=counted)
    first, second = uncompiled(), uncompiled()
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    double(torch.ones(1, 2))
    assert counted.runs == 0
    second.__exit__(None, None, None)
    double(torch.ones(1, 2))
    assert counted.runs == 1
