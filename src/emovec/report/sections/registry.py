"""The sections of the report: for each read-out its finding, figures, rows, and how to read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emovec.report import page_tables
from emovec.report.charts import Chart, Listing
from emovec.report.page_tables import Rows
from emovec.report.section_plan import Plan
from emovec.report.sections import (
    affect,
    alignment,
    calibration,
    confusion,
    controls,
    distances,
    geodesic,
    implicit,
    intensity,
    languages,
    manifold,
    preference_probe,
    preferences,
    published,
    robustness,
    rules,
    stability,
    uncertainty,
)
from emovec.steering.experiments.registry import EXPERIMENTS
from emovec.study.results import StudyTables, read_study, stage_of


@dataclass(frozen=True)
class Section:
    """One read-out on the page.

    Attributes:
        finding: one sentence with numbers; empty where the table is missing.
        exhibits: figures and switchable tables, in order.
        rows: the tables behind them.
        reading: how to read it.
        misleading: what would make it misleading.
        missing: why there is nothing to show, or what part is missing.
    """

    anchor: str
    title: str
    finding: str
    exhibits: Sequence[Chart | Listing]
    rows: Sequence[Rows]
    reading: str
    misleading: str
    missing: Sequence[str]


_ORDER = (
    *(
        "decoding",
        "confusion",
        "rsa",
        "uncertainty",
        "controls",
        "robustness",
        "crosslingual",
        "distances",
        "languages",
    ),
    *("cosine", "clusters", "stability", "pca", "affect", "affect-components", "procrustes", "geodesic", "manifold"),
    *("cross-layer", "lens", "outliers"),
    *("implicit", "intensity", "calibration", "calibration-languages"),
    *("preferences", "preference-probe"),
    "rules",
)
PLANS = sorted(
    (
        *published.PLANS,
        *uncertainty.PLANS,
        *controls.PLANS,
        *robustness.PLANS,
        *distances.PLANS,
        *languages.PLANS,
        *stability.PLANS,
        *confusion.PLANS,
        *affect.PLANS,
        *alignment.PLANS,
        *geodesic.PLANS,
        *manifold.PLANS,
        *preferences.PLANS,
        *preference_probe.PLANS,
        *rules.PLANS,
        *implicit.PLANS,
        *calibration.PLANS,
        *intensity.PLANS,
    ),
    key=lambda plan: _ORDER.index(plan.anchor),
)
"""The read-outs in the order of the page."""


def sections(study: StudyTables) -> list[Section]:
    """Build every read-out's section; a missing table leaves a note, unless nobody asked for its experiment."""
    passed_over = {
        table
        for name, experiment in EXPERIMENTS.items()
        if name not in study.config.steering.experiments and name not in study.analyses
        for table in experiment.tables
    }
    return [_section(plan, study) for plan in PLANS if not passed_over.issuperset(plan.tables)]


def steering_headlines(study: StudyTables) -> list[str]:
    """What each steering experiment found, in one sentence."""
    found = [_of(study, name) for name in EXPERIMENTS if name in study.analyses]
    return [sentences[0] for sentences in found if sentences]


def findings_of(folder: Path, experiment: str, results: Path | None = None) -> list[str]:
    """What the report would say of one steering experiment, section by section; its results may lie elsewhere."""
    return _of(read_study(folder, ["steering"], results), experiment)


def _of(study: StudyTables, experiment: str) -> list[str]:
    tables = set(EXPERIMENTS[experiment].tables)
    found = [_section(plan, study) for plan in PLANS if tables & set(plan.tables)]
    # Several read-outs of an experiment may lack their rows for the same reason.
    return list(dict.fromkeys(section.finding or " ".join(section.missing) for section in found))


def _section(plan: Plan, study: StudyTables) -> Section:
    notes = list(dict.fromkeys(_absence(name, plan, study) for name in plan.tables if name not in study.tables))
    if any(name in study.tables for name in plan.tables):
        notes += [said for said in _left_out(plan, study) if said not in notes]
    exhibits = [exhibit for build in plan.exhibits if (exhibit := build(study)) is not None]
    rows = [found for name in plan.tables if (found := page_tables.rows_behind(study, name)) is not None]
    main_there = bool(exhibits) and any(name in study.tables for name in plan.tables)
    finding = plan.finding(study) if main_there and (plan.partial or plan.tables[0] in study.tables) else ""
    return Section(plan.anchor, plan.title, finding, exhibits, rows, plan.reading, plan.misleading, notes)


def _left_out(plan: Plan, study: StudyTables) -> list[str]:
    """What an experiment says that it left out, such as languages; in the first of its sections."""
    return [
        str(study.summaries[name]["note"])
        for name, experiment in EXPERIMENTS.items()
        if experiment.tables[0] in plan.tables and "note" in study.summaries.get(name, {})
    ]


def _absence(name: str, plan: Plan, study: StudyTables) -> str:
    """Why a table is missing: in the analysis's own words where it left some."""
    if plan.across and len(study.languages) < 2:
        return "This read-out compares languages, and the study has one."
    said = [
        record["summary"]["note"]
        for record in study.analyses.values()
        if name in record.get("tables", ()) and "note" in record.get("summary", {})
    ]
    stage = stage_of(name)
    if name in study.empty:
        return said[0] if said else f"There is nothing to show in {stage}/{name}.parquet."
    return f"There is no {stage}/{name}.parquet, so that part of “{plan.title}” is left out."


def charts_of(found: Sequence[Section]) -> list[Chart]:
    """Every chart of the page, in order: those that are also drawn for papers."""
    return [exhibit for section in found for exhibit in section.exhibits if isinstance(exhibit, Chart)]
