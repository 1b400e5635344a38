"""Generation as a whole, against Inspect's mock model: nothing lost, nothing asked twice, every failure told."""

import asyncio
import json
import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from emovec.config import StudyConfig, parse_config
from emovec.corpus.generation.answers import read_answers
from emovec.corpus.generation.run import generate, pending_requests
from emovec.corpus.load import collect_corpus
from emovec.errors import EmovecError
from tests.corpus.generation.mocks import CONFIG, answer_to, asked, mock_model, said, text_for


def good(input: Any, _tools: Any, _choice: Any, config: Any) -> Any:
    n, japanese, dialogue = asked(input)
    texts = [text_for(f"{input[-1].text} {config.seed} {i}", japanese=japanese, dialogue=dialogue) for i in range(n)]
    return said(json.dumps(texts))


def mixed(input: Any, _tools: Any, _choice: Any, config: Any) -> Any:
    return answer_to(input, config)


def small(**generation: Any) -> StudyConfig:
    settings = {"topics": ["job_interview"], "kinds": ["stories"], "stories": 4, "per_completion": 2, **generation}
    return parse_config({"languages": ["en"], "emotions": ["afraid", "calm"], "generation": settings})


def files_of(folder: Path) -> dict[str, bytes]:
    names = [path for path in folder.glob("*.jsonl") if path.name not in {"answers.jsonl", "problems.jsonl"}]
    return {path.name: path.read_bytes() for path in names}


def texts_of(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for data in files_of(folder).values() for line in data.decode().splitlines()]


def test_every_text_is_written_where_a_study_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "s-texts"
    found = generate(CONFIG, folder, model=mock_model(good))
    assert found.there == found.planned == 2 * (3 * 2 * 5 + 2 * 3 + 2 * 3 + 3 * 2)
    assert found.usage["output_tokens"] == 50 * found.asked
    written = {"stories": "s-texts/stories.*.jsonl", "neutral": "s-texts/neutral.*.jsonl"}
    corpus = collect_corpus(CONFIG.model_copy(update={"corpus": CONFIG.corpus.model_copy(update=written)}), tmp_path)
    assert len(corpus.stories) == 60
    assert len(corpus.neutral) == 12
    assert not corpus.problems
    assert corpus.stories[0].id == "en-stories-afraid-job_interview-1"
    masked = [json.loads(line) for line in (folder / "masked.ja.jsonl").read_text().splitlines()]
    assert all(record["other"] != record["emotion"] for record in masked)
    assert not (folder / "problems.jsonl").exists()


def test_bad_answers_are_kept_apart_and_asked_for_again(tmp_path: Path) -> None:
    found = generate(CONFIG, tmp_path, model=mock_model(mixed))
    statuses = Counter(answer.status for answer in read_answers(tmp_path).answers)
    assert set(statuses) == {"ok", "refusal", "truncated", "malformed"}
    problems = [json.loads(line) for line in (tmp_path / "problems.jsonl").read_text().splitlines()]
    assert len(problems) == sum(statuses.values()) - statuses["ok"] == found.reasons.total()
    assert all(problem["reason"] and problem["answer"] for problem in problems)
    assert found.there + found.given_up == found.planned
    assert found.there > 0.9 * found.planned
    assert max(read_answers(tmp_path).attempts.values()) <= CONFIG.generation.max_attempts


def test_a_text_given_up_is_asked_for_again_when_more_attempts_are_allowed(tmp_path: Path) -> None:
    refusing = [said("I'm sorry, but I can't help with that.")]
    whole = [said(json.dumps([text_for(f"{i} {j}") for j in range(2)])) for i in range(3)]
    first = generate(small(max_attempts=1, max_connections=1), tmp_path, model=mock_model([*refusing, *whole]))
    assert (first.there, first.given_up, first.asked) == (6, 2, 4)
    again = generate(small(max_attempts=1), tmp_path, model=mock_model([]))
    assert (again.there, again.asked) == (6, 0)
    more = generate(small(max_attempts=2), tmp_path, model=mock_model(good))
    assert (more.there, more.given_up, more.asked) == (8, 0, 1)


def test_only_what_is_missing_of_a_half_good_answer_is_asked_for(tmp_path: Path) -> None:
    wanted: list[int] = []

    def half(input: Any, _tools: Any, _choice: Any, config: Any) -> Any:
        wanted.append(asked(input)[0])
        return said(json.dumps([text_for(f"{len(wanted)}")]))

    config = small(stories=2).model_copy(update={"emotions": ["afraid", "calm"]})
    found = generate(config, tmp_path, model=mock_model(half))
    assert sorted(wanted) == [1, 1, 2, 2]
    assert found.there == found.planned == 4
    assert found.reasons == {("malformed", "fewer texts than were asked for"): 2}


def test_a_limit_is_a_first_look_that_later_runs_go_on_from(tmp_path: Path) -> None:
    first = generate(CONFIG, tmp_path / "a", model=mock_model(mixed), limit=5)
    assert 0 < first.there < first.planned
    kept = (tmp_path / "a" / "answers.jsonl").read_bytes()
    generate(CONFIG, tmp_path / "a", model=mock_model(mixed))
    assert (tmp_path / "a" / "answers.jsonl").read_bytes().startswith(kept)
    generate(CONFIG, tmp_path / "b", model=mock_model(mixed))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_other_numbers_keep_the_texts_that_are_there(tmp_path: Path) -> None:
    generate(small(), tmp_path, model=mock_model(good))
    before = {record["id"]: record["text"] for record in texts_of(tmp_path)}
    found = generate(small(stories=7, per_completion=3), tmp_path, model=mock_model(good))
    after = {record["id"]: record["text"] for record in texts_of(tmp_path)}
    assert found.there == len(after) == 14
    assert before.items() < after.items()
    generate(small(stories=1), tmp_path, model=mock_model([]))
    assert [record["id"][-2:] for record in texts_of(tmp_path)] == ["-1", "-1"]


async def slow(input: Any, _tools: Any, _choice: Any, config: Any) -> Any:
    await asyncio.sleep(random.random() * 0.02)
    return answer_to(input, config)


def run_slowly(folder: Path) -> None:
    generate(CONFIG, folder, model=mock_model(slow))


def test_killed_at_any_moment_it_loses_nothing_and_asks_nothing_twice(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    generate(CONFIG, whole, model=mock_model(mixed))
    rng = random.Random(0)
    lines = 0
    for kill in range(6):
        process = multiprocessing.get_context("fork").Process(target=run_slowly, args=(killed,))
        process.start()
        target = lines + rng.randrange(1, 9)
        while process.is_alive() and lines < target:
            time.sleep(0.001)
            path = killed / "answers.jsonl"
            lines = path.read_bytes().count(b"\n") if path.exists() else 0
        time.sleep(rng.random() * 0.02)
        process.kill()
        process.join()
        if kill == 2:  # as if it had come in the midst of writing
            data = (killed / "answers.jsonl").read_bytes()
            (killed / "answers.jsonl").write_bytes(data[: -rng.randrange(2, 60)])
        lines = (killed / "answers.jsonl").read_bytes().count(b"\n")
    assert 6 < lines < 60
    generate(CONFIG, killed, model=mock_model(mixed))
    assert files_of(killed) == files_of(whole)
    answers = Counter((answer.request, answer.attempt) for answer in read_answers(killed).answers)
    assert set(answers.values()) == {1}
    assert set(answers) == {(answer.request, answer.attempt) for answer in read_answers(whole).answers}
    names = [record["id"] for record in texts_of(killed)]
    assert len(names) == len(set(names))


def test_no_more_requests_at_once_than_set(tmp_path: Path) -> None:
    now, most = 0, 0

    async def counting(input: Any, tools: Any, choice: Any, config: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return good(input, tools, choice, config)

    generate(CONFIG, tmp_path, model=mock_model(counting))
    assert most == CONFIG.generation.max_connections


class Busy(Exception):
    """What a provider's client raises for 429."""


def test_a_busy_provider_is_asked_again_by_inspect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times: Counter[str] = Counter()

    def busy(input: Any, tools: Any, choice: Any, config: Any) -> Any:
        times[input[-1].text] += 1
        if times[input[-1].text] < 3:
            raise Busy("429: rate limit reached")
        return good(input, tools, choice, config)

    model = mock_model(busy)
    monkeypatch.setattr(model.api, "should_retry", lambda error: isinstance(error, Busy))
    monkeypatch.setattr(model.api, "retry_wait", lambda: wait_none())
    found = generate(small(), tmp_path, model=model)
    assert found.there == found.planned
    assert set(times.values()) == {3}
    assert not found.reasons


def test_a_provider_that_stays_busy_is_told_after_the_retries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    def busy(*_: Any) -> Any:
        nonlocal sent
        sent += 1
        raise Busy("429: rate limit reached")

    model = mock_model(busy)
    monkeypatch.setattr(model.api, "should_retry", lambda error: isinstance(error, Busy))
    monkeypatch.setattr(model.api, "retry_wait", lambda: wait_none())
    with pytest.raises(EmovecError, match=r"mockllm/model: the model gave no answer \(429: rate limit reached\)"):
        generate(small(), tmp_path, model=model, retries=2)
    assert sent == 3


def test_a_server_that_dies_midway_loses_nothing(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    generate(CONFIG, whole, model=mock_model(mixed))
    alive = 9

    def dying(input: Any, tools: Any, choice: Any, config: Any) -> Any:
        nonlocal alive
        alive -= 1
        if alive < 0:
            raise ConnectionError("Connection refused")
        return mixed(input, tools, choice, config)

    with pytest.raises(EmovecError, match=r"has stopped answering .Connection refused.; .* the same command continues"):
        generate(CONFIG, broken, model=mock_model(dying))
    kept = [answer for answer in read_answers(broken).answers if answer.status != "error"]
    assert len(kept) == 9
    assert texts_of(broken)
    generate(CONFIG, broken, model=mock_model(mixed))
    assert files_of(broken) == files_of(whole)


def test_one_failing_request_is_no_dead_server(tmp_path: Path) -> None:
    def picky(input: Any, tools: Any, choice: Any, config: Any) -> Any:
        if "“calm”" in input[-1].text:
            raise ValueError("400: the prompt was blocked")
        return good(input, tools, choice, config)

    config = parse_config(
        {
            "languages": ["en"],
            "emotions": ["afraid", "angry", "sad", "calm"],
            "generation": {"kinds": ["stories"], "topics": ["job_interview"], "stories": 2, "max_connections": 1},
        }
    )
    order = [request.emotion for request in pending_requests(config, tmp_path)]
    assert order[0] != "calm"
    found = generate(config, tmp_path, model=mock_model(picky), retries=0)
    assert (found.there, found.planned) == (6, 8)
    assert found.given_up == 0  # an error is no attempt: the next run asks again


@pytest.mark.parametrize("text", ["What a lovely idea!", "Once upon a time there was a cat who sat by the river. " * 9])
def test_a_model_that_ignores_the_format_is_told_early(tmp_path: Path, text: str) -> None:
    def answer(*_: Any) -> Any:
        return said(text)

    many = small(stories=60)
    with pytest.raises(EmovecError, match=r"none of its 2[0-9] answers contains a usable text"):
        generate(many, tmp_path, model=mock_model(answer))
    assert not files_of(tmp_path)
    assert len(read_answers(tmp_path).answers) < 30
    with pytest.raises(EmovecError, match="none of its 6 answers contains a usable text"):
        generate(small(stories=2), tmp_path / "few", model=mock_model(answer))


def test_texts_of_different_makings_are_not_mixed_unasked(tmp_path: Path) -> None:
    generate(small(), tmp_path, model=mock_model(good), limit=1)
    warmer = small(temperature=0.5)
    with pytest.raises(EmovecError, match=r"generation.temperature 1.0 then, 0.5 now.*`out`.*`mix`"):
        generate(warmer, tmp_path, model=mock_model(good))
    generate(warmer, tmp_path, model=mock_model(good), mix=True)
    record = json.loads((tmp_path / "generation.json").read_text())
    assert [made["settings"]["temperature"] for made in record["earlier"]] == [1.0]
    assert record["settings"]["temperature"] == 0.5


def test_changed_prompts_are_noticed(tmp_path: Path) -> None:
    from importlib.resources import files

    generate(small(), tmp_path / "texts", model=mock_model(good), limit=1)
    english = (files("emovec") / "data" / "languages" / "en.yaml").read_text(encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "en.yaml").write_text(english.replace("stories: |\n", "stories: |\n    Take care.\n", 1))
    with pytest.raises(EmovecError, match="the prompt for stories in 'en'"):
        generate(small(languages_folder="own"), tmp_path / "texts", base=tmp_path, model=mock_model(good))


def test_changed_topics_are_noticed(tmp_path: Path) -> None:
    def topics(**sentences: str) -> StudyConfig:
        lines = [json.dumps({"id": name, "en": sentence}) for name, sentence in sentences.items()]
        (tmp_path / "topics.jsonl").write_text("\n".join(lines))
        return small(topics="topics.jsonl", stories=2)

    def run(config: StudyConfig, *, mix: bool = False) -> Any:
        return generate(config, tmp_path / "texts", base=tmp_path, model=mock_model(good), mix=mix)

    run(topics(lake="At a lake.", bus="On a bus."))
    more = run(topics(bus="On a bus.", lake="At a lake.", shop="In a shop."))
    assert (more.there, more.planned, more.asked) == (12, 12, 2)
    with pytest.raises(EmovecError, match=r"other settings \(the topic lake, shop in 'en'\)"):
        run(topics(bus="On a bus.", lake="By a lake.", shop="In a big shop."))
    run(topics(bus="On a bus."))
    with pytest.raises(EmovecError, match=r"the topic lake in 'en'"):  # though it was left out for a while
        run(topics(lake="By a lake.", bus="On a bus."))
    run(topics(lake="By a lake.", bus="On a bus."), mix=True)
    record = json.loads((tmp_path / "texts" / "generation.json").read_text())
    assert record["sentences"]["en"]["lake"] == "By a lake."
    assert record["earlier"][-1]["sentences"]["en"]["lake"] == "At a lake."
    assert run(topics(lake="By a lake.", bus="On a bus.")).there


def test_changed_words_of_emotions_are_noticed(tmp_path: Path) -> None:
    from importlib.resources import files

    english = (files("emovec") / "data" / "languages" / "en.yaml").read_text(encoding="utf-8")
    (tmp_path / "own").mkdir()

    def run(text: str, **settings: Any) -> Any:
        (tmp_path / "own" / "en.yaml").write_text(text, encoding="utf-8")
        config = small(languages_folder="own", **settings)
        return generate(config, tmp_path / "texts", base=tmp_path, model=mock_model(good))

    run(english)
    line = next(line for line in english.splitlines() if line.startswith("  calm:"))
    with pytest.raises(EmovecError, match=r"other settings \(the words for calm in 'en'\)"):
        run(english.replace(line, line.replace("]", ", unruffledly]")))
    elsewhere = next(line for line in english.splitlines() if line.startswith("  weary:"))
    assert run(english.replace(elsewhere, elsewhere.replace("]", ", unruffledly]"))).there == 8
    assert run(english, seed=7, stories=5).there == 10


@pytest.mark.parametrize("record", [None, "{", "[]", '{"model": "mockllm/model"}', '{"model": "m", "settings": 3}'])
def test_a_record_that_tells_nothing_is_no_leave_to_mix(tmp_path: Path, record: str | None) -> None:
    generate(small(), tmp_path, model=mock_model(good), limit=1)
    if record is None:
        (tmp_path / "generation.json").unlink()
    else:
        (tmp_path / "generation.json").write_text(record)
    with pytest.raises(EmovecError, match=r"generation\.json: doesn't say how the texts there were asked for"):
        generate(small(), tmp_path, model=mock_model(good))
    assert generate(small(), tmp_path, model=mock_model(good), mix=True).there == 8


def test_no_key_is_in_an_error_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-proj-abc123DEF456ghi789"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    monkeypatch.setenv("OTHER_TOKEN", "plainlysecret")

    def telling(*_: Any) -> Any:
        raise PermissionError(f"401 Incorrect API key provided: {secret}; Bearer plainlysecret; sk-proj-abc1****i789")

    with pytest.raises(EmovecError) as raised:
        generate(small(), tmp_path, model=mock_model(telling))
    everything = str(raised.value) + "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    for part in (secret, "plainlysecret", "abc1", "i789"):
        assert part not in everything
    assert "401" in str(raised.value)


def test_batch_mode_is_asked_for_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batches: list[Any] = []

    def noting(input: Any, tools: Any, choice: Any, config: Any) -> Any:
        batches.append(config.batch)
        return good(input, tools, choice, config)

    generate(small(batch=True), tmp_path / "a", model=mock_model(noting))
    assert set(batches) == {None}
    assert "no batch mode" in caplog.text
    monkeypatch.setattr("emovec.asking.batch_mode.BATCHING", frozenset({"mockllm"}))
    batches.clear()
    generate(small(batch=True), tmp_path / "b", model=mock_model(noting))
    assert set(batches) == {True}


def test_one_failure_in_a_batch_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emovec.asking.batch_mode.BATCHING", frozenset({"mockllm"}))
    failures = 1

    def first_fails(*given: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise ValueError("500: this item of the batch failed")
        return good(*given)

    found = generate(small(batch=True), tmp_path, model=mock_model(first_fails), retries=0)
    assert found.there == found.planned


def test_a_study_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match=r"generation.model: name the model"):
        generate(small(), tmp_path)


def test_texts_of_somebody_else_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "stories.en.jsonl").write_text("mine\n")
    with pytest.raises(EmovecError, match=r"stories\.en\.jsonl: is there without the answers"):
        generate(small(), tmp_path, model=mock_model(good))
    assert (tmp_path / "stories.en.jsonl").read_text() == "mine\n"
    assert not (tmp_path / "generation.json").exists()
