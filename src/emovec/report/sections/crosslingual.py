"""The same emotion in two languages: cosine, and whether it is the nearest vector."""

from emovec.report.charts import Chart, HeatMap
from emovec.report.confirmatory import caveat
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import GREY, LAYER_AXIS, OKABE_ITO, language_name, number, p_value, pair_name
from emovec.study.results import StudyTables


def finding(study: StudyTables, crosslingual: Selection) -> str:
    """For how many emotions the nearest vector of the other language is the same one, and its cosine."""
    here = crosslingual.at_shown_layer()
    parts: list[str] = []
    which, pairs = here.most_and_least("retrieval_ab", variant=here.variants[-1])
    for a, b, pair in pairs:
        row, limit = pair.variant().records()[0], caveat(study, "same emotion", a, b)
        p = "; ".join(filter(None, (p_value(row["p"]), limit)))
        n = round(1 / row["chance"])
        raw = pair.where(variant="raw").records() if row["variant"] != "raw" else []
        beside = "".join(
            f"; {round(own['retrieval_ab'] * n)} and {round(own['retrieval_ba'] * n)} without standardising"
            for own in raw
        )
        parts.append(
            f"for {round(row['retrieval_ab'] * n)} of {n} emotions the {language_name(b)} vector nearest to the "
            f"{language_name(a)} one is the same emotion, and for {round(row['retrieval_ba'] * n)} of {n} the other "
            f"way round ({row['variant']} vectors{beside}; guessing gives 1); the same emotion has a mean cosine of "
            f"{number(row['same_cosine'])}, other emotions of {number(row['other_cosine'])} ({p})"
        )
    return f"{which}At layer {here.layer}, {'; '.join(parts)}."


def chart(crosslingual: Selection) -> Chart:
    """Mean cosine of the same emotion across languages, and retrieval of the emotion, by layer."""
    selectors = (crosslingual.variant_selector(), crosslingual.pair_selector())
    frames = {
        key: [
            rows.lines(
                "cosine across languages",
                "mean cosine",
                [
                    rows.curve("same_cosine", "same emotion", OKABE_ITO[0], marker="circle"),
                    rows.curve("other_cosine", "other emotions", OKABE_ITO[1], "dash", "square"),
                ],
                rows.limits("same_cosine", "other_cosine"),
            ),
            rows.lines(
                "retrieval",
                "share of emotions found",
                [
                    rows.curve("retrieval_ab", pair_name(a, b, " → "), OKABE_ITO[2], marker="diamond"),
                    rows.curve("retrieval_ba", pair_name(b, a, " → "), OKABE_ITO[3], "dash", "triangle-up"),
                    rows.level(rows["chance"].mean(), "chance", GREY, "dot"),
                ],
            ),
        ]
        for key, rows in crosslingual.each(*selectors)
        for a, b in rows.pairs
    }
    return Chart("crosslingual", "The same emotion in two languages, by layer", selectors, frames)


def each_emotion(cosine: Selection) -> Chart | None:
    """Cosine of each emotion's vectors in two languages, by layer; the most alike at the layer shown first on top."""
    same = cosine.keep((cosine["emotion_a"] == cosine["emotion_b"]) & (cosine["language_a"] != cosine["language_b"]))
    if not same:
        return None
    selectors = (same.variant_selector(), same.pair_selector())
    frames: dict[tuple[str, ...], list[HeatMap]] = {}
    for key, rows in same.each(*selectors):
        ranked = rows.at_shown_layer().records("cosine", "emotion_a", ascending=[False, True])
        emotions, layers = [row["emotion_a"] for row in ranked], rows.values("layer")
        values = rows.matrix("emotion_a", "layer", "cosine", (emotions, layers))
        title, names = f"{pair_name(*rows.pairs[0])}, {key[0]} vectors", [str(layer) for layer in layers]
        frames[key] = [HeatMap(title, values, emotions, names, "emotion", LAYER_AXIS, "cosine", (-1, 1), "diverging")]
    caption = f"Cosine of each emotion with itself in the other language, by layer; sorted at layer {same.layer}"
    return Chart("crosslingual-emotions", caption, selectors, frames, height=690)


SECTION = Section(
    place=210,
    anchor="crosslingual",
    title="Cosine and retrieval across languages",
    tables=("crosslingual",),
    finding=finding,
    exhibits=(chart, each_emotion),
    headline=True,
    across=True,
    reading="On the left, the vectors of the same emotion in two languages are compared with those of different "
    "emotions. On the right, you see how often the nearest vector of the other language is the same emotion.",
    misleading="Centring makes the mean cosine slightly negative, so compare with the other emotions, never with "
    "zero. With few or very different emotions, high retrieval is easy to reach.",
)
