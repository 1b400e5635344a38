"""Texts that are read, not steered: scenarios that imply an emotion, and templates whose number moves one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

from emovec.corpus.rows import read_records
from emovec.errors import EmovecError
from emovec.labels import check_label

PLACEHOLDER = "{number}"
_FEWEST_VALUES = 3
_DATA = files("emovec") / "data" / "steering"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation that implies an emotion without naming it.

    Attributes:
        id: unique among scenarios.
        language: a code such as `en`.
        emotion: the English word for what a reader would feel, or take the character to feel.
        text: one to three sentences.
    """

    id: str
    language: str
    emotion: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with a number on which an emotion depends.

    Attributes:
        id: unique among templates.
        language: a code such as `en`.
        template: the sentence; `{number}` stands where the number goes.
        values: ascending numbers to put there.
        rises: emotions that should rise with the number.
        falls: emotions that should fall.
    """

    id: str
    language: str
    template: str
    values: tuple[float, ...]
    rises: tuple[str, ...]
    falls: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        """The sentence with each of the values."""
        return [self.template.replace(PLACEHOLDER, f"{value:.15g}") for value in self.values]

    @property
    def signs(self) -> dict[str, int]:
        """Emotion → 1 where it should rise, −1 where it should fall."""
        return dict.fromkeys(self.rises, 1) | dict.fromkeys(self.falls, -1)


Item = TypeVar("Item", Scenario, Template)


def read_scenarios(path: str | Path | None = None) -> list[Scenario]:
    """The scenarios of a user's file, or the bundled ones.

    A file is JSONL (or CSV, Parquet) with the columns id, language, emotion, text; without an id, the line makes one.
    Records with a `template` are left to `read_templates`; a file that holds only those gives the bundled scenarios.

    Raises:
        EmovecError: if the file can't be read or a record is broken: its file and line.
    """
    return _read(path, "scenarios.jsonl", wants_template=False, parse=_scenario)


def read_templates(path: str | Path | None = None) -> list[Template]:
    """The intensity templates of a user's file (JSONL), or the bundled ones.

    A record holds id, language, template, values, rises, falls; one of the last two may be left out. Records without a
    `template` are left to `read_scenarios`; a file that holds only those gives the bundled templates.

    Raises:
        EmovecError: if the file can't be read or a record is broken: its file and line.
    """
    return _read(path, "intensity.jsonl", wants_template=True, parse=_template)


def _read(
    path: str | Path | None, bundled: str, wants_template: bool, parse: Callable[[Mapping[str, Any], str], Item | str]
) -> list[Item]:
    if path is None:
        with as_file(_DATA / bundled) as file:
            return _read(file, bundled, wants_template, parse)
    path = Path(path)

    def item(fields: Mapping[str, Any], line: int) -> Item | str | None:
        return parse(fields, f"{path.stem}-{line}") if bool(fields.get("template")) == wants_template else None

    example = '{"language": "en", "emotion": "sad", "text": "The dog did not come back."}'
    found = read_records(path, item, setting="steering.scenarios", example=example, unique={"id": lambda each: each.id})
    return found or _read(None, bundled, wants_template, parse)


def _scenario(fields: Mapping[str, Any], default_id: str) -> Scenario | str:
    for name in ("language", "emotion", "text"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return f"a scenario needs a text for {name} that is not empty"
    try:
        language, emotion = check_label("language", fields["language"]), check_label("emotion", fields["emotion"])
    except EmovecError as error:
        return str(error)
    return Scenario(str(fields.get("id") or default_id), language, emotion, fields["text"])


def _template(fields: Mapping[str, Any], default_id: str) -> Template | str:
    for name in ("language", "template"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return f"a template needs a text for {name} that is not empty"
    if fields["template"].count(PLACEHOLDER) != 1:
        return f"the template must contain {PLACEHOLDER} once"
    rises, falls = (fields.get(name) or [] for name in ("rises", "falls"))
    if not all(_all_words(words) for words in (rises, falls)) or not [*rises, *falls]:
        return "rises and falls must be lists of emotions, and one of them must name some"
    try:
        language = check_label("language", fields["language"])
        rises, falls = ([check_label("emotion", word) for word in words] for words in (rises, falls))
    except EmovecError as error:
        return str(error)
    if both := set(rises) & set(falls):
        return f"'{sorted(both)[0]}' can't both rise and fall"
    values = fields.get("values")
    if not isinstance(values, Sequence) or isinstance(values, str) or not all(map(_finite, values)):
        return "values must be a list of numbers"
    ordered = tuple(sorted({float(value) for value in values}))
    if len(ordered) < _FEWEST_VALUES:
        return f"values must contain at least {_FEWEST_VALUES} different numbers"
    id_ = str(fields.get("id") or default_id)
    return Template(id_, language, fields["template"], ordered, tuple(rises), tuple(falls))


def _all_words(words: object) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) and word for word in words)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
