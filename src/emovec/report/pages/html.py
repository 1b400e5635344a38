"""What the HTML of every page is made of: a template, the style, and where there are figures, what draws them."""

import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from emovec.report.charts import Chart, Listing
from emovec.report.draw import plotly_page


def fill(template: str, **values: Any) -> str:
    """A page's HTML, from the name of its template and what it shows."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read(template)).render(css=Markup(_read("report.css")), **values)


def fill_with_figures(template: str, **values: Any) -> str:
    """As `fill`, for a page with charts or switchable tables; it needs no network to draw them."""
    return fill(
        template,
        exhibit_json=exhibit_json,
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
        script=Markup(_read("report.js").replace("FONT_FAMILY", json.dumps(plotly_page.FONT))),
        **values,
    )


def exhibit_json(exhibit: Chart | Listing) -> Markup:
    """A figure's data for a script element: no text in it can end the element or start another."""
    data = plotly_page.figure_data(exhibit) if isinstance(exhibit, Chart) else plotly_page.listing_data(exhibit)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _read(name: str) -> str:
    return (files("emovec.report") / "templates" / name).read_text(encoding="utf-8")
