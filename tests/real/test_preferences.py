"""Questions put to real models: answers are where they are read, and both letters get most of the probability."""

import numpy as np
import pytest
import torch

from emovec import load_model
from emovec.languages.load import load_language
from emovec.models.form import talks
from emovec.models.intervene import intervene, steer
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.activities import load_activities
from emovec.steering.experiments.questions import answer_tokens, questions
from emovec.steering.experiments.shared_prefix import log_probabilities_after, shared_length

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=["smollm2-135m-instruct", "gemma-3-270m"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return load_model(request.param, device="cpu")


def test_a_few_questions_equal_one_run_for_each_also_when_steered(model: LanguageModel) -> None:
    activities = load_activities(["en"])[::8]
    put = questions(model, load_language("en"), [(activities[0], other) for other in activities[1:]])
    tokens = answer_tokens(model, load_language("en"))
    assert model.token_texts(tokens) == ["A", "B"]
    assert talks(model) == model.tokenizer.tokenizer.decode(put[0].ids).startswith("<|im_start|>")
    prompts = [question.ids for question in put]
    assert shared_length(prompts) > max(len(ids) for ids in prompts) / 2
    vector, layer = np.random.default_rng(0).normal(size=model.hidden_size), 2 * model.n_layers // 3

    def steered(positions: object) -> object:
        return steer(model, intervene(vector, layer=layer, norm=100.0, strength=0.2, positions=positions))  # type: ignore[arg-type]

    spans = [question.second for question in put]
    for positions in ("all", spans):
        found = log_probabilities_after(model, prompts, tokens, steered=steered, positions=positions)  # type: ignore[arg-type]
        for i, ids in enumerate(prompts):
            with torch.inference_mode(), steered(positions if positions == "all" else spans[i]):  # type: ignore[attr-defined]
                logits = model.model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
            expected = torch.log_softmax(logits.double(), -1)[list(tokens)].numpy()
            np.testing.assert_allclose(found[i], expected, atol=1e-4)
    unsteered = log_probabilities_after(model, prompts, tokens)
    assert np.exp(unsteered).sum(1).min() > 0.5
