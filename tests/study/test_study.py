import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock

from emovec.corpus.bundled import BUNDLED_LANGUAGES
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError
from emovec.pipeline.run import run_study
from emovec.report.sections.registry import headlines
from emovec.study.results import read_study
from emovec.study.study import Study, bundled_study
from tests.docs.pages import ROOT
from tests.tiny_models import random_stories

Change = Callable[..., None]
PUBLISHED = {
    "decoding",
    "lexical",
    "choice",
    "rsa",
    "crosslingual",
    "cosine",
    "clusters",
    "umap",
    "pca",
    "axes",
    "lens",
    "outliers",
}
BEYOND = {
    "uncertainty",
    "confounds",
    "distances",
    "cross_layer",
    "languages",
    "robustness",
    "stability",
    "geodesic",
    "manifold",
    "confusion",
    "affect",
    "alignment",
    "reference",
    "reference_space",
    "held_out",
}
GEOMETRY = PUBLISHED | BEYOND
PERMUTED = {"rsa", "crosslingual", "confounds", "distances", "stability", "confusion", "affect", "axes"}
AT_THE_LAYER = {
    "umap",
    "outliers",
    "uncertainty",
    "robustness",
    "stability",
    "geodesic",
    "manifold",
    "confusion",
    "alignment",
    "reference",
}


def test_a_study_runs_from_texts_to_report(study_file: Path) -> None:
    study = Study(study_file)
    assert {step.state for step in study.steps()} == {"missing"}
    assert set(run_study(study)) == {"corpus", "activations", "vectors", "implicit", "report"} | GEOMETRY
    folder = study_file.with_name("small")
    assert study.report_path == folder / "report.html"
    assert study.report_path.is_file()
    assert headlines(read_study(study.folder, ["geometry"]))
    for name in GEOMETRY:
        record = json.loads((folder / "geometry" / f"{name}.json").read_text(encoding="utf-8"))
        assert record["analysis"] == name
        assert record["parameters"]["hook_point"] == "resid_post"
        assert all((folder / "geometry" / f"{table}.parquet").is_file() for table in record["tables"])
    resolved = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    assert resolved["extraction"]["sink_threshold"] == 10


def test_a_finished_study_has_nothing_to_do(finished: Path) -> None:
    assert {step.state for step in Study(finished).steps()} == {"done"}
    written = {path: path.stat().st_mtime_ns for path in finished.with_name("small").rglob("*") if path.is_file()}
    assert run_study(Study(finished)) == []
    touched = {p.name for p, time in written.items() if p.stat().st_mtime_ns != time}
    assert touched <= {"study.yaml", "run.log", ".lock"}


@pytest.mark.parametrize(
    ("settings", "redone"),
    [
        ({"geometry": {"permutations": 300}}, PERMUTED | {"report"}),
        ({"geometry": {"bootstraps": 40}}, {"uncertainty", "stability", "reference", "held_out", "report"}),
        ({"geometry": {"top_k": 3}}, {"lens", "reference_space", "report"}),
        ({"geometry": {"layer": 2}}, AT_THE_LAYER | {"choice", "report"}),
        ({"steering": {"seed": 1}}, {"implicit", "report"}),
        ({"steering": {"strengths": [0.3]}}, set()),
        ({"steering": {"experiments": ["implicit", "intensity"]}}, {"intensity", "report"}),
        ({"vectors": {"centring": "topics"}}, {"vectors", "implicit", "report"} | GEOMETRY),
        ({"extraction": {"offset": 4}}, {"activations", "vectors", "implicit", "report"} | GEOMETRY),
        ({"extraction": {"batch_tokens": 100}}, set()),
    ],
)
def test_a_changed_setting_redoes_what_depends_on_it(
    settings: dict[str, object], redone: set[str], finished: Path, change: Change
) -> None:
    change(**settings)
    steps = Study(finished).steps()
    undone = [step for step in steps if step.state != "done"]
    stale = {step.name if step.stage in {"geometry", "steering"} else step.stage for step in undone}
    assert stale == redone
    assert set(run_study(Study(finished), "steering")) == redone - {"report"}
    assert run_study(Study(finished), "steering") == []


def test_new_texts_and_deleted_outputs_are_noticed(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "small" / "geometry" / "rsa.parquet").unlink()
    assert run_study(Study(finished), "geometry") == ["rsa"]
    (tmp_path / "small" / "report.html").unlink()
    assert Study(finished).steps()[-1].state == "missing"
    write_jsonl([s for s in random_stories(seed=1) if s.emotion != "neutral"], tmp_path / "stories.jsonl")
    assert set(run_study(Study(finished), "geometry")) == {"corpus", "activations", "vectors"} | GEOMETRY


def test_vectors_of_another_study_are_not_taken_for_its_own(study_file: Path, change: Change, tmp_path: Path) -> None:
    run_study(Study(study_file), "vectors")
    mine = (tmp_path / "small" / "vectors.safetensors").read_bytes()
    change(extraction={"offset": 0.5})
    run_study(Study(study_file, out=tmp_path / "other"), "vectors")
    change(extraction={"offset": 3})
    (tmp_path / "small" / "vectors.safetensors").write_bytes((tmp_path / "other" / "vectors.safetensors").read_bytes())
    assert run_study(Study(study_file), "vectors") == ["vectors"]
    assert (tmp_path / "small" / "vectors.safetensors").read_bytes() == mine


def test_a_quick_look_has_a_folder_of_its_own(study_file: Path) -> None:
    quick = Study(study_file, limit=1)
    run_study(quick, "vectors")
    assert quick.folder == study_file.with_name("small-limit1")
    assert int(quick.vectors.counts.max()) == 1
    assert Study(study_file).steps()[0].state == "missing"


def test_without_neutral_texts_nothing_is_projected_out(study_file: Path, change: Change) -> None:
    run_study(Study(study_file), "vectors")
    change(corpus={"neutral": None})
    study = Study(study_file)
    run_study(study)
    assert study.vectors.denoised is None


def test_one_language_is_a_study_too(study_file: Path, change: Change) -> None:
    change(languages=["ja"])
    study = Study(study_file)
    run_study(study)
    assert study.vectors.languages == ["ja"]
    assert study.table("rsa").empty
    assert headlines(read_study(study.folder, ["geometry"]))


def test_three_languages(study_file: Path, change: Change, tmp_path: Path) -> None:
    texts = random_stories(languages=("de", "en", "fr"))
    write_jsonl([s for s in texts if s.emotion != "neutral"], tmp_path / "stories.jsonl")
    write_jsonl([s for s in texts if s.emotion == "neutral"], tmp_path / "neutral.jsonl")
    change(languages=["fr", "de", "en"])
    study = Study(study_file)
    run_study(study, "geometry")
    pairs = study.table("rsa")[["language_a", "language_b"]].drop_duplicates()
    assert {frozenset(row) for row in pairs.itertuples(index=False)} == {
        frozenset(pair) for pair in (("fr", "de"), ("fr", "en"), ("de", "en"))
    }


def test_stores_of_languages_that_are_gone_are_kept_but_not_read(
    finished: Path, change: Change, tmp_path: Path
) -> None:
    change(languages=["ja"], extraction={"layers": [3]}, corpus={"neutral": None})
    study = Study(finished)
    run_study(study, "geometry")
    assert study.vectors.layers == [3]
    assert [store.name for store in study.activations.stores] == ["ja"]
    english = tmp_path / "small" / "activations" / "en" / "manifest.jsonl"
    before = english.read_bytes()
    change(languages=["en", "ja"], extraction={"layers": "all"}, corpus={"neutral": "neutral.jsonl"})
    run_study(Study(finished), "vectors")
    assert english.read_bytes() == before
    assert Study(finished).vectors.languages == ["en", "ja"]


def test_norms_of_ones_own(finished: Path, change: Change, tmp_path: Path) -> None:
    norms = "word,term_in_source,valence,arousal,dominance,source,scale_min,scale_max\n"
    for i, word in enumerate(("afraid", "calm", "joyful", "sad")):
        norms += f"{word},{word},{i},{i % 2},{i % 3},Mine2026,0,3\n"
    (tmp_path / "norms.csv").write_text(norms, encoding="utf-8")
    change(geometry={"norms": "norms.csv"})
    rated = {"pca", "axes", "confounds", "stability", "uncertainty", "affect", "robustness"}
    assert set(run_study(Study(finished), "geometry")) == rated
    # Four emotions are too few for a correlation with ratings.
    assert Study(finished).table("axes").empty
    (tmp_path / "norms.csv").write_text(norms.replace(",3\n", ",4\n"), encoding="utf-8")
    rated = {"pca", "axes", "confounds", "stability", "uncertainty", "affect", "robustness"}
    assert set(run_study(Study(finished), "geometry")) == rated


def test_a_second_process_is_told_of_the_first(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    with FileLock(tmp_path / "small" / ".lock"), pytest.raises(EmovecError, match="another process is working on"):
        run_study(Study(study_file))


def test_a_damaged_shard_stops_the_vectors_with_a_remedy(study_file: Path, tmp_path: Path) -> None:
    run_study(Study(study_file), "activations")
    shard = tmp_path / "small" / "activations" / "ja" / "shard-00001.safetensors"
    data = bytearray(shard.read_bytes())
    data[-4] ^= 255
    shard.write_bytes(data)
    with pytest.raises(EmovecError, match=r"shard-00001.safetensors: changed since it was written .* --drop"):
        run_study(Study(study_file))


def test_results_do_not_depend_on_the_order_of_languages_and_emotions(finished: Path, change: Change) -> None:
    one = Study(finished)
    change(languages=["ja", "en"], emotions=["sad", "calm", "joyful", "afraid"])
    other = Study(finished, out=finished.with_name("other"))
    run_study(other, "geometry")
    for vectors in (one.vectors, other.vectors):
        assert vectors.denoised is not None
    np.testing.assert_allclose(
        other.vectors.best.sel(language=one.vectors.languages, emotion=one.vectors.emotions),
        one.vectors.best,
        atol=1e-6,
    )
    index = ["variant", "layer", "method"]
    first, second = (s.table("rsa").set_index(index)[["r", "p", "p_familywise"]].sort_index() for s in (one, other))
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_folder_that_cannot_be_written(study_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmovecError, match="can't hold the study's results"):
        run_study(Study(study_file, out=tmp_path / "file"))


def test_the_demo_of_the_package_is_that_of_the_repository() -> None:
    assert (ROOT / "studies" / "demo.yaml").read_text(encoding="utf-8") == bundled_study("demo.yaml")


def test_the_template_holds_every_setting_at_its_default(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(bundled_study("study.yaml"), encoding="utf-8")
    (tmp_path / "short.yaml").write_text("model: gemma-3-270m\n", encoding="utf-8")
    full, short = (Study(tmp_path / name).config.model_dump() for name in ("s.yaml", "short.yaml"))
    # As texts, which is what outputs are known by: 50 and 50.0 are equal, but not there.
    assert json.dumps(full) == json.dumps(short)
    written = yaml.safe_load(bundled_study("study.yaml"))
    assert {k: set(v) if isinstance(v, dict) else None for k, v in written.items()} == {
        k: set(v) if isinstance(v, dict) else None for k, v in short.items()
    }


def test_ready_studies_can_be_read() -> None:
    studies = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
    assert len(studies) >= 5
    for path in studies:
        assert set(Study(path).config.languages) <= set(BUNDLED_LANGUAGES)
