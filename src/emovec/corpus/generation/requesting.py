"""The requests for the texts of a study: each answer is kept, and what it lacks is asked for anew."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.asking.ask import Question, Reply, ask_all
from emovec.asking.batch_mode import has_batch_mode
from emovec.config import StudyConfig
from emovec.corpus.generation.answers import Answer, Kept, Status, keep_answer
from emovec.corpus.generation.json_lists import DIALOGUES
from emovec.corpus.generation.parsing import parse_answer
from emovec.corpus.generation.requests import Request, Wording, number_of, prompt_of, remaining
from emovec.errors import EmovecError

if TYPE_CHECKING:
    from inspect_ai.model import Model

_FAILING = 3  # requests in a row without an answer after which the model counts as gone
_LETTERS_OF_A_WORD = 4  # on the low side: German has more, English a little
_TRIAL = 20  # answers without a single usable text after which a model is given up


class Asking:
    """The requests under way in one run, and what came of them."""

    def __init__(
        self,
        config: StudyConfig,
        wording: Wording,
        kept: Kept,
        folder: Path,
        model: "str | Model",
        retries: int,
        advance: Callable[[int], None],
    ):
        self.settings, self.wording, self.kept, self.folder = config.generation, wording, kept, folder
        self.model, self.retries, self.advance = model, retries, advance
        self.answered = 0
        self.errors: Counter[str] = Counter()

    def ask(self, requests: Sequence[Request]) -> None:
        """Ask all, again and again up to the limit of attempts."""
        settings = self.settings
        ask_all(
            map(self._question, requests),
            self.model,
            self._answered,
            config={
                "temperature": settings.temperature,
                "max_tokens": settings.max_tokens,
                "max_retries": self.retries,
            },
            stop_after=_FAILING,
            connections=settings.max_connections,
            batch=settings.batch and has_batch_mode(str(self.model)),
            kept=lambda: (
                f"{len(self.kept.texts):,} texts are kept in {self.folder}, and the same command continues from there"
            ),
        )
        if not self.kept.texts:
            raise EmovecError(f"{self.model}: {_none_usable(self.answered)}.")

    def _question(self, request: Request) -> Question:
        attempt = self.kept.asked[request.id] + 1
        seed = {"seed": number_of(self.settings.seed, request.id, attempt)}
        return Question(request.id, prompt_of(request, self.wording, attempt), seed, (request, attempt))

    def _answered(self, question: Question, reply: Reply) -> list[Question]:
        """Keep an answer; what it leaves to be asked."""
        request, attempt = question.about
        left = self._failed(request, attempt, reply) if reply.error else self._kept(request, attempt, reply)
        return [] if left is None else [self._question(left)]

    def _kept(self, request: Request, attempt: int, reply: Reply) -> Request | None:
        texts, problems = parse_answer(reply.text, request, reply.stop, self._least(request))
        status, reason = _status(problems)
        answer = Answer(
            request=request.id,
            attempt=attempt,
            status=status,
            reason=reason,
            texts=dict(zip(request.texts, texts, strict=False)),
            model=str(self.model),
            usage=reply.usage,
            answer="" if status == "ok" else reply.text,
        )
        self._add(answer)
        self.answered += 1
        missing = remaining(request, self.kept.texts)
        again = missing is not None and self.kept.attempts[request.id] < self.settings.max_attempts
        self.advance(request.n - missing.n if missing is not None and again else request.n)
        if not self.kept.texts and self.answered >= _TRIAL:
            raise EmovecError(f"{self.model}: {_none_usable(self.answered)}.")
        return missing if again else None

    def _failed(self, request: Request, attempt: int, reply: Reply) -> Request | None:
        self._add(Answer(request.id, attempt, "error", reply.error, model=str(self.model)))
        self.errors[request.id] += 1
        if self.errors[request.id] < self.settings.max_attempts:
            return request
        self.advance(request.n)
        return None

    def _add(self, answer: Answer) -> None:
        keep_answer(self.folder, answer)
        self.kept.add(answer)

    def _least(self, request: Request) -> int:
        """The letters of a story half as long as the shortest that is asked for; dialogues may be short."""
        language = self.wording.languages[request.language]
        if request.kind in DIALOGUES:
            return 0
        return language.shortest * (1 if language.unit == "characters" else _LETTERS_OF_A_WORD) // 2


def _status(problems: Sequence[str]) -> tuple[Status, str]:
    """The gravest of the problems: a refusal, then a truncation, then the rest."""
    for status in ("refusal", "truncated", "malformed"):
        for problem in problems:
            if problem.startswith(f"{status}: "):
                return status, problem.removeprefix(f"{status}: ")
    return "ok", ""


def _none_usable(answers: int) -> str:
    return (
        f"none of its {answers} answers contains a usable text (problems.jsonl has them all); take a model that "
        "follows instructions, ask for one text at a time (generation.per_completion: 1), or allow longer answers "
        "(generation.max_tokens)"
    )
