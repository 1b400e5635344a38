"""Ask a hosted model many questions: one alone, then several at once, until all are answered or it stops answering."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from emovec.asking.batch_mode import batch_mode
from emovec.asking.errors import RETRIES, reason_of
from emovec.errors import EmovecError

if TYPE_CHECKING:
    from inspect_ai.model import Model

CONNECTIONS = 10
_MOST_IN_A_BATCH_RUN = 20_000


@dataclass(frozen=True)
class Question:
    """What a model is asked.

    Attributes:
        key: the same for each attempt at one question.
        prompt: a text, or messages with a `role` (`system`, `user`) and their `content`.
        config: fields of Inspect's `GenerateConfig` for this question alone, such as `seed`.
        about: whatever the asker wants to have back.
    """

    key: str
    prompt: str | Sequence[Mapping[str, str]]
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    about: Any = None


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        text: the answer.
        stop: why it ended there, in Inspect's words.
        usage: tokens, as the provider counts them.
        error: why there is no answer at all, without keys; empty where there is one.
    """

    text: str = ""
    stop: str = ""
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    error: str = ""

    @property
    def cut(self) -> bool:
        """Whether the answer ends at a limit of tokens."""
        return self.stop in {"max_tokens", "model_length"}


OnAnswer = Callable[[Question, Reply], Iterable[Question]]


def ask_all(
    questions: Iterable[Question],
    model: "str | Model",
    on_answer: OnAnswer,
    *,
    config: Mapping[str, Any] | None = None,
    stop_after: int = 1,
    connections: int = CONNECTIONS,
    batch: bool = False,
    setting: str = "",
    kept: Callable[[], str] | None = None,
) -> None:
    """Ask a model all questions, and those that their answers lead to.

    Args:
        questions: in the order in which they are sent.
        model: as Inspect names it (`openai/gpt-4o-mini`, `hf/…`), or one of Inspect's models.
        on_answer: called with each question and what came back, also where that is an error; it keeps the answer, and
            returns questions to ask later, such as the same once more. An `EmovecError` from it stops the run.
        config: fields of Inspect's `GenerateConfig` for all questions.
        stop_after: how many questions may fail with no answer between them. The first of all may not.
        connections: questions sent at once.
        batch: send all at once in the provider's batch mode.
        setting: what names the model, for messages.
        kept: says what a later run goes on from, for messages.

    Raises:
        EmovecError: if Inspect or the model isn't there, or the model stops answering: why, without keys.
    """
    try:
        import_module("inspect_ai.model")
    except ImportError as error:
        raise EmovecError(f"{setting or model}: models are asked through Inspect: pip install inspect-ai") from error
    shared = {"max_retries": RETRIES, "max_connections": connections, "batch": batch or None, **(config or {})}
    name = f"{setting}: {model}" if setting else str(model)
    run = _Run(deque(questions), on_answer, shared, stop_after, batch, name, kept)
    try:
        asyncio.run(run.everything(model, connections))
    except (EmovecError, KeyboardInterrupt):
        raise
    except Exception as error:  # the provider can't be set up, or a batch can't be sent
        if run.opened:
            raise run.stopped or run.gone(reason_of(error)) from error
        raise EmovecError(f"{name}: this model can't be asked ({reason_of(error)}).") from error
    if run.stopped:
        raise run.stopped


@dataclass
class _Run:
    """The questions that wait, and what has come of those that were asked.

    Attributes:
        queue: questions that wait.
        on_answer: as in `ask_all`.
        config: fields of Inspect's `GenerateConfig` for all questions.
        stop_after: as in `ask_all`.
        batch: as in `ask_all`.
        name: of the model, for messages.
        kept: as in `ask_all`.
        opened: whether the model could be set up.
        answered: how many questions got an answer.
        failing: keys of the questions that failed since the last answer.
        stopped: why no more questions are sent.
    """

    queue: deque[Question]
    on_answer: OnAnswer
    config: Mapping[str, Any]
    stop_after: int
    batch: bool
    name: str
    kept: Callable[[], str] | None
    opened: bool = False
    answered: int = 0
    failing: set[str] = field(default_factory=set[str])
    stopped: EmovecError | None = None

    async def everything(self, model: "str | Model", connections: int) -> None:
        from inspect_ai.model import get_model

        async with (
            batch_mode() if self.batch else nullcontext(),
            # A name is looked up anew for each run: a model that was closed before can't be asked again.
            get_model(model, memoize=False) if isinstance(model, str) else nullcontext(model) as asked,
        ):
            self.opened = True
            if not self.batch:
                # The first alone: what is wrong with the model shows before all others are sent.
                await self.work(asked, most=1)
            n = min(len(self.queue), _MOST_IN_A_BATCH_RUN if self.batch else connections)
            await asyncio.gather(*(self.work(asked) for _ in range(n)))

    async def work(self, asked: "Model", most: int | None = None) -> None:
        """Ask one question after another, `most` of them at most."""
        from inspect_ai.model import GenerateConfig

        while self.queue and self.stopped is None and most != 0:
            most = None if most is None else most - 1
            question = self.queue.popleft()
            reply = await _reply(asked, question, GenerateConfig.model_validate({**self.config, **question.config}))
            if reply.error:
                self.failing.add(question.key)
            else:
                self.answered += 1
                self.failing.clear()
            try:
                self.queue.extend(self.on_answer(question, reply))
            except EmovecError as error:  # a full disk, or answers that are of no use
                self.stopped = self.stopped or error
            if len(self.failing) >= (self.stop_after if self.answered or self.batch else 1):
                self.stopped = self.stopped or self.gone(reply.error)

    def gone(self, reason: str) -> EmovecError:
        """The error of a model that answers no more."""
        what = "the model has stopped answering" if self.answered else "the model gave no answer"
        return EmovecError(f"{self.name}: {what} ({reason}){f'; {self.kept()}' if self.kept else ''}.")


async def _reply(asked: "Model", question: Question, config: Any) -> Reply:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    prompt: Any = question.prompt
    if not isinstance(prompt, str):
        kinds = {"system": ChatMessageSystem, "user": ChatMessageUser}
        prompt = [kinds[message["role"]](content=message["content"]) for message in prompt]
    try:
        output = await asked.generate(prompt, config=config)
    except Exception as error:  # every provider raises kinds of its own
        return Reply(error=reason_of(error))
    if output.error and output.stop_reason != "content_filter":
        return Reply(error=reason_of(output.error))
    counted = output.usage.model_dump() if output.usage else {}
    usage = {name: n for name, n in counted.items() if isinstance(n, int) and n}
    return Reply(output.completion, str(output.stop_reason), usage)
