from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from emovec.errors import EmovecError
from emovec.models.generate import (
    chat_prompt,
    generate,
    has_chat_template,
    log_probabilities,
    token_log_probabilities,
)
from emovec.models.intervene import intervene, steer
from emovec.models.language_model import LanguageModel

Model = Callable[..., LanguageModel]
PROMPTS = ["w1 w2 w3", "w4", "w5 w6 w7 w8 w9 w10"]
AFTER = ["w11", "w12 w13 w14", "w15 w16"]
FAMILIES = ["llama", "qwen2", "gemma3", "gpt2"]


def _logits(model: LanguageModel, text: str) -> torch.Tensor:
    """[token, vocab] of one text alone."""
    ids = torch.tensor([model.tokenizer.encode([text])[0].ids])
    with torch.inference_mode():
        return model.model(ids, use_cache=False).logits[0].double()


@pytest.mark.parametrize("family", FAMILIES)
def test_log_probabilities_equal_one_text_at_a_time(tiny_model: Model, family: str) -> None:
    model = tiny_model(family)
    joined = [" " + text for text in AFTER]
    found = log_probabilities(model, PROMPTS, joined, batch_size=2)
    each = token_log_probabilities(model, PROMPTS, joined, batch_size=3)
    for prompt, after, total, tokens in zip(PROMPTS, joined, found, each, strict=True):
        ids = model.tokenizer.encode([prompt + after])[0].ids
        start = len(model.tokenizer.encode([prompt])[0].ids)
        logs = torch.log_softmax(_logits(model, prompt + after), dim=-1)
        expected = [float(logs[at - 1, ids[at]]) for at in range(start, len(ids))]
        np.testing.assert_allclose(tokens, expected, atol=1e-4)
        np.testing.assert_allclose(total, sum(expected), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_greedy_continuations_equal_one_step_at_a_time(tiny_model: Model, family: str, batch_size: int) -> None:
    model = tiny_model(family)
    found = generate(model, PROMPTS, max_new_tokens=5, batch_size=batch_size)
    for prompt, text in zip(PROMPTS, found, strict=True):
        ids = list(model.tokenizer.encode([prompt])[0].ids)
        start, end = len(ids), model.model.generation_config.eos_token_id
        while len(ids) < start + 5 and (len(ids) == start or ids[-1] != end):
            with torch.inference_mode():
                ids.append(int(model.model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        decoded, before = (
            model.tokenizer.tokenizer.decode(each, skip_special_tokens=True) for each in (ids, ids[:start])
        )
        assert text == decoded.removeprefix(before)


def test_sampling_follows_its_seed_and_leaves_the_global_one_alone(tiny_model: Model) -> None:
    model = tiny_model("llama")
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one, again, other = (generate(model, PROMPTS, max_new_tokens=8, temperature=1.5, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert torch.equal(torch.rand(1), expected)


def test_a_stop_text_ends_a_continuation_and_is_left_out(tiny_model: Model) -> None:
    model = tiny_model("llama")
    whole = generate(model, ["w1 w2 w3"], max_new_tokens=8)[0]
    stop = whole.split()[3]
    seen: list[str] = []
    cut = generate(model, ["w1 w2 w3"], max_new_tokens=8, stop=[stop], on_tokens=lambda texts: seen.append(texts[0]))[0]
    assert cut == whole.split(stop)[0]
    assert seen[-1] == cut
    assert len(seen) <= 4


@pytest.mark.parametrize(
    "setting",
    [
        {"num_beams": 3},
        {"suppress_tokens": list(range(3, 40))},
        {"sequence_bias": [[[20], 9.0]]},
        {"repetition_penalty": 5.0},
        {"min_p": 0.6},
        {"typical_p": 0.3},
        {"guidance_scale": 2.0},
        {"forced_eos_token_id": 7},
    ],
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_checkpoint_s_own_settings_bend_nothing(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch, setting: dict[str, Any], temperature: float
) -> None:
    model = tiny_model("llama")
    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": temperature, "seed": 3}
    expected = generate(model, PROMPTS, **options)
    for name, value in setting.items():
        monkeypatch.setattr(model.model.generation_config, name, value)
    assert generate(model, PROMPTS, **options) == expected


def test_an_exploded_model_is_told_of(tiny_model: Model) -> None:
    model = tiny_model("llama")
    push = replace(intervene(np.ones(model.hidden_size), layer=1, norm=1.0), lengths=torch.tensor([[torch.inf]]))
    for run in (
        lambda: generate(model, ["w1 w2"], max_new_tokens=2),
        lambda: log_probabilities(model, ["w1 w2"], [" w3"]),
    ):
        with pytest.raises(EmovecError, match="lower the strength"), steer(model, push):
            run()


def test_prompts_that_can_t_be_run_are_refused(tiny_model: Model) -> None:
    model = tiny_model("llama")
    with pytest.raises(EmovecError, match=r"'w1 w1 .* has 91 tokens, with 20 new ones more than the 96"):
        generate(model, ["\n".join(["w1"] * 90)], max_new_tokens=20)
    with pytest.raises(EmovecError, match="empty"):
        log_probabilities(model, [""], ["w1"], special_tokens=False)
    with pytest.raises(EmovecError, match="no token"):
        log_probabilities(model, ["w1"], [""])


def test_a_chat_template_writes_the_prompt(tiny_model: Model) -> None:
    model = tiny_model("llama")
    messages = [{"role": "user", "content": "w1 w2"}]
    assert not has_chat_template(model)
    with pytest.raises(EmovecError, match="base model"):
        chat_prompt(model, messages)
    tokenizer = model.tokenizer.tokenizer
    tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %} {{ m.role }} {{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %} assistant {% endif %}"
    )
    try:
        assert has_chat_template(model)
        assert chat_prompt(model, messages, prefill="w3 (") == "<bos> user w1 w2 assistant w3 ("
    finally:
        tokenizer.chat_template = None


def test_a_checkpoint_s_own_penalties_don_t_bend_greedy_search(tiny_model: Model) -> None:
    model = tiny_model("llama")
    plain = generate(model, PROMPTS, max_new_tokens=8)
    settings: Any = model.model.generation_config
    before = settings.repetition_penalty, settings.no_repeat_ngram_size
    settings.repetition_penalty, settings.no_repeat_ngram_size = 5.0, 1
    try:
        assert generate(model, PROMPTS, max_new_tokens=8) == plain
        penalised = model.model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=8)
    finally:
        settings.repetition_penalty, settings.no_repeat_ngram_size = before
    assert not torch.equal(penalised, model.model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=8))
