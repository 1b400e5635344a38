"""The stages of a study: each makes its output from those before it, and writes the output's key when it is done."""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emovec.config_values import Source
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.files import write_bytes, write_json
from emovec.labels import file_name
from emovec.models.depth import two_thirds
from emovec.progress import Track
from emovec.study.cluster_names import name_study_clusters
from emovec.study.keys import STEERING_FILES, Stage, record_path
from emovec.study_files import norm_files

if TYPE_CHECKING:
    from emovec.geometry.analysis import AnalysisResult, Inputs, OtherTexts
    from emovec.models.language_model import LanguageModel
    from emovec.steering.experiments.experiment import SteeringInputs
    from emovec.study.study import Study, TextsSetting
    from emovec.vectors.emotion_vectors import EmotionVectors

log = logging.getLogger(__name__)


def run_corpus(study: "Study", _track: Track) -> list[str]:
    """Write the texts of the study, one file for each kind and language."""
    folder = study.folder / "corpus"
    _require_elsewhere(study, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("stories.*.jsonl"), *folder.glob("neutral.*.jsonl")]:
        old.unlink()
    for kind, stories in (("stories", study.corpus.stories), ("neutral", study.corpus.neutral)):
        by_language: dict[str, list[Story]] = {}
        for story in stories:
            by_language.setdefault(story.language, []).append(story)
        for language, texts in by_language.items():
            write_jsonl(texts, folder / f"{kind}.{file_name(language)}.jsonl")
    counts = {"stories": len(study.corpus.stories), "neutral": len(study.corpus.neutral)}
    write_json(record_path(study.folder, "corpus"), {**counts, "key": study.keys["corpus"]})
    return ["corpus"]


def run_activations(study: "Study", track: Track) -> list[str]:
    """Extract the activations of all texts."""
    from emovec.activations.extract import extract
    from emovec.pipeline.ready import check_layers

    texts = [*study.corpus.stories, *study.corpus.neutral]
    settings = study.config.extraction
    record = record_path(study.folder, "activations")
    record.unlink(missing_ok=True)
    model = study.model
    check_layers(study.config, model.n_layers)
    # Bytes of text predict the time far better than the number of texts does.
    with track(f"Extracting {len(texts)} texts", sum(len(story.text.encode()) for story in texts)) as advance:
        activations = extract(
            model,
            texts,
            study.folder / "activations",
            offset=settings.offset,
            layers=settings.layers,
            sink_threshold=settings.sink_threshold,
            store_dtype=settings.store_dtype,
            batch_tokens=settings.batch_tokens,
            shard_size=settings.shard_size,
            progress=lambda _texts, n_bytes: advance(n_bytes),
        )
    facts = activations.facts(study.config.languages)
    for language, counted in facts["languages"].items():
        if skipped := counted["skipped"]:
            first = skipped[0]
            log.warning("%s: %d texts left out; '%s': %s", language, len(skipped), first["id"], first["reason"])
    # The manifests keep how long it took and in what batches: two runs differ in that, and results must not.
    kept = {name: fact for name, fact in facts.items() if name not in {"seconds", "threads", "batch_tokens"}}
    write_json(record, {**kept, "key": study.keys["activations"]})
    return ["activations"]


def run_vectors(study: "Study", track: Track) -> list[str]:
    """Build the emotion vectors from activations whose files are as they were written."""
    from emovec.activations.store import repair
    from emovec.vectors.build import build_vectors

    activations = study.activations
    for store in activations.stores:
        for path, reason in store.broken().items():
            raise EmovecError(f"{path}: {reason}. {repair(activations.folder)}")
    settings = study.config.vectors
    denoise = "none" if settings.denoise == "neutral" and not study.corpus.neutral else settings.denoise
    with track("Building vectors", len(activations.layers)) as advance:
        vectors = build_vectors(
            activations,
            languages=study.config.languages,
            emotions=study.config.emotion_words,
            centring=settings.centring,
            denoise=denoise,
            denoise_variance=settings.denoise_variance,
            denoise_components=settings.denoise_components,
            provenance={"key": study.keys["vectors"]},
            progress=lambda: advance(1),
        )
    write_bytes(record_path(study.folder, "vectors"), vectors.to_bytes())
    return ["vectors"]


def run_geometry(study: "Study", track: Track) -> list[str]:
    """Run the analyses that are missing or stale, and then have the clusters named where the study asks for that."""
    from emovec.geometry.registry import ANALYSES

    stale = [name for name in ANALYSES if study.state(name) != "done"]
    if stale:
        _compare(study, stale, track)
    named = name_study_clusters(study.folder, study.config.report.cluster_names, study.config.geometry.seed, track)
    return [*stale, "cluster_names"] if named else stale


def _compare(study: "Study", analyses: Sequence[str], track: Track) -> None:
    from emovec.geometry.registry import run_analysis

    vectors = _vectors_with_layer(study)
    with track("Comparing vectors", len(analyses)) as advance:
        for name in analyses:
            save_result(study.folder / "geometry", run_analysis(name, _inputs(study, vectors, name)), study.keys[name])
            advance(1)


def run_steering(study: "Study", track: Track) -> list[str]:
    """Run the steering experiments that the study lists and that are missing or stale."""
    from emovec.steering.experiments.registry import EXPERIMENTS

    listed = study.config.steering.experiments
    leave_out_stale(study, [name for name in EXPERIMENTS if name not in listed])
    return [name for name in listed if name in EXPERIMENTS and measure_experiment(study, name, track)]


def leave_out_stale(study: "Study", experiments: Sequence[str]) -> None:
    """Take out of the report what some experiments measured with other vectors or settings; what they read is kept."""
    for name in experiments:
        if study.state(name) == "stale":
            log.warning(
                "%s was measured with other vectors or settings, so the report leaves it out; %s measures it again",
                name.capitalize(), study.command("run", more=["--only", name]),
            )  # fmt: skip
            record_path(study.folder, name).unlink()


def measure_experiment(study: "Study", name: str, track: Track) -> bool:
    """Run one steering experiment, unless it is up to date; what it measures is kept part by part."""
    from emovec.geometry.analysis import AnalysisResult
    from emovec.steering.experiments.experiment import measure
    from emovec.steering.experiments.registry import EXPERIMENTS

    if study.state(name) == "done":
        return False
    experiment, key = EXPERIMENTS[name], study.keys[name]
    folder = study.results / "steering"
    vectors = study.vectors
    inputs = steering_inputs(study, _fitting_model(study, vectors), vectors, study.corpus.stories)
    tables, summary = measure(experiment, inputs, folder / f"{name}.rows.jsonl", key, track)
    parameters = study.config.steering.model_dump(mode="json", include=set(experiment.settings))
    parameters |= {name: Path(parameters[name]).name for name in STEERING_FILES if parameters.get(name)}
    save_result(folder, AnalysisResult(name, tables, parameters, summary), key)
    return True


def run_report(study: "Study", track: Track) -> list[str]:
    """Write the report from what lies on disk."""
    from emovec.report.pages.study import write_report

    record = record_path(study.folder, "report")
    record.unlink(missing_ok=True)
    write_report(study.folder, track=track)
    write_json(record, {"key": study.keys["report"], "emovec": version("emovec")})
    return ["report"]


RUNNERS: dict[Stage, Callable[["Study", Track], list[str]]] = {
    "corpus": run_corpus,
    "activations": run_activations,
    "vectors": run_vectors,
    "geometry": run_geometry,
    "steering": run_steering,
    "report": run_report,
}
"""What runs each stage; gives the outputs that it made."""


def _require_elsewhere(study: "Study", folder: Path) -> None:
    """Refuse to write over the user's own texts."""
    settings = study.config.corpus
    for sources in (settings.stories, settings.neutral):
        for source in sources if isinstance(sources, list) else [sources]:
            path = source.path if isinstance(source, Source) else source or ""
            if folder.resolve() in [
                (study.path.parent / path).resolve(),
                *(study.path.parent / path).resolve().parents,
            ]:
                raise EmovecError(
                    f"corpus: {path} is where this study keeps its copy of the texts ({folder}); move it, or give "
                    "another `out`."
                )


def _vectors_with_layer(study: "Study") -> "EmotionVectors":
    vectors, layer = study.vectors, study.config.geometry.layer
    if layer != "auto" and layer not in vectors.layers:
        raise EmovecError(f"geometry.layer: {layer} is none of the extracted layers {vectors.layers}.")
    return vectors


def _fitting_model(study: "Study", vectors: "EmotionVectors") -> "LanguageModel":
    vectors.require_fit(study.model)
    return study.model


def _inputs(study: "Study", vectors: "EmotionVectors", analysis: str) -> "Inputs":
    from emovec.geometry.analysis import Inputs
    from emovec.geometry.registry import ANALYSES, GIVEN_BY
    from emovec.study.study import OTHER_TEXTS

    settings, activations = study.config.geometry, study.activations
    given: dict[str, Any] = {
        name: study.table(name) if name in maker.tables else study.summary(maker.name)[name]
        for name, maker in GIVEN_BY.items()
        if name in ANALYSES[analysis].inputs
    }
    return Inputs(
        vectors=vectors,
        activations=lambda layer, language: activations.layer(layer, language),
        stories=study.corpus.stories,
        neutral=lambda layer, language: (
            activations.layer(layer, language, neutral=True) if activations.has_neutral(language) else None
        ),
        model=lambda: _fitting_model(study, vectors),
        permutations=settings.permutations,
        bootstraps=settings.bootstraps,
        seed=settings.seed,
        top_k=settings.top_k,
        fixed_layer=None if settings.layer == "auto" else settings.layer,
        norms=norm_files(study.config, study.path.parent),
        poles=settings.poles.sides(),
        **{setting: _other_texts(study, setting) for setting in OTHER_TEXTS if setting in ANALYSES[analysis].inputs},
        **given,
    )


def _other_texts(study: "Study", setting: "TextsSetting") -> "OtherTexts | None":
    """The texts that a setting of the geometry names, with what the model made of them."""
    from emovec.geometry.analysis import OtherTexts

    if (other := study.other(setting)) is None:
        return None
    activations = other.activations
    name = getattr(study.config.geometry, setting) if other.is_part else other.folder.name
    return OtherTexts(
        name, other.vectors, lambda layer, language: activations.layer(layer, language), other.corpus.stories
    )


def steering_inputs(
    study: "Study", model: "LanguageModel", vectors: "EmotionVectors", stories: Sequence[Story]
) -> "SteeringInputs":
    """What the steering experiments of a study are planned and measured on.

    Raises:
        EmovecError: if there are no vectors for the layer to steer at.
    """
    from emovec.languages.load import languages_folder
    from emovec.steering.conditions import spread_emotions
    from emovec.steering.experiments.experiment import SteeringInputs

    settings, activations = study.config.steering, cache(lambda: study.activations)
    layer = two_thirds(model.n_layers, vectors.layers) if settings.layer == "auto" else settings.layer
    if layer not in vectors.layers:
        raise EmovecError(f"steering.layer: {layer} is none of the extracted layers {vectors.layers}.")
    return SteeringInputs(
        model=model,
        vectors=vectors,
        settings=settings,
        languages=settings.languages or study.config.languages,
        emotions=settings.emotions or spread_emotions(vectors.emotions),
        layer=layer,
        seed=settings.seed,
        stories=stories,
        activations=lambda layer, language: activations().layer(layer, language),
        norms=norm_files(study.config, study.path.parent),
        base=study.path.parent,
        languages_folder=languages_folder(study.config, study.path.parent),
    )


def save_result(folder: Path, result: "AnalysisResult", key: str) -> None:
    """Write the tables of an analysis or experiment into the folder of its stage, and then its record."""
    record = folder / f"{result.name}.json"
    record.unlink(missing_ok=True)
    for name, table in result.tables.items():
        write_bytes(folder / f"{name}.parquet", table.to_parquet(index=False))
    content = {
        "analysis": result.name,
        "tables": list(result.tables),
        "parameters": result.parameters,
        "summary": result.summary,
        "emovec": version("emovec"),
        "key": key,
    }
    write_json(record, content)
