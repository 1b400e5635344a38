import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task, eval
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolCall
from transformers import AutoTokenizer

from emovec.errors import EmovecError
from emovec.models.generate import chat_prompt, generate
from emovec.models.intervene import steer
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.steering.conditions import random_direction
from emovec.steering.inspect.server import Request, Sampling, Server, Steering
from emovec.vectors.emotion_vectors import EmotionVectors

TEMPLATE = (
    "<bos> {% for m in messages %}{{ {'system': 'w1', 'user': 'w2', 'assistant': 'w3'}[m.role] }} {{ m.content }} "
    "{% endfor %}{% if add_generation_prompt %}w3 {% endif %}"
)
QUESTION = "w10 w11 w12"


@pytest.fixture(scope="module")
def folder(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny llama with a chat template, and vectors beside it."""
    made = tmp_path_factory.mktemp("chat") / "llama"
    shutil.copytree(tiny_folder("llama"), made)
    tokenizer = AutoTokenizer.from_pretrained(made)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(made)
    model = load_model(str(made), device="cpu")
    shape = (2, 3, model.n_layers, model.hidden_size)
    EmotionVectors.from_arrays(
        np.random.default_rng(0).standard_normal(shape).astype(np.float32),
        languages=["en", "ja"],
        emotions=["angry", "calm", "sad"],
        residual_norm=np.full((2, model.n_layers), 4.0, np.float32),
        model=model.id,
        provenance={"revision": model.revision},
    ).save(made / "vectors.safetensors")
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> LanguageModel:
    return load_model(str(folder), device="cpu")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))


def served(folder: Path, **arguments: Any) -> Model:
    given = {"device": "cpu", "vectors": str(folder / "vectors.safetensors"), **arguments}
    return get_model(f"emovec/{folder}", memoize=False, **given)


def ask(model: Model, text: Any = QUESTION, cache: bool = False, **config: Any) -> ModelOutput:
    return asyncio.run(model.generate(text, config=GenerateConfig(**{"max_tokens": 8, **config}), cache=cache))


def expected(model: LanguageModel, folder: Path, emotion: str, **options: Any) -> str:
    """The answer without Inspect, by the public functions."""
    language = options.pop("language", "en")
    vector = EmotionVectors.load(folder / "vectors.safetensors").best.sel(language=language, emotion=emotion)
    prompt = chat_prompt(model, [{"role": "user", "content": QUESTION}])
    with steer(model, vector, **options):
        return generate(model, [prompt], max_new_tokens=8, special_tokens=False)[0]


def test_a_steered_answer_is_that_of_the_steered_model_and_differs(folder: Path, model: LanguageModel) -> None:
    unsteered = ask(served(folder)).completion
    prompt = chat_prompt(model, [{"role": "user", "content": QUESTION}])
    assert unsteered == generate(model, [prompt], max_new_tokens=8, special_tokens=False)[0]
    steered = ask(served(folder, emotion="angry", strength=3)).completion
    assert steered == expected(model, folder, "angry", strength=3)
    assert steered != unsteered


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"layer": 1}, {"layer": 1}),
        ({"layer": [0, 2]}, {"layer": [0, 2]}),
        ({"language": "ja"}, {"language": "ja"}),
        ({"positions": "generated"}, {"positions": "generated"}),
        ({"project_out": True}, {"project_out": True}),
    ],
)
def test_arguments_reach_the_steering(
    folder: Path, model: LanguageModel, arguments: dict[str, Any], options: dict[str, Any]
) -> None:
    steered = ask(served(folder, emotion="calm", strength=2, **arguments)).completion
    assert steered == expected(model, folder, "calm", strength=2, **options)


def test_several_emotions_and_random_controls(folder: Path, model: LanguageModel) -> None:
    vectors = EmotionVectors.load(folder / "vectors.safetensors").best.sel(language="en")
    prompt = chat_prompt(model, [{"role": "user", "content": QUESTION}])
    with steer(model, vectors.sel(emotion="angry"), strength=2), steer(model, vectors.sel(emotion="sad"), strength=-1):
        both = generate(model, [prompt], max_new_tokens=8, special_tokens=False)[0]
    assert ask(served(folder, emotion=["angry", "sad"], strength=[2, -1])).completion == both
    with steer(model, random_direction(model.hidden_size, 0, 2), strength=3, norm=4.0):
        control = generate(model, [prompt], max_new_tokens=8, special_tokens=False)[0]
    assert ask(served(folder, emotion="random 2", strength=3)).completion == control


def test_the_cache_never_gives_a_steered_model_another_ones_answer(folder: Path) -> None:
    kinds = [{}, {"emotion": "angry", "strength": 3}, {"emotion": "angry", "strength": 2}, {"emotion": "calm"}]
    plain = [ask(served(folder, **kind)).completion for kind in kinds]
    assert len(set(plain)) > 1
    for _ in range(2):
        outputs = [ask(served(folder, **kind), cache=True) for kind in kinds]
        assert [output.completion for output in outputs] == plain
    # The same steering is found again: what is kept is what is given.
    model = served(folder, **kinds[1])
    model.api._server = None  # pyright: ignore[reportAttributeAccessIssue]
    assert ask(model, cache=True).completion == plain[1]
    assert len({served(folder, **kind).api.base_url for kind in kinds}) == len(kinds)


def test_other_weights_and_other_vectors_are_told_apart(folder: Path, tmp_path: Path) -> None:
    vectors = EmotionVectors.load(folder / "vectors.safetensors")
    changed = vectors.raw.copy()
    changed.loc[{"emotion": "angry", "language": "en"}] += 1
    EmotionVectors.from_arrays(
        changed.drop_vars("residual_norm", errors="ignore"), residual_norm=np.full((2, 4), 4.0)
    ).save(tmp_path / "vectors.safetensors")
    first = served(folder, emotion="angry").api.base_url
    assert served(folder, emotion="angry", vectors=str(tmp_path / "vectors.safetensors")).api.base_url != first
    assert served(folder, emotion="angry", positions="prompt").api.base_url != first
    assert served(folder, emotion="angry", dtype="bfloat16").api.base_url != first
    assert served(folder, emotion="angry").api.base_url == first


def test_requests_that_come_together_are_answered_as_alone(folder: Path) -> None:
    model = served(folder, emotion="angry", strength=2, batch_size=3)
    texts = [" ".join(f"w{(i * j) % 50}" for j in range(2, 4 + i)) for i in range(7)]
    alone = [ask(model, text).completion for text in texts]
    sizes: list[int] = []
    server = model.api._server  # pyright: ignore[reportAttributeAccessIssue]
    run = server._run
    server._run = lambda batch: (sizes.append(len(batch)), run(batch))

    async def together() -> list[ModelOutput]:
        return list(await asyncio.gather(*(model.generate(t, config=GenerateConfig(max_tokens=8)) for t in texts)))

    assert [output.completion for output in asyncio.run(together())] == alone
    assert sum(sizes) == 7
    assert max(sizes) == 3


def test_sampling_follows_its_seed_whatever_else_is_asked(folder: Path) -> None:
    model = served(folder)
    alone = ask(model, temperature=1.5, seed=4).completion
    assert ask(model, temperature=1.5, seed=5).completion != alone

    async def together() -> list[ModelOutput]:
        config = GenerateConfig(max_tokens=8, temperature=1.5, seed=4)
        return list(await asyncio.gather(*(model.generate(text, config=config) for text in ("w7 w8", QUESTION))))

    assert asyncio.run(together())[1].completion == alone
    several = ask(model, temperature=1.5, seed=4, num_choices=2)
    assert [choice.message.text for choice in several.choices] == [
        alone,
        ask(model, temperature=1.5, seed=5).completion,
    ]


def test_usage_and_stop_reasons(folder: Path, model: LanguageModel) -> None:
    output = ask(served(folder))
    prompt = chat_prompt(model, [{"role": "user", "content": QUESTION}])
    n_read = len(model.text_token_ids(prompt))
    words = output.completion.split()
    assert output.usage is not None
    assert (output.usage.input_tokens, output.usage.output_tokens) == (n_read, 8)
    assert output.stop_reason == "max_tokens"
    assert len(words) == 8
    new = next(i for i in range(1, 8) if words[i] not in words[:i])
    stopped = ask(served(folder), stop_seqs=[words[new]])
    assert stopped.stop_reason == "stop"
    assert stopped.completion.split() == words[:new]
    long = ask(served(folder), " ".join(["w5"] * 95))
    assert (long.stop_reason, long.completion) == ("model_length", "")
    tight = ask(served(folder), " ".join(["w5"] * 90), max_tokens=50)
    assert tight.usage is not None
    assert tight.usage.total_tokens <= 96


def test_roles_and_prefilled_answers(folder: Path, model: LanguageModel) -> None:
    messages = [ChatMessageSystem(content="w20"), ChatMessageUser(content="w21"), ChatMessageAssistant(content="w22")]
    turns = [{"role": "system", "content": "w20"}, {"role": "user", "content": "w21"}]
    prompt = chat_prompt(model, turns, prefill="w22")
    assert (
        ask(served(folder), messages).completion == generate(model, [prompt], max_new_tokens=8, special_tokens=False)[0]
    )


def test_a_base_model_says_so_or_reads_plain_text(tiny_folder: Callable[..., Path]) -> None:
    name = f"emovec/{tiny_folder('llama')}"
    with pytest.raises(EmovecError, match="plain=true"):
        ask(get_model(name, memoize=False, device="cpu"))
    base = load_model(str(tiny_folder("llama")), device="cpu")
    wanted = generate(base, [f"User: {QUESTION}\n\nAssistant:"], max_new_tokens=8)[0]
    assert ask(get_model(name, memoize=False, device="cpu", plain=True)).completion == wanted


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"emotion": "agry"}, "did you mean 'angry'?"),
        ({"emotoin": "angry"}, "the nearest is 'emotion'"),
        ({"emotion": "angry", "language": "fr"}, "there are no vectors for 'fr'; there are for"),
        ({"emotion": "angry", "layer": 9}, "layer"),
        ({"emotion": "angry", "layer": "deep"}, "give a whole number"),
        ({"emotion": "angry", "strength": [1, 2]}, "2 of them for 1 emotions"),
        ({"emotion": "angry", "positions": "some"}, "all, prompt, generated"),
        ({"emotion": "angry", "vectors": None}, "steering takes vectors"),
        ({"emotion": "angry", "vectors": "none.safetensors"}, "no such file"),
        ({"emotion": "angry", "layer": 1.5}, "-M layer=1.5: give a whole number"),
        ({"emotion": "angry", "layer": -1}, "no vector for layer -1"),
        ({"emotion": "angry", "strength": True}, "-M strength=True: give a number"),
        ({"emotion": "angry", "strength": float("nan")}, "no finite number"),
        ({"emotion": "angry", "project_out": "perhaps"}, "-M project_out=perhaps: give true or false"),
        ({"plain": 2}, "-M plain=2: give true or false"),
        ({"batch_size": 0}, "-M batch_size=0: give a whole number, 1 or more"),
        ({"batch_size": 2.5}, "-M batch_size=2.5: give a whole number"),
        ({"threads": 0}, "-M threads=0: give a whole number"),
        ({"threads": "many"}, "-M threads=many: give a whole number"),
        ({"dtype": "float8"}, "'float8' is none of auto"),
        ({"device": "abacus"}, "'abacus' can't be used here"),
    ],
)
def test_what_is_wrong_is_said_before_the_evaluation(folder: Path, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PrerequisiteError) as caught:
        served(folder, **arguments)
    assert said in str(caught.value.message)


def test_tools_are_refused(folder: Path) -> None:
    from inspect_ai.tool import think

    with pytest.raises(EmovecError, match="no tools"):
        asyncio.run(served(folder).generate("w1", tools=[think()]))


def test_a_conversation_with_calls_of_tools_is_refused(folder: Path) -> None:
    call = ChatMessageAssistant(content="w1", tool_calls=[ToolCall(id="1", function="f", arguments={})])
    for message in (call, ChatMessageTool(content="w2", tool_call_id="1")):
        with pytest.raises(EmovecError, match="call no tools"):
            ask(served(folder), [ChatMessageUser(content="w1"), message])


def test_a_request_given_up_takes_no_other_like_it_along(model: LanguageModel) -> None:
    server = Server(model, Steering(), batch_size=8)

    async def two() -> str | None:
        alike = [Request("w1 w2", Sampling(2, temperature=1.0, seed=0)) for _ in range(2)]
        async with server._turn:
            first, second = (asyncio.create_task(server.answer(each)) for each in alike)
            await asyncio.sleep(0.01)
            second.cancel()
            await asyncio.sleep(0.01)
        return (await first).text

    assert asyncio.run(two())
    assert not server._waiting


def test_one_that_fails_fails_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emovec.steering.inspect import server as module

    whole = module._generate

    def fails(model: LanguageModel, batch: list[Any]) -> None:
        if any("w13" in each.prompt for each in batch):
            raise EmovecError("no")
        whole(model, batch)

    monkeypatch.setattr(module, "_generate", fails)
    model = served(folder)

    async def together() -> list[Any]:
        asked = (model.generate(text, config=GenerateConfig(max_tokens=4)) for text in ("w5", "w13", "w6"))
        return list(await asyncio.gather(*asked, return_exceptions=True))

    first, second, third = asyncio.run(together())
    assert isinstance(second, EmovecError)
    assert first.completion
    assert third.completion


def test_an_evaluation_keeps_the_steering_in_its_log(folder: Path, tmp_path: Path) -> None:
    task = Task(dataset=[Sample(QUESTION, target="w"), Sample("w30 w31", target="w")], scorer=includes())
    model = served(folder, emotion="angry", strength=2)
    log = eval(task, model=model, log_dir=str(tmp_path), max_tokens=4, display="none")[0]
    assert log.status == "success"
    assert log.eval.model_args["emotion"] == "angry"
    assert log.samples is not None
    facts = (log.samples[0].output.metadata or {})["steering"]
    steered_by = {"kind": "emotion", "name": "angry", "vector_language": "en", "layer": 3, "strength": 2.0}
    assert facts == {"steered_by": [steered_by], "positions": "all", "project_out": False}


@pytest.mark.fault("M6")
def test_a_base_model_with_a_template_is_asked_in_plain_text(folder: Path, tmp_path: Path) -> None:
    base = shutil.copytree(folder, tmp_path / "Qwen2.5-7B")
    with pytest.raises(EmovecError, match="is a base model; take its instruct version"):
        ask(served(base))
    plain = ask(served(base, plain=True)).completion
    assert plain == ask(served(base, form="plain")).completion == ask(served(folder, form="plain")).completion
    assert ask(served(base, form="chat")).completion == ask(served(folder)).completion != plain
    with pytest.raises(PrerequisiteError, match="none of auto, plain, chat"):
        served(base, form="talk")


@pytest.mark.fault("M6")
def test_thinking_is_no_part_of_an_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter(["<think> w1 </think> w2", "w3", "<think> w1"])

    def fake(_model: LanguageModel, prompts: list[str], **_: Any) -> list[str]:
        return [next(texts) for _ in prompts]

    monkeypatch.setattr("emovec.models.form.generate", fake)
    found = [ask(served(folder)) for _ in range(3)]
    assert [each.completion for each in found] == ["w2", "w3", ""]
    assert [(each.metadata or {}).get("thinking_removed") for each in found] == [1, None, 1]
