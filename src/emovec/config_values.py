"""What a value of the study file may be: texts, bounded numbers, labels, and sources of texts."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from emovec.config_errors import told
from emovec.errors import EmovecError
from emovec.labels import LabelKind, check_label, same_label_key
from emovec.printable import printable


class Section(BaseModel):
    """A part of the study file: an unknown key or a value of another type is an error."""

    # strict: `limit: yes` is no 1 and `permutations: "ten"` no number.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _shows(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; give a text, or null where there is to be none")
    if printable(text) != text or "\n" in text:
        raise ValueError("contains a line break or another control character; take it out")
    return text


def each_once(values: list[Any]) -> list[Any]:
    """Refuse a list that names something twice."""
    if repeated := sorted({str(value) for value in values if values.count(value) > 1}):
        raise ValueError(f"named twice: {', '.join(repeated)}")
    return values


Text = Annotated[str, Field(max_length=4096), AfterValidator(_shows)]
"""A name or a path. Every number below has a largest value too: what no machine can do is said before it is tried."""

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Layer = Annotated[int, Field(ge=0, lt=10_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Texts = Annotated[int, Field(ge=1, le=10_000)]
"""Of a kind that is generated, for each topic; more make the list of requests too long to hold."""


def checked_label(kind: LabelKind, text: str) -> str:
    """A label in its one spelling; what is wrong with it as an error that pydantic understands."""
    try:
        return check_label(kind, text)
    except EmovecError as error:
        raise ValueError(str(error)) from error


def checked_labels(field: str, texts: list[str]) -> list[str]:
    """The languages or emotions of a setting, each once."""
    kind: LabelKind = "language" if field == "languages" else "emotion"
    labels = [checked_label(kind, text) for text in texts]
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(same_label_key(label), label)
        if labels.count(label) > 1:
            raise ValueError(f"named twice: {label}")
        if other != label:
            raise ValueError(f"'{other}' and '{label}' are spellings of one {kind}; keep one")
    return labels


class Source(Section):
    """Where texts come from: a file, folder or glob, and which columns hold the fields.

    `columns` maps `id, language, emotion, topic, text` to the names in the user's files; `language` or `emotion` may be
    fixed for all texts of the source instead.
    """

    path: Text
    columns: dict[Literal["id", "language", "emotion", "topic", "text"], Text] = Field(default_factory=dict)
    language: Text | None = None
    emotion: Text | None = None

    @field_validator("language", "emotion")
    @classmethod
    def _is_label(cls, label: str | None, info: ValidationInfo) -> str | None:
        return (
            None if label is None else checked_label("emotion" if info.field_name == "emotion" else "language", label)
        )


def as_source(**fields: Any) -> Source:
    """A source given on the command line or in Python.

    Raises:
        EmovecError: if a field can't be right.
    """
    try:
        return Source.model_validate(fields)
    except ValidationError as error:
        raise EmovecError(told(error.errors(), "texts", {}, Source)) from error
