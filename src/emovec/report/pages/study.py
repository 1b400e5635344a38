"""`write_report`: a study's tables as one self-contained page, with its figures for papers beside it."""

from collections.abc import Sequence
from pathlib import Path

from emovec.errors import EmovecError
from emovec.files import write_bytes
from emovec.models.locate import model_name
from emovec.progress import Track, untracked
from emovec.report import run_facts
from emovec.report.charts import Chart, Listing
from emovec.report.draw.films import films, write_films
from emovec.report.draw.matplotlib_paper import frames_for_papers, write_figures
from emovec.report.pages.html import fill_with_figures
from emovec.report.sections.registry import ReadOut, charts_of, read_outs
from emovec.report.style import language_name
from emovec.study.results import StudyTables, read_study


def write_report(study_dir: Path, *, track: Track = untracked) -> Path:
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
    with track("Drawing the report", total) as advance:
        write_figures(charts, study_dir / "figures", advance)
        write_films(moving, study_dir / "figures", advance)
        write_bytes(page, render(study, found).encode())
        advance(1)
    return page


def render(study: StudyTables, found: Sequence[ReadOut]) -> str:
    """The page's HTML."""
    return fill_with_figures(
        "report.html.j2",
        study=study,
        model=model_name(study.config.model),
        read_outs=found,
        paper_names=_paper_names,
        film_names=_film_names,
        language_name=language_name,
        facts=run_facts.facts(study),
        skipped=run_facts.skipped(study),
        skipped_sentence=run_facts.skipped_sentence(study),
        provenance=run_facts.provenance_rows(study),
        headlines=[each for each in found if each.section.headline and each.finding],
    )


def _paper_names(exhibit: Chart | Listing) -> list[str]:
    return [name for name, _ in frames_for_papers([exhibit])] if isinstance(exhibit, Chart) else []


def _film_names(exhibit: Chart | Listing) -> list[str]:
    return [film.name for film in films([exhibit])] if isinstance(exhibit, Chart) else []
