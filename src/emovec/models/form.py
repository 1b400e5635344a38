"""How a model is asked: through its chat template or in plain text, and what of its answer is the answer.

A tokenizer may bring a chat template though the model was never trained on conversations: base models of some families
share it with their instruct versions.
"""

import logging
import re
from collections.abc import Sequence
from functools import cache
from pathlib import PurePath
from typing import Any, Literal, get_args

from emovec.errors import EmovecError
from emovec.models.answers import Answer, answer_of
from emovec.models.generate import chat_prompt, generate, has_chat_template
from emovec.models.language_model import LanguageModel

Form = Literal["auto", "plain", "chat"]
"""`chat`: through the chat template; `plain`: as text to continue; `auto`: as the model was trained."""
FORMS: tuple[Form, ...] = get_args(Form)

log = logging.getLogger(__name__)

_CHAT = re.compile(
    r"(instruct\w*|chat(bot)?|sft|dpo|rlhf|rlvr|think|thinking|reason\w*|r1|assistant|(open)?hermes|zephyr|vicuna|tulu)"
)
_BASE = re.compile(r"(base|pretrain\w*|foundation)")
# Of Gemma's names alone: elsewhere "it" is a word or Italian, "pt" PyTorch (ERNIE-4.5-PT, which talks) or Portuguese.
_GEMMA = {"it": True, "pt": False}
_TUNED = re.compile(r"(fine)?tuned?|finetun\w+|ft|q?lora|merged?|distill\w*")
# Families whose bare name, such as Qwen2.5-7B, is that of the base model; Qwen3-8B was trained to talk.
_FAMILY = re.compile(
    r"((code|meta)?llama\d*|(code)?qwen(1\.5|2|2\.5)?|mi[sx]tral|(code|recurrent)?gemma\d?|smollm2?|olmoe?\d?|yi|"
    r"falcon|stablelm|internlm2?|apertus)"
)
_SIZE = re.compile(r"[ae]?\d+(\.\d+)?[bm]|\d+x\d+b")
_PLAIN_WORDS = re.compile(
    r"(v?\d+(\.\d+)*|[ae]?\d+(\.\d+)?[bm]|\d+x\d+b|\d+e|\d+k|3n|hf|meta|coder|code|python|math|moe|vl|vision|scout|"
    r"maverick|gguf|awq|gptq|fp8|bf16|f16|f32|i?q\d|\w?\d?[kms0]|x+[sl]|nl|\d+bit|int\d|w\d+a\d+|quantized|bnb|unsloth|ud|"
    r"i1|imat|imatrix|of)"
)


def require_form(form: str, where: str = "steering.form") -> Form:
    """The form, if it is one.

    Raises:
        EmovecError: if it is none of auto, plain, chat.
    """
    if form not in FORMS:
        raise EmovecError(f"{where}: '{form}' is none of {', '.join(FORMS)}.")
    return form  # pyright: ignore[reportReturnType]


def talks(model: LanguageModel, form: Form = "auto") -> bool:
    """Whether a model is to be asked through its chat template.

    `auto` takes the template unless the model is a base model: by its name, or since it doesn't stop at the token that
    ends a turn in the template, which training on conversations would have taught it.

    Raises:
        EmovecError: if `chat` is asked of a model without a template.
    """
    if form == "plain":
        return False
    if not has_chat_template(model):
        if form == "chat":
            raise EmovecError(f"steering.form: {model.id} has no chat template; set it to plain or auto.")
        return False
    if form == "chat":
        return True
    named = named_for_chat(model.id)
    if named is not None:
        return named
    stops = _stops_at_turns(model)
    _tell(model.id, stops)
    return stops is not False


@cache  # once is enough
def _tell(name: str, stops: bool | None) -> None:
    form = "in plain text" if stops is False else "through its chat template"
    why = {
        True: "it stops where the template ends a turn",
        False: "it doesn't stop where the template ends a turn",
        None: "it has one",
    }[stops]
    other = "chat" if stops is False else "plain"
    log.info(
        "Its name doesn't say whether %s was trained on conversations; it is asked %s, since %s. If that is wrong, set "
        "steering.form to %s, or give `form`.", name, form, why, other,
    )  # fmt: skip


def named_for_chat(name: str) -> bool | None:
    """Whether a model's name says that it was trained on conversations; None where it doesn't say."""
    path = PurePath(name)
    hub = [part for part in path.parts if part.startswith("models--")]  # the Hub's cache, where folders are commits
    own = hub[-1].rpartition("--")[2] if hub and path.suffix != ".gguf" else path.name
    words = [word for word in re.split(r"[-_ ]+|\.(?=[a-z])", own.lower()) if word]
    gemma = any("gemma" in word for word in words)
    said = {_GEMMA[word] for word in words if gemma and word in _GEMMA}
    if True in said or any(_CHAT.fullmatch(word) for word in words):
        return True
    if False in said or any(_BASE.fullmatch(word) for word in words):
        return None if any(_TUNED.fullmatch(word) for word in words) else False
    family = [bool(_FAMILY.fullmatch(word)) for word in words]
    known = [is_family or _PLAIN_WORDS.fullmatch(word) for is_family, word in zip(family, words, strict=True)]
    bare = any(family) and all(known) and any(_SIZE.fullmatch(word) for word in words)
    return False if bare else None


def _stops_at_turns(model: LanguageModel) -> bool | None:
    """Whether the model's stop tokens hold the one that ends an assistant's turn; None where no token ends it."""
    tokenizer = model.tokenizer.tokenizer
    mark = "emovec"
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": mark}]
    try:
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
        after = list(tokenizer(text.rpartition(mark)[2].strip(), add_special_tokens=False)["input_ids"])
    except Exception:  # templates raise errors of their own engine
        return None
    special = set(getattr(tokenizer, "all_special_ids", ())) | set(getattr(tokenizer, "added_tokens_decoder", ()))
    if not after or after[0] not in special:
        return None
    stops = getattr(model.model.generation_config, "eos_token_id", None)
    known = {tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])}
    return after[0] in known


def ask(model: LanguageModel, prompts: Sequence[str], **options: Any) -> list[Answer]:
    """Answers to prompts from `chat_prompt`; the options are those of `generate`."""
    written = generate(model, prompts, special_tokens=False, keep_special=True, **options)
    return [answer_of(text, _special(model)) for text in written]


def _special(model: LanguageModel) -> list[str]:
    added: dict[int, Any] = getattr(model.tokenizer.tokenizer, "added_tokens_decoder", {})
    return [str(token) for token in added.values() if token.special]


def spoken(model: LanguageModel, message: str, form: Form = "auto") -> tuple[str, bool]:
    """A message as the model is to be given it, and whether through its chat template."""
    if talks(model, form):
        return chat_prompt(model, [{"role": "user", "content": message}]), True
    return message, False
