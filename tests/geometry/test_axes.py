import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from benchmarks.calibration import ceiling, poles_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from emovec.emotions import DEFAULT_30
from emovec.errors import EmovecError
from emovec.geometry import axis_correlations, load_norms, norm_agreement, pca, pole_cosines, run_analysis
from emovec.geometry.axes import POLES
from emovec.stats.permutation import label_permutations
from tests.geometry.planted import random_vectors, relabelled, vectors_array
from tests.geometry.planted_cells import study_inputs


def test_components_equal_sklearn_up_to_sign() -> None:
    vectors = random_vectors(0)
    scores, shares = pca(vectors, components=3)
    for layer in range(3):
        own = vectors.sel(language="ja", layer=layer).sortby("emotion")
        model = PCA().fit(own.values)
        ours = scores.query("language == 'ja' and layer == @layer").pivot(
            index="emotion", columns="component", values="score"
        )
        assert np.abs(ours.values) == pytest.approx(np.abs(model.transform(own.values)[:, :3]))
        share = shares.query("language == 'ja' and layer == @layer").sort_values("component")["share"].values
        assert share == pytest.approx(model.explained_variance_ratio_[:7])
        assert share.sum() == pytest.approx(1)


def test_norms_planted_as_axes_come_out_as_components() -> None:
    norms = load_norms()
    words = ["joyful", "sad", "calm", "angry", "bored", "proud", "lonely", "excited", "afraid", "grateful"]
    glasgow = norms[norms["source"] == "Glasgow2019"].set_index("word")[["valence", "arousal"]].loc[words]
    z = (glasgow - glasgow.mean()).to_numpy()
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 2)))[0].T
    values = (z * [-5, 1]) @ basis
    vectors = vectors_array(values[None, :, None], ("en",), glasgow.index)
    scores, _ = pca(vectors, norms=norms)
    table = axis_correlations(vectors, scores, norms).set_index(["component", "reference"])
    assert table.loc[(1, "Glasgow2019 valence"), "r"] > 0.99
    assert table.loc[(1, "Glasgow2019 valence"), "n_emotions"] == 10
    assert table.loc[(1, "Glasgow2019 valence"), "p_familywise"] < 0.02
    expected = np.corrcoef(
        scores[scores["component"] == 2].set_index("emotion")["score"].loc[glasgow.index],
        glasgow["arousal"].astype(float),
    )[0, 1]
    assert table.loc[(2, "Glasgow2019 arousal"), "r"] == pytest.approx(expected)


def test_poles_are_the_differences_of_their_means() -> None:
    vectors = random_vectors(1, n=30, hidden=40)
    own = vectors.sel(language="en", layer=2)
    axes = {}
    for axis, (high, low) in POLES.items():
        axes[axis] = (
            own.sel(emotion=list(high)).mean("emotion").values - own.sel(emotion=list(low)).mean("emotion").values
        )
    cosine = axes["valence"] @ axes["arousal"] / np.linalg.norm(axes["valence"]) / np.linalg.norm(axes["arousal"])
    poles = pole_cosines(vectors).set_index(["language", "layer"])["cosine"]
    assert poles["en", 2] == pytest.approx(cosine)
    scores, _ = pca(vectors)
    table = axis_correlations(vectors, scores, load_norms()).set_index(["language", "layer", "component", "reference"])
    first = scores.query("language == 'en' and layer == 2 and component == 1").set_index("emotion")["score"]
    r = np.corrcoef(first.loc[own["emotion"].values], own.values @ axes["valence"])[0, 1]
    assert table.loc[("en", 2, 1, "post valence"), "r"] == pytest.approx(r)
    # The sign rule of the first layer: towards the positive pole.
    assert (table.xs("post valence", level="reference").xs(0, level="layer")["r"] >= 0).all()
    assert table.loc[("en", 2, 1, "RussellMehrabian1977 arousal"), "n_emotions"] == 20


def test_a_pole_without_words_leaves_its_reference_out() -> None:
    words = ["joyful", "loving", "calm", "angry", "lonely", "sad", "afraid", "jealous", "hopeful", "proud"]
    vectors = vectors_array(np.random.default_rng(0).normal(size=(1, 10, 1, 6)), ("en",), words)
    table = axis_correlations(vectors, pca(vectors)[0], load_norms())
    assert "post arousal" in set(table["reference"])
    assert "post valence" not in set(table["reference"])
    assert pole_cosines(vectors).empty


@given(seed=st.integers(0, 1000))
def test_label_order_changes_no_component_nor_its_sign(seed: int) -> None:
    vectors = random_vectors(seed, languages=("en",), n=11)
    unknown = vectors.assign_coords(emotion=[f"x{i}" for i in range(11)])
    norms = load_norms()
    for one in (vectors, unknown):
        other = relabelled(one, seed)
        pd.testing.assert_frame_equal(pca(one, norms=norms)[0], pca(other, norms=norms)[0])
        pd.testing.assert_frame_equal(
            axis_correlations(one, pca(one)[0], norms, 19), axis_correlations(other, pca(other)[0], norms, 19)
        )


@pytest.mark.fault("F4")
def test_axes_of_random_words_are_the_null_of_the_poles() -> None:
    vectors = random_vectors(2, languages=("en",), n=30, layers=2, hidden=40)
    emotions = sorted(DEFAULT_30)
    scores = pca(vectors, 2)[0]
    table = axis_correlations(vectors, scores, load_norms(), permutations=99, seed=5)
    orders = label_permutations(30, 99, 5)
    drawn: dict[tuple[int, int, str], list[float]] = {}
    for layer, axis, component in product((0, 1), POLES, (1, 2)):
        own = vectors.sel(language="en", layer=layer, emotion=emotions).values
        shown = scores.query("layer == @layer and component == @component").set_index("emotion")["score"][emotions]
        found = drawn[layer, component, axis] = []
        for order in [np.arange(30), *orders]:
            # The word at place i passes for the word at place order[i].
            high, low = (
                np.mean([own[i] for i in range(30) if emotions[order[i]] in side], axis=0) for side in POLES[axis]
            )
            found.append(abs(np.corrcoef(shown, own @ (high - low))[0, 1]))
    values = np.array(list(drawn.values())).round(12)
    shares = (values[:, None, :] >= values[:, :, None]).mean(axis=2)
    rows = table.set_index(["layer", "component", "reference"])
    for (layer, component, axis), own, share in zip(drawn, values, shares, strict=True):
        row = rows.loc[(layer, component, f"post {axis}")]
        assert abs(row["r"]) == pytest.approx(own[0])
        assert row["p"] == pytest.approx(share[0])
        assert row["null_95"] == pytest.approx(np.sort(own[1:])[-5])  # of 99 the 5th largest: 5 = .05 × 100
        assert row["p_familywise"] == pytest.approx((shares.min(axis=0) <= share[0]).mean())


@pytest.mark.fault("F4")
def test_poles_of_vectors_without_structure_are_not_significant() -> None:
    # The textbook's test calls three in four of these correlations significant.
    table = poles_of(60, 59)
    first = table[table["component"] == 1]
    assert (first["r"].abs() > 0.361).mean() > 0.5
    assert (first["p"] <= 0.05).mean() < 0.12
    assert 0.35 < (first["p"] <= 0.5).mean() < 0.65
    assert (table.groupby("simulation")["p_familywise"].min() <= 0.05).mean() < 0.15


@pytest.mark.fault("F14")
def test_few_emotions_are_not_correlated() -> None:
    vectors = random_vectors(3, n=9)
    assert axis_correlations(vectors, pca(vectors)[0], load_norms()).empty


def test_the_poles_own_cosine_is_tested_with_both_axes_shuffled_together() -> None:
    vectors = random_vectors(4, languages=("en",), n=30, layers=1, hidden=40)
    own = vectors.sel(layer=0).isel(language=0).sortby("emotion").values
    emotions = sorted(DEFAULT_30)
    cosines = []
    for order in [np.arange(30), *label_permutations(30, 49, 1)]:
        axes = [
            np.subtract(*(np.mean([own[i] for i in range(30) if emotions[order[i]] in s], axis=0) for s in sides))
            for sides in POLES.values()
        ]
        cosines.append(abs(axes[0] @ axes[1]) / np.sqrt(axes[0] @ axes[0] * (axes[1] @ axes[1])))
    row = pole_cosines(vectors, 49, 1).iloc[0]
    assert row["p"] == pytest.approx(np.mean(np.array(cosines) >= cosines[0]))


def test_a_component_keeps_its_sign_from_layer_to_layer() -> None:
    # A component whose correlation with valence passes through zero: the pole alone would turn it round.
    vectors = random_vectors(0, languages=("en",), n=30, layers=9, hidden=40)
    emotions = vectors["emotion"].values.tolist()
    rng = np.random.default_rng(1)
    valence = np.array([(e in POLES["valence"][0]) - (e in POLES["valence"][1]) for e in emotions], float)
    valence -= valence.mean()
    other = rng.normal(size=30)
    other -= other.mean()
    other -= valence * (other @ valence) / (valence @ valence)
    axis, aside, minor = np.linalg.qr(rng.normal(size=(40, 3)))[0].T
    for layer in range(9):
        tilt = 0.4 - 0.1 * layer
        main = 6 * other / np.linalg.norm(other) + 6 * tilt * valence / np.linalg.norm(valence)
        vectors[{"language": 0, "layer": layer}] = np.outer(main, axis) + np.outer(valence, aside) + 0.01 * minor
    table = pca(vectors, components=1)[0].pivot(index="emotion", columns="layer", values="score")
    steps = [np.corrcoef(table[layer], table[layer + 1])[0, 1] for layer in range(8)]
    assert min(steps) > 0.9
    r = axis_correlations(vectors, pca(vectors, 1)[0], load_norms()).query("reference == 'post valence'")
    assert r.sort_values("layer")["r"].iloc[0] > 0 > r.sort_values("layer")["r"].iloc[-1]


def test_two_emotions_have_one_component() -> None:
    scores, shares = pca(random_vectors(0, n=2))
    assert set(scores["component"]) == {1}
    assert shares["share"].values == pytest.approx(1)


def test_norms_mean_the_adjective_content_and_agree_with_each_other() -> None:
    norms = load_norms()
    assert not norms.duplicated(["source", "word"]).any()
    assert norms.query("word == 'content'")["valence"].item() == pytest.approx(8.156)
    assert set(norms["word"]) <= set(DEFAULT_30)
    agreement = norm_agreement(norms).set_index("dimension")["r"]
    assert agreement["valence"] == pytest.approx(0.96, abs=0.005)
    assert agreement["arousal"] == pytest.approx(0.85, abs=0.005)


@pytest.mark.fault("F7")
def test_the_ceiling_is_what_a_perfect_predictor_reaches() -> None:
    found = norm_agreement(load_norms()).set_index("dimension")["ceiling"]
    assert found["valence"] == pytest.approx(0.98, abs=0.005)
    assert found["arousal"] == pytest.approx(0.92, abs=0.005)
    simulated = ceiling(300, []).set_index("reliability")
    assert simulated["perfect predictor"][0.85] == pytest.approx(np.sqrt(0.85), abs=0.01)
    assert simulated["perfect predictor"][0.85] > simulated["two sources"][0.85] + 0.04


def test_own_norms_are_read_and_broken_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("word,valence\nSad,1.5\njoyful,8\n")
    norms = load_norms(path)
    assert norms[["source", "word", "valence"]].values.tolist() == [["mine", "joyful", 8.0], ["mine", "sad", 1.5]]
    assert norms["arousal"].isna().all()
    for text, message in (
        ("wort,valence\na,1\n", "no column .word."),
        ("word\na\n", "one of the columns valence, arousal, dominance"),
        ("word,valence\na,high\n", "isn't a number"),
        ("word,valence\na,1\na,2\n", "'a' is given twice"),
    ):
        path.write_text(text)
        with pytest.raises(EmovecError, match=message):
            load_norms(path)
    with pytest.raises(EmovecError, match="no such file"):
        load_norms(tmp_path / "none.csv")


def test_shares_of_the_neutral_texts_stand_beside_those_of_the_vectors() -> None:
    inputs = study_inputs(1, layers=2, denoise=True)
    texts = {language: random_states(9, 8, seed) for seed, language in enumerate(("en", "ja"))}
    given = dataclasses.replace(inputs, neutral=lambda _, language: texts.get(language) if language == "en" else None)
    table = run_analysis("pca", given).tables["pca_variance"].set_index(["variant", "layer", "language", "component"])
    for variant, scale in (("raw", 1.0), ("standardised", inputs.vectors.scale.sel(layer=1).values)):
        values = texts["en"].values / scale
        energy = np.linalg.svd(values - values.mean(axis=0), compute_uv=False) ** 2
        own = table.loc[(variant, 1, "en"), "neutral_share"]
        np.testing.assert_allclose(own, (energy / energy.sum())[: len(own)], atol=1e-9)
    assert table.xs("ja", level="language")["neutral_share"].isna().all()


def random_states(n: int, hidden: int, seed: int) -> xr.DataArray:
    return xr.DataArray(np.random.default_rng(seed).normal(size=(n, hidden)), dims=("story", "hidden"))


def test_poles_of_the_studys_own_make_the_axis_that_they_name() -> None:
    vectors = vectors_array(np.random.default_rng(3).normal(size=(1, 30, 1, 8)), ["en"], DEFAULT_30)
    own = {"valence": (["calm", "proud"], ["bored"])}
    scores = pca(vectors, 2, poles=own)[0]
    table = axis_correlations(vectors, scores, load_norms(), 19, poles=own).set_index(["reference", "component"])
    assert {"own valence", "post arousal"} < set(table.index.get_level_values("reference"))
    at = vectors.isel(language=0, layer=0)
    at = at - at.mean("emotion")
    axis = at.sel(emotion=["calm", "proud"]).mean("emotion") - at.sel(emotion="bored")
    along = at.dot(axis).to_series()
    for component, column in scores.set_index("emotion").groupby("component")["score"]:
        row = table.loc[("own valence", component)]
        assert row["r"] == pytest.approx(np.corrcoef(column, along[column.index])[0, 1])
        assert row["r"] >= 0
        assert (row["high"], row["low"]) == ("calm, proud", "bored")
    (cosine,) = pole_cosines(vectors, 19, poles=own).to_dict("records")
    high, low = (at.sel(emotion=list(side)).mean("emotion") for side in POLES["arousal"])
    lengths = np.linalg.norm(axis) * np.linalg.norm(high - low)
    assert cosine["cosine"] == pytest.approx(float(axis.dot(high - low)) / lengths)
    assert cosine["high_valence"] == "calm, proud"
    assert cosine["low_arousal"] == "serene, calm, indifferent, bored"
