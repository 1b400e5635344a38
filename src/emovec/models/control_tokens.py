"""The control tokens of a tokenizer, kept apart from texts that only look like them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

_LOOKS_LIKE_ONE = re.compile(r"<\S+>|\[\S+\]")
_PRIVATE = [chr(code) for code in range(0xE000, 0xF8FF)]


class ChatPrompt(str):
    """A conversation as a chat template wrote it, which knows what in it only looks like a control token.

    Attributes:
        literal: characters [first, last) of what the speakers wrote that would be a control token if the template had
            written it.
    """

    literal: tuple[tuple[int, int], ...]
    _special: re.Pattern[str] | None

    def __new__(
        cls, text: str, literal: Sequence[tuple[int, int]] = (), special: re.Pattern[str] | None = None
    ) -> Self:
        """Keep the string and the places; `special` finds control tokens in what is put behind it."""
        made = super().__new__(cls, text)
        made.literal, made._special = tuple(literal), special
        return made

    def __add__(self, other: str) -> "ChatPrompt":
        """Put text behind: what looks like a special token in it is text."""
        found = self._special.finditer(other) if self._special else ()
        more = [(len(self) + each.start(), len(self) + each.end()) for each in found]
        return ChatPrompt(str(self) + str(other), (*self.literal, *more), self._special)

    def closed(self, end: str) -> "ChatPrompt":
        """Put what a template would write in place of the white space at the end: control tokens in it count."""
        return ChatPrompt(self.rstrip() + end, self.literal, self._special)


@dataclass(frozen=True)
class ControlTokens:
    """The tokens that mean something to a model beside their characters.

    Attributes:
        ids: of those that no text may become: special ones, and added ones that look like `<think>`.
        by_text: all of them by how they are written.
        special: finds the special ones in a string; None where there are none.
        every: finds all of them.
    """

    ids: frozenset[int]
    by_text: Mapping[str, int]
    special: re.Pattern[str] | None
    every: re.Pattern[str] | None

    @classmethod
    def of(cls, tokenizer: Any) -> "ControlTokens":
        """Those of a transformers tokenizer."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        words: Mapping[str, int] = backend.get_vocab(with_added_tokens=False) if backend is not None else {}
        added: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
        named = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
        special = {token.content: number for number, token in added.items() if token.special} | named
        loose = {
            token.content: number
            for number, token in added.items()
            if backend is not None and token.content not in words and _LOOKS_LIKE_ONE.fullmatch(token.content)
        }
        around = {token.content: (token.lstrip, token.rstrip) for token in added.values()}
        # An unknown word is no control token, unless one token stands for it and for the end.
        ends = {tokenizer.bos_token_id, tokenizer.eos_token_id}
        unknown = {getattr(tokenizer, "unk_token_id", None)} - ends
        return cls(
            frozenset({*special.values(), *loose.values()} - unknown),
            {**loose, **special},
            _pattern(special, around),
            _pattern({**loose, **special}, around),
        )

    def first(self, text: str) -> str:
        """The first control token that is written in a text, or a word for one."""
        found = self.every.search(text) if self.every else None
        return f"'{found[0].strip()}'" if found else "it"

    def escape(self, messages: Sequence[dict[str, str]]) -> tuple[list[dict[str, str]], Callable[[str], ChatPrompt]]:
        """Messages in which signs stand for what only looks like control tokens, and the way back from a prompt.

        An assistant's own `<think>` and the like stay: templates look for them.
        """
        contents = [message["content"] for message in messages]
        sign = next(c for c in _PRIVATE if not any(c in content for content in contents))
        hidden: list[str] = []

        def hide(match: re.Match[str]) -> str:
            hidden.append(match[0])
            return f"{sign}{len(hidden) - 1}{sign}"

        escaped: list[dict[str, str]] = []
        for message, content in zip(messages, contents, strict=True):
            pattern = self.special if message["role"] == "assistant" else self.every
            escaped.append({**message, "content": pattern.sub(hide, content) if pattern else content})

        def restored(prompt: str) -> ChatPrompt:
            parts = re.split(f"{sign}([0-9]+){sign}", prompt)
            whole, literal = "", list[tuple[int, int]]()
            for place, part in enumerate(parts):
                text = hidden[int(part)] if place % 2 else part
                if place % 2:
                    literal.append((len(whole), len(whole) + len(text)))
                whole += text
            return ChatPrompt(whole, literal, self.special)

        return escaped, restored

    def split(self, prompt: ChatPrompt) -> Iterator[tuple[int, int, int | None]]:
        """The parts of a prompt in order: first and last character, and the control token, None for text."""
        start = at = 0
        while self.every and (match := self.every.search(prompt, at)):
            inside = next((span for span in prompt.literal if span[0] < match.end() and match.start() < span[1]), None)
            if inside:
                at = inside[1]
                continue
            if match.start() > start:
                yield start, match.start(), None
            yield *match.span(), self.by_text.get(match[0], self.by_text.get(match[0].strip()))
            start = at = match.end()
        if start < len(prompt):
            yield start, len(prompt), None


def blinded(state: str, control: frozenset[int], *, inner: bool = False) -> Any:
    """A tokenizer of the `tokenizers` library whose control tokens have names that no text holds.

    Args:
        state: the tokenizer as its library writes it.
        control: ids of its control tokens.
        inner: for text that follows after other text: a tokenizer that puts a space before the first word doesn't.
    """
    from tokenizers import Tokenizer

    tree: dict[str, Any] = json.loads(state)
    model = tree["model"]
    unknown = model.get("unk_token")

    def renamed(piece: str, number: int) -> str:
        return f"\U0010fffe{number}\U0010fffe" if number in control and piece != unknown else piece

    for token in tree["added_tokens"]:
        token["content"] = renamed(token["content"], token["id"])
    if isinstance(model["vocab"], dict):
        gone = {piece for piece, number in model["vocab"].items() if renamed(piece, number) != piece}
        model["vocab"] = {renamed(piece, number): number for piece, number in model["vocab"].items()}
        if "merges" in model:
            model["merges"] = [pair for pair in model["merges"] if not gone & _made_and_used(pair)]
    else:
        model["vocab"] = [[renamed(piece, number), score] for number, (piece, score) in enumerate(model["vocab"])]
    tree["truncation"] = tree["padding"] = None
    if inner:
        _without_first_space(tree.get("pre_tokenizer"))
    return Tokenizer.from_str(json.dumps(tree))


def _made_and_used(merge: str | Sequence[str]) -> set[str]:
    first, second = merge.split(" ") if isinstance(merge, str) else merge
    return {first, second, first + second}


def _without_first_space(node: Any) -> None:
    for each in node.get("pretokenizers", [node]) if isinstance(node, dict) else []:
        if each.get("prepend_scheme") == "first":
            each["prepend_scheme"] = "never"


def _pattern(tokens: Mapping[str, int], around: Mapping[str, tuple[bool, bool]]) -> re.Pattern[str] | None:
    """Finds the longest of some tokens, with the white space that they take to themselves."""
    if not tokens:
        return None

    def branch(token: str) -> str:
        before, after = around.get(token, (False, False))
        return (
            rf"\s*{re.escape(token)}\s*"
            if before and after
            else (rf"\s*{re.escape(token)}" if before else rf"{re.escape(token)}\s*" if after else re.escape(token))
        )

    return re.compile("|".join(map(branch, sorted(tokens, key=len, reverse=True))))
