"""The texts of a study: filtered, in order, limited, complete or refused."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.config import StudyConfig, Style
from emovec.corpus.bundled import STYLES, bundled_neutral, bundled_stories
from emovec.corpus.load import collect_corpus, corpus_of, limit_stories, load_corpus
from emovec.corpus.story import Story
from emovec.corpus.write import write_jsonl
from emovec.emotions import ANTHROPIC_171, CONCEPTS_30, DEFAULT_30
from emovec.errors import EmovecError
from emovec.labels import NEUTRAL


def study(**settings: object) -> StudyConfig:
    return StudyConfig.model_validate(settings)


def story(i: int, language: str, emotion: str, topic: str | None = None) -> Story:
    return Story(f"s{i}", language, emotion, topic, f"Text {i}.")


@pytest.mark.parametrize("style", STYLES)
def test_bundled_counts(style: Style) -> None:
    stories = bundled_stories(style)
    languages = ["en", "ja", "zh", "es", "de"] if style == "varied" else ["en", "ja"]
    assert Counter(s.language for s in stories) == dict.fromkeys(languages, 360)
    cells = Counter((s.language, s.emotion, s.topic) for s in stories)
    assert set(cells.values()) == {1}
    assert {emotion for _, emotion, _ in cells} == set(CONCEPTS_30 if style == "concepts" else DEFAULT_30)
    assert len({topic for _, _, topic in cells}) == 12
    assert len({s.id for s in stories}) == len(stories)
    assert {s.topic for s in stories} == {s.topic for s in bundled_neutral()}


def test_concepts_are_no_emotions() -> None:
    assert not set(CONCEPTS_30) & {*DEFAULT_30, *ANTHROPIC_171}


def test_bundled_neutral_counts() -> None:
    neutral = bundled_neutral()
    assert Counter(s.language for s in neutral) == dict.fromkeys(["en", "ja", "zh", "es", "de"], 72)
    assert set(Counter((s.language, s.topic) for s in neutral).values()) == {6}
    assert {s.emotion for s in neutral} == {NEUTRAL}
    assert [s.language for s in bundled_neutral(["ja"])] == ["ja"] * 72


def test_bundled_refuses_what_it_lacks() -> None:
    with pytest.raises(EmovecError, match="no bundled style 'purple'"):
        bundled_stories("purple")  # type: ignore[arg-type]
    with pytest.raises(EmovecError, match="no neutral dialogues in 'fr', only in en, ja, zh, es, de"):
        bundled_neutral(["fr"])
    with pytest.raises(EmovecError, match="no plain stories in 'de', only in en, ja"):
        bundled_stories("plain", ["de"])


def test_the_default_study_has_the_english_and_japanese_varied_stories() -> None:
    corpus = load_corpus(study(), Path())
    assert corpus.stories == bundled_stories("varied", ["en", "ja"])
    assert corpus.neutral == bundled_neutral(["en", "ja"])
    assert not corpus.problems
    assert {language for language, _ in corpus.left_out} == {"zh", "es", "de"}


def test_languages_follow_the_study_and_others_are_counted() -> None:
    corpus = load_corpus(study(languages=["ja", "en"], emotions=["serene", "afraid"]), Path())
    assert corpus.stories == [s for s in bundled_stories(languages=["ja", "en"]) if s.emotion in {"serene", "afraid"}]
    assert corpus.neutral == bundled_neutral(["ja", "en"])
    assert sum(corpus.left_out.values()) == 1800 - 48
    assert corpus.left_out["en", "calm"] == 12


cells = st.tuples(st.sampled_from(["en", "ja"]), st.sampled_from(["calm", "sad"]), st.sampled_from([None, "a", "b"]))


@given(cells=st.lists(cells, max_size=30), limit=st.integers(1, 4))
def test_limit_takes_turns_over_topics(cells: list[tuple[str, str, str | None]], limit: int) -> None:
    stories = [story(i, *cell) for i, cell in enumerate(cells)]
    expected: list[Story] = []
    for language in ("en", "ja"):
        for emotion in ("calm", "sad"):
            pool = [s for s in stories if (s.language, s.emotion) == (language, emotion)]
            chosen: list[Story] = []
            while pool and len(chosen) < limit:
                used: set[str | None] = set()
                for s in list(pool):
                    if s.topic not in used and len(chosen) < limit:
                        used.add(s.topic)
                        chosen.append(s)
                        pool.remove(s)
            expected.extend(chosen)
    assert limit_stories(stories, limit) == sorted(expected, key=stories.index)


def test_a_quick_look_has_twelve_neutral_texts_for_each_story_of_an_emotion() -> None:
    corpus = load_corpus(study(extraction={"limit": 2}), Path())
    assert set(Counter((s.language, s.emotion) for s in corpus.stories).values()) == {2}
    assert Counter(s.language for s in corpus.neutral) == {"en": 24, "ja": 24}
    assert set(Counter((s.language, s.topic) for s in corpus.neutral).values()) == {2}
    assert len(load_corpus(study(extraction={"limit": 9}), Path()).neutral) == 144


def test_sources_are_relative_to_the_study_and_may_be_many(tmp_path: Path) -> None:
    de = [story(i, "de", emotion) for i, emotion in enumerate(["calm", "sad"])]
    write_jsonl(de, tmp_path / "de.jsonl")
    (tmp_path / "neutral.csv").write_text("words\nDer Zug fährt um acht.\n")
    config = study(
        languages=["de", "en"],
        emotions=["calm", "sad"],
        corpus={
            "stories": ["bundled-plain", "de.jsonl"],
            "neutral": ["bundled", {"path": "neutral.csv", "columns": {"text": "words"}, "language": "de"}],
        },
    )
    corpus = load_corpus(config, tmp_path)
    assert corpus.stories == de + [s for s in bundled_stories("plain", ["en"]) if s.emotion in {"calm", "sad"}]
    assert corpus.neutral[72].id == "neutral-2"
    assert corpus.neutral[:72] + corpus.neutral[73:] == bundled_neutral(["de", "en"])


def test_stories_and_neutral_texts_may_share_a_file(tmp_path: Path) -> None:
    mixed = [story(0, "en", "calm"), story(1, "en", NEUTRAL), story(2, "en", "sad")]
    write_jsonl(mixed, tmp_path / "all.jsonl")
    config = study(languages=["en"], emotions=["calm", "sad"], corpus={"stories": "all.jsonl", "neutral": "all.jsonl"})
    corpus = load_corpus(config, tmp_path)
    assert corpus.stories == [mixed[0], mixed[2]]
    assert corpus.neutral == [mixed[1]]


def refusal(config: StudyConfig, base: Path = Path()) -> str:
    with pytest.raises(EmovecError) as error:
        load_corpus(config, base)
    return str(error.value)


def test_an_unknown_language_names_those_there() -> None:
    assert refusal(study(languages=["en", "fr"])).startswith(
        "languages: 'fr' has no stories; the corpus has de, en, es, ja, zh; add stories"
    )


def test_a_misspelt_emotion_names_the_nearest() -> None:
    message = refusal(study(emotions=["calm", "afriad", "Serene"]))
    assert message.startswith("emotions: 'afriad', 'Serene' have no story in 'en'")
    assert "afriad → afraid" in message
    assert "Serene → serene" in message


def test_many_missing_emotions_are_counted() -> None:
    message = refusal(study(emotions="anthropic-171"))
    assert "'alarmed', 'alert', 'amazed', 'amused', 'annoyed' and 136 more of 171 have no story in 'en'" in message


def test_an_emotion_missing_in_one_language_is_refused(tmp_path: Path) -> None:
    write_jsonl([story(0, "en", "calm"), story(1, "en", "sad"), story(2, "de", "calm")], tmp_path / "s.jsonl")
    config = study(languages=["en", "de"], emotions=["calm", "sad"], corpus={"stories": "s.jsonl", "neutral": None})
    assert refusal(config, tmp_path).startswith("emotions: 'sad' has no story in 'de'; the corpus has calm, sad;")


def test_a_language_without_neutral_texts_is_refused_with_the_remedy(tmp_path: Path) -> None:
    write_jsonl([story(0, "fr", "calm"), story(1, "fr", "sad")], tmp_path / "s.jsonl")
    settings = {"languages": ["fr"], "emotions": ["calm", "sad"]}
    message = refusal(study(**settings, corpus={"stories": "s.jsonl"}), tmp_path)
    assert message.startswith("corpus.neutral: 'fr' has no neutral texts")
    assert "set corpus.neutral: null" in message
    assert len(load_corpus(study(**settings, corpus={"stories": "s.jsonl", "neutral": None}), tmp_path).stories) == 2


def test_broken_records_stop_a_study_but_can_be_collected(tmp_path: Path) -> None:
    good = {"language": "en", "emotion": "calm", "text": "x"}
    records = [good, {**good, "emotion": "sad"}, *[{**good, "text": ""}] * 4]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, records)))
    config = study(languages=["en"], emotions=["calm", "sad"], corpus={"stories": "s.jsonl", "neutral": "s.jsonl"})
    message = refusal(config, tmp_path)
    assert message.startswith("corpus: 4 records can't be used: ")
    assert "s.jsonl:3: no text; " in message
    assert "and 1 more; fix or remove them" in message
    corpus = collect_corpus(config, tmp_path)
    assert [p.line for p in corpus.problems] == [3, 4, 5, 6]
    assert len(corpus.stories) == 2


def test_empty_sources_are_refused(tmp_path: Path) -> None:
    assert "a list of sources is empty" in refusal(study(corpus={"stories": []}))


def test_texts_without_a_study(tmp_path: Path) -> None:
    mixed = [story(0, "fr", "sad"), story(1, "fr", NEUTRAL), story(2, "de", "calm")]
    write_jsonl(mixed, tmp_path / "all.jsonl")
    corpus, languages, emotions = corpus_of(tmp_path / "all.jsonl")
    assert (languages, emotions) == (["fr", "de"], ["sad", "calm"])
    assert (corpus.stories, corpus.neutral) == ([mixed[0], mixed[2]], [mixed[1]])
    assert len(corpus_of("bundled-literary")[0].neutral) == 144
