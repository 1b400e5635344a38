"""What models cost, by an editable table of dated prices."""

import datetime
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from emovec.delimited import read_small_table
from emovec.errors import EmovecError

_COLUMNS = ("model", "input", "output", "batch", "as_of")
_DATED = re.compile(r"[-@:](?:\d{4}[\d-]*|latest|preview.*)")


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs.

    Attributes:
        model: as Inspect names it, provider first; ending in `*` it stands for all that begin so.
        input: USD for a million tokens sent.
        output: USD for a million tokens received.
        batch: factor on both in the provider's batch mode; 1 where it has none.
        as_of: the day the price was looked up; None for models that run at home.
    """

    model: str
    input: float
    output: float
    batch: float
    as_of: datetime.date | None


def price_of(model: str, prices: Sequence[Price]) -> Price | None:
    """The price of a model: its own, that of the name without a date (`-2025-08-07`), or that of a name with `*`.

    `gpt-4o-mini` is not priced as `gpt-4o`, nor `gpt-5.5` as `gpt-5`; of several that fit the longest counts.
    """
    fitting = [price for price in prices if _fits(model, price.model)]
    return max(fitting, key=lambda price: len(price.model), default=None)


def nearest_name(model: str, prices: Sequence[Price]) -> str | None:
    """The listed name that is most like a model's, for one that was mistyped; None where none is near."""
    names = [price.model for price in prices if not price.model.endswith("*")]
    return next(iter(difflib.get_close_matches(model, names, n=1, cutoff=0.75)), None)


def _fits(model: str, name: str) -> bool:
    if name.endswith("*"):
        return model.startswith(name[:-1])
    return model == name or (model.startswith(name) and _DATED.fullmatch(model[len(name) :]) is not None)


def read_prices(path: str | Path | None = None) -> list[Price]:
    """Read a table of prices: CSV with the columns `model, input, output, batch, as_of`.

    Args:
        path: a file; by default the table that comes along, `emovec/data/prices.csv`.

    Raises:
        EmovecError: if it can't be read, or a line is broken.
    """
    where = "prices.csv" if path is None else str(path)
    source = Path(str(files("emovec") / "data" / "prices.csv")) if path is None else Path(path)
    _, rows = read_small_table(source, "a table of prices", _COLUMNS)
    return [_price(where, line, row) for line, row in rows]


def _price(where: str, line: int, row: Mapping[str, str]) -> Price:
    try:
        amounts = tuple(float(row[column] or "nan") for column in ("input", "output", "batch"))
        as_of = datetime.date.fromisoformat(row["as_of"]) if row["as_of"] else None
    except ValueError as error:
        raise EmovecError(f"{where}:{line}: {error}; dates are written 2026-11-27, prices 0.15.") from error
    if not all(math.isfinite(amount) and amount >= 0 for amount in amounts) or not row["model"]:
        raise EmovecError(f"{where}:{line}: needs a model, and numbers of at least 0 for input, output and batch.")
    sent, received, batch = amounts
    return Price(row["model"].strip(), sent, received, batch, as_of)
