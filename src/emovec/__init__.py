"""Emotion vectors in open language models: extraction, geometry with sound statistics, one report.

The names below load their modules at first use, so that `import emovec` stays fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emovec import geometry as geometry
    from emovec.activations.extract import extract as extract
    from emovec.activations.store import Activations as Activations
    from emovec.corpus.read import read_stories as read_stories
    from emovec.corpus.story import Story as Story
    from emovec.errors import EmovecError as EmovecError
    from emovec.models.generate import chat_prompt as chat_prompt
    from emovec.models.generate import generate as generate
    from emovec.models.intervene import intervene as intervene
    from emovec.models.intervene import steer as steer
    from emovec.models.load import load_model as load_model
    from emovec.models.positions import Span as Span
    from emovec.models.positions import character_span as character_span
    from emovec.pipeline.run import run_study as run_study
    from emovec.steering.trace import trace as trace
    from emovec.study.study import Study as Study
    from emovec.vectors.build import build_vectors as build_vectors
    from emovec.vectors.emotion_vectors import EmotionVectors as EmotionVectors
    from emovec.vectors.exporting import export_vectors as export_vectors

_MODULES = {
    "Activations": "emovec.activations.store",
    "EmotionVectors": "emovec.vectors.emotion_vectors",
    "EmovecError": "emovec.errors",
    "Span": "emovec.models.positions",
    "Story": "emovec.corpus.story",
    "Study": "emovec.study.study",
    "build_vectors": "emovec.vectors.build",
    "character_span": "emovec.models.positions",
    "chat_prompt": "emovec.models.generate",
    "export_vectors": "emovec.vectors.exporting",
    "extract": "emovec.activations.extract",
    "generate": "emovec.models.generate",
    "intervene": "emovec.models.intervene",
    "load_model": "emovec.models.load",
    "run_study": "emovec.pipeline.run",
    "read_stories": "emovec.corpus.read",
    "steer": "emovec.models.intervene",
    "trace": "emovec.steering.trace",
}

__all__ = ["geometry", *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "geometry":
        return importlib.import_module("emovec.geometry")
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'emovec' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
