"""Files beside the texts: settings, tables and labels that are wrong in odd ways end in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from emovec.corpus.generation.topics import load_topics
from emovec.corpus.quality.synonyms import read_synonyms, synonyms_in
from emovec.errors import EmovecError
from emovec.languages.load import load_language
from emovec.languages.norms import load_norms
from emovec.steering.experiments.activities import load_activities
from emovec.steering.experiments.rule_requests import load_prompts
from emovec.steering.experiments.scenarios import read_scenarios, read_templates
from emovec.vectors.emotion_vectors import EmotionVectors
from tests.cli.conftest import Run

HOSTILE_YAML = [
    ("a: &x [1, 1]\nb: [*x, *x]", "'&x' stands for another value"),
    ("a: !!python/object/apply:os.getcwd []", "the tag"),
    ("name: x\nname: y", "line 3: 'name' is set a second time"),
    ("a: " + "[" * 500 + "]" * 500, "nested more than"),
    ("a: " + "9" * 5000, "5,000 digits"),
    ("a: [", "not valid YAML"),
]


@pytest.mark.fault("C6")
@pytest.mark.parametrize(("text", "said"), HOSTILE_YAML)
def test_language_files_and_cards_are_read_with_the_guard(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "xx.yaml").write_text(f"\n{text}")
    with pytest.raises(EmovecError, match=said):
        load_language("xx", tmp_path)
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "README.md").write_text(f"---\n{text}\n---\n")
    (tmp_path / "dataset" / "sad.jsonl").write_text('{"text": "A lake.", "language": "en", "emotion": "sad"}\n')
    code, _, err = run("corpus", "import", "dataset", "--out", "out.jsonl")
    assert code == 2
    assert err.startswith("Error: dataset/README.md: its front matter")
    assert said in err
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.fault("C2")
def test_words_of_norms_and_synonyms_are_found_in_any_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("word;valence\n E\u0301mu ;1,5\n".replace(",", ".").encode("utf-16"))
    assert load_norms(path)[["word", "valence"]].values.tolist() == [["\u00e9mu", 1.5]]
    path.write_text("language\temotion\tword\nEN\te\u0301mu\t at  ease\nfr\t\u00e9mu\te\u0301mue\n", encoding="utf-8")
    synonyms = read_synonyms(path)
    assert synonyms_in("At ease.", "en-GB", "\u00e9mu", synonyms) == ("at ease",)
    assert synonyms_in("E\u0301MUE", "fr", "\u00e9mu", synonyms) == ("\u00e9mue",)
    for text, said in (
        ("word,valence\na,inf\n", "infinite"),
        ("word,valence,valence\na,1,2\n", "two columns are named 'valence'"),
        ("word,valence\na,1,2\n", "line 2: 3 fields"),
        ("", "no column 'word'"),
    ):
        path.write_text(text)
        with pytest.raises(EmovecError, match=said):
            load_norms(path)


@pytest.mark.fault("C1")
@pytest.mark.parametrize(
    ("emotions", "said"),
    [
        (["sad", "../../x"], "it contains '/'|it contains '\\.'"),
        (["sad", "Neutral"], "'neutral' is no emotion"),
        (["e\u0301mu", "\u00e9mu"], "named twice: \u00e9mu"),
        (["sad", "Sad"], "'Sad' is spelt 'sad'"),
        (["sad", "nan"], "means a missing value"),
    ],
)
def test_vectors_take_labels_by_the_one_rule(run: Run, tmp_path: Path, emotions: list[str], said: str) -> None:
    rows = np.random.default_rng(0).normal(size=(1, 2, 3, 4))
    with pytest.raises(EmovecError, match=said):
        EmotionVectors.from_arrays(rows, languages=["en"], emotions=emotions)
    content = EmotionVectors.from_arrays(rows, languages=["en"], emotions=["sad", "calm"]).to_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    told = json.loads(header["__metadata__"]["emovec"])
    header["__metadata__"]["emovec"] = json.dumps({**told, "emotions": emotions})
    changed = json.dumps(header).encode()
    body = content[8 + int.from_bytes(content[:8], "little") :]
    (tmp_path / "v.safetensors").write_bytes(len(changed).to_bytes(8, "little") + changed + body)
    with pytest.raises(EmovecError, match=said):
        EmotionVectors.load(tmp_path / "v.safetensors")
    code, _, err = run("vectors", "export", "v.safetensors", "--format", "hub", "--out", "hub")
    assert (code, err[:21]) == (2, "Error: v.safetensors:")
    assert [path.name for path in tmp_path.iterdir()] == ["v.safetensors"]


@pytest.mark.fault("C1")
def test_texts_of_experiments_take_labels_by_the_one_rule(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    for read, record in (
        (read_scenarios, {"language": "EN", "emotion": " Neutral", "text": "A lake."}),
        (read_templates, {"language": "EN", "template": "{number}", "values": [1, 2, 3], "rises": ["e\u0301mu"]}),
        (load_prompts, {"language": "EN", "prompt": "Write."}),
    ):
        path.write_text(json.dumps(record))
        found = read(path)[0]
        assert found.language == "en"
        path.write_text(json.dumps({**record, "language": "../x"}))
        with pytest.raises(EmovecError, match="is no code of a language"):
            read(path)
    assert read_scenarios
    huge = {"language": "en", "template": "{number}", "values": [1, 2, 10**400], "rises": ["sad"]}
    path.write_text(json.dumps(huge))
    with pytest.raises(EmovecError, match="values must be a list of numbers"):
        read_templates(path)
    activity = {"id": "a", "category": "c", "language": "en\u202e", "text": "t"}
    path.write_text("\n".join(json.dumps({**activity, "id": i, "text": i, "language": "E N"}) for i in "ab"))
    with pytest.raises(EmovecError, match=r"mine\.jsonl:1: 'E N' is no code of a language"):
        load_activities(["en"], path)
    path.write_text("[" * 100_000)
    for read in (read_scenarios, load_prompts, load_topics):
        with pytest.raises(EmovecError, match="JSON"):
            read(str(path) if read is load_topics else path)  # pyright: ignore[reportArgumentType]


@pytest.mark.fault("C4")
def test_corpus_export_replaces_nothing_but_its_own(run: Run, tmp_path: Path) -> None:
    line = '{{"id": "{0}", "text": "A lake.", "language": "{0}", "emotion": "sad"}}\n'
    (tmp_path / "a.jsonl").write_text(line.format("en"))
    (tmp_path / "b.jsonl").write_text(line.format("ja"))
    export = ("corpus", "export", "--no-audit", "--format", "jsonl", "--out", "made")
    assert run(*export, "a.jsonl")[0] == 0
    code, _, err = run(*export, "b.jsonl")
    assert (code, "--overwrite" in err) == (2, True)
    assert run(*export, "b.jsonl", "--overwrite")[0] == 0
    files = sorted(path.relative_to(tmp_path / "made").as_posix() for path in (tmp_path / "made").rglob("*.*"))
    assert files == ["README.md", "data/stories/ja.jsonl"]
    (tmp_path / "made" / "data" / "notes.txt").write_text("mine")
    code, _, err = run(*export, "a.jsonl", "--overwrite")
    assert (code, "contains something other than" in err) == (2, True)
    assert (tmp_path / "made" / "data" / "notes.txt").read_text() == "mine"


@pytest.mark.fault("C8")
def test_a_wrong_command_line_can_not_steer_the_terminal(run: Run) -> None:
    for arguments in (("run", "--\x1b[31mx"), ("\x1b[2Jrun",), ("run", "a", "\x1b]0;x\x07")):
        code, _, err = run(*arguments)
        assert (code, "\x1b" in err, "\x07" in err) == (2, False, False)


@pytest.mark.fault("M7")
@pytest.mark.parametrize(("architecture", "warned"), [("Qwen3NextForCausalLM", True), ("Qwen3ForCausalLM", False)])
def test_export_says_where_llama_cpp_does_not_steer(run: Run, tmp_path: Path, architecture: str, warned: bool) -> None:
    vectors = EmotionVectors.from_arrays(
        np.random.default_rng(0).normal(size=(1, 2, 3, 4)),
        languages=["en"],
        emotions=["sad", "calm"],
        residual_norm=np.ones((1, 3)),
        provenance={"architecture": architecture},
    )
    vectors.save(tmp_path / "v.safetensors")
    code, out, _ = run("vectors", "export", "v.safetensors", "--emotion", "sad", "--out", "sad.gguf")
    assert (code, (tmp_path / "sad.gguf").is_file()) == (0, True)
    assert ("this file changes nothing" in out) == warned


@pytest.mark.fault("C4")
def test_paths_that_no_file_system_takes_are_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "a.jsonl").write_text('{"text": "A lake.", "language": "en", "emotion": "sad"}\n')
    for path in ("x" * 300 + ".jsonl", "loop/x.jsonl"):
        for arguments in (("import", "a.jsonl", "--out", path), ("check", path), ("import", path, "--out", "b.jsonl")):
            code, _, err = run("corpus", *arguments)
            assert (code, err.startswith("Error: ")) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"loop", "a.jsonl"}
