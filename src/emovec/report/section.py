"""What a section of the report is made of, and how it takes its tables from a study."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from emovec.report.charts import Chart, Listing
from emovec.report.selection import Selection
from emovec.study.results import StudyTables

T = TypeVar("T")


@dataclass(frozen=True)
class Section:
    """One read-out of the report: what its author writes, and each file of `sections/` has one named `SECTION`.

    The finding and the exhibits take the tables that they need as parameters of the tables' names, and the study as
    `study` where they need more. One whose table is missing is left out, unless the parameter has the default None;
    one that takes the study alone decides by itself.

    Attributes:
        place: on the page; 100 to 199 is what stories tell, 200 languages, 300 the map of the emotions, 400 layers,
            500 steering.
        anchor: of its heading, for links.
        tables: whose rows stand below its figures; it says which are missing.
        finding: writes its opening sentences, with numbers; "" where there is nothing to say.
        exhibits: draw its figures and switchable tables.
        reading: how to read it.
        misleading: what would make it misleading.
        headline: whether the finding stands at the head of the page too, on the command line and in a model card.
        across: whether it takes two languages.
        setting: of the geometry, without which nobody has asked for it.
    """

    place: int
    anchor: str
    title: str
    tables: tuple[str, ...]
    finding: Callable[..., str]
    exhibits: tuple[Callable[..., Chart | Listing | None], ...]
    reading: str
    misleading: str
    headline: bool = False
    across: bool = False
    setting: str = ""


def from_tables(write: Callable[..., T], study: StudyTables) -> T | None:
    """Call a finding or an exhibit with the tables that it names; None if one that it needs is missing."""
    asked = inspect.signature(write).parameters
    named = [name for name in asked if name != "study"]
    given: dict[str, Any] = {name: Selection(study, name, study.tables[name]) for name in named if name in study.tables}
    if any(name not in given and asked[name].default is inspect.Parameter.empty for name in named):
        return None
    if named and not given:
        return None
    return write(**given | ({"study": study} if "study" in asked else {}))
