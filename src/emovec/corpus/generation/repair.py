"""Take out the texts that checks find fault with, and say which and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emovec import ledger
from emovec.corpus.generation.answers import read_answers
from emovec.corpus.generation.text_files import DROPPED, drop_texts
from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import AuditReport
from emovec.corpus.quality.check import CheckReport
from emovec.corpus.quality.motifs import opening_of
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.labels import file_name
from emovec.targets import TEXTS, FileKind, require_file

RULES: dict[str, str] = {
    "short": "ends before the offset",
    "duplicate": "nearly the same as another text",
    "named": "names its emotion",
    "script": "is written in another script than its language's",
    "leftover": "contains markup, a label or the author model's own voice",
    "synonym": "uses a near synonym of its emotion",
    "opening": "begins as others do",
}
"""What a text may be dropped for. Of texts alike, and of those that begin alike, the first stays."""

DEFAULT_RULES = ("short", "duplicate", "named", "script", "leftover")

_COLUMNS = ("id", "rule", "reason", "kind", "language", "emotion", "topic")


def _is_listing(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(10_000)
    return not first or b'"reason"' in first


_LISTING = FileKind("list of dropped texts", (".jsonl", ".ndjson"), _is_listing)


def offenders(
    corpus: Corpus, check: CheckReport, audit: AuditReport, rules: Sequence[str] = DEFAULT_RULES
) -> pd.DataFrame:
    """The texts that some rules would drop.

    Returns:
        Columns id, rule, reason, kind (stories, neutral), language, emotion, topic; a row for each text and rule
        broken, in the order of the corpus.
    """
    reasons: dict[str, dict[str, str]] = {}
    near = audit.near_duplicates[audit.near_duplicates["copy_of"] != ""]
    equal = check.duplicates[check.duplicates["group"].duplicated()]
    repeated = {(row["language"], row["opening"]) for row in audit.openings.to_dict("records")}
    seen: set[tuple[str, str]] = set()
    alike: dict[str, str] = {}
    for story in corpus.stories if repeated and "opening" in rules else ():
        opening = (story.language, opening_of(story))
        if opening in repeated:
            if opening in seen:
                alike[story.id] = f"begins ‘{opening[1]}’ as others do"
            seen.add(opening)
    found: dict[str, dict[str, str]] = {
        "short": {row["id"]: f"{row['n_tokens']} tokens, none past the offset" for row in _rows(check.too_short)},
        "duplicate": {row["id"]: "equal to another text" for row in _rows(equal)}
        | {row["id"]: f"nearly equal to {row['copy_of']}" for row in _rows(near)},
        "named": {row["id"]: f"names its emotion: {row['words']}" for row in _rows(check.named)},
        "script": {row["id"]: f"{row['share']:.0%} of its letters are of its language" for row in _rows(check.script)},
        "leftover": {row["id"]: f"{row['leftover']}: {row['example']}" for row in _rows(audit.leftovers)},
        "synonym": {row["id"]: f"uses a synonym of its emotion: {row['words']}" for row in _rows(audit.synonyms)},
        "opening": alike,
    }
    for rule in rules:
        for text, reason in found[rule].items():
            reasons.setdefault(text, {})[rule] = reason
    rows = [
        (story.id, rule, reason, kind, story.language, story.emotion, story.topic or "")
        for kind, texts in (("stories", corpus.stories), ("neutral", corpus.neutral))
        for story in texts
        for rule, reason in reasons.get(story.id, {}).items()
    ]
    return pd.DataFrame(rows, columns=pd.Index(_COLUMNS))


def write_repaired(corpus: Corpus, dropped: pd.DataFrame, out: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write the texts that stay, and a list of those that don't.

    Args:
        corpus: the texts.
        dropped: from `offenders`.
        out: a `.jsonl` file for all texts together, whose list is called `<name>.dropped.jsonl`; or a folder for
            `stories.<language>.jsonl`, `neutral.<language>.jsonl` and `dropped.jsonl`.
        overwrite: whether files that are there may be replaced.

    Returns:
        The files written.

    Raises:
        EmovecError: if a file is there already or can't be written, or no text would stay.
    """
    out, gone = Path(out), set(dropped["id"])
    stories, neutral = ([s for s in texts if s.id not in gone] for texts in (corpus.stories, corpus.neutral))
    if not stories:
        raise EmovecError(f"{out}: no story would stay; choose fewer rules.")
    plan: dict[Path, Sequence[Story]] = {}
    if out.suffix.lower() in {".jsonl", ".ndjson"}:
        plan[out] = [*stories, *neutral]
        listing = out.with_suffix(".dropped.jsonl")
    elif out.suffix.lower() in {".csv", ".parquet", ".json"}:
        raise EmovecError(f"{out}: repaired texts are written as JSONL; give a name that ends in .jsonl, or a folder.")
    else:
        for kind, texts in (("stories", stories), ("neutral", neutral)):
            for language in dict.fromkeys(story.language for story in texts):
                plan[out / f"{kind}.{file_name(language)}.jsonl"] = [
                    story for story in texts if story.language == language
                ]
        listing = out / DROPPED
    for file in plan:
        require_file(file, TEXTS, overwrite=overwrite)
    require_file(listing, _LISTING, overwrite=overwrite)
    for file, texts in plan.items():
        write_jsonl(texts, file)
    ledger.rewrite(listing, ({"id": text, "reason": why} for text, why in _reasons(dropped).items()))
    return [*plan, listing]


def take_back(folder: str | Path, dropped: pd.DataFrame) -> tuple[int, Path]:
    """Take those of the dropped texts that were generated into a folder out of it; see `drop_texts`.

    Returns:
        How many they were, and the list of all that was ever dropped, in the same folder.

    Raises:
        EmovecError: as `drop_texts`.
    """
    kept = read_answers(folder)
    # A kill may have left dropped texts in the files.
    own = dropped[dropped["id"].isin([*kept.texts, *dict(kept.dropped)])]
    listing = drop_texts(folder, _reasons(own)) if len(own) else Path(folder) / DROPPED
    return own["id"].nunique(), listing


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _reasons(dropped: pd.DataFrame) -> dict[str, str]:
    return {str(text): "; ".join(rows["reason"]) for text, rows in dropped.groupby("id", sort=False)}
