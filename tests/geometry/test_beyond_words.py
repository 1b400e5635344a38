"""Decoding from activations beside decoding from words."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from benchmarks.calibration import right_answers
from scipy.stats import kstest

from emovec.geometry import run_analysis
from emovec.geometry.beyond_words import FIXED, HELD_OUT, beyond_words, held_out_choice, paired_difference
from tests.geometry.planted_cells import study_inputs

UNITS = np.indices((12, 30)).reshape(2, -1).astype(str)


def stories(right: np.ndarray, language: str = "en") -> pd.DataFrame:
    """Stories tested, one for each topic and emotion; every topic is a fold."""
    ids = [f"{language}-{topic}-{emotion}" for topic, emotion in UNITS.T]
    table = pd.DataFrame({"language": language, "id": ids, "topic": UNITS[0], "emotion": UNITS[1]})
    return table.assign(fold=UNITS[0].astype(int), right=right.ravel())


def words_of(right: np.ndarray) -> pd.DataFrame:
    return stories(right)[["language", "id", "right"]].assign(features="word", chance=1 / 30)


def test_each_fold_is_decoded_at_the_layer_that_is_best_on_the_others() -> None:
    rng = np.random.default_rng(0)
    tested = {layer: pd.concat([stories(rng.random(360) < 0.5, name) for name in ("en", "ja")]) for layer in (3, 5, 8)}
    found = held_out_choice(tested)
    assert len(found) == 720
    chosen = set()
    for fold in range(12):
        means = {
            layer: np.mean(
                [own[(own["fold"] != fold) & (own["language"] == name)]["right"].mean() for name in ("en", "ja")]
            )
            for layer, own in tested.items()
        }
        best = max(means, key=means.__getitem__)
        chosen.add(best)
        expected = tested[best][tested[best]["fold"] == fold].set_index("id")["right"]
        ours = found[found["fold"] == fold].set_index("id")["right"]
        assert ours[expected.index].tolist() == expected.tolist()
    assert chosen <= {3, 5, 8}


def test_a_difference_is_told_from_none() -> None:
    rng = np.random.default_rng(1)
    better, same = (rng.random(360) < share for share in (0.6, 0.3))
    words = words_of(rng.random(360) < 0.3)
    table = beyond_words({4: stories(better), 6: stories(same)}, words, 4).set_index(["layer", "choice"])
    assert table.loc[(4, FIXED), "difference"] == pytest.approx(0.3, abs=0.1)
    assert table.loc[(4, FIXED), "p"] < 0.001
    assert table.loc[(6, FIXED), "p"] > 0.05
    assert table.loc[(4, HELD_OUT), "difference"] == table.loc[(4, FIXED), "difference"]
    row = table.loc[(4, FIXED)]
    assert row["low_crossed"] <= row["low"] + 0.03
    assert row["low_crossed"] < row["difference"] < row["high_crossed"]
    assert row["accuracy"] - row["words"] == pytest.approx(row["difference"])


@pytest.mark.parametrize(("level", "spread"), [(0.0, 1.0), (-1.5, 1.5)])
def test_p_of_equal_decoders_is_uniform(level: float, spread: float) -> None:
    p = []
    for k in range(200):
        right = right_answers(np.random.default_rng([1, k]), (level, level), spread).reshape(2, -1)
        both = pd.DataFrame({"right": right[0], "right_words": right[1], "topic": UNITS[0], "emotion": UNITS[1]})
        p.append(paired_difference(both)["p"])
    assert kstest(p, "uniform").pvalue > 0.001
    assert np.mean(np.array(p) <= 0.05) < 0.11


def test_the_best_of_many_layers_is_no_better_than_it_is() -> None:
    """Eight layers that hold nothing beyond words: the best looks better, its held-out choice doesn't."""
    best, held_out = [], []
    for k in range(20):
        rng = np.random.default_rng([2, k])
        tested = {layer: stories(rng.random(360) < 0.3) for layer in range(8)}
        table = beyond_words(tested, words_of(rng.random(360) < 0.3), 0)
        best.append(table[table["choice"] == FIXED]["difference"].max())
        held_out.append(table[table["choice"] == HELD_OUT]["difference"].item())
    assert np.mean(best) > 0.025
    assert abs(np.mean(held_out)) < 0.02


def test_an_outcome_without_variation_has_a_p() -> None:
    both = stories(np.ones(360, dtype=bool)).assign(right_words=False)
    assert paired_difference(both)["p"] == pytest.approx(0.5**11)
    assert paired_difference(both.assign(right_words=True))["p"] == 1


def test_the_analysis_compares_the_stories_of_the_other_tables() -> None:
    inputs = study_inputs(3, layers=2, noise=0.6)
    texts = [dataclasses.replace(s, text=f"{s.emotion if s.topic != 't1' else 'x'} y z") for s in inputs.stories]
    inputs = dataclasses.replace(inputs, stories=texts)
    tables = run_analysis("decoding", inputs).tables
    found = tables["beyond_words"].query("choice == 'none'").set_index(["layer", "language"])
    decoding = tables["decoding"].query("variant == 'standardised' and train_language == test_language")
    lexical = run_analysis("lexical", inputs).tables["lexical"].groupby("train_language")["accuracy"].max()
    for row in decoding.itertuples():
        own = found.loc[(row.layer, row.test_language)]
        assert own["accuracy"] == pytest.approx(row.accuracy)
        assert own["words"] == pytest.approx(lexical[row.test_language])
    assert set(tables["beyond_words"]["choice"]) == {FIXED, HELD_OUT}
