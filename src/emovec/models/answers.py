"""What of a model's text is its answer: without thinking before it, and of several channels the final one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

THINKING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>thought": "<channel|>",
    "◁think▷": "◁/think▷",
}
"""What models write before and after they think."""

_OPEN, _CLOSE = (f"(?:{'|'.join(map(re.escape, marks))})" for marks in (THINKING, THINKING.values()))
_THINKING = re.compile(rf"{_OPEN}.*?(?:{_CLOSE}|\Z)", re.DOTALL)
_THOUGHT_END = re.compile(rf"\A.*{_CLOSE}", re.DOTALL)  # opened by the prompt
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)(?:(?!<\|channel).)*?<\|message\|>(.*?)(?=<\|(?:end|return|start|channel|call)\|>|\Z)",
    re.DOTALL,
)


_CHANNEL_MARK = re.compile(r"<\|(?:end|return|start|channel|call)\|>")


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        text: the answer itself.
        thought: whether thinking before it was taken away.
    """

    text: str
    thought: bool = False


def answer_of(written: str, special: Sequence[str] = ()) -> Answer:
    """The answer in what a model wrote: without thinking, and of several channels the final one.

    Thinking that is never closed leaves no answer. `special` holds the special tokens that a text may still hold.
    """
    channels = _CHANNEL.findall(written)
    if channels:
        text = "".join(said for name, said in channels if name == "final")
        thought = any(name != "final" for name, _ in channels)
        # The prompt may have opened the final channel.
        text = text or _CHANNEL_MARK.split(written)[0]
    else:
        text = _THOUGHT_END.sub("", _THINKING.sub("", written))
        thought = text != written
    for token in special:
        text = text.replace(token, "")
    return Answer(text.lstrip() if thought else text, thought)
