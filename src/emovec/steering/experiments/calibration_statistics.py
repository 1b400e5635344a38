"""The surgical window: how far each emotion can be pushed while texts stay coherent, and what that does to its word."""

from collections.abc import Hashable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from emovec.steering.coherence import regime
from emovec.steering.experiments.word_effects import Estimate, FloatArray, beside_directions, crossed_mean

TABLES = {
    "calibration_sweep": (
        *("language", "layer", "strength", "kind", "name", "effect", "low", "high"),
        *("perplexity_ratio", "distinct", "distinct_unsteered", "regime"),
    ),
    "calibration_windows": (
        *("language", "emotion", "layer", "strength", "effect", "low", "high", "control", "control_max", "best"),
    ),
    "calibration_cross": (
        *("vector_language", "language", "layer", "strength", "effect", "low", "high"),
        *("control", "control_low", "control_high", "excess", "excess_low", "excess_high"),
        *("less_own", "less_own_low", "less_own_high", "others", "p"),
    ),
    "calibration_words": (
        *("vector_language", "language", "layer", "kind", "name", "strength", "frame", "emotion", "own", "effect"),
        "n_words",
    ),
    "calibration_texts": (
        *("vector_language", "language", "layer", "kind", "name", "strength", "opening", "text"),
        *("perplexity", "distinct"),
    ),
}
ALL = "all emotions"
CONTROLS = "all controls"
_EXACT, _DRAWN = 6, 5_000


def summarise(
    rows: pd.DataFrame, *, layer: int, emotions: Sequence[str], strengths: Sequence[float], languages: Sequence[str]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """The tables of the calibration, and its facts.

    Args:
        rows: of all units.
        layer: the steering layer of the study.
        emotions: those of the sweep.
        strengths: those of the sweep.
        languages: of the prompts; those without frames are told of.

    Returns:
        `calibration_sweep`: effect, coherence and regime of each direction by language, layer and strength, with
        pooled rows for all emotions and all controls; `calibration_windows`: the surgical window of each emotion;
        `calibration_cross`: effect by vector language and text language; `calibration_words` and
        `calibration_texts`: what was measured. Then the summary.
    """
    left_out = [language for language in languages if rows.empty or language not in set(rows["language"])]
    note = (
        f"There are no frames such as 'He feels', or no words for these emotions, in {', '.join(left_out)}."
        if left_out
        else ""
    )
    if rows.empty:
        return {name: pd.DataFrame(columns=list(columns)) for name, columns in TABLES.items()}, {"note": note}
    words = rows[rows["task"] == "words"].drop(columns="task").dropna(axis=1, how="all")
    words[["own", "effect"]] = words[["own", "effect"]].astype(float)
    texts = rows[rows["task"] == "texts"].drop(columns="task").dropna(axis=1, how="all")
    texts[["perplexity", "distinct"]] = texts[["perplexity", "distinct"]].astype(float)
    coherent = coherence(texts)
    found = {
        "calibration_sweep": _sweep(words, coherent),
        "calibration_windows": windows(words, coherent, emotions),
        "calibration_cross": cross_language(words),
        "calibration_words": words.reset_index(drop=True),
        "calibration_texts": texts.reset_index(drop=True),
    }
    summary = _facts(words, texts, emotions, strengths) | {"layer": layer} | ({"note": note} if note else {})
    if "judged" in texts:
        summary["judged"] = judged_shares(texts)
    return found, summary


def _facts(
    words: pd.DataFrame, texts: pd.DataFrame, emotions: Sequence[str], strengths: Sequence[float]
) -> dict[str, Any]:
    spoken = list(dict.fromkeys(words["language"]))
    told = "; ".join(
        (
            f"{len(emotions)} emotions ({', '.join(emotions)})",
            f"layers {', '.join(map(str, sorted(words['layer'].unique())))}",
            f"strengths {', '.join(f'{s:g}' for s in strengths)}",
            f"{words['frame'].nunique() // len(spoken)} frames a language",
            f"{texts.groupby('language')['opening'].nunique().max()} openings",
            "texts for one random and one shuffled direction",
        )
    )
    return {
        "emotions": list(emotions),
        "languages": spoken,
        "strengths": list(strengths),
        "n_words": {language: int(group["n_words"].min()) for language, group in words.groupby("language")},
        "thinned": told,
    }


def coherence(texts: pd.DataFrame) -> pd.DataFrame:
    """Perplexity ratio, distinct bigrams and regime of each direction by language, layer and strength.

    Each text is compared with the unsteered ones of its opening, pooled over layers, which don't touch them. Rows named
    `all emotions` and `all controls` pool directions.
    """
    texts = texts.assign(log_perplexity=np.log(texts["perplexity"]))
    unsteered = texts[texts["kind"] == "baseline"].groupby(["language", "opening"])
    reference = unsteered[["log_perplexity", "distinct"]].mean().add_suffix("_unsteered").reset_index()
    steered = texts[texts["kind"] != "baseline"].merge(reference, on=["language", "opening"])
    pooled = steered.assign(name=np.where(steered["kind"] == "emotion", ALL, CONTROLS), kind="pooled")
    rows: list[dict[Hashable, Any]] = []
    by = ["language", "layer", "strength", "kind", "name"]
    for key, group in pd.concat([steered, pooled]).groupby(by, sort=True):
        # A text of no token or of one says nothing of how likely or varied it is.
        ratio = float(np.exp(min((group["log_perplexity"] - group["log_perplexity_unsteered"]).mean(), 700)))
        varied, before = float(group["distinct"].mean()), float(group["distinct_unsteered"].mean())
        found = {"perplexity_ratio": ratio, "distinct": varied, "distinct_unsteered": before}
        rows.append(dict(zip(by, key, strict=True)) | found | {"regime": regime(ratio, varied, before)})  # pyright: ignore[reportArgumentType]
    return pd.DataFrame(rows)


def effect_table(words: pd.DataFrame) -> pd.DataFrame:
    """Rows emotions, columns frames: effect on each emotion's own word, the mean where there are several directions."""
    # Unlike a pivot table this keeps frames and emotions of which nothing is known: tables must fit each other.
    return words.groupby(["emotion", "frame"])["effect"].mean().unstack("frame")  # pyright: ignore[reportReturnType]


def effect_matrix(words: pd.DataFrame) -> FloatArray:
    """[emotion, frame]: the values of `effect_table`."""
    return effect_table(words).to_numpy(float)


def own_words(words: pd.DataFrame) -> pd.DataFrame:
    """The rows of vectors that steer towards the word that is looked at."""
    return words[(words["kind"] == "emotion") & (words["name"] == words["emotion"])]


def controls_of(words: pd.DataFrame) -> pd.DataFrame:
    """The rows of random and shuffled-label directions."""
    return words[words["kind"].isin(["random", "shuffled"])]


def _sweep(words: pd.DataFrame, coherent: pd.DataFrame) -> pd.DataFrame:
    within = _within(words)
    rows: list[dict[str, Any]] = []
    for (language, layer, strength), cell in within.groupby(["language", "layer", "strength"], sort=True):
        where = {"language": language, "layer": layer, "strength": strength}
        own, control = own_words(cell), controls_of(cell)
        for (kind, name), group in pd.concat([own, control]).groupby(["kind", "name"], sort=False):
            rows.append(where | {"kind": kind, "name": name} | _columns(crossed_mean(effect_matrix(group))))
        if len(own):
            rows.append(where | {"kind": "pooled", "name": ALL} | _columns(crossed_mean(effect_matrix(own))))
        if len(control):
            found = _for_other_controls(effect_matrix(control), control)
            rows.append(where | {"kind": "pooled", "name": CONTROLS} | _columns(found))
    keys = ["language", "layer", "strength", "kind", "name"]
    return pd.DataFrame(rows).merge(coherent, on=keys, how="left")


def windows(words: pd.DataFrame, coherent: pd.DataFrame, emotions: Sequence[str]) -> pd.DataFrame:
    """The surgical window of each emotion and language at each layer, and the layer where it does most.

    At a layer it ends at the largest strength up to which the texts are surgical. `control` is the mean effect of the
    control directions at that layer and strength, coherent or not. `control_max` is the largest effect on the same word
    that a control reaches at any layer at the end of a window of its own: it has the same choice as the emotion. It
    rests on the controls that write texts.

    Returns:
        A row for each language, emotion and layer; `strength` is 0 where not even the smallest is surgical. `best`
        marks the layer with the largest effect.
    """
    within = _within(words)
    rows: list[dict[str, Any]] = []
    for language, spoken in within.groupby("language", sort=False):
        for emotion in emotions:
            own = own_words(spoken)
            own, control = own[own["emotion"] == emotion], controls_of(spoken[spoken["emotion"] == emotion])
            if own.empty:
                continue
            mine: list[dict[str, Any]] = []
            rivals = [0.0]
            for layer, texts in coherent[coherent["language"] == language].groupby("layer", sort=True):
                strength = _end(texts[texts["name"] == emotion])
                here = own[(own["layer"] == layer) & (own["strength"] == strength)]
                estimate = crossed_mean(here["effect"].to_numpy(float)[None]) if len(here) else Estimate(0.0, 0.0, 0.0)
                beside = control[(control["layer"] == layer) & (control["strength"] == strength)]
                told = {"language": language, "emotion": emotion, "layer": layer, "strength": strength}
                mine.append(told | _columns(estimate) | {"control": float(beside["effect"].mean())})
                for name, heard in texts[texts["kind"].isin(["random", "shuffled"])].groupby("name"):
                    at = (control["layer"] == layer) & (control["name"] == name) & (control["strength"] == _end(heard))
                    rivals.append(float(control.loc[at, "effect"].mean()) if at.any() else 0.0)
            best = max(range(len(mine)), key=lambda i: (mine[i]["strength"] > 0, mine[i]["effect"]))
            rows += [row | {"control_max": max(rivals), "best": i == best} for i, row in enumerate(mine)]
    return pd.DataFrame(rows)


def _end(texts: pd.DataFrame) -> float:
    ordered = texts.sort_values("strength")
    fine = (ordered["regime"] == "surgical").cummin()
    return float(ordered["strength"][fine].max()) if fine.any() else 0.0


def cross_language(words: pd.DataFrame) -> pd.DataFrame:
    """Effect by language of the vector and language of the text, beside controls, by layer and strength.

    `excess` is the effect less that of the controls on the same word and frame, `less_own` that of another language's
    vectors less that of the text's own on the same word and frame, each with its paired interval; `others` and `p` are
    those of `assignment_test`. The intervals of `control` and `excess` are for other controls too.
    """
    rows: list[dict[str, Any]] = []
    tables = {
        key: effect_table(own_words(cell))
        for key, cell in words.groupby(["vector_language", "language", "layer", "strength"], sort=False)
    }
    by = ["vector_language", "language", "layer", "strength"]
    for key, cell in words.groupby(by, sort=False):
        own, control = own_words(cell), controls_of(cell)
        if own.empty:
            continue
        mine = effect_matrix(own)
        row = dict(zip(by, key, strict=True)) | _columns(crossed_mean(mine))  # pyright: ignore[reportArgumentType]
        if len(control):
            others = effect_matrix(control)
            row |= _columns(_for_other_controls(others, control), "control")
            row |= _columns(_for_other_controls(mine - others, control), "excess")
        within = (key[1], *key[1:])
        if key != within and within in tables:
            row |= _columns(crossed_mean((tables[key] - tables[within]).to_numpy(float)), "less_own")
        rows.append(row | assignment_test(cell))
    return pd.DataFrame(rows, columns=TABLES["calibration_cross"])


def assignment_test(words: pd.DataFrame) -> dict[str, float]:
    """Whether each vector moves its own word more than the vectors would if they were given to the words at random.

    Returns:
        `others`: mean effect of the vectors on each other's words; `p`: the share of all assignments of vectors to
        words, the true one among them, whose mean effect is at least as large (at most 5,000 drawn ones).
    """
    vectors = words[words["kind"] == "emotion"]
    square = vectors.pivot_table(index="name", columns="emotion", values="effect", aggfunc="mean")
    shared = [name for name in square.index if name in square.columns]
    values = square.loc[shared, shared].to_numpy(float)
    n = len(shared)
    if n < 2 or not np.isfinite(values).all():
        return {"others": np.nan, "p": np.nan}
    others = float((values.sum() - np.trace(values)) / (n * (n - 1)))
    if n <= _EXACT:
        orders = np.array(list(permutations(range(n))))
    else:
        rng = np.random.default_rng(0)
        orders = np.array([np.arange(n), *(rng.permutation(n) for _ in range(_DRAWN))])
    means = values[np.arange(n), orders].mean(axis=1)
    return {"others": others, "p": float((means >= np.trace(values) / n - 1e-12).mean())}


def _for_other_controls(values: FloatArray, controls: pd.DataFrame) -> Estimate:
    """Mean of [emotion, frame], with an interval for other emotions, frames and control directions."""
    each = controls.groupby("name")["effect"].mean().to_numpy(float)
    return beside_directions(crossed_mean(values), each)


def judged_shares(texts: pd.DataFrame) -> list[dict[str, Any]]:
    """How often the judge heard the emotion whose vector steered, and how often it heard it in controls' texts."""
    rows: list[dict[str, Any]] = []
    for (language, strength), cell in texts[texts["kind"] != "baseline"].groupby(["language", "strength"]):
        own = cell[cell["kind"] == "emotion"]
        control = controls_of(cell)
        emotions = own["name"].unique()
        rows.append(
            {
                "language": language,
                "strength": float(strength),  # pyright: ignore[reportArgumentType]
                "hits": int((own["judged"] == own["name"]).sum()),
                "texts": len(own),
                "control_hits": int(control["judged"].isin(emotions).sum()),
                "control_texts": len(control),
                "control_rate": float(control["judged"].isin(emotions).mean() / len(emotions))
                if len(control)
                else None,
            }
        )
    return rows


def _within(words: pd.DataFrame) -> pd.DataFrame:
    """Vectors that steer their own language's texts, or where it has none the first that steer them."""
    own = set(words.loc[words["vector_language"] == words["language"], "language"])
    first = words.groupby("language")["vector_language"].transform("first")
    return words[np.where(words["language"].isin(own), words["language"], first) == words["vector_language"]]


def _columns(estimate: Estimate, name: str = "effect") -> dict[str, float]:
    prefix = "" if name == "effect" else f"{name}_"
    return {name: estimate.mean, f"{prefix}low": estimate.low, f"{prefix}high": estimate.high}
