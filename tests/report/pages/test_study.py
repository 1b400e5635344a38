import base64
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from emovec.errors import EmovecError
from emovec.geometry.registry import TABLES
from emovec.report import write_report
from emovec.report.charts import Chart, HeatMap, Lines, Scatter, Scatter3D
from emovec.report.draw.films import films, write_films
from emovec.report.draw.matplotlib_paper import frames_for_papers, write_figures
from emovec.report.sections.registry import SECTIONS, ReadOut, charts_of, read_outs
from emovec.study.results import read_study
from tests.figures import only_sections, without_figures
from tests.report.synthetic import write_study

SHOWN = set(TABLES) - {name for section in SECTIONS if section.setting for name in section.tables}
"""The tables of the geometry that every study's report shows; the others are for settings that ask for them."""


class Page(HTMLParser):
    """Figures' data, rows of tables, and visible text of a report."""

    def __init__(self, path: Path):
        super().__init__()
        self.figures: dict[str, dict] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.text = ""
        self._figure = self._table = None
        self._skip = self._cell = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag in {"script", "style"}:
            self._figure, self._skip = named.get("data-figure"), True
        if tag == "table":
            self._table = named.get("data-table")
            self.rows.setdefault(self._table or "", [])
        if tag == "tr" and self._table:
            self.rows[self._table].append([])
        if tag in {"td", "th"} and self._table:
            self._cell = True
            self.rows[self._table][-1].append("")

    def handle_endtag(self, tag):
        if tag in {"script", "style"}:
            self._figure, self._skip = None, False
        if tag == "table":
            self._table = None
        if tag in {"td", "th"}:
            self._cell = False

    def handle_data(self, data):
        if self._figure:
            self.figures[self._figure] = json.loads(data)
        elif not self._skip:
            self.text += data
        if self._cell and self._table:
            self.rows[self._table][-1][-1] += data


@pytest.fixture(scope="module")
def page(study: Path) -> Page:
    return Page(study / "report.html")


@pytest.fixture(scope="module")
def found(study: Path) -> list[ReadOut]:
    """The sections of the study, read once more."""
    return read_outs(read_study(study))


@pytest.fixture(scope="module")
def figures(found: list[ReadOut], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every figure for papers and every film of the study, in a folder."""
    folder, charts = tmp_path_factory.mktemp("figures"), charts_of(found)
    write_figures(charts, folder)
    write_films(films(charts), folder)
    return folder


def table(study: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(study / "geometry" / f"{name}.parquet")


def options(figure: dict, **chosen: str) -> str:
    """The key of the frame with these options, by the labels that a reader sees; the first ones shown elsewhere."""
    return "|".join(
        str(c["labels"].index(chosen[c["name"]]) if c["name"] in chosen else c["initial"]) for c in figure["selectors"]
    )


def test_line_figures_hold_the_numbers_of_the_table(study: Path, page: Page):
    rows = table(study, "rsa").query("variant == 'standardised' and method == 'spearman'").sort_values("layer")
    frame = page.figures["rsa"]["frames"][options(page.figures["rsa"], correlation="Spearman")]
    curves = [trace for trace in frame["data"] if trace["name"].startswith("r between") and trace["xaxis"] == "x2"]
    assert len(curves) == 1
    assert curves[0]["x"] == rows["layer"].tolist()
    np.testing.assert_allclose(curves[0]["y"], rows["r"], atol=5e-5)
    hollow = [colour == "#ffffff" for colour in curves[0]["marker"]["color"]]
    assert hollow == (rows["p_familywise"] >= 0.05).tolist()


def test_cosine_heat_map_is_aligned_by_label(study: Path, page: Page):
    figure = page.figures["cosine"]
    frame = figure["frames"][options(figure, layer="4", languages="English–Japanese", vectors="raw")]
    heat = frame["data"][0]
    values = np.frombuffer(base64.b64decode(heat["packed"]["b64"]), "<i2").reshape(heat["packed"]["shape"]) / 1000
    rows = table(study, "cosine").query("variant == 'raw' and layer == 4 and language_a == 'en' and language_b == 'ja'")
    wanted = {(r.emotion_a, r.emotion_b): r.cosine for r in rows.itertuples()}
    assert len(wanted) == values.size == 64
    for i, a in enumerate(heat["y"]):
        for j, b in enumerate(heat["x"]):
            assert values[i, j] == pytest.approx(wanted[a, b], abs=6e-4)
    order = table(study, "order").query("variant == 'raw' and layer == 4 and language == 'en'").sort_values("position")
    assert heat["x"] == heat["y"] == order["emotion"].tolist()
    assert (heat["zmin"], heat["zmax"]) == (-1, 1)


def test_scatter_colours_are_the_clusters(study: Path, page: Page):
    figure = page.figures["clusters"]
    frame = figure["frames"][options(figure, layer="8", languages="English + Japanese", vectors="standardised", k="2")]
    members = table(study, "clusters").query(
        "variant == 'standardised' and layer == 8 and languages == 'en+ja' and k == 2"
    )
    places = table(study, "umap").query("variant == 'standardised' and layer == 8 and languages == 'en+ja'")
    rows = members.merge(places, on=["language", "emotion"])
    named = {"en": "English", "ja": "Japanese"}
    wanted = {
        (f"cluster {row.cluster}, {named[row.language]}", row.emotion, round(row.x, 4), round(row.y, 4))
        for row in rows.itertuples()
    }
    shown = {
        (trace["name"], *point)
        for trace in frame["data"]
        if trace["x"] != [None]
        for point in zip(trace["text"], trace["x"], trace["y"], strict=True)
    }
    assert shown == wanted
    assert len(shown) == 16


def test_findings_and_rows_speak_of_the_chosen_layer(study: Path, page: Page):
    rows = table(study, "decoding").query("layer == 8")
    shown = page.rows["decoding"]
    assert shown[0] == TABLES["decoding"].columns
    assert [line[:4] for line in shown[1:]] == [
        [str(value) for value in row[:4]] for row in rows.itertuples(index=False)
    ]
    np.testing.assert_allclose([float(line[4]) for line in shown[1:]], rows["accuracy"], rtol=1e-3)
    best = rows.query("variant == 'standardised' and train_language == 'en' and test_language == 'en'")[
        "accuracy"
    ].item()
    assert (
        f"At layer 8 held-out stories are assigned their emotion with an accuracy of {best:.2f} in English" in page.text
    )
    first = table(study, "outliers").query("variant == 'raw' and layer == 8 and language == 'ja' and rank == 1")
    by = first.set_index("kind")
    told = [
        f"{100 * by.at[kind, 'energy_share']:.0f} % for the {name} vectors (dimension {by.at[kind, 'dimension']})"
        for kind, name in (("raw", "mean"), ("centred", "centred"), ("denoised", "denoised"))
    ]
    assert f"in Japanese {', '.join(told)}" in page.text


def test_words_alone_are_weighed_by_the_error(study: Path, page: Page):
    rows = table(study, "beyond_words").query("layer == 8 and choice == 'none'").set_index("language")
    points, low, high = (100 * rows.loc["en", ["difference", "low_crossed", "high_crossed"]]).tolist()
    ends = f"{low:.1f} to {high:.1f}"
    assert f"In English the activations are {points:.1f} points above words (95 % interval for other" in page.text
    assert f"topics and emotions {ends}, p = 0.001): better than word counts" in page.text.replace("\u00a0", " ")
    assert "no better than word counts within the error" in page.text


def test_every_hit_rate_stands_beside_its_own_chance(study: Path, page: Page):
    rows = table(study, "lens_hits").query("layer == 8 and k == 10 and word_language == 'any'")
    assert rows["chance"].nunique() == 4
    for row in rows.itertuples():
        assert f"{row.hit_rate:.2f} with the {row.lens} lens (chance {row.chance:.3f})" in page.text
    frame = page.figures["lens-hits"]["frames"][options(page.figures["lens-hits"])]
    drawn = {
        (trace["name"], trace["xaxis"]): trace["y"][0] for trace in frame["data"] if trace["name"].startswith("chance")
    }
    names = {"en": "English", "ja": "Japanese"}
    assert drawn == {
        (f"chance, {names[row.language]}", "x" if row.lens == "raw" else "x2"): pytest.approx(row.chance)
        for row in rows.itertuples()
    }


def test_outliers_are_drawn_for_each_kind_of_vectors(study: Path, page: Page):
    figure = page.figures["outliers"]
    for kind, label in (("raw", "mean"), ("centred", "centred"), ("denoised", "denoised")):
        frame = figure["frames"][options(figure, **{"kind of vectors": label})]
        curve = next(
            t for t in frame["data"] if t["name"] == "strongest dimension, Japanese" and t.get("xaxis", "x") == "x"
        )
        rows = table(study, "outliers").query(
            f"kind == '{kind}' and variant == 'raw' and language == 'ja' and rank == 1"
        )
        np.testing.assert_allclose(curve["y"], rows.sort_values("layer")["energy_share"], atol=5e-5)


def test_lens_listing_holds_the_tokens_in_rank_order(study: Path, page: Page):
    figure = page.figures["lens-tokens"]
    rows = figure["frames"][options(figure, layer="12", **{"vectors of": "Japanese"}, lens="raw", side="bottom tokens")]
    wanted = table(study, "lens").query("layer == 12 and language == 'ja' and lens == 'raw' and side == 'bottom'")
    for emotion, tokens in rows:
        mine = wanted[wanted["emotion"] == emotion].sort_values("rank")["token"]
        assert tokens == [token.replace(" ", "␣").replace("▁", "␣").replace("\n", "⏎") for token in mine]
    assert len(rows) == 8


def test_what_was_run_is_told(page: Page):
    for fact in (
        "gemma-3-270m", "abc123", "before any final norm (resid_post)",
        "8: best mean held-out decoding within languages",
        "the first 50 tokens", "7 at every layer, explaining 52 % at layer 8", "61,234 tokens",
        "token × layer pairs: English 721", "80.5",
        "10,000 permutations", "2 stories were left out: 2 (no token past the offset).",
    ):  # fmt: skip
        assert fact in page.text


def test_every_frame_is_valid_plotly_and_the_first_one_exists(found: list[ReadOut], page: Page):
    shown = {exhibit.name for each in found for exhibit in each.exhibits}
    assert set(page.figures) == shown
    assert len(shown) >= 13
    for name, figure in page.figures.items():
        first = "|".join(str(control["initial"]) for control in figure["selectors"])
        assert first in figure["frames"], name
        for frame in figure["frames"].values() if figure["kind"] == "chart" else ():
            data = [{k: v for k, v in trace.items() if k != "packed"} for trace in frame["data"]]
            go.Figure(data, frame["layout"])


def test_page_loads_nothing_and_stays_small(study: Path):
    text = (study / "report.html").read_text(encoding="utf-8")
    outside = re.sub(r"<script>/\*\*\n\* plotly.js.*?</script>", "", text, count=1, flags=re.S)
    assert len(outside) < len(text) - 4_000_000
    assert not re.search(r"(src|href)=\"(https?:)?//", outside)
    assert not re.search(r"@import|url\(", outside)
    assert (study / "report.html").stat().st_size < 12e6


def test_a_heavy_figure_keeps_fewer_layers_and_says_so(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("emovec.report.sections.cosine.CELLS", 3 * 2 * 3 * 64)
    with without_figures(), only_sections("cosine"):
        page = Page(write_report(copy(study, tmp_path)))
    layers = page.figures["cosine"]["selectors"][0]
    assert layers["labels"][layers["initial"]] == "8"
    assert layers["labels"] == ["0", "8", "12"]
    assert "has 3 of 4 layers; geometry/cosine.parquet contains all" in page.text


def test_markup_in_names_and_stories_is_shown_and_not_obeyed(hostile: Path):
    text = (hostile / "report.html").read_text(encoding="utf-8")
    own = re.sub(r"<script>/\*\*\n\* plotly.js.*?</script>", "", text, count=1, flags=re.S)
    assert "<i>model" not in own
    assert "window.broken=1</script>" not in own
    assert "<img" not in own
    page = Page(hostile / "report.html")
    assert '</p><script>window.broken=1</script> & "x" <img src=x' in page.text
    heat = page.figures["cosine"]["frames"]["0|0|0"]["data"][0]
    assert "mad &amp; sad" in heat["x"]
    assert "a &amp; y" in heat["x"]


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_each_table_may_be_missing(study: Path, tmp_path: Path, name: str):
    folder = copy(study, tmp_path)
    (folder / "geometry" / f"{name}.parquet").unlink()
    with without_figures(), only_sections(name):
        text = Page(write_report(folder)).text
    assert f"There is no geometry/{name}.parquet" in text
    assert text.count("There is no geometry/") == 1


def test_a_study_with_nothing_but_its_settings_still_gets_a_page(tmp_path: Path):
    (tmp_path / "study.yaml").write_text("model: some/model\n")
    page = Page(write_report(tmp_path))
    assert not page.figures
    assert page.text.count("There is no geometry/") == len(SHOWN)
    assert "There are no findings yet" in page.text


def test_an_empty_table_is_noted_in_the_analysis_s_own_words(study: Path, tmp_path: Path):
    folder = copy(study, tmp_path)
    table(folder, "umap").head(0).to_parquet(folder / "geometry" / "umap.parquet")
    record = {"analysis": "umap", "tables": ["umap"], "parameters": {}, "summary": {"note": "Too few vectors."}}
    (folder / "geometry" / "umap.json").write_text(json.dumps(record))
    with without_figures(), only_sections("umap"):
        assert "Too few vectors." in Page(write_report(folder)).text


@pytest.mark.parametrize(
    ("languages", "layers", "norms", "neutral"),
    [(["en"], [5], False, False), (["sw", "en", "ja", "xx"], [3, 4], True, True)],
)
def test_other_shapes_of_study(tmp_path: Path, languages: list[str], layers: list[int], norms: bool, neutral: bool,
                               monkeypatch: pytest.MonkeyPatch):  # fmt: skip
    monkeypatch.setattr("emovec.report.pages.study.write_figures", lambda *_: [])
    folder = write_study(tmp_path / "s", languages, ["up", "down", "left"], layers, norms=norms, neutral=neutral)
    page = Page(write_report(folder))
    assert ("the study has only one" in page.text) == (len(languages) == 1)
    assert ("there were no neutral texts" in page.text) == (not neutral)
    assert ("rsa" in page.figures) == (len(languages) > 1)
    if len(languages) > 1:
        assert len(page.figures["rsa"]["selectors"][0]["labels"]) == 6


def test_broken_files_are_named(study: Path, tmp_path: Path):
    folder = copy(study, tmp_path)
    (folder / "geometry" / "rsa.parquet").write_bytes(b"no table")
    with pytest.raises(EmovecError, match=r"rsa\.parquet: not a readable Parquet"):
        write_report(folder)
    table(study, "rsa").drop(columns="null_95").to_parquet(folder / "geometry" / "rsa.parquet")
    with pytest.raises(EmovecError, match=r"rsa\.parquet: lacks the columns null_95"):
        write_report(folder)
    shutil.copy(study / "geometry" / "rsa.parquet", folder / "geometry")
    with (folder / "corpus" / "stories.ja.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(EmovecError, match=r"stories\.ja\.jsonl, line 17"):
        write_report(folder)
    with pytest.raises(EmovecError, match="no such folder"):
        write_report(tmp_path / "nowhere")


def test_the_same_tables_give_the_same_bytes(
    study: Path, found: list[ReadOut], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    again: list[Chart] = []
    folder = copy(study, tmp_path)
    monkeypatch.setattr("emovec.report.pages.study.write_figures", lambda charts, *_: again.extend(charts))
    monkeypatch.setattr("emovec.report.pages.study.write_films", lambda *_: [])
    write_report(folder)
    assert (folder / "report.html").read_bytes() == (study / "report.html").read_bytes()
    # So are all charts, from which the figures for papers are drawn.
    np.testing.assert_equal(for_papers(again), for_papers(charts_of(found)))


def for_papers(charts: Sequence[Chart]) -> dict[str, list[dict]]:
    return {name: [asdict(panel) for panel in panels] for name, panels in frames_for_papers(charts)}


def test_equal_charts_give_the_same_bytes_and_each_is_told_of(study: Path, figures: Path, tmp_path: Path):
    folder = copy(study, tmp_path)
    calls: list[int] = []
    totals: list[int] = []

    def track(_description: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        totals.append(total)
        return nullcontext(calls.append)

    with only_sections("rsa", "cosine", "manifold"):
        write_report(folder, track=track)
        charts = charts_of(read_outs(read_study(folder)))
    assert totals == [sum(calls)]
    names = {path.name for path in (folder / "figures").iterdir()}
    # A figure is an SVG and a PNG, a film a GIF.
    drawn = Counter(Path(name).suffix for name in names)
    assert drawn[".svg"] == drawn[".png"]
    assert drawn[".svg"] + drawn[".gif"] == totals[0] - 1
    for name in names:
        assert (folder / "figures" / name).read_bytes() == (figures / name).read_bytes(), name
    kinds = {type(panel) for _, panels in frames_for_papers(charts) for panel in panels}
    assert kinds == {Lines, HeatMap, Scatter, Scatter3D}
    assert drawn[".gif"]


def test_every_figure_for_papers_is_drawn(found: list[ReadOut], figures: Path):
    charts = charts_of(found)
    wanted = {f"{name}.{kind}" for name, _ in frames_for_papers(charts) for kind in ("svg", "png")}
    assert {path.name for path in figures.iterdir()} == wanted | {f"{film.name}.gif" for film in films(charts)}


def test_the_order_of_rows_does_not_matter(study: Path, tmp_path: Path):
    folder = copy(study, tmp_path)
    for name in SHOWN:
        rows = table(study, name)
        rows.sample(frac=1, random_state=3).to_parquet(folder / "geometry" / f"{name}.parquet")
    with without_figures():
        write_report(folder)
    before, after = Page(study / "report.html"), Page(folder / "report.html")
    assert after.figures == before.figures
    assert re.findall(r"At layer [^\n]*", after.text) == re.findall(r"At layer [^\n]*", before.text)


def copy(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy", ignore=shutil.ignore_patterns("report.html", "figures")))


def test_the_tree_of_four_languages_joins_those_that_agree_most_first(tmp_path: Path) -> None:
    write_study(tmp_path, languages=("en", "ja", "de", "fr"), layers=(0, 1))
    table = read_study(tmp_path).tables["language_agreement"]
    near = {("de", "fr"): 0.9, ("en", "ja"): 0.8}
    r = [
        1.0 if a == b else near.get(tuple(sorted((a, b))), 0.2)
        for a, b in zip(table["language_a"], table["language_b"], strict=False)
    ]
    table.assign(r=r).to_parquet(tmp_path / "geometry" / "language_agreement.parquet", index=False)
    with only_sections("language_agreement"):
        (chart,) = (c for c in charts_of(read_outs(read_study(tmp_path))) if c.name == "language-tree")
    (tree,) = chart.frames["1", "standardised"]
    places = {group.label: group.y[0] for group in tree.groups}
    assert abs(places["German"] - places["French"]) == abs(places["English"] - places["Japanese"]) == 1
    joints = sorted({round(x, 6) for link in tree.links for x, _ in link})
    assert joints == [0.0, 0.1, 0.2, 0.8]
