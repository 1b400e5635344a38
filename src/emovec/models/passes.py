"""What a pass really showed: whoever reads or changes layers does it here, where each pass is checked.

Some blocks never run on text (the cross-attention of models that also see images), some run several times in a pass
(looped models), and some carry several residual streams. What they give is no layer in the sense of emovec, and without
a check it would be read as one.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from emovec.errors import EmovecError
from emovec.models.blocks import Decoder, block_output
from emovec.models.eager import uncompiled

See = Callable[[int, Tensor], Tensor | None]
"""Gets a layer and its output [batch, token, hidden]; what it returns, if anything, takes the output's place."""


class PassRecord:
    """What the blocks have shown of the pass that is running, or has just run."""

    def __init__(self, decoder: Decoder, layers: Sequence[int]):
        self._hidden = decoder.hidden_size
        self._layers = list(layers)
        self._expected: tuple[int, ...] = ()
        self._shapes: dict[int, list[tuple[int, ...] | None]] = {}
        self._order: list[int] = []  # of the layers' first showing
        self._stopped = False

    def begin(
        self, _module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Start anew with the pass that the decoder begins: its forward pre-hook.

        Gemma 4 runs its last layers on those tokens alone whose logits are asked for; here they run on all.
        """
        ids = named.get("input_ids", arguments[0] if arguments else None)
        given = ids if ids is not None else named["inputs_embeds"]
        self._expected = (*given.shape[:2], self._hidden)
        self._shapes = {layer: [] for layer in self._layers}
        self._order = []
        self._stopped = False
        return arguments, {name: value for name, value in named.items() if name != "logits_to_keep"}

    def add(self, layer: int, shown: Any) -> None:
        """Note what a block gave."""
        self._shapes[layer].append(tuple(shown.shape) if isinstance(shown, Tensor) else None)
        if layer not in self._order:
            self._order.append(layer)

    def stop(self) -> None:
        """Note that the pass is left after what it has shown."""
        self._stopped = True

    def fault(self, layer: int, *, ended: bool) -> str | None:
        """What was wrong with a layer, in words that follow "block k"; None if nothing was."""
        shapes = self._shapes.get(layer, [])
        if not shapes:
            if self._stopped:
                return f"doesn't run before block {self._order[-1]}"
            return "never runs on text" if ended else None
        at = self._order.index(layer)
        if any(other > layer for other in self._order[:at]) or any(other < layer for other in self._order[at + 1 :]):
            return "runs out of the order of the list"
        if len(shapes) > 1:
            return f"runs {len(shapes)} times in a pass" if ended else "runs several times in a pass"
        if shapes[0] != self._expected:
            what = "no tensor" if shapes[0] is None else f"an output of shape {list(shapes[0])}"
            return f"gives {what} where [text, token, hidden] is {list(self._expected)}"
        return None

    def faults(self, *, ended: bool = True) -> dict[int, str]:
        """The layers that were not seen exactly once with the right shape, and why."""
        found = {layer: self.fault(layer, ended=ended) for layer in self._layers}
        return {layer: reason for layer, reason in found.items() if reason is not None}


@contextmanager
def watch_layers(decoder: Decoder, layers: Sequence[int], see: See, *, name: str) -> Generator[PassRecord]:
    """Show each pass's output of some layers to `see` while the block lasts.

    Args:
        decoder: of the model.
        layers: 0-based blocks.
        see: called once a pass for each layer.
        name: what the model is called in errors.

    Raises:
        EmovecError: while the model runs, if a pass shows a layer never, more than once, or in another shape.
    """
    record = PassRecord(decoder, layers)

    def hook_of(layer: int) -> Callable[..., Any]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = block_output(output)
            record.add(layer, hidden)
            if (reason := record.fault(layer, ended=False)) is not None:
                raise refusal({layer: reason}, len(decoder.blocks), name)
            changed = see(layer, hidden)
            if changed is None:
                return None
            return changed if isinstance(output, Tensor) else (changed, *output[1:])

        return hook

    def end(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        require_all(record, decoder, name)

    with ExitStack() as stack:
        stack.enter_context(uncompiled())
        stack.callback(decoder.module.register_forward_pre_hook(record.begin, with_kwargs=True).remove)
        for layer in layers:
            stack.callback(decoder.blocks[layer].register_forward_hook(hook_of(layer)).remove)
        stack.callback(decoder.module.register_forward_hook(end).remove)
        yield record


def require_all(record: PassRecord, decoder: Decoder, name: str) -> None:
    """Refuse a pass that did not show every layer asked for; for a pass that is left before its end.

    Raises:
        EmovecError: names the layers and the remedy.
    """
    if faults := record.faults():
        raise refusal(faults, len(decoder.blocks), name)


def pass_faults(decoder: Decoder, ids: Tensor) -> dict[int, str]:
    """Run token ids [text, token] and say which layers were not seen exactly once with the right shape, and why."""
    layers = range(len(decoder.blocks))
    record = PassRecord(decoder, layers)

    def hook_of(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            record.add(layer, block_output(output))

        return hook

    with ExitStack() as stack, uncompiled(), torch.inference_mode():
        stack.callback(decoder.module.register_forward_pre_hook(record.begin, with_kwargs=True).remove)
        for layer in layers:
            stack.callback(decoder.blocks[layer].register_forward_hook(hook_of(layer)).remove)
        decoder.module(input_ids=ids, use_cache=False)
    return record.faults()


def refusal(faults: Mapping[int, str], n_layers: int, name: str) -> EmovecError:
    """The sentence that names the layers, what is wrong with them, and the remedy."""
    kinds: dict[str, list[int]] = {}
    for layer, reason in faults.items():
        kinds.setdefault(reason, []).append(layer)
    said = "; ".join(f"{_named(layers)} {reason}" for reason, layers in kinds.items())
    readable = [layer for layer in range(n_layers) if layer not in faults]
    if not readable:
        return EmovecError(f"model: emovec can't read {name}: {said}. Take another model.")
    return EmovecError(
        f"layer: {name} can't be read or steered at {'layer' if len(faults) == 1 else 'layers'} "
        f"{', '.join(map(str, faults))}: {said}. Leave them out: set extraction.layers, or the layer that you name, "
        f"to others, of {_ranges(readable)}."
    )


def _named(layers: Sequence[int]) -> str:
    return f"block {layers[0]}" if len(layers) == 1 else f"each of the blocks {_ranges(layers)}"


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers, three or more in a row as first–last: 0–2, 4."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
