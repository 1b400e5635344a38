"""Versions of libraries that are known to compute wrong numbers for a model or a device: refused when it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from packaging.version import Version

from emovec.errors import EmovecError


@dataclass(frozen=True)
class KnownBad:
    """Versions that are known to be wrong.

    Attributes:
        library: the one at fault.
        first: the first such version.
        fixed: the first version that is right again.
        concerns: whether a model's configuration on a device is among the cases.
        what: what goes wrong, to follow "With LIBRARY VERSION".
        source: the public report.
    """

    library: str
    first: str
    fixed: str
    concerns: Callable[[Any, torch.device], bool]
    what: str
    source: str


def _shares_keys(config: Any, _device: torch.device) -> bool:
    text = config.get_text_config(decoder=True)
    return str(config.model_type).startswith("gemma4") and bool(getattr(text, "num_kv_shared_layers", 0))


KNOWN_BAD = (
    KnownBad(
        "transformers", "5.5.0", "5.5.2", _shares_keys,
        "Gemma 4's layers that share keys and values compute garbage without a cache",
        "https://github.com/huggingface/transformers/issues/45242",
    ),
    KnownBad(
        "torch", "2.8.0", "2.9.0", lambda _config, device: device.type == "mps",
        "Apple's MPS computes wrong numbers without an error",
        "https://github.com/TransformerLensOrg/TransformerLens/issues/1178",
    ),
)  # fmt: skip
"""What is known. A new case is one entry."""


def require_sound(config: Any, device: torch.device, installed: Callable[[str], str] = version) -> None:
    """Refuse a model that the installed libraries are known to run wrongly on this device.

    Args:
        config: transformers' configuration of the model.
        device: where it is going to run.
        installed: the version of a library.

    Raises:
        EmovecError: names the library, the version that is right, and the report.
    """
    for bad in KNOWN_BAD:
        own = Version(Version(installed(bad.library)).base_version)
        if Version(bad.first) <= own < Version(bad.fixed) and bad.concerns(config, device):
            elsewhere = "" if device.type != "mps" or bad.library != "torch" else ", or set extraction.device: cpu"
            raise EmovecError(
                f"model: with {bad.library} {own}, {bad.what} ({bad.source}). Install another version: pip install "
                f"'{bad.library}>={bad.fixed}'{elsewhere}."
            )
