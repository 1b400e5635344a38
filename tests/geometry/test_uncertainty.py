import numpy as np
import pytest
from benchmarks.calibration import coverage_of, retrieval_coverage

from emovec.geometry import (
    axis_correlations,
    cross_lingual_cosine,
    jackknife_interval,
    load_norms,
    pca,
    rsa,
    run_analysis,
    topic_cells,
)
from emovec.geometry.resampled_components import component_correlations, component_references
from emovec.geometry.uncertainty import pair_statistics
from tests.geometry.planted import relabelled
from tests.geometry.planted_cells import study_inputs

EMOTIONS = (
    "sad",
    "calm",
    "angry",
    "afraid",
    "proud",
    "joyful",
    "ashamed",
    "excited",
    "bored",
    "guilty",
    "lonely",
    "serene",
)
SMALL = {"emotions": EMOTIONS, "topics": [f"t{k}" for k in range(6)], "bootstraps": 50, "noise": 0.5}


def test_estimates_are_the_numbers_of_the_other_tables() -> None:
    inputs = study_inputs(1, layers=2, denoise=True, layer=1, **SMALL)
    found = run_analysis("uncertainty", inputs).tables["intervals"]
    norms = load_norms()
    for variant in ("raw", "standardised"):
        vectors = inputs.vectors.variant(variant)
        own = found[found["variant"] == variant]
        expected = rsa(vectors, "en", "ja", permutations=1).query("method == 'pearson'").set_index("layer")["r"]
        across = cross_lingual_cosine(vectors, "en", "ja", permutations=1).set_index("layer")
        axes = axis_correlations(vectors, pca(vectors, 2, norms)[0], norms)
        for layer in (0, 1):
            rows = own[own["layer"] == layer].set_index("statistic")["estimate"]
            assert rows["rsa"] == pytest.approx(expected[layer], abs=1e-5)
            for name in ("same_cosine", "retrieval_ab", "retrieval_ba"):
                assert rows[name] == pytest.approx(across.at[layer, name], abs=1e-5)
            difference = across.at[layer, "same_cosine"] - across.at[layer, "other_cosine"]
            assert rows["cosine_difference"] == pytest.approx(difference, abs=1e-5)
        named = axes.assign(
            reference=[f"component {k} · {name}" for k, name in axes[["component", "reference"]].values]
        )
        theirs = named.set_index(["layer", "language", "reference"])["r"]
        ours = own[own["statistic"] == "pc_norm"].set_index(["layer", "language_a", "reference"])["estimate"]
        assert set(ours.index) == set(theirs.index)
        np.testing.assert_allclose(ours.sort_index(), theirs.sort_index(), atol=1e-4)


def test_intervals_hold_their_estimates_and_end_in_bounds() -> None:
    inputs = study_inputs(2, **SMALL)
    tables = run_analysis("uncertainty", inputs).tables
    rows = tables["intervals"]
    assert ((rows["low"] <= rows["estimate"]) & (rows["estimate"] <= rows["high"])).all()
    plain = rows[rows["statistic"].isin(["rsa", "pc_norm"])]
    assert plain[["low", "high", "low_percentile", "high_percentile"]].abs().to_numpy().max() <= 1
    assert (tables["ceiling"]["ceiling"] <= 1).all()
    assert set(tables["reliability"]["language"]) == {"en", "ja"}


def test_resampled_statistics_equal_plain_ones_topic_by_topic() -> None:
    inputs = study_inputs(3, **SMALL)
    cells = topic_cells(inputs.vectors, inputs.activations, 0, "raw")
    weights = 1 - np.eye(6)
    own = {la: cells.grams(weights, la, la) for la in ("en", "ja")}
    found = pair_statistics(own["en"], own["ja"], cells.grams(weights, "en", "ja"))
    for left_out in range(6):
        means = []
        for language in ("en", "ja"):
            states = inputs.activations(0, language)
            kept = states.isel(story=np.flatnonzero(states.topic.values != f"t{left_out}"))
            rows = np.stack([kept.values[kept.emotion.values == e].mean(axis=0) for e in sorted(EMOTIONS)])
            rows = rows - rows.mean(axis=0)
            means.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        i, j = np.triu_indices(12, 1)
        expected = np.corrcoef((means[0] @ means[0].T)[i, j], (means[1] @ means[1].T)[i, j])[0, 1]
        assert found["rsa"][left_out] == pytest.approx(expected)
        cosines = means[0] @ means[1].T
        assert found["same_cosine"][left_out] == pytest.approx(np.diag(cosines).mean())
        assert found["retrieval_ba"][left_out] == pytest.approx((cosines.argmax(axis=0) == np.arange(12)).mean())


def test_components_keep_the_sign_they_are_shown_with() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, 5)) * [5, 3, 1, 1, 1]
    values -= values.mean(axis=0)
    u, s, _ = np.linalg.svd(values, full_matrices=False)
    references = component_references(sorted(EMOTIONS), load_norms())
    grams = np.stack([values @ values.T] * 2)
    plus = component_correlations(grams, u[:, :2] * s[:2], references)
    minus = component_correlations(grams, -u[:, :2] * s[:2], references)
    assert plus
    for name, values_plus in plus.items():
        np.testing.assert_allclose(values_plus, -minus[name])


def test_label_order_changes_no_number() -> None:
    inputs = study_inputs(4, **SMALL)
    vectors = inputs.vectors
    moved = {name: relabelled(getattr(vectors, name), 1) for name in ("raw", "centred")}
    other = type(vectors)(**{**vars(vectors), **moved})
    swapped = type(inputs)(**{**vars(inputs), "vectors": other})
    ours, theirs = (run_analysis("uncertainty", given).tables["intervals"] for given in (inputs, swapped))
    keys = ["variant", "statistic", "reference"]
    names = {"retrieval_ab", "retrieval_ba", "pc_norm"}
    a, b = (t[~t["statistic"].isin(names)].set_index(keys).sort_index() for t in (ours, theirs))
    np.testing.assert_allclose(a[["estimate", "low", "high"]], b[["estimate", "low", "high"]], atol=1e-6)


@pytest.mark.parametrize("languages", [("en",), ("en", "ja", "sw")])
def test_other_numbers_of_languages(languages: tuple[str, ...]) -> None:
    outcome = run_analysis("uncertainty", study_inputs(5, languages=languages, **SMALL))
    pairs = set(outcome.tables["ceiling"][["language_a", "language_b"]].itertuples(index=False, name=None))
    assert len(pairs) == len(languages) * (len(languages) - 1) // 2
    assert set(outcome.tables["reliability"]["language"]) == set(languages)
    assert ("note" in outcome.summary) == (len(languages) == 1)


def test_too_little_to_resample_leaves_a_note() -> None:
    few = run_analysis("uncertainty", study_inputs(6, topics=["t1", "t2"], bootstraps=10))
    assert few.summary["note"] == "There are 2 topics; intervals over topics take at least 4."
    assert few.tables["intervals"].empty
    three = run_analysis("uncertainty", study_inputs(6, emotions=("sad", "calm", "angry"), bootstraps=10))
    assert three.tables["ceiling"].empty


def test_low_reliability_is_warned_of() -> None:
    given = SMALL | {"noise": 6.0}
    ceiling = run_analysis("uncertainty", study_inputs(7, **given)).tables["ceiling"]
    assert ceiling["warning"].str.contains("below 0.5").all()
    assert (run_analysis("uncertainty", study_inputs(7, **SMALL)).tables["ceiling"]["r"] > 0.5).all()


@pytest.mark.parametrize("shared", [0.67, 0.975])
def test_corrected_intervals_hold_the_noise_free_agreement(shared: float) -> None:
    found = coverage_of(15, 12, shared, 0.6, 0.0, bootstraps=20)
    assert found["corrected holds true"] >= 80
    assert found["jackknife holds expected"] >= 80
    assert found["corrected r"] == pytest.approx(found["true r"], abs=0.04)
    assert found["percentile holds true"] < found["corrected holds true"]


@pytest.mark.fault("F6")
def test_retrieval_intervals_hold_the_expected_share_and_their_own_estimate() -> None:
    found = retrieval_coverage(16, 12, 0.9, 0.8, bootstraps=100)
    assert found["holds"] >= 0.9
    assert found["holds own"] == 1
    assert found["percentile holds"] < found["holds"]


def test_an_interval_of_a_statistic_that_never_moves_has_no_width() -> None:
    low, high, error = jackknife_interval(np.array(1.0), np.ones(6))
    assert (low, high, error) == (1, 1, 0)
