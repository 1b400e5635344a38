from collections import Counter
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from emovec.corpus.annotation.agreement import ALL, Agreement, agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha
from emovec.corpus.annotation.answers import COLUMNS
from emovec.corpus.story import Story
from tests.corpus.labelled import CONFUSION, EMOTIONS, stories

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units.
KRIPPENDORFF = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
# Fourteen raters, ten subjects, five categories: the worked example of the literature on Fleiss's kappa.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def slow_alpha(units: list[list[str]]) -> float:
    """Krippendorff's alpha from every pair of labels, one after the other."""
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    observed = sum((a != b) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / len(values)
    expected = sum(a != b for a, b in permutations(values, 2)) / (len(values) * (len(values) - 1))
    return 1 - observed / expected


def slow_fleiss(units: list[list[str]]) -> float:
    """Fleiss's kappa from every pair of labels of a text."""
    pairs = [[a == b for a, b in permutations(unit, 2)] for unit in units]
    observed = np.mean([np.mean(pair) for pair in pairs])
    shares = np.array(list(Counter(value for unit in units for value in unit).values()), dtype=float)
    expected = float(((shares / shares.sum()) ** 2).sum())
    return float((observed - expected) / (1 - expected))


def counts(units: list[list[str]]) -> np.ndarray:
    names = sorted({value for unit in units for value in unit})
    return np.array([[unit.count(name) for name in names] for unit in units], dtype=float)


def table(said: dict[str, dict[str, str]], texts: list[Story], kind: str = "human") -> pd.DataFrame:
    """The labels of annotators: by → text id → label."""
    known = {story.id: story for story in texts}
    rows = [
        (name, known[name].language, known[name].emotion, known[name].topic, by, kind, label, None, None, None, None)
        for by, labels in said.items()
        for name, label in labels.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"confidence": "Int64", "position": "Int64"})


def test_krippendorffs_worked_example() -> None:
    rows = [row.split() for row in KRIPPENDORFF]
    units = [[value for value in unit if value != "."] for unit in zip(*rows, strict=True)]
    assert krippendorff_alpha(counts(units)) == pytest.approx(0.743, abs=5e-4)


def test_fleiss_worked_example() -> None:
    assert fleiss_kappa(np.array(FLEISS, dtype=float)) == pytest.approx(0.210, abs=5e-4)


units = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), min_size=2, max_size=12)


@given(units)
def test_alpha_is_that_of_every_pair(found: list[list[str]]) -> None:
    paired = {value for unit in found if len(unit) > 1 for value in unit}
    alpha = krippendorff_alpha(counts(found))
    if len(paired) < 2:
        assert np.isnan(alpha)
    else:
        assert alpha == pytest.approx(slow_alpha(found))


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 3).map(list), min_size=2, max_size=12))
def test_fleiss_is_that_of_every_pair(found: list[list[str]]) -> None:
    kappa = fleiss_kappa(counts(found))
    if len({value for unit in found for value in unit}) < 2:
        assert np.isnan(kappa)
    else:
        assert kappa == pytest.approx(slow_fleiss(found))


def test_fleiss_takes_as_many_annotators_for_each_text() -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(np.array([[1.0, 1.0], [2.0, 1.0]]))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=2, max_size=30))
def test_cohens_kappa_is_sklearns(found: list[tuple[str, str]]) -> None:
    first, second = zip(*found, strict=True)
    names = sorted({*first, *second})
    confused = np.array([[sum((a, b) == pair for pair in found) for b in names] for a in names], dtype=float)
    if len(names) == 1:
        assert np.isnan(cohen_kappa(confused))
    else:
        assert float(cohen_kappa(confused)) == pytest.approx(cohen_kappa_score(first, second))


@pytest.fixture
def planted() -> Agreement:
    """A judge who takes sad for calm; one person who is always right; one who labels Japanese texts alone, all sad."""
    texts = stories()
    judge = {s.id: CONFUSION[s.emotion] for s in texts}
    right = {s.id: s.emotion for s in texts}
    part = {s.id: "sad" for s in texts if s.language == "ja"}
    return agreement(table({"judge": judge, "ann": right, "bob": part}, texts), EMOTIONS)


def test_accuracy_is_the_planted_one(planted: Agreement) -> None:
    rows = planted.accuracy.set_index(["by", "language"])
    assert rows.loc[("judge", ALL), "accuracy"] == 0.75
    assert rows.loc[("judge", "ja"), "accuracy"] == 0.75
    assert rows.loc[("ann", ALL), "accuracy"] == 1
    assert rows.loc[("bob", "ja"), "accuracy"] == 0.25
    assert ("bob", "en") not in rows.index
    assert set(rows["chance"]) == {0.25}
    assert rows.loc[("judge", ALL), "n"] == 40
    # Kappa against the intended emotion: chance is 1/4 for a judge who never says sad, and always so for bob.
    assert rows.loc[("judge", ALL), "kappa"] == pytest.approx((0.75 - 0.25) / 0.75)
    assert rows.loc[("bob", "ja"), "kappa"] == pytest.approx(0)
    assert (rows["low"] <= rows["accuracy"]).all()
    assert (rows["high"] >= rows["accuracy"]).all()


def test_without_topics_the_interval_is_wilsons() -> None:
    texts = [Story(s.id, s.language, s.emotion, None, s.text) for s in stories(languages=("en",))]
    row = agreement(table({"judge": {s.id: CONFUSION[s.emotion] for s in texts}}, texts), EMOTIONS).accuracy.iloc[0]
    interval = binomtest(15, 20).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_texts_of_a_topic_that_are_alike_widen_the_interval() -> None:
    texts = stories(10, ("en",))
    right = {s.id: s.emotion if int(s.topic[-1]) < 5 else "none" for s in texts if s.topic}
    mixed = {s.id: s.emotion if (i + i // 10) % 2 else "none" for i, s in enumerate(texts)}
    by_topic = agreement(table({"a": right, "b": mixed}, texts), EMOTIONS).accuracy.set_index("by")
    width = by_topic["high"] - by_topic["low"]
    assert by_topic["accuracy"].tolist() == [0.5, 0.5]
    assert width["a"] > 1.5 * width["b"]


def test_recall_and_confusions_are_the_planted_ones(planted: Agreement) -> None:
    recall = planted.recall.set_index(["by", "language", "emotion"])["recall"]
    assert [recall["judge", "en", emotion] for emotion in EMOTIONS] == [1, 1, 1, 0]
    confusion = planted.confusion.set_index(["by", "language", "emotion", "label"])["count"]
    assert confusion["judge", "en", "sad", "calm"] == 5
    assert confusion["judge", ALL, "sad", "calm"] == 10
    assert ("judge", "en", "sad", "sad") not in confusion.index
    pairs = planted.confused_pairs
    judge = pairs[(pairs["by"] == "judge") & (pairs["language"] == ALL)]
    assert judge[["emotion_a", "emotion_b", "count", "rate"]].to_numpy().tolist() == [["calm", "sad", 10, 0.5]]
    assert not (pairs["by"] == "ann").any()
    bob = pairs[(pairs["by"] == "bob") & (pairs["language"] == "ja")].set_index(["emotion_a", "emotion_b"])["rate"]
    assert bob["angry", "sad"] == 0.5


def test_annotators_are_compared_on_the_texts_that_both_labelled(planted: Agreement) -> None:
    rows = planted.pairs.set_index(["by_a", "by_b", "language"])
    assert rows.loc[("judge", "ann", ALL), "n"] == 40
    assert rows.loc[("judge", "ann", ALL), "agreement"] == 0.75
    assert rows.loc[("judge", "bob", "ja"), "n"] == 20
    assert ("judge", "bob", "en") not in rows.index
    labels = [CONFUSION[s.emotion] for s in stories()], [s.emotion for s in stories()]
    assert rows.loc[("judge", "ann", ALL), "kappa"] == pytest.approx(cohen_kappa_score(*labels))
    together = planted.together.set_index("language")
    japanese = [[CONFUSION[s.emotion], s.emotion, "sad"] for s in stories(languages=("ja",))]
    assert together.loc["ja", "n"] == 20
    assert together.loc["ja", "fleiss"] == pytest.approx(slow_fleiss(japanese))
    english = [[CONFUSION[s.emotion], s.emotion] for s in stories(languages=("en",))]
    assert together.loc[ALL, "alpha"] == pytest.approx(slow_alpha([*english, *japanese]))


@pytest.mark.parametrize("topics", [True, False])
def test_kappas_interval_covers_it_and_shrinks_with_texts(topics: bool) -> None:
    widths = []
    for n in (8, 80):
        texts = stories(n, ("en",))
        texts = texts if topics else [Story(s.id, s.language, s.emotion, None, s.text) for s in texts]
        rng = np.random.default_rng(0)
        noisy = {s.id: s.emotion if rng.random() < 0.7 else str(rng.choice(EMOTIONS)) for s in texts}
        row = agreement(table({"a": {s.id: s.emotion for s in texts}, "b": noisy}, texts), EMOTIONS).pairs.iloc[0]
        assert row["low"] < row["kappa"] < row["high"]
        widths.append(row["high"] - row["low"])
    assert widths[1] < widths[0] / 2


def test_top_three_and_none_and_the_place_in_the_list() -> None:
    texts = stories(1, ("en",))
    labels = table({"judge": {s.id: "calm" for s in texts}}, texts, "judge")
    labels["second"] = ["sad", None, "joyful", "angry"]
    labels["third"] = [None, None, None, "sad"]
    labels["position"] = pd.array([0, 1, 0, 3], dtype="Int64")
    labels.loc[0, "label"] = "none"
    row = agreement(labels, EMOTIONS).accuracy.iloc[0]
    assert (row["accuracy"], row["top3"], row["none"], row["first"]) == (0.25, 0.75, 0.25, 0.5)
    assert np.isnan(agreement(labels.assign(second=None, third=None), EMOTIONS).accuracy["top3"].iloc[0])
