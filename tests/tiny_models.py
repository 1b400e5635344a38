"""Tiny random models of many families, and random stories for them."""

from collections.abc import Callable
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
_MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
_LOCAL_MOE = {"num_local_experts": 4, "num_experts_per_tok": 2}
_MLA = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
_STATE = {"hidden_size": 32, "vocab_size": len(_VOCAB), "num_hidden_layers": 4, "bos_token_id": 0, "eos_token_id": 1}
_MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}
_LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"] * 2,
}
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 8,
}


def _size(*without: str) -> dict[str, int]:
    return {name: value for name, value in _SIZE.items() if name not in without}


_PLAIN = _size("head_dim")
_NO_GROUPS = _size("head_dim", "num_key_value_heads")
_OPT = {**_NO_GROUPS, "ffn_dim": 48}
_OPT.pop("intermediate_size")

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

MORE_FAMILIES: dict[str, Callable[[], tf.PreTrainedConfig]] = {
    # dense
    "opt": lambda: tf.OPTConfig(**_OPT, word_embed_proj_dim=32),
    "opt-350m": lambda: tf.OPTConfig(**_OPT, word_embed_proj_dim=16, do_layer_norm_before=False),
    "gpt1": lambda: tf.OpenAIGPTConfig(**_OLD),
    "gptj": lambda: tf.GPTJConfig(**_OLD, rotary_dim=4, bos_token_id=0, eos_token_id=1),
    "bloom": lambda: tf.BloomConfig(vocab_size=63, hidden_size=32, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=1),
    "falcon": lambda: tf.FalconConfig(
        vocab_size=63, hidden_size=32, num_hidden_layers=4, num_attention_heads=4, bos_token_id=0, eos_token_id=1
    ),
    "cohere": lambda: tf.CohereConfig(**_PLAIN),
    "granite": lambda: tf.GraniteConfig(**_PLAIN, residual_multiplier=0.5, logits_scaling=4.0),
    # mixture of experts
    "mixtral": lambda: tf.MixtralConfig(**_SIZE, **_LOCAL_MOE),
    "qwen3_moe": lambda: tf.Qwen3MoeConfig(**_SIZE, **_MOE),
    "gpt_oss": lambda: tf.GptOssConfig(**_SIZE, **_LOCAL_MOE, **_WINDOW),
    "llama4": lambda: tf.Llama4TextConfig(
        **_SIZE, num_local_experts=2, intermediate_size_mlp=48, attention_chunk_size=16
    ),
    # compressed keys and values; two attentions a block
    "deepseek_v3": lambda: tf.DeepseekV3Config(
        **_NO_GROUPS, **_MLA, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=24,
        first_k_dense_replace=1, n_group=1, topk_group=1, n_shared_experts=1,
    ),
    "longcat_flash": lambda: tf.LongcatFlashConfig(
        vocab_size=63, hidden_size=32, num_layers=2, num_hidden_layers=4, num_attention_heads=4, ffn_hidden_size=48,
        expert_ffn_hidden_size=24, n_routed_experts=4, moe_topk=2, zero_expert_num=2, **_MLA, head_dim=8,
        max_position_embeddings=96, bos_token_id=0, eos_token_id=1,
    ),
    # keys and values shared by layers
    "gemma4": lambda: tf.Gemma4TextConfig(
        **_SIZE, **_WINDOW, vocab_size_per_layer_input=63, hidden_size_per_layer_input=8, num_kv_shared_layers=2,
        global_head_dim=8, layer_types=["sliding_attention", "full_attention"] * 2,
    ),
    # state-space and recurrent
    "mamba": lambda: tf.MambaConfig(**_STATE, state_size=8),
    "mamba2": lambda: tf.Mamba2Config(**_STATE, state_size=8, num_heads=8, head_dim=8, n_groups=1, chunk_size=8),
    "falcon_mamba": lambda: tf.FalconMambaConfig(**_STATE, state_size=8),
    "rwkv": lambda: tf.RwkvConfig(**_STATE, attention_hidden_size=32, intermediate_size=48, context_length=96),
    "recurrent_gemma": lambda: tf.RecurrentGemmaConfig(
        **_size("head_dim", "max_position_embeddings"), lru_width=32, attention_window_size=16
    ),
    # hybrids of attention and states
    "jamba": lambda: tf.JambaConfig(
        **_PLAIN, num_experts=2, num_experts_per_tok=1, attn_layer_period=2, attn_layer_offset=1,
        expert_layer_period=2, expert_layer_offset=1, use_mamba_kernels=False, mamba_d_state=8, mamba_dt_rank=4,
    ),
    "bamba": lambda: tf.BambaConfig(**_PLAIN, **_MAMBA2, attn_layer_indices=[1, 3]),
    "zamba2": lambda: tf.Zamba2Config(
        **_PLAIN, layers_block_type=["mamba", "hybrid"] * 2, hybrid_layer_ids=[1, 3], mamba_d_state=8, n_mamba_heads=8,
        mamba_headdim=8, chunk_size=8, mamba_ngroups=1, use_mamba_kernels=False, attention_head_dim=16,
    ),
    "nemotron_h": lambda: tf.NemotronHConfig(
        **_size("num_hidden_layers"), layers_block_type=["mamba", "attention", "moe", "mamba"], mamba_num_heads=8,
        mamba_head_dim=8, ssm_state_size=8, n_groups=1, chunk_size=8, n_routed_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=24, moe_shared_expert_intermediate_size=24,
    ),
    "lfm2": lambda: tf.Lfm2Config(**_PLAIN, layer_types=["conv", "full_attention"] * 2),
    "qwen3_next": lambda: tf.Qwen3NextConfig(**_SIZE, **_MOE, **_LINEAR, shared_expert_intermediate_size=24),
    "qwen3_5": lambda: tf.Qwen3_5TextConfig(**_SIZE, **_LINEAR),
    "granitemoehybrid": lambda: tf.GraniteMoeHybridConfig(
        **_PLAIN, **_LOCAL_MOE, **_MAMBA2, shared_intermediate_size=24, layer_types=["mamba", "attention"] * 2
    ),
    "falcon_h1": lambda: tf.FalconH1Config(**_PLAIN, **_MAMBA2, mamba_d_ssm=64),
    "minimax": lambda: tf.MiniMaxConfig(
        **_SIZE, **_LOCAL_MOE, layer_types=["linear_attention", "full_attention"] * 2, block_size=8
    ),
    # that also see images
    "gemma3-images": lambda: tf.Gemma3Config(
        text_config={**_SIZE, **_WINDOW, "query_pre_attn_scalar": 8}, vision_config=_VISION
    ),
    "qwen2_vl": lambda: tf.Qwen2VLConfig(
        text_config={
            **_PLAIN, "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
        },
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2},
    ),
    "llava": lambda: tf.LlavaConfig(text_config=tf.LlamaConfig(**_SIZE), vision_config=tf.CLIPVisionConfig(**_VISION)),
    # cross-attention blocks that never run on text
    "mllama": lambda: tf.MllamaConfig(
        text_config={**_PLAIN, "cross_attention_layers": [1]},
        vision_config={
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_global_layers": 1,
            "attention_heads": 2, "image_size": 16, "patch_size": 8, "vision_output_dim": 32,
            "intermediate_layers_indices": [0],
        },
    ),
    # several residual streams
    "gemma3n": lambda: tf.Gemma3nTextConfig(
        **_SIZE, **_WINDOW, vocab_size_per_layer_input=63, hidden_size_per_layer_input=8, laurel_rank=4,
        num_kv_shared_layers=2, altup_num_inputs=2, activation_sparsity_pattern=[0.0] * 4,
        layer_types=["sliding_attention", "full_attention"] * 2,
    ),
    # blocks in cycles
    "hrm_text": lambda: tf.HrmTextConfig(**_PLAIN),
}  # fmt: skip
"""Families that have a test of their own; made when asked for, so that an older transformers fails one test alone."""


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
    written = type(config) in tf.MODEL_FOR_CAUSAL_LM_MAPPING and config.model_type != "mllama"
    model = (tf.AutoModelForCausalLM if written else tf.AutoModelForImageTextToText).from_config(config)
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
