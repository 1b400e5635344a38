"""The section on the space that emotions and reference labels share, and on what a language adds to both."""

from collections.abc import Iterator
from typing import Any

from emovec.report.charts import Chart, Curve, Listing, Selector
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, OKABE_ITO, colour, language_name, marker, number, pair_name, percent

_OFFSET = {
    "offset_cosine": "cosine of the two offsets",
    "offset_share": "share of the emotions' differences that is the offset",
    "offset_share_reference": "the same of the reference labels",
    "offset_shared": "share of the emotions' differences that the reference's offset accounts for",
}
_REST = {
    "rest_by_reference": "of as many reference labels",
    "rest_by_emotions": "of the other emotions",
    "rest_by_stories": "of stories of the same label",
}
_RANK = {
    "rest_rank": "directions that the rest of the emotions' differences takes",
    "rest_rank_reference": "the same of the reference labels",
}


def finding(reference_space: Selection) -> str:
    """Whether emotions and reference labels lie apart, and how much of a language's difference both share."""
    rows = reference_space.shown()
    apart = rows.where(statistic="separation")
    least = min(apart.records(), key=lambda row: row["value"])
    found = percent(least["value"])
    said = [
        f"At layer {rows.layer} ({rows.only('variant')} vectors), at least {found} of left-out labels are placed "
        "rightly among the emotions or the reference labels, also by what was learnt in the other language "
        "(chance: 50 %)"
    ]
    for a, b, pair in _without_separation(rows).each_pair():
        own = pair.by("statistic")
        share, shared = own["offset_share"], own["offset_shared"]
        by_reference, by_emotions = (percent(own[f"rest_by_{name}"]["value"]) for name in ("reference", "emotions"))
        said.append(
            f"of what sets an emotion's {language_name(b)} vector apart from the {language_name(a)} one, "
            f"{percent(share['value'])} is an offset that all emotions share, and the offset of the reference labels "
            f"accounts for {percent(shared['value'])} ({_interval(shared)}); of the rest, {by_reference} lies "
            f"in the five leading directions of the reference labels' rest, {by_emotions} in those of other emotions"
        )
    return "; ".join(said) + "."


def _interval(row: dict[Any, Any]) -> str:
    return f"{number(100 * row['low'], 0)} to {percent(row['high'])}"


def offsets(reference_space: Selection) -> Chart:
    """The offset's share of the differences, by layer."""
    frames = {
        key: [own.lines("the languages' offset", "share or cosine", _curves(own, _OFFSET), None)]
        for key, own in _differences(reference_space)
    }
    caption = "The mean difference of two languages' vectors: how much it explains, and whether both kinds share it"
    return Chart("reference-offset", caption, _choices(reference_space), frames)


def rests(reference_space: Selection) -> Chart:
    """Where the rest of the emotions' differences lies, by layer."""
    frames = {
        key: [own.lines("beyond the offset", "share of the rest", [*_curves(own, _REST), _chance(own)], None)]
        for key, own in _differences(reference_space)
    }
    caption = "What is left of the emotions' differences: its share in the five leading directions of other differences"
    return Chart("reference-rest", caption, _choices(reference_space), frames)


def _without_separation(rows: Selection) -> Selection:
    return rows.keep(rows["statistic"] != "separation")


def _choices(rows: Selection) -> tuple[Selector, ...]:
    own = _without_separation(rows)
    return (own.variant_selector(), own.pair_selector())


def _differences(rows: Selection) -> Iterator[tuple[tuple[str, ...], Selection]]:
    return _without_separation(rows).each(*_choices(rows))


def _curves(rows: Selection, names: dict[str, str]) -> list[Curve]:
    return [
        rows.where(statistic=name).curve("value", text, OKABE_ITO[i], marker=marker(i), note=_interval)
        for i, (name, text) in enumerate(names.items())
    ]


def _chance(rows: Selection) -> Curve:
    known = rows.where(statistic="rest_by_reference")
    return known.level(known["chance"].mean(), "of random directions", GREY, "dot")


def separation(reference_space: Selection) -> Chart:
    """How often a left-out label is placed rightly among emotions or reference labels, by layer."""
    rows = reference_space.where(statistic="separation")
    frames = {
        key: [
            own.lines(
                f"{key[0]} vectors",
                "share of labels placed rightly",
                [
                    *(
                        each.curve("value", _direction(a, b), colour(i), marker=marker(i))
                        for i, (a, b, each) in enumerate(_each_direction(own))
                    ),
                    own.level(0.5, "chance", GREY, "dot"),
                ],
            )
        ]
        for key, own in rows.each(rows.variant_selector())
    }
    caption = "Are emotions and reference labels apart? Labels left out of the learning, by layer"
    return Chart("reference-separation", caption, (rows.variant_selector(),), frames)


def _each_direction(rows: Selection) -> list[tuple[str, str, Selection]]:
    found = dict.fromkeys(zip(rows["language_a"], rows["language_b"], strict=True))
    return [(a, b, rows.pair(a, b)) for a, b in found]


def _direction(a: str, b: str) -> str:
    return f"within {language_name(a)}" if a == b else pair_name(a, b, " → ")


def numbers(reference_space: Selection) -> Listing:
    """Every number with its interval, at each layer."""
    rows = _without_separation(reference_space)
    selectors = (*_choices(rows), rows.layer_selector())
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for key, own in rows.each(*selectors):
        by = own.by("statistic")
        frames[key] = [
            *([text, percent(by[name]["value"]), _interval(by[name])] for name, text in _OFFSET.items()),
            *(
                [f"rest in the leading directions {text}", percent(by[name]["value"]), _interval(by[name])]
                for name, text in _REST.items()
            ),
            *(
                [text, number(by[name]["value"], 1), f"{number(by[name]['low'], 1)} to {number(by[name]['high'], 1)}"]
                for name, text in _RANK.items()
            ),
        ]
    columns = ("number", "value", "95 % interval for other topics")
    return Listing("reference-space-numbers", "What a change of language does", selectors, columns, frames)


def tokens(reference_tokens: Selection) -> Listing:
    """The tokens that the offset from one language to the other makes more and less likely."""
    selectors = (reference_tokens.pair_selector(), reference_tokens.layer_selector())
    names = {"emotions": "emotions", "reference": "reference labels"}
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                names[labels],
                *(
                    [str(row["token"]) for row in rows.where(labels=labels, side=side).records("rank")]
                    for side in ("top", "bottom")
                ),
            ]
            for labels in names
        ]
        for key, rows in reference_tokens.each(*selectors)
    }
    columns = ("offset of", "tokens that it makes likelier", "less likely")
    return Listing("reference-tokens", "The offset through the logit lens", selectors, columns, frames)


SECTION = Section(
    place=236,
    anchor="reference-space",
    title="Emotions and reference labels in one space",
    tables=("reference_space", "reference_tokens"),
    finding=finding,
    exhibits=(offsets, rests, separation, numbers, tokens),
    across=True,
    setting="reference",
    reading="Each label has a vector in each language, here with nothing taken out. The difference of the two is what "
    "the language changes. Its mean over labels is the offset; what is left of each label's difference is its rest. "
    "The rest is held against the five leading directions of the rests of as many reference labels, of other emotions, "
    "and of differences between stories of one label; random directions would hold five in as many as the model has "
    "dimensions. All squares are noise-free: products of different topics only.",
    misleading="The texts of the two kinds were written apart, so that labels may lie apart by how the texts are "
    "written and not by what they are about. An offset that both kinds share says that a language moves all texts "
    "alike; it need not be the language itself, but anything that sets the two corpora apart.",
)
