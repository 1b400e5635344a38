"""What a section of the report is made of, before a study fills it."""

from collections.abc import Callable
from dataclasses import dataclass

from emovec.report.charts import Chart, Listing
from emovec.study.results import StudyTables


@dataclass(frozen=True)
class Plan:
    """One read-out of the report.

    Attributes:
        tables: those that it rests on, the one of its finding first.
        finding: writes its opening sentence, with numbers.
        exhibits: draw its figures and listings; None where the study has not what they need.
        reading: how to read it.
        misleading: what would make it misleading.
        across: whether it takes two languages.
        partial: whether the finding makes do without the first table.
    """

    anchor: str
    title: str
    tables: tuple[str, ...]
    finding: Callable[[StudyTables], str]
    exhibits: tuple[Callable[[StudyTables], Chart | Listing | None], ...]
    reading: str
    misleading: str
    across: bool = False
    partial: bool = False
