"""What is dropped, why, and that nothing of the user's is overwritten unasked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.generation.answers import Answer, keep_answer
from emovec.corpus.generation.repair import DEFAULT_RULES, RULES, offenders, take_back, write_repaired
from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import AuditReport, audit_corpus
from emovec.corpus.quality.check import CheckReport, check_corpus
from emovec.corpus.read import read_stories
from emovec.corpus.write import write_jsonl
from emovec.errors import EmovecError

Checked = tuple[Corpus, CheckReport, AuditReport]


@pytest.fixture(scope="module")
def checked() -> Checked:
    """One story for each fault, and one with two."""
    stories = [s for s in bundled_stories("plain", ["en"]) if s.emotion in {"calm", "sad", "angry"}]
    calm, sad, angry = ([s for s in stories if s.emotion == e][:6] for e in ("calm", "sad", "angry"))
    faulty = [
        replace(calm[0], id="named", text=calm[0].text + " She was calm."),
        replace(calm[1], id="original"),
        replace(sad[0], id="copy", text=calm[1].text + " And that was all of it."),
        replace(sad[1], id="label", text="Story 3: " + sad[1].text),
        replace(sad[2], id="russian", text="Она сидела у озера и долго молчала, а потом ушла домой."),
        replace(sad[3], id="short", text="Too short."),
        replace(angry[0], id="synonym and tag", text=angry[0].text + " He was livid.</story>"),
        *(replace(s, id=f"opening {i}", text=f"On the last day he {s.text}") for i, s in enumerate(angry[1:4])),
        replace(angry[4], id="good"),
    ]
    neutral = [replace(bundled_neutral(["en"])[0], id="neutral"), replace(bundled_neutral(["en"])[1], id="fenced")]
    neutral[1] = replace(neutral[1], text=f"```\n{neutral[1].text}\n```")
    corpus = Corpus(faulty, neutral, [], {})
    check = check_corpus(
        corpus, ["en"], ["calm", "sad", "angry"], offset=10, count_tokens=lambda text: len(text.split())
    )
    return corpus, check, audit_corpus(corpus, permutations=9)


EXPECTED = {
    "short": {"short"},
    "duplicate": {"copy"},
    "named": {"named"},
    "script": {"russian"},
    "leftover": {"label", "synonym and tag", "fenced"},
    "synonym": {"synonym and tag"},
    "opening": {"opening 1", "opening 2"},
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_drops_its_own(checked: Checked, rule: str) -> None:
    dropped = offenders(*checked, [rule])
    assert set(dropped["id"]) == EXPECTED[rule]
    assert set(dropped["rule"]) == {rule}


def test_default_rules_and_all_of_them(checked: Checked) -> None:
    dropped = offenders(*checked)
    assert set(dropped["id"]) == set().union(*(EXPECTED[rule] for rule in DEFAULT_RULES))
    everything = offenders(*checked, list(RULES))
    both = everything[everything["id"] == "synonym and tag"]
    assert both["rule"].tolist() == ["leftover", "synonym"]
    assert "livid" in " ".join(both["reason"])
    assert everything.loc[everything["id"] == "copy", "reason"].item().startswith("nearly equal to original")
    assert everything.loc[everything["id"] == "fenced", "kind"].item() == "neutral"


def test_a_folder_holds_what_stays_and_a_list_of_the_rest(checked: Checked, tmp_path: Path) -> None:
    corpus = checked[0]
    dropped = offenders(*checked)
    files = write_repaired(corpus, dropped, tmp_path / "out")
    assert [file.name for file in files] == ["stories.en.jsonl", "neutral.en.jsonl", "dropped.jsonl"]
    gone = set(dropped["id"])
    assert read_stories(files[0]) == [s for s in corpus.stories if s.id not in gone]
    assert read_stories(files[1]) == [s for s in corpus.neutral if s.id not in gone]
    records = [json.loads(line) for line in files[2].read_text(encoding="utf-8").splitlines()]
    assert {record["id"] for record in records} == gone
    assert all(set(record) == {"id", "reason"} and record["reason"] for record in records)
    with pytest.raises(EmovecError, match=r"stories\.en\.jsonl: is there already"):
        write_repaired(corpus, dropped, tmp_path / "out")
    everything = dropped.iloc[:0]
    write_repaired(corpus, everything, tmp_path / "out", overwrite=True)
    assert read_stories(files[0]) == corpus.stories
    assert files[2].read_text(encoding="utf-8") == ""


def test_a_file_holds_stories_and_neutral_texts(checked: Checked, tmp_path: Path) -> None:
    dropped = offenders(*checked)
    files = write_repaired(checked[0], dropped, tmp_path / "mine.jsonl")
    assert [file.name for file in files] == ["mine.jsonl", "mine.dropped.jsonl"]
    assert len(read_stories(files[0])) == len(checked[0].stories) + len(checked[0].neutral) - dropped["id"].nunique()
    with pytest.raises(EmovecError, match="written as JSONL"):
        write_repaired(checked[0], dropped, tmp_path / "mine.csv")


def test_not_everything_may_go(checked: Checked, tmp_path: Path) -> None:
    corpus = Corpus([s for s in checked[0].stories if s.id == "label"], [], [], {})
    with pytest.raises(EmovecError, match="no story would stay"):
        write_repaired(corpus, offenders(*checked), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_texts_are_taken_back_from_generated_ones(checked: Checked, tmp_path: Path) -> None:
    keep_answer(tmp_path, Answer("request", 1, "ok", "", {"label": "a", "good": "b", "named": "c"}))
    write_jsonl([s for s in checked[0].stories if s.id in {"label", "good", "named"}], tmp_path / "stories.en.jsonl")
    n, listing = take_back(tmp_path, offenders(*checked))
    assert n == 2
    listed = {line["id"]: line["reason"] for line in map(json.loads, listing.read_text(encoding="utf-8").splitlines())}
    assert set(listed) == {"label", "named"}
    assert listed["named"] == "names its emotion: calm"
    assert [story.id for story in read_stories(tmp_path / "stories.en.jsonl")] == ["good"]


def test_what_a_kill_left_in_the_files_is_taken_out_by_the_next_try(checked: Checked, tmp_path: Path) -> None:
    keep_answer(tmp_path, Answer("request", 1, "ok", "", {"label": "a", "good": "b"}))
    keep_answer(tmp_path, Answer("", 0, "dropped", texts={"label": "a title"}))
    write_jsonl([s for s in checked[0].stories if s.id in {"label", "good"}], tmp_path / "stories.en.jsonl")
    assert take_back(tmp_path, offenders(*checked))[0] == 1
    assert [story.id for story in read_stories(tmp_path / "stories.en.jsonl")] == ["good"]
    assert (tmp_path / "answers.jsonl").read_text().count("dropped") == 1
