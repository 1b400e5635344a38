"""What becomes stale when something changes: exactly what was made from it."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from emovec.config import StudyConfig, parse_config
from emovec.corpus.load import Corpus
from emovec.corpus.story import Story
from emovec.geometry.analysis import Inputs
from emovec.geometry.registry import ANALYSES
from emovec.study.keys import output_keys
from emovec.study_files import moved, norm_files

STORY = Story("1", "en", "calm", None, "A quiet day.")
CORPUS = Corpus([STORY], [], [], {})


def config(**changed: object) -> StudyConfig:
    whole = {"model": "gemma-3-270m", "languages": ["en"], "emotions": ["calm", "sad"], "corpus": {"neutral": None}}
    return parse_config(whole | changed, "a test")


def keys(study: StudyConfig, corpus: Corpus = CORPUS, base: Path = Path()) -> dict[str, str]:
    return output_keys(study, corpus, base)


def stale(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in ANALYSES if before[name] != after[name]}


def geometry(**changed: object) -> Callable[[Path], dict[str, str]]:
    return lambda _: keys(config(geometry=changed))


def norms(folder: Path) -> dict[str, str]:
    (folder / "norms.csv").write_text("word,valence\ncalm,1\n")
    return keys(config(geometry={"norms": "norms.csv"}), base=folder)


CHANGES: dict[str, Callable[[Path], dict[str, str]]] = {
    "permutations": geometry(permutations=77),
    "bootstraps": geometry(bootstraps=77),
    "seed": geometry(seed=77),
    "top_k": geometry(top_k=7),
    "fixed_layer": geometry(layer=1),
    "norms": norms,
    "poles": geometry(poles={"valence": {"positive": ["calm"], "negative": ["sad"]}}),
    "vectors": lambda _: keys(config(vectors={"centring": "topics"})),
    "activations": lambda _: keys(config(extraction={"offset": 7})),
    "stories": lambda _: keys(config(), replace(CORPUS, stories=[replace(STORY, text="A loud day.")])),
    "model": lambda _: keys(config(revision="main")),
    "reference": lambda _: output_keys(config(), CORPUS, Path(), {"reference": "another key"}),
    "held_out": lambda _: output_keys(config(), CORPUS, Path(), {"held_out": "another key"}),
}
ALSO = {
    "activations": {"vectors", "neutral"},
    "stories": {"activations", "vectors", "neutral"},
    "model": {"activations", "vectors", "neutral"},
}
"""What is made of what changed."""


@pytest.mark.parametrize("changed", CHANGES)
def test_what_takes_a_changed_input_becomes_stale_and_nothing_else(changed: str, tmp_path: Path) -> None:
    touched = {changed, *ALSO.get(changed, ())}
    expected: set[str] = set()
    for name, analysis in ANALYSES.items():  # in the order in which they run
        if analysis.inputs & touched:
            expected.add(name)
            touched |= analysis.passed_on
    assert stale(keys(config()), CHANGES[changed](tmp_path)) == expected != set()


def test_norms_of_each_language_count_with_what_is_in_them(tmp_path: Path) -> None:
    def with_norms(valence: int) -> dict[str, str]:
        (tmp_path / "en.csv").write_text(f"word,valence\ncalm,{valence}\n")
        return keys(config(geometry={"norms": {"en": "en.csv"}}), base=tmp_path)

    first = with_norms(1)
    takes = {name for name, analysis in ANALYSES.items() if "norms" in analysis.inputs}
    assert stale(keys(config()), first) >= takes
    assert stale(first, with_norms(2)) >= takes
    assert not stale(first, with_norms(1))


def test_the_files_of_norms_move_with_the_study(tmp_path: Path) -> None:
    study = config(geometry={"norms": {"en": "own/en.csv"}})
    (tmp_path / "results").mkdir()
    gone = moved(study, tmp_path, tmp_path / "results")
    assert gone.geometry.norms == {"en": "../own/en.csv"}
    assert norm_files(gone, tmp_path / "results") == {"en": tmp_path / "results" / "../own/en.csv"}
    assert norm_files(config(geometry={"norms": "en.csv"}), tmp_path) == tmp_path / "en.csv"
    assert norm_files(config(), tmp_path) is None


def test_every_input_is_changed_by_one_of_these() -> None:
    made = {name for analysis in ANALYSES.values() for name in analysis.passed_on}
    assert {field.name for field in fields(Inputs)} == {*CHANGES, *made, "neutral"}


def test_some_of_it_by_hand() -> None:
    before = keys(config())
    assert stale(before, CHANGES["top_k"](Path())) == {"lens", "reference_space"}
    assert stale(before, CHANGES["bootstraps"](Path())) == {"held_out", "reference", "stability", "uncertainty"}
    assert {"choice", "umap", "manifold"} <= stale(before, CHANGES["fixed_layer"](Path()))
    assert {"decoding", "rsa", "affect"}.isdisjoint(stale(before, CHANGES["fixed_layer"](Path())))
