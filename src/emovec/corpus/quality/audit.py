"""The quality of a corpus: what recurs in it, what its surface gives away, and a score for each check."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from emovec.corpus.load import Corpus
from emovec.corpus.quality.boilerplate import leftovers
from emovec.corpus.quality.confounds import confounds
from emovec.corpus.quality.motifs import motifs, names, openings
from emovec.corpus.quality.near_duplicates import THRESHOLD, near_duplicates
from emovec.corpus.quality.surface import predict_from_surface
from emovec.corpus.quality.synonyms import Synonyms, listed_synonyms, synonyms_in
from emovec.corpus.story import Story
from emovec.languages.language import base_language

STAGES = 6
"""How many times a text is gone through, for progress."""


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
        without_synonyms: languages and emotions for which no synonyms are listed.
        without_names: by language, why names were not looked for.
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
    without_synonyms: frozenset[tuple[str, str]] = frozenset()
    without_names: Mapping[str, str] = field(default_factory=dict[str, str])

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
        synonyms: from `read_synonyms`; by default those of the languages' own files.
        threshold: Jaccard similarity (0–1) from which on two texts are nearly the same.
        permutations: shuffles of the test of confounds.
        seed: of shuffles and folds.
        progress: called with numbers of texts that add up to `STAGES` times all texts.
    """
    if synonyms is None:
        synonyms = listed_synonyms(story.language for story in corpus.stories)
    told = progress or _silent
    parts: dict[str, list[pd.DataFrame]] = {}
    unjudged: list[str] = []
    without_synonyms: set[tuple[str, str]] = set()
    without_names: dict[str, str] = {}

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
        if reason:
            unjudged.append(reason)
            without_names[language] = reason
        told(len(texts))
        add("motifs", motifs(stories, language))
        told(len(texts))
        add("confounds", confounds(stories, language, permutations=permutations, seed=seed))
        told(len(texts))
        add("surface", predict_from_surface(stories, language, seed=seed))
        told(len(texts))
        unlisted = sorted({s.emotion for s in stories if (base_language(language), s.emotion) not in synonyms})
        without_synonyms.update((language, emotion) for emotion in unlisted)
        if unlisted:
            some = ", ".join(unlisted[:3]) + (f" and {len(unlisted) - 3} more" if len(unlisted) > 3 else "")
            unjudged.append(f"'{language}': no synonyms are listed for {some}; `synonyms` takes a list of yours.")
    frames = {name: _stacked(part) for name, part in parts.items()} or _empty()
    frames["near_duplicates"] = _numbered(frames["near_duplicates"])
    return AuditReport(
        **frames, unjudged=unjudged, without_synonyms=frozenset(without_synonyms), without_names=without_names
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
    from emovec.corpus.quality import confounds as c
    from emovec.corpus.quality import motifs as m
    from emovec.corpus.quality import near_duplicates as n
    from emovec.corpus.quality import surface as s

    none = {
        "near_duplicates": n.COLUMNS, "openings": m.OPENING_COLUMNS, "names": m.NAME_COLUMNS, "motifs": m.MOTIF_COLUMNS,
        "confounds": c.COLUMNS, "surface": s.COLUMNS,
    }  # fmt: skip
    frames = {name: pd.DataFrame(columns=pd.Index(columns)) for name, columns in none.items()}
    return {**frames, "synonyms": _synonyms([], {}), "leftovers": _leftovers([], [])}
