import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emovec.languages.language import Language
from emovec.steering.experiments import calibration, calibration_statistics
from emovec.steering.experiments.experiment import SteeringInputs

STRENGTHS = (0.1, 0.2, 0.4)


def words_table(effect: dict[str, float], control: float = 0.0, noise: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Effects planted by vector and text language, growing with strength, largest at layer 5."""
    rng = np.random.default_rng(seed)
    rows = []
    for pair, slope in effect.items():
        of, language = pair.split(">")
        for layer in (2, 5):
            for strength in STRENGTHS:
                for frame in ("a", "b", "c", "d"):
                    for emotion in ("sad", "angry", "calm"):
                        base = {"vector_language": of, "language": language, "layer": layer, "strength": strength}
                        base |= {"frame": frame, "emotion": emotion, "n_words": 9, "task": "words"}
                        for vector in ("sad", "angry", "calm"):
                            size = slope * strength * (1 if layer == 5 else 0.3) * (1 if vector == emotion else -0.5)
                            size += noise * rng.standard_normal()
                            rows.append(base | {"kind": "emotion", "name": vector, "effect": size, "own": size + 1})
                        for kind, name in (("random", "random 1"), ("shuffled", "shuffled 1"), ("random", "random 2")):
                            size = control * strength + noise * rng.standard_normal()
                            rows.append(base | {"kind": kind, "name": name, "effect": size, "own": size})
    return pd.DataFrame(rows)


def texts_table(ends: dict[str, float], layers: tuple[int, ...] = (2, 5)) -> pd.DataFrame:
    """Texts that are as good as unsteered ones up to a strength for each direction, and explode beyond it."""
    rows = []
    for layer in layers:
        for opening in ("x", "y"):
            base = {"vector_language": "en", "language": "en", "layer": layer, "opening": opening, "task": "texts"}
            base |= {"text": "and so on"}
            rows.append(
                base | {"kind": "baseline", "name": "baseline", "strength": 0.0, "perplexity": 8.0, "distinct": 0.9}
            )
            for name, end in ends.items():
                for strength in STRENGTHS:
                    kind = name.split()[0] if " " in name else "emotion"
                    fine = strength <= end
                    row = {"kind": kind, "name": name, "strength": strength, "distinct": 0.9}
                    rows.append(base | row | {"perplexity": 9.0 if fine else 80.0})
    return pd.DataFrame(rows)


def test_the_window_ends_where_texts_explode_and_the_best_layer_is_found() -> None:
    words = words_table({"en>en": 10.0})
    texts = texts_table({"sad": 0.2, "angry": 0.4, "calm": 0.0, "random 1": 0.4, "shuffled 1": 0.1})
    found = calibration_statistics.windows(
        words, calibration_statistics.coherence(texts), ["sad", "angry", "calm"]
    ).set_index(["emotion", "layer"])
    assert found["strength"].to_dict() == {
        ("sad", 2): 0.2, ("sad", 5): 0.2, ("angry", 2): 0.4, ("angry", 5): 0.4, ("calm", 2): 0.0, ("calm", 5): 0.0,
    }  # fmt: skip
    assert found.loc[("sad", 5), "best"]
    assert not found.loc[("sad", 2), "best"]
    assert found.loc[("sad", 5), "effect"] == pytest.approx(2.0, abs=0.15)
    assert found.loc[("sad", 5), "low"] < 2.0 < found.loc[("sad", 5), "high"]
    assert found.loc[("calm", 5), "effect"] == 0
    # A control is heard at the end of its own window, and may choose its layer too.
    cell = words[words["emotion"] == "sad"]
    ends = {"random 1": 0.4, "shuffled 1": 0.1}
    rivals = [
        cell[(cell["layer"] == layer) & (cell["name"] == name) & (cell["strength"] == end)]["effect"].mean()
        for layer in (2, 5)
        for name, end in ends.items()
    ]
    assert found.loc[("sad", 5), "control_max"] == pytest.approx(max(0.0, *rivals))


def test_a_gap_in_coherence_ends_the_window() -> None:
    texts = texts_table({"sad": 0.4})
    texts.loc[(texts["strength"] == 0.2), "distinct"] = 0.1
    found = calibration_statistics.windows(
        words_table({"en>en": 1.0}), calibration_statistics.coherence(texts), ["sad"]
    )
    assert set(found["strength"]) == {0.1}


def test_coherence_compares_texts_of_one_opening() -> None:
    texts = texts_table({"sad": 0.4})
    texts.loc[texts["opening"] == "y", "perplexity"] *= 10  # an opening that is hard to go on from, steered or not
    cell = calibration_statistics.coherence(texts)
    assert cell["perplexity_ratio"].to_numpy() == pytest.approx(9 / 8)
    assert set(cell["regime"]) == {"surgical"}
    assert set(cell["name"]) == {"sad", calibration_statistics.ALL}


def test_languages_are_crossed_and_an_effect_is_told_from_none() -> None:
    words = words_table({"en>en": 5.0, "ja>en": 2.0, "en>ja": 0.0, "ja>ja": 4.0}, control=1.0)
    found = calibration_statistics.cross_language(words).set_index(["vector_language", "language", "layer", "strength"])
    for (of, language), slope in {("en", "en"): 5.0, ("ja", "en"): 2.0, ("en", "ja"): 0.0, ("ja", "ja"): 4.0}.items():
        row = found.loc[(of, language, 5, 0.4)]
        assert row["effect"] == pytest.approx(slope * 0.4, abs=0.06)
        assert row["control"] == pytest.approx(0.4, abs=0.06)
        assert row["excess"] == pytest.approx(slope * 0.4 - 0.4, abs=0.08)
        assert (row["excess_low"] > 0) == (slope > 1)
    rows = words[(words["vector_language"] == "ja") & (words["language"] == "en")]
    rows = rows[(rows["layer"] == 2) & (rows["strength"] == 0.1) & (rows["name"] == rows["emotion"])]
    assert found.loc[("ja", "en", 2, 0.1), "effect"] == pytest.approx(rows["effect"].mean())


@pytest.mark.fault("F11")
def test_the_other_languages_vectors_are_set_against_the_own_word_by_word() -> None:
    """Words and frames differ far more than the vectors do: only the paired difference shows which do more."""
    words = words_table({"en>en": 3.0, "ja>en": 2.0, "ja>ja": 3.0})
    hard = words["emotion"].map({"sad": 3.0, "angry": -3.0, "calm": 0.0}) + words["frame"].map(
        {"a": 0, "b": 1, "c": 2, "d": 3}
    )
    words = words.assign(effect=words["effect"] + hard.where(words["kind"] == "emotion", 0.0))
    found = calibration_statistics.cross_language(words).set_index(["vector_language", "language", "layer", "strength"])
    row = found.loc[("ja", "en", 5, 0.4)]
    own = found.loc[("en", "en", 5, 0.4)]
    assert row["less_own"] == pytest.approx(-0.4, abs=0.06)
    assert row["less_own"] == pytest.approx(row["effect"] - own["effect"])
    assert row["less_own_low"] < row["less_own"] < row["less_own_high"] < 0
    assert row["low"] < own["effect"] < row["high"]  # by themselves the intervals overlap widely
    assert np.isnan(own["less_own"])
    apart = words[~((words["vector_language"] == "ja") & (words["emotion"] == "sad"))]
    found = calibration_statistics.cross_language(apart).set_index(["vector_language", "language", "layer", "strength"])
    assert found.loc[("ja", "en", 5, 0.4), "less_own"] == pytest.approx(-0.4, abs=0.06)  # the same words alone


def test_assignments_tell_own_words_from_others() -> None:
    planted = words_table({"en>en": 3.0})
    cell = planted[(planted["layer"] == 5) & (planted["strength"] == 0.4)]
    found = calibration_statistics.assignment_test(cell)
    assert found["p"] == pytest.approx(1 / 6)  # the smallest that three vectors allow
    assert found["others"] == pytest.approx(-0.6, abs=0.06)
    backwards = cell.assign(name=cell["name"].replace({"sad": "angry", "angry": "calm", "calm": "sad"}))
    assert calibration_statistics.assignment_test(backwards)["p"] > 0.3


def test_under_no_effect_assignments_are_as_rare_as_they_should_be() -> None:
    rng = np.random.default_rng(0)
    emotions = list("abcd")
    rows = [{"kind": "emotion", "name": a, "emotion": b} for a in emotions for b in emotions]
    found = [
        calibration_statistics.assignment_test(pd.DataFrame(rows).assign(effect=rng.standard_normal(16)))["p"]
        for _ in range(400)
    ]
    assert 0.06 < np.mean(np.array(found) <= 3 / 24) < 0.19


def test_no_rows_give_empty_tables_and_say_why(inputs: SteeringInputs) -> None:
    finnish = replace(inputs, languages=["fi"])
    assert calibration.plan(finnish) == []
    tables, summary = calibration.EXPERIMENT.summarise(finnish, pd.DataFrame([]))
    assert "fi" in summary["note"]
    assert {name: list(table.columns) for name, table in tables.items()} == {
        name: list(columns) for name, columns in calibration_statistics.TABLES.items()
    }


def test_a_whole_calibration_of_a_tiny_model(inputs: SteeringInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tiny tokenizer knows the words w0 to w59 only.
    texts = {i: f"w1 {i}" for i in ("w2", "w3")}
    english = Language("en", frames=texts, openings=texts)
    monkeypatch.setattr(SteeringInputs, "language", lambda _self, code: english if code == "en" else Language(code))
    words = {"angry": " w5", "calm": " w6 w7", "sad": " w8", "joyful": " w6 w9"}
    monkeypatch.setattr(calibration, "frame_word", lambda _language, emotion: words.get(emotion))
    inputs = replace(inputs, settings=inputs.settings.model_copy(update={"emotions": ["angry", "calm"]}))
    units = calibration.plan(inputs)
    assert len({unit.id for unit in units}) == len(units)
    assert {(u.values["vector_language"], u.values["language"]) for u in units} == {("en", "en"), ("ja", "en")}
    assert all(unit.cost > 0 for unit in units)
    rows = [row for unit in units for row in json.loads(json.dumps(calibration.measure(inputs, unit)))]
    tables, summary = calibration.EXPERIMENT.summarise(inputs, pd.DataFrame(rows))
    for name, table in tables.items():
        assert set(calibration_statistics.TABLES[name]) <= set(table.columns), name
        assert len(table)
    layers = calibration.chosen_layers(inputs)
    assert set(tables["calibration_sweep"]["layer"]) == set(layers)
    assert inputs.layer in layers
    assert summary["strengths"] == [0.1, 0.5, 1.0]
    assert "ja" in summary["note"]
    # joyful has two tokens and isn't steered, so it is no word to compare with: angry, calm, sad.
    assert summary["n_words"] == {"en": 3}
    json.dumps(summary)
    # A unit measured alone, as after a kill, is what it was.
    again = json.loads(json.dumps(calibration.measure(inputs, units[1])))
    assert again == [row for row in rows if all(row.get(k) == v for k, v in units[1].values.items())]


def test_words_change_as_in_a_run_by_itself(inputs: SteeringInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    from emovec.models.generate import log_probabilities

    texts = {"f": "w1 w2"}
    monkeypatch.setattr(SteeringInputs, "language", lambda _self, code: Language(code, frames=texts, openings=texts))
    words = {"angry": " w5", "calm": " w6 w7", "sad": " w8"}
    monkeypatch.setattr(calibration, "frame_word", lambda _language, emotion: words.get(emotion))
    unit = next(unit for unit in calibration.plan(inputs) if unit.id == f"words.ja.en.L{inputs.layer}")
    found = pd.DataFrame(calibration.measure(inputs, unit))
    condition = next(c for c in inputs.conditions("ja") if c.kind == "emotion" and c.strength == 0.5)

    def run() -> np.ndarray:
        return log_probabilities(inputs.model, ["w1 w2"] * 3, list(words.values()))

    before = run()
    with inputs.steered(condition):
        own = run() - before
    row = found[(found["name"] == condition.name) & (found["strength"] == 0.5) & (found["emotion"] == "calm")].iloc[0]
    assert row["own"] == pytest.approx(own[1], abs=1e-4)
    assert row["effect"] == pytest.approx(own[1] - (own[0] + own[2]) / 2, abs=1e-4)
    assert abs(row["effect"]) > 0.01


def test_judged_shares_count_hits_and_what_controls_get() -> None:
    texts = texts_table({"sad": 0.4, "angry": 0.4, "random 1": 0.4}, layers=(2,))
    texts["judged"] = "none"
    texts.loc[(texts["name"] == "sad"), "judged"] = "sad"
    texts.loc[(texts["name"] == "angry"), "judged"] = "sad"
    texts.loc[(texts["name"] == "random 1") & (texts["opening"] == "x"), "judged"] = "angry"
    first = calibration_statistics.judged_shares(texts)[0]
    assert (first["hits"], first["texts"]) == (2, 4)
    assert (first["control_hits"], first["control_texts"]) == (1, 2)
    assert first["control_rate"] == pytest.approx(0.25)
    assert math.isclose(first["strength"], 0.1)


def test_a_frame_of_which_nothing_is_known_leaves_matrices_that_fit_each_other() -> None:
    words = words_table({"en>en": 10.0})
    blown = words["strength"] == 0.4
    words.loc[blown & (words["kind"] == "emotion") & (words["frame"] == "d"), "effect"] = np.nan
    table = calibration_statistics.cross_language(words).set_index(["layer", "strength"])
    assert table.loc[[(2, 0.4), (5, 0.4)], ["effect", "excess"]].isna().all(axis=None)
    assert table.drop(index=[(2, 0.4), (5, 0.4)])["excess"].notna().all()
