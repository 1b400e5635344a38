"""Human norms of emotion words: valence, arousal, dominance."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from emovec.errors import EmovecError

DIMENSIONS = ("valence", "arousal", "dominance")
BUNDLED = Path(__file__).parent.parent / "data" / "affective_norms.csv"

# The adjective that is meant; a norm set may also hold the noun ("contents").
_MEANT = {"content": "content (happy)"}


def load_norms(path: str | Path | None = None) -> pd.DataFrame:
    """Norms of emotion words, one row for each source and word.

    The bundled ones are the Glasgow Norms (Scott et al. 2019, 1–9, CC BY 4.0) and Russell & Mehrabian 1977 (−1…1).

    Args:
        path: a CSV with a column `word` and at least one of `valence, arousal, dominance`, optionally `source` and
            `term_in_source`; by default the bundled norms.

    Returns:
        Columns source, word, term, valence, arousal, dominance (NaN where a source has none), sorted.

    Raises:
        EmovecError: if the file is missing, has no such columns, holds text for numbers, or gives a word twice.
    """
    path = BUNDLED if path is None else Path(path)
    try:
        table = pd.read_csv(path, dtype={"word": str})
    except FileNotFoundError:
        raise EmovecError(f"{path}: no such file of norms.") from None
    except (OSError, ValueError) as error:
        raise EmovecError(f"{path}: can't be read as a CSV of norms ({' '.join(str(error).split())}).") from error
    given = [dimension for dimension in DIMENSIONS if dimension in table]
    if "word" not in table or not given:
        raise EmovecError(f"{path}: norms need a column 'word' and one of {', '.join(DIMENSIONS)}.")
    for dimension in given:
        try:
            table[dimension] = pd.to_numeric(table[dimension]).astype("float64")
        except (ValueError, TypeError) as error:
            raise EmovecError(f"{path}: column '{dimension}' holds something that is no number ({error}).") from error
    table = table.assign(
        source=table["source"].astype(str) if "source" in table else path.stem,
        word=table["word"].astype(str).str.strip().str.casefold(),
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


def norm_agreement(norms: pd.DataFrame) -> pd.DataFrame:
    """Pearson correlation between norm sets: the ceiling for any correlation with one of them.

    Only words that both sets hold under the same term count (not *ashamed* where one of them has *shamed*).

    Args:
        norms: as `load_norms` returns them.

    Returns:
        Columns dimension, source_a, source_b, r, n_words.
    """
    rows: list[tuple[str, str, str, float, int]] = []
    for dimension in DIMENSIONS:
        by_source = norms.pivot(index=["word", "term"], columns="source", values=dimension)
        for a, b in combinations(sorted(by_source.columns), 2):
            shared = by_source[[a, b]].dropna()
            if len(shared) > 2:
                rows.append((dimension, a, b, float(np.corrcoef(shared[a], shared[b])[0, 1]), len(shared)))
    return pd.DataFrame(rows, columns=["dimension", "source_a", "source_b", "r", "n_words"])
