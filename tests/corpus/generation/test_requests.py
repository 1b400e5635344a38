"""The plan of requests against a slow count of what a study takes."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.config import StudyConfig, parse_config
from emovec.corpus.generation.requests import load_wording, ordered_requests, plan_requests, prompt_of, remaining
from emovec.errors import EmovecError

EMOTIONS = ["afraid", "angry", "calm", "sad", "guilty"]
TOPICS = ["job_interview", "family_dinner", "early_spring_garden"]


def study(
    n_emotions: int = 3, n_topics: int = 2, languages: tuple[str, ...] = ("en", "ja"), **more: Any
) -> StudyConfig:
    generation = {"topics": TOPICS[:n_topics], **more}
    return parse_config({"languages": list(languages), "emotions": EMOTIONS[:n_emotions], "generation": generation})


@given(
    kinds=st.lists(st.sampled_from(["stories", "neutral", "dialogues", "masked"]), min_size=1, unique=True),
    n_emotions=st.integers(2, 5),
    n_topics=st.integers(1, 3),
    count=st.integers(1, 7),
    per_completion=st.integers(1, 5),
    seed=st.integers(0, 3),
)
@settings(deadline=None, max_examples=40)
def test_every_text_is_planned_once(
    kinds: list[str], n_emotions: int, n_topics: int, count: int, per_completion: int, seed: int
) -> None:
    counts = dict.fromkeys(("stories", "neutral", "dialogues", "masked"), count)
    config = study(n_emotions, n_topics, kinds=kinds, per_completion=per_completion, seed=seed, **counts)
    plan = list(ordered_requests(config, TOPICS[:n_topics]))
    names = [text for request in plan for text in request.texts]
    assert len(set(names)) == len(names)
    assert len({request.id for request in plan}) == len(plan)
    assert all(1 <= request.n <= per_completion for request in plan)
    found = Counter(
        (request.kind, request.language, request.topic, request.emotion if request.kind != "dialogues" else None)
        for request in plan
        for _ in request.texts
    )
    expected: Counter[tuple[str, str, str, str | None]] = Counter()
    for kind, language, topic in itertools.product(kinds, config.languages, TOPICS[:n_topics]):
        for emotion in config.emotion_words if kind in {"stories", "masked"} else (None,):
            expected[kind, language, topic, emotion] += count
    assert found == expected
    assert all(request.emotion != request.other for request in plan if request.other)


def test_the_order_is_drawn_by_the_seed_and_the_ids_are_not() -> None:
    one, same, other = (plan_requests(study(seed=seed)) for seed in (0, 0, 1))
    assert one == same
    assert one != other
    assert sorted(one, key=lambda r: r.id) == sorted(other, key=lambda r: r.id)
    assert one != list(ordered_requests(study(), TOPICS[:2]))


def test_ids_stay_when_the_study_grows() -> None:
    def names(config: StudyConfig) -> set[str]:
        return {text for request in plan_requests(config) for text in request.texts}

    small = names(study())
    assert "en-stories-afraid-family_dinner-12" in small
    assert small < names(study(4, 3, stories=20, per_completion=7))


def test_dialogues_go_through_all_ordered_pairs_before_any_comes_back() -> None:
    plan = plan_requests(study(4, 3, ("en",), kinds=["dialogues"], dialogues=4))
    assert Counter((request.emotion, request.other) for request in plan) == Counter(
        itertools.permutations(EMOTIONS[:4], 2)
    )


def test_a_hidden_emotion_hides_behind_each_of_the_others_in_turn() -> None:
    plan = plan_requests(study(4, 3, ("en",), kinds=["masked"]))
    assert {(request.emotion, request.other) for request in plan} == set(itertools.permutations(EMOTIONS[:4], 2))


def test_pairs_are_the_same_in_every_language() -> None:
    plan = plan_requests(study(kinds=["dialogues", "masked"]))
    pairs = [
        {(request.kind, request.emotions, request.topic) for request in plan if request.language == language}
        for language in ("en", "ja")
    ]
    assert pairs[0] == pairs[1]


def test_the_prompt_says_how_many_and_of_what() -> None:
    config = study()
    wording = load_wording(config)
    request = next(r for r in plan_requests(config) if r.emotion == "afraid" and r.language == "en")
    system, user = prompt_of(request, wording)
    assert (system["role"], user["role"]) == ("system", "user")
    assert "afraid" in user["content"]
    assert "4" in user["content"]
    assert wording.topics[request.topic].texts["en"] in user["content"]
    left = remaining(request, set(request.texts[1:]))
    assert left is not None
    assert (left.id, left.texts) == (request.id, request.texts[:1])
    assert prompt_of(left, wording)[1] != user
    assert remaining(request, set(request.texts)) is None


def test_prompts_of_other_requests_and_attempts_vary() -> None:
    config = study(stories=24)
    wording = load_wording(config)
    cell = [r for r in plan_requests(config) if (r.emotion, r.language, r.topic) == ("calm", "en", "job_interview")]
    prompts = {prompt_of(request, wording, attempt)[-1]["content"] for request in cell for attempt in (1, 2)}
    assert len(prompts) > len(cell)
    assert prompt_of(cell[0], wording) == prompt_of(cell[0], wording)


def test_a_missing_word_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    config = parse_config({"languages": ["en", "ja"], "emotions": ["afraid", "flabbergasted"]})
    with pytest.raises(EmovecError, match="no word for 'flabbergasted'"):
        plan_requests(config)
    neutral = config.model_copy(update={"generation": config.generation.model_copy(update={"kinds": ["neutral"]})})
    assert plan_requests(neutral)


def test_the_published_design_is_planned_at_once() -> None:
    plan = plan_requests(parse_config({"generation": {"kinds": ["stories"]}}))
    assert sum(request.n for request in plan) == 72_000
