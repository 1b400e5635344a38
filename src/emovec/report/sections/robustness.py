"""What depends on a choice: the headline numbers under every reasonable one."""

import pandas as pd

from emovec.report.charts import Listing
from emovec.report.headlines import NOTABLE
from emovec.report.section_plan import Plan
from emovec.report.selectors import pair_control, pairs, variant_control, variants
from emovec.report.style import language_name, number
from emovec.study.results import StudyTables

_STATISTICS = {"rsa": "RSA r", "cosine_difference": "same − other", "retrieval": "retrieval"}
_TEXTS = {"all stories": "all", "a sample": "sample,"}


def finding(study: StudyTables) -> str:
    """How far the agreement between languages moves with the choices, and which ones move it."""
    sentences: list[str] = []
    table = study.tables.get("robustness", pd.DataFrame(columns=["statistic", "language_a", "language_b"]))
    rsa = table[table["statistic"] == "rsa"]
    for a, b in pairs(study, rsa):
        rows = rsa[(rsa["language_a"] == a) & (rsa["language_b"] == b)]
        changes = _changes(rows)
        every = rows[rows["texts"] == "all stories"]["value"]
        others = changes[changes["used"] == 0]
        moved = others[others["change"].abs() > NOTABLE]
        told = ", ".join(
            f"{row.choice} {row.option} with {row.variant} vectors ({number(row.change)})"
            for row in moved.sort_values(["change", "choice", "option", "variant"]).itertuples()
        )
        verdict = f"more than {NOTABLE} in r: {told}" if told else f"{NOTABLE} in r or more: none"
        sentences.append(
            f"At layer {rows['layer'].iloc[0]} the agreement of {language_name(a)} and {language_name(b)} lies between "
            f"r = {number(every.min())} and {number(every.max())} under the choices tried on all stories; of "
            f"{len(others)} changes of one choice at a time, those that move it by {verdict}."
        )
    return " ".join([*sentences, *_words(study)])


def _words(study: StudyTables) -> list[str]:
    """The ratings whose prediction moves notably with one word, in a sentence."""
    if "word_influence" not in study.tables:
        return []
    rows = study.tables["word_influence"]
    source = sorted(rows["source"])[0]
    rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["source"] == source)].sort_values(["scale", "language"])
    told = ", ".join(
        f"{row['scale']} in {language_name(str(row['language']))} without {row[f'{end}_word']} "
        f"(r = {number(row[end])} instead of {number(row['r'])})"
        for row in rows.to_dict("records")
        for end in ("low", "high")
        if abs(row[end] - row["r"]) > NOTABLE
    )
    return [
        f"Ratings predicted of left-out emotions, {source}, without one word at a time: "
        + (f"more than {NOTABLE} in r changes {told}." if told else f"no word changes r by more than {NOTABLE}.")
    ]


def words(study: StudyTables) -> Listing | None:
    """How well ratings are predicted without each word in turn."""
    rows = study.tables.get("word_influence")
    if rows is None:
        return None
    control = variant_control(rows)
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        (variant,): [
            [
                *(str(row["source"]), language_name(str(row["language"])), str(row["scale"]), number(row["r"])),
                *(f"{number(row[end])} without {row[f'{end}_word']}" for end in ("low", "high")),
            ]
            for row in rows[rows["variant"] == variant].sort_values(["source", "language", "scale"]).to_dict("records")
        ]
        for variant in control.options
    }
    columns = ("norms", "language", "scale", "r with all words", "lowest", "highest")
    caption = "Norms: ratings predicted without each word in turn"
    return Listing("word-influence", caption, (control,), columns, frames)


def table(study: StudyTables) -> Listing | None:
    """Every headline number under every choice, for a pair of languages."""
    rows = study.tables.get("robustness")
    if rows is None:
        return None
    found = pairs(study, rows)
    columns = [(statistic, variant) for statistic in _STATISTICS for variant in variants(rows)]
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for a, b in found:
        pair = rows[(rows["language_a"] == a) & (rows["language_b"] == b)].sort_values(
            ["texts", "choice", "used", "option"], ascending=[True, True, False, True], kind="stable"
        )
        lines: list[list[str | list[str]]] = []
        for key, own in pair.groupby(["texts", "choice", "option", "used", "n_texts"], sort=False):
            texts, choice, option, used, n = (str(part) for part in key)  # pyright: ignore[reportGeneralTypeIssues]
            values = own.set_index(["statistic", "variant"])["value"].to_dict()
            mark = " (the study's)" if used == "1" else ""
            lines.append(
                [f"{_TEXTS[texts]} {n}", choice, option + mark, *(number(values[column]) for column in columns)],
            )
        frames[(f"{a}+{b}",)] = lines
    names = [f"{_STATISTICS[statistic]}, {variant}" for statistic, variant in columns]
    return Listing(
        "robustness",
        "Headline numbers under each choice, changed one at a time",
        (pair_control(found),),
        ("texts", "choice", "option", *names),
        frames,
    )


def _changes(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the column `change`: the value less that of the study's own option of the same choice and variant."""
    keys = ["texts", "choice", "variant"]
    own = rows[rows["used"] == 1].set_index(keys)["value"].rename("own")
    joined = rows.join(own, on=keys)
    return joined.assign(change=joined["value"] - joined["own"])


PLANS = (
    Plan(
        "robustness", "What depends on a choice", ("robustness", "word_influence"), finding,
        (table, words),
        "Each row changes one choice and leaves the others as the study has them; compare it with the row of the same "
        "choice that the study made. Numbers on a sample come from few stories read anew, so that they are lower than "
        "those on all stories and only to be compared with each other. The second table leaves out one rated word at a "
        "time and makes every fit anew.",
        "Choices change how reliable the vectors are, and so r: a lower row may be noisier, not another geometry. "
        "A number that hardly moves here is not thereby true: all rows share the same model, stories and languages. A "
        "choice that was picked because its row is highest makes every p-value of that row too small.",
        partial=True,
    ),
)  # fmt: skip
