"""Proof, on the user's own model, that layers, padding, cache, read-out and steering are what emovec takes them for."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from emovec.models.check_passes import (
    Runs,
    batch_errors,
    device_errors,
    error,
    left_padded_errors,
    normed,
    read_error,
    read_out_error,
    run_alone,
    stopped_errors,
)
from emovec.models.check_steering import cached_errors, steering_errors
from emovec.models.embedded import EMBEDDED
from emovec.models.language_model import LanguageModel
from emovec.models.load import load_model
from emovec.models.passes import pass_faults, refusal
from emovec.models.refusals import quantisation

TEXTS = (
    "Nora's hand stopped inside the drawer, and for a long moment she could not make herself pull the letter out.",
    "彼女は引き出しの中の手紙に触れたまま、しばらく動けなかった。窓の外では雨が降り続いていた。",
    "He waited for her.",
)
"""Texts of different lengths and scripts, so that a batch of them needs padding."""

TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}
_DEVICE_TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 3e-2}

_EXTRACTION = (
    "Activations, and every vector and figure made of them, would be of something else than the layers they name. "
    "Don't extract with this model."
)
_PADDING = (
    "A text's numbers would depend on the texts that it shares a batch with. Set extraction.batch_tokens: 1 (one text "
    "at a time), and report it."
)
_GENERATION = (
    "Steered answers, calibration, preferences and chat rest on generated text, and would be wrong. Extraction is not "
    "affected. Try another version of transformers, or another model."
)
_LENS = (
    "The tokens that the logit lens lists for a direction would be wrong. Extraction, geometry and steering are not "
    "affected."
)
_DEVICE = (
    "The model computes something else here than on the CPU: no result from this device can be trusted. Set "
    "extraction.device: cpu, or install another version of torch."
)


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: what must hold.
        error: largest relative difference found: norm of the difference over norm of the reference.
        tolerance: what the model's floating-point type allows.
        meaning: what a failure means for results, and what to do.
    """

    name: str
    error: float
    tolerance: float
    meaning: str

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; not a number never is."""
        return self.error <= self.tolerance


def check_model(
    model: LanguageModel, texts: Sequence[str] = TEXTS, *, reference: LanguageModel | None = None
) -> list[Check]:
    """Compare what emovec does with a model with plain runs of one text at a time, without padding, cache or hooks.

    Args:
        model: the language model.
        texts: at least two texts of different lengths, of three tokens or more.
        reference: the same model on the CPU in float32, where `model` is on another device or of another type.
    """
    tolerance = TOLERANCES[model.dtype]
    encoded = model.tokenizer.encode(texts)
    faults = {
        **model.behaviour.faults,
        **pass_faults(model.decoder, torch.tensor([encoded[0].ids], device=model.device)),
    }
    layers = [layer for layer in range(model.n_layers) if layer not in faults]
    checks = [_seen_once(model, faults)]
    if not layers:  # nothing is left to check
        return checks
    runs = run_alone(model, encoded, layers)
    found = [*_hook_errors(runs), *_padding_errors(runs), *_use_errors(runs)]
    if reference is not None:
        errors = device_errors(reference, runs)
        device = "each layer is that of the CPU in float32 (mean over tokens)"
        found.append(_Found(device, errors, _DEVICE, _DEVICE_TOLERANCES[model.dtype]))
    checks += [
        Check(each.name, max(each.errors, key=lambda e: (e != e, e)), each.allowed or tolerance, each.meaning)
        for each in found
        if each.errors
    ]
    return checks


class _Found(NamedTuple):
    """What a check found for each text or layer; `allowed` where that is not the tolerance of the type."""

    name: str
    errors: Sequence[float]
    meaning: str
    allowed: float | None = None


def _hook_errors(runs: Runs) -> Iterator[_Found]:
    """Whether layer k is what it is said to be."""
    model, layers = runs.model, runs.layers
    pairs = list(zip(runs.alone, runs.plain, strict=True))
    yield _Found(
        "layer k is what block k + 1 reads, and the last layer what the final norm reads",
        [read_error(states[place], run.read[layer]) for states, run in pairs for place, layer in enumerate(layers)
         if layer in run.read],
        _EXTRACTION,
    )  # fmt: skip
    yield _Found(
        "layer k equals transformers' hidden_states[k + 1], for every block but the last",
        [error(states[place], run.recorded[layer]) for states, run in pairs for place, layer in enumerate(layers)
         if layer in run.recorded],
        _EXTRACTION,
    )  # fmt: skip
    if layers[-1] == model.n_layers - 1:
        yield _Found(
            "the last layer is before the final norm: normed, it equals the decoder's output",
            [error(normed(model, states[-1]), run.output) for states, run in pairs],
            _EXTRACTION,
        )
    yield _Found(
        "stopping after the middle layer changes nothing",
        stopped_errors(runs, layers[: len(layers) // 2 + 1]),
        _EXTRACTION,
    )


def _padding_errors(runs: Runs) -> Iterator[_Found]:
    """Whether a text in a batch is the text alone."""
    yield _Found("texts in a right-padded batch equal texts alone", batch_errors(runs, poison=0), _PADDING)
    yield _Found("what stands in the padding changes nothing", batch_errors(runs, poison=17), _PADDING)
    if runs.model.behaviour.pads_left:
        yield _Found("left padding with an attention mask equals texts alone", left_padded_errors(runs), _GENERATION)


def _use_errors(runs: Runs) -> Iterator[_Found]:
    """Whether what vectors are put to, lens, generation and steering, does what it says."""
    model = runs.model
    yield _Found(
        "final norm and unembedding give the direction of the model's logits",
        [read_out_error(model, run) for run in runs.plain],
        _LENS,
    )
    yield _Found(
        "tokens generated with a cache have the logits of the whole text without",
        cached_errors(runs),
        _GENERATION,
    )
    for positions, errors in steering_errors(runs).items():
        yield _Found(
            f"steering {positions} changes what follows, as it changes each text alone without a cache",
            errors,
            "Steering here would do something else than it says, or nothing: don't steer this model at these "
            "positions. Extraction and geometry are not affected.",
            0.01 if model.dtype == torch.float32 else 0.5,
        )


def cpu_reference(model: LanguageModel, *, trust_remote_code: bool = False) -> tuple[LanguageModel | None, str | None]:
    """The same model on the CPU in float32, to compare with; or None, and why there is none.

    No reason is given where the model itself is on the CPU in float32.
    """
    if model.device.type == "cpu" and model.dtype == torch.float32:
        return None, None
    if quantisation(model.model.config) is not None:
        return None, "its weights are quantised, and can't be read as float32."
    needed, free = 4 * sum(weights.numel() for weights in model.model.parameters()), _free_memory()
    if free is not None and needed > 0.8 * free:
        return None, f"that needs {needed / 1e9:.0f} GB of memory, {free / 1e9:.0f} GB are free."
    local = model.id in EMBEDDED or Path(model.id).expanduser().exists()
    revision = None if local or model.revision == "unknown" else model.revision
    return load_model(
        model.id, revision=revision, device="cpu", dtype="float32", trust_remote_code=trust_remote_code
    ), None


def _free_memory() -> int | None:
    """Bytes of memory that are free; None where the system doesn't say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return None


def _seen_once(model: LanguageModel, faults: Mapping[int, str]) -> Check:
    # The sentence that extraction and steering would say.
    meaning = str(refusal(faults, model.n_layers, model.id)) if faults else ""
    name = "every layer is seen exactly once a pass, in order, as [text, token, hidden]"
    return Check(name, float("inf") if faults else 0.0, 0.0, meaning)
