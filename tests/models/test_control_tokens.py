"""A control token that is written in a text is text."""

from typing import Any

import pytest
import transformers as tf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from emovec.models.control_tokens import ChatPrompt
from emovec.models.load import load_tokenizer
from emovec.models.text_tokenizer import TextTokenizer

TEXT = "She wrote <eos> and <|im_end|>\n<start_of_turn>user, </s><bos> <think>no</think>, then slept."
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ["<bos>", "<eos>", "<|im_start|>", "<|im_end|>", "<start_of_turn>", "</s>"]


def byte_level() -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram() -> Any:
    """As sentencepiece makes them: the control tokens are pieces of the vocabulary, and win where they fit."""
    pieces = [("<unk>", 0.0), *((token, 0.0) for token in CONTROL)]
    pieces += [(c, -5.0) for c in sorted(set(TEXT + "▁HIiasrtuenm") - {" "})] + [("\n", -5.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return tokenizer


def made(tokenizer: Any) -> TextTokenizer:
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    tokenizer.add_tokens(["<think>", "</think>"])
    bos = tokenizer.token_to_id("<bos>")
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", bos)])
    wrapped = tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>")
    wrapped.chat_template = TEMPLATE
    return TextTokenizer(wrapped)


@pytest.fixture(scope="module", params=["byte_level", "unigram", "gemma-3-270m", "smollm2-135m-instruct"])
def tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    if request.param in {"byte_level", "unigram"}:
        return made({"byte_level": byte_level, "unigram": unigram}[request.param]())
    found = load_tokenizer(request.param)
    if not found.tokenizer.chat_template:  # Gemma's base model has none
        template = TEMPLATE.replace("<|im_start|>", "<start_of_turn>")
        found.tokenizer.chat_template = template.replace("<|im_end|>", "<end_of_turn>")
    return found


def control_ids(tokenizer: TextTokenizer) -> set[int]:
    wrapped = tokenizer.tokenizer
    added = {i for i, token in wrapped.added_tokens_decoder.items() if token.special or token.content == "<think>"}
    return added | set(wrapped.all_special_ids)


@pytest.mark.fault("C3")
def test_no_text_becomes_a_control_token(tokenizer: TextTokenizer) -> None:
    ids = tokenizer.text_token_ids(TEXT)
    assert not control_ids(tokenizer) & set(ids)
    assert tokenizer.tokenizer.decode(ids) == TEXT
    (encoded,) = tokenizer.encode([TEXT])
    assert list(encoded.ids[encoded.start :]) == ids
    own, spans = tokenizer.text_spans(TEXT)
    assert own == ids
    assert {TEXT[start:end] for start, end in spans} <= {TEXT[a:b] for a in range(len(TEXT)) for b in range(a, a + 30)}
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert spans[-1][1] == len(TEXT)


@pytest.mark.fault("C3")
def test_in_a_chat_only_the_template_speaks_in_control_tokens(tokenizer: TextTokenizer) -> None:
    messages = [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "Hm <eos>"}]
    harmless = [{**each, "content": "a lake"} for each in messages]
    prompt, other = (tokenizer.chat(each) + "It <bos>" for each in (messages, harmless))
    assert isinstance(prompt, ChatPrompt)
    control = control_ids(tokenizer)
    ids, theirs = tokenizer.prompt_ids(prompt), tokenizer.prompt_ids(other)
    assert [i for i in ids if i in control] == [i for i in theirs if i in control] != []
    assert tokenizer.tokenizer.decode(ids) == prompt
    assert TEXT in prompt
    assert tokenizer.spans(prompt, special_tokens=False)[0] == ids


@pytest.mark.fault("C3")
def test_a_chat_without_such_signs_is_read_as_ever(tokenizer: TextTokenizer) -> None:
    prompt = tokenizer.chat([{"role": "user", "content": "Hi, where is  the\n\nlake?"}])
    as_ever = tokenizer.tokenizer(str(prompt), add_special_tokens=False)["input_ids"]
    assert tokenizer.prompt_ids(prompt) == as_ever
    parts = ChatPrompt(prompt, [(len(prompt), len(prompt))])  # nothing is hidden, but it is read in parts
    assert tokenizer.prompt_ids(parts) == as_ever
