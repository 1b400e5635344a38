"""The check of a corpus against slow, obvious counting."""

import json
import re
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from emovec.activations.pooling import first_pooled
from emovec.cli import app
from emovec.cli.show import console
from emovec.config import Style
from emovec.corpus.bundled import STYLES, bundled_neutral, bundled_stories
from emovec.corpus.load import Corpus
from emovec.corpus.quality.check import check_corpus
from emovec.corpus.read import Problem
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.emotions import CONCEPTS_30, DEFAULT_30
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL

LANGUAGES, EMOTIONS, TOPICS = ["en", "ja"], ["calm", "sad"], [None, "a", "b"]
texts = st.sampled_from(["one", "one two", "one  two\n", "one two three four", "I am calm now", "", "五つ", "一つ"])
records = st.lists(
    st.tuples(st.sampled_from(LANGUAGES), st.sampled_from([*EMOTIONS, NEUTRAL]), st.sampled_from(TOPICS), texts),
    max_size=25,
)


def corpus_from(records: list[tuple[str, str, str | None, str]]) -> Corpus:
    stories = [Story(f"s{i}", *record) for i, record in enumerate(records)]
    return Corpus([s for s in stories if s.emotion != NEUTRAL], [s for s in stories if s.emotion == NEUTRAL], [], {})


@given(records=records)
def test_counts_and_balance(records: list[tuple[str, str, str | None, str]]) -> None:
    corpus = corpus_from(records)
    report = check_corpus(corpus, LANGUAGES, EMOTIONS)
    expected: dict[tuple[str, str, str], int] = {}
    for s in corpus.stories + corpus.neutral:
        cell = (s.language, s.emotion, s.topic or "")
        expected[cell] = expected.get(cell, 0) + 1
    assert {(r.language, r.emotion, r.topic): r.n for r in report.counts.itertuples()} == expected

    topics = {s.topic or "" for s in corpus.stories} or {""}
    for row in report.balance.itertuples():
        mine = [s for s in corpus.stories if s.language == row.language]
        by_emotion = [sum(s.emotion == e for s in mine) for e in EMOTIONS]
        by_cell = [sum((s.emotion, s.topic or "") == (e, t) for s in mine) for e in EMOTIONS for t in topics]
        assert (row.n_stories, row.emotion_min, row.emotion_max) == (len(mine), min(by_emotion), max(by_emotion))
        assert (row.cell_min, row.cell_max, row.empty_cells) == (min(by_cell), max(by_cell), by_cell.count(0))
        assert row.n_topics == len({s.topic for s in mine} - {None})
        assert row.n_neutral == sum(s.language == row.language for s in corpus.neutral)
    assert list(report.balance["language"]) == LANGUAGES


@given(records=records, offset=st.sampled_from([0, 1, 3, 0.3, 0.5]))
def test_tokens(records: list[tuple[str, str, str | None, str]], offset: float) -> None:
    corpus = corpus_from(records)
    report = check_corpus(corpus, LANGUAGES, EMOTIONS, offset=offset, count_tokens=lambda text: len(text.split()))
    groups: dict[tuple[str, str], list[int]] = {}
    short: set[str] = set()
    for s in corpus.stories + corpus.neutral:
        n = len(s.text.split())
        beyond = len(range(first_pooled(n, offset), n))
        groups.setdefault((s.language, "neutral" if s.emotion == NEUTRAL else "stories"), []).append(beyond)
        if not beyond:
            short.add(s.id)
    assert set(report.too_short["id"]) == short
    assert {
        (r.language, r.kind): (r.n_texts, r.n_too_short, r.min, r.median, r.max) for r in report.tokens.itertuples()
    } == {key: (len(ns), ns.count(0), min(ns), median(ns), max(ns)) for key, ns in groups.items()}


@given(records=records)
def test_duplicates(records: list[tuple[str, str, str | None, str]]) -> None:
    corpus = corpus_from(records)
    everything = corpus.stories + corpus.neutral
    report = check_corpus(corpus, LANGUAGES, EMOTIONS)
    found = {row.id: (row.group, row.scope) for row in report.duplicates.itertuples()}
    for a in everything:
        equal = [b for b in everything if b.text.split() == a.text.split()]
        assert (a.id in found) == (len(equal) > 1)
        if len(equal) > 1:
            assert {found[b.id][0] for b in equal} == {found[a.id][0]}
            assert found[a.id][1] == ("across" if {b.emotion for b in equal} != {a.emotion} else "within")


def test_every_empty_corpus_still_gives_whole_tables() -> None:
    report = check_corpus(Corpus([], [], [], {}), ["en"], ["calm"], count_tokens=len)
    assert report.gaps == ["corpus.stories: contains no stories; a record needs a text, a language and an emotion."]
    assert list(report.named.columns) == ["language", "emotion", "id", "words"]
    assert report.n_findings == 1
    assert check_corpus(Corpus([], [], [], {}), [], []).n_findings == 0


def test_named_and_script_and_what_is_not_judged() -> None:
    stories = [
        Story("named", "en", "calm", None, "She was calm."),
        Story("other", "en", "sad", None, "She was calm."),
        Story("script", "en", "sad", None, "Она была спокойна."),
        Story("unknown", "tlh", "sad", None, "jIQuch"),
    ]
    report = check_corpus(Corpus(stories, [], [], {}), ["en", "tlh"], ["calm", "sad"], neutral=False)
    assert list(report.named["id"]) == ["named"]
    assert list(report.script["id"]) == ["script"]
    assert [sentence.split(":")[0] for sentence in report.unjudged] == ["'tlh'", "'tlh'"]
    assert len(report.gaps) == 1
    assert report.gaps[0].startswith("emotions: 'calm' has no story in 'tlh'")


def test_an_emotion_with_no_text_past_the_offset_would_fail() -> None:
    stories = [
        Story("1", "en", "calm", None, "a b c"),
        Story("2", "en", "sad", None, "a"),
        Story("3", "en", "sad", None, "b"),
    ]
    corpus = Corpus(stories, [], [], {})
    report = check_corpus(
        corpus, ["en"], ["calm", "sad"], neutral=False, offset=2, count_tokens=lambda text: len(text.split())
    )
    assert report.gaps == [
        "extraction.offset: no text of 'sad' in 'en' reaches past it (2 read); lower it or give longer texts."
    ]


def test_problems_make_a_run_fail() -> None:
    corpus = Corpus([Story("1", "en", "calm", None, "x")], [], [Problem("f", 1, "no text")], {})
    report = check_corpus(corpus, ["en"], ["calm"], neutral=False)
    assert report.fails
    assert not report.gaps


@pytest.mark.parametrize(
    ("style", "named"), [("varied", 0), ("plain", 1), ("literary", 0), ("controlled", 4), ("concepts", 0)]
)
def test_the_bundled_corpora_are_as_the_data_card_says(style: Style, named: int) -> None:
    corpus = Corpus(bundled_stories(style), bundled_neutral(STYLES[style]), [], {})
    report = check_corpus(corpus, STYLES[style], CONCEPTS_30 if style == "concepts" else DEFAULT_30)
    assert not report.fails
    assert len(report.named) == named
    assert set(report.named["language"]) <= {"ja"}
    assert report.duplicates.empty
    assert report.script.empty
    assert not report.unjudged
    assert report.n_findings == named


def run(*arguments: str) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "_width", 200)
        result = CliRunner().invoke(app, ["corpus", *arguments])
    if isinstance(result.exception, EmovecError):
        raise result.exception
    return result.exit_code, result.output


def test_check_command_on_the_bundled_corpus() -> None:
    code, output = run("check", "bundled-literary", "--no-tokens")
    assert code == 0
    assert "A run can start: 864 texts, nothing found that would stop it." in output
    assert "Tokens" not in output


def test_check_command_refuses_what_holds_no_texts(tmp_path: Path) -> None:
    texts, study = tmp_path / "empty.jsonl", tmp_path / "study.yaml"
    texts.write_text("")
    study.write_text("languages: [en]\ncorpus: {stories: empty.jsonl}\n")
    with pytest.raises(EmovecError, match=r"empty\.jsonl: contains no texts; a record needs"):
        run("check", str(texts), "--no-tokens")
    with pytest.raises(EmovecError, match=r"study\.yaml: corpus\.stories contains no texts; a record needs"):
        run("check", str(study), "--no-tokens")


def test_check_command_lists_findings_without_failing(tmp_path: Path) -> None:
    texts = [("calm", "She was calm."), ("sad", "She was calm."), *[("calm", f"calm {i}") for i in range(12)]]
    write_jsonl([Story(str(i), "en", e, "[red]t", t) for i, (e, t) in enumerate(texts)], tmp_path / "s.jsonl")
    code, output = run("check", str(tmp_path / "s.jsonl"), "--no-tokens")
    assert code == 0
    assert "Stories that name their emotion: 13" in output
    assert "and 3 more (--all lists them)" in output
    assert "across" in output
    _, output = run("check", str(tmp_path / "s.jsonl"), "--no-tokens", "--all")
    assert re.search(r"calm +\[red\]t +13\b", output)


def test_check_command_fails_on_a_study_that_would_fail(tmp_path: Path) -> None:
    good = {"language": "en", "emotion": "calm", "text": "x"}
    (tmp_path / "s.jsonl").write_text(json.dumps(good) + "\n{\n" + json.dumps({**good, "emotion": "joyful"}))
    (tmp_path / "study.yaml").write_text(
        "languages: [en]\nemotions: [calm, sad]\ncorpus: {stories: s.jsonl, neutral: null}\n"
    )
    code, output = run("check", str(tmp_path / "study.yaml"), "--no-tokens")
    assert code == 2
    assert "Records that can't be used: 1" in output
    assert "not valid JSON" in output
    assert "emotions: 'sad' has no story in 'en'" in output
    assert "1 story of other languages or emotions left out: en joyful" in output
    assert "A run would fail: 2 reasons" in output


def test_check_command_counts_tokens_under_the_studys_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Words:
        def text_token_ids(self, text: str) -> list[int]:
            return list(range(len(text.split())))

    asked: list[str] = []
    monkeypatch.setattr("emovec.models.load.load_tokenizer", lambda model, **_: asked.append(model) or Words())
    write_jsonl([Story("1", "en", "calm", None, "a b c"), Story("2", "en", "sad", None, "a")], tmp_path / "s.jsonl")
    (tmp_path / "study.yaml").write_text(
        "model: mine\nlanguages: [en]\nemotions: [calm, sad]\nextraction: {offset: 2}\n"
        "corpus: {stories: s.jsonl, neutral: null}\n"
    )
    code, output = run("check", str(tmp_path / "study.yaml"))
    assert (code, asked) == (2, ["mine"])
    assert "Tokens after the first 2 tokens (mine)" in output
    assert "no text of 'sad' in 'en' reaches past it (1 read)" in output


def test_show_prints_markup_as_it_is_and_disarms_control_characters(tmp_path: Path) -> None:
    write_jsonl([Story("1", "en", "calm", "[b]", "[red]hi[/red] \x1b[31mred :smile:")], tmp_path / "s.jsonl")
    code, output = run("show", str(tmp_path / "s.jsonl"))
    assert code == 0
    assert "[red]hi[/red] \ufffd[31mred :smile:" in output
    assert "\x1b[31m" not in output
    assert "en · calm · [b]" in output


def test_show_filters_and_says_what_there_is() -> None:
    code, output = run("show", "bundled", "--language", "ja", "--emotion", "serene", "-n", "2")
    assert code == 0
    assert output.count("ja · serene") == 2
    assert "2 of 12" in output
    assert (
        "6 of 6"
        in run("show", "bundled", "--kind", "neutral", "--language", "en", "--topic", "night_drive", "-n", "9")[1]
    )
    with pytest.raises(EmovecError, match=r"--emotion: no stories of 'afriad' here; there are afraid, angry"):
        run("show", "bundled", "--emotion", "afriad")


def test_show_wraps_japanese_within_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_width", 60)
    result = CliRunner().invoke(app, ["corpus", "show", "bundled", "--language", "ja", "-n", "1"])
    assert max(map(cell_len, result.output.splitlines())) <= 60
    assert "".join(bundled_stories(languages=["ja"])[0].text.split()) in "".join(result.output.split())
