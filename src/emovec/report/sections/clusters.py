"""k-means clusters of the emotions on a UMAP, and how well k of them fit."""

from dataclasses import replace

from emovec.report.charts import Chart, Dash, Lines, Scatter
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import colour, language_name, marker, number

_DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")
_POINTS = 10_000
_FEW_KS = (2, 4, 6, 8, 10)


def finding(umap: Selection | None = None, silhouette: Selection | None = None) -> str:
    """The number of clusters with the best silhouette."""
    known = silhouette.keep(silhouette["silhouette"].notna()) if silhouette else None
    if not known:
        return "The map shows which emotions are close to each other." if umap else ""
    rows = known.shown()
    widest = max(rows.values("languages"), key=lambda name: (str(name).count("+"), str(name)))
    own = rows.where(languages=widest)
    best = own.records("silhouette", "k", ascending=[False, True])[0]
    four = own.by("k").get(4)
    other = f"; at k = 4, the published choice, it is {number(four['silhouette'])}" if four and best["k"] != 4 else ""
    where = f"layer {rows.layer}, {best['variant']} vectors, {language_name(widest)}"
    return f"Silhouette is highest at k = {best['k']} ({number(best['silhouette'])}; {where}){other}."


def chart(umap: Selection, clusters: Selection | None = None) -> Chart:
    """UMAP in two dimensions, coloured by k-means cluster, marked by language."""
    sets, variants = umap.set_selector(), umap.variant_selector()
    points = sum(umap.where(languages=s)["emotion"].nunique() * (s.count("+") + 1) for s in sets.options)
    room = _POINTS / (points * len(variants.options))
    ks = _shown_ks(clusters.values("k"), int(room / umap["layer"].nunique())) if clusters else [0]
    layers = umap.layer_selector(room / len(ks))
    keys = ["variant", "layer", "languages", "language", "emotion"]
    joined = umap.rows.merge(clusters.rows, on=keys) if clusters else umap.rows.assign(k=0, cluster=0)
    rows = replace(umap, rows=joined)
    selectors = (layers, sets, variants, rows.selector("k", "k", ks, initial=4, in_paper=False))
    frames = {key: [_scatter(own)] for key, own in rows.each(*selectors)}
    caption = "k-means clusters on a UMAP of the emotion vectors"
    return Chart("clusters", caption, selectors, frames, umap.kept_note(layers), height=640)


def _shown_ks(ks: list[int], room: int) -> list[int]:
    """Every k where there is room for it, else a few."""
    if len(ks) <= max(room, len(_FEW_KS)):
        return ks
    return [k for k in _FEW_KS if k in ks] or ks[: len(_FEW_KS)]


def _scatter(rows: Selection) -> Scatter:
    found = rows.values("cluster")
    languages = rows.each_language()
    groups = [
        mine.points(f"cluster {cluster}, {language_name(code)}", colour(cluster), marker(position))
        for cluster in found
        for position, code, own in languages
        if (mine := own.where(cluster=cluster))
    ]
    legend = [(language_name(code), "#444444", marker(position)) for position, code, _ in languages]
    k = rows.only("k")
    if k:
        legend += [(f"cluster {cluster}", colour(cluster), "square") for cluster in found]
    where = f"{language_name(rows.only('languages'))}, layer {rows.only('layer')}, {rows.only('variant')}"
    title = f"{where}, k = {k}" if k else where
    return Scatter(title, "UMAP 1 (no unit)", "UMAP 2 (no unit)", groups, legend)


def fit(silhouette: Selection) -> Chart:
    """Silhouette over the number of clusters, for each set of languages."""
    layers, sets = silhouette.layer_selector(), silhouette.set_selector()
    scores = silhouette["silhouette"].fillna(0.0)
    limits = min(0.0, float(scores.min()) - 0.03), float(scores.max()) * 1.1 + 0.02
    frames = {
        key: [
            Lines(
                f"{variant} vectors, layer {rows.only('layer')}",
                "k (number of clusters)",
                "mean silhouette",
                [
                    mine.curve(
                        "silhouette", language_name(name), colour(i), _DASHES[i % len(_DASHES)], marker(i), along="k"
                    )
                    for i, name in enumerate(sets.options)
                    if (mine := rows.where(variant=variant, languages=name))
                ],
                limits,
            )
            for variant in silhouette.variants
        ]
        for key, rows in silhouette.each(layers)
    }
    return Chart("silhouette", "How well k clusters fit", (layers,), frames, height=360)


SECTION = Section(
    place=320,
    anchor="clusters",
    title="Clusters",
    tables=("clusters", "silhouette", "umap"),
    finding=finding,
    exhibits=(chart, fit),
    reading="Colour is the k-means cluster, found in the full space. The position is a UMAP, in which only "
    "neighbourhoods mean anything. The silhouette shows how much closer emotions are to their own cluster than to "
    "the next: clusters are clear above about 0.5 and hardly there below about 0.2.",
    misleading="UMAP draws islands even from noise, and its distances, sizes and axes mean nothing. k-means returns "
    "k clusters whether or not there are any. If points group by language, the map shows the language and not the "
    "emotion.",
)
