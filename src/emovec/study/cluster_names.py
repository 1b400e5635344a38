"""Short names for groups of emotions, given by a language model through Inspect: a convenience, never evidence."""

import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pandas as pd

from emovec.asking.ask import Question, Reply, ask_all
from emovec.errors import EmovecError
from emovec.files import read_json, write_bytes, write_json

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from emovec.study.study import Study

KS = (4, 10)
"""The numbers of clusters that are named unless others are asked for: those of the published work."""
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
        raise EmovecError(f"--k: the study has no grouping into {' or '.join(map(str, ks))} clusters; it has {there}.")
    prompts = [
        _prompt(emotions, valence, arousal, source)
        for emotions, valence, arousal, source in zip(
            *(chosen[column] for column in ("emotions", "valence", "arousal", "source")), strict=True
        )
    ]
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


def name_study(
    study: "Study",
    model: "str | Model",
    track: Any,
    *,
    ks: Sequence[int] = KS,
    max_tokens: int = 256,
    overwrite: bool = False,
):
    """Name the clusters of a finished study and keep the names in `geometry/cluster_names.parquet` and `.json`.

    Args:
        study: with the table `cluster_profile`.
        model: as for `name_clusters`.
        track: shows progress; called with a description and a number of steps.
        ks: as for `name_clusters`.
        max_tokens: as for `name_clusters`.
        overwrite: whether names that were given before may be replaced.

    Raises:
        EmovecError: as `name_clusters`, or if the study's geometry has not been computed, or there are names already.
    """
    from emovec.lock import locked

    profile = study.table("cluster_profile")
    seed = study.config.geometry.seed
    asked = profile[profile["k"].isin(ks)][["emotions", "valence", "arousal"]].drop_duplicates()
    record = study.folder / "geometry" / "cluster_names.json"
    if record.exists() and not overwrite:
        by = read_json(record).get("parameters", {}).get("model", "a model")
        raise EmovecError(f"{record}: there are names by {by} already; give --overwrite to replace them.")
    with locked(study.folder):
        with track(f"Naming {len(asked)} clusters", len(asked)) as advance:
            names = name_clusters(profile, model, ks=ks, max_tokens=max_tokens, seed=seed, progress=advance)
        folder = study.folder / "geometry"
        record.unlink(missing_ok=True)
        write_bytes(folder / "cluster_names.parquet", names.to_parquet(index=False))
        parameters = {"model": str(model), "prompt": _PROMPT, "max_tokens": max_tokens, "seed": seed}
        content = {
            "analysis": "cluster_names",
            "tables": ["cluster_names"],
            "parameters": {
                **parameters,
                "k": list(ks),
                "temperature": TEMPERATURE,
                "inspect_ai": version("inspect_ai"),
            },
            "summary": {"named": int((names["name"] != "").sum()), "clusters": len(names)},
            "emovec": version("emovec"),
        }
        write_json(record, content)
    return names


def _prompt(emotions: str, valence: float, arousal: float, source: str) -> str:
    ratings = ""
    if pd.notna(valence) and pd.notna(arousal):
        ratings = f" On average people rate their valence {valence:.1f} and their arousal {arousal:.1f} ({source})."
    return _PROMPT.format(emotions=emotions, ratings=ratings)
