"""The report's section on how far groups of emotions can be trusted."""

from dataclasses import replace
from typing import Any

from scipy.stats import binomtest

from emovec.report.charts import Chart, Curve, Lines, Listing
from emovec.report.section import Section
from emovec.report.selection import Selection, among
from emovec.report.style import GREY, OKABE_ITO, colour, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA

_ALGORITHMS = ("k-means", "average linkage")
_K_AXIS = "k (number of clusters)"
_STABLE = 0.75
"""Mean adjusted Rand index from which groups are called stable (Hennig 2007 uses 0.75 for Jaccard's index)."""
_MEASURES = {"silhouette": "mean silhouette", "stability": "adjusted Rand index, new topics"}


def finding(cluster_quality: Selection, cluster_agreement: Selection | None = None) -> str:
    """Whether there is a stable number of groups, and whether languages agree on it."""
    rows = cluster_quality.shown()
    known = rows.keep(rows["stability"].notna())
    parts = [
        _grouped(language_name(name), own)
        for (name,), own in (known.each(known.set_selector()) if known else ())
        if "+" not in name
    ]
    layer = rows.layer
    sentence = f"At layer {layer} {'; '.join(parts)}" if parts else f"Too few stories to judge groups at layer {layer}"
    for a, b, own in cluster_agreement.shown().each_pair() if cluster_agreement else []:
        best = own.records("ari", "k", "algorithm", ascending=[False, True, True])[0]
        verdict = "agree most" if best["p_familywise"] < ALPHA else "do not reliably agree; they agree most"
        sentence += (
            f"; {language_name(a)} and {language_name(b)} {verdict} on {best['k']} groups ({best['algorithm']}, "
            f"adjusted Rand index {number(best['ari'])} of 1, family-wise {p_value(best['p_familywise'])})"
        )
    return sentence + "."


def _grouped(name: str, rows: Selection) -> str:
    """Whether more groupings of a language are stable and clear than chance gives."""
    above = (rows["stability"] > rows["stability_95"]) & (rows["silhouette"] > rows["silhouette_95"])
    real = rows.keep(above & (rows["stability"] >= _STABLE))
    by = "stability" if real else "silhouette"
    row = (real or rows).records(by, "k", "algorithm", ascending=[False, True, True])[0]
    told = (
        f"{row['k']} groups by {row['algorithm']}: adjusted Rand index on new topics {number(row['stability'])} "
        f"(95 % of points without groups: below {number(row['stability_95'])}), silhouette "
        f"{number(row['silhouette'])} (below {number(row['silhouette_95'])})"
    )
    # Each of the ways has about one chance in twenty of lying above the line when there are no groups.
    if binomtest(len(real), len(rows), ALPHA, alternative="greater").pvalue < ALPHA:
        return (
            f"in {name} {len(real)} of {len(rows)} groupings are both stable and clearer than in points without "
            f"groups; the most stable has {told}"
        )
    few = f"{len(real) or 'none'} of {len(rows)} groupings {'is' if len(real) < 2 else 'are'}"
    by_chance = ", which may be chance" if real else ""
    return (
        f"no number of groups is reliable in {name}: {few} both stable and clearer than in points without "
        f"groups{by_chance}; the best has {told}"
    )


def quality(cluster_quality: Selection) -> Chart:
    """Silhouette and stability over the number of clusters, beside clouds of points without groups."""
    here = cluster_quality.at_shown_layer()
    selectors = (here.variant_selector(), here.set_selector())
    frames: dict[tuple[str, ...], list[Lines]] = {}
    for key, rows in here.each(*selectors):
        frames[key] = []
        title = f"{language_name(key[1])}, {key[0]}, layer {here.layer}"
        for value, label in _MEASURES.items():
            curves: list[Curve] = []
            for i, algorithm in enumerate(among(_ALGORITHMS, here["algorithm"])):
                own = rows.where(algorithm=algorithm)
                own, known = own.keep(own[value].notna()), own.keep(own[f"{value}_95"].notna())
                filled = [row[value] > row[f"{value}_95"] for row in own.records("k")]
                curves.append(own.curve(value, algorithm, colour(i), marker="circle", along="k", filled=filled))
                none = f"no groups, 95 % below ({algorithm})"
                curves.append(known.curve(f"{value}_95", none, colour(i), "dot", along="k"))
            frames[key].append(Lines(title, _K_AXIS, label, curves, _limits(here, value)))
    return Chart("cluster-quality", "How well separated and how stable k groups are", selectors, frames)


def agreement(cluster_agreement: Selection) -> Chart:
    """Adjusted Rand index between two languages' groups, over the number of clusters."""
    here = cluster_agreement.at_shown_layer()
    pairs = here.pair_selector()

    def note(row: dict[Any, Any]) -> str:
        return f"{p_value(row['p'])}, family-wise over k {p_value(row['p_familywise'])}"

    frames: dict[tuple[str, ...], list[Lines]] = {}
    for key, own in here.each(pairs):
        frames[key] = []
        for variant in reversed(here.variants):
            rows = own.variant(variant)
            curves = [
                rows.where(algorithm=algorithm).curve(
                    "ari", algorithm, colour(i), marker="circle", along="k", filled="p_familywise", note=note
                )
                for i, algorithm in enumerate(among(_ALGORITHMS, rows["algorithm"]))
            ]
            curves.append(rows.level(0.0, "chance", GREY, "dot", along="k"))
            title = f"{pair_name(*own.pairs[0])}, {variant}, layer {here.layer}"
            frames[key].append(Lines(title, _K_AXIS, "adjusted Rand index", curves, _limits(here, "ari")))
    return Chart("cluster-agreement", "Do two languages group emotions alike?", (pairs,), frames)


def profile(cluster_profile: Selection, cluster_names: Selection | None = None) -> Listing:
    """Each cluster's members with their mean valence and arousal, and its name where a model gave one."""
    rows, names, model = cluster_profile.shown(), dict[tuple[Any, ...], str](), ""
    key = ("variant", "layer", "languages", "algorithm", "k", "cluster", "emotions")
    if cluster_names:  # a name counts only for the members that it was given for
        given = {_of(row, key): row["name"] for row in cluster_names.records()}
        names = {each: given[each] for row in cluster_profile.records() if (each := _of(row, key)) in given}
        model = str(cluster_names["model"].iloc[0]) if any(names.values()) else ""
    selectors = (
        rows.selector("k", "k", initial=4),
        rows.set_selector(),
        rows.selector("algorithm", "algorithm", _ALGORITHMS),
    )
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {
        option: [
            [str(row["cluster"]), row["emotions"].split(", "), number(row["valence"]), number(row["arousal"])]
            + ([names.get(_of(row, key), "")] if model else [])
            for row in own.records("cluster")
        ]
        for option, own in rows.each(*selectors)
    }
    source = str(rows.only("source"))
    columns = ("cluster", "emotions", "mean valence", "mean arousal", *(["name"] if model else []))
    caption = f"Groups of emotions at layer {rows.layer}" + (f", rated by {source}" if source else "")
    caption += f"; names given by the language model {model}" if model else ""
    return Listing("cluster-profile", caption, selectors, columns, frames)


def _of(row: dict[Any, Any], columns: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[column] for column in columns)


def by_layer(cluster_quality: Selection) -> Chart | None:
    """Stability of the best-separated number of groups, by layer."""
    if cluster_quality["layer"].nunique() < 2:
        return None
    variants, sets = cluster_quality.variant_selector(), cluster_quality.set_selector()
    known = cluster_quality.rows.dropna(subset=["stability"]).sort_values(["silhouette", "k"], ascending=[False, True])
    best = replace(
        cluster_quality, rows=known.drop_duplicates(["variant", "layer", "languages", "algorithm"]).sort_values("layer")
    )

    def note(row: dict[Any, Any]) -> str:
        return f"k = {row['k']}, silhouette {number(row['silhouette'])}"

    frames = {
        (variant,): [
            best.lines(
                f"{algorithm}, {variant}",
                "adjusted Rand index",
                [
                    best.where(variant=variant, algorithm=algorithm, languages=name).curve(
                        "stability", language_name(name), OKABE_ITO[i % len(OKABE_ITO)], marker="circle", note=note
                    )
                    for i, name in enumerate(sets.options)
                ],
            )
            for algorithm in among(_ALGORITHMS, cluster_quality["algorithm"])
        ]
        for variant in variants.options
    }
    return Chart("cluster-layers", "Stability of the best-separated groups, by layer", (variants,), frames)


def _limits(rows: Selection, value: str) -> tuple[float, float]:
    columns = [rows[name] for name in (value, f"{value}_95") if name in rows.rows and rows[name].notna().any()]
    low = min(0.0, *(float(column.min()) for column in columns), 0.0)
    high = max((float(column.max()) for column in columns), default=1.0)
    return low - 0.03, max(high * 1.1, 0.1) if value == "silhouette" else 1.03


SECTION = Section(
    place=330,
    anchor="stability",
    title="Are the groups real?",
    tables=("cluster_quality", "cluster_agreement", "cluster_profile"),
    finding=finding,
    exhibits=(quality, agreement, profile, by_layer),
    reading="The silhouette shows how well separated k groups are. Stability shows how similar the groups are when "
    "the topics of the stories are drawn anew (adjusted Rand index: 1 for the same groups, 0 for chance). For "
    "comparison there are 19 clouds of points with the same principal variances and the same noise, but no groups. "
    "The dotted lines are the largest value among them, which such points exceed in one case of twenty; filled "
    "points are above it. Between languages, a filled point is an agreement that, in 95 % of cases, shuffled "
    "emotions reach at no k.",
    misleading="Two languages can agree on how to divide a smooth space even if there is no gap between the groups, "
    "so agreement alone is no evidence of distinct kinds. k-means and linkage return k groups from anything. The "
    "redrawn sets share most of their stories with the whole, so stability looks better than it is: compare with "
    "the dotted line, not with zero. The ratings are of English words, whatever the language.",
)
