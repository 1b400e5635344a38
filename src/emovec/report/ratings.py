"""Which ratings of emotions by people a sentence or figure is about."""

from emovec.report.charts import Selector
from emovec.report.selection import Selection


def source_selector(rows: Selection) -> Selector:
    """A choice between sources of ratings: the one with most emotions first."""
    by = rows.rows.groupby("source")
    numbers = by["n_emotions"].max() if "n_emotions" in rows.rows else by.size()
    return rows.selector("ratings", "source", list(numbers.sort_values(ascending=False, kind="stable").index))


def first_shown(rows: Selection) -> tuple[Selection, str]:
    """The rows of the layer, variant and source shown first, and which these are."""
    found = rows.shown()
    found = found.where(source=source_selector(found).initial)
    layer, variant, source = (found.only(column) for column in ("layer", "variant", "source"))
    return found, f"layer {layer}, {variant} vectors, ratings of {source}"
