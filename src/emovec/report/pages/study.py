"""`write_report`: a study's tables as one self-contained page, with its figures for papers beside it."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.models.locate import model_name
from emovec.report import run_facts
from emovec.report.charts import Chart, Listing
from emovec.report.draw import plotly_page
from emovec.report.draw.films import films, write_films
from emovec.report.draw.matplotlib_paper import frames_for_papers, write_figures
from emovec.report.sections.registry import ReadOut, charts_of, headlines, read_outs
from emovec.report.style import language_name
from emovec.study.results import StudyTables, read_study


def write_report(
    study_dir: Path, *, track: Callable[[str, int], AbstractContextManager[Callable[[int], None]]] | None = None
) -> Path:
    """Write `report.html` and `figures/*.svg, *.png` into a study folder, from nothing but what lies in it.

    Maps that move stand beside them as `*.gif`. The same tables always give the same bytes. The page needs no network;
    a missing table leaves a note in its section.

    Args:
        study_dir: the study's folder.
        track: shows progress: called with a description and a size, gives a function that is called with 1 after each
            figure for papers and each film, and once for the page.

    Returns:
        The path of the page.

    Raises:
        EmovecError: if there is no such study, a file in it is broken, or the disk refuses the report.
    """
    study_dir = Path(study_dir)
    if not study_dir.is_dir():
        raise EmovecError(f"{study_dir}: no such folder; give that of a study's results.")
    study = read_study(study_dir)
    found = read_outs(study)
    charts = charts_of(found)
    moving = films(charts)
    page = study_dir / "report.html"
    total = 1 + sum(1 for _ in frames_for_papers(charts)) + len(moving)
    with track("Drawing the report", total) if track else nullcontext(_untold) as advance:
        write_figures(charts, study_dir / "figures", advance)
        write_films(moving, study_dir / "figures", advance)
        write_bytes(page, render(study, found).encode())
        advance(1)
    return page


def render(study: StudyTables, found: Sequence[ReadOut]) -> str:
    """The page's HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = _template("report.js").replace("FONT_FAMILY", json.dumps(plotly_page.FONT))
    return environment.from_string(_template("report.html.j2")).render(
        study=study,
        model=model_name(study.config.model),
        read_outs=found,
        exhibit_json=exhibit_json,
        paper_names=_paper_names,
        film_names=_film_names,
        language_name=language_name,
        facts=run_facts.facts(study),
        skipped=run_facts.skipped(study),
        skipped_sentence=run_facts.skipped_sentence(study),
        provenance=run_facts.provenance_rows(study),
        headlines=headlines(study),
        css=Markup(_template("report.css")),
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
        script=Markup(script),
    )


def exhibit_json(exhibit: Chart | Listing) -> Markup:
    """A figure's data for a script element: no text in it can end the element or start another."""
    data = plotly_page.figure_data(exhibit) if isinstance(exhibit, Chart) else plotly_page.listing_data(exhibit)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _template(name: str) -> str:
    return (files("emovec.report") / "templates" / name).read_text(encoding="utf-8")


def _paper_names(exhibit: Chart | Listing) -> list[str]:
    return [name for name, _ in frames_for_papers([exhibit])] if isinstance(exhibit, Chart) else []


def _film_names(exhibit: Chart | Listing) -> list[str]:
    return [film.name for film in films([exhibit])] if isinstance(exhibit, Chart) else []


def _untold(_done: int) -> None:
    pass
