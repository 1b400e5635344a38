from pathlib import Path

from tests.cli.conftest import Run
from tests.corpus.generation.test_prompts import FRENCH


def test_all_languages_with_what_they_have_words_for(run: Run, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "fr.yaml").write_text(FRENCH, encoding="utf-8")
    code, out, err = run("corpus", "languages", "--folder", "mine")

    assert (code, err) == (0, "")
    assert "ja 日本語 30 171 100 240–330 characters 55" in out
    assert "fr français 2 2 1 110–150 words 52" in out


def test_a_broken_file_is_told_and_leaves_with_2(run: Run, tmp_path: Path):
    (tmp_path / "fr.yaml").write_text(FRENCH.replace("{first}", "{fist}"), encoding="utf-8")
    code, out, _ = run("corpus", "languages", "--folder", ".")

    assert code == 2
    assert "prompts.dialogues lacks {first}" in out
    assert "zh 中文 30" in out


def test_what_a_model_would_be_asked(run: Run, tmp_path: Path):
    (tmp_path / "fr.yaml").write_text(FRENCH, encoding="utf-8")
    code, out, _ = run("corpus", "languages", "fr", "--folder", ".", "--kind", "masked")

    assert code == 0
    assert "ne laisse voir aux autres que « calme »" in out
    assert "Écris de courts dialogues" not in out
    assert "No words for 28 of default-30: angry, disgusted," in out
    assert "No sentence of its own for 99 of 100 topics" in out


def test_every_kind_is_shown(run: Run):
    code, out, _ = run("corpus", "languages", "es")

    assert code == 0
    assert all(f"es {kind}" in out for kind in ("stories", "neutral", "dialogues", "masked"))
    assert "No words" not in out


def test_unknown_names(run: Run):
    assert run("corpus", "languages", "xx")[0] == 2
    code, _, err = run("corpus", "languages", "en", "--kind", "story")
    assert code == 2
    assert "did you mean 'stories'?" in err
