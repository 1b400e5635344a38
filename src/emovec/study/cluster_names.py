"""Short names for groups of emotions, given by a language model through Inspect: a convenience, never evidence."""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from emovec.asking.ask import Question, Reply, ask_all
from emovec.errors import EmovecError
from emovec.files import read_json, write_bytes, write_json
from emovec.progress import Track
from emovec.study.keys import State

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from emovec.config import ClusterNamesConfig

log = logging.getLogger(__name__)
KS = (4, 10)
"""The numbers of clusters that are named by default: those of the published work."""
TEMPERATURE = 0.01
"""Next to none; local models refuse 0."""
MOST_WORDS = 4
MOST_CHARACTERS = 40
COLUMNS = ("variant", "layer", "languages", "algorithm", "k", "cluster", "emotions", "name", "problem", "model")

_PROMPT = (
    "These words name emotions that form one group: {emotions}.{ratings}\n"
    "Give the group one short name in English, of one to three words, that says what its emotions have in common. "
    "Answer with the name alone."
)


def name_clusters(
    profile: pd.DataFrame,
    model: "str | Model",
    *,
    ks: Sequence[int] = KS,
    max_tokens: int = 256,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Ask a model for a name of each cluster; equal clusters of several groupings are asked about once.

    Args:
        profile: the table `cluster_profile` of a study.
        model: as Inspect names it (`openai/gpt-4o-mini`, `hf/…`), or one of Inspect's models.
        ks: which numbers of clusters to name.
        max_tokens: of an answer; models that think before they answer take more.
        seed: sent to models that take one.
        progress: called with 1 after each answer.

    Returns:
        Columns `COLUMNS`, a row for each cluster. Where the answer gave no name, `name` is empty and `problem` says
        why.

    Raises:
        EmovecError: if Inspect or the model is not there, the model fails, or no cluster has one of these `ks`.
    """
    chosen = profile[profile["k"].isin(ks)]
    if chosen.empty:
        there = ", ".join(map(str, sorted(profile["k"].unique()))) or "none"
        raise EmovecError(
            f"report.cluster_names.k: no grouping into {' or '.join(map(str, ks))} clusters; there are {there}."
        )
    prompts = _prompts(chosen)
    asked = list(dict.fromkeys(prompts))
    answers: dict[str, tuple[str, str]] = {}

    def keep(question: Question, reply: Reply) -> list[Question]:
        if not reply.error:
            answers[question.key] = parse_name(reply.text, reply.cut)
            if progress is not None:
                progress(1)
        return []

    config = {"temperature": TEMPERATURE, "max_tokens": max_tokens, "seed": seed}
    ask_all((Question(prompt, prompt) for prompt in asked), model, keep, config=config)
    parsed = [answers[prompt] for prompt in prompts]
    found = chosen.assign(
        name=[name for name, _ in parsed], problem=[problem for _, problem in parsed], model=str(model)
    )
    return found[list(COLUMNS)].reset_index(drop=True)


def parse_name(answer: str, cut: bool = False) -> tuple[str, str]:
    """The name in an answer, and what is wrong with it: one of the two is empty.

    Thoughts, “Name:”, list marks, quotation marks and a final full stop are taken off; of several lines the first
    counts, or the one that says “Name:”.

    Args:
        answer: the model's text.
        cut: whether it ended at the limit of tokens.
    """
    text = re.sub(r"<think>.*?(</think>|\Z)", "", answer, flags=re.DOTALL)
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    if not lines:
        return "", "the answer was cut off before a name" if cut else "the answer was blank"
    labelled = [found[1] for line in lines if (found := re.match(r"\W*(?:group )?name\W*[:：]\W*(\w.*)", line, re.I))]
    name = re.sub(r"^(?:\d+[.)]|[-*•#>])\s+", "", labelled[0] if labelled else lines[0])
    name = " ".join(name.strip(" \t*_`\"'“”‘’«»「」.。:").split())
    if not re.search(r"\w", name):
        return "", "the answer was blank"
    if len(name) > MOST_CHARACTERS or len(name.split()) > MOST_WORDS:
        shown = name if len(name) <= 60 else f"{name[:60].rstrip()}…"
        return "", f"the answer was no short name: “{shown}”"
    return name, ""


def names_state(folder: Path, settings: "ClusterNamesConfig", seed: int) -> State:
    """How the names of a study's clusters stand; where none are asked for, or nothing can be named, they are done.

    Args:
        folder: of the study's results.
        settings: `report.cluster_names` of the study.
        seed: as for `name_clusters`.
    """
    profile = _profile(folder)
    if settings.model is None or (profile is not None and not profile["k"].isin(settings.k).any()):
        return "done"
    kept = read_json(_record(folder)).get("key")
    if profile is None or kept is None or not _record(folder).with_suffix(".parquet").is_file():
        return "missing"
    return "done" if kept == _key(profile, settings, seed) else "stale"


def name_study_clusters(folder: Path, settings: "ClusterNamesConfig", seed: int, track: Track) -> bool:
    """Name the clusters of a study whose geometry is done, and keep the names in `geometry/cluster_names.parquet`.

    They are asked for again only when the clusters, the model or its settings have changed. A model that gives no
    answer costs a warning and no more: the next run asks again.

    Args:
        folder: of the study's results.
        settings: `report.cluster_names` of the study.
        seed: as for `name_clusters`.
        track: shows progress.

    Returns:
        Whether names were made.
    """
    profile = _profile(folder)
    if settings.model is None or profile is None or names_state(folder, settings, seed) == "done":
        return False
    n_asked = len(set(_prompts(profile[profile["k"].isin(settings.k)])))
    try:
        with track(f"Naming {n_asked} clusters", n_asked) as advance:
            names = name_clusters(
                profile, settings.model, ks=settings.k, max_tokens=settings.max_tokens, seed=seed, progress=advance
            )
    except EmovecError as error:
        log.warning("The clusters get no names this time, and the next run asks again: %s", error)
        return False
    for row in names[names["name"] == ""].drop_duplicates(["emotions"]).itertuples():
        log.info("No name for the cluster %s: %s", row.emotions, row.problem)
    record = _record(folder)
    record.unlink(missing_ok=True)
    write_bytes(record.with_suffix(".parquet"), names.to_parquet(index=False))
    asked = {**settings.model_dump(mode="json"), "prompt": _PROMPT, "temperature": TEMPERATURE, "seed": seed}
    content = {
        "analysis": "cluster_names",
        "tables": ["cluster_names"],
        "parameters": {**asked, "inspect_ai": version("inspect_ai")},
        "summary": {"named": int((names["name"] != "").sum()), "clusters": len(names)},
        "emovec": version("emovec"),
        "key": _key(profile, settings, seed),
    }
    write_json(record, content)
    return True


def _record(folder: Path) -> Path:
    return folder / "geometry" / "cluster_names.json"


def _profile(folder: Path) -> pd.DataFrame | None:
    path = folder / "geometry" / "cluster_profile.parquet"
    return pd.read_parquet(path) if path.is_file() else None


def _key(profile: pd.DataFrame, settings: "ClusterNamesConfig", seed: int) -> str:
    """The hash of all that names depend on: the clusters that are named, what is asked, and who is asked."""
    chosen = profile[profile["k"].isin(settings.k)]
    clusters = chosen[list(COLUMNS[:7])].astype(str).to_numpy().tolist()
    parts = [settings.model_dump(mode="json"), seed, TEMPERATURE, clusters, _prompts(chosen)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _prompts(clusters: pd.DataFrame) -> list[str]:
    """What is asked about each cluster."""
    columns = (clusters[column] for column in ("emotions", "valence", "arousal", "source"))
    return [_prompt(*row) for row in zip(*columns, strict=True)]


def _prompt(emotions: str, valence: float, arousal: float, source: str) -> str:
    ratings = ""
    if pd.notna(valence) and pd.notna(arousal):
        ratings = f" On average people rate their valence {valence:.1f} and their arousal {arousal:.1f} ({source})."
    return _PROMPT.format(emotions=emotions, ratings=ratings)
