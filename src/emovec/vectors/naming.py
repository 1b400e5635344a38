"""What the names of arrays, their label arrays and their files tell: language, emotion and layer of each vector."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emovec.errors import EmovecError
from emovec.printable import shortened
from emovec.vectors.reading import Parts

CODE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]+)*")
_WORD = r"(?:layers?|blocks?|l|h)"
_BEFORE = re.compile(rf"{_WORD}[-._/ ]?(\d+)(?:[-._/ ]+(.+))?", re.IGNORECASE)
_BEHIND = re.compile(rf"(.+?)[-._/ @]+{_WORD}[-._/ ]?(\d+)", re.IGNORECASE)
_LABELS = {
    "emotion": ("emotions", "emotion", "emotion_names", "labels", "names", "concepts"),
    "layer": ("layers", "layer", "layer_indices", "layer_ids"),
    "language": ("languages", "language"),
}


@dataclass(frozen=True)
class Named:
    """What a vector's name tells; None where it doesn't."""

    emotion: str | None = None
    language: str | None = None
    layer: int | None = None


def by_name(names: Sequence[Parts], where: str, pattern: str | None = None) -> dict[Parts, Named]:
    """Read the names of vectors, all in one way.

    Known are `<emotion>`, `<language>.<emotion>` and `<language>/<emotion>`; with `layer_28`, `block28` or `L28` before
    or behind, or a key that is a number, also the layer. Dictionaries in each other are read by their keys alike.

    Args:
        names: of all vectors of a file.
        where: what messages call the file.
        pattern: how names are made, with {emotion}, {language}, {layer}, for any other way.

    Raises:
        EmovecError: if a name doesn't fit, or some tell what others don't.
    """
    read = {name: _matched(name, pattern, where) if pattern else _split(name, where) for name in names}
    if pattern is None:
        _require_no_numbers([str(found.emotion) for found in read.values()], where)
    for what in ("language", "layer", "emotion"):
        telling = [name for name, found in read.items() if getattr(found, what) is not None]
        if 0 < len(telling) < len(read):
            silent = next(name for name in read if name not in telling)
            raise EmovecError(
                f"{where}: some names have a {what} and some don't ({shown(telling[0])}, {shown(silent)}); name them "
                "alike."
            )
    return read


def shown(name: Parts) -> str:
    """A vector's name as a message shows it."""
    return shortened("/".join(map(str, name)) or "the only vector", 60)


def layer_of_stem(stem: str) -> int | None:
    """The layer that a file's name tells, such as `layer_28` or `vectors-L28`; None where it tells none."""
    found = re.search(rf"(?:^|[-._ ]){_WORD}[-._ ]?(\d+)$", stem, re.IGNORECASE)
    return int(found[1]) if found else None


def _require_no_numbers(emotions: Sequence[str], where: str) -> None:
    """Refuse names like happy_0, happy_1, sad_0, sad_1: layers or samples, but no four emotions."""
    for pattern in (r"(.*?)[-._/ ]?\d+", r"\d+[-._/ ]?(.*)"):
        found = [re.fullmatch(pattern, emotion) for emotion in emotions]
        words = [match[1] for match in found if match]
        if len(words) == len(emotions) > len(set(words)):
            raise EmovecError(
                f"{where}: names like '{shortened(emotions[0], 40)}' hold numbers without saying of what; if they are "
                "layers, say so with `names`, such as '{emotion}_{layer}'."
            )


def _matched(name: Parts, pattern: str, where: str) -> Named:
    fields = {"emotion": "(?P<emotion>.+?)", "language": "(?P<language>[A-Za-z_-]+?)", "layer": r"(?P<layer>\d+)"}
    pieces = re.split(r"\{(\w+)\}", pattern)
    if any(piece not in fields for piece in pieces[1::2]) or "emotion" not in pieces[1::2]:
        raise EmovecError(f"`names` {pattern}: give a pattern with {{emotion}}, also {{layer}} and {{language}}.")
    if len(set(pieces[1::2])) < len(pieces[1::2]):
        raise EmovecError(f"`names` {pattern}: names a field twice.")
    wanted = "".join(fields[piece] if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
    found = re.fullmatch(wanted, "/".join(map(str, name)))
    if found is None:
        raise EmovecError(f"{where}: '{shown(name)}' is not made like `names` {pattern}.")
    told = found.groupdict()
    return Named(told["emotion"], told.get("language"), None if told.get("layer") is None else int(told["layer"]))


def _split(name: Parts, where: str) -> Named:
    layers: list[int] = []
    words: list[str] = []
    for part in name:
        if isinstance(part, int) or (len(name) > 1 and part.isdecimal()):
            layers.append(int(part))
        elif found := _BEFORE.fullmatch(part):
            layers.append(int(found[1]))
            words += [found[2]] if found[2] else []
        elif found := _BEHIND.fullmatch(part):
            layers.append(int(found[2]))
            words.append(found[1])
        else:
            words.append(part)
    words = [word for part in words for word in re.split(r"__|[./]", part, maxsplit=1)]
    spoken = len(words) == 2 and CODE.fullmatch(words[0]) is not None and bool(words[1])
    if len(layers) > 1 or not (len(words) <= 1 or spoken) or (name and not words and not layers):
        raise EmovecError(
            f"{where}: '{shown(name)}' is no '<emotion>', '<language>.<emotion>' or '<language>/<emotion>', with a "
            "language such as 'en' and, if wanted, a layer such as 'layer_28'; say how names are made, such as "
            "`names` 'block_{layer}_{emotion}'."
        )
    return Named(words[-1] if words else None, words[0] if len(words) == 2 else None, layers[0] if layers else None)


def by_labels(
    arrays: Mapping[Parts, np.ndarray], labels: Mapping[str, list[Any]], where: str, array: str | None
) -> tuple[dict[Named, np.ndarray], bool] | None:
    """Vectors out of one array whose labels lie beside it; None where there is no list of emotions.

    The array is [language, emotion, layer, hidden], [emotion, layer, hidden], [layer, emotion, hidden] or
    [emotion, hidden], whichever its labels fit.

    Raises:
        EmovecError: if there are several arrays and `array` names none of them, or labels fit no axis, or two.
    """
    lists = {kind: next((labels[n] for n in names if n in labels), None) for kind, names in _LABELS.items()}
    emotions, layers, languages = lists["emotion"], lists["layer"], lists["language"]
    if emotions is None:
        if languages is not None:
            raise EmovecError(f"{where}: has one of the label arrays 'languages' and 'emotions'; give both.")
        return None
    values = _chosen(arrays, where, array)
    whole = [("language", languages)] if languages is not None else []
    ways = [[*whole, ("emotion", emotions), ("layer", layers)], [*whole, ("layer", layers), ("emotion", emotions)]]
    if values.ndim == 2 + len(whole):
        ways = [[*whole, ("emotion", emotions)]]
    fitting = [
        way
        for way in ways
        if len(way) == values.ndim - 1
        and all(names is None or len(names) == size for (_, names), size in zip(way, values.shape, strict=False))
    ]
    if languages is not None and fitting:
        fitting = fitting[:1]  # the order that our own documentation names
    if not fitting:
        sizes = ", ".join(f"{len(names)} {kind}s" for kind, names in lists.items() if names is not None)
        raise EmovecError(f"{where}: has an array of shape {values.shape}, which its labels ({sizes}) don't fit.")
    if len(fitting) > 1:
        raise EmovecError(
            f"{where}: has an array of shape {values.shape}, of which the first two axes could each be the emotions; "
            "give it as [language, emotion, layer, hidden] with the lists languages, emotions and layers."
        )
    way = [kind for kind, _ in fitting[0]]
    found: dict[Named, np.ndarray] = {}
    for place in np.ndindex(*values.shape[:-1]):
        at = dict(zip(way, place, strict=True))
        layer = at.get("layer")
        number = None if layer is None else layer if layers is None else _number(layers[layer], where)
        told = Named(str(emotions[at["emotion"]]), str(languages[at["language"]]) if languages else None, number)
        if told in found:
            raise EmovecError(f"{where}: '{shortened(told.emotion, 40)}' is named twice among the labels.")
        found[told] = values[place]
    return found, layers is not None


def _chosen(arrays: Mapping[Parts, np.ndarray], where: str, array: str | None) -> np.ndarray:
    names = {"/".join(map(str, name)): name for name in arrays}
    if array is not None:
        if array not in names:
            raise EmovecError(f"{where}: has no array '{array}'; there are {_some(names)}.")
        return arrays[names[array]]
    if len(arrays) != 1:
        raise EmovecError(
            f"{where}: beside the labels there must be one array (there are {_some(names)}); name the one "
            "with the vectors by `array`."
        )
    return next(iter(arrays.values()))


def _some(names: Mapping[str, Any]) -> str:
    return shortened(", ".join(names), 80) or "none"


def _number(layer: Any, where: str) -> int:
    try:
        number = int(layer)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0 or (not isinstance(layer, str) and number != layer):
        raise EmovecError(f"{where}: layers: give whole numbers from 0 (got {shortened(str(layer), 40)}).")
    return number
