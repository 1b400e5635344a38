"""`StudyConfig`: the study file, with the defaults of the published method."""

import difflib
import shlex
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from emovec.corpus.emotions import NAMED_LISTS, emotion_list
from emovec.errors import EmovecError

BUNDLED = ("bundled", "bundled-literary", "bundled-controlled")
GENERATED = "generated"
"""The texts that `emovec corpus generate` has written for the study."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Section):
    """Where texts come from: a file, folder or glob, and which columns hold the fields.

    `columns` maps `id, language, emotion, topic, text` to the names in the user's files; `language` or `emotion` may be
    fixed for all texts of the source instead.
    """

    path: str
    columns: dict[Literal["id", "language", "emotion", "topic", "text"], str] = Field(default_factory=dict)
    language: str | None = None
    emotion: str | None = None


class CorpusConfig(_Section):
    """The texts of a study: stories with an emotion, and neutral ones."""

    stories: str | Source | list[str | Source] = "bundled"
    neutral: str | Source | list[str | Source] | None = "bundled"


class ExtractionConfig(_Section):
    """How texts become activations."""

    offset: float = Field(default=50.0, ge=0)
    layers: Literal["all"] | list[int] = "all"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: str = "auto"
    sink_threshold: float | None = Field(default=10.0, gt=1)
    batch_tokens: Literal["auto"] | int = "auto"
    shard_size: int = Field(default=256, ge=1)
    store_dtype: Literal["float32", "bfloat16"] = "float32"
    limit: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)

    @field_validator("layers")
    @classmethod
    def _layers_named(cls, layers: Literal["all"] | list[int]) -> Literal["all"] | list[int]:
        if layers != "all" and (not layers or min(layers) < 0):
            raise ValueError("give 'all' or a list of layers counted from 0")
        return layers if layers == "all" else sorted(set(layers))


class VectorsConfig(_Section):
    """How activations become vectors."""

    centring: Literal["emotions", "topics"] = "emotions"
    denoise: Literal["neutral", "emotion-components", "none"] = "neutral"
    denoise_variance: float = Field(default=0.5, gt=0, lt=1)


class GeometryConfig(_Section):
    """How vectors are compared."""

    permutations: int = Field(default=10_000, ge=1)
    bootstraps: int = Field(default=1_000, ge=20)
    seed: int = Field(default=0, ge=0)
    layer: Literal["auto"] | int = "auto"
    top_k: int = Field(default=10, ge=1)
    norms: str | None = None


EXPERIMENT_NAMES = ("implicit", "intensity", "calibration", "preferences", "rules")


class SteeringConfig(_Section):
    """What the vectors are put to: readings of texts, and steering."""

    experiments: list[Literal["implicit", "intensity", "calibration", "preferences", "rules"]] = Field(
        default_factory=lambda: ["implicit", "intensity", "calibration"]
    )
    emotions: list[str] | None = None
    layer: Literal["auto"] | int = "auto"
    strengths: list[float] = Field(default_factory=lambda: [0.1, 0.2], min_length=1)
    controls: int = Field(default=2, ge=0)
    languages: list[str] | None = None
    limit: int | None = Field(default=None, ge=1)
    max_new_tokens: int = Field(default=40, ge=1)
    seed: int = Field(default=0, ge=0)
    judge: str | None = None
    activities: str | None = None
    prompts: str | None = None
    scenarios: str | None = None

    @field_validator("strengths")
    @classmethod
    def _positive(cls, strengths: list[float]) -> list[float]:
        # Parts, tables and figures tell strengths apart by these digits. A million norms are past any model: it is told
        # now, not once the runs before it are done.
        if not all(0 < each <= 1e6 for each in strengths) or len({f"{s:g}" for s in strengths}) < len(strengths):
            raise ValueError(
                "give positive numbers up to 1e6, in residual norms, each once (to 6 digits): the unsteered model is "
                "always there"
            )
        return sorted(strengths)


class GenerationConfig(_Section):
    """How texts are written by a language model; emotions and languages are the study's."""

    model: str | None = None
    kinds: list[Literal["stories", "neutral", "dialogues", "masked"]] = Field(
        default_factory=lambda: ["stories", "neutral"], min_length=1
    )
    topics: str | list[str] = "default-100"
    stories: int = Field(default=12, ge=1)
    neutral: int = Field(default=6, ge=1)
    dialogues: int = Field(default=6, ge=1)
    masked: int = Field(default=1, ge=1)
    per_completion: int = Field(default=4, ge=1)
    temperature: float = Field(default=1.0, ge=0)
    max_tokens: int = Field(default=4096, ge=1)
    max_attempts: int = Field(default=3, ge=1)
    max_connections: int = Field(default=10, ge=1)
    batch: bool = False
    seed: int = Field(default=0, ge=0)
    languages_folder: str | None = None


class StudyConfig(_Section):
    """One study: a model, languages, emotions, texts, and the settings of each stage."""

    model: str = "gemma-3-270m"
    revision: str | None = None
    trust_remote_code: bool = False
    languages: list[str] = Field(default_factory=lambda: ["en", "ja"], min_length=1)
    emotions: str | list[str] = "default-30"
    corpus: CorpusConfig = CorpusConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    vectors: VectorsConfig = VectorsConfig()
    geometry: GeometryConfig = GeometryConfig()
    steering: SteeringConfig = SteeringConfig()
    generation: GenerationConfig = GenerationConfig()

    @field_validator("languages", "emotions")
    @classmethod
    def _no_repeats(cls, words: str | list[str]) -> str | list[str]:
        if isinstance(words, list) and len(set(words)) < len(words):
            repeated = sorted({word for word in words if words.count(word) > 1})
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return words

    @field_validator("emotions")
    @classmethod
    def _known_list(cls, emotions: str | list[str]) -> str | list[str]:
        if isinstance(emotions, str) and emotions not in NAMED_LISTS:
            raise ValueError(f"'{emotions}' is no known list; give one of {', '.join(NAMED_LISTS)}, or a list of words")
        if "neutral" in emotions:
            raise ValueError("'neutral' is no emotion: neutral texts are given as corpus.neutral")
        if len(emotions) < 2:
            raise ValueError("give at least two emotions: a vector is what sets an emotion apart from others")
        return emotions

    @model_validator(mode="after")
    def _steered_by_its_own(self) -> "StudyConfig":
        for emotion in self.steering.emotions or ():
            if emotion not in self.emotion_words:
                nearest = difflib.get_close_matches(emotion, self.emotion_words, n=1, cutoff=0.0)[0]
                raise ValueError(
                    f"steering.emotions: '{emotion}' is none of the study's emotions; did you mean '{nearest}'?"
                )
        return self

    @property
    def emotion_words(self) -> tuple[str, ...]:
        """The emotions as words, in the study's order."""
        return emotion_list(self.emotions)


def read_config(path: str | Path) -> StudyConfig:
    """Read a study file; the source `generated` becomes the path of the texts that were generated for it.

    Raises:
        EmovecError: if the file is missing, is no YAML, or holds an unknown key or a value that can't be right.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EmovecError(f"{path}: no such study file. `emovec init {shlex.quote(str(path))}` writes one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EmovecError(f"{path}: can't be read as a study file ({error}).") from error
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise EmovecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if data is None:
        raise EmovecError(
            f"{path}: holds no settings; `emovec init {shlex.quote(str(path))} --force` writes them all into it."
        )
    if not isinstance(data, dict):
        raise EmovecError(f"{path}: a study file is a mapping of settings, such as 'model: gemma-3-270m'.")
    config = parse_config(data, str(path))
    folder = generated_folder(path).name
    written = {
        kind: f"{folder}/{kind}.*.jsonl" for kind in ("stories", "neutral") if getattr(config.corpus, kind) == GENERATED
    }
    return config.model_copy(update={"corpus": config.corpus.model_copy(update=written)})


def generated_folder(path: str | Path) -> Path:
    """Where the texts that are generated for a study file lie, unless the user says otherwise."""
    return Path(path).with_name(f"{Path(path).stem}-texts")


def parse_config(data: dict[str, Any], where: str = "study") -> StudyConfig:
    """Check settings given as a dictionary; errors name `where` and the setting."""
    try:
        return StudyConfig.model_validate(data)
    except ValidationError as error:
        raise EmovecError(f"{where}: " + "; ".join(dict.fromkeys(_explain(e) for e in error.errors()))) from error


def _explain(error: Any) -> str:
    location = [str(part) for part in error["loc"]]
    keys = [part for part in location if part not in {"Source", "str", "int", "float"} and "[" not in part]
    setting = ".".join(keys)
    if error["type"] == "extra_forbidden":
        known = _keys_beside(keys)
        nearest = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.0)
        return f"unknown setting '{setting}'; did you mean '{'.'.join([*keys[:-1], *nearest])}'?"
    message = error["msg"].removeprefix("Value error, ")
    if not setting:  # about several settings at once, which the message names
        return message
    return f"{setting}: {message[0].lower() + message[1:]} (got {error['input']!r})"


def _keys_beside(keys: list[str]) -> list[str]:
    """The valid keys of the section in which the last of `keys` stands."""
    section: type[BaseModel] = StudyConfig
    for key in keys[:-1]:
        if key not in section.model_fields:
            return list(Source.model_fields)
        annotation = section.model_fields[key].annotation
        candidates = [annotation, *get_args(annotation)]
        models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not models:
            break
        section = models[0]
    return list(section.model_fields)
