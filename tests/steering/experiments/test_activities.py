"""Our own activities, and what is told of a user's file that is wrong."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from emovec.errors import EmovecError
from emovec.steering.experiments.activities import CATEGORIES, categories, load_activities


def line(**fields: object) -> str:
    return json.dumps({"id": "a", "category": "x", "language": "en", "text": "rest"} | fields)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "mine.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_eight_of_our_own_in_each_category_the_same_in_both_languages() -> None:
    found = load_activities(["ja", "en"])
    assert Counter((a.language, a.category) for a in found) == {(x, c): 8 for x in ("en", "ja") for c in CATEGORIES}
    english, japanese = ([(a.id, a.category) for a in found if a.language == x] for x in ("en", "ja"))
    assert english == japanese
    assert found[0].language == "ja"
    assert all(bool(re.search("[ぁ-ん]", a.text)) == (a.language == "ja") for a in found)
    assert not any(a.text.endswith((".", "。")) for a in found)


def test_a_limit_keeps_some_of_each_category() -> None:
    assert Counter(a.category for a in load_activities(["en"], limit=2)) == dict.fromkeys(CATEGORIES, 2)


def test_a_users_categories_follow_ours(tmp_path: Path) -> None:
    lines = [line(id=str(i), text=f"do {i}", category=c) for i, c in enumerate(["odd", "odd", "unsafe", "unsafe"])]
    found = load_activities(["en"], write(tmp_path, *lines, ""))
    assert categories(found) == ["unsafe", "odd"]
    assert [a.id for a in found] == ["2", "3", "0", "1"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([line(), line(text="run")], ":2: the id 'a' is that of line 1"),
        ([line(), line(id="b", text=" Rest ")], ":2: the text 'Rest' is that of line 1"),
        ([line(), line(id="b", text="run"), line(id="c", text="")], ":3: 'text' is missing or empty"),
        ([line(), '{"id": "b"}'], ":2: 'category' is missing or empty"),
        ([line(), "nonsense"], ":2: not valid JSON"),
        ([line(), "[1]"], ":2: no JSON object"),
        ([line(), line(id="b", text="run", category="y")], ": the category 'x' has one activity in 'en'"),
        ([""], "contains no records"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path: Path, lines: list[str], told: str) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(EmovecError) as error:
        load_activities(["en"], path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_a_language_without_activities_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match="the bundled activities have none in 'de', only in en, ja"):
        load_activities(["en", "de"])
    with pytest.raises(EmovecError, match=r"none\.jsonl: no such file"):
        load_activities(["en"], tmp_path / "none.jsonl")
