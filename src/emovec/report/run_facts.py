"""What was run: the facts at the head of the report, and the stories that were left out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from emovec.models.locate import model_name
from emovec.report.style import language_name
from emovec.study.results import StudyTables

_FEW_NEUTRAL = 1000
_MOST_SKIPPED = 100


def facts(study: StudyTables) -> list[tuple[str, str]]:
    """Name and value of each fact, in reading order."""
    config, provenance = study.config, study.vectors.provenance if study.vectors else {}
    layers = study.layers
    extraction = config.extraction
    revision = _first(provenance, "revision", "model_revision") or config.revision or "not recorded"
    rows = [
        ("Model", model_name(config.model)),
        ("Revision", revision),
        (
            "Layers",
            f"{_runs(layers)} ({len(layers)}); layer k is the output of 0-based block k, before any final norm "
            "(resid_post)",
        ),
        ("Layer shown first", f"{study.layer}{_reason(study)}"),
        ("Languages", ", ".join(f"{language_name(code)} ({code})" for code in study.languages)),
        ("Emotions", f"{len(study.emotions)}: {', '.join(study.emotions)}"),
        ("Corpus", _sources(study)),
        ("Texts", "; ".join(_counts(study)) or "not recorded"),
        ("Offset", _offset(extraction.offset)),
        ("Pooling", "mean over the tokens from the offset on, for each story and layer"),
        ("Sink masking", _sinks(study)),
        (
            "Centring",
            "mean over emotions removed" + (", topic means first" if config.vectors.centring == "topics" else ""),
        ),
        ("Denoising", _denoising(study)),
        ("Residual norm", _norms(study)),
        ("Hardware", _hardware(study)),
        ("Seed", f"{config.geometry.seed}; {config.geometry.permutations:,} permutations"),
        ("Versions", _versions(study, provenance)),
    ]
    if "imported" in provenance and "vectors" not in provenance:  # how they were made is not known
        origin = f"imported from {', '.join(provenance['imported'])}; how they were made is not recorded"
        known = {"Model", "Layers", "Layer shown first", "Languages", "Emotions", "Residual norm", "Seed", "Versions"}
        rows = [row for row in rows if row[0] in known]
        rows.insert(1, ("Vectors", f"{origin}; centred here: the mean over emotions removed"))
    return [(name, value) for name, value in rows if value]


def skipped(study: StudyTables) -> list[tuple[str, str, str]]:
    """Language, id and reason of the stories left out, at most a hundred a language."""
    found: list[tuple[str, str, str]] = []
    for language, entry in _extraction(study).items():
        found += [
            (language_name(language), str(item.get("id", "")), str(item.get("reason", "")))
            for item in entry.get("skipped", [])[:_MOST_SKIPPED]
        ]
    return found


def skipped_sentence(study: StudyTables) -> str:
    """How many stories were left out, and why."""
    extraction = _extraction(study)
    if not any("skipped" in entry for entry in extraction.values()):
        return "Whether stories were left out is not recorded."
    reasons = Counter(
        str(item.get("reason", "no reason given")) for e in extraction.values() for item in e.get("skipped", [])
    )
    if not reasons:
        return "No story was left out."
    listed = "; ".join(f"{count} ({reason})" for reason, count in reasons.most_common(5))
    return f"{reasons.total():,} {'story was' if reasons.total() == 1 else 'stories were'} left out: {listed}."


def provenance_rows(study: StudyTables) -> list[tuple[str, str]]:
    """Everything that the vectors' file records about its making, flattened."""
    return list(_flat(study.vectors.provenance)) if study.vectors else []


def _flat(entry: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key in sorted(entry):
        if isinstance(entry[key], Mapping):
            yield from _flat(entry[key], f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(entry[key])


def _first(entry: Mapping[str, Any], *keys: str) -> str:
    return next((str(entry[key]) for key in keys if entry.get(key)), "")


def _extraction(study: StudyTables) -> dict[str, dict[str, Any]]:
    languages = study.activations.get("languages")
    return {str(k): v for k, v in languages.items() if isinstance(v, dict)} if isinstance(languages, dict) else {}


def _runs(layers: list[int]) -> str:
    if not layers:
        return "none"
    if layers == list(range(layers[0], layers[-1] + 1)):
        return f"{layers[0]}–{layers[-1]}" if len(layers) > 1 else str(layers[0])
    return ", ".join(map(str, layers))


def _reason(study: StudyTables) -> str:
    if isinstance(study.config.geometry.layer, int):
        return ": set in the study file"
    reason = study.summaries.get("choice", {}).get("reason")
    return f": {reason}" if reason else ": two thirds of depth, because no choice by decoding is recorded"


def _sources(study: StudyTables) -> str:
    def name(source: Any) -> str:
        if source is None:
            return "none"
        if isinstance(source, list):
            return ", ".join(name(each) for each in source)
        path = PurePath(source if isinstance(source, str) else source.path)
        return "/".join(path.parts[-2:]) if "*" in path.name else path.name  # where it lies is no part of the results

    corpus = study.config.corpus
    return f"stories: {name(corpus.stories)}; neutral texts: {name(corpus.neutral)}"


def _counts(study: StudyTables) -> Iterable[str]:
    extraction = _extraction(study)
    for language in study.languages:
        entry = extraction.get(language, {})
        stories = entry.get("stories", study.corpus["stories"].get(language))
        neutral = entry.get("neutral", study.corpus["neutral"].get(language, 0 if stories is not None else None))
        if stories is None:
            continue
        text = f"{language_name(language)} {stories:,} stories, {neutral:,} neutral"
        yield text + (f", {entry['tokens']:,} tokens" if "tokens" in entry else "")


def _offset(offset: float) -> str:
    if 0 < offset < 1:
        return f"the first {100 * offset:g} % of each text's tokens are left out"
    return f"the first {offset:g} tokens of each text are left out" if offset else "none: all tokens of each text count"


def _sinks(study: StudyTables) -> str:
    threshold = study.config.extraction.sink_threshold
    if threshold is None:
        return "off"
    counted = {
        language: entry["sink_tokens"] for language, entry in _extraction(study).items() if "sink_tokens" in entry
    }
    text = f"tokens with a norm above {threshold:g} × the text's median left out"
    listed = ", ".join(f"{language_name(language)} {count:,}" for language, count in counted.items())
    return text + (f" (token × layer pairs: {listed})" if counted else "")


def _denoising(study: StudyTables) -> str:
    settings, vectors = study.config.vectors, study.vectors
    if settings.denoise == "none":
        return "off"
    if vectors is None or not vectors.noise_components:
        return "none: there were no neutral texts"
    what = "neutral texts" if settings.denoise == "neutral" else "emotion vectors"
    parts: list[str] = []
    for language, components in vectors.noise_components.items():
        at = study.layer if study.layer in components else next(iter(components))
        low, high = min(components.values()), max(components.values())
        count = (
            f"{low} at every layer" if low == high else f"{components[at]} at layer {at} ({low}–{high} over the layers)"
        )
        share = vectors.noise_variance.get(language, {}).get(at)
        held = f", explaining {100 * share:.0f} % at layer {at}" if share is not None else ""
        parts.append(f"{language_name(language)} {count}{held}")
    number, share = settings.denoise_components, f"up to {100 * settings.denoise_variance:g} % of their variance"
    text = f"components of the {what} {f'({number})' if number else share} projected out: {'; '.join(parts)}"
    few = [count for count in study.corpus["neutral"].values() if count < _FEW_NEUTRAL]
    if settings.denoise == "neutral" and few:
        text += f"; fewer than {_FEW_NEUTRAL:,} neutral texts per language, so these components are rough"
    return text


def _norms(study: StudyTables) -> str:
    norms = study.vectors.residual_norm if study.vectors else {}
    shown = [f"{language_name(lang)} {by[study.layer]:,.1f}" for lang, by in norms.items() if study.layer in by]
    return f"median token norm at layer {study.layer}: {', '.join(shown)}" if shown else ""


def _hardware(study: StudyTables) -> str:
    facts = study.activations
    return ", ".join(f"{key} {facts[key]}" for key in ("device", "dtype") if key in facts)


def _versions(study: StudyTables, provenance: Mapping[str, Any]) -> str:
    versions: dict[str, str] = {}
    if isinstance(provenance.get("versions"), Mapping):
        versions |= {str(k): str(v) for k, v in sorted(provenance["versions"].items())}
    own = _first(provenance, "emovec", "package_version", "version") or next(
        (str(s["emovec"]) for s in study.analyses.values() if "emovec" in s), ""
    )
    if own:
        versions = {"emovec": own} | versions
    return ", ".join(f"{name} {version}" for name, version in versions.items())
