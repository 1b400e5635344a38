"""`StudyConfig`: the study file, with the defaults of the published method."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from emovec.commands import command
from emovec.config_errors import told
from emovec.config_values import Count, Layer, Section, Seed, Source, Text, Texts, checked_labels, each_once
from emovec.emotions import NAMED_LISTS, emotion_list
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL
from emovec.printable import shortened
from emovec.yaml_file import Key, Written, read_yaml, said

Style = Literal["varied", "plain", "literary", "controlled", "concepts"]
"""The styles of the bundled corpus."""

BUNDLED: dict[str, Style] = {
    "bundled": "varied",
    "bundled-plain": "plain",
    "bundled-literary": "literary",
    "bundled-controlled": "controlled",
    "bundled-concepts": "concepts",
}
"""What a study file may name as its texts, and the style of the bundled corpus that each name stands for."""

GENERATED = "generated"
"""The texts that `emovec corpus generate` has written for the study."""


class CorpusConfig(Section):
    """The texts of a study: stories with an emotion, and neutral ones."""

    stories: Text | Source | list[Text | Source] = "bundled"
    neutral: Text | Source | list[Text | Source] | None = "bundled"


class ExtractionConfig(Section):
    """How texts become activations."""

    offset: float = Field(default=50.0, ge=0, le=1_000_000)
    layers: Literal["all"] | list[Layer] = "all"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: Text = "auto"
    sink_threshold: float | None = Field(default=10.0, gt=1, le=1e9)
    batch_tokens: Literal["auto"] | Annotated[int, Field(ge=1, le=10_000_000)] = "auto"
    shard_size: Count = 256
    store_dtype: Literal["float32", "bfloat16"] = "float32"
    limit: Count | None = None
    threads: int | None = Field(default=None, ge=1, le=1024)

    @field_validator("offset")
    @classmethod
    def _whole_tokens(cls, offset: float) -> float:
        if offset > 1 and offset != int(offset):
            raise ValueError("give a whole number of tokens, or a number below 1 for a fraction of the text")
        return offset

    @field_validator("layers")
    @classmethod
    def _layers_named(cls, layers: Literal["all"] | list[int]) -> Literal["all"] | list[int]:
        if layers == []:
            raise ValueError("give 'all' or a list of layers counted from 0")
        return layers if layers == "all" else sorted(set(layers))


class VectorsConfig(Section):
    """How activations become vectors."""

    centring: Literal["emotions", "topics"] = "emotions"
    denoise: Literal["neutral", "emotion-components", "none"] = "neutral"
    denoise_variance: float = Field(default=0.5, gt=0, lt=1)
    denoise_components: int | None = Field(default=None, ge=1, le=10_000)


class PoleConfig(Section):
    """The emotions that are the two ends of an axis."""

    positive: Annotated[list[Text], Field(min_length=1), AfterValidator(each_once)]
    negative: Annotated[list[Text], Field(min_length=1), AfterValidator(each_once)]


class PolesConfig(Section):
    """Poles of the study's own, of either axis or of both."""

    valence: PoleConfig | None = None
    arousal: PoleConfig | None = None

    def sides(self) -> dict[str, tuple[list[str], list[str]]]:
        """Axis → its high and its low pole, of the axes that have poles of their own."""
        axes = {"valence": self.valence, "arousal": self.arousal}
        return {axis: (own.positive, own.negative) for axis, own in axes.items() if own is not None}


class GeometryConfig(Section):
    """How vectors are compared."""

    permutations: Count = 10_000
    bootstraps: int = Field(default=1_000, ge=20, le=100_000)
    seed: Seed = 0
    layer: Literal["auto"] | Layer = "auto"
    top_k: int = Field(default=10, ge=1, le=1_000)
    norms: Text | Annotated[dict[Text, Text], Field(min_length=1)] | None = None
    poles: PolesConfig = Field(default_factory=PolesConfig)
    reference: Text | None = None
    held_out: Text | None = None


class SteeringConfig(Section):
    """What the vectors are put to: readings of texts, and steering."""

    # The experiments are found by their files, above this one: their names are checked where a study runs.
    experiments: Annotated[list[Text], AfterValidator(each_once)] = Field(
        default_factory=lambda: ["implicit", "intensity", "calibration"]
    )
    emotions: Annotated[list[Text], Field(min_length=1), AfterValidator(each_once)] | None = None
    layer: Literal["auto"] | Layer = "auto"
    form: Literal["auto", "plain", "chat"] = "auto"
    strengths: list[float] = Field(default_factory=lambda: [0.1, 0.2], min_length=1, max_length=100)
    controls: int = Field(default=2, ge=0, le=1_000)
    languages: Annotated[list[Text], Field(min_length=1), AfterValidator(each_once)] | None = None
    limit: Count | None = None
    max_new_tokens: int = Field(default=40, ge=1, le=100_000)
    seed: Seed = 0
    judge: Text | None = None
    activities: Text | None = None
    prompts: Text | None = None
    scenarios: Text | None = None

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

    @field_validator("emotions", "languages")
    @classmethod
    def _are_labels(cls, labels: list[str] | None, info: ValidationInfo) -> list[str] | None:
        return None if labels is None else checked_labels(str(info.field_name), labels)


class ClusterNamesConfig(Section):
    """Short names for groups of emotions, by a language model."""

    model: Text | None = None
    k: Annotated[list[Annotated[int, Field(ge=2, le=1_000)]], Field(min_length=1), AfterValidator(each_once)] = Field(
        default_factory=lambda: [4, 10]
    )
    max_tokens: Count = 256


class ReportConfig(Section):
    """What the report shows beside the results."""

    cluster_names: ClusterNamesConfig = ClusterNamesConfig()


class GenerationConfig(Section):
    """How texts are written by a language model; emotions and languages are the study's."""

    model: Text | None = None
    kinds: Annotated[
        list[Literal["stories", "neutral", "dialogues", "masked"]], Field(min_length=1), AfterValidator(each_once)
    ] = Field(default_factory=lambda: ["stories", "neutral"])
    topics: Text | Annotated[list[Text], Field(min_length=1), AfterValidator(each_once)] = "default-100"
    stories: Texts = 12
    neutral: Texts = 6
    dialogues: Texts = 6
    masked: Texts = 1
    per_completion: int = Field(default=4, ge=1, le=100)
    temperature: float = Field(default=1.0, ge=0, le=10)
    max_tokens: Count = 4096
    max_attempts: int = Field(default=3, ge=1, le=100)
    max_connections: int = Field(default=10, ge=1, le=10_000)
    batch: bool = False
    seed: Seed = 0
    languages_folder: Text | None = None


class StudyConfig(Section):
    """One study: a model, languages, emotions, texts, and the settings of each stage."""

    model: Text = "gemma-3-270m"
    revision: Text | None = None
    trust_remote_code: bool = False
    languages: list[Text] = Field(default_factory=lambda: ["en", "ja"], min_length=1, max_length=1_000)
    emotions: Text | Annotated[list[Text], Field(max_length=10_000)] = "default-30"
    corpus: CorpusConfig = CorpusConfig()
    extraction: ExtractionConfig = ExtractionConfig()
    vectors: VectorsConfig = VectorsConfig()
    geometry: GeometryConfig = GeometryConfig()
    steering: SteeringConfig = SteeringConfig()
    report: ReportConfig = ReportConfig()
    generation: GenerationConfig = GenerationConfig()

    @field_validator("languages", "emotions")
    @classmethod
    def _are_labels(cls, words: str | list[str], info: ValidationInfo) -> str | list[str]:
        return words if isinstance(words, str) else checked_labels(str(info.field_name), words)

    @field_validator("emotions")
    @classmethod
    def _known_list(cls, emotions: str | list[str]) -> str | list[str]:
        if isinstance(emotions, str) and emotions not in NAMED_LISTS:
            raise ValueError(f"'{emotions}' is no known list; give one of {', '.join(NAMED_LISTS)}, or a list of words")
        if NEUTRAL in emotions:
            raise ValueError("'neutral' is no emotion: neutral texts are given as corpus.neutral")
        if len(emotions) < 2:
            raise ValueError("give at least two emotions: a vector is what sets an emotion apart from others")
        return emotions

    @model_validator(mode="after")
    def _at_layers_that_are_read(self) -> "StudyConfig":
        read = self.extraction.layers
        for section, layer in (("geometry", self.geometry.layer), ("steering", self.steering.layer)):
            if read != "all" and layer != "auto" and layer not in read:
                raise ValueError(
                    f"{section}.layer: {layer} is none of the layers that extraction.layers asks for "
                    f"({shortened(', '.join(map(str, read)), 80)})"
                )
        return self

    @model_validator(mode="after")
    def _steered_by_its_own(self) -> "StudyConfig":
        for emotion in self.steering.emotions or ():
            if emotion not in self.emotion_words:
                nearest = difflib.get_close_matches(emotion, self.emotion_words, n=1, cutoff=0.0)[0]
                raise ValueError(
                    f"steering.emotions: '{emotion}' is none of the study's emotions; did you mean '{nearest}'?"
                )
        return self

    @model_validator(mode="after")
    def _poles_of_its_own(self) -> "StudyConfig":
        for axis, sides in self.geometry.poles.sides().items():
            for word in (word for side in sides for word in side):
                if word not in self.emotion_words:
                    nearest = difflib.get_close_matches(word, self.emotion_words, n=1, cutoff=0.0)[0]
                    raise ValueError(
                        f"geometry.poles.{axis}: '{word}' is none of the study's emotions; did you mean '{nearest}'?"
                    )
            if both := sorted(set(sides[0]) & set(sides[1])):
                raise ValueError(f"geometry.poles.{axis}: '{both[0]}' is at both ends; take it out of one.")
        return self

    @model_validator(mode="after")
    def _norms_of_its_own(self) -> "StudyConfig":
        for language in self.geometry.norms if isinstance(self.geometry.norms, dict) else ():
            if language not in self.languages:
                raise ValueError(
                    f"geometry.norms: '{language}' is none of the study's languages ({', '.join(self.languages)}); "
                    "name one of them there, or take it out."
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
        read = read_yaml(path)
    except FileNotFoundError:
        raise EmovecError(f"{path}: {_missing(path)}") from None
    if read.data is None:
        raise EmovecError(
            f"{path}: contains no settings; {command('init', path, '--overwrite')} writes them all into it."
        )
    if not isinstance(read.data, dict):
        raise EmovecError(
            f"{path}: a study file is a mapping of settings, such as 'model: gemma-3-270m', and this is "
            f"{said(read.data)}."
        )
    config = parse_config(read.data, str(path), read.places)
    folder = generated_folder(path).name
    written = {
        kind: f"{folder}/{kind}.*.jsonl" for kind in ("stories", "neutral") if getattr(config.corpus, kind) == GENERATED
    }
    return config.model_copy(update={"corpus": config.corpus.model_copy(update=written)})


def _missing(path: Path) -> str:
    if path.suffix.lower() in {".yaml", ".yml"}:
        return f"no such study file. {command('init', path)} writes one."
    file = path.with_name(f"{path.name}.yaml")
    hint = f"Did you mean {file}?" if file.is_file() else f"{command('init', file)} writes a study file."
    return f"no such study file or folder. {hint}"


def generated_folder(path: str | Path) -> Path:
    """Where the texts that are generated for a study file lie, unless the user says otherwise."""
    return Path(path).with_name(f"{Path(path).stem}-texts")


def parse_config(
    data: Mapping[str, Any], where: str = "study", places: Mapping[Key, Written] | None = None
) -> StudyConfig:
    """Check settings given as a dictionary; errors name `where`, the line where `places` tells it, and the setting."""
    try:
        return StudyConfig.model_validate(dict(data))
    except ValidationError as error:
        raise EmovecError(told(error.errors(), where, places or {}, StudyConfig)) from error
