"""Texts to token ids, with the text's own tokens told apart from those that a tokenizer adds."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emovec.errors import EmovecError


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
        whole = self.tokenizer(list(texts), padding=False, truncation=False)["input_ids"]
        own = self.tokenizer(list(texts), padding=False, truncation=False, add_special_tokens=False)["input_ids"]
        return [_locate(w, o, text) for w, o, text in zip(whole, own, texts, strict=True)]

    def text_token_ids(self, text: str) -> list[int]:
        """The text's own tokens, without BOS or EOS."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

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
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        state = backend.to_str() if backend is not None else json.dumps(self.tokenizer.get_vocab(), sort_keys=True)
        return hashlib.sha256(state.encode()).hexdigest()


def _locate(whole: list[int], own: list[int], text: str) -> EncodedText:
    for start in range(len(whole) - len(own) + 1):
        if whole[start : start + len(own)] == own:
            return EncodedText(tuple(whole[: start + len(own)]), start)
    raise EmovecError(
        f"model: its tokenizer splits '{text[:40]}…' otherwise once it adds special tokens, so the start of the text "
        "can't be found."
    )
