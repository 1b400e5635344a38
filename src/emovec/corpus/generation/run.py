"""Ask a model for the texts of a study, keep each answer as it comes, and go on where a run before was stopped."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emovec.asking.batch_mode import has_batch_mode
from emovec.asking.errors import RETRIES
from emovec.config import StudyConfig
from emovec.corpus.generation.answers import Kept, read_answers
from emovec.corpus.generation.record import RECORD, read_record, record_of, require_same, settled
from emovec.corpus.generation.requesting import Asking
from emovec.corpus.generation.requests import Request, load_wording, ordered_requests, plan_requests, remaining
from emovec.corpus.generation.text_files import require_own, write_problems, write_texts
from emovec.errors import EmovecError
from emovec.files import write_json
from emovec.lock import locked
from emovec.progress import Track, untracked

if TYPE_CHECKING:
    from inspect_ai.model import Model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How the texts of a study stand.

    Attributes:
        folder: where they are.
        planned: how many texts the study takes.
        there: how many of them are there.
        given_up: how many belong to requests that were answered `max_attempts` times, and still lack them.
        asked: how many answers came in this run.
        reasons: how many answers of all runs were of each (status, reason) other than `ok`.
        usage: tokens of all runs, as the provider counts them.
    """

    folder: Path
    planned: int
    there: int
    given_up: int
    asked: int
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    usage: Counter[str] = field(default_factory=Counter[str])


def pending_requests(config: StudyConfig, folder: str | Path, base: str | Path = ".") -> list[Request]:
    """What is still to be asked: the plan without the texts that are there, and without what was given up.

    Errors as in `plan_requests`.
    """
    return _pending(plan_requests(config, base), read_answers(folder), config.generation.max_attempts)


def generate(
    config: StudyConfig,
    folder: str | Path,
    *,
    base: str | Path = ".",
    model: "str | Model | None" = None,
    limit: int | None = None,
    retries: int = RETRIES,
    mix: bool = False,
    track: Track = untracked,
) -> Outcome:
    """Have the texts of a study written, as many as are missing.

    Args:
        config: the study; its section `generation` says how.
        folder: where answers and texts are kept; a folder with answers goes on from them.
        base: the folder that relative paths in the study start from.
        model: an Inspect model, or its name, such as `openai/gpt-4o-mini`; by default that of the study.
        limit: how many requests to send at most, for a quick look; they count for later runs.
        retries: how often Inspect sends a request again where the provider is busy or does not answer.
        mix: go on although the answers in the folder are from another model, temperature or prompt.
        track: shows progress; called with a description and a number of texts.

    Raises:
        EmovecError: if Inspect or the model isn't there, the model stops answering, no answer holds a usable text, the
            folder holds texts made otherwise or by somebody else, or the disk is full. What was answered is kept.
    """
    folder = Path(folder)
    asked_of = model if model is not None else config.generation.model
    if asked_of is None:
        raise EmovecError(
            "generation.model: name the model that is to write, such as 'openai/gpt-4o-mini' (or give `model`)."
        )
    plan = plan_requests(config, base)
    wording = load_wording(config, base)
    if config.generation.batch and not has_batch_mode(str(asked_of)):
        log.warning("generation.batch: %s has no batch mode here; its requests go out one by one", asked_of)
    with locked(folder):
        kept = read_answers(folder)
        if not kept.answers:
            require_own(folder, plan)
        record = record_of(config, wording, str(asked_of))
        old = read_record(folder) if kept.answers else {}
        if kept.answers and not mix:
            require_same(record, old, folder)
        record = settled(record, old)
        before = len(kept.answers)
        todo = _pending(plan, kept, config.generation.max_attempts)[:limit]
        write_json(folder / RECORD, record | _counts(outcome(folder, plan, kept, config)))
        try:
            if todo:
                total = sum(request.n for request in todo)
                with track("Writing texts", total) as advance:
                    Asking(config, wording, kept, folder, asked_of, retries, advance).ask(todo)
        finally:  # also after Ctrl-C, or with a server that died: the files hold what was answered
            found = outcome(folder, plan, kept, config, len(kept.answers) - before)
            write_texts(folder, ordered_requests(config, list(wording.topics)), kept.texts)
            write_problems(folder, kept.answers)
            write_json(folder / RECORD, record | _counts(found))
    return found


def outcome(folder: Path, plan: Sequence[Request], kept: Kept, config: StudyConfig, asked: int = 0) -> Outcome:
    """How the texts of a plan stand."""
    there = sum(text in kept.texts for request in plan for text in request.texts)
    planned = sum(request.n for request in plan)
    left = sum(request.n for request in _pending(plan, kept, config.generation.max_attempts))
    reasons = Counter((answer.status, answer.reason) for answer in kept.answers if answer.status != "ok")
    usage: Counter[str] = Counter()
    for answer in kept.answers:
        usage.update(answer.usage)
    return Outcome(folder, planned, there, planned - there - left, asked, reasons, usage)


def _pending(plan: Sequence[Request], kept: Kept, attempts: int) -> list[Request]:
    missing = (remaining(request, kept.texts) for request in plan)
    return [request for request in missing if request is not None and kept.attempts[request.id] < attempts]


def _counts(found: Outcome) -> dict[str, Any]:
    return {
        "texts": {"planned": found.planned, "there": found.there, "given_up": found.given_up},
        "problems": {f"{status}: {reason}": n for (status, reason), n in found.reasons.most_common()},
        "usage": dict(found.usage),
    }
