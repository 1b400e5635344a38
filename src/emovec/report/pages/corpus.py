"""The page of a corpus: a score for each check, and examples of what lowers it."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import AuditReport
from emovec.corpus.quality.check import CheckReport
from emovec.corpus.quality.scores import scores, surface_clause
from emovec.corpus.story import Story
from emovec.labels import NEUTRAL
from emovec.languages.language import base_language
from emovec.languages.lexicon import word_pattern
from emovec.report.pages.html import fill
from emovec.report.style import language_name, number, p_value

SHOWN = 20
"""Rows of each listing, and examples at most."""

_PAIRS = 6
_CHARACTERS = 1500
_AROUND = 60


def render(name: str, corpus: Corpus, check: CheckReport, audit: AuditReport) -> str:
    """The page's HTML, complete in itself.

    Args:
        name: what the corpus is called, such as its path.
        corpus: the texts.
        check: from `check_corpus`.
        audit: from `audit_corpus`.
    """
    texts = {story.id: story for story in [*corpus.stories, *corpus.neutral]}
    table = scores(corpus, check, audit)
    return fill(
        "corpus.html.j2",
        name=name,
        n_stories=len(corpus.stories),
        n_neutral=len(corpus.neutral),
        languages=list(dict.fromkeys(table["language"])),
        language_name=language_name,
        scores=_by_check(table),
        weakest=_weakest(table),
        surface=[(language_name(str(row["language"])), row) for row in _records(audit.surface)],
        surface_alone=[
            (language_name(str(row["language"])), surface_clause(row))  # type: ignore[arg-type]
            for row in _records(audit.surface)
            if row["features"] == "all"
        ],
        confounds=_confounds(audit.confounds),
        balance=_balance(check),
        tokens=_records(check.tokens),
        pairs=_pairs(audit.near_duplicates, texts),
        near=_listing(audit.near_duplicates, ["group", "scope", "language", "emotion", "id", "jaccard", "nearest"]),
        named=_excerpts(check.named, texts),
        n_named=len(check.named),
        synonyms=_excerpts(audit.synonyms, texts),
        n_synonyms=len(audit.synonyms),
        motifs=_motifs(audit.motifs),
        openings=_listing(audit.openings),
        names=_listing(audit.names),
        leftovers=_listing(audit.leftovers),
        script=_listing(check.script),
        too_short=_listing(check.too_short),
        unjudged=[*check.unjudged, *audit.unjudged],
        gaps=check.gaps,
        problems=check.problems[:SHOWN],
        n_problems=len(check.problems),
        number=number,
        p_value=p_value,
    )


def excerpt(text: str, words: Sequence[str], language: str) -> Markup:
    """The part of a text about the first of some words, which are marked wherever they are in it, as whole words."""
    named = [word for word in words if word.strip()]
    found = list(word_pattern(named, base_language(language)).finditer(text)) if named else []
    begin = max(0, found[0].start() - _AROUND) if found else 0
    end = (found[0].end() if found else 0) + _AROUND
    out, at = Markup("…" if begin else ""), begin
    for match in found:
        if match.end() <= end:
            out += escape(text[at : match.start()]) + Markup("<mark>") + escape(match[0]) + Markup("</mark>")
            at = match.end()
    return out + escape(text[at:end]) + ("…" if end < len(text) else "")


def differing(one: str, other: str) -> tuple[Markup, Markup]:
    """Two texts with what only one of them has marked."""
    a, b = (re.findall(r"\s+|[A-Za-zÀ-ɏ0-9'’]+|.", text, re.DOTALL) for text in (one, other))
    left, right = Markup(""), Markup("")
    for kind, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        sides = escape("".join(a[i:j])), escape("".join(b[k:m]))
        if kind != "equal":
            sides = tuple(Markup("<mark>") + side + Markup("</mark>") if side else side for side in sides)
        left, right = left + sides[0], right + sides[1]
    return left, right


def _by_check(table: pd.DataFrame) -> list[tuple[str, dict[str, dict[str, Any]]]]:
    """Checks in their order, each with its row by language."""
    return [
        (str(check), {str(row["language"]): row for row in _records(rows)})
        for check, rows in table.groupby("check", sort=False)
    ]


def _weakest(table: pd.DataFrame) -> list[dict[str, Any]]:
    poor = table[table["mark"].isin(("△", "✗"))].sort_values("score", kind="stable")
    return [{**row, "language": language_name(str(row["language"]))} for row in _records(poor.head(5))]


def _confounds(table: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(language_name(str(language)), _records(rows)) for language, rows in table.groupby("language", sort=False)]


def _balance(check: CheckReport) -> list[dict[str, Any]]:
    """Stories of each emotion (down) and topic (across) of a language, with the shade that a count has."""
    stories = check.counts[check.counts["emotion"] != NEUTRAL]
    grids: list[dict[str, Any]] = []
    for language, rows in stories.groupby("language", sort=False):
        grid = rows.pivot_table(index="emotion", columns="topic", values="n", fill_value=0, aggfunc="sum", sort=False)
        top = max(int(grid.to_numpy().max()), 1)
        cells = [
            (str(emotion), [(int(n), 0.08 + 0.92 * int(n) / top if n else 0.0) for n in counts])
            for emotion, counts in zip(grid.index, grid.to_numpy(), strict=True)
        ]
        topics = [str(topic) or "no topic" for topic in grid.columns]
        even = bool((grid.to_numpy() == grid.to_numpy().flat[0]).all())
        grids.append(
            {"language": language_name(str(language)), "topics": topics, "cells": cells, "top": top, "even": even}
        )
    return grids


def _pairs(near: pd.DataFrame, texts: dict[str, Story]) -> list[dict[str, Any]]:
    """The most similar pair of each of a few groups, those under several emotions first."""
    if near.empty:
        return []
    order = near.assign(within=near["scope"] == "within").sort_values(["within", "jaccard"], ascending=[True, False])
    pairs: list[dict[str, Any]] = []
    for row in _records(order.drop_duplicates("group").head(_PAIRS)):
        both = [texts[row["id"]], texts[row["nearest"]]]
        marked = differing(both[0].text[:_CHARACTERS], both[1].text[:_CHARACTERS])
        shown = list(zip(both, marked, strict=True))
        pairs.append({"scope": row["scope"], "jaccard": row["jaccard"], "texts": shown})
    return pairs


def _excerpts(found: pd.DataFrame, texts: dict[str, Story]) -> list[dict[str, Any]]:
    return [
        {**row, "excerpt": excerpt(texts[row["id"]].text, str(row["words"]).split(", "), str(row["language"]))}
        for row in _records(found.groupby("language", sort=False).head(SHOWN // max(found["language"].nunique(), 1)))
    ]


def _motifs(table: pd.DataFrame) -> list[tuple[str, list[tuple[str, list[dict[str, Any]]]]]]:
    """For each language each emotion's phrases."""
    return [
        (
            language_name(str(language)),
            [(str(emotion), _records(terms)) for emotion, terms in rows.groupby("emotion", sort=False)],
        )
        for language, rows in table.groupby("language", sort=False)
    ]


def _listing(table: pd.DataFrame, columns: list[str] | None = None) -> dict[str, Any]:
    """A table's first rows as text, with its size."""
    table = table[columns] if columns else table
    shares = {"share", "jaccard"}
    rows = [
        [number(value) if column in shares else str(value) for column, value in row.items()]
        for row in _records(table.head(SHOWN))
    ]
    return {"columns": [str(column).replace("_", " ") for column in table.columns], "rows": rows, "n": len(table)}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
