"""What each output of a study depends on, and whether it is done.

Every output carries the hash of what it was made from, its key: in a JSON record written last, or in the file itself.
"""

import hashlib
import importlib.resources
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

from emovec import activations, vectors
from emovec.config import StudyConfig
from emovec.corpus.load import Corpus
from emovec.corpus.story import fingerprint
from emovec.files import read_json
from emovec.languages.load import languages_folder, load_language
from emovec.models.locate import model_identity
from emovec.study_files import norm_files, read_provenance

Stage = Literal["corpus", "activations", "vectors", "geometry", "steering", "report"]
STAGES: tuple[Stage, ...] = get_args(Stage)

STEERING_FILES = ("activities", "prompts", "scenarios")
_BUNDLED = importlib.resources.files("emovec") / "data" / "steering"
_ALWAYS_USED = frozenset({"emotions", "layer", "languages", "limit", "seed"})

State = Literal["done", "stale", "missing"]
"""`stale` is done, but with other settings or texts."""


def output_keys(
    config: StudyConfig, corpus: Corpus, base: Path, others: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The key of each output: `corpus`, `activations`, `vectors`, each analysis, each experiment, `report`.

    Args:
        config: the study.
        corpus: its texts.
        base: the folder that relative paths start from.
        others: key of the vectors of `geometry.reference` and `geometry.held_out`, where the study names them.

    Raises:
        EmovecError: if the study lists an experiment that there isn't.
    """
    from emovec.geometry.registry import ANALYSES
    from emovec.steering.experiments.registry import EXPERIMENTS, require_experiments

    require_experiments(config.steering.experiments)
    stories = fingerprint(corpus.stories)
    identity = model_identity(config.model, config.revision)
    read_with = config.extraction.model_dump(include={"offset", "layers", "dtype", "sink_threshold", "store_dtype"})
    keys = {"corpus": _digest(stories, fingerprint(corpus.neutral))}
    keys["activations"] = _digest(activations.RECIPE, keys["corpus"], identity, read_with)
    made_with = [config.languages, config.emotion_words, config.vectors.model_dump()]
    keys["vectors"] = _digest(vectors.RECIPE, keys["activations"], made_with)
    inputs: dict[str, Any] = {
        **config.geometry.model_dump(include={"permutations", "bootstraps", "seed", "top_k"}),
        "fixed_layer": config.geometry.layer,
        "poles": config.geometry.poles.sides(),
        "stories": stories,
        "model": identity,
        "norms": _digests(norm_files(config, base)),
        "vectors": keys["vectors"],
        "activations": keys["activations"],
        "neutral": keys["activations"],
        "reference": None,
        "held_out": None,
        **(others or {}),
    }
    for name, analysis in ANALYSES.items():
        keys[name] = _digest(name, version("emovec"), {used: inputs[used] for used in sorted(analysis.inputs)})
        inputs |= dict.fromkeys(analysis.passed_on, keys[name])
    steering = config.steering.model_dump()
    files = {name: steering[name] and _file_digest(base / steering[name]) for name in STEERING_FILES}
    bundled = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in _BUNDLED.iterdir() if file.is_file()
    }
    spoken = [
        load_language(code, languages_folder(config, base)) for code in config.steering.languages or config.languages
    ]
    texts = [[each.frames, each.openings, each.preferences, each.rules, each.spaces] for each in spoken]
    words = [{emotion: own.labels for emotion, own in each.words.items()} for each in spoken]
    measured_on = [keys["vectors"], keys["activations"], identity, inputs["norms"], config.languages, bundled]
    measured_on += [texts, words]
    for name, experiment in EXPERIMENTS.items():
        used = {field: files.get(field, steering[field]) for field in sorted(experiment.settings | _ALWAYS_USED)}
        keys[name] = _digest(name, version("emovec"), measured_on, used)
    keys["report"] = _digest(version("emovec"), *(keys[name] for name in sorted(keys) if name not in EXPERIMENTS))
    return keys


def report_key(key: str, folder: Path) -> str:
    """The report's key, given the experiments and the names of clusters that lie in its folder."""
    from emovec.steering.experiments.registry import EXPERIMENTS

    there = {name: read_json(record_path(folder, name)).get("key") for name in (*EXPERIMENTS, "cluster_names")}
    return _digest(key, {name: found for name, found in there.items() if found is not None})


def record_path(folder: Path, output: str) -> Path:
    """The file that holds an output's key; it is written when all of the output is there."""
    from emovec.steering.experiments.registry import EXPERIMENTS

    if output == "vectors":
        return folder / "vectors.safetensors"
    if output in EXPERIMENTS:
        return folder / "steering" / f"{output}.json"
    return folder / f"{output}.json" if output in STAGES else folder / "geometry" / f"{output}.json"


def output_state(folder: Path, output: str, key: str) -> State:
    """How an output stands, given the key that it should have."""
    from emovec.geometry.registry import ANALYSES
    from emovec.steering.experiments.registry import EXPERIMENTS

    record = record_path(folder, output)
    found = (read_provenance(record) if output == "vectors" else read_json(record)).get("key")
    files: list[Path] = []
    if output == "report":
        files = [folder / "report.html"]
    elif output in ANALYSES:
        files = [folder / "geometry" / f"{table}.parquet" for table in ANALYSES[output].tables]
    elif output in EXPERIMENTS:
        files = [folder / "steering" / f"{table}.parquet" for table in EXPERIMENTS[output].tables]
    if found is None or not all(file.is_file() for file in files):
        return "missing"
    return "done" if found == key else "stale"


def _digests(named: Path | dict[str, Path] | None) -> Any:
    if isinstance(named, dict):
        return {name: _file_digest(file) for name, file in named.items()}
    return None if named is None else _file_digest(named)


def _file_digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
