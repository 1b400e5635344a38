import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from emovec.corpus.write import write_jsonl
from tests.cli.conftest import Run
from tests.study.conftest import write_study
from tests.tiny_models import random_stories, save_tiny_model


@pytest.fixture
def study(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return write_study(tmp_path, tiny_folder("llama"), random_stories())


def edit(study: Path, **settings: object) -> None:
    data = yaml.safe_load(study.read_text(encoding="utf-8"))
    study.write_text(yaml.safe_dump({**data, **settings}), encoding="utf-8")


def test_help_imports_nothing_slow() -> None:
    script = (
        "import sys; sys.argv = ['emovec', '--help']\n"
        "from emovec.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "slow = {'torch', 'transformers', 'pandas', 'numpy', 'xarray', 'sklearn', 'plotly', 'matplotlib', 'pydantic'}\n"
        "print('slow:', sorted(slow & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "slow: []" in printed
    for command in (
        *("demo", "init", "run", "status", "plan", "compare", "transfer", "steer", "chat", "trace"),
        *("corpus", "vectors", "model"),
    ):
        assert command in printed


def test_the_version_is_shown(run: Run) -> None:
    assert run("--version") == (0, f"emovec {version('emovec')}", "")


def test_import_is_light() -> None:
    script = "import sys, emovec; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_init_writes_a_study_that_status_reads(run: Run, tmp_path: Path) -> None:
    assert run("init", "mine.yaml")[0] == 0
    code, out, _ = run("status", "mine.yaml")
    assert code == 0
    assert "720 stories, 144 neutral texts" in out
    code, _, err = run("init", "mine.yaml")
    assert code == 2
    assert "--overwrite" in err


def test_stages_one_by_one_then_nothing_to_do(run: Run, study: Path) -> None:
    run("init")  # what making the tiny model printed is swallowed with this
    code, out, err = run("run", study, "--until", "activations")
    assert (code, err) == (0, "")
    assert "24 stories" not in out
    assert "36 texts to extract" in out
    assert "Activations: " in out
    assert "done" in run("status", study)[1]
    assert "Vectors: " in run("run", study, "--until", "vectors")[1]
    code, out, _ = run("run", study, "--until", "geometry")
    assert code == 0
    assert "•" in out
    assert "Geometry: " in out
    code, out, _ = run("run", study, "--until", "geometry")
    assert "Nothing to do: everything is up to date." in out
    assert "To do: steering, report" in run("status", study)[1]
    code, out, _ = run("run", study, "--until", "steering")
    assert code == 0
    assert "Steering: " in out
    assert "To do: report" in run("status", study)[1]


def test_model_check_prints_its_table(run: Run, tiny_folder: Callable[..., Path]) -> None:
    code, out, _ = run("model", "check", tiny_folder("gemma2"))
    assert code == 0
    assert out.count("✓") == 14
    assert "layer k is what block k + 1 reads" in out
    assert "steering a span of the prompt changes what follows" in out
    assert "4 × Gemma2DecoderLayer: layers 0 to 3" in out


@pytest.mark.fault("M2")
def test_model_check_says_what_a_failure_means(run: Run, tiny_folder: Callable[..., Path]) -> None:
    code, out, _ = run("model", "check", tiny_folder("mllama"))
    assert code == 2
    said = " ".join(out.split())
    assert "What the failures mean" in said
    assert "block 1 never runs on text. Leave them out: set extraction.layers" in said


def test_status_verifies_and_drops_damage(run: Run, study: Path, tmp_path: Path) -> None:
    run("run", study, "--until", "activations")
    assert "All 10 files are as they were written." in run("status", study, "--verify")[1]
    shard = tmp_path / "small" / "activations" / "en" / "shard-00001.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    code, out, _ = run("status", study, "--verify")
    assert code == 2
    assert "shard-00001.safetensors: changed since it was written" in out
    code, _, err = run("run", study, "--until", "vectors")
    assert code == 2
    assert f"emovec status {tmp_path}/small/activations --verify --drop" in err
    assert run("status", study, "--verify", "--drop")[0] == 0
    assert run("run", study, "--until", "vectors")[0] == 0
    assert run("status", study, "--verify")[0] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modle": "x"}, "unknown setting 'modle'; did you mean 'model'?"),
        ({"extraction": {"ofset": 3}}, "unknown setting 'extraction.ofset'; did you mean 'extraction.offset'?"),
        ({"extraction": {"offset": -1}}, "extraction.offset: give a number of at least 0 (got -1)"),
        ({"extraction": {"dtype": "float8"}}, "extraction.dtype"),
        ({"emotions": "default-31"}, "'default-31' is no known list; give one of default-30, anthropic-171"),
        ({"emotions": ["calm", "neutral"]}, "'neutral' is no emotion"),
        ({"emotions": ["calm", "calm"]}, "emotions: named twice: calm"),
        ({"emotions": ["calm", "afriad"]}, "afriad → afraid"),
        ({"languages": ["en", "fr"]}, "'fr' has no stories; the corpus has en, ja"),
        ({"corpus": {"stories": "nowhere.jsonl"}}, "nowhere.jsonl"),
        ({"corpus": {"stories": "stories.jsonl", "neutral": "en-only.jsonl"}}, "'ja' has no neutral texts"),
        ({"extraction": {"offset": 500}}, "lower extraction.offset"),
        ({"extraction": {"layers": [9], "offset": 3}}, "layers 0 to 3"),
        ({"model": "lab/none"}, "'lab/none' is no local folder or .gguf file"),
        ({"model": "."}, "folder without config.json"),
        ({"steering": {"strengths": [0.1, 0.1000001]}}, "steering.strengths: give positive numbers"),
        ({"steering": {"strengths": [float("nan")]}}, "steering.strengths.0: give a finite number (got .nan)"),
        ({"geometry": {"layer": 7}}, "geometry.layer: 7 is none of the layers of"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(
    settings: dict[str, object], message: str, run: Run, study: Path, tmp_path: Path
) -> None:
    english = [s for s in random_stories() if s.emotion == "neutral" and s.language == "en"]
    write_jsonl(english, tmp_path / "en-only.jsonl")
    edit(study, **settings)
    code, _, err = run("run", study)
    assert code == 2
    assert err.startswith("Error: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model: [", "not valid YAML"),
        ("# nothing\n", "contains no settings; `emovec init"),
        ("- a", "is a mapping of settings"),
        (None, "no such study file"),
    ],
)
def test_a_broken_study_file(content: str | None, message: str, run: Run, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "bad.yaml").write_text(content, encoding="utf-8")
    code, _, err = run("run", "bad.yaml")
    assert code == 2
    assert message in err
    assert "bad.yaml" in err


def test_a_missing_study_is_told_with_a_file_to_write_or_one_that_is_there(run: Run, tmp_path: Path) -> None:
    assert "`emovec init mine.yml` writes one" in run("status", "mine.yml")[2]
    assert "`emovec init mine.yaml` writes a study file" in run("status", "mine")[2]
    (tmp_path / "mine.yaml").write_text("seed: 1\n")
    assert "Did you mean mine.yaml?" in run("status", "mine")[2]


def test_a_malformed_record_is_named_by_file_and_line(run: Run, study: Path, tmp_path: Path) -> None:
    path = tmp_path / "stories.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = '{"id": "broken", '
    path.write_text("\n".join(lines), encoding="utf-8")
    code, _, err = run("run", study)
    assert code == 2
    assert "stories.jsonl" in err
    assert "stories.jsonl:5:" in err


def test_an_encoder_is_refused_before_anything_runs(run: Run, study: Path, tmp_path: Path) -> None:
    import transformers as tf

    size = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "vocab_size": 63,
    }
    (tmp_path / "bert").mkdir()
    save_tiny_model(tmp_path / "bert", tf.BertConfig(**size))
    edit(study, model=str(tmp_path / "bert"))
    code, _, err = run("run", study)
    assert code == 2
    assert "decoder-only" in err


def test_what_is_computed_survives_bad_input(run: Run, study: Path, tmp_path: Path) -> None:
    run("run", study, "--until", "vectors")
    vectors = (tmp_path / "small" / "vectors.safetensors").read_bytes()
    good = study.read_text(encoding="utf-8")
    edit(study, emotions=["calm", "no-such"])
    assert run("run", study)[0] == 2
    study.write_text(good, encoding="utf-8")
    assert (tmp_path / "small" / "vectors.safetensors").read_bytes() == vectors
    assert "Nothing to do" in run("run", study, "--until", "vectors")[1]


def test_interrupting_says_that_work_is_kept(run: Run, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("emovec.pipeline.run.run_study", interrupt)
    code, out, _ = run("run", study)
    assert code == 130
    assert "the same command continues from there" in out


def test_results_never_replace_the_users_files(run: Run, study: Path, tmp_path: Path) -> None:
    study.rename(tmp_path / "study.yaml")
    before = (tmp_path / "study.yaml").read_bytes()
    code, _, err = run("run", "study.yaml", "--out", ".")
    assert code == 2
    assert "contains the study file" in err
    assert (tmp_path / "study.yaml").read_bytes() == before
    own = tmp_path / "study" / "corpus" / "stories.en.jsonl"
    own.parent.mkdir(parents=True)
    own.write_bytes((tmp_path / "stories.jsonl").read_bytes())
    edit(tmp_path / "study.yaml", corpus={"stories": "study/corpus/stories.en.jsonl", "neutral": None})
    code, _, err = run("run", "study.yaml")
    assert code == 2
    assert "contains 'corpus' and no study" in err
    assert own.read_bytes() == (tmp_path / "stories.jsonl").read_bytes()


def test_paths_are_printed_as_they_are(run: Run, study: Path, tmp_path: Path) -> None:
    out = tmp_path / "[bold]" / "[/v2]"
    code, printed, _ = run("run", study, "--until", "vectors", "--out", out)
    assert code == 0
    assert f"Vectors: {out}/vectors.safetensors" in printed
    assert run("status", study, "--out", out)[0] == 0


def test_a_models_path_starts_from_the_study_file(
    run: Run, study: Path, tiny_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(tiny_folder("llama"))
    edit(study, model="models/mine")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("run", study, "--until", "vectors")[0] == 0
