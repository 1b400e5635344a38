"""What is told as the next step can be pasted into a shell, wherever the results lie and whatever the paths hold."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emovec.commands import command
from emovec.study.study import Study
from tests.cli.conftest import Run
from tests.docs.command_lines import parse
from tests.study.conftest import write_study
from tests.tiny_models import random_stories

SOURCES = Path(__file__).parents[2] / "src" / "emovec"


def told(text: str) -> list[list[str]]:
    """The arguments of every command line between backticks."""
    return [shlex.split(line)[1:] for line in re.findall(r"`(emovec [^`]+)`", text)]


@pytest.fixture
def study(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    folder = tmp_path / "my studies"
    folder.mkdir()
    return write_study(folder, tiny_folder("llama"), random_stories())


@pytest.mark.fault("U1")
def test_a_command_is_quoted_and_keeps_folder_and_limit() -> None:
    said = command("run", "a b/s.yaml", out="r $x", limit=2)
    assert said == "`emovec run 'a b/s.yaml' --out 'r $x' --limit 2`"
    assert parse(said.strip("`"))[1] == parse("emovec run 'a b/s.yaml' --limit 2 --out 'r $x'")[1]


@pytest.mark.fault("U1", "U5")
def test_next_steps_can_be_pasted_one_after_the_other(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "results of mine"
    code, said, _ = run("status", study, "--out", out, "--limit", 2)
    assert code == 0
    assert said.count("missing") == 6
    ((first, *rest),) = told(said)
    assert [first, *rest] == ["run", str(study), "--out", str(out), "--limit", "2"]
    assert run("run", *rest, "--until", "vectors")[0] == 0
    for words in (["run", study, "--only", "implicit", "--out", out], ["chat", "none", study], ["compare", study, out]):
        code, said, err = run(*words)
        for line in told(said + err):
            parse(shlex.join(["emovec", *line]))
            assert str(study) in line or str(out) in line
        assert told(said + err), words
    shard = next((out / "activations").rglob("shard-00000.safetensors"))
    shard.write_bytes(b"damaged")
    code, said, _ = run("status", study, "--verify", "--out", out)
    drop, again = told(said)
    assert (code, "--drop" in drop, "--drop" in again) == (2, True, False)
    assert run(*drop)[0] == 0
    assert run("run", *again[1:], "--until", "vectors")[0] == 0


@pytest.mark.fault("U1")
def test_a_folder_of_results_is_a_study_too(run: Run, study: Path, tmp_path: Path) -> None:
    run("run", study, "--until", "vectors")
    results = study.with_suffix("")
    moved = yaml.safe_load((results / "study.yaml").read_text(encoding="utf-8"))
    assert moved["corpus"] == {"stories": "../stories.jsonl", "neutral": "../neutral.jsonl"}
    for given in (results, results / "study.yaml"):
        code, said, err = run("run", given, "--until", "vectors")
        assert (code, err) == (0, "")
        assert "Nothing to do" in said
        assert Study(given).folder == results
    assert not (results / "study").exists()
    before = (results / "vectors.safetensors").read_bytes()
    for words in (
        ["status", results],
        ["status", results, "--verify"],
        ["plan", results],
        ["corpus", "check", results],
    ):
        assert run(*words)[0] == 0, words
    out = tmp_path / "v.safetensors"
    assert run("vectors", "export", results, "--format", "safetensors", "--layer", 2, "--norm", 1, "--out", out)[0] == 0
    assert (results / "vectors.safetensors").read_bytes() == before
    code, _, err = run("run", tmp_path)
    assert code == 2
    assert "is a folder without a study.yaml" in err


@pytest.mark.fault("U1")
def test_a_persons_own_study_yaml_is_not_taken_for_results(run: Run, study: Path) -> None:
    own = study.with_name("study.yaml")
    study.rename(own)
    assert Study(own).folder == own.with_suffix("")
    code, _, err = run("run", own, "--out", own.parent)
    assert code == 2
    assert "contains the study file" in err
    assert own.is_file()


@pytest.mark.fault("U1")
def test_every_command_in_the_messages_of_the_source_exists() -> None:
    seen = 0
    for path in SOURCES.rglob("*.py"):
        for line in re.findall(r"`(emovec [a-z][^`{}]*)", path.read_text(encoding="utf-8")):
            parse(" ".join(line.split()), whole=False)
            seen += 1
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    for words in re.findall(r"(?<!app\.)\bcommand\(([\"'][^)]*)\)", source):
        names = re.findall(r"[\"']([a-z]+)[\"']", words)
        parse(shlex.join(["emovec", *names]), whole=False)
        seen += 1
    assert seen > 20
