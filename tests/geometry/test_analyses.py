import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import emovec.geometry
from emovec.corpus.story import Story
from emovec.emotions import DEFAULT_30
from emovec.geometry import ANALYSES, Inputs, run_analysis
from emovec.geometry.analysis import Analysis, Outcome, Table, plain
from emovec.geometry.registry import GIVEN_BY, TABLES
from tests.geometry.planted import emotion_vectors, make_stories, story_activations, vectors_array
from tests.geometry.test_lens import Head

LAYERS, HIDDEN = 3, 12
WORDS = ["door", "rain", "hand", "light", "stone", "angry", "joyful"]


class Model(Head):
    """A head that also reads texts, word by word."""

    def token_states(self, text: str, layers: Sequence[int]) -> xr.DataArray:
        words = text.split()
        values = np.random.default_rng(len(text)).normal(size=(len(layers), len(words), HIDDEN))
        coords = {"layer": list(layers), "token_text": ("token", words), "own": ("token", np.ones(len(words), bool))}
        return xr.DataArray(values, dims=("layer", "token", "hidden"), coords=coords)


@pytest.fixture(autouse=True)
def _reads_with_the_fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emovec.activations.tokens.token_states", lambda model, *args: model.token_states(*args))


def make_inputs(
    languages: Sequence[str] = ("en", "ja"), n: int = 6, topics: Sequence[str | None] = ("a", "b", "c")
) -> Inputs:
    """A whole study with a structure that the languages share."""
    rng = np.random.default_rng(0)
    emotions = DEFAULT_30[:n]
    means = rng.normal(size=(n, LAYERS, HIDDEN)) * 2
    stories: list[Story] = []
    arrays: dict[tuple[int, str], xr.DataArray] = {}
    vectors = np.empty((len(languages), n, LAYERS, HIDDEN))
    for at, language in enumerate(languages):
        own = [
            dataclasses.replace(story, text=" ".join(rng.choice(WORDS, 8)))
            for story in make_stories(language, emotions, topics)
        ]
        stories += own
        belongs = np.array([emotions.index(story.emotion) for story in own])
        for layer in range(LAYERS):
            values = means[belongs, layer] + rng.normal(size=(len(own), HIDDEN))
            arrays[layer, language] = story_activations(values, own)
            vectors[at, :, layer] = [values[belongs == e].mean(axis=0) for e in range(n)]
    model = Model(len(WORDS), HIDDEN, vocabulary=WORDS)
    centred = vectors_array(vectors - vectors.mean(axis=1, keepdims=True), languages, emotions)
    return Inputs(
        vectors=emotion_vectors(centred, rng.uniform(0.5, 2, HIDDEN)),
        activations=lambda layer, language: arrays[layer, language],
        stories=stories,
        model=lambda: model,
        permutations=60,
        top_k=3,
        layer=1,
    )


def run_all(inputs: Inputs) -> tuple[dict, dict]:
    tables, summaries = {}, {}
    for name, analysis in ANALYSES.items():
        result = run_analysis(name, inputs)
        assert result.tables.keys() == analysis.tables.keys()
        json.dumps([result.summary, result.parameters], allow_nan=False)
        tables |= result.tables
        summaries[name] = result.summary
    return tables, summaries


# Numbers that aren't defined for every row: a cluster of one, a confound that is no matrix, a map in a plane, words
# that nobody rated, a number computed at the chosen layer alone, a test of few emotions.
MAY_LACK = {
    "silhouette": {"silhouette"},
    "confounds": {"r_confound", "partial_noise_free"},
    "cluster_quality": {
        "silhouette",
        "stability",
        "silhouette_chance",
        "silhouette_95",
        "stability_chance",
        "stability_95",
    },
    "cluster_profile": {"valence", "arousal"},
    "manifold": {"z", "share"},
    "procrustes": {"r2_95"},
    "poles": {"p", "p_familywise", "null_95"},
    "pca_variance": {"neutral_share"},
    "geodesic": {
        *("rsa_geodesic", "free_geodesic", "free_euclidean", "ceiling_geodesic", "ceiling_euclidean"),
        *("difference", "low", "high"),
    },
}


@pytest.mark.parametrize(
    ("languages", "n", "topics"),
    [
        (("en", "ja"), 6, ("a", "b", "c")),
        (("en",), 6, ("a", "b", "c")),
        (("en", "ja", "de"), 5, ("a", "b", "c")),
        (("en", "ja"), 6, (None,)),
        (("en", "ja"), 5, ("a",)),
        (("en", "ja"), 2, ("a", "b")),
        (("en", "ja"), 3, ("a", "b")),
        (("en",), 2, (None,)),
    ],
)
def test_every_study_gets_every_table(languages: Sequence[str], n: int, topics: Sequence[str | None]) -> None:
    tables, summaries = run_all(make_inputs(languages, n, topics))
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        assert list(table.columns) == TABLES[name].columns
        lacking = set(table.columns[table.isna().any()])
        assert lacking <= MAY_LACK.get(name, set()), name
        for column in {"layer", "k", "rank", "component", "n_stories"} & set(table.columns):
            assert table[column].dtype == np.int64
        if "variant" in table and len(table):
            assert set(table["variant"]) == {"raw", "standardised"}
        for column in {"p", "p_familywise"} & set(table.columns):
            assert table[column].dropna().between(0, 1, inclusive="right").all()
    pairs = len(languages) * (len(languages) - 1) // 2
    assert tables["rsa"].empty == (pairs == 0 or n < 4)
    assert len(tables["crosslingual"]) == pairs * LAYERS * 2
    assert "note" in summaries["rsa"] or len(tables["rsa"]) == pairs * LAYERS * 2 * 3


def test_one_language_is_said_to_be_alone() -> None:
    _, summaries = run_all(make_inputs(("en",)))
    for name in ("rsa", "crosslingual"):
        assert "one language" in summaries[name]["note"]


def test_too_few_emotions_are_said_to_be_too_few() -> None:
    assert "share 3 emotions" in run_analysis("rsa", make_inputs(n=3)).summary["note"]


def test_an_analysis_runs_after_those_that_give_what_it_takes() -> None:
    order = list(ANALYSES)
    assert order.index("decoding") < order.index("choice")
    assert all(order.index("choice") < order.index(name) for name, one in ANALYSES.items() if "layer" in one.inputs)
    assert {name: maker.name for name, maker in GIVEN_BY.items()} == {"decoding": "decoding", "layer": "choice"}


def test_every_module_with_an_analysis_is_found_and_no_name_comes_twice() -> None:
    folder = Path(emovec.geometry.__file__).parent
    written = [line for file in folder.glob("*.py") for line in file.read_text().splitlines() if "= Analysis(" in line]
    assert len(written) == len(ANALYSES)
    assert len(TABLES) == sum(len(analysis.tables) for analysis in ANALYSES.values())


def test_names_and_tables_are_known_without_the_heavy_libraries() -> None:
    heavy = "{'torch', 'sklearn', 'umap', 'numba', 'transformers'}"
    code = f"import sys, emovec.geometry.registry; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_analysis_takes_only_what_there_is() -> None:
    def run(vectors: object, weather: object) -> Outcome:
        raise NotImplementedError

    with pytest.raises(TypeError, match="'mood' takes weather"):
        Analysis("mood", run, {})


def test_columns_have_types_also_without_rows() -> None:
    table = Table("layer:int language:str r").of([])
    assert [str(kind) for kind in table.dtypes] == ["int64", "str", "float64"]


def test_choice_follows_the_setting_then_the_decoding_then_depth() -> None:
    inputs = make_inputs()
    assert run_analysis("choice", dataclasses.replace(inputs, fixed_layer=1)).summary["layer"] == 1
    decoding = run_analysis("decoding", inputs).tables["decoding"]
    decoding["accuracy"] = 0.1 + 0.2 * (decoding["layer"] == 2)
    free = dataclasses.replace(inputs, decoding=decoding)
    assert run_analysis("choice", free).summary["layer"] == 2
    nothing = make_inputs(topics=(None,))
    summary = run_analysis("choice", nothing).summary
    assert summary["layer"] == 2
    assert "two thirds" in summary["reason"]


def test_energy_is_told_of_every_kind_of_vectors_and_tokens_of_the_centred_ones() -> None:
    inputs = make_inputs()
    centred = inputs.vectors.centred.copy()
    centred[{"hidden": 7}] *= 30
    raw, denoised = inputs.vectors.centred.copy(), inputs.vectors.centred.copy()
    raw[{"hidden": 3}] += 1000
    denoised[{"hidden": 7}] = 0
    vectors = dataclasses.replace(inputs.vectors, raw=raw, centred=centred, denoised=denoised)
    found = run_analysis("outliers", dataclasses.replace(inputs, vectors=vectors))
    table = found.tables["outliers"]
    assert set(table[["kind", "variant"]].itertuples(index=False, name=None)) == {
        (kind, variant) for kind in ("raw", "centred", "denoised") for variant in ("raw", "standardised")
    }
    first = table.query("variant == 'raw' and rank == 1").groupby("kind")["dimension"].unique()
    assert first["raw"].tolist() == [3]
    assert first["centred"].tolist() == [7]
    assert 7 not in first["denoised"]
    assert table.query("variant == 'raw' and kind == 'raw' and rank == 1")["energy_share"].min() > 0.99
    assert set(found.tables["outlier_tokens"]["dimension"]) == {7}
    assert set(run_analysis("outliers", inputs).tables["outliers"]["kind"]) == {"raw", "centred"}


def test_stories_without_activations_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make_inputs()
    # Longer than the model's context: it was left out of the activations, and no word of it is in the vocabulary.
    long = [
        dataclasses.replace(story, id=f"{story.id}-long", text="endless " * 9)
        for story in inputs.stories
        if story.language == "en"
    ]
    # The id of an English story says nothing of a Japanese one.
    borrowed = dataclasses.replace(inputs.stories[0], language="ja", text="endless")
    more = dataclasses.replace(inputs, stories=[*long, *inputs.stories, borrowed])
    seen: list[str] = []

    def watched(model: Model, text: str, layers: Sequence[int]) -> xr.DataArray:
        seen.append(text)
        return model.token_states(text, layers)

    monkeypatch.setattr("emovec.activations.tokens.token_states", watched)
    for name in ("lexical", "outliers"):
        expected, found = run_analysis(name, inputs), run_analysis(name, more)
        assert all(table.equals(found.tables[key]) for key, table in expected.tables.items())
    assert seen
    assert not any("endless" in text for text in seen)


def test_what_is_no_number_is_none_in_a_summary() -> None:
    rows = plain(pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["x", "y"]}))
    assert rows == [{"a": 1, "b": 0.5, "c": "x"}, {"a": 2, "b": None, "c": "y"}]
    json.dumps(rows, allow_nan=False)


def test_the_same_seed_gives_the_same_tables() -> None:
    one, other = run_all(make_inputs())[0], run_all(make_inputs())[0]
    assert all(table.equals(other[name]) for name, table in one.items())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emovec.geometry.nothing
