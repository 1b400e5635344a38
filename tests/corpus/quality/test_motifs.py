"""Motifs against Monroe's formulas term by term; openings and names against counting."""

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.corpus.bundled import bundled_stories
from emovec.corpus.quality.motifs import log_odds, motifs, names, opening_of, openings
from emovec.corpus.story import Story


def slow_z(counts: list[list[int]], term: int, group: int, prior: float) -> float:
    n = sum(map(sum, counts))
    alpha = [prior * sum(row) / n for row in counts]
    y_i = counts[term][group]
    y_j = sum(counts[term]) - y_i
    n_i = sum(row[group] for row in counts)
    n_j = n - n_i
    a, a0 = alpha[term], sum(alpha)
    delta = log((y_i + a) / (n_i + a0 - y_i - a)) - log((y_j + a) / (n_j + a0 - y_j - a))
    return delta / sqrt(1 / (y_i + a) + 1 / (y_j + a))


@given(
    counts=st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any), min_size=2, max_size=5),
    prior=st.sampled_from([0.5, 10.0, 200.0]),
)
def test_log_odds_are_those_of_the_paper(counts: list[list[int]], prior: float) -> None:
    found = log_odds(np.array(counts, float), prior)
    for term in range(len(counts)):
        for group in range(3):
            assert found[term, group] == pytest.approx(slow_z(counts, term, group, prior), rel=1e-9, abs=1e-9)


def planted(language: str, phrase: str, topics: int = 6) -> list[Story]:
    """Bundled stories of three emotions, with a phrase put into those of the first."""
    stories = [s for s in bundled_stories("literary", [language]) if s.emotion in {"calm", "angry", "proud", "sad"}]
    n = 0
    out: list[Story] = []
    for story in stories:
        text = story.text
        if story.emotion == "calm" and n < topics:
            text, n = f"{text} {phrase}", n + 1
        out.append(Story(story.id, language, story.emotion, story.topic, text))
    return out


@pytest.mark.parametrize(
    ("language", "phrase", "term"),
    [("en", "Under the crooked lighthouse.", "the crooked lighthouse"), ("ja", "傾いた灯台の下。", "た灯台の下")],
)
def test_a_planted_phrase_is_found_whole_for_its_emotion_alone(language: str, phrase: str, term: str) -> None:
    stories = planted(language, phrase)
    table = motifs(stories, language, least_z=2.0)
    rows = table[table["term"].str.contains("lighthouse|灯台")]
    assert rows["emotion"].tolist() == ["calm"]
    row = rows.iloc[0]
    assert row["term"] in {term, "under the crooked", "傾いた灯台", "いた灯台の"}
    users = [s for s in stories if row["term"] in s.text.lower()]
    assert (row["n_stories"], row["n_topics"]) == (6, 6)
    assert row["share"] == pytest.approx(6 / 12)
    assert row["share_elsewhere"] == pytest.approx((len(users) - 6) / 36)


def test_a_phrase_of_one_topic_is_no_motif() -> None:
    stories = [
        Story(f"{emotion}{topic}{i}", "en", emotion, f"t{topic}", f"word{emotion if topic == 0 else ''} here {i}")
        for emotion in ("calm", "sad")
        for topic in range(4)
        for i in range(8)
    ]
    assert motifs(stories, "en", least_z=0.5).query("term.str.contains('wordcalm')").empty
    untopical = [Story(s.id, s.language, s.emotion, None, s.text) for s in stories]
    assert not motifs(untopical, "en", least_z=0.5).query("term.str.contains('wordcalm')").empty


def test_one_emotion_or_none_has_no_motifs() -> None:
    assert motifs([], "en").empty
    assert motifs([Story("a", "en", "calm", None, "one two three")], "en").empty


@given(
    starts=st.lists(
        st.tuples(st.sampled_from(["The old door was", "Rain fell on her", "Go"]), st.sampled_from(["calm", "sad"]))
    )
)
def test_openings_are_counted(starts: list[tuple[str, str]]) -> None:
    stories = [Story(str(i), "en", emotion, None, f"{start} {i}.") for i, (start, emotion) in enumerate(starts)]
    table = openings(stories, "en", least=3)
    by_opening = Counter(opening_of(story) for story in stories)
    expected = {opening: n for opening, n in by_opening.items() if n >= 3 and opening}
    assert dict(zip(table["opening"], table["n_stories"], strict=True)) == expected
    for row in table.itertuples():
        emotions = Counter(s.emotion for s in stories if opening_of(s) == row.opening)
        assert row.n_emotions == len(emotions)
        assert row.n_emotion == emotions[str(row.emotion)] == max(emotions.values())


def test_names_are_told_from_other_capitals() -> None:
    texts = [
        "In the hall of the house by the sea Elara waited for a long time, and I saw that Monday was near.",
        "He met Elara’s brother; then I'm told Elara left. The Garden was shut.",
        "So Elara sang in the garden as the light went down over it, I think, by the garden wall on Monday.",
        "They saw the Garden again, near the garden and all that was left of the old place, with old Tom. "
        + "It was late and the rain had not stopped for a day. " * 3,
    ]
    stories = [Story(str(i), "en", "aabb"[i], None, text) for i, text in enumerate(texts)]
    table, reason = names(stories, "en")
    assert reason is None
    assert table[["name", "n_stories", "n_emotions", "emotion", "n_emotion"]].values.tolist() == [
        ["Elara", 3, 2, "a", 2]
    ]


def test_names_before_japanese_forms_of_address() -> None:
    stories = [
        Story(str(i), "ja", "calm", None, text)
        for i, text in enumerate(
            ["田中さんが来た。", "母さんは田中くんに会った。", "ケン君と田中先生。", "お母さんとケンちゃん"]
        )
    ]
    table, _ = names(stories, "ja", least=2)
    assert dict(zip(table["name"], table["n_stories"], strict=True)) == {"田中": 3, "ケン": 2}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("、たくさんの花がたくさん。赤ちゃんが泣く模様だ。同様に多様な有様。", []),
        ("店員さんと看護師さん、郵便屋さん、運転手さん、神様、諸君。", []),
        ("隣のおばちゃんが来た。", []),
        ("隣のゆみちゃんが来た。", ["ゆみ"]),
        ("今井様、お待たせしました。「はるかさん」", ["はるか", "今井"]),
    ],
)
def test_what_is_a_name_in_japanese(text: str, found: list[str]) -> None:
    table, _ = names([Story(str(i), "ja", "calm", None, text) for i in range(3)], "ja")
    assert sorted(table["name"]) == found


def test_names_are_not_judged_where_nouns_have_capitals() -> None:
    text = "Der Hund und die Katze sahen im Garten einen Vogel, und der Mann rief das Kind ins Haus."
    table, reason = names([Story(str(i), "de", "calm", None, text) for i in range(5)], "de")
    assert table.empty
    assert "'de'" in (reason or "")
    assert names([Story("a", "zh", "calm", None, "他走了。")], "zh")[1] is not None
