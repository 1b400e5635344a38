"""Tiny random models of many families, and random stories for them."""

from pathlib import Path

import numpy as np
import torch
import transformers as tf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from emovec.corpus.story import Story

WORDS = [f"w{i}" for i in range(60)]
_SPECIAL = ["<bos>", "<eos>", "<unk>"]
_VOCAB = {word: i for i, word in enumerate(_SPECIAL + WORDS)}

_SIZE = {
    "vocab_size": len(_VOCAB),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 96,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
_OLD = {"n_embd": 32, "n_layer": 4, "n_head": 4, "vocab_size": len(_VOCAB), "n_positions": 96}
_WINDOW = {"sliding_window": 16}

FAMILIES: dict[str, tf.PreTrainedConfig] = {
    "llama": tf.LlamaConfig(**_SIZE),
    # transformers reads every Qwen2 tokenizer as a byte-level one without BOS, so its texts have more tokens.
    "qwen2": tf.Qwen2Config(**{**_SIZE, "vocab_size": 300, "max_position_embeddings": 512}),
    "qwen3": tf.Qwen3Config(**_SIZE),
    "gemma2": tf.Gemma2Config(**_SIZE, **_WINDOW, query_pre_attn_scalar=8),
    "gemma3": tf.Gemma3TextConfig(**_SIZE, **_WINDOW, query_pre_attn_scalar=8),
    "mistral": tf.MistralConfig(**_SIZE, **_WINDOW),
    "phi3": tf.Phi3Config(**_SIZE),
    "gpt2": tf.GPT2Config(**_OLD, bos_token_id=0, eos_token_id=1),
    "gpt_neox": tf.GPTNeoXConfig(**{k: v for k, v in _SIZE.items() if k not in {"num_key_value_heads", "head_dim"}}),
    "olmo2": tf.Olmo2Config(**_SIZE),
}


def save_tiny_tokenizer(folder: Path, config: tf.PreTrainedConfig, *, bos: bool) -> None:
    """One token a word; pad = EOS; with or without a BOS put first."""
    if config.model_type == "qwen2":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocab = {symbol: i for i, symbol in enumerate(_SPECIAL + alphabet)}
        tf.Qwen2Tokenizer(vocab=vocab, merges=[], pad_token="<eos>", eos_token="<eos>").save_pretrained(folder)
        return
    tokenizer = Tokenizer(models.WordLevel(_VOCAB, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 0)])
    wrapped = tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<eos>"
    )
    wrapped.save_pretrained(folder)


def save_tiny_model(folder: Path, config: tf.PreTrainedConfig, *, bos: bool = True) -> Path:
    """A model with random weights that are large enough for every part to matter, and norms that differ from 1."""
    torch.manual_seed(0)
    model = tf.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_gain = parameter.ndim == 1
            parameter.copy_(torch.randn_like(parameter) * (0.2 if is_gain else 0.15))
            if is_gain and "bias" not in name:
                parameter += 1
    model.save_pretrained(folder)
    save_tiny_tokenizer(folder, config, bos=bos)
    return folder


def random_text(generator: np.random.Generator, n_words: int) -> str:
    return " ".join(generator.choice(WORDS, n_words))


def random_stories(
    languages: tuple[str, ...] = ("en", "ja"),
    emotions: tuple[str, ...] = ("afraid", "calm", "joyful", "sad"),
    topics: tuple[str, ...] = ("t1", "t2", "t3"),
    n_neutral: int = 6,
    words: tuple[int, int] = (5, 60),
    seed: int = 0,
) -> list[Story]:
    """One story for each language, emotion and topic, and neutral texts; each emotion prefers words of its own."""
    generator = np.random.default_rng(seed)
    found: list[Story] = []
    for language in languages:
        for position, emotion in enumerate(emotions):
            for topic in topics:
                n = int(generator.integers(*words))
                own = generator.choice(WORDS[position * 5 : position * 5 + 5], n)
                text = " ".join(np.where(generator.random(n) < 0.4, own, generator.choice(WORDS, n)))
                found.append(Story(f"{language}-{emotion}-{topic}", language, emotion, topic, text))
        for i in range(n_neutral):
            text = random_text(generator, int(generator.integers(*words)))
            found.append(Story(f"{language}-neutral-{i}", language, "neutral", topics[i % len(topics)], text))
    return found
