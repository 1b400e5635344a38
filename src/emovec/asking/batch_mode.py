"""All that takes Inspect's private modules: its batch mode, and its error for a user's mistake.

In batch mode what Inspect says goes to the log without keys, and a batch that fails ends the run.
"""

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any

from emovec.asking.errors import redact
from emovec.errors import EmovecError

BATCHING = frozenset({"openai", "anthropic", "google", "together", "grok"})
"""The providers for which Inspect has a batch mode; others would ignore it without a word."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def batch_mode() -> AsyncGenerator[None]:
    """Ask models in batch mode within this.

    Without it Inspect prints errors of providers as they are, with the key if the provider quotes it; and after a batch
    that could not be sent it waits for ever for all others.

    Raises:
        Exception: what went wrong with a batch as a whole; whoever waits for an answer is cancelled.
    """
    # Inspect has no public way to either.
    background: Any = import_module("inspect_ai._util.background")
    batch_log: Any = import_module("inspect_ai.model._providers.util.batch_log")
    told: Any = None

    def tell(status: Any) -> None:
        nonlocal told
        now = (status.batch_count, status.pending_requests, status.completed_requests, status.failed_requests)
        if now != told and status.batch_count:
            log.info("%d batches; requests: %d pending, %d completed, %d failed", *now)
        told = now

    def say(message: str) -> None:
        log.info("%s", redact(message))

    batch_log.set_batch_log_callback(say)
    batch_log.set_batch_status_callback(tell)
    try:
        async with import_module("anyio").create_task_group() as group:
            background.set_background_task_group(group)
            yield
            group.cancel_scope.cancel()  # all is answered, or nobody waits any more
    except BaseExceptionGroup as errors:
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    finally:
        background.set_background_task_group(None)
        batch_log.set_batch_log_callback(None)
        batch_log.set_batch_status_callback(None)


def has_batch_mode(model: str) -> bool:
    """Whether Inspect can send requests to the provider of a model as a batch."""
    return model.split("/")[0] in BATCHING


@contextmanager
def told_by_inspect() -> Generator[None]:
    """Hand a user's mistake to Inspect as the error that it shows in one line, instead of a traceback."""
    from rich.markup import escape

    try:
        yield
    except EmovecError as error:
        raise import_module("inspect_ai._util.error").PrerequisiteError(escape(str(error))) from error
