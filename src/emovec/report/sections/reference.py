"""The section that sets what languages share of the emotions beside what they share of other labels."""

from typing import Any

from emovec.report.charts import Chart, Listing
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import OKABE_ITO, language_name, number, pair_name, percent

_NAMES = {
    "rsa": "agreement of the two geometries (RSA)",
    "rsa_noise_free": "RSA, corrected for noise",
    "rsa_matched": "RSA, corrected for noise, labels equally far apart",
    "partial": "RSA beyond words, embeddings and first layer",
    "cosine_difference": "cosine of the same label less that of others",
    "retrieval_ab": "nearest vector is the same label",
    "retrieval_ba": "nearest vector is the same label",
    "decoding": "held-out stories named right",
}
_DEPTH = {
    "late": "mean RSA over the last third of the layers",
    "reach": "last layer with at least half of the largest RSA",
}
_EMOTIONS, _REFERENCE = OKABE_ITO[0], OKABE_ITO[1]


def finding(reference: Selection, study: Any) -> str:
    """The agreement of each pair of languages for emotions and reference, and the interval of the difference."""
    name, rows = _name(study), reference.shown()
    said: list[str] = []
    for a, b, pair in rows.each_pair():
        own = pair.by("statistic")
        if (row := own.get("rsa")) is None:
            continue
        how = "not clearly more or less" if not _clear(row) else "more" if row["difference"] > 0 else "less"
        values = f"(r = {number(row['emotions'])}) than on {name} (r = {number(row['reference'])})"
        topics, both = (_interval(row, kind, " and ") for kind in ("", "_crossed"))
        sentence = (
            f"{language_name(a)} and {language_name(b)} agree {how} on the emotions {values}: the difference is "
            f"between {topics} for other topics, and between {both} for other topics and other labels"
        )
        if matched := own.get("rsa_matched"):
            sentence += (
                f"; without noise, and among labels that lie equally far apart, r is {number(matched['emotions'])} and "
                f"{number(matched['reference'])} (difference {_interval(matched, '_crossed')})"
            )
        said.append(f"{sentence}.")
    if not said:
        return ""
    return f"Layer {rows.layer}, {rows.only('variant')} vectors: " + " ".join(said)


def _name(study: Any) -> str:
    given = str(study.summaries.get("reference", {}).get("reference", "the reference"))
    return "30 concepts that are no emotions" if given == "bundled-concepts" else given


def _clear(row: dict[Any, Any]) -> bool:
    return row["low_crossed"] > 0 or row["high_crossed"] < 0


def _interval(row: dict[Any, Any], kind: str, to: str = " to ", digits: int = 2) -> str:
    return f"{number(row[f'low{kind}'], digits)}{to}{number(row[f'high{kind}'], digits)}"


def by_layer(reference: Selection) -> Chart:
    """RSA, and what is left beyond words, of emotions and reference by layer."""
    reference = reference.where(statistic=["rsa", "rsa_noise_free", "partial"])
    selectors = (reference.variant_selector(), reference.pair_selector())
    panels = {"rsa": "agreement (RSA)", "rsa_noise_free": "corrected for noise", "partial": "beyond the words"}
    frames = {
        key: [
            own.lines(title, "r between languages", _two(own), own.limits("emotions", "reference"))
            for statistic, title in panels.items()
            if (own := rows.where(statistic=statistic))
        ]
        for key, rows in reference.each(*selectors)
    }
    caption = "What two languages share of the emotions and of the reference labels, by layer"
    return Chart("reference", caption, selectors, frames)


def decoding(reference: Selection) -> Chart:
    """How often held-out stories are named right, of emotions and of reference labels, by layer."""
    rows = reference.where(statistic="decoding")
    selectors = (rows.variant_selector(), rows.view_selector(name=lambda a, b: pair_name(a, b, " → ")))
    frames = {
        key: [own.lines("held-out stories", "share named right", _two(own))] for key, own in rows.each(*selectors)
    }
    return Chart("reference-decoding", "Decoding of emotions and of reference labels, by layer", selectors, frames)


def _two(rows: Selection) -> list[Any]:
    return [
        rows.curve("emotions", "emotions", _EMOTIONS, marker="circle"),
        rows.curve("reference", "reference labels", _REFERENCE, "dash", "square"),
    ]


def numbers(reference: Selection, reference_depth: Selection | None = None) -> Listing:
    """Every number of both sets, with the difference and its intervals, at each layer."""
    selectors = (reference.variant_selector(), reference.layer_selector())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for key, rows in reference.each(*selectors):
        found = [
            _row(_NAMES[name], row)
            for name in _NAMES
            for row in rows.where(statistic=name).records("language_a", "language_b")
        ]
        if reference_depth:
            depth = reference_depth.variant(key[0])
            found += [_row(text, row) for name, text in _DEPTH.items() for row in depth.where(statistic=name).records()]
        frames[key] = found
    columns = ("number", "of", "emotions", "reference", "difference", "interval for other topics", "and other labels")
    return Listing("reference-numbers", "Emotions beside reference labels", selectors, columns, frames)


def _row(text: str, row: dict[Any, Any]) -> list[str | list[str]]:
    a, b = row["language_a"], row["language_b"]
    if row["statistic"] == "retrieval_ba":
        a, b = b, a
    directed = row["statistic"].startswith(("retrieval", "decoding"))
    of = language_name(a) if a == b else pair_name(a, b, " → " if directed else "–")
    known = {kind: row[f"low{kind}"] == row[f"low{kind}"] for kind in ("", "_crossed")}
    if row["statistic"] == "reach":
        values = [f"{row[name]:.0f}" for name in ("emotions", "reference", "difference")]
    elif directed:
        row = row | {name: 100 * row[name] for name in row if name.startswith(("low", "high", "difference"))}
        values = [percent(row["emotions"]), percent(row["reference"]), f"{number(row['difference'], 0)} points"]
    else:
        values = [number(row[name]) for name in ("emotions", "reference", "difference")]
    digits = 0 if directed else 2
    return [text, of, *values, *(_interval(row, kind, digits=digits) if known[kind] else "–" for kind in known)]


def sets(reference_sets: Selection) -> Listing:
    """How reliable the vectors of both sets are, and how far apart."""
    selectors = (reference_sets.variant_selector(), reference_sets.layer_selector())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                row["labels"], language_name(row["language"]), str(row["n_labels"]), number(row["reliability"]),
                percent(row["spread"]),
            ]
            for row in rows.records("language", "labels")
        ]
        for key, rows in reference_sets.each(*selectors)
    }  # fmt: skip
    columns = ("labels", "language", "how many", "reliability", "share of the stories' variance")
    return Listing("reference-sets", "How reliable both sets are, and how far apart", selectors, columns, frames)


SECTION = Section(
    place=235,
    anchor="reference",
    title="Are emotions special?",
    tables=("reference", "reference_depth", "reference_sets"),
    finding=finding,
    exhibits=(by_layer, decoding, numbers, sets),
    headline=True,
    across=True,
    setting="reference",
    reading="The same numbers are computed for the emotions and for other labels (the reference), from texts that the "
    "same model reads, and that should differ in nothing but what they are about. If two languages agree as much on "
    "the reference labels, their agreement on emotions is nothing special to emotions. The interval of a difference "
    "is for other topics; the wider one is for other topics and other labels of both kinds. Labels equally far apart "
    "means: in subsets of either kind whose vectors are spread alike.",
    misleading="A few dozen labels of each kind are few, so only a large difference can be shown, and no difference "
    "shown does not mean that there is none. Which labels belong to each kind is its author's choice. If one model "
    "wrote the texts of both kinds, how it writes about a label in both languages is part of the agreement.",
)
