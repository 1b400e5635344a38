"""The section on texts of another kind, which took no part in making the vectors."""

from typing import Any

from emovec.report.charts import Chart, Curve, Listing
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, OKABE_ITO, colour, language_name, marker, number, pair_name, percent

_WORDS = ("word", "character")
_FEATURES = {"embeddings": "averaged embeddings", "word": "words", "character": "characters"}


def finding(held_out: Selection, held_out_words: Selection, study: Any) -> str:
    """How often texts of another kind are named right in each language, beside words alone, and across languages."""
    rows = held_out.shown()
    name = str(study.summaries["held_out"]["held_out"])
    within = [row for row in rows.records() if row["source_language"] == row["target_language"]]
    across = [row for row in rows.records() if row["source_language"] != row["target_language"]]
    if not within:
        return ""
    said: list[str] = []
    for row in within:
        language = row["target_language"]
        alone = held_out_words.where(features=[*_WORDS], target_language=language).records("accuracy")
        beside = f"; words alone {percent(alone[-1]['accuracy'])}" if alone else ""
        said.append(f"{percent(row['accuracy'])} in {language_name(language)} ({_interval(row)}{beside})")
    sentence = (
        f"Of other stories ({name}), which took no part in the vectors, the emotion is named right for "
        f"{' and '.join(said)} at layer {rows.layer} ({rows.only('variant')} vectors; chance "
        f"{percent(within[0]['chance'])})"
    )
    if across:
        ends = sorted(row["accuracy"] for row in across)
        several = f"for {percent(ends[0])}" if len(ends) == 1 else f"for {percent(ends[0])} to {percent(ends[-1])}"
        sentence += f"; {several} by vectors of another language"
    return f"{sentence}."


def _interval(row: dict[Any, Any]) -> str:
    return f"{number(100 * row['low'], 0)} to {percent(row['high'])}"


def chart(held_out: Selection, held_out_words: Selection) -> Chart:
    """Share of the other texts named right by layer, with what words alone reach."""
    selector = held_out.selector("texts in", "target_language", _languages(held_out), language_name)
    frames = {
        key: [
            own.lines(
                f"{variant} vectors",
                "share named right",
                [*_curves(own.where(variant=variant)), *_levels(own.where(variant=variant), held_out_words, key[0])],
            )
            for variant in reversed(own.variants)
        ]
        for key, own in held_out.each(selector)
    }
    return Chart("held-out", "Texts of another kind named right, by layer", (selector,), frames)


def _languages(rows: Selection) -> list[str]:
    return [language for language in rows.study.languages if language in set(rows["target_language"])]


def _curves(rows: Selection) -> list[Curve]:
    target = rows.only("target_language")
    return [
        rows.where(source_language=source).curve(
            "accuracy",
            "vectors of the same language" if source == target else f"vectors from {language_name(source)}",
            colour(i),
            "solid" if source == target else "dash",
            marker(i),
            note=_interval,
        )
        for i, source in enumerate(rows.study.languages)
        if source in set(rows["source_language"])
    ]


def _levels(rows: Selection, words: Selection, language: str) -> list[Curve]:
    found = [rows.level(rows["chance"].mean(), "chance", GREY, "dot")]
    alone = words.where(features=[*_WORDS], target_language=language).records("accuracy")
    if alone:
        found.append(rows.level(alone[-1]["accuracy"], "words alone", OKABE_ITO[-1], "dashdot"))
    return found


def numbers(held_out: Selection, held_out_words: Selection) -> Listing:
    """Every share with its interval, at each layer; below, what needs no layer."""
    selectors = (held_out.variant_selector(), held_out.layer_selector())
    alone: list[list[str | list[str]]] = [
        [_FEATURES[row["features"]], _direction(row), *_shares(row)]
        for row in held_out_words.records("features", "source_language", "target_language")
        if row["features"] in _WORDS or row["variant"] == "standardised"
    ]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            *(["vectors", _direction(r), *_shares(r)] for r in rows.records("source_language", "target_language")),
            *alone,
        ]
        for key, rows in held_out.each(*selectors)
    }
    columns = ("by", "language", "named right", "95 % interval", "among the first three", "texts")
    return Listing("held-out-numbers", "Texts of another kind named right", selectors, columns, frames)


def _direction(row: dict[Any, Any]) -> str:
    a, b = row["source_language"], row["target_language"]
    return language_name(a) if a == b else pair_name(a, b, " → ")


def _shares(row: dict[Any, Any]) -> list[str]:
    return [percent(row["accuracy"]), _interval(row), percent(row["top3"]), str(row["n_stories"])]


SECTION = Section(
    place=112,
    anchor="held-out",
    title="Texts of another kind",
    tables=("held_out", "held_out_words"),
    finding=finding,
    exhibits=(chart, numbers),
    headline=True,
    setting="held_out",
    reading="The vectors come from the study's stories. Here they name the emotion of other texts, which differ in "
    "style: the nearest centroid by cosine, topics that both corpora share held out. If vectors name emotions here "
    "about as well as on their own kind of stories, they are not tied to a way of writing. Words alone are asked the "
    "same: words of the study's stories, weighted by how rare they are.",
    misleading="Each corpus is centred by its own mean, so a shift between the two kinds of texts costs nothing. If "
    "one writer made both kinds, habits of the writer remain in both. Averages hide which emotions go wrong.",
)
