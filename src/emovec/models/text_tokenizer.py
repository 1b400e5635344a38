"""Texts to token ids, with the text's own tokens told apart from those that a tokenizer adds.

Text is text: what looks like a control token in it (`<eos>`, `<|im_end|>`) is read character by character, as anything
else is. Only a chat template puts control tokens in, and only where it means them: see `ChatPrompt`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emovec.errors import EmovecError
from emovec.models.control_tokens import ChatPrompt, ControlTokens, blinded

Pieces = tuple[list[int], list[tuple[int, int]]]
"""Token ids, and the characters [first, last) of the text that each holds."""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A text as the model gets it.

    Attributes:
        ids: token ids: what the tokenizer puts first (BOS, where it has one), then the text's own tokens. What it
            would put after the text is left out: a causal model reads nothing from it.
        start: index of the text's first own token.
    """

    ids: tuple[int, ...]
    start: int

    @property
    def n_own(self) -> int:
        """How many tokens are the text's own."""
        return len(self.ids) - self.start


@dataclass(frozen=True)
class TextTokenizer:
    """A transformers tokenizer, asked only for what emovec needs."""

    tokenizer: Any

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Token ids of each text, in order.

        Raises:
            EmovecError: if the tokens of a text change when special tokens are added, so that its start is unknown.
        """
        if not texts:
            return []
        whole, own = (self._read(texts, special=special) for special in (True, False))
        return [_locate(w, o, text) for (w, _), (o, _), text in zip(whole, own, texts, strict=True)]

    def text_token_ids(self, text: str) -> list[int]:
        """The text's own tokens, without BOS or EOS."""
        return self._read([text])[0][0]

    def prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of a prompt that brings its own control tokens, as a chat template writes it.

        In a `ChatPrompt` only those of the template count; in any other string all.
        """
        return self._prompt(prompt, offsets=False)[0]

    def spans(self, text: str, *, special_tokens: bool = True) -> Pieces:
        """Token ids and the characters that each holds; (0, 0) for those that the tokenizer adds.

        Args:
            text: a text; with `special_tokens=False` it may be a prompt that brings its own, as in `prompt_ids`.
            special_tokens: whether the tokenizer adds its own, such as BOS.

        Raises:
            EmovecError: if the tokenizer doesn't tell which characters its tokens hold.
        """
        if not getattr(self.tokenizer, "is_fast", False):
            raise EmovecError("model: its tokenizer doesn't say which characters its tokens hold.")
        if special_tokens:
            return self._read([text], special=True, offsets=True)[0]
        return self._prompt(text, offsets=True)

    def text_spans(self, text: str) -> Pieces:
        """The text's own tokens and the characters that each holds; errors as in `spans`."""
        return self._read([text], offsets=True)[0]

    def chat(self, messages: Sequence[Mapping[str, str]], **options: Any) -> ChatPrompt:
        """A conversation as the chat template writes it, up to where the assistant goes on.

        Args:
            messages: `role` and `content` of each.
            options: for the template.
        """
        escaped, restored = self.control.escape([dict(message) for message in messages])
        text = self.tokenizer.apply_chat_template(escaped, tokenize=False, add_generation_prompt=True, **options)
        return restored(str(text))

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        """What each token id reads as by itself; byte fragments of a character show as the vocabulary spells them.

        An id that the tokenizer doesn't know (models pad their vocabulary) reads as "".
        """
        texts: list[str] = []
        for token_id, piece in zip(ids, self.tokenizer.convert_ids_to_tokens(list(ids)), strict=True):
            if piece is None:
                texts.append("")
                continue
            text = self.tokenizer.decode([token_id])
            texts.append(str(piece) if not text or "\ufffd" in text else text)
        return texts

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that decides how texts become tokens."""
        return hashlib.sha256(self._state.encode()).hexdigest()

    @cached_property
    def control(self) -> ControlTokens:
        """The tokens that no text may become."""
        return ControlTokens.of(self.tokenizer)

    @property
    def _state(self) -> str:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        return backend.to_str() if backend is not None else json.dumps(self.tokenizer.get_vocab(), sort_keys=True)

    def _read(self, texts: Sequence[str], *, special: bool = False, offsets: bool = False) -> list[Pieces]:
        """Each text by itself, as text."""
        own = self._call(texts, special=False, offsets=offsets, text=True)
        # Most tokenizers are done here. Some hold control tokens as pieces of their vocabulary, or as added ones that
        # transformers doesn't count as special.
        caught = [row for row, (ids, _) in enumerate(own) if not self.control.ids.isdisjoint(ids)]
        found = self._call(texts, special=True, offsets=offsets, text=True) if special else own
        for row in caught:
            found[row] = self._blindly(texts[row], special=special)
        return found

    def _prompt(self, prompt: str, *, offsets: bool) -> Pieces:
        if not isinstance(prompt, ChatPrompt) or not prompt.literal:
            return self._call([prompt], special=False, offsets=offsets, text=False)[0]
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        for start, stop, token in self.control.split(prompt):
            if token is not None:
                ids.append(token)
                spans.append((start, stop))
                continue
            own, held = self._part(prompt[start:stop], inner=start > 0, offsets=offsets)
            ids.extend(own)
            spans.extend((start + first, start + last) for first, last in held)
        return ids, spans

    def _part(self, text: str, *, inner: bool, offsets: bool) -> Pieces:
        """Text between two control tokens of a prompt."""
        if not (inner and self._first_word_gets_a_space):
            found = self._call([text], special=False, offsets=offsets, text=True)[0]
            if self.control.ids.isdisjoint(found[0]):
                return found
        return self._blindly(text, inner=inner)

    @cached_property
    def _first_word_gets_a_space(self) -> bool:
        """Whether the first word of a text is read with a space before it, and the first of a later part isn't."""
        step = getattr(getattr(self.tokenizer, "backend_tokenizer", None), "pre_tokenizer", None)
        return step is not None and b'"prepend_scheme":"first"' in step.__getstate__()

    def _call(self, texts: Sequence[str], *, special: bool, offsets: bool, text: bool) -> list[Pieces]:
        options: dict[str, Any] = {"return_offsets_mapping": True} if offsets else {}
        encoded = self.tokenizer(
            [str(each) for each in texts],
            padding=False,
            truncation=False,
            add_special_tokens=special,
            split_special_tokens=text,
            **options,
        )
        spans = encoded["offset_mapping"] if offsets else [[]] * len(texts)
        return [(list(ids), [*held]) for ids, held in zip(encoded["input_ids"], spans, strict=True)]

    def _blindly(self, text: str, *, special: bool = False, inner: bool = False) -> Pieces:
        """A text read by a tokenizer that knows no control tokens."""
        if not getattr(self.tokenizer, "is_fast", False):
            ids, _ = self._call([text], special=False, offsets=False, text=True)[0]
            if self.control.ids.isdisjoint(ids):
                return ids, []
            found = self.control.first(text)
            raise EmovecError(
                f"model: its tokenizer can't read {found} in '{text[:40]}…' as text; take it out, or take a model with "
                "a fast tokenizer."
            )
        encoded = (self._blind_inner if inner else self._blind).encode(text, add_special_tokens=special)
        return list(encoded.ids), [*encoded.offsets]

    @cached_property
    def _blind(self) -> Any:
        return blinded(self._state, self.control.ids)

    @cached_property
    def _blind_inner(self) -> Any:
        return blinded(self._state, self.control.ids, inner=True)


def _locate(whole: list[int], own: list[int], text: str) -> EncodedText:
    for start in range(len(whole) - len(own) + 1):
        if whole[start : start + len(own)] == own:
            return EncodedText(tuple(whole[: start + len(own)]), start)
    raise EmovecError(
        f"model: its tokenizer splits '{text[:40]}…' otherwise once it adds special tokens, so the start of the text "
        "can't be found."
    )
