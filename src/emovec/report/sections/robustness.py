"""What depends on a choice: the headline numbers under every reasonable one."""

from emovec.report.charts import Listing
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import NOTABLE, language_name, number

_STATISTICS = {"rsa": "RSA r", "cosine_difference": "same − other", "retrieval": "retrieval"}
_TEXTS = {"all stories": "all", "a sample": "sample,"}


def finding(robustness: Selection | None = None, word_influence: Selection | None = None) -> str:
    """How far the agreement between languages moves with the choices, and which ones move it."""
    pairs = robustness.where(statistic="rsa").each_pair() if robustness else []
    said = [_choices(a, b, rows) for a, b, rows in pairs]
    return " ".join([*said, *([_words(word_influence)] if word_influence else [])])


def _choices(a: str, b: str, rows: Selection) -> str:
    """Each option less the study's own one of the same choice, texts and variant."""
    own = {(row["texts"], row["choice"], row["variant"]): row["value"] for row in rows.where(used=1).records()}
    others = rows.where(used=0).records("choice", "option", "variant")
    changes = [(row, row["value"] - own[row["texts"], row["choice"], row["variant"]]) for row in others]
    moved = sorted((change for change in changes if abs(change[1]) > NOTABLE), key=lambda change: change[1])
    told = ", ".join(
        f"{row['choice']} {row['option']} with {row['variant']} vectors ({number(change)})" for row, change in moved
    )
    verdict = (
        f"these change it by more than {NOTABLE} in r: {told}"
        if told
        else f"none changes it by more than {NOTABLE} in r"
    )
    every = rows.where(texts="all stories")["value"]
    return (
        f"At layer {rows.only('layer')} the agreement of {language_name(a)} and {language_name(b)} is between "
        f"r = {number(every.min())} and {number(every.max())} under the choices tried on all stories; of "
        f"{len(changes)} changes of a single choice, {verdict}."
    )


def _words(rows: Selection) -> str:
    """The ratings whose prediction moves notably with one word."""
    source = rows.values("source")[0]
    told = ", ".join(
        f"{row['scale']} in {language_name(str(row['language']))} without {row[f'{end}_word']} "
        f"(r = {number(row[end])} instead of {number(row['r'])})"
        for row in rows.variant().where(source=source).records("scale", "language")
        for end in ("low", "high")
        if abs(row[end] - row["r"]) > NOTABLE
    )
    opening = f"When one word at a time is left out, the r of predicted ratings ({source}) changes "
    return opening + (f"by more than {NOTABLE} for {told}." if told else f"by at most {NOTABLE}.")


def table(robustness: Selection) -> Listing:
    """Every headline number under every choice, for a pair of languages."""
    pairs = robustness.pair_selector()
    columns = [(statistic, variant) for statistic in _STATISTICS for variant in robustness.variants]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for pair, own in robustness.each(pairs):
        lines: dict[tuple[str, ...], dict[tuple[str, str], float]] = {}
        for row in own.records("texts", "choice", "used", "option", ascending=[True, True, False, True]):
            mark = " (the study's)" if row["used"] else ""
            key = (f"{_TEXTS[row['texts']]} {row['n_texts']}", row["choice"], row["option"] + mark)
            lines.setdefault(key, {})[row["statistic"], row["variant"]] = row["value"]
        frames[pair] = [[*key, *(number(values[column]) for column in columns)] for key, values in lines.items()]
    names = [f"{_STATISTICS[statistic]}, {variant}" for statistic, variant in columns]
    caption = "Headline numbers under each choice, changed one at a time"
    return Listing("robustness", caption, (pairs,), ("texts", "choice", "option", *names), frames)


def words(word_influence: Selection) -> Listing:
    """How well ratings are predicted without each word in turn."""
    variants = word_influence.variant_selector()
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        key: [
            [
                *(str(row["source"]), language_name(str(row["language"])), str(row["scale"]), number(row["r"])),
                *(f"{number(row[end])} without {row[f'{end}_word']}" for end in ("low", "high")),
            ]
            for row in rows.records("source", "language", "scale")
        ]
        for key, rows in word_influence.each(variants)
    }
    columns = ("norms", "language", "scale", "r with all words", "lowest", "highest")
    return Listing("word-influence", "Norms: ratings predicted without each word in turn", (variants,), columns, frames)


SECTION = Section(
    place=160,
    anchor="robustness",
    title="What depends on a choice",
    tables=("robustness", "word_influence"),
    finding=finding,
    exhibits=(table, words),
    reading="Each row changes one choice and keeps the study's other choices; compare it with the row of the "
    "study's own option. Numbers on a sample come from few stories that were run again, so they are lower than "
    "those on all stories. Compare them only with each other. The second table leaves out one rated word at a time "
    "and repeats every fit.",
    misleading="Choices change how reliable the vectors are, and therefore r: a lower row may mean more noise, not "
    "a different geometry. A number that hardly moves here isn't therefore right: all rows share the same model, "
    "stories and languages. If you pick a choice because its row is highest, every p-value of that row is too small.",
)
