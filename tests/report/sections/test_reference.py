"""The sections on a reference and on texts of another kind."""

import dataclasses
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from emovec.report.section import from_tables
from emovec.report.sections import held_out, reference, reference_space
from emovec.report.sections.registry import SECTIONS, read_outs
from emovec.study.results import StudyTables, read_study

VARIANTS = ("raw", "standardised")
STATISTICS = [
    *((name, "en", "ja") for name in ("rsa", "rsa_matched", "partial", "retrieval_ba")),
    *(("decoding", *pair) for pair in product(("en", "ja"), repeat=2)),
]
ENDS = ("low", "high", "low_crossed", "high_crossed")


def with_tables(study: Path, summaries: dict[str, Any], **tables: list[dict[str, Any]]) -> StudyTables:
    found = read_study(study)
    made = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    records = {name: {"summary": summary} for name, summary in summaries.items()}
    return dataclasses.replace(found, tables={**found.tables, **made}, analyses={**found.analyses, **records})


def compared(study: Path, ends: tuple[float, float, float, float]) -> StudyTables:
    layer = read_study(study).layer
    rows = [
        {"variant": variant, "layer": at, "statistic": statistic, "language_a": a, "language_b": b}
        | {"emotions": 0.72, "reference": 0.71, "difference": 0.01, **dict(zip(ENDS, ends, strict=True))}
        for variant, at in product(VARIANTS, (layer - 1, layer))
        for statistic, a, b in STATISTICS
    ]
    depth = [
        {"variant": variant, "statistic": name, "language_a": "en", "language_b": "ja", "emotions": 11.0}
        | {"reference": 9.0, "difference": 2.0, **dict.fromkeys(ENDS, float("nan"))}
        for variant, name in product(VARIANTS, ("late", "reach"))
    ]
    return with_tables(study, {"reference": {"reference": "bundled-concepts"}}, reference=rows, reference_depth=depth)


def test_no_difference_is_called_none_unless_other_labels_would_show_it(study: Path) -> None:
    said = from_tables(reference.finding, compared(study, (0.005, 0.02, -0.2, 0.2)))
    assert "English and Japanese agree not clearly more or less on the emotions (r = 0.72) than on 30 concepts" in said
    assert (
        "between 0.01 and 0.02 for other topics, and between −0.20 and 0.20 for other topics and other labels" in said
    )
    assert "among labels that lie equally far apart, r is 0.72 and 0.71" in said
    assert "agree more on the emotions" in from_tables(reference.finding, compared(study, (0.005, 0.02, 0.001, 0.03)))


def test_numbers_say_shares_in_points_and_layers_as_they_are(study: Path) -> None:
    shown = from_tables(reference.numbers, compared(study, (-0.1, 0.12, -0.2, 0.22)))
    assert shown is not None
    rows = {(str(row[0]), str(row[1])): row for row in shown.frames["standardised", str(read_study(study).layer)]}
    assert rows["nearest vector is the same label", "Japanese → English"][2:] == [
        *("72 %", "71 %", "1 points", "−10 to 12", "−20 to 22"),
    ]
    assert rows["last layer with at least half of the largest RSA", "English–Japanese"][2:] == [
        "11",
        "9",
        "2",
        "–",
        "–",
    ]
    assert len(shown.selectors[1].options) == 2


def test_one_space(study: Path) -> None:
    layer = read_study(study).layer
    rows = [
        {"variant": variant, "layer": layer, "statistic": name, "language_a": a, "language_b": b, "value": value}
        | {"low": value - 0.01, "high": value + 0.01, "chance": 0.5}
        for variant in VARIANTS
        for name, value in [
            *(("separation", 0.97), ("offset_cosine", 0.9), ("offset_share", 0.8), ("offset_share_reference", 0.7)),
            *(("offset_shared", 0.65), ("rest_rank", 4.0), ("rest_rank_reference", 5.0), ("rest_by_reference", 0.2)),
            *(("rest_by_emotions", 0.3), ("rest_by_stories", 0.05)),
        ]
        for a, b in ([("en", "en"), ("en", "ja")] if name == "separation" else [("en", "ja")])
    ]
    found = with_tables(study, {}, reference_space=rows)
    said = from_tables(reference_space.finding, found)
    assert "at least 97 % of left-out labels" in said
    assert "accounts for 65 % (64 to 66 %)" in said
    for exhibit in (reference_space.offsets, reference_space.rests, reference_space.separation):
        drawn = from_tables(exhibit, found)
        assert drawn is not None
        assert drawn.frames


def test_other_stories(study: Path) -> None:
    layer = read_study(study).layer
    measured = {"low": 0.5, "high": 0.7, "top3": 0.9, "top3_low": 0.8, "top3_high": 0.95, "chance": 1 / 30}
    measured |= {"n_stories": 360, "n_emotions": 30}
    pairs = [{"source_language": a, "target_language": b} for a, b in product(("en", "ja"), repeat=2)]
    rows = [
        {"variant": variant, "layer": layer, "accuracy": 0.6 + 0.1 * (pair["source_language"] == "ja")}
        | pair
        | measured
        for variant, pair in product(VARIANTS, pairs)
    ]
    words = [
        {"features": name, "variant": "raw", "accuracy": accuracy} | pair | measured
        for name, accuracy in (("word", 0.3), ("character", 0.4))
        for pair in (pairs[0], pairs[3])
    ]
    found = with_tables(study, {"held_out": {"held_out": "bundled-literary"}}, held_out=rows, held_out_words=words)
    said = from_tables(held_out.finding, found)
    assert "Of other stories (bundled-literary), which took no part in the vectors" in said
    assert "60 % in English (50 to 70 %; words alone 40 %) and 70 % in Japanese" in said
    assert said.endswith("for 60 % to 70 % by vectors of another language.")
    drawn = from_tables(held_out.chart, found)
    assert drawn is not None
    (panels, _) = drawn.frames.values()
    assert [curve.label for curve in panels[0].curves] == [
        *("vectors of the same language", "vectors from Japanese", "chance", "words alone"),
    ]


@pytest.mark.parametrize("anchor", ["reference", "reference-space", "held-out"])
def test_nobody_who_has_not_asked_sees_the_section(anchor: str, study: Path) -> None:
    assert anchor in {section.anchor for section in SECTIONS}
    assert anchor not in {each.section.anchor for each in read_outs(read_study(study))}
