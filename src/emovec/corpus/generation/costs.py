"""What generating texts will cost: requests, tokens, and money by an editable table of dated prices."""

import datetime
import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.config import StudyConfig
from emovec.delimited import read_small_table
from emovec.errors import EmovecError
from emovec.languages.load import load_language

if TYPE_CHECKING:
    from emovec.corpus.generation.requests import Request
    from emovec.languages.language import Language

_WRAPPING = 12  # tokens of markup around each text, and of a role around each message
_OLD = 90
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


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a model.

    Attributes:
        kind: of the texts.
        language: of the texts.
        n: how many texts.
        prompt_characters: length of its messages.
        text_characters: length of a text that answers it.
    """

    kind: str
    language: str
    n: int
    prompt_characters: int
    text_characters: float


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """The requests of one kind and language, and their tokens."""

    kind: str
    language: str
    completions: int
    texts: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class GenerationCost:
    """What a generation will take.

    Attributes:
        model: as Inspect names it; None where the study names none yet.
        rows: by kind and language.
        price: of the model, if the table has it.
        batch: whether the provider's batch mode is asked for.
        ceiling_tokens: output tokens if every request were asked as often as it may be and filled `max_tokens`.
        nearest: the listed name most like that of a model without a price, if one is.
    """

    model: str | None
    rows: tuple[GenerationRow, ...]
    price: Price | None
    batch: bool
    ceiling_tokens: int
    nearest: str | None = None

    @property
    def completions(self) -> int:
        """How many requests there are."""
        return sum(row.completions for row in self.rows)

    @property
    def texts(self) -> int:
        """How many texts they ask for."""
        return sum(row.texts for row in self.rows)

    @property
    def input_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(row.input_tokens for row in self.rows)

    @property
    def output_tokens(self) -> int:
        """Tokens of all answers."""
        return sum(row.output_tokens for row in self.rows)

    @property
    def usd(self) -> float | None:
        """The price of every request answered once; None where the model's price is not known."""
        return self._usd(self.input_tokens, self.output_tokens)

    def usd_at_most(self, max_attempts: int) -> float | None:
        """The price if every request were asked `max_attempts` times and every answer ran to the limit of tokens."""
        return self._usd(max_attempts * self.input_tokens, self.ceiling_tokens)

    def _usd(self, input_tokens: int, output_tokens: int) -> float | None:
        if self.price is None:
            return None
        factor = self.price.batch if self.batch else 1
        return factor * (self.price.input * input_tokens + self.price.output * output_tokens) / 1e6


def planned_cost(
    config: StudyConfig,
    base: str | Path = ".",
    prices: Sequence[Price] | None = None,
    *,
    model: str | None = None,
    requests: "Iterable[Request] | None" = None,
) -> GenerationCost:
    """What it takes to generate the texts of a study.

    Args:
        config: the study.
        base: the folder that its relative paths start from.
        prices: as `read_prices` gives them; by default the table that comes along.
        model: instead of the study's `generation.model`.
        requests: those that are left to send; by default all of the study.

    Raises:
        EmovecError: if a topic or a language is unknown, or a language lacks a word for an emotion.
    """
    from emovec.corpus.generation.requests import load_wording, ordered_requests, prompt_of

    settings = config.generation
    wording = load_wording(config, base)
    lengths = {code: _length(language) for code, language in wording.languages.items()}
    asked = (
        Asked(
            request.kind,
            request.language,
            request.n,
            sum(len(message["content"]) for message in prompt_of(request, wording)),
            lengths[request.language],
        )
        for request in (ordered_requests(config, list(wording.topics)) if requests is None else requests)
    )
    return generation_cost(
        asked,
        model or settings.model,
        read_prices() if prices is None else prices,
        batch=settings.batch,
        max_tokens=settings.max_tokens,
        max_attempts=settings.max_attempts,
    )


def _length(language: "Language") -> float:
    """Characters of a text between the shortest and the longest that are asked for."""
    middle = (language.shortest + language.longest) / 2
    return middle if language.unit == "characters" else characters_of_words(middle, language.code)


def generation_cost(
    asked: Iterable[Asked],
    model: str | None,
    prices: Sequence[Price],
    *,
    batch: bool = False,
    max_tokens: int = 4096,
    max_attempts: int = 3,
) -> GenerationCost:
    """Add up requests by kind and language, in the order of their appearance.

    Args:
        asked: the requests.
        model: as Inspect names it, such as `openai/gpt-4o-mini`.
        prices: as `read_prices` gives them.
        batch: price of the provider's batch mode.
        max_tokens: most tokens of an answer.
        max_attempts: most times that a request is asked.
    """
    cells: dict[tuple[str, str], list[Asked]] = {}
    for request in asked:
        cells.setdefault((request.kind, request.language), []).append(request)
    rows = tuple(_row(*cell, requests) for cell, requests in cells.items())
    ceiling = sum(row.completions for row in rows) * max_tokens * max_attempts
    price = price_of(model, prices) if model else None
    nearest = nearest_name(model, prices) if model and price is None else None
    return GenerationCost(model, rows, price, batch, ceiling, nearest)


def _row(kind: str, language: str, requests: Sequence[Asked]) -> GenerationRow:
    texts = sum(request.n for request in requests)
    prompts = tokens_of(sum(request.prompt_characters for request in requests), language)
    answers = tokens_of(sum(request.n * request.text_characters for request in requests), language)
    return GenerationRow(
        kind, language, len(requests), texts, prompts + len(requests) * _WRAPPING, answers + texts * _WRAPPING
    )


def tokens_of(characters: float, language: str) -> int:
    """Roughly how many tokens a text of so many characters has."""
    return math.ceil(characters / load_language(language).characters_per_token)


def characters_of_words(words: float, language: str) -> float:
    """Roughly how many characters so many words have."""
    return words * load_language(language).characters_per_word


def price_note(cost: GenerationCost, today: datetime.date) -> str:
    """What to say beside the money, in a sentence: where the price is from, how old, or that there is none."""
    if cost.model is None:
        return "generation.model is not set, so there is no price: set it, or give `model`."
    price = cost.price
    if price is None:
        near = f" (the nearest name is {cost.nearest})" if cost.nearest else ""
        return (
            f"No price is listed for {cost.model}{near}: the tokens are all that can be told; `prices` takes a "
            "table of your own."
        )
    if price.input == price.output == 0:
        return f"{cost.model} runs on your own machine: nothing to pay but its time."
    age = f" ({(today - price.as_of).days} days ago)" if price.as_of and (today - price.as_of).days > _OLD else ""
    dated = f" as of {price.as_of}{age}" if price.as_of else ""
    batch = f", × {price.batch:g} in batch mode" if cost.batch else ""
    return (
        f"${price.input:g} in and ${price.output:g} out for a million tokens{dated}{batch}; prices change: check your "
        "provider's page before you spend."
    )
