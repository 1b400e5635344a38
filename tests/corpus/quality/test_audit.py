"""The audit as a whole, synonyms, leftovers, and the scores."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emovec.corpus.bundled import bundled_neutral, bundled_stories
from emovec.corpus.load import Corpus
from emovec.corpus.quality.audit import STAGES, AuditReport, audit_corpus
from emovec.corpus.quality.boilerplate import leftovers
from emovec.corpus.quality.check import check_corpus
from emovec.corpus.quality.scores import scores
from emovec.corpus.quality.synonyms import listed_synonyms, read_synonyms, synonyms_in
from emovec.corpus.story import Story
from emovec.emotions import DEFAULT_30
from emovec.errors import EmovecError
from emovec.languages import load
from emovec.languages.files import read_language_file
from emovec.languages.lexicon import named_words
from emovec.languages.load import load_language


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("# The lake\nShe sat.", {"heading"}),
        ("She was **very** still.", {"emphasis"}),
        ("She said *no* and left.", {"emphasis"}),
        ("Story 1: She sat.", {"label"}),
        ("**Story 2**\nShe sat.", {"emphasis"}),
        ("物語１：雨が降った。", {"label"}),
        ("【ストーリー1】雨が降った。", {"label"}),
        ("1. She sat by the lake.", {"list mark"}),
        ("- She sat by the lake.", {"list mark"}),
        ("```\nShe sat.\n```", {"code fence"}),
        ("She sat.\n---", {"rule"}),
        ('["She sat."', {"JSON"}),
        ('"text": "She sat."}', {"JSON"}),
        ("<story>She sat.</story>", {"tag"}),
        ("She sat.<|im_end|>", {"tag"}),
        ("She sat.\\nIt rained.", {"escaped character"}),
        ("Here is a story about a lake.\nShe sat.", {"author's voice"}),
        ("Sure! Here are the stories.", {"author's voice"}),
        ("以下は物語です。雨が降った。", {"author's voice"}),
        ("She sat. (120 words)", {"author's voice"}),
        ("I'm sorry, but I can't write this.", {"author's voice"}),
        ("She sat.\nI hope these stories help!", {"author's voice"}),
        ("She sat.\n\nNote: this story avoids the word.", {"author's voice"}),
        ("はい、承知しました。雨が降った。", {"author's voice"}),
        ("雨が降った。\n以上です。", {"author's voice"}),
        ("雨が降った。\n※この物語は創作です。", {"author's voice"}),
        ("第一話\n雨が降った。", {"label"}),
        ("①雨が降った。", {"list mark"}),
        ("・雨が降った。", {"list mark"}),
    ],
)
def test_leftovers_are_told_by_kind(text: str, kinds: set[str]) -> None:
    found = leftovers(text)
    assert set(found) == kinds
    assert all(example for example in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "“Here,” she said, “is the story of my life.” It was 3 < 5, or so he said - and 2 * 3 * 4.",
        "1987 was a dry year. Sure, it rained; the story: none. She wrote A/B and left at 10.30.",
        "A: Where is it?\nB: On the shelf.",
        "「話をしよう」と父は言った。題名のない本だった。",
        "He stood a head taller (by 12 centimetres) – I'm sorry, he said, but I can't stay.",
        "I have told this story 3 times.",
        "I'm sorry, but I can't stay, she had written on the back, and I hope you find the key.",
        "話は以上です、と彼は言った。第一話は昨夜見た。",
    ],
)
def test_ordinary_prose_has_no_leftovers(text: str) -> None:
    assert leftovers(text) == {}


def test_bundled_texts_have_no_leftovers() -> None:
    texts = [
        *bundled_stories("plain"),
        *bundled_stories("literary"),
        *bundled_stories("controlled"),
        *bundled_neutral(),
    ]
    assert {story.id: found for story in texts if (found := leftovers(story.text))} == {}


def test_synonyms_are_listed_for_every_default_emotion_and_name_none() -> None:
    synonyms = listed_synonyms(["en-GB", "ja", "de", "fr", "en"])
    assert set(synonyms) == {(language, emotion) for language in ("en", "ja", "de") for emotion in DEFAULT_30}
    assert synonyms_in("He was Furious, and at  ease; curiously.", "en-GB", "angry", synonyms) == ("furious",)
    assert synonyms_in("at\nease", "en", "calm", synonyms) == ("at ease",)
    assert synonyms_in("彼はゆったりと座った。", "ja", "calm", synonyms) == ("ゆったり",)
    assert synonyms_in("He was calm.", "en", "calm", synonyms) == ()
    assert named_words("He was calm.", "en", "calm")
    assert synonyms_in("furious", "fr", "angry", synonyms) == ()


def test_synonyms_take_the_files_of_their_languages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def own(path: Path) -> dict[str, Any]:
        read.append(path.name)
        return read_language_file(path)

    monkeypatch.setattr(load, "read_language_file", own)
    load._bundled.cache_clear()
    load._read.cache_clear()
    listed_synonyms(["ja", "pt-BR", "tlh"])
    assert set(read) == {"ja.yaml", "pt.yaml"}


@pytest.mark.parametrize("code", ["en", "ja", "zh", "es", "de"])
def test_words_that_prompts_forbid_are_found_by_the_checks(code: str) -> None:
    language, synonyms = load_language(code), listed_synonyms([code])
    for emotion in DEFAULT_30:
        for word in language.labels[emotion]:
            # Of one character in Japanese and Chinese: parts of unrelated words.
            if len(word) > 1:
                assert named_words(word, code, emotion) or synonyms_in(word, code, emotion, synonyms), (emotion, word)


def test_a_list_of_ones_own_replaces_the_synonyms(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("language,emotion,word\nde,angry,fuchtig\n", encoding="utf-8")
    synonyms = read_synonyms(file)
    assert synonyms_in("Er war FUCHTIG.", "de", "angry", synonyms) == ("fuchtig",)
    assert synonyms_in("furious", "en", "angry", synonyms) == ()
    file.write_text("language,word\nde,fuchtig\n", encoding="utf-8")
    with pytest.raises(EmovecError, match=r"mine\.csv: .*no column 'emotion'"):
        read_synonyms(file)
    file.write_text("language,emotion,word\nde,,fuchtig\n", encoding="utf-8")
    with pytest.raises(EmovecError, match=r"mine\.csv:2: .*one is empty"):
        read_synonyms(file)
    with pytest.raises(EmovecError, match=r"none\.csv: can't be read"):
        read_synonyms(tmp_path / "none.csv")


def faulty() -> Corpus:
    """Bundled English stories of six emotions with faults put in by hand."""
    stories = [
        s for s in bundled_stories("plain", ["en"]) if s.emotion in {"calm", "sad", "angry", "proud", "bored", "afraid"}
    ]
    stories[0] = replace(stories[0], text=f"**Story 1:** {stories[0].text}")
    stories[1] = replace(stories[1], text=f"The old clock on {stories[1].text}")
    stories[3] = replace(stories[3], text=f"The old clock on {stories[3].text}")
    stories[5] = replace(stories[5], text=f"The old clock on {stories[5].text}")
    stories.append(replace(stories[10], id="copy", text=stories[10].text + " And so it was.", emotion="sad"))
    return Corpus(stories, bundled_neutral(["en"])[:6], [], {})


def report(corpus: Corpus) -> AuditReport:
    return audit_corpus(corpus, permutations=19)


def test_the_audit_finds_what_was_put_in_and_scores_it() -> None:
    corpus = faulty()
    told: list[int] = []
    found = audit_corpus(corpus, permutations=19, progress=told.append)
    n_texts = len(corpus.stories) + len(corpus.neutral)
    assert sum(told) == STAGES * n_texts
    assert set(found.near_duplicates["id"]) == {corpus.stories[10].id, "copy"}
    assert set(found.leftovers["id"]) == {corpus.stories[0].id}
    assert found.openings[["opening", "n_stories"]].values.tolist() == [["the old clock on", 3]]
    check = check_corpus(corpus, ["en"], sorted({s.emotion for s in corpus.stories}))
    table = scores(corpus, check, found).set_index("check")
    assert table.loc["near duplicates", "score"] == pytest.approx(100 * (1 - 2 / n_texts))
    assert table.loc["leftovers", "score"] == pytest.approx(100 * (1 - 1 / n_texts))
    # The copy begins as its original does.
    assert table.loc["openings", "score"] == pytest.approx(100 * (1 - (3 + 2) / len(corpus.stories)))
    assert table.loc["script", ["score", "mark"]].tolist() == [100, "✓"]
    assert table.loc["balance", "score"] == 100
    accuracy, chance = found.surface.set_index("features").loc["all", ["accuracy", "chance"]]
    assert table.loc["surface alone", "score"] == pytest.approx(100 * (1 - (accuracy - chance) / (1 - chance)))
    assert table.loc["surface alone", "mark"] == "✗"
    assert np.isnan(table.loc["length", "score"])  # not judged: no tokens were counted


def test_an_empty_corpus_has_empty_findings() -> None:
    found = report(Corpus([], [], [], {}))
    assert found.n_findings == 0
    assert found.surface.empty
    only_neutral = Corpus([], bundled_neutral(["en"])[:3], [], {})
    assert report(only_neutral).n_findings == 0
    assert scores(only_neutral, check_corpus(only_neutral, ["en"], ["calm", "sad"]), report(only_neutral)).empty


def test_groups_are_numbered_through_languages_and_unlisted_words_are_told() -> None:
    stories = [
        Story(f"{language}{i}", language, "giddy", None, text)
        for language, text in {
            "en": "one two three four five",
            "ja": "雨が降る夜の道を歩く",
            "sw": "moja mbili tatu nne tano",
        }.items()
        for i in range(2)
    ]
    found = report(Corpus(stories, [], [], {}))
    assert found.near_duplicates["group"].tolist() == [1, 1, 2, 2, 3, 3]
    assert sum("no synonyms are listed for giddy" in sentence for sentence in found.unjudged) == 3


def test_every_text_counts_for_the_script_also_one_without_letters() -> None:
    texts = ("She sat down.", "Она села.", "123!")
    corpus = Corpus([Story(str(i), "en", "calm", None, text) for i, text in enumerate(texts)], [], [], {})
    table = scores(corpus, check_corpus(corpus, ["en"], ["calm", "sad"]), report(corpus)).set_index("check")
    assert table.loc["script", ["n_found", "finding"]].tolist() == [2, "2 of 3 texts are in another script"]
