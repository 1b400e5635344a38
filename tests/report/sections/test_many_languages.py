"""What sentences and figures do where there are more languages than a reader takes in pair by pair."""

import pytest

from emovec.emotions import DEFAULT_30
from emovec.report.section import from_tables
from emovec.report.sections import confusion, crosslingual, decoding, rsa
from emovec.report.selection import Selection
from emovec.study.results import StudyTables, read_study
from tests.report.synthetic import write_study

LANGUAGES = ("en", "ja", "zh", "de")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> StudyTables:
    return read_study(write_study(tmp_path_factory.mktemp("many"), LANGUAGES, DEFAULT_30[:8], (0, 1, 2)))


def test_the_pairs_with_the_highest_and_the_lowest_value_are_named(many: StudyTables) -> None:
    table = Selection(many, "crosslingual", many.tables["crosslingual"])
    rows = table.shown()
    values = {(a, b): own.rows["same_cosine"].iloc[0] for a, b, own in rows.each_pair()}
    which, pairs = rows.most_and_least("same_cosine")
    assert which == "Of 6 pairs of languages, these have the highest and the lowest value. "
    assert [(a, b) for a, b, _ in pairs] == [max(values, key=values.__getitem__), min(values, key=values.__getitem__)]
    three = rows.where(language_a=["en", "ja"], language_b=["ja", "zh"])
    which, pairs = three.most_and_least("same_cosine")
    assert which == ""
    assert [(a, b) for a, b, _ in pairs] == three.pairs


def test_sentences_stay_short(many: StudyTables) -> None:
    for section in (rsa, crosslingual):
        said = from_tables(section.finding, many)
        assert said.startswith("Of 6 pairs of languages")
    said = from_tables(decoding.finding, many)
    assert said.count("from ") == 2
    assert "across languages" in said
    said = from_tables(confusion.finding, many)
    assert "from English to" not in said
    assert said.count("confuse the same pairs") == 2


def test_decoding_is_drawn_for_the_stories_of_one_language(many: StudyTables) -> None:
    drawn = from_tables(decoding.chart, many)
    assert drawn is not None
    assert [key for (key,) in drawn.frames] == list(LANGUAGES)
    labels = [curve.label for curve in drawn.frames["zh",][0].curves]
    assert labels == [
        *("English → Chinese", "Japanese → Chinese", "within Chinese", "German → Chinese"),
        *("words alone, Chinese", "chance"),
    ]
