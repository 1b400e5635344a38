"""How a model is asked, and what of its text is its answer."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.models.answers import Answer, answer_of
from emovec.models.form import ask, named_for_chat, require_form, spoken, talks
from emovec.models.generate import chat_prompt
from emovec.models.language_model import LanguageModel
from emovec.steering.experiments.activities import Activity
from emovec.steering.experiments.questions import chat_question, question_format

Model = Callable[..., LanguageModel]
ENDED = "{% for m in messages %}<u> {{ m['content'] }} <eos> {% endfor %}{% if add_generation_prompt %}<a>{% endif %}"


@pytest.fixture
def model(tiny_model: Model) -> Generator[LanguageModel]:
    """A tiny model with a template whose turns end with its own stop token."""
    found = tiny_model("llama")
    found.tokenizer.tokenizer.chat_template = ENDED
    try:
        yield found
    finally:
        found.tokenizer.tokenizer.chat_template = None


@pytest.mark.fault("M6")
@pytest.mark.parametrize(
    ("name", "chat"),
    {
        "Qwen/Qwen2.5-7B": False,
        "Qwen/Qwen2.5-7B-Instruct": True,
        "Qwen/Qwen2.5-Coder-1.5B": False,
        "Qwen/Qwen3-8B": None,
        "Qwen/Qwen3-8B-Base": False,
        "Qwen/Qwen3-4B-Thinking-2507": True,
        "google/gemma-3-4b-pt": False,
        "google/gemma-3-4b-it": True,
        "meta-llama/Llama-3.1-8B": False,
        "meta-llama/Llama-3.1-8B-Instruct": True,
        "meta-llama/Llama-2-7b-hf": False,
        "mistralai/Mistral-7B-v0.3": False,
        "mistralai/Mistral-7B-Instruct-v0.3": True,
        "allenai/OLMo-2-1124-7B": False,
        "allenai/Olmo-3-7B-Think": True,
        "openai/gpt-oss-20b": None,
        "microsoft/phi-4": None,
        "me/qwen2.5-7b-angry": None,
        "/data/Qwen2.5-7B": False,
        "/cache/models--Qwen--Qwen2.5-7B/snapshots/ab12": False,
        "files/Qwen2.5-7B-Instruct.Q4_K_M.gguf": True,
        "files/Qwen2.5-7B-Q4_K_M.gguf": False,
        "files/Qwen2.5-7B-IQ3_XXS.gguf": False,
        "files/Qwen2.5-7B-UD-Q4_K_XL-00001-of-00002.gguf": False,
        "/cache/models--lab--chat/snapshots/ab12/Qwen2.5-7B.Q4_K_M.gguf": False,
        "Qwen/Qwen1.5-MoE-A2.7B": False,
        "meta-llama/Llama-3.2-11B-Vision": False,
        "google/gemma-2-2b-jpn-it": True,
        "baidu/ERNIE-4.5-0.3B-PT": None,
        "me/Make-it-so-7B": None,
        "me/Llama-3.1-8B-base-finetuned": None,
        "./mine": None,
        "./llama": None,
    }.items(),
)
def test_names_tell_base_models(name: str, chat: bool | None) -> None:
    assert named_for_chat(name) is chat


@pytest.mark.fault("M6")
def test_a_base_model_with_a_template_is_asked_in_plain_text(model: LanguageModel) -> None:
    assert talks(replace(model, id="mine"))
    base = replace(model, id="Qwen/Qwen2.5-7B")
    assert not talks(base)
    assert spoken(base, "w1") == ("w1", False)
    assert talks(base, "chat")
    assert not talks(replace(model, id="x-instruct"), "plain")
    assert question_format(base, load_language("en")).startswith("Each question below")
    assert question_format(base, load_language("en"), "chat").startswith("<u>")
    # The name says nothing, and the model doesn't stop at the end of a turn.
    model.tokenizer.tokenizer.chat_template = ENDED.replace("<eos>", "<unk>")
    assert not talks(replace(model, id="mine"))
    model.tokenizer.tokenizer.chat_template = None
    with pytest.raises(EmovecError, match=r"steering\.form: mine has no chat template"):
        talks(replace(model, id="mine"), "chat")
    with pytest.raises(EmovecError, match="none of auto, plain, chat"):
        require_form("cha")


@pytest.mark.fault("M6")
def test_where_the_name_does_not_say_the_form_is_told_once(
    model: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="emovec")
    for name in ("told-once", "told-once", "x-instruct", "Qwen/Qwen2.5-7B"):
        talks(replace(model, id=name))
    assert [record.getMessage() for record in caplog.records] == [
        "Its name doesn't say whether told-once was trained on conversations; it is asked through its chat template, "
        "since it stops where the template ends a turn. If that is wrong, set steering.form to plain, or give `form`."
    ]


@pytest.mark.fault("M6")
@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("yes", Answer("yes")),
        ("<think>\nno, or\n</think>\n\nyes", Answer("yes", True)),
        ("no, or</think>yes", Answer("yes", True)),
        ("<think>no, or no", Answer("", True)),
        ("[THINK]no[/THINK]yes", Answer("yes", True)),
        (
            "<|channel|>analysis<|message|>no<|end|><|start|>assistant<|channel|>final<|message|>yes",
            Answer("yes", True),
        ),
        ("<|channel|>analysis<|message|>no, or", Answer("", True)),
        ("<|channel|>final<|message|>yes<|return|>", Answer("yes")),
        ("yes<|end|><|start|>assistant<|channel|>analysis<|message|>no", Answer("yes", True)),
        ("<|channel|>final <|constrain|>json<|message|>yes<|return|>", Answer("yes")),
        ("<|channel>thought\nno, or<channel|>yes", Answer("yes", True)),
        ("<thought>no</thought>\nyes", Answer("yes", True)),
    ],
)
def test_thinking_is_no_part_of_the_answer(written: str, answer: Answer) -> None:
    assert answer_of(written) == answer


@pytest.mark.fault("M6")
def test_thinking_is_switched_off_in_the_prompt(model: LanguageModel) -> None:
    def prompt(end: str) -> str:
        model.tokenizer.tokenizer.chat_template = "{{ messages[0]['content'] }}" + end
        return chat_prompt(model, [{"role": "user", "content": "w1"}], prefill="(")

    assert prompt("{% if enable_thinking is defined and not enable_thinking %} off {% endif %}") == "w1 off ("
    assert prompt("{% if thinking is defined and not thinking %} off {% endif %}") == "w1 off ("
    assert prompt(" <think>\n") == "w1 <think>\n\n</think>\n\n("
    assert prompt(" <thought>\n") == "w1 <thought>\n\n</thought>\n\n("
    assert prompt(" <|start|>assistant") == "w1 <|start|>assistant<|channel|>final<|message|>("


@pytest.mark.fault("M6")
def test_an_answer_ends_where_the_model_stopped(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {"w1": "w2 <eos> w3", "w4 w5": "w6 w7 w8"}
    tokenizer = model.tokenizer.tokenizer

    def fake(ids: Any, **_: object) -> Any:
        rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in written.values()]
        new = ids.new_tensor([row[:3] for row in rows])
        return __import__("torch").cat([ids, new], dim=1)

    monkeypatch.setattr(model.model, "generate", fake)
    assert [each.text.strip() for each in ask(model, list(written))] == ["w2", "w6 w7 w8"]


@pytest.mark.fault("U6")
def test_a_language_without_a_question_is_refused() -> None:
    with pytest.raises(EmovecError, match=r"steering.languages: .*fr.yaml has no preferences; add what is missing"):
        load_language("fr").require("steering.languages", "preferences")
    british = load_language("en-GB")
    assert "Would you prefer" in chat_question(british, *(Activity(t, "x", "en-GB", t) for t in ("sing", "sleep")))
