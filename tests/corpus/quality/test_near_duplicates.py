"""Near duplicates against exact Jaccard similarity of all pairs."""

import random
import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.quality.near_duplicates import near_duplicates, shingles, similar_pairs
from emovec.corpus.quality.ngrams import distinct, ngrams, tokenise
from emovec.corpus.story import Story


def slow_shingles(text: str, language: str) -> set[tuple[str, ...]]:
    if language == "ja":
        tokens, n = list("".join(text.casefold().split())), 5
    else:
        tokens, n = re.findall(r"\w+(?:['’]\w+)*", text.casefold()), 3
    if 0 < len(tokens) < n:
        return {tuple(tokens)}
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def slow_jaccard(a: str, b: str, language: str) -> float:
    one, other = slow_shingles(a, language), slow_shingles(b, language)
    return len(one & other) / len(one | other) if one | other else 0.0


def altered(text: str, share: float, rng: random.Random, language: str) -> str:
    tokens = list(text) if language == "ja" else text.split(" ")
    out = [rng.choice(tokens) if rng.random() < share else token for token in tokens]
    return ("" if language == "ja" else " ").join(out)


words = st.lists(st.sampled_from(["a", "b", "c", "don't", "é"]), max_size=9).map(" ".join)


@given(texts=st.lists(words, max_size=5), n=st.integers(1, 4))
def test_ngrams_are_those_of_a_loop(texts: list[str], n: int) -> None:
    tokens = tokenise(texts, "en")
    grams = ngrams(tokens, n)
    expected = [
        (k, " ".join(text.split()[i : i + n])) for k, text in enumerate(texts) for i in range(len(text.split()) - n + 1)
    ]
    found = [(int(k), tokens.spelt(int(at), n)) for k, at in zip(grams.texts, grams.positions, strict=True)]
    assert found == expected
    by_key: dict[int, set[str]] = {}
    for key, (_, spelt) in zip(grams.keys.tolist(), found, strict=True):
        by_key.setdefault(key, set()).add(spelt)
    assert all(len(same) == 1 for same in by_key.values())
    assert len(by_key) == len({spelt for _, spelt in expected})
    once = distinct(grams)
    assert sorted(
        (int(k), tokens.spelt(int(at), n)) for k, at in zip(once.texts, once.positions, strict=True)
    ) == sorted(set(expected))


@given(texts=st.lists(st.text("あいう、 A\n", max_size=8), max_size=5))
def test_shingles_of_characters(texts: list[str]) -> None:
    grams = shingles(texts, "ja")
    for k, text in enumerate(texts):
        assert (grams.texts == k).sum() == len(slow_shingles(text, "ja"))


@settings(max_examples=40)
@given(texts=st.lists(words, max_size=7), threshold=st.sampled_from([0.5, 0.7, 1.0]))
def test_pairs_of_short_texts_have_exact_similarities(texts: list[str], threshold: float) -> None:
    found = {(r.a, r.b): r.jaccard for r in similar_pairs(texts, "en", threshold).itertuples()}
    for (i, a), (j, b) in combinations(enumerate(texts), 2):
        exact = slow_jaccard(a, b, "en")
        if (i, j) in found:
            assert found[i, j] == pytest.approx(exact)
            assert exact >= threshold
        elif slow_shingles(a, "en") == slow_shingles(b, "en") and slow_shingles(a, "en"):
            raise AssertionError("equal texts were not found")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_recall_and_precision_on_altered_stories(language: str) -> None:
    rng = random.Random(1)
    originals = [story.text for story in bundled_stories("plain", [language])][:90]
    copies = [altered(text, share, rng, language) for text in originals for share in (0.02, 0.06, 0.1)]
    texts = originals + copies
    found = {(r.a, r.b): r.jaccard for r in similar_pairs(texts, language, 0.5).itertuples()}
    exact = {
        (i, j): value
        for (i, a), (j, b) in combinations(enumerate(texts), 2)
        if (i % 9 == j % 9 or j - i < 3) and (value := slow_jaccard(a, b, language)) >= 0.5
    }
    assert len(exact) > 30
    assert all(found[pair] == pytest.approx(exact[pair]) for pair in exact if pair in found)
    assert len(exact.keys() & found.keys()) >= 0.98 * len(exact)
    assert all(value >= 0.5 for value in found.values())


def test_groups_have_scopes_and_nearest_texts() -> None:
    text = "one two three four five six seven eight nine ten"
    stories = [
        Story("a", "en", "calm", "t", text),
        Story("b", "en", "sad", "t", "something else that is quite different from it all"),
        Story("c", "en", "calm", "t", text.replace("ten", "zen")),
        Story("d", "en", "sad", "t", text),
        Story("e", "en", "sad", "t", "quite another thing was said here by them today"),
        Story("f", "en", "sad", "t", "Quite another thing was said here, by them, today!"),
    ]
    table = near_duplicates(stories, "en")
    assert table["id"].tolist() == ["a", "c", "d", "e", "f"]
    assert table["group"].tolist() == [1, 1, 1, 2, 2]
    assert table["scope"].tolist() == ["across"] * 3 + ["within"] * 2
    assert table["nearest"].tolist() == ["d", "a", "a", "f", "e"]
    assert table["jaccard"].tolist() == pytest.approx([1, 7 / 9, 1, 1, 1])


def test_a_crowd_of_equal_texts_is_one_group() -> None:
    stories = [Story(str(i), "ja", "calm", None, "雨が静かに降っている夜だった。") for i in range(400)]
    stories.append(Story("other", "ja", "calm", None, "まったく別の話がここにはある。"))
    table = near_duplicates(stories, "ja")
    assert len(table) == 400
    assert table["group"].nunique() == 1


def test_no_texts_and_no_words() -> None:
    assert similar_pairs([], "en").empty
    assert similar_pairs(["", "…", "!!"], "en").empty
    assert np.diff(tokenise(["…", "", "a b"], "en").starts).tolist() == [0, 0, 2]


def test_a_chain_keeps_what_is_unlike() -> None:
    parts = [f"w{i} x{i} y{i}" for i in range(12)]
    chain = [" ".join(parts[start : start + 6]) for start in (0, 1, 2, 3, 4, 5, 6)]
    stories = [Story(f"s{i}", "en", "calm", "t", text) for i, text in enumerate(chain)]
    table = near_duplicates(stories, "en").set_index("id")
    assert set(table["group"]) == {1}  # each is linked to the next
    stays = [story.text for story in stories if not table.loc[story.id, "copy_of"]]
    assert len(stays) > 1
    assert all(slow_jaccard(a, b, "en") < 0.5 for a, b in combinations(stays, 2))
    by_id = {story.id: story.text for story in stories}
    for text, original in table["copy_of"][table["copy_of"] != ""].items():
        assert by_id[original] in stays
        assert slow_jaccard(by_id[str(text)], by_id[original], "en") >= 0.5
