"""The sections of the report, found in this folder, and what a study has for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from emovec.report import page_tables
from emovec.report.charts import Chart, Listing
from emovec.report.page_tables import Rows
from emovec.report.section import Section, from_tables
from emovec.steering.experiments.registry import EXPERIMENTS
from emovec.study.results import StudyTables, read_study, stage_of


def _found() -> list[Section]:
    names = [module.name for module in iter_modules([str(Path(__file__).parent)]) if module.name != "registry"]
    return [import_module(f"emovec.report.sections.{name}").SECTION for name in names]


SECTIONS: list[Section] = sorted(_found(), key=lambda section: section.place)
"""The read-outs in the order of the page: one of each file of this folder."""


@dataclass(frozen=True)
class ReadOut:
    """A section filled by a study.

    Attributes:
        finding: with numbers; empty where the tables for it are missing.
        exhibits: figures and switchable tables, in order.
        rows: the tables behind them.
        missing: why there is nothing to show, or what part is missing.
    """

    section: Section
    finding: str
    exhibits: Sequence[Chart | Listing]
    rows: Sequence[Rows]
    missing: Sequence[str]


def read_outs(study: StudyTables) -> list[ReadOut]:
    """Fill every section; a missing table leaves a note, unless nobody asked for its experiment."""
    passed_over = {
        table
        for name, experiment in EXPERIMENTS.items()
        if name not in study.config.steering.experiments and name not in study.analyses
        for table in experiment.tables
    }
    asked = [one for one in SECTIONS if not one.setting or getattr(study.config.geometry, one.setting) is not None]
    return [_read_out(section, study) for section in asked if not passed_over.issuperset(section.tables)]


def headlines(study: StudyTables) -> list[tuple[Section, str]]:
    """The main findings of a study, each with its section, in the order of the page."""
    return [(section, said) for section in SECTIONS if section.headline and (said := _finding(section, study))]


def findings_of(folder: Path, experiment: str, results: Path | None = None) -> list[str]:
    """What the report would say of one steering experiment, section by section; its results may lie elsewhere."""
    study, tables = read_study(folder, ["steering"], results), set(EXPERIMENTS[experiment].tables)
    found = [section for section in SECTIONS if tables & set(section.tables)]
    # Several read-outs of an experiment may lack their rows for the same reason.
    said = [_finding(section, study) or " ".join(_missing(section, study)) for section in found]
    return list(dict.fromkeys(said))


def charts_of(found: Sequence[ReadOut]) -> list[Chart]:
    """Every chart of the page, in order: those that are also drawn for papers."""
    return [exhibit for each in found for exhibit in each.exhibits if isinstance(exhibit, Chart)]


def _finding(section: Section, study: StudyTables) -> str:
    return from_tables(section.finding, study) or ""


def _read_out(section: Section, study: StudyTables) -> ReadOut:
    exhibits = [found for write in section.exhibits if (found := from_tables(write, study)) and found.frames]
    rows = [found for name in section.tables if (found := page_tables.rows_behind(study, name)) is not None]
    return ReadOut(section, _finding(section, study), exhibits, rows, _missing(section, study))


def _missing(section: Section, study: StudyTables) -> list[str]:
    notes = [_absence(name, section, study) for name in section.tables if name not in study.tables]
    if any(name in study.tables for name in section.tables):
        notes += _left_out(section, study)
    return list(dict.fromkeys(notes))


def _left_out(section: Section, study: StudyTables) -> list[str]:
    """What an experiment says that it left out, such as languages; in the first of its sections."""
    return [
        str(study.summaries[name]["note"])
        for name, experiment in EXPERIMENTS.items()
        if next(iter(experiment.tables)) in section.tables and "note" in study.summaries.get(name, {})
    ]


def _absence(name: str, section: Section, study: StudyTables) -> str:
    """Why a table is missing: in the analysis's own words where it left some."""
    if section.across and len(study.languages) < 2:
        return "This section compares languages, but the study has only one."
    said = [
        record["summary"]["note"]
        for record in study.analyses.values()
        if name in record.get("tables", ()) and "note" in record.get("summary", {})
    ]
    stage = stage_of(name)
    if name in study.empty:
        return said[0] if said else f"There is nothing to show in {stage}/{name}.parquet."
    return f"There is no {stage}/{name}.parquet, so that part of “{section.title}” is left out."
