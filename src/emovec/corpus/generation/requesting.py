"""The asking itself: a bounded number of requests at once, each answer kept, the bad ones asked for anew."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from emovec.asking.batch_mode import batch_mode
from emovec.asking.errors import reason_of
from emovec.config import StudyConfig
from emovec.corpus.generation.answers import Answer, Kept, Status, keep_answer
from emovec.corpus.generation.json_lists import DIALOGUES
from emovec.corpus.generation.parsing import parse_answer
from emovec.corpus.generation.requests import Request, Wording, number_of, prompt_of, remaining
from emovec.errors import EmovecError

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model, ModelOutput

BATCHING = frozenset({"openai", "anthropic", "google", "together", "grok"})
"""The providers for which Inspect has a batch mode; others would ignore it without a word."""

_FAILING = 3  # requests in a row without an answer after which the model counts as gone
_LETTERS_OF_A_WORD = 4  # on the low side: German has more, English a little
_TRIAL = 20  # answers without a single usable text after which a model is given up
_MOST_IN_A_BATCH_RUN = 20_000


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
        self.failing: set[str] = set()
        self.errors: Counter[str] = Counter()
        self.stopped: EmovecError | None = None
        self.queue: deque[Request] = deque()
        self.batch = config.generation.batch and has_batch_mode(str(model))
        self.open = False

    def ask(self, requests: Sequence[Request]) -> None:
        """Ask all, again and again up to the limit of attempts."""
        try:
            from inspect_ai.model import get_model
        except ImportError as error:
            raise EmovecError("Texts are written through Inspect: `pip install inspect-ai`.") from error
        self.queue.extend(requests)

        async def everything() -> None:
            # A name is looked up anew for each run: a model that was closed before can't be asked again.
            model = self.model
            async with (
                batch_mode() if self.batch else nullcontext(),
                get_model(model, memoize=False) if isinstance(model, str) else nullcontext(model) as asked,
            ):
                self.open = True
                if not self.batch:
                    # The first alone: what is wrong with the model shows before all others are sent.
                    await self._worker(asked, most=1)
                n = min(len(self.queue), _MOST_IN_A_BATCH_RUN if self.batch else self.settings.max_connections)
                await asyncio.gather(*(self._worker(asked) for _ in range(n)))

        try:
            asyncio.run(everything())
        except (EmovecError, KeyboardInterrupt):
            raise
        except Exception as error:  # the provider can't be set up, or a batch can't be sent
            if self.open:
                self._gone(reason_of(error))
                raise self.stopped or error from error
            raise EmovecError(f"{self.model}: this model can't be asked ({reason_of(error)}).") from error
        if self.stopped:
            raise self.stopped
        if not self.kept.texts:
            raise EmovecError(f"{self.model}: {_none_usable(self.answered)}.")

    async def _worker(self, model: "Model", most: int | None = None) -> None:
        while self.queue and self.stopped is None and most != 0:
            most = None if most is None else most - 1
            request = self.queue.popleft()
            attempt = self.kept.asked[request.id] + 1
            try:
                output = await self._output(model, request, attempt)
            except Exception as error:  # every provider raises kinds of its own
                self._failed(request, attempt, reason_of(error))
                continue
            self._keep(request, attempt, output)

    async def _output(self, model: "Model", request: Request, attempt: int) -> "ModelOutput":
        from inspect_ai.model import ChatMessageSystem, ChatMessageUser

        messages = [
            (ChatMessageSystem if message["role"] == "system" else ChatMessageUser)(content=message["content"])
            for message in prompt_of(request, self.wording, attempt)
        ]
        output = await model.generate(list(messages), config=self._config(request, attempt))
        if output.error and output.stop_reason != "content_filter":
            raise RuntimeError(output.error)
        return output

    def _config(self, request: Request, attempt: int) -> "GenerateConfig":
        from inspect_ai.model import GenerateConfig

        return GenerateConfig(
            temperature=self.settings.temperature,
            max_tokens=self.settings.max_tokens,
            max_connections=self.settings.max_connections,
            max_retries=self.retries,
            seed=number_of(self.settings.seed, request.id, attempt),
            batch=True if self.batch else None,
        )

    def _keep(self, request: Request, attempt: int, output: "ModelOutput") -> None:
        said = output.completion
        texts, problems = parse_answer(said, request, output.stop_reason, self._least(request))
        status, reason = _status(problems)
        answer = Answer(
            request=request.id,
            attempt=attempt,
            status=status,
            reason=reason,
            texts=dict(zip(request.texts, texts, strict=False)),
            model=str(self.model),
            usage=_usage(output),
            answer="" if status == "ok" else said,
        )
        self._add(answer)
        self.answered += 1
        self.failing.clear()
        missing = remaining(request, self.kept.texts)
        if missing is None:
            self.advance(request.n)
        elif self.kept.attempts[request.id] < self.settings.max_attempts:
            self.advance(request.n - missing.n)
            self.queue.append(missing)
        else:
            self.advance(request.n)
        if not self.kept.texts and self.answered >= _TRIAL:
            self._stop(f"{self.model}: {_none_usable(self.answered)}")

    def _least(self, request: Request) -> int:
        """The letters of a story half as long as the shortest that is asked for; dialogues may be short."""
        language = self.wording.languages[request.language]
        if request.kind in DIALOGUES:
            return 0
        return language.shortest * (1 if language.unit == "characters" else _LETTERS_OF_A_WORD) // 2

    def _failed(self, request: Request, attempt: int, said: str) -> None:
        self._add(Answer(request.id, attempt, "error", said, model=str(self.model)))
        self.failing.add(request.id)
        self.errors[request.id] += 1
        if len(self.failing) >= (_FAILING if self.answered or self.batch else 1):
            self._gone(said)
        elif self.errors[request.id] < self.settings.max_attempts:
            self.queue.append(request)
        else:
            self.advance(request.n)

    def _gone(self, said: str) -> None:
        when = "has stopped answering" if self.answered else "gave no answer"
        self._stop(
            f"{self.model}: the model {when} ({said}); {len(self.kept.texts):,} texts are kept in "
            f"{self.folder}, and the same command goes on from there"
        )

    def _add(self, answer: Answer) -> None:
        try:
            keep_answer(self.folder, answer)
        except EmovecError as error:  # a full disk: what comes after can't be kept either
            self.stopped = self.stopped or error
            return
        self.kept.add(answer)

    def _stop(self, sentence: str) -> None:
        self.stopped = self.stopped or EmovecError(sentence + ".")


def _status(problems: Sequence[str]) -> tuple[Status, str]:
    """The gravest of the problems: a refusal, then a truncation, then the rest."""
    for status in ("refusal", "truncated", "malformed"):
        for problem in problems:
            if problem.startswith(f"{status}: "):
                return status, problem.removeprefix(f"{status}: ")
    return "ok", ""


def _none_usable(answers: int) -> str:
    return (
        f"none of its {answers} answers holds a usable text (problems.jsonl has them all); take a model that follows "
        "instructions, ask for one text at a time (generation.per_completion: 1), or allow longer answers "
        "(generation.max_tokens)"
    )


def _usage(output: "ModelOutput") -> dict[str, int]:
    counted = output.usage.model_dump() if output.usage else {}
    return {name: n for name, n in counted.items() if isinstance(n, int) and n}


def has_batch_mode(model: str) -> bool:
    """Whether Inspect can send requests to the provider of a model as a batch."""
    return model.split("/")[0] in BATCHING
