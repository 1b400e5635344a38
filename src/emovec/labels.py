"""What may be the name of a language, an emotion or a topic, and the file name that is made of one."""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Literal

from emovec.errors import EmovecError
from emovec.printable import shortened

LabelKind = Literal["language", "emotion", "topic"]

NEUTRAL = "neutral"
"""The label of texts that carry no emotion."""

LONGEST: dict[LabelKind, int] = {"language": 35, "emotion": 80, "topic": 1000}
"""Characters that a label may have. Some corpora give a whole sentence as the topic."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")
_MISSING = frozenset({"", "-", "--", "?", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "none", "null", "nil"})
_IN_EMOTIONS = "-‐‑–_'’ʼ・·()&+ "  # beside letters and figures of any script
_JOINERS = "\u200c\u200d"  # Persian and Indian scripts spell with them

_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")})
"""No file of Windows may be called so, whatever follows after a dot."""

_REGIONAL = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
_MOST_BYTES = 100  # of the 255 that file systems allow: names are put together, and ".tmp" comes on top


@lru_cache(maxsize=10_000)
def check_label(kind: LabelKind, text: str) -> str:
    """A label as emovec writes it: Unicode in composed form (NFC), single spaces, none around it.

    A language is a code such as `en`, `pt-BR` or `zh-Hant`, and comes back in this spelling, whatever its case. An
    emotion is a word or phrase of any script: letters, figures, spaces, hyphens, apostrophes and a few signs; its case
    stays, but `Neutral` is `neutral`. A topic may hold any printable character.

    Args:
        kind: of label.
        text: as the user wrote it.

    Raises:
        EmovecError: if it can't be such a label; the message says why, but not where it was found.
    """
    label = clean(text)
    article = "an" if kind == "emotion" else "a"
    if is_missing(label):
        if not label:
            raise EmovecError(f"no {kind}")
        raise EmovecError(f"no {kind}: '{shortened(label)}' means a missing value")
    if len(label) > LONGEST[kind]:
        raise EmovecError(
            f"'{shortened(label)}' is too long for {article} {kind}: {len(label):,} characters, where "
            f"{LONGEST[kind]:,} are the most"
        )
    if kind == "language":
        return _language(label)
    wrong = next((c for c in label if not _allowed(c, kind)), None)
    if wrong is not None:
        name = unicodedata.name(wrong, f"U+{ord(wrong):04X}").lower()
        sign = f"'{wrong}'" if wrong.isprintable() else name
        raise EmovecError(f"'{shortened(label)}' can't be {article} {kind}: it contains {sign}; take that out")
    if not any(unicodedata.category(c)[0] in "LN" for c in label):
        raise EmovecError(f"'{shortened(label)}' can't be {article} {kind}: it contains no letter")
    return "neutral" if kind == "emotion" and label.casefold() == "neutral" else label


def clean(text: str) -> str:
    """A text in composed form (NFC), each run of white space one space, none around it, without invisible marks."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" or c in _JOINERS)
    return " ".join(text.split()).strip(_JOINERS)


def is_missing(text: str) -> bool:
    """Whether a label is a program's word for none: empty, `NA`, `None`, `nan`, `null` and the like."""
    return clean(text).casefold() in _MISSING


def same_label_key(label: str) -> str:
    """Equal for labels that only differ in case, width, hyphens, underscores, spaces or the form of an apostrophe.

    Two such labels in one corpus are almost surely meant as one.
    """
    label = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    label = "".join(c for c in label if unicodedata.category(c) != "Cf")
    return " ".join(re.sub(r"[-‐‑–_\s]+", " ", re.sub("[’ʼ]", "'", label)).split())


class Spellings:
    """Remembers how the labels of a corpus are spelt, to tell of a second spelling of the same one."""

    def __init__(self) -> None:
        self._first: dict[tuple[LabelKind, str], tuple[str, str]] = {}
        self._known: set[tuple[LabelKind, str]] = set()

    def other_spelling(self, kind: LabelKind, label: str, where: str) -> str | None:
        """What is wrong with a label that was spelt otherwise before; None where it is the first, or spelt alike.

        Args:
            kind: of label.
            label: as `check_label` gives it.
            where: file and line, for the message about a later one.
        """
        if (kind, label) in self._known:
            return None
        first, place = self._first.setdefault((kind, same_label_key(label)), (label, where))
        if first == label:
            self._known.add((kind, label))
            return None
        return f"the {kind} '{shortened(label)}' is spelt '{shortened(first)}' in {place}; spell it in one way"


def file_name(label: str) -> str:
    """A name that every file system takes as (part of) a file's or folder's name; different labels have different ones.

    A plain label is its own file name: lower-case letters of any script, figures, single spaces, `-`, `_` and
    apostrophes, or a code such as `pt-BR`. Any other gets a `~` and ten digits of its SHA-256 behind what can be kept.
    So no two labels share a file where case doesn't count, none is hidden, reserved in Windows, or a path, and none
    holds a dot: what a caller puts before or after a dot can't be mistaken for a part of the label.
    """
    plain = bool(label) and all(_safe(c) for c in label) and label == clean(label) and label[0] not in "-_'’"
    folded = label == label.casefold()
    # `on-edge` would be one file with a `on-Edge` that looks like a code where case doesn't count.
    like_code = re.fullmatch(r"[a-z]{2,3}(?=-)(?:-[a-z]{4})?(?:-[a-z]{2})?", label) is not None
    case_is_safe = (folded and not like_code) or _REGIONAL.fullmatch(label) is not None
    if plain and case_is_safe and label not in _RESERVED and len(label.encode()) <= _MOST_BYTES:
        return label
    kept = "".join(c if _safe(c) else "_" for c in clean(label)).strip(" _-'’")
    kept = kept.encode(errors="ignore")[: _MOST_BYTES - 11].decode(errors="ignore").strip() or "x"
    return f"{kept}~{hashlib.sha256(label.encode(errors='surrogatepass')).hexdigest()[:10]}"


def _language(label: str) -> str:
    if not _LANGUAGE.fullmatch(label):
        raise EmovecError(f"'{shortened(label)}' is no code of a language; give one such as en, ja, pt-BR or zh-Hant")
    first, *rest = re.split("[-_]", label)
    spelt = [first.lower()]
    for part in rest:
        private = "x" in spelt  # what follows is the user's own, not a script or a region
        script, region = (len(part) == n and part.isalpha() and not private for n in (4, 2))
        spelt.append(part.title() if script else part.upper() if region else part.lower())
    return "-".join(spelt)


def _allowed(character: str, kind: LabelKind) -> bool:
    if kind == "topic":
        return character.isprintable() or character in _JOINERS
    return unicodedata.category(character)[0] in "LMN" or character in _IN_EMOTIONS or character in _JOINERS


def _safe(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in "-_'’ "
