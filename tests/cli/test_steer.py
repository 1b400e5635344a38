import io
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from emovec.cli import progress
from emovec.cli.inputs import load_fitting
from emovec.cli.steer import _columns as steer_columns
from emovec.cli.steer import coherence_lines
from emovec.models.before_loading import ModelShape
from emovec.models.load import load_model
from emovec.steering.side_by_side import Sample
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.cli.conftest import Run

TEMPLATE = "{% for m in messages %}{{ m.content }} {% endfor %}w0"


@pytest.fixture(scope="module")
def talking(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny llama with a chat template."""
    folder = tmp_path_factory.mktemp("talking") / "model"
    shutil.copytree(tiny_folder("llama"), folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def vectors(talking: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = load_model(str(talking), device="cpu")
    made = EmotionVectors.from_arrays(
        np.random.default_rng(0).standard_normal((2, 3, 4, 32)).astype(np.float32),
        languages=["en", "ja"],
        emotions=["angry", "calm", "sad"],
        residual_norm=np.full((2, 4), 20.0, np.float32),
        model=str(talking),
        provenance={"revision": model.revision},
    )
    made.save(path := tmp_path_factory.mktemp("vectors") / "vectors.safetensors")
    return path


def test_one_prompt_side_by_side(run: Run, talking: Path, vectors: Path) -> None:
    common = ("steer", talking, vectors, "w1 w2 w3", "--emotion", "angry", "--max-new-tokens", "6")
    code, out, _ = run(*common, "--strength", "0.9")
    assert code == 0
    assert "unsteered" in out
    assert "angry 0.9: " in out
    assert "of word pairs distinct" in out
    assert run(*common, "--strength", "0")[1].count("perplexity × 1.00") == 1
    assert "sad -0.2" in run(*common, "--strength", "0.5", "--emotion", "sad", "--strength", "-0.2")[1]
    assert "without angry: " in run(*common, "--project-out", "--form", "plain")[1]


def test_a_pipe_has_the_texts_and_standard_error_how_far_they_are(
    run: Run, talking: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE", 0)
    _, out, err = run("steer", talking, vectors, "w1 w2", "--emotion", "sad", "--max-new-tokens", "5")
    assert "Loading" in err
    assert "Answering, token by token: 20 %" in err
    assert "Answering" not in out


def test_a_sweep_over_strengths_names_regimes(run: Run, talking: Path, vectors: Path) -> None:
    _, out, _ = run("steer", talking, vectors.parent, "w1 w2", "--emotion", "sad", "--sweep", "--max-new-tokens", "5")
    for strength in ("0.05", "0.1", "0.2", "0.4", "0.8"):
        assert any(f"sad {strength}: {regime};" in out for regime in ("surgical", "collapse", "explosion"))


def test_each_emotion_may_come_from_a_language_of_its_own(run: Run, talking: Path, vectors: Path) -> None:
    words = (
        "steer",
        talking,
        vectors.parent,
        "w1 w2",
        "--emotion",
        "sad",
        "--emotion",
        "angry",
        "--max-new-tokens",
        "2",
    )
    code, out, err = run(*words, "--language", "en", "--language", "en")
    assert (code, err) == (0, "")
    assert "sad, angry 0.1" in out
    code, _, err = run(*words, "--language", "en", "--language", "en", "--language", "en")
    assert code == 2
    assert "--language: 3 of them for 2 emotions" in err


def test_a_text_as_repetitive_as_the_unsteered_one_is_not_called_surgical() -> None:
    samples = [
        Sample(0.0, "so so so", 1.0, 0.1, ""),
        Sample(0.1, "so so", 1.1, 0.14, "surgical"),
        Sample(0.4, "so", 5.0, 0.9, "explosion"),
    ]
    lines = coherence_lines(samples, ["unsteered", "sad 0.1", "sad 0.4"], greedy=True)
    assert lines[0].startswith("sad 0.1: repeats itself like the unsteered text; perplexity × 1.10, 14 % of word pairs")
    assert lines[1].startswith("sad 0.4: explosion; ")
    assert "The unsteered text repeats itself too" in lines[2]
    assert "try --temperature 0.7" in lines[2]
    assert "--temperature" not in coherence_lines(samples, ["", "", ""], greedy=False)[2]
    varied = [replace(samples[0], distinct=0.95), replace(samples[1], distinct=0.95)]
    assert coherence_lines(varied, ["", "sad 0.1"], greedy=True) == [
        "sad 0.1: surgical; perplexity × 1.10, 95 % of word pairs distinct (unsteered 95 %)"
    ]


def test_one_long_word_is_too_short_to_tell() -> None:
    word, empty = Sample(0.4, "a" * 99, 1.2, math.nan, "collapse"), Sample(0.8, "", math.nan, math.nan, "collapse")
    said = ["sad 0.4: too short to tell; perplexity × 1.20", "sad 0.8: too short to tell"]
    assert (
        coherence_lines([Sample(0.0, "b c", 1.0, 1.0, ""), word, empty], ["", "sad 0.4", "sad 0.8"], greedy=True)
        == said
    )
    lone = [replace(word, regime=""), replace(word, distinct=0.9)]
    assert coherence_lines(lone, ["", "sad 0.4"], greedy=True) == said[:1]


@pytest.mark.parametrize("heads", [["unsteered", "sad 0.1"], ["unsteered", "sad 0.1", "sad 0.2", "sad 0.4"]])
def test_a_text_without_spaces_is_shown_whole(heads: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = "「おばあちゃん、もう一度だけあの歌をうたって」と少女は言って、古い椅子のそばにすわった。" * 2
    Console(width=60).print(steer_columns(heads, [text] * len(heads)))
    out = re.sub(r"[^\u3000-\u9fff\uff00-\uffef]", "", capsys.readouterr().out)
    for character in set(text):
        assert out.count(character) == len(heads) * text.count(character)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--emotion", "angri"), "did you mean 'angry'?"),
        (("--emotion", "sad", "--language", "fr"), "no vectors for 'fr'; there are for en, ja"),
        (("--emotion", "sad", "--positions", "answer"), "give all, prompt or generated"),
        (("--emotion", "sad", "--strength", "0.1", "--strength", "0.2"), "2 of them for 1 emotions"),
        (("--emotion", "sad", "--strength", "nan"), "no finite number"),
        (("--emotion", "sad", "--layer", "7"), "--layer 7: there are vectors for layers [0, 1, 2, 3]"),
        (("--emotion", "sad", "--sweep", "--strength", "0.1"), "leave out --strength"),
        (("--emotion", "sad", "--sweep", "--project-out"), "leave out --strength and --project-out"),
        (("--emotion", "sad", "--strength", "1e38"), "lower the strength"),
    ],
)
def test_what_can_t_be_done_is_said_before_the_model_is_loaded(
    run: Run, vectors: Path, options: tuple[str, ...], said: str
) -> None:
    code, _, err = run("steer", "no-such-model", vectors, "w1 w2", *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--language", "jp"), "no vectors for 'jp'"), (("--layer", "9"), "--layer 9: there are vectors for layers")],
)
def test_no_conversation_begins_with_vectors_that_are_not_there(
    run: Run, vectors: Path, options: tuple[str, ...], said: str
) -> None:
    code, _, err = run("chat", "no-such-model", vectors, *options)
    assert code == 2
    assert said in err


def test_a_study_file_stands_for_its_vectors(run: Run, talking: Path, vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("model: some/model\nlanguages: [en, ja]\n", encoding="utf-8")
    command = ("steer", talking, "study.yaml", "w1 w2", "--emotion", "sad", "--max-new-tokens", "2")
    code, _, err = run(*command)
    assert code == 2
    assert (
        "study.yaml: has no vectors yet; `emovec run study.yaml --until vectors` makes study/vectors.safetensors."
        in err
    )
    (tmp_path / "study").mkdir()
    shutil.copy(vectors, tmp_path / "study" / "vectors.safetensors")
    assert run(*command)[0] == 0


@pytest.mark.parametrize("command", ["steer", "chat", "trace"])
def test_a_file_of_another_kind_is_no_file_of_vectors(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "demo.json").write_text('{"summary": {}}' * 9, encoding="utf-8")
    rest = {"steer": ("w1", "--emotion", "sad"), "trace": ("w1",)}.get(command, ())
    code, _, err = run(command, "no-such-model", "demo.json", *rest)
    assert code == 2
    assert "demo.json: no file of emotion vectors; give a vectors.safetensors, or the folder of a study." in err


def test_vectors_of_another_model_are_refused(run: Run, tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    narrow = EmotionVectors.from_arrays(
        np.random.default_rng(0).standard_normal((1, 2, 4, 8)).astype(np.float32),
        languages=["en"],
        emotions=["a", "b"],
        residual_norm=np.ones((1, 4), np.float32),
    )
    narrow.save(tmp_path / "v.safetensors")
    code, _, err = run("steer", tiny_folder("llama"), tmp_path / "v.safetensors", "w1", "--emotion", "a")
    assert code == 2
    assert "hidden size 8" in err


def test_a_conversation_is_steered_in_between(
    run: Run, talking: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "/again",
        "w1 w2",
        "/steer angry 2.5",
        "/again",
        "/steer",
        "/steer angri 1",
        "/steer sad much",
        "/off",
        "/x",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*lines, "/new", "/quit", "never read"])))
    code, out, _ = run("chat", talking, vectors, "--max-new-tokens", "5", "--temperature", "0")
    assert code == 0
    for said in (
        "There is no message yet",
        "Steered by angry 2.5.",
        "did you mean 'angry'?",
        "such as /steer angry 0.1",
        "Not steered.",
        "A new conversation.",
    ):
        assert said in out
    answers = [part.split("you:")[0].strip() for part in out.split("model: ")[1:]]
    assert len(answers) == 2
    assert answers[0] != answers[1]


def test_the_same_steering_answers_again_with_other_draws(
    run: Run, talking: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("w1 w2\n/again\n/steer sad 1e-9\n/again\n/again\n/quit"))
    console = Console(file=io.StringIO(), width=200)
    monkeypatch.setattr("emovec.cli.chat.console", console)
    assert run("chat", talking, vectors, "--max-new-tokens", "8", "--temperature", "1")[0] == 0
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    answers = re.findall("model: (.*)\n", printed)
    assert len(answers) == 4
    assert all("you:" not in answer for answer in answers)
    first, again, steered, steered_again = answers
    assert again == steered  # the strength is next to nothing
    assert len({first, again, steered_again}) == 3


def test_a_base_model_can_t_be_talked_with(run: Run, tiny_folder: Callable[..., Path], vectors: Path) -> None:
    code, _, err = run("chat", tiny_folder("llama"), vectors)
    assert code == 2
    assert "is a base model without a chat template" in err


def test_a_message_that_could_not_be_answered_is_replaced_by_the_next(
    run: Run, talking: Path, vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns') }}"
    )
    shutil.copytree(talking, tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(
        strict + "{% endif %}{{ m.content }} {% endfor %}w0", encoding="utf-8"
    )
    lines = ["/steer angry 1e38", "w1 w2", "/off", "w3 w4", "/quit"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    code, out, _ = run("chat", tmp_path / "model", vectors, "--max-new-tokens", "5", "--temperature", "0")
    assert code == 0
    assert "lower the strength" in out
    assert "refuses these messages" not in out


@pytest.mark.fault("U6")
def test_the_revision_of_the_vectors_is_loaded(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, seen = EmotionVectors.load(vectors), []
    monkeypatch.setattr("emovec.models.before_loading.look_at_model", lambda *_, **__: ModelShape(None, None, None))
    monkeypatch.setattr("emovec.models.load.load_model", lambda model, **options: seen.append((model, options)))
    monkeypatch.setattr(EmotionVectors, "require_fit", lambda *_: None)
    made = replace(read, provenance={"model": "some/model", "revision": "a" * 40})
    for model in ("some/model", "other/model"):
        load_fitting(made, model, "cpu", "auto")
    assert [(model, options["revision"]) for model, options in seen] == [
        ("some/model", "a" * 40),
        ("other/model", None),
    ]
