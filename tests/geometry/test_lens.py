from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from emovec.geometry import lens, lens_hits, logit_lens
from emovec.geometry.lens import candidate_tokens
from tests.geometry.planted import random_vectors, relabelled, vectors_array


class Head:
    """The read-out of a model: an unembedding, a gain, a vocabulary."""

    def __init__(self, n_tokens: int = 50, hidden: int = 12, seed: int = 0, vocabulary: Sequence[str] | None = None):
        rng = np.random.default_rng(seed)
        self.rows = (rng.normal(size=(n_tokens, hidden)) + 1).astype("float32")
        self.gain = rng.uniform(0.5, 2, hidden)
        self.vocabulary = list(vocabulary or (f"token{i}" for i in range(n_tokens)))

    def unembedding(self) -> np.ndarray:
        return self.rows

    def embeddings(self, ids: Sequence[int]) -> np.ndarray:
        return self.rows[list(ids)]

    def final_norm(self, directions: np.ndarray) -> np.ndarray:
        return directions * self.gain

    def token_texts(self, ids: Sequence[int]) -> list[str]:
        return [self.vocabulary[i] for i in ids]

    def text_token_ids(self, text: str) -> list[int]:
        return [self.vocabulary.index(word) for word in text.split()]


CANDIDATES = {"en": [3, 1, 4, 1, 5, 9, 26, 35, 8, 49], "ja": list(range(20, 40))}


@pytest.mark.parametrize("chunk", [7, 50, 8192])
def test_equals_a_full_sort(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lens, "_VOCABULARY_CHUNK", chunk)
    vectors, head = random_vectors(0), Head()
    table = logit_lens(vectors, head, CANDIDATES, k=4)
    rows = head.rows.astype("float64")
    centred = rows - rows.mean(axis=0)
    assert len(table) == 2 * 3 * 2 * 8 * 2 * 4
    for (language, layer, which, emotion, side), part in table.groupby(
        ["language", "layer", "lens", "emotion", "side"]
    ):
        direction = vectors.sel(language=language, layer=layer, emotion=emotion).values
        direction = direction / np.linalg.norm(direction) * head.gain
        ids = np.arange(50)
        if which == "raw":
            scores = rows @ direction
        else:
            ids = np.unique(CANDIDATES[str(language)])
            scores = centred @ direction / np.linalg.norm(direction) / np.linalg.norm(centred, axis=1)
        order = ids[np.argsort(scores[ids] if side == "bottom" else -scores[ids])][:4]
        part = part.sort_values("rank")
        assert part["rank"].tolist() == [1, 2, 3, 4]
        assert part["token_id"].tolist() == order.tolist()
        assert part["token"].tolist() == [f"token{i}" for i in order]
        assert part["score"].values == pytest.approx(scores[order], abs=1e-5)


def test_label_order_changes_nothing() -> None:
    vectors = random_vectors(1)
    one, other = (logit_lens(v, Head(), CANDIDATES, 3) for v in (vectors, relabelled(vectors, 2)))
    assert one.drop(columns="score").equals(other.drop(columns="score"))


def test_k_is_bounded_by_the_candidates_and_there_may_be_none() -> None:
    table = logit_lens(random_vectors(0), Head(), {"en": [1, 2]}, k=5)
    cleaned = table[table["lens"] == "cleaned"]
    assert set(cleaned["language"]) == {"en"}
    assert cleaned["rank"].max() == 2


@pytest.mark.parametrize(
    ("token", "word", "counts"),
    [
        ("▁Angry", "angry", True),
        ("Ġang", "angry", True),
        (" ANG", "angry", True),
        ("an", "angry", False),
        ("angrily", "angry", False),
        ("joy", "joyful", True),
        ("▁怒", "怒り", True),
        ("怒る", "怒り", False),
        ("落", "落ち着き", True),
        ("わ", "わくわく", False),
        ("わく", "わくわく", True),
        ("두", "두려움", False),
        ("두려", "두려움", True),
        ("恥", "恥", True),
        ("", "angry", False),
        ("▁", "angry", False),
        ("о", "от", False),
        ("от", "от", True),
    ],
)
def test_what_counts_as_naming_a_word(token: str, word: str, counts: bool) -> None:
    assert candidate_tokens([], [word], [token], Head(1, 1)) == ([0] if counts else [])


def labels(language: str, emotion: str) -> tuple[str, ...]:
    words = {("en", "angry"): ("angry", "anger"), ("en", "sad"): ("sad",), ("ja", "sad"): ("悲しい",)}
    return words.get((language, emotion), ())


VOCABULARY = ["▁angry", "ang", "Anger", "sad", "悲", "悲し", "x", "y", "z", "w"]


def hits_of(k: int, candidates: dict[str, list[int]]) -> object:
    """Two emotions whose vectors point at the tokens 0 and 4."""
    values = np.zeros((2, 2, 1, 10))
    values[:, 0, 0, 0] = values[:, 1, 0, 4] = 1
    vectors = vectors_array(values, ("en", "ja"), ["angry", "sad"])
    head = Head(10, 10, vocabulary=VOCABULARY)
    head.rows = np.eye(10, dtype="float32") + 0.01 * np.arange(10)[:, None].astype("float32") / 10
    table = logit_lens(vectors, head, candidates, k)
    return lens_hits(table, VOCABULARY, candidates, labels).set_index(["language", "lens", "word_language"])


def test_hits_are_counted_by_the_language_of_the_word() -> None:
    table = hits_of(1, {"en": list(range(10)), "ja": list(range(10))})
    raw = table.xs("raw", level="lens")
    assert raw.loc[("en", "en"), ["hit_rate", "n_emotions"]].tolist() == [0.5, 2]
    assert raw.loc[("en", "any"), "hit_rate"] == 1
    assert raw.loc[("ja", "ja"), ["hit_rate", "n_emotions"]].tolist() == [1, 1]
    assert set(raw.loc["ja"].index) == {"ja", "en", "any"}


def test_chance_is_that_of_random_tokens() -> None:
    k, allowed = 3, [0, 1, 2, 3, 6, 7, 8]
    table = hits_of(k, {"en": allowed, "ja": allowed})
    named = {"angry": {0, 1, 2}, "sad": {3}}
    draws = list(combinations(allowed, k))
    expected = np.mean([np.mean([bool(tokens & set(draw)) for draw in draws]) for tokens in named.values()])
    assert table.loc[("en", "cleaned", "en"), "chance"] == pytest.approx(expected)
    everything = list(combinations(range(10), k))
    expected = np.mean([np.mean([bool(tokens & set(draw)) for draw in everything]) for tokens in named.values()])
    assert table.loc[("en", "raw", "en"), "chance"] == pytest.approx(expected)
    assert (table["k"] == k).all()


def test_candidates_are_the_texts_tokens_and_those_that_name_an_emotion() -> None:
    head = Head(10, vocabulary=VOCABULARY)
    assert candidate_tokens(["x y", "x"], ["anger"], VOCABULARY, head) == [1, 2, 6, 7]


def test_rows_that_stand_for_no_token_are_left_out() -> None:
    vocabulary = ["a", "", "None", "d", "", ""]
    head = Head(6, 6, vocabulary=vocabulary)
    head.rows = np.eye(6, dtype="float32")
    vectors = vectors_array(np.eye(6)[None, [1, 4], None], ("en",), ["angry", "sad"])
    vectors = vectors + 0.1 * vectors_array(np.eye(6)[None, [2, 3], None], ("en",), ["angry", "sad"])
    candidates = {"en": [0, 1, 2, 4]}
    table = logit_lens(vectors, head, candidates, k=6)
    assert set(table.loc[table["lens"] == "raw", "token_id"]) == {0, 2, 3}
    assert set(table.loc[table["lens"] == "cleaned", "token_id"]) == {0, 2}
    top = table.query("lens == 'raw' and side == 'top' and rank == 1").set_index("emotion")["token"]
    assert top.to_dict() == {"angry": "None", "sad": "d"}
    hits = lens_hits(table.query("rank == 1"), vocabulary, candidates, lambda *_: ("None",)).set_index("lens")
    # One token of three, and one of two.
    assert hits.loc["raw", "chance"].values == pytest.approx(1 / 3)
    assert hits.loc["cleaned", "chance"].values == pytest.approx(1 / 2)
