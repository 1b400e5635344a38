"""How sections take their tables, and how these are narrowed down."""

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

from emovec.report.charts import HeatMap
from emovec.report.section import from_tables
from emovec.report.sections import cosine, crosslingual
from emovec.report.sections.registry import SECTIONS
from emovec.report.selection import Selection
from emovec.report.tree import branches
from emovec.study.results import StudyTables, read_study, stage_of


@pytest.fixture(scope="module")
def tables(study: Path) -> StudyTables:
    return read_study(study)


def test_every_file_has_a_section_with_a_place_and_a_name_of_its_own() -> None:
    folder = Path(crosslingual.__file__).parent
    assert len(SECTIONS) == len([file for file in folder.glob("*.py") if file.stem not in {"__init__", "registry"}])
    assert (
        len({section.place for section in SECTIONS}) == len({section.anchor for section in SECTIONS}) == len(SECTIONS)
    )
    assert all(stage_of(table) for section in SECTIONS for table in section.tables)


def test_a_missing_table_leaves_out_what_needs_it(tables: StudyTables) -> None:
    def needs(rsa: Selection, lexical: Selection | None = None) -> tuple[str, bool]:
        return rsa.name, lexical is None

    without = {name: dataclasses.replace(tables, tables={k: v for k, v in tables.tables.items() if k != name})
               for name in ("rsa", "lexical")}  # fmt: skip
    assert from_tables(needs, tables) == ("rsa", False)
    assert from_tables(needs, without["lexical"]) == ("rsa", True)
    assert from_tables(needs, without["rsa"]) is None


def test_each_frame_has_the_rows_of_its_options(tables: StudyTables) -> None:
    table = Selection(tables, "rsa", tables.tables["rsa"])
    selectors = (table.pair_selector(), table.variant_selector(), table.layer_selector())
    found = dict(table.each(*selectors))
    assert set(found) == set(product(*(selector.options for selector in selectors)))
    for (pair, variant, layer), own in found.items():
        slow = [
            (r.language_a + "+" + r.language_b, r.variant, str(r.layer)) == (pair, variant, layer)
            for r in table.rows.itertuples()
        ]
        assert own.rows.equals(table.rows[slow])


def test_a_tree_joins_leaves_at_their_height() -> None:
    points = np.random.default_rng(0).normal(size=(9, 3))
    joins = linkage(pdist(points), "average")
    places = np.argsort(leaves_list(joins)).astype(float)
    lines = branches(joins, places.tolist())
    assert [line[1][0] for line in lines] == joins[:, 2].tolist()
    # Two leaves meet at their cophenetic distance.
    heights = squareform(cophenet(joins))
    members = [[leaf] for leaf in range(9)]
    for (one, other, _, _), line in zip(joins.astype(int).tolist(), lines, strict=True):
        assert all(line[1][0] == pytest.approx(heights[i, j]) for i in members[one] for j in members[other])
        members.append(members[one] + members[other])
        own = places[members[-1]]
        assert own.max() - own.min() == len(own) - 1
        assert own.min() <= line[0][1] <= own.max()


def test_each_emotion_stands_with_its_cosine_in_the_other_language(tables: StudyTables) -> None:
    drawn = from_tables(crosslingual.each_emotion, tables)
    assert drawn is not None
    (panel,) = drawn.frames["raw", "en+ja"]
    assert isinstance(panel, HeatMap)
    rows = tables.tables["cosine"].query("variant == 'raw' and language_a == 'en' and language_b == 'ja'")
    wanted = {(r.emotion_a, str(r.layer)): r.cosine for r in rows.query("emotion_a == emotion_b").itertuples()}
    got = {(e, c): panel.values[i, j] for i, e in enumerate(panel.rows) for j, c in enumerate(panel.columns)}
    assert got == wanted
    shown = panel.values[:, list(panel.columns).index("8")]
    assert (np.diff(shown) <= 0).all()


def test_a_tree_stands_only_beside_a_language_with_itself(tables: StudyTables) -> None:
    drawn = from_tables(cosine.chart, tables)
    assert drawn is not None
    for (_, pair, _), (panel,) in drawn.frames.items():
        assert isinstance(panel, HeatMap)
        assert len(panel.tree) == (7 if pair in {"en+en", "ja+ja"} else 0)
