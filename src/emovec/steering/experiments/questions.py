"""Questions of which of two activities a model prefers, ready to be answered with one token."""

from collections.abc import Sequence
from dataclasses import dataclass

from emovec.errors import EmovecError
from emovec.languages.language import Language
from emovec.models.form import Form, talks
from emovec.models.generate import chat_prompt
from emovec.models.language_model import LanguageModel
from emovec.models.positions import Span
from emovec.steering.experiments.activities import Activity

PREFILL = "("


@dataclass(frozen=True)
class Question:
    """A prompt after which the model names (A) or (B).

    Attributes:
        ids: its tokens, ending with the parenthesis that opens the answer.
        first: the tokens of the activity named first.
        second: those of the other.
    """

    ids: tuple[int, ...]
    first: Span
    second: Span


def question_format(model: LanguageModel, language: Language, form: Form = "auto") -> str:
    """The question as the model is asked it, for a reader: with … for the activities."""
    return _text(model, language, "…", "…", talks(model, form))


def chat_question(language: Language, first: Activity, second: Activity) -> str:
    """The question of two activities in words, as an instruct model is asked it."""
    return language.preferences["chat"].format(first=first.text, second=second.text)


def questions(
    model: LanguageModel, language: Language, pairs: Sequence[tuple[Activity, Activity]], form: Form = "auto"
) -> list[Question]:
    """Ask which of two activities is preferred: through the chat template of an instruct model, else as plain text.

    Args:
        model: who is asked.
        language: of the question; its file has `preferences`.
        pairs: the activities named first and second, in this language.
        form: as in `talks`.

    Raises:
        EmovecError: if an activity can't be found again in the prompt, or its tokens can't be told.
    """
    special = not talks(model, form)
    texts = [_text(model, language, first.text, second.text, not special) for first, second in pairs]
    found: list[Question] = []
    for text, (first, second) in zip(texts, pairs, strict=True):
        ids, offsets = model.tokenizer.spans(text, special_tokens=special)
        if special:  # what a tokenizer puts after the text would stand between the question and its answer
            ids = ids[: max(i for i, (start, stop) in enumerate(offsets) if stop > start) + 1]
        begin = text.rfind(f"(A) {first.text}") + 4
        then = text.find(f"(B) {second.text}", begin) + 4
        if begin < 4 or then < 4:
            raise EmovecError(
                f"model: the chat template of {model.id} changes the activity '{first.text}' or '{second.text}'."
            )
        spans = (_tokens(offsets, begin, len(first.text)), _tokens(offsets, then, len(second.text)))
        found.append(Question(tuple(ids), *spans))
    return found


def answer_tokens(model: LanguageModel, language: Language, form: Form = "auto") -> tuple[int, int]:
    """The tokens that answer A and B, as the tokenizer writes them after the question's last parenthesis.

    Raises:
        EmovecError: if the two can't be told apart.
    """
    special = not talks(model, form)
    prompt = _text(model, language, "…", "…", not special)
    a, b = (_answer(model, prompt, letter, special) for letter in "AB")
    if a is None or b is None or a == b:
        raise EmovecError(
            f"model: the tokenizer of {model.id} has no token of its own for A and for B after '(', so its answers "
            "can't be told apart."
        )
    return a, b


def _answer(model: LanguageModel, prompt: str, letter: str, special: bool) -> int | None:
    def ids(text: str) -> list[int]:
        if special:
            return list(model.tokenizer.encode([text])[0].ids)
        return model.tokenizer.prompt_ids(text)

    before = ids(prompt)
    for after in (f"{letter})", letter):
        whole = ids(prompt + after)
        if len(whole) > len(before) and whole[: len(before)] == before:
            return whole[len(before)]
    # A tokenizer that joins the parenthesis with the letter: the letter by itself goes on from the parenthesis.
    alone = model.text_token_ids(letter)
    return alone[-1] if alone else None


def _text(model: LanguageModel, language: Language, first: str, second: str, chat: bool) -> str:
    content = language.preferences["chat" if chat else "plain"].format(first=first, second=second)
    if chat:
        return chat_prompt(model, [{"role": "user", "content": content}], prefill=PREFILL)
    return content


def _tokens(offsets: Sequence[tuple[int, int]], start: int, length: int) -> Span:
    held = [i for i, (a, b) in enumerate(offsets) if a < start + length and b > start and b > a]
    return Span(held[0], held[-1] + 1)
