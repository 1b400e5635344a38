"""Inspect's mock model, with answers that follow from what was asked alone."""

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

from emovec.config import parse_config

CONFIG = parse_config(
    {
        "languages": ["en", "ja"],
        "emotions": ["afraid", "angry", "calm"],
        "generation": {
            "kinds": ["stories", "neutral", "dialogues", "masked"],
            "topics": ["job_interview", "family_dinner"],
            **{"stories": 5, "neutral": 3, "dialogues": 3, "per_completion": 2, "max_connections": 4},
        },
    }
)
"""Of 84 texts: stories of 3 emotions, 2 topics, 2 languages, and some of each other kind."""

_WORDS = ("cup", "stairs", "window", "letter", "train", "garden", "kettle", "coat", "bridge", "lamp", "dog", "bread")
_KANJI = "朝の駅で手紙を読んだ。窓の外には犬がいた。橋を渡ると雨が降り始めた。母は黙って茶を淹れた。"


def text_for(seed: str, *, japanese: bool = False, dialogue: bool = False) -> str:
    rng = random.Random(seed)
    if japanese:
        said = (
            "。".join(rng.choices(_KANJI.split("。")[:-1], k=20)) + f"。{rng.randrange(10**6)}番の札が机に残っていた。"
        )
        return f"客: {said}\nAI: {said}" if dialogue else said
    said = " ".join(rng.choices(_WORDS, k=70)) + f" {rng.randrange(10**6)}."
    return f"Person: {said}\nAI: {said}" if dialogue else said.capitalize()


def asked(messages: Sequence[Any]) -> tuple[int, bool, bool]:
    """How many texts a prompt asks for, and whether in Japanese, and dialogues."""
    prompt = messages[-1].text
    number = re.search(r"\d+", prompt)
    assert number is not None
    japanese = sum("ぁ" <= letter <= "ん" for letter in prompt) > 50
    return int(number[0]), japanese, bool(re.search(r"AI:|AI：|speaker|話し手", prompt)) or "二人" in prompt


def said(text: str, stop_reason: Any = "stop") -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", text, stop_reason=stop_reason)
    output.usage = ModelUsage(input_tokens=100, output_tokens=50, total_tokens=150)
    return output


def answer_to(messages: Sequence[Any], config: Any) -> ModelOutput:
    """Whole, partly good, refused, cut off or malformed: which of them depends on the prompt and the seed alone."""
    n, japanese, dialogue = asked(messages)
    seed = f"{messages[-1].text} {config.seed}"
    chance = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % 10
    texts = [text_for(f"{seed} {i}", japanese=japanese, dialogue=dialogue) for i in range(n)]
    if chance == 0:
        return said("I'm sorry, but I can't help with that.")
    if chance == 1:
        return said(json.dumps(texts, ensure_ascii=False)[:-10], "max_tokens")
    if chance == 2:
        return said("What a lovely idea!")
    return said(json.dumps(texts, ensure_ascii=False))


def mock_model(outputs: Callable[..., Any] | Sequence[Any]) -> Model:
    return get_model("mockllm/model", custom_outputs=outputs, memoize=False)
