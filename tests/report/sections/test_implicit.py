"""The sections of implied emotions and of intensity, from tables with planted numbers."""

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest

from emovec.report.charts import Chart, Listing
from emovec.report.section import from_tables
from emovec.report.sections import implicit, intensity
from emovec.steering.experiments.registry import COLUMNS
from emovec.study.results import StudyTables, read_study
from tests.report.synthetic import write_study

EMOTIONS = ("afraid", "calm", "joyful", "sad")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    return read_study(write_study(tmp_path_factory.mktemp("s") / "study", layers=(0, 4), emotions=EMOTIONS))


def _study(
    base: StudyTables, *, gap: tuple[float, float, float] = (-0.1, -0.3, 0.1), moved: bool = False
) -> StudyTables:
    """Both experiments, every number of a kind alike; `gap` to words with its interval; `moved` by both controls."""
    keys = list(product(("raw", "standardised"), ("mean", "last"), ("en", "ja"), ("en", "ja")))
    labels = ("variant", "reading", "vector_language", "text_language")
    rows: dict[str, list[dict]] = {name: [] for name in COLUMNS}
    for key in keys:
        of = dict(zip(labels, key, strict=True))
        share = 0.61 if of["vector_language"] == of["text_language"] else 0.47
        for layer, statistic in product((0, 4), ("first", "top3", "mean_rank")):
            ranked = {"statistic": statistic, "value": share, "low": 0.4, "high": 0.75, "null": 0.11, "p": 0.0002}
            sizes = {"p_familywise": 0.001, "n_scenarios": 36, "n_emotions": 4}
            rows["implicit"].append({**of, "layer": layer, **ranked, **sizes})
        for emotion in ("calm", "sad"):
            text = f"<b>{emotion}</b> text"
            told = {"id": emotion, "emotion": emotion, "rank": 2, "first_ranked": "joyful", "text": text}
            rows["implicit_scenarios"].append({**of, "layer": 4, **told})
            rows["implicit_emotions"] += [
                {**of, "layer": 4, "emotion": emotion, "vector": vector, "score": float(vector == emotion)}
                for vector in EMOTIONS
            ]
        for layer, statistic in product((0, 4), ("expected", "others")):
            value = {"value": 0.42 if statistic == "expected" else 0.01, "low": 0.2 if moved else -0.1, "high": 0.6}
            p = {"p": 0.001 if moved else 0.03, "p_familywise": 0.2, "p_emotions": 0.001, "n_templates": 12}
            rows["intensity"].append({**of, "layer": layer, "statistic": statistic, **value, **p})
        for layer, (emotion, sign) in product((0, 4), (("afraid", 1), ("calm", -1))):
            told = {"id": "t", "emotion": emotion, "sign": sign, "rho": sign * 0.5, "text": "after {number} days"}
            rows["intensity_templates"].append({**of, "layer": layer, **told})
    for language, statistic in product(("en", "ja"), ("first", "top3", "mean_rank")):
        told = {"statistic": statistic, "value": 0.69, "low": 0.5, "high": 0.8, "null": 0.1, "p": 0.0002}
        sizes = {"n_scenarios": 36, "n_emotions": 4}
        rows["implicit_words"].append({"features": "character", "text_language": language, **told, **sizes})
    beyond = [{**dict(zip(labels, key, strict=True)), "gap": gap[0], "low": gap[1], "high": gap[2]} for key in keys]
    tables = {name: pd.DataFrame(found) for name, found in rows.items() if found}
    for name, table in tables.items():
        assert set(table.columns) >= set(COLUMNS[name])
    records = {
        "implicit": {"tables": [], "summary": {"layer": 4, "beyond_words": beyond}},
        "intensity": {"tables": [], "summary": {"layer": 4}},
    }
    return replace(base, tables={**base.tables, **tables}, analyses={**base.analyses, **records})


def test_the_finding_of_implied_emotions_holds_numbers_and_controls(base: StudyTables) -> None:
    said = from_tables(implicit.finding, _study(base))
    assert len(said) < 500  # it stands among the headlines
    assert "61 % of 36 English scenarios (40 to 75 %; words alone 69 %, no difference shown)" in said
    assert "and 61 % of 36 Japanese scenarios" in said
    assert "Across languages: English vectors, Japanese texts 47 % (40 to 75 %); Japanese vectors, English" in said
    assert said.endswith("Shuffled emotions would give 11 % (largest p\u00a0=\u00a00.0002).")


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [
        ((0.2, 0.1, 0.3), "which is less"),
        ((-0.2, -0.3, -0.1), "which is more"),
        ((0.1, -0.1, 0.3), "no difference shown"),
    ],
)
def test_the_verdict_beside_words_follows_the_interval(
    base: StudyTables, gap: tuple[float, float, float], verdict: str
) -> None:
    assert f"alone 69 %, {verdict})" in from_tables(implicit.finding, _study(base, gap=gap))


def test_without_words_the_finding_says_so(base: StudyTables) -> None:
    study = _study(base)
    tables = {name: table for name, table in study.tables.items() if name != "implicit_words"}
    assert "no comparison with words alone" in from_tables(implicit.finding, replace(study, tables=tables))


def test_intensity_is_only_claimed_beyond_both_controls(base: StudyTables) -> None:
    said = from_tables(intensity.finding, _study(base))
    assert "the vectors don't reliably follow it in any language" in said
    assert len(said) < 300  # it stands among the headlines
    assert "0.42 (−0.10 to 0.60, p\u00a0=\u00a00.03) within English, 0.42" in said
    assert "English texts" not in said
    said = from_tables(intensity.finding, _study(base, moved=True))
    assert "beyond both controls (within English, within Japanese, English vectors, Japanese texts" in said
    assert "0.42 (0.20 to 0.60, p\u00a0=\u00a00.001) Japanese vectors, English texts" in said


def test_exhibits_show_every_pair_of_languages_and_drop_out_without_tables(base: StudyTables) -> None:
    study = _study(base)
    for section in (implicit.SECTION, intensity.SECTION):
        for write in section.exhibits:
            assert from_tables(write, base) is None
            exhibit = from_tables(write, study)
            assert isinstance(exhibit, Chart | Listing)
            assert exhibit.frames
            for key in exhibit.frames:
                assert all(part in selector.options for part, selector in zip(key, exhibit.selectors, strict=True))
    lines = from_tables(implicit.by_layer, study)
    assert lines is not None
    labels = [curve.label for curve in lines.frames["top3", "mean"][1].curves]  # type: ignore[union-attr]
    assert labels[:2] == ["within English", "within Japanese"]
    assert {"words alone, English", "words alone, Japanese", "shuffled emotions"} <= set(labels)
    listed = from_tables(intensity.listing, study)
    assert listed is not None
    assert listed.frames[("en+en",)] == [["after … days", ["afraid 0.50"], ["calm −0.50"]]]


def test_a_study_of_one_language_reads_well(base: StudyTables) -> None:
    study = _study(base)
    tables = dict(study.tables)
    for name in ("implicit", "intensity"):
        own = tables[name]
        tables[name] = own[(own["text_language"] == "en") & (own["vector_language"] == "en")]
    said = from_tables(implicit.finding, replace(study, tables=tables))
    assert "across languages" not in said
    assert "Across" not in said
    assert "Japanese" not in from_tables(intensity.finding, replace(study, tables=tables))
