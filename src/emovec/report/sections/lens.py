"""The logit lens: the tokens that each vector points to, and how often they name the emotion."""

from emovec.report.charts import Chart, Listing
from emovec.report.page_tables import visible
from emovec.report.section import Section
from emovec.report.selection import Selection
from emovec.report.style import chance, colour, language_name, listed, marker, number
from emovec.study.results import StudyTables

_TOKENS = 130_000
_TOP = 10


def finding(study: StudyTables, lens: Selection | None = None, lens_hits: Selection | None = None) -> str:
    """How often the lens names the emotion."""
    if not lens_hits:
        return "The tokens that each vector points to most." if lens else ""
    table = lens_hits.where(word_language=_words(lens_hits)[0])
    k = _k(table)
    rows = table.where(k=k).at_shown_layer()
    parts: list[str] = []
    for _, language, own in rows.each_language():
        by = own.by("lens")
        each = [
            f"{number(by[name]['hit_rate'])} with the {name} lens (chance {chance(by[name]['chance'])})"
            for name in ("raw", "cleaned")
            if name in by
        ]
        if each:
            parts.append(f"{listed(each)} for {language_name(language)}")
    where = f"the share of emotions with a word for them among the top {k} tokens is"
    return f"At layer {rows.layer} {where} {'; '.join(parts)}."


def _k(lens_hits: Selection) -> int:
    """How many of the best tokens count as hits, unless the reader chooses otherwise."""
    found = lens_hits.values("k")
    return _TOP if _TOP in found else max(found)


def _words(lens_hits: Selection) -> list[str]:
    """Whose words count as hits: any language's first, then each of the study's, then others."""
    found = lens_hits.values("word_language")
    known = ["any", *lens_hits.study.languages]
    return sorted(found, key=lambda word: (known.index(word) if word in known else len(known), word))


def tokens(study: StudyTables, lens: Selection) -> Listing:
    """Top and bottom tokens of each emotion's logit lens, by layer."""
    lens = lens.keep(lens["rank"] <= _TOP)
    layers = lens.layer_selector(_TOKENS * lens["layer"].nunique() // len(lens))
    position = {emotion: i for i, emotion in enumerate(study.emotions)}
    selectors = (
        layers,
        lens.language_selector("vectors of"),
        lens.selector("lens", "lens", ["cleaned", "raw"]),
        lens.selector("side", "side", ["top", "bottom"], lambda side: f"{side} tokens"),
    )
    frames: dict[tuple[str, ...], list[list[str | list[str]]]] = {}
    for key, rows in lens.each(*selectors):
        own = rows.rows.sort_values("rank").groupby("emotion", sort=False)["token"].apply(list).to_dict()
        emotions = sorted(own, key=lambda emotion: (position.get(str(emotion), len(position)), str(emotion)))
        frames[key] = [[str(emotion), [visible(str(token)) for token in own[emotion]]] for emotion in emotions]
    note = lens.kept_note(layers)
    return Listing(
        "lens-tokens", "Tokens of the logit lens, best first", selectors, ("emotion", "tokens"), frames, note
    )


def hits(lens_hits: Selection) -> Chart:
    """Share of emotions whose own word is among the top k tokens of the logit lens, by layer."""

    def name(word: str) -> str:
        return "any language" if word == "any" else language_name(word)

    selectors = (
        lens_hits.selector("k", "k", initial=_k(lens_hits), in_paper=False),
        lens_hits.selector("words of", "word_language", _words(lens_hits), name, in_paper=False),
    )
    frames = {
        key: [
            own.lines(
                f"{lens} lens",
                f"share with a hit in the top {rows.only('k')}",
                [
                    *(
                        mine.curve("hit_rate", f"{language_name(language)} vectors", colour(i), marker=marker(i))
                        for i, language, mine in own.each_language()
                    ),
                    *(
                        mine.level(mine["chance"].mean(), f"chance, {language_name(language)}", colour(i), "dot")
                        for i, language, mine in own.each_language()
                    ),
                ],
            )
            for lens in ("raw", "cleaned")
            if (own := rows.where(lens=lens))
        ]
        for key, rows in lens_hits.each(*selectors)
    }
    return Chart("lens-hits", "How often the logit lens names the emotion, by layer", selectors, frames)


SECTION = Section(
    place=420,
    anchor="lens",
    title="Logit lens",
    tables=("lens", "lens_hits"),
    finding=finding,
    exhibits=(tokens, hits),
    reading="The lens reads a vector as if it were the last hidden state and lists the tokens that it would favour. "
    "The cleaned lens first removes what all tokens have in common, and leaves out tokens that the corpus's "
    "language does not use. White space is shown as ␣.",
    misleading="Before the last third of the layers, the model may represent words in a way that the lens can't "
    "read, so a miss is no evidence of absence. A hit can come from stories that contain the word itself or a close "
    "form.",
)
