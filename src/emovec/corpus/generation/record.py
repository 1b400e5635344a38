"""How the texts of a folder were asked for: kept, so that texts of different makings are never mixed unasked."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from emovec.config import StudyConfig
from emovec.corpus.generation.prompts import topic_text
from emovec.corpus.generation.requests import Wording, wording_hash
from emovec.errors import EmovecError
from emovec.files import read_json

RECORD = "generation.json"
"""The file that says how the texts in a folder were made."""

_MADE = ("model", "prompts", "wording", "words", "sentences", "settings")
_SHOWN = 3


def record_of(config: StudyConfig, wording: Wording, model: str) -> dict[str, Any]:
    """How the texts of a study are asked for: nothing secret, and all that a card of the corpus needs.

    Raises:
        EmovecError: if a language lacks a topic or a word for an emotion.
    """
    settings = config.generation
    emotions = () if set(settings.kinds) == {"neutral"} else config.emotion_words
    return {
        "model": model,
        "settings": settings.model_dump(exclude={"model", "languages_folder"}),
        "languages": config.languages,
        "emotions": list(config.emotion_words),
        "topics": list(wording.topics),
        "prompts": {
            code: {"system": language.system} | {kind: language.prompts[kind] for kind in settings.kinds}
            for code, language in wording.languages.items()
        },
        "wording": wording_hash(wording, settings.kinds),
        "words": {
            code: {emotion: list(language.forbidden(emotion)) for emotion in emotions}
            for code, language in wording.languages.items()
        },
        "sentences": {
            code: {name: topic_text(language, topic) for name, topic in wording.topics.items()}
            for code, language in wording.languages.items()
        },
        "emovec": version("emovec"),
    }


def read_record(folder: Path) -> dict[str, Any]:
    """The record in a folder; empty where there is none that can be understood."""
    found = read_json(folder / RECORD)
    parts = (found.get("settings"), *(found.get(key, {}) for key in ("prompts", "wording", "words", "sentences")))
    nested = [each for part in parts[1:] if isinstance(part, dict) for each in part.values()]
    whole = "model" in found and all(isinstance(part, dict) for part in (*parts, *nested))
    return found if whole else {}


def require_same(record: Mapping[str, Any], old: Mapping[str, Any], folder: Path) -> None:
    """Texts of different makings in one corpus would differ for reasons that no study could tell apart.

    More emotions, topics, languages or texts are no other making; nor are another seed, which draws among variations,
    and another number of texts in a request.

    Raises:
        EmovecError: if the folder's texts were made with another model, temperature or prompt, or nothing tells how.
    """
    if not old:
        raise EmovecError(
            f"{folder / RECORD}: doesn't say how the texts there were asked for; put it back, give another `out` for "
            "new texts, or continue with `mix`."
        )
    if changed := _changes(record, old):
        raise EmovecError(
            f"{folder}: its texts were requested with other settings ({'; '.join(changed)}); put that back, give "
            "another `out` for texts of the new kind, or continue with `mix`."
        )


def settled(record: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what it says of earlier runs."""
    merged = {
        key: {
            code: old.get(key, {}).get(code, {}) | record[key].get(code, {})
            for code in {**old.get(key, {}), **record[key]}
        }
        for key in ("wording", "words", "sentences")
    }
    earlier: list[dict[str, Any]] = old.get("earlier", [])
    if old and (_changes(record, old) or old["settings"] != record["settings"]):
        earlier = [*earlier, {key: old[key] for key in _MADE if key in old}]
    return {**record, **merged, "earlier": earlier}


def _changes(record: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """What differs in the prompts for texts that both records are about."""
    changed = [
        f"{name} {was} then, {now} now"
        for name, was, now in (
            ("model", old["model"], record["model"]),
            ("generation.temperature", old["settings"].get("temperature"), record["settings"]["temperature"]),
        )
        if was != now
    ]
    for key, what in (("wording", "the prompt for"), ("words", "the words for"), ("sentences", "the topic")):
        for code, now in record[key].items():
            was: Mapping[str, Any] = old.get(key, {}).get(code, {})
            if names := [name for name in now if was.get(name, now[name]) != now[name]]:
                changed.append(f"{what} {_listed(names)} in '{code}'")
    return changed


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
