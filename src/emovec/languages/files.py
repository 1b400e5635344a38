"""Read the file of a language, and say at once all that is wrong in it."""

import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from emovec.errors import EmovecError, did_you_mean
from emovec.labels import Spellings, check_label
from emovec.languages.language import MIN_SHARE, Words, Writing
from emovec.printable import shortened
from emovec.yaml_file import Key, Written, read_yaml

PLACEHOLDERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    kind: (frozenset(f"n topic {needed}".split()), frozenset(f"names variation {allowed}".split()))
    for kind, needed, allowed in (
        ("stories", "emotion forbidden shortest longest", ""),
        ("neutral", "", "shortest longest"),
        ("dialogues", "first second forbidden", "shortest longest"),
        ("masked", "first second forbidden shortest longest", ""),
    )
}
"""For each kind of text what its template must hold in braces, and what it may hold besides."""

_KEYS = (
    *("name", "english", "script", "sign", "spaces", "characters_per", "length", "offset", "system", "prompts"),
    *("variations", "people", "labels", "topics", "words", "contexts", "frames", "openings", "preferences", "rules"),
)
_PREFERENCES = {"chat": ("first", "second"), "plain": ("first", "second")}
_RULES = {"examples": ("request",), "stop": (), "space": ()}


def read_language_file(path: Path) -> dict[str, Any]:
    """The fields of a `Language` that its file gives, except its code.

    Raises:
        EmovecError: naming every problem of the file with its line.
    """
    try:
        read = read_yaml(path)
    except FileNotFoundError as error:
        raise EmovecError(f"{path}: no such language file.") from error
    if not isinstance(read.data, dict):
        raise EmovecError(f"{path}: a language file is a mapping; docs/how-to/add-a-language.md shows one.")
    problems: _Problems = []
    fields = _fields(cast("dict[str, Any]", read.data), problems)
    if problems:
        told = [f"line {_line(read.places, key)}: {message}" for key, message in problems]
        raise EmovecError(
            f"{path}: " + "; ".join(told[:12]) + (f"; and {len(told) - 12} more" * (len(told) > 12)) + "."
        )
    return fields | {"path": str(path)}


_Key = tuple[str, ...]
_Problems = list[tuple[_Key, str]]


def _fields(data: Mapping[str, Any], problems: _Problems) -> dict[str, Any]:
    problems += [((key,), f"unknown key '{key}'{did_you_mean(key, _KEYS)}") for key in data if key not in _KEYS]
    if "name" not in data and "english" not in data:
        problems.append(((), "no name; add it"))
    fields: dict[str, Any] = {
        key: data[key] for key in ("name", "english", "system", "spaces", "offset") if key in data
    }
    for key in ("name", "english", "system"):
        if not isinstance(data.get(key, ""), str):
            problems.append(((key,), f"{key}: give text"))
    if not isinstance(data.get("spaces", True), bool):
        problems.append((("spaces",), "spaces: give true, or false where no spaces part words"))
    offset = data.get("offset", 50)
    if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
        problems.append((("offset",), "offset: give a number of tokens, such as 50"))
    if "english" not in data and "name" in data:
        fields["english"] = data["name"]
    if "script" in data:
        fields["writing"] = _writing(data, problems)
    if "length" in data:
        fields |= _length(data["length"], problems)
    if "people" in data:
        fields["people"] = tuple(_texts(data["people"], ("people",), problems))
    readers: dict[str, Callable[[Any, _Problems], Any]] = {
        **{"characters_per": _characters, "prompts": _prompts, "labels": _labels, "variations": _variations},
        **{"topics": _topics, "words": _words, "contexts": _contexts},
        **{key: partial(_mapping, (key,)) for key in ("frames", "openings")},
        **{"preferences": partial(_form, "preferences", _PREFERENCES), "rules": partial(_form, "rules", _RULES)},
    }
    for key, reader in readers.items():
        if key in data:
            fields |= reader(data[key], problems) if key == "characters_per" else {key: reader(data[key], problems)}
    _check_script(fields, problems)
    return fields


def _check_script(fields: Mapping[str, Any], problems: _Problems) -> None:
    """Prompts and labels in another script than the file's own are from another language."""
    writing: Writing | None = fields.get("writing")
    if writing is None:
        return
    written: list[tuple[_Key, str]] = [(("prompts", kind), text) for kind, text in fields.get("prompts", {}).items()]
    written.append((("labels",), " ".join(word for words in fields.get("labels", {}).values() for word in words)))
    for key, text in written:
        if text and _share(text, writing) < MIN_SHARE:
            scripts = ", ".join(sorted(writing.scripts))
            problems.append((key, f"{'.'.join(key)}: most letters are none of the script {scripts}"))


def _writing(data: Mapping[str, Any], problems: _Problems) -> Writing:
    scripts, sign = (
        frozenset(script.upper() for script in _texts(data.get(key, []), (key,), problems))
        for key in ("script", "sign")
    )
    if unknown := sign - scripts:
        problems.append((("sign",), f"sign: {', '.join(sorted(unknown))} is not among the scripts"))
    return Writing(scripts, sign)


def _characters(value: Any, problems: _Problems) -> dict[str, float]:
    match value:
        case {} if value and all(
            key in {"token", "word"} and isinstance(n, int | float) and not isinstance(n, bool) and n > 0
            for key, n in cast("dict[str, Any]", value).items()
        ):
            return {f"characters_per_{key}": float(n) for key, n in cast("dict[str, Any]", value).items()}
        case _:
            problems.append((("characters_per",), "characters_per: give {token: 3.7, word: 5.8}, or one of them"))
            return {}


def _length(length: Any, problems: _Problems) -> dict[str, Any]:
    match length:
        case {"unit": "words" | "characters" as unit, "shortest": int(shortest), "longest": int(longest)} if (
            0 < shortest < longest and len(length) == 3
        ):
            return {"unit": unit, "shortest": shortest, "longest": longest}
        case _:
            example = "{unit: words, shortest: 110, longest: 150} (or characters)"
            problems.append((("length",), f"length: give {example}"))
            return {}


def _prompts(prompts: Any, problems: _Problems) -> dict[str, str]:
    texts = _mapping(("prompts",), prompts, problems)
    problems += [(("prompts",), f"prompts: no {kind}; add its template") for kind in PLACEHOLDERS if kind not in texts]
    for kind, text in texts.items():
        key = ("prompts", kind)
        if kind not in PLACEHOLDERS:
            problems.append((key, f"prompts: unknown kind '{kind}'{did_you_mean(kind, PLACEHOLDERS)}"))
            continue
        needed, allowed = PLACEHOLDERS[kind]
        try:
            fields = [field for field in string.Formatter().parse(text) if field[1] is not None]
        except ValueError as error:
            problems.append((key, f"prompts.{kind}: {error}; write {{{{ and }}}} for braces that stay"))
            continue
        # A format or a conversion, as in {n:d} and {n!r}, makes the placeholder an unknown one.
        names = {f"{name}{'!' * bool(how)}{how or ''}{':' * bool(form)}{form}" for _, name, form, how in fields}
        if lacking := needed - names:
            problems.append((key, f"prompts.{kind} lacks {', '.join(f'{{{name}}}' for name in sorted(lacking))}"))
        for name in sorted(names - needed - allowed):
            known = ", ".join(f"{{{name}}}" for name in sorted(needed | allowed))
            problems.append((key, f"prompts.{kind}: {{{name}}} is no placeholder here; there are {known}"))
    return texts


def _labels(labels: Any, problems: _Problems) -> dict[str, tuple[str, ...]]:
    if not isinstance(labels, dict):
        problems.append((("labels",), "labels: give a word, or a list of words, for each emotion"))
        return {}
    found: dict[str, tuple[str, ...]] = {}
    spellings = Spellings()
    for given, words in cast("dict[Any, Any]", labels).items():
        key = ("labels", str(given))
        try:
            emotion = check_label("emotion", str(given))
        except EmovecError as error:
            problems.append((key, f"labels: {error}"))
            continue
        if other := spellings.other_spelling("emotion", emotion, "this file"):
            problems.append((key, f"labels: {other}"))
        elif emotion in found:
            problems.append((key, f"labels: {emotion} is there twice; drop one"))
        found[emotion] = tuple(_texts(words, key, problems))
    heads: dict[str, str] = {}
    for emotion, words in found.items():
        if not words:
            problems.append((("labels", emotion), f"labels.{emotion}: no word; add one"))
        elif (other := heads.setdefault(words[0].casefold(), emotion)) != emotion:
            message = f"labels: '{words[0]}' stands for both {other} and {emotion}; give one of them another word"
            problems.append((("labels", emotion), message))
    return found


def _variations(variations: Any, problems: _Problems) -> dict[str, tuple[str, ...]]:
    if not isinstance(variations, dict):
        problems.append((("variations",), "variations: give a list of sentences for each kind of text"))
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for kind, sentences in cast("dict[str, Any]", variations).items():
        key = ("variations", kind)
        if kind not in PLACEHOLDERS:
            problems.append((key, f"variations: unknown kind '{kind}'{did_you_mean(kind, PLACEHOLDERS)}"))
        found[kind] = tuple(_texts(sentences, key, problems))
    return found


def _mapping(key: _Key, value: Any, problems: _Problems) -> dict[str, str]:
    if not isinstance(value, dict):
        problems.append((key, f"{'.'.join(key)}: give a mapping to texts"))
        return {}
    texts = cast("dict[str, Any]", value)
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            problems.append(((*key, name), f"{'.'.join((*key, shortened(name, 40)))}: give text"))
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _words(value: Any, problems: _Problems) -> dict[str, Words]:
    """The words by which texts are searched: for each emotion lists of labels, forms and synonyms."""
    if not isinstance(value, dict):
        problems.append((("words",), "words: give labels, forms or synonyms for each emotion"))
        return {}
    found: dict[str, Words] = {}
    for emotion, lists in cast("dict[str, Any]", value).items():
        kinds = cast("dict[str, Any]", lists) if isinstance(lists, dict) else {"": lists}
        if not set(kinds) <= {"labels", "forms", "synonyms"}:
            problems.append((("words", emotion), f"words.{emotion}: give lists of labels, forms or synonyms"))
            continue
        texts = {kind: tuple(_texts(words, ("words", emotion, kind), problems)) for kind, words in kinds.items()}
        found[emotion] = Words(**texts)
    return found


def _contexts(value: Any, problems: _Problems) -> dict[str, str]:
    found = _mapping(("contexts",), value, problems)
    for word, pattern in found.items():
        try:
            re.compile(pattern)
        except re.error as error:
            problems.append((("contexts", word), f"contexts.{word}: no regular expression ({error})"))
    return found


def _form(name: str, texts: Mapping[str, Sequence[str]], value: Any, problems: _Problems) -> dict[str, str]:
    """Texts of which all must be there, each with what it must have in braces."""
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(given) != set(texts) or not all(isinstance(text, str) for text in given.values()):
        problems.append(((name,), f"{name}: give a text for {', '.join(texts)}, and nothing else"))
        return {}
    for key, needed in texts.items():
        try:
            fields = sorted(each[1] for each in string.Formatter().parse(given[key]) if each[1] is not None)
        except ValueError:
            fields = ["?"]
        if needed and fields != sorted(needed):
            braces = " and ".join(f"{{{field}}}" for field in needed)
            problems.append(((name, key), f"{name}.{key}: needs {braces} once, and no other braces"))
    return given


def _topics(value: Any, problems: _Problems) -> dict[str, str]:
    """Texts by the topics' names, each in its one spelling."""
    found: dict[str, str] = {}
    spellings = Spellings()
    for given, text in _mapping(("topics",), value, problems).items():
        try:
            topic = check_label("topic", given)
        except EmovecError as error:
            problems.append((("topics", given), f"topics: {error}"))
            continue
        if other := spellings.other_spelling("topic", topic, "this file"):
            problems.append((("topics", given), f"topics: {other}"))
        elif topic in found:
            problems.append((("topics", given), f"topics: '{shortened(topic, 40)}' is there twice; drop one"))
        found[topic] = text
    return found


def _texts(value: Any, key: _Key, problems: _Problems) -> list[str]:
    """One text or a list of texts as a list."""
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if any(not isinstance(text, str) or not text.strip() for text in values):
        problems.append((key, f"{'.'.join(key)}: give text, quoted where YAML reads it as something else"))
    texts = [text.strip() for text in values if isinstance(text, str) and text.strip()]
    if len(set(texts)) < len(texts):
        repeated = sorted({text for text in texts if texts.count(text) > 1})
        problems.append((key, f"{'.'.join(key)}: there twice: {', '.join(repeated)}"))
    return texts


def _share(text: str, writing: Writing) -> float:
    """The share of a text's letters, placeholders left out, that are of a script."""
    plain = re.sub(r"\{\w+\}", "", text)
    letters = [unicodedata.name(letter, "").split(" ")[0] for letter in plain if letter.isalpha()]
    return sum(script in writing.scripts for script in letters) / max(len(letters), 1)


def _line(places: Mapping[Key, Written], key: _Key) -> int:
    """The line of a key, or of the nearest one above it."""
    while key and key not in places:
        key = key[:-1]
    return places[key].line if key else 1
