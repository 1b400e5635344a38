"""Which tests count, and what stands after the correction for all of them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from emovec.report.confirmatory import confirmatory_tests
from emovec.report.section import from_tables
from emovec.report.sections import affect, confirmatory, confounds, crosslingual, decoding, rsa
from emovec.study.results import StudyTables, read_study


@pytest.fixture(scope="module")
def base(study: Path) -> StudyTables:
    return read_study(study)


def changed(base: StudyTables, **columns: Mapping[str, float]) -> StudyTables:
    """The study with other values in columns of its tables."""
    tables = {name: table.assign(**columns.get(name, {})) for name, table in base.tables.items()}
    return dataclasses.replace(base, tables=tables)


def test_the_list_has_three_tests_a_pair_and_three_a_language(base: StudyTables) -> None:
    found = confirmatory_tests(base)
    by_kind = pd.Series([each.kind for each in found]).value_counts()
    pairs = len(base.languages) * (len(base.languages) - 1) // 2
    assert by_kind[["alike", "beyond confounds", "same emotion"]].tolist() == [pairs] * 3
    assert by_kind[["beyond words", "valence", "arousal"]].tolist() == [len(base.languages)] * 3


def test_p_is_that_of_the_tables_and_is_corrected_by_the_rule_of_holm(base: StudyTables) -> None:
    found = confirmatory_tests(base)
    layer = base.layer
    shown = base.tables["rsa"].query(f"layer == {layer} and variant == 'standardised' and method == 'pearson'")
    alike = next(each for each in found if each.kind == "alike")
    assert alike.p == shown["p_familywise"].iloc[0]
    assert alike.statistic == shown["r"].iloc[0]
    highest = 0.0
    for rank, each in enumerate(sorted(found, key=lambda test: test.p)):
        highest = max(highest, min(1.0, each.p * (len(found) - rank)))
        assert each.corrected == pytest.approx(highest)


def test_the_finding_counts_what_stands_and_names_it(base: StudyTables) -> None:
    text = from_tables(confirmatory.finding, base)
    found = confirmatory_tests(base)
    stand = sum(each.corrected < 0.05 for each in found)
    assert text is not None
    assert f"rest on {len(found)} tests from a list that is the same for every study; {stand} stand" in text
    assert 0 < stand < len(found)
    stands, fails = text.split("These don't: ")
    assert "arrange the emotions alike (English–Japanese)" in stands
    assert "better than word counts (Japanese)" in fails
    assert "All other p-values in this report are exploratory." in text
    listing = from_tables(confirmatory.listing, base)
    assert listing is not None
    assert [row[-1] for row in listing.frames[()]].count("yes") == stand


def test_what_is_not_above_zero_does_not_count_whatever_its_p(base: StudyTables) -> None:
    found = confirmatory_tests(changed(base, affect={"r": -0.4, "p_familywise": 0.001}))
    assert {each.p for each in found if each.kind in ("valence", "arousal")} == {1.0}


def test_a_claim_that_does_not_stand_says_so(base: StudyTables) -> None:
    weak = {"p": 0.04, "p_familywise": 0.04}
    words = {"p": 0.04, "difference": 0.1}
    study = changed(base, rsa=weak, confounds=weak, crosslingual=weak, beyond_words=words, affect=weak | {"r": 0.5})
    n = len(confirmatory_tests(study))
    assert not any(each.stands for each in confirmatory_tests(study))
    for section in (rsa, confounds, crosslingual, decoding, affect):
        assert f"not after correction for all {n} tests that count" in (from_tables(section.finding, study) or ""), (
            section
        )
    strong = {"p": 0.0001, "p_familywise": 0.0001}
    study = changed(base, rsa=strong, confounds=strong, crosslingual=strong, affect=strong, beyond_words={"p": 0.0001})
    for section in (rsa, confounds, crosslingual, decoding, affect):
        assert "not after correction" not in (from_tables(section.finding, study) or "")


def test_ratings_that_are_not_on_the_list_are_called_exploratory(base: StudyTables) -> None:
    text = from_tables(affect.finding, base) or ""
    assert "dominance (exploratory) with" in text
    assert "valence (exploratory)" not in text


def test_a_study_of_one_language_or_without_tables(base: StudyTables) -> None:
    alone = {name: table for name, table in base.tables.items() if name in ("beyond_words", "affect")}
    kinds = {each.kind for each in confirmatory_tests(dataclasses.replace(base, tables=alone))}
    assert kinds == {"beyond words", "valence", "arousal"}
    assert from_tables(confirmatory.finding, dataclasses.replace(base, tables={})) == ""
