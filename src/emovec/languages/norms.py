"""Human norms of emotion words: valence, arousal, dominance."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from emovec.delimited import read_small_table
from emovec.errors import EmovecError
from emovec.labels import clean, is_missing

DIMENSIONS = ("valence", "arousal", "dominance")
MINIMUM_RATED = 10
"""Words that a regression on ratings, or a correlation with them, needs: through four words |r| = .95 is chance."""
BUNDLED = Path(__file__).parent.parent / "data" / "affective_norms.csv"

# The adjective that is meant; a norm set may also hold the noun ("contents").
_MEANT = {"content": "content (happy)"}


NormFiles = str | Path | Mapping[str, str | Path] | None
"""A file for all languages, language → file, or None for the bundled norms."""


def load_norms(path: NormFiles = None) -> pd.DataFrame:
    """Norms of emotion words, one row for each source and word.

    The bundled ones are the Glasgow Norms (Scott et al. 2019, 1–9, CC BY 4.0) and Russell & Mehrabian 1977 (−1…1).

    Args:
        path: a CSV with a column `word` and at least one of `valence, arousal, dominance`, optionally `source` and
            `term_in_source`; by default the bundled norms. Or language → such a file, for ratings by its speakers:
            the bundled norms are then those of all others. Words are the study's emotions, whatever the language.

    Returns:
        Columns source, word, term, valence, arousal, dominance (NaN where a source has none), sorted; where languages
        have files of their own also language, empty for the bundled ones: see `norms_of`.

    Raises:
        EmovecError: if the file is missing, has no such columns, holds text for numbers, or gives a word twice.
    """
    if isinstance(path, Mapping):
        own = [load_norms(file).assign(language=language) for language, file in path.items()]
        return pd.concat([load_norms().assign(language=""), *own], ignore_index=True)
    path = BUNDLED if path is None else Path(path)
    if not path.is_file():
        raise EmovecError(f"{path}: no such file of norms.")
    columns, rows = read_small_table(path, "a table of norms", ["word"])
    table = pd.DataFrame([row for _, row in rows if clean(row["word"])], columns=columns)
    given = [dimension for dimension in DIMENSIONS if dimension in table]
    if not given:
        raise EmovecError(f"{path}: norms need one of the columns {', '.join(DIMENSIONS)}.")
    for dimension in given:
        try:
            empty = table[dimension].map(is_missing).astype(bool)
            table[dimension] = pd.to_numeric(table[dimension].mask(empty)).astype("float64")
        except (ValueError, TypeError, OverflowError) as error:
            raise EmovecError(
                f"{path}: column '{dimension}' contains something that isn't a number ({error})."
            ) from error
        if np.isinf(table[dimension]).any():
            raise EmovecError(f"{path}: column '{dimension}' contains an infinite number.")
    table = table.assign(
        source=table["source"].astype(str) if "source" in table else path.stem,
        word=[clean(str(word)).casefold() for word in table["word"]],
        term=table["term_in_source"] if "term_in_source" in table else table["word"],
        **{dimension: np.nan for dimension in DIMENSIONS if dimension not in given},
    )
    meant = table["word"].map(_MEANT)
    has_meant = (table["term"] == meant).groupby([table["source"], table["word"]]).transform("any")
    table = table[~has_meant | (table["term"] == meant)]
    twice = table[table.duplicated(["source", "word"])]
    if len(twice):
        raise EmovecError(f"{path}: the word '{twice['word'].iloc[0]}' is given twice; keep one row for each word.")
    columns = ["source", "word", "term", *DIMENSIONS]
    return table.sort_values(["source", "word"], ignore_index=True)[columns]


def norms_of(norms: pd.DataFrame, language: str = "") -> pd.DataFrame:
    """A language's own norms, or those of all languages if it has none.

    Args:
        norms: as `load_norms` returns them.
        language: its code; "" for the norms of all languages.
    """
    if "language" not in norms:
        return norms
    own = norms["language"] == language
    return norms[own if own.any() else norms["language"] == ""].drop(columns="language")


def norm_agreement(norms: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlation between norm sets, and how high a correlation with one of them can be.

    Two sources that agree with r are each reliable with r if both are equally reliable, and even a perfect predictor
    correlates with one of them only at √r (Spearman 1904). Only words that both sets hold under the same term count
    (not *ashamed* where one of them has *shamed*), ten at least.

    Args:
        norms: as `load_norms` returns them.

    Returns:
        Columns dimension, source_a, source_b, r, ceiling (√r; NaN where r is not positive), n_words.
    """
    rows: list[tuple[str, str, str, float, float, int]] = []
    for dimension in DIMENSIONS:
        by_source = norms.pivot(index=["word", "term"], columns="source", values=dimension)
        for a, b in combinations(sorted(by_source.columns), 2):
            shared = by_source[[a, b]].dropna()
            if len(shared) >= MINIMUM_RATED and (shared.nunique() > 1).all():
                r = float(np.corrcoef(shared[a], shared[b])[0, 1])
                rows.append((dimension, a, b, r, _root(r), len(shared)))
    return pd.DataFrame(rows, columns=["dimension", "source_a", "source_b", "r", "ceiling", "n_words"])


def rating_ceiling(agreement: pd.DataFrame, source: str, dimension: str) -> float:
    """How high a correlation with a source's ratings can be: the root of its mean agreement with the others, or NaN.

    Args:
        agreement: as `norm_agreement` returns it.
        source: whose ratings.
        dimension: on which scale.
    """
    either = (agreement["source_a"] == source) | (agreement["source_b"] == source)
    return _root(float(agreement.loc[either & (agreement["dimension"] == dimension), "r"].mean()))


def _root(r: float) -> float:
    return float(np.sqrt(r)) if r > 0 else float("nan")
