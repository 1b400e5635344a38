"""One sentence for each read-out, with its numbers at the layer shown first."""

import pandas as pd

from emovec.geometry.analysis import VARIANTS
from emovec.geometry.outliers import KINDS
from emovec.report.charts import nearest_layer
from emovec.report.headlines import too_few
from emovec.report.page_tables import at_first
from emovec.report.selectors import KIND_NAMES, best_words, kinds, pairs, variants
from emovec.report.style import chance, language_name, number, p_value, pair_name
from emovec.stats.permutation import ALPHA
from emovec.stats.word_baseline import compare_words
from emovec.study.results import StudyTables


def at_layer(table: pd.DataFrame, shown: int) -> tuple[int, pd.DataFrame]:
    """The layer nearest to the one shown, and its rows."""
    layer = nearest_layer(table["layer"].unique(), shown)
    return layer, table[table["layer"] == layer]


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def decoding(study: StudyTables) -> str:
    """Held-out accuracy within and across languages, against chance and against the words alone."""
    layer, rows = at_layer(study.tables["decoding"], study.layer)
    rows = rows[rows["variant"] == variants(rows)[-1]]
    found = {(r.train_language, r.test_language): float(r.accuracy) for r in rows.itertuples()}  # pyright: ignore[reportArgumentType]
    within = [f"{number(found[a, a])} in {language_name(a)}" for a in study.languages if (a, a) in found]
    across = [
        f"{number(found[a, b])} from {language_name(a)} to {language_name(b)}"
        for a in study.languages
        for b in study.languages
        if a != b and (a, b) in found
    ]
    words = [
        f"{number(best['accuracy'])} in {language_name(a)}"
        for a in study.languages
        if (best := best_words(study, a)) is not None
    ]
    sentence = (
        f"At layer {layer} held-out stories are given their emotion with an accuracy of {_and(within)}"
        if within
        else f"At layer {layer}"
    )
    if across:
        sentence += (
            f"{', and ' if within else ' emotions are decoded across languages with an accuracy of '}{_and(across)}"
        )
    sentence += f"; chance is {chance(rows['chance'].mean())}"
    warning = study.summaries.get("decoding", {}).get("warning", "")
    if not words:
        return f"{sentence}. {warning}".strip()
    verdicts = [
        compare_words(float(own["accuracy"]), int(own["n_stories"]), best["accuracy"], best["n_stories"]).sentence(
            language_name(a)
        )
        for a in study.languages
        if (best := best_words(study, a)) is not None
        for _, own in rows[(rows["train_language"] == a) & (rows["test_language"] == a)].iterrows()
    ]
    sentence += f", and the words alone reach {_and(words)}"
    return f"{'; '.join([sentence, *verdicts])}. {warning}".strip()


def rsa(study: StudyTables) -> str:
    """The correlation of the geometries of two languages, raw and standardised, with its p-value."""
    table = study.tables["rsa"]
    method = "pearson" if "pearson" in set(table["method"]) else str(table["method"].iloc[0])
    layer, rows = at_layer(table[table["method"] == method], study.layer)
    parts: list[str] = []
    for a, b in pairs(study, rows):
        pair = rows[(rows["language_a"] == a) & (rows["language_b"] == b)].set_index("variant")
        each = [
            f"r = {number(pair.at[v, 'r'])} on {v} vectors (family-wise {p_value(pair.at[v, 'p_familywise'])}, "  # pyright: ignore[reportCallIssue, reportArgumentType]
            f"95 % of permutations below {number(pair.at[v, 'null_95'])})"  # pyright: ignore[reportCallIssue, reportArgumentType]
            for v in VARIANTS
            if v in pair.index
        ]
        parts.append(f"of {language_name(a)} and {language_name(b)} correlate with {_and(each)}")
    if too_few(permutations := int(rows["permutations"].min())):
        parts[-1] += f"; with {permutations} permutations p can't be judged"
    return f"At layer {layer} the emotion geometries {'; those '.join(parts)}."


def crosslingual(study: StudyTables) -> str:
    """Cosine of the same emotion against others, and retrieval."""
    layer, rows = at_layer(study.tables["crosslingual"], study.layer)
    variant = variants(rows)[-1]
    rows = rows[rows["variant"] == variant]
    parts: list[str] = []
    for a, b in pairs(study, rows):
        row = rows[(rows["language_a"] == a) & (rows["language_b"] == b)].iloc[0]
        forth, back = number(row["retrieval_ab"]), number(row["retrieval_ba"])
        parts.append(
            f"{pair_name(a, b)}: the same emotion has a mean cosine of {number(row['same_cosine'])}, other emotions of "
            f"{number(row['other_cosine'])} ({p_value(row['p'])}); the nearest vector of the other language is the "
            f"same emotion for {forth} of emotions one way and {back} the other (chance {chance(row['chance'])})"
        )
    return f"At layer {layer}, {variant} vectors, {'; '.join(parts)}."


def cosine(study: StudyTables) -> str:
    """The most and the least similar pair of emotions in each language."""
    layer, rows = at_layer(study.tables["cosine"], study.layer)
    variant = variants(rows)[-1]
    rows = rows[(rows["variant"] == variant) & (rows["emotion_a"] < rows["emotion_b"])]
    parts: list[str] = []
    for language in study.languages:
        own = rows[(rows["language_a"] == language) & (rows["language_b"] == language)].sort_values(
            ["cosine", "emotion_a", "emotion_b"]
        )
        if len(own):
            low, high = own.iloc[0], own.iloc[-1]
            parts.append(
                f"in {language_name(language)} {high['emotion_a']} and {high['emotion_b']} are closest "
                f"({number(high['cosine'])}), "
                f"{low['emotion_a']} and {low['emotion_b']} farthest apart ({number(low['cosine'])})"
            )
    return f"At layer {layer}, {variant} vectors: {'; '.join(parts)}." if parts else f"Cosines at layer {layer}."


def clusters(study: StudyTables) -> str:
    """The number of clusters with the best silhouette."""
    table = study.tables.get("silhouette")
    table = None if table is None else table.dropna(subset="silhouette")
    if table is None or table.empty:
        return "The map shows which emotions lie near each other."
    layer, rows = at_layer(table, study.layer)
    variant = variants(rows)[-1]
    rows = rows[rows["variant"] == variant]
    widest = max(set(rows["languages"]), key=lambda name: (str(name).count("+"), str(name)))
    rows = rows[rows["languages"] == widest].sort_values(["silhouette", "k"], ascending=[False, True])
    best = rows.iloc[0]
    four = rows[rows["k"] == 4]
    other = (
        f"; at k = 4, the published choice, it is {number(four['silhouette'].iloc[0])}"
        if len(four) and best["k"] != 4
        else ""
    )
    where = f"layer {layer}, {variant} vectors, {language_name(str(widest))}"
    return f"Silhouette is highest at k = {best['k']} ({number(best['silhouette'])}; {where}){other}."


def pca(study: StudyTables) -> str:
    """How much variance the first components hold, and what they correlate with most."""
    parts: list[str] = []
    shares, axes, poles = (study.tables.get(name) for name in ("pca_variance", "axes", "poles"))
    layer = study.layer
    for language in study.languages:
        said: list[str] = []
        if shares is not None:
            layer, rows = at_layer(shares, study.layer)
            rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["language"] == language)].sort_values(
                "component"
            )
            percent = [f"{100 * share:.0f} %" for share in rows["share"].head(2)]
            if percent:
                said.append(f"the first components hold {_and(percent)} of the variance")
        if axes is not None:
            layer, rows = at_layer(axes, study.layer)
            rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["language"] == language) & rows["r"].notna()]
            said += [
                _followed(int(component), rows[rows["component"] == component])
                for component in sorted(set(rows["component"]))[:2]
            ]
        if poles is not None:
            layer, rows = at_layer(poles, study.layer)
            rows = rows[(rows["variant"] == variants(rows)[-1]) & (rows["language"] == language)]
            if len(rows):
                own = rows.iloc[0]
                said.append(
                    f"the post's valence and arousal axes have a cosine of {number(own['cosine'])} (poles of random "
                    f"words: 95 % within ±{number(own['null_95'])}, {p_value(own['p'])})"
                )
        if said:
            parts.append(f"in {language_name(language)}: {', '.join(said)}")
    return f"At layer {layer}, {'; '.join(parts)}." if parts else "Emotions on their first two principal components."


def _followed(component: int, rows: pd.DataFrame) -> str:
    """What a component goes with beyond chance: references have different nulls, so their p decides and not their r."""
    rows = rows.assign(size=rows["r"].abs()).sort_values(["p_familywise", "p", "size"], ascending=[True, True, False])
    top = rows.iloc[0]
    sources = rows["reference"].str.rsplit(" ", n=1).str[0].nunique()
    random = "random poles" if str(top["reference"]).startswith(("post ", "own ")) else "shuffled ratings"
    numbers = (
        f"r = {number(top['r'])}; {random} give 95 % within ±{number(top['null_95'])}, {p_value(top['p'])}, over "
        f"layers, components and scales {p_value(top['p_familywise'])}"
    )
    # One family for each source of references, and the smallest p of all is shown.
    if top["p_familywise"] * sources < ALPHA:
        return f"component {component} goes with {top['reference']} beyond chance ({numbers})"
    return f"component {component} goes with nothing tried beyond chance (nearest to it {top['reference']}: {numbers})"


def lens(study: StudyTables) -> str:
    """How often the lens names the emotion."""
    table = study.tables.get("lens_hits")
    if table is None:
        return "The tokens that each vector points to most."
    table = table[
        table["word_language"] == ("any" if "any" in set(table["word_language"]) else table["word_language"].iloc[0])
    ]
    k = 10 if 10 in set(table["k"]) else int(table["k"].max())
    layer, rows = at_layer(table[table["k"] == k], study.layer)
    parts: list[str] = []
    for language in study.languages:
        own = rows[rows["language"] == language].set_index("lens")
        each = [
            f"{number(own['hit_rate'][name])} with the {name} lens (chance {chance(own['chance'][name])})"
            for name in ("raw", "cleaned")
            if name in own.index
        ]
        if each:
            parts.append(f"{_and(each)} for {language_name(language)}")
    where = f"a word for the emotion is among the top {k} tokens for a share of"
    return f"At layer {layer} {where} {'; '.join(parts)}."


def outliers(study: StudyTables) -> str:
    """How much of the energy the strongest dimension holds at each step, and where in the text that energy lies."""
    layer, rows = at_layer(study.tables["outliers"], study.layer)
    tokens = study.tables.get("outlier_tokens")
    parts: list[str] = []
    for language in study.languages:
        own = rows[(rows["language"] == language) & (rows["rank"] == 1)]
        shares = [
            f"{number(100 * row['energy_share'], 0)} % of the {KIND_NAMES[kind]} vectors' "
            f"(dimension {row['dimension']})"
            for kind in KINDS
            for _, row in own[(own["kind"] == kind) & (own["variant"] == "raw")].iterrows()
        ]
        if shares:
            standardised = own[(own["variant"] == "standardised") & (own["kind"] == kinds(own)[-1])]["energy_share"]
            after = [f"{number(100 * share, 1)} % of the last once standardised" for share in standardised]
            parts.append(f"in {language_name(language)} {_and(shares + after)}")
    where = f"At layer {layer} the strongest dimension holds this much of the energy"
    sentence = f"{where}: {'; '.join(parts)}" if parts else f"Energy in single dimensions at layer {layer}"
    if tokens is not None:
        _, near = at_layer(tokens, study.layer)
        starts = [
            f"{language_name(language)} {100 * at_first(own[own['dimension'] == own['dimension'].iloc[0]]):.0f} %"
            for language in study.languages
            if len(own := near[near["language"] == language])
        ]
        if starts:
            sentence += (
                f"; of the energy of the centred vectors' strongest dimension over all tokens, the start of the texts "
                f"holds: {', '.join(starts)}"
            )
    return sentence + "."
