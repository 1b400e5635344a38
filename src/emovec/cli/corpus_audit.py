"""The deeper part of `emovec corpus check`: scores, the page, and repaired copies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from emovec.cli.progress import track
from emovec.cli.show import console, say, show_frame, show_table, with_options

if TYPE_CHECKING:
    import pandas as pd

    from emovec.corpus.load import Corpus
    from emovec.corpus.quality.audit import AuditReport
    from emovec.corpus.quality.check import CheckReport


_NOTABLE = 0.1


@dataclass(frozen=True)
class Asked:
    """What the command line asked for beside the plain checks.

    Attributes:
        source: the study or the texts, as given.
        page: where the page goes, if it is wanted.
        fix: whether offenders are to be taken out.
        out: where repaired texts go.
        rules: names of rules, or none for the default ones.
        overwrite: whether files may be replaced.
        synonyms: a list of synonyms to use instead of the package's.
        similar: from which Jaccard similarity on texts are near duplicates.
    """

    source: str
    page: Path | None
    fix: bool
    out: Path | None
    rules: list[str] | None
    overwrite: bool
    synonyms: Path | None
    similar: float

    def check(self) -> None:
        """Refuse what can't be done before any work is done.

        Raises:
            EmovecError: if options don't go together or a rule is unknown.
        """
        from emovec.corpus.generation.repair import RULES
        from emovec.errors import EmovecError
        from emovec.targets import PAGE, require_file

        if (self.out or self.rules) and not self.fix:
            raise EmovecError("--out and --rule say what --fix does; give --fix as well.")
        if self.fix and not self.out and self.generated is None:
            raise EmovecError(
                "--fix: say where the repaired texts go with --out FILE.jsonl or --out FOLDER; yours stay as they are."
            )
        if self.page:
            require_file(self.page, PAGE, overwrite=self.overwrite, inputs=[Path(self.source)])
        for rule in self.rules or ():
            if rule not in RULES:
                raise EmovecError(f"--rule: no rule '{rule}'; there are {', '.join(RULES)}.")

    @property
    def generated(self) -> Path | None:
        """The folder of generated texts of the study, if there is one."""
        from emovec.config import read_config
        from emovec.study_files import generated_texts, is_study, study_file

        if not is_study(self.source):
            return None
        file = study_file(self.source)
        folder = generated_texts(file, read_config(file))
        return folder if (folder / "answers.jsonl").exists() else None


def audit(corpus: "Corpus", asked: Asked) -> "AuditReport":
    """Audit the texts, with a bar."""
    from emovec.corpus.quality.audit import STAGES, audit_corpus
    from emovec.corpus.quality.synonyms import read_synonyms

    synonyms = read_synonyms(asked.synonyms) if asked.synonyms else None
    total = STAGES * (len(corpus.stories) + len(corpus.neutral))
    with track("Looking for repeats and confounds", total) as progress:
        return audit_corpus(corpus, synonyms=synonyms, threshold=asked.similar, progress=progress)


def print_audit(corpus: "Corpus", check: "CheckReport", report: "AuditReport", most: int | None) -> None:
    """Print what was found, at most so many rows of each, and the scores."""
    for title, frame in _tables(report):
        show_frame(frame, title, most=most)
    columns = ("language", "check", "", "score", "finding")
    show_table(columns, _score_rows(corpus, check, report), "Scores of 100")
    _print_surface(report)


def _tables(report: "AuditReport") -> "list[tuple[str, pd.DataFrame]]":
    """What is printed as listings, with its title."""
    near = report.near_duplicates
    tied = report.confounds
    tied = tied[(tied["eta2"] - tied["eta2_chance"] > _NOTABLE) & (tied["p"] < 0.05)]
    motifs = report.motifs.groupby(["language", "emotion"], sort=False).head(1)
    return [
        ("Nearly equal texts", near[near["jaccard"] < 1].drop(columns="nearest")),
        ("Stories that use a near synonym of their emotion", report.synonyms),
        ("Markup and other leftovers", report.leftovers),
        ("Repeated openings", report.openings),
        ("Recurring names", report.names),
        ("Foremost motif of an emotion", motifs[["language", "emotion", "term", "z", "share", "share_elsewhere"]]),
        (
            f"Length and punctuation that go with the emotion (eta² {_NOTABLE} beyond chance, p < 0.05)",
            tied[["language", "feature", "eta2", "eta2_chance", "p", "lowest", "highest"]],
        ),
    ]  # fmt: skip


def _score_rows(corpus: "Corpus", check: "CheckReport", report: "AuditReport") -> list[tuple[object, ...]]:
    """Language, check, mark, score and finding of each check."""
    from emovec.corpus.quality.scores import NOT_JUDGED, scores

    table = scores(corpus, check, report)
    return [
        (
            row["language"],
            row["check"],
            row["mark"],
            "–" if row["mark"] == NOT_JUDGED else f"{row['score']:.1f}",
            row["finding"],
        )
        for row in table.to_dict("records")
    ]


def _print_surface(report: "AuditReport") -> None:
    """What the surface alone shows, a sentence for each language."""
    from emovec.corpus.quality.scores import surface_clause

    for _, row in report.surface[report.surface["features"] == "all"].iterrows():
        console.print(Text(f"Surface alone, {row['language']}: {surface_clause(row)}; {row['folds']}.", style="bold"))
    for sentence in report.unjudged:
        console.print(Text(f"Not judged: {with_options(sentence, ['synonyms'])}", style="dim"))


def write_page(corpus: "Corpus", check: "CheckReport", report: "AuditReport", asked: Asked) -> None:
    """Write the page, if it was asked for."""
    if asked.page is None:
        return
    from emovec.files import write_bytes
    from emovec.report.pages.corpus import render

    write_bytes(asked.page, render(asked.source, corpus, check, report).encode())
    say(f"Page: {asked.page}")


def fix(corpus: "Corpus", check: "CheckReport", report: "AuditReport", asked: Asked) -> None:
    """Take offenders out, if that was asked for, and say which and why."""
    if not asked.fix:
        return
    from emovec.corpus.generation.repair import DEFAULT_RULES, RULES, offenders, write_repaired

    rules = tuple(rule for rule in RULES if rule in (asked.rules or DEFAULT_RULES))
    dropped = offenders(corpus, check, report, rules)
    gone = dropped["id"].nunique()
    total = len(corpus.stories) + len(corpus.neutral)
    console.print(
        Text(f"{gone:,} of {total:,} texts dropped, {total - gone:,} stay (rules: {', '.join(rules)})", style="bold")
    )
    for rule, n in dropped["rule"].value_counts().items():
        console.print(Text(f"  {n:,} {RULES[str(rule)]}"))
    left = {(s.language, s.emotion, s.topic) for s in corpus.stories if s.id not in set(dropped["id"])}
    emptied = {(s.language, s.emotion, s.topic) for s in corpus.stories} - left
    if emptied:
        console.print(Text(f"  {len(emptied):,} pairs of emotion and topic have no story any more", style="yellow"))
    if asked.out is not None:
        for file in write_repaired(corpus, dropped, asked.out, overwrite=asked.overwrite):
            say(f"Written: {file}")
    if asked.generated is not None:
        _take_back(asked.generated, dropped, asked)


def _take_back(folder: Path, dropped: "pd.DataFrame", asked: Asked) -> None:
    """Take those of the dropped texts that were generated out of the study's, and tell of the others."""
    from emovec.commands import command
    from emovec.corpus.generation.repair import take_back

    n, listing = take_back(folder, dropped)
    if n:
        console.print(Text(f"{n:,} taken out of {folder} at once; reasons: {listing}"))
        again = command("corpus", "generate", asked.source)
        say(f"To have others written in their place: {again}", "bold")
    others = dropped["id"].nunique() - n
    if others and asked.out is None:
        said = f"{others:,} of them are no texts of {folder}, and stay as they are; --out writes a copy without them."
        console.print(Text(said, style="yellow"))
