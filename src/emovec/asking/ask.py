"""Ask a hosted model many questions: one alone, then several at once, until all are answered or it stops answering."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
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
        from inspect_ai.model import GenerateConfig, get_model
    except ImportError as error:
        raise EmovecError(f"{setting or model}: models are asked through Inspect: pip install inspect-ai") from error
    shared = {
        "max_retries": RETRIES,
        "max_connections": connections,
        "batch": True if batch else None,
        **(config or {}),
    }
    queue = deque(questions)
    failing: set[str] = set()
    answered, opened = 0, False
    stopped: EmovecError | None = None
    name = f"{setting}: {model}" if setting else str(model)

    def gone(reason: str) -> EmovecError:
        what = "the model has stopped answering" if answered else "the model gave no answer"
        return EmovecError(f"{name}: {what} ({reason}){f'; {kept()}' if kept else ''}.")

    async def work(asked: "Model", most: int | None = None) -> None:
        nonlocal answered, stopped
        while queue and stopped is None and most != 0:
            most = None if most is None else most - 1
            question = queue.popleft()
            reply = await _reply(asked, question, GenerateConfig.model_validate({**shared, **question.config}))
            if reply.error:
                failing.add(question.key)
            else:
                answered += 1
                failing.clear()
            try:
                queue.extend(on_answer(question, reply))
            except EmovecError as error:  # a full disk, or answers that are of no use
                stopped = stopped or error
            if len(failing) >= (stop_after if answered or batch else 1):
                stopped = stopped or gone(reply.error)

    async def everything() -> None:
        nonlocal opened
        async with (
            batch_mode() if batch else nullcontext(),
            # A name is looked up anew for each run: a model that was closed before can't be asked again.
            get_model(model, memoize=False) if isinstance(model, str) else nullcontext(model) as asked,
        ):
            opened = True
            if not batch:
                # The first alone: what is wrong with the model shows before all others are sent.
                await work(asked, most=1)
            n = min(len(queue), _MOST_IN_A_BATCH_RUN if batch else connections)
            await asyncio.gather(*(work(asked) for _ in range(n)))

    try:
        asyncio.run(everything())
    except (EmovecError, KeyboardInterrupt):
        raise
    except Exception as error:  # the provider can't be set up, or a batch can't be sent
        if opened:
            raise stopped or gone(reason_of(error)) from error
        raise EmovecError(f"{name}: this model can't be asked ({reason_of(error)}).") from error
    if stopped:
        raise stopped


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
