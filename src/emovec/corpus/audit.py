"""The quality of a corpus: what recurs in it, what its surface gives away, and a score for each check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from emovec.corpus.check import CheckReport
from emovec.corpus.confounds import LENGTHS, confounds
from emovec.corpus.leftovers import leftovers
from emovec.corpus.lexicon import base_language
from emovec.corpus.load import Corpus
from emovec.corpus.motifs import motifs, names, openings
from emovec.corpus.near_duplicates import THRESHOLD, near_duplicates
from emovec.corpus.story import Story
from emovec.corpus.surface import predict_from_surface
from emovec.corpus.synonyms import Synonyms, load_synonyms, synonyms_in

STAGES = 6
"""How many times a text is gone through, for progress."""

GOOD, FAIR = {"texts": 98.0, "corpus": 80.0}, {"texts": 90.0, "corpus": 50.0}
"""The least scores marked ✓ and △, for checks of single texts and of the corpus as a whole; below: ✗."""


@dataclass(frozen=True)
class AuditReport:
    """What `audit_corpus` found.

    Attributes:
        near_duplicates: see `near_duplicates`; stories and neutral texts.
        synonyms: `language, emotion, id, words` of stories that use a near synonym of their own emotion.
        leftovers: `kind, language, id, leftover, example` of texts with something of their making left in them.
        openings: see `openings`.
        names: see `names`.
        motifs: see `motifs`.
        confounds: see `confounds`.
        surface: see `predict_from_surface`.
        unjudged: what could not be judged, one sentence each.
    """

    near_duplicates: pd.DataFrame
    synonyms: pd.DataFrame
    leftovers: pd.DataFrame
    openings: pd.DataFrame
    names: pd.DataFrame
    motifs: pd.DataFrame
    confounds: pd.DataFrame
    surface: pd.DataFrame
    unjudged: list[str]

    @property
    def n_findings(self) -> int:
        """Near duplicates that are not equal (`check_corpus` lists those), texts with leftovers, repeated openings.

        Synonyms don't count: whether a word stands in for the emotion's is for the reader to say.
        """
        near = int((self.near_duplicates["jaccard"] < 1).sum())
        return near + int(self.leftovers["id"].nunique()) + len(self.openings)


def audit_corpus(
    corpus: Corpus,
    *,
    synonyms: Synonyms | None = None,
    threshold: float = THRESHOLD,
    permutations: int = 199,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> AuditReport:
    """Look for what recurs in a corpus and for what its surface gives away, language by language.

    Args:
        corpus: the texts.
        synonyms: from `load_synonyms`; by default the list of the package.
        threshold: Jaccard similarity (0–1) from which on two texts are nearly the same.
        permutations: shuffles of the test of confounds.
        seed: of shuffles and folds.
        progress: called with numbers of texts that add up to `STAGES` times all texts.
    """
    synonyms = load_synonyms() if synonyms is None else synonyms
    told = progress or _silent
    parts: dict[str, list[pd.DataFrame]] = {}
    unjudged: list[str] = []

    def add(name: str, frame: pd.DataFrame) -> None:
        parts.setdefault(name, []).append(frame)

    for language, stories, neutral in _by_language(corpus):
        texts = [*stories, *neutral]
        add("near_duplicates", near_duplicates(texts, language, threshold))
        told(len(texts))
        add("synonyms", _synonyms(stories, synonyms))
        add("leftovers", _leftovers(stories, neutral))
        told(len(texts))
        add("openings", openings(stories, language))
        found, reason = names(stories, language)
        add("names", found)
        unjudged.extend([reason] if reason else [])
        told(len(texts))
        add("motifs", motifs(stories, language))
        told(len(texts))
        add("confounds", confounds(stories, language, permutations=permutations, seed=seed))
        told(len(texts))
        add("surface", predict_from_surface(stories, language, seed=seed))
        told(len(texts))
        unlisted = sorted({s.emotion for s in stories if (base_language(language), s.emotion) not in synonyms})
        if unlisted:
            some = ", ".join(unlisted[:3]) + (f" and {len(unlisted) - 3} more" if len(unlisted) > 3 else "")
            unjudged.append(f"'{language}': no synonyms are listed for {some}; --synonyms takes a list of yours.")
    frames = {name: _stacked(part) for name, part in parts.items()} or _empty()
    frames["near_duplicates"] = _numbered(frames["near_duplicates"])
    return AuditReport(**frames, unjudged=unjudged)


def scores(corpus: Corpus, check: CheckReport, audit: AuditReport) -> pd.DataFrame:
    """A score from 0 to 100 for each check and language: 100 is best.

    Checks of single texts score the percentage of texts they find no fault with. Those of the corpus as a whole:
    balance, the percentage of cells that have stories; names, 100 less the percentage of stories with the commonest;
    motifs, 100 less how many more percent of an emotion's stories than of others have its foremost motif, on average;
    length and punctuation, 100 less the largest percentage of a feature's variance that emotions explain beyond chance;
    surface, 100 less the percentage of the way from chance to certainty that decoding from the surface gets.

    Returns:
        Columns language, check, score, mark (✓, △, ✗ by `GOOD` and `FAIR`), n_found, finding (a clause).
    """
    rows: list[tuple[str, str, float, str, int, str]] = []

    def add(kind: str, name: str, score: float, n: int, finding: str) -> None:
        score = float(np.clip(score, 0, 100))
        mark = "✓" if score >= GOOD[kind] else "△" if score >= FAIR[kind] else "✗"
        rows.append((language, name, score, mark, n, finding))

    for language, stories, neutral in _by_language(corpus):
        n_texts, n_stories = len(stories) + len(neutral), len(stories)
        if not n_stories:
            continue
        own = {name: frame[frame["language"] == language] for name, frame in vars(audit).items() if name != "unjudged"}
        of_check = {
            name: frame[frame["language"] == language]
            for name in ("too_short", "named", "script", "duplicates", "balance", "tokens")
            if len(frame := getattr(check, name))
        }

        def found(name: str, of_check: dict[str, pd.DataFrame] = of_check) -> int:
            return of_check[name]["id"].nunique() if name in of_check else 0

        if "tokens" in of_check:
            n = found("too_short")
            add("texts", "length", 100 * (1 - n / n_texts), n, f"{n} of {n_texts} texts end before the offset")
        n = found("script")
        add("texts", "script", 100 * (1 - n / n_texts), n, f"{n} of {n_texts} texts in another script")
        n = found("named")
        add("texts", "named emotion", 100 * (1 - n / n_stories), n, f"{n} of {n_stories} stories name their emotion")
        n = len(own["synonyms"])
        add("texts", "synonyms", 100 * (1 - n / n_stories), n, f"{n} of {n_stories} stories use a near synonym")
        near = own["near_duplicates"]
        n, across = len(near), int((near["scope"] == "across").sum())
        clause = f"{n} of {n_texts} texts have a near duplicate, {across} of them under several emotions"
        add("texts", "near duplicates", 100 * (1 - n / n_texts), n, clause)
        n = own["leftovers"]["id"].nunique()
        add("texts", "leftovers", 100 * (1 - n / n_texts), n, f"{n} of {n_texts} texts hold markup, labels or the like")
        n = int(own["openings"]["n_stories"].sum())
        add("texts", "openings", 100 * (1 - n / n_stories), n, f"{n} of {n_stories} stories share their first words")
        if len(own["names"]):
            first = own["names"].iloc[0]
            clause = f"‘{first['name']}’ in {first['n_stories']} stories; names that recur: {len(own['names'])}"
            add("corpus", "names", 100 * (1 - float(first["share"])), len(own["names"]), clause)
        foremost = own["motifs"].groupby("emotion").first()
        n_emotions = len({story.emotion for story in stories})
        gap = float((foremost["share"] - foremost["share_elsewhere"]).sum() / n_emotions)
        clause = f"{len(own['motifs'])} phrases belong to one emotion, in {len(foremost)} of {n_emotions} emotions"
        add("corpus", "motifs", 100 * (1 - gap), len(own["motifs"]), clause)
        if "balance" in of_check:
            cells = check.counts[check.counts["language"] == language]
            empty = int(of_check["balance"]["empty_cells"].sum())
            n_cells = empty + len(cells[cells["emotion"] != "neutral"])
            add("corpus", "balance", 100 * (1 - empty / n_cells), empty, f"{empty} of {n_cells} cells are empty")
        is_length = own["confounds"]["feature"].isin(LENGTHS)
        for name, part in (("length by emotion", is_length), ("punctuation by emotion", ~is_length)):
            rows_of = own["confounds"][part]
            if len(rows_of):
                worst = rows_of.iloc[0]
                beyond = (worst["eta2"] - worst["eta2_chance"]) / (1 - worst["eta2_chance"])
                clause = f"{worst['feature']}: emotions explain {worst['eta2']:.0%} (chance {worst['eta2_chance']:.0%})"
                add("corpus", name, 100 * (1 - beyond), int((rows_of["p"] < 0.05).sum()), clause)
        surface = own["surface"][own["surface"]["features"] == "all"]
        if len(surface):
            row = surface.iloc[0]
            way = (row["accuracy"] - row["chance"]) / (1 - row["chance"]) if row["chance"] < 1 else 0.0
            add("corpus", "surface control", 100 * (1 - way), int(row["n_stories"]), surface_clause(row))
    return pd.DataFrame(rows, columns=pd.Index(["language", "check", "score", "mark", "n_found", "finding"]))


def surface_clause(row: "pd.Series[float]") -> str:
    """The control's number in words, from a row of `AuditReport.surface`."""
    return (
        f"length, punctuation and words tell the emotion in {row['accuracy']:.0%} of stories "
        f"(95% interval {row['low']:.0%}–{row['high']:.0%}; chance {row['chance']:.1%})"
    )


def _silent(done: int) -> None:
    """Tell nobody."""


def _by_language(corpus: Corpus) -> Iterator[tuple[str, list[Story], list[Story]]]:
    for language in dict.fromkeys(story.language for story in [*corpus.stories, *corpus.neutral]):
        yield (
            language,
            [story for story in corpus.stories if story.language == language],
            [story for story in corpus.neutral if story.language == language],
        )


def _synonyms(stories: Sequence[Story], synonyms: Synonyms) -> pd.DataFrame:
    rows = [
        (story.language, story.emotion, story.id, ", ".join(words))
        for story in stories
        if (words := synonyms_in(story.text, story.language, story.emotion, synonyms))
    ]
    return pd.DataFrame(rows, columns=pd.Index(["language", "emotion", "id", "words"]))


def _leftovers(stories: Sequence[Story], neutral: Sequence[Story]) -> pd.DataFrame:
    rows = [
        (kind, story.language, story.id, leftover, example)
        for kind, texts in (("stories", stories), ("neutral", neutral))
        for story in texts
        for leftover, example in leftovers(story.text).items()
    ]
    return pd.DataFrame(rows, columns=pd.Index(["kind", "language", "id", "leftover", "example"]))


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    full = [frame for frame in frames if len(frame)]
    return pd.concat(full, ignore_index=True) if full else frames[0]


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Groups numbered through all languages."""
    if frame.empty:
        return frame
    keys = pd.Series(list(zip(frame["language"], frame["group"], strict=True)))
    return frame.assign(group=pd.factorize(keys)[0] + 1)


def _empty() -> dict[str, pd.DataFrame]:
    from emovec.corpus import confounds as c
    from emovec.corpus import motifs as m
    from emovec.corpus import near_duplicates as n
    from emovec.corpus import surface as s

    none = {
        "near_duplicates": n.COLUMNS, "openings": m.OPENING_COLUMNS, "names": m.NAME_COLUMNS, "motifs": m.MOTIF_COLUMNS,
        "confounds": c.COLUMNS, "surface": s.COLUMNS,
    }  # fmt: skip
    frames = {name: pd.DataFrame(columns=pd.Index(columns)) for name, columns in none.items()}
    return {**frames, "synonyms": _synonyms([], {}), "leftovers": _leftovers([], [])}
