"""Runs a model uncompiled for a while, so that its hooks are called."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch

_LOCK = threading.Lock()
_open = 0
_switch: Any = None


@contextmanager
def uncompiled() -> Generator[None]:
    """Run what was compiled by `torch.compile`, or would be, as plain Python while the block lasts.

    A graph compiled before a hook was added doesn't call it, and one compiled after keeps it for good. transformers
    compiles by itself, on CUDA and with a static cache, from the second token on. Blocks may be nested and overlap in
    several threads; the switch is PyTorch's and holds for the whole process.
    """
    global _open, _switch
    with _LOCK:
        if not _open:
            _switch = torch.compiler.set_stance("force_eager")
        _open += 1
    try:
        yield
    finally:
        with _LOCK:
            _open -= 1
            if not _open:  # back to what it was before the first of them
                _switch.__exit__(None, None, None)
