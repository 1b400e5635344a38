import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from emovec.errors import EmovecError
from emovec.geometry.model_agreement import between_models
from emovec.report.pages.comparison import scope, write_comparison
from emovec.steering.experiments import preferences
from emovec.steering.experiments.registry import COLUMNS
from emovec.study.comparison import compare_studies
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.cli.conftest import Run

EMOTIONS = ("happy", "sad", "angry", "calm", "afraid", "proud")


def write(folder: Path, hidden: int, languages: tuple[str, ...], emotions: tuple[str, ...], std: bool = True) -> Path:
    """The least that can be compared: vectors and a study file; a geometry common to all, turned into this size."""
    rng = np.random.default_rng(hidden)
    shared = np.random.default_rng(0).normal(size=(len(EMOTIONS), 6))[[EMOTIONS.index(e) for e in emotions]]
    basis = np.linalg.qr(rng.normal(size=(hidden, 6)))[0]
    values = np.stack([np.stack([shared @ basis.T] * 3, 1)] * len(languages))
    values = values + 0.02 * rng.normal(size=values.shape)
    raw = xr.DataArray(
        values,
        dims=("language", "emotion", "layer", "hidden"),
        coords={"language": list(languages), "emotion": list(emotions), "layer": range(3)},
    )
    ones = np.ones((len(languages), 3, hidden)) if std else None
    folder.mkdir()
    EmotionVectors.from_arrays(raw, story_std=ones, model=folder.name).save(folder / "vectors.safetensors")
    config = {"model": f"org/{folder.name}", "languages": list(languages), "emotions": list(emotions)}
    (folder / "study.yaml").write_text(yaml.safe_dump({**config, "geometry": {"layer": 1}}), encoding="utf-8")
    return folder


def test_models_of_different_sizes_are_compared(tmp_path: Path) -> None:
    a = write(tmp_path / "big", 20, ("en", "ja"), EMOTIONS)
    b = write(tmp_path / "small", 8, ("ja", "en", "de"), EMOTIONS[:5])
    found = compare_studies([a, b / "study.yaml"], permutations=100)
    assert set(found.agreement["variant"]) == {"raw", "standardised"}
    assert set(found.agreement["language_a"]) == set(found.agreement["language_b"]) == {"en", "ja"}
    first = found.agreement[found.agreement["method"] == "pearson"]
    assert first["r"].min() > 0.9
    expected = between_models(found.studies[0].vectors.best, found.studies[1].vectors.best, 1, 1, 100)
    shown = found.agreement[found.agreement["variant"] == "raw"]
    np.testing.assert_array_equal(shown["r"], expected["r"])
    (said,) = scope(found)
    assert said == (
        "big and small share 5 emotions, compared in en, en with ja, ja with en, ja (left out, only in big: proud; "
        "only in small: de)."
    )


def test_the_page_is_whole_and_always_the_same(tmp_path: Path) -> None:
    studies = [write(tmp_path / name, size, ("en",), EMOTIONS) for name, size in (("a", 8), ("b", 12), ("c", 16))]
    found = compare_studies(studies, permutations=50)
    page = write_comparison(found, tmp_path / "side.html")
    text = page.read_text(encoding="utf-8")
    assert "Emotion vectors of 3 studies compared" in text
    assert "http://" not in text.split("</script>")[-1]
    assert text.count('data-figure="') == 3
    assert "3 of 3 of these agree more than shuffled labels do" in text
    tables = {path.stem: pd.read_parquet(path) for path in (tmp_path / "side").glob("*.parquet")}
    assert set(tables) == {"studies", "agreement", "layers"}
    assert len(tables["layers"]) == 3 * 2 * 9
    before = page.read_bytes()
    write_comparison(compare_studies(studies, permutations=50), page, overwrite=True)
    assert page.read_bytes() == before


def test_without_deviations_only_raw_vectors_are_compared(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", 8, ("en",), EMOTIONS), write(tmp_path / "b", 12, ("en",), EMOTIONS, std=False)
    assert set(compare_studies([a, b], permutations=20).agreement["variant"]) == {"raw"}


def test_studies_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for parent in ("x", "y"):
        (tmp_path / parent).mkdir()
    a, b = write(tmp_path / "x" / "s", 8, ("en",), EMOTIONS), write(tmp_path / "y" / "s", 12, ("en",), EMOTIONS)
    assert [study.name for study in compare_studies([a, b], permutations=20).studies] == ["x/s", "y/s"]


def test_what_cannot_be_compared_is_an_error(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", 8, ("en",), EMOTIONS[:3]), write(tmp_path / "b", 12, ("en",), EMOTIONS)
    with pytest.raises(EmovecError, match="share 4 emotions"):
        compare_studies([a, b])
    with pytest.raises(EmovecError, match="two or more studies"):
        compare_studies([a, a])
    with pytest.raises(EmovecError, match="no such study file"):
        compare_studies([a, tmp_path / "none.yaml"])
    (b / "vectors.safetensors").unlink()
    with pytest.raises(EmovecError, match="has no vectors in"):
        compare_studies([a, b])


def test_the_command_prints_tables_and_names_the_page(run: Run, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", 8, ("en",), EMOTIONS), write(tmp_path / "b", 12, ("en",), EMOTIONS)
    code, out, err = run("compare", a, b, "--page", "c.html", "--permutations", "20")
    assert (code, err) == (0, "")
    assert "Agreement at the chosen layers" in out
    assert "Page: c.html" in out
    assert run("compare", a)[0] == 2
    assert "ends in .html" in run("compare", a, b, "--page", "c.txt", "--permutations", "20")[2]


def with_experiments(folder: Path, seed: int) -> Path:
    """Preferences of 16 activities and answers under 3 rules, unsteered and steered by happy; all else left empty."""
    rng = np.random.default_rng(seed)
    base = {"kind": "baseline", "name": "baseline", "vector_language": "", "layer": -1, "strength": 0.0}
    happy = {"kind": "emotion", "name": "happy", "vector_language": "en", "layer": 1, "strength": 0.1}
    scores, answers = [], []
    for condition in (base, happy):
        scores += [
            {
                "language": "en", "design": "whole", **condition, "activity": str(i), "category": f"kind {i // 4}",
                "text": f"text {i}", "steered": True, "score": 1500 + 50 * rng.normal(), "change": 10 * rng.normal(),
            }
            for i in range(16)
        ]  # fmt: skip
        answers += [
            {
                "language": "en", **condition, "rule": rule, "prompt": p, "request": f"{rule} {p}",
                "followed": rng.random() < 0.5,
            }
            for rule in ("short", "loud", "rhymed") for p in "abcdef"
        ]  # fmt: skip
    tables = {"preference_scores": scores, "rule_answers": answers}
    (folder / "steering").mkdir()
    for experiment, names in (("preferences", preferences.TABLES), ("rules", ("rules", "rule_types", "rule_answers"))):
        record = {"analysis": experiment, "summary": {"format": f"as {folder.name} is asked"}}
        (folder / "steering" / f"{experiment}.json").write_text(json.dumps(record), encoding="utf-8")
        for name in names:
            table = pd.DataFrame(tables.get(name, [])).reindex(columns=list(COLUMNS[name]))
            table.to_parquet(folder / "steering" / f"{name}.parquet")
    return folder


def test_preferences_and_rules_are_compared_where_both_have_them(run: Run, tmp_path: Path) -> None:
    a = with_experiments(write(tmp_path / "base", 8, ("en",), EMOTIONS), 0)
    b = with_experiments(write(tmp_path / "chat", 12, ("en",), EMOTIONS), 1)
    code, out, err = run("compare", a, b, "--page", "c.html", "--permutations", "20")
    said = " ".join(out.split())
    assert (code, err) == (0, "")
    assert "On preferences, base and chat share 16 activities and 1 way of steering. Asked: base as as base is" in said
    assert "In English the unsteered scores of 16 activities in base and chat correlate with r =" in said
    assert "4 unsteered scores of kinds of activities in English" in said
    assert "On rules, base and chat share 18 requests" in said
    assert "of its rules unsteered and chat" in said
    text = Path("c.html").read_text(encoding="utf-8")
    for name in ("agreement", "depth", "maps", "preferences", "preference-changes", "rules"):
        assert text.count(f'data-figure="{name}"') == 1, name
    names = {path.stem for path in Path("c").glob("*.parquet")}
    assert names == {"studies", "agreement", "layers", "activities", "preference_agreement", "preferences", "rules"}
    other = write(tmp_path / "other", 12, ("en",), EMOTIONS)
    code, out, err = run("compare", a, other, "--page", "c.html", "--permutations", "20", "--overwrite")
    assert (code, err) == (0, "")
    assert "Of base and other only base has the experiment on rules." in " ".join(out.split())
    assert {path.stem for path in Path("c").glob("*.parquet")} == {"studies", "agreement", "layers"}
    assert 'id="preferences"' not in Path("c.html").read_text(encoding="utf-8")
