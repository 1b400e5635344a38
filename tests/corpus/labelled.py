"""Stories and mock judges for tests of labelling."""

from collections.abc import Callable
from typing import Any

from emovec.corpus.story import Story

EMOTIONS = ("angry", "calm", "joyful", "sad")
CONFUSION = {"angry": "angry", "calm": "calm", "joyful": "joyful", "sad": "calm"}
"""What the mock judge says of texts of each emotion."""


def stories(
    topics: int = 5, languages: tuple[str, ...] = ("en", "ja"), emotions: tuple[str, ...] = EMOTIONS
) -> list[Story]:
    """One story for each language, emotion and topic, whose text holds the emotion's place in the list alone."""
    said = {"en": "Scene {} of kind K{}.", "ja": "場面{}、種類K{}。"}
    return [
        Story(f"{language}-{emotion}-{topic}", language, emotion, f"topic{topic}", said[language].format(topic, k))
        for language in languages
        for k, emotion in enumerate(emotions)
        for topic in range(topics)
    ]


def truth(prompt: str) -> str:
    """The intended emotion of the story in a prompt."""
    text = prompt.split("<text>")[1].split("</text>")[0]
    return EMOTIONS[int(text.split("K")[1][0])]


def mock(answer: Callable[[str], Any], stop: Callable[[str], str] = lambda _: "stop") -> Any:
    """Inspect's mock model; usage is set, or Inspect counts tokens with a tokenizer that it would download."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def outputs(messages: Any, *_: Any) -> Any:
        prompt = messages[-1].text
        said = answer(prompt)
        output = ModelOutput.from_content("mockllm/model", str(said), stop_reason=stop(prompt))  # pyright: ignore[reportArgumentType]
        output.usage = ModelUsage(input_tokens=10, output_tokens=2, total_tokens=12)
        if isinstance(said, Exception):
            output.error = str(said)
        return output

    return get_model("mockllm/model", custom_outputs=outputs, memoize=False)
