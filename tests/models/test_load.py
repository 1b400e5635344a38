from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as tf

from emovec.errors import EmovecError
from emovec.models.check import check_model
from emovec.models.forward import visit_layers
from emovec.models.language_model import LanguageModel
from emovec.models.load import choose_device, choose_dtype, load_model, load_tokenizer
from emovec.models.locate import local_digest, model_identity
from tests.tiny_models import FAMILIES, save_tiny_model

TinyModel = Callable[..., LanguageModel]
_ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 63,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_padding_and_read_out_are_proven_for_every_family(family: str, tiny_model: TinyModel) -> None:
    texts = ["w1 w2 w3 w4 w5 w6 w7", "w8 w9", " ".join(f"w{i}" for i in range(40))]
    checks = check_model(tiny_model(family), texts)
    assert len(checks) == 14
    assert all(check.passed for check in checks), [(c.name, c.error) for c in checks if not c.passed]


def test_the_check_fails_on_a_model_whose_blocks_are_out_of_order(tiny_folder: Callable[..., Path]) -> None:
    model = load_model(str(tiny_folder("llama")), device="cpu")
    swapped = torch.nn.ModuleList(reversed(model.blocks))
    object.__setattr__(model.decoder, "blocks", swapped)
    (check,) = check_model(model, ["w1 w2 w3", "w4 w5"])
    assert not check.passed
    assert "each of the blocks 0–3 runs out of the order of the list. Take another model." in check.meaning
    with pytest.raises(EmovecError, match="each of the blocks 0, 1 doesn't run before block 2"):
        visit_layers(model, torch.tensor([[0, 4, 5]]), [0, 1, 2], lambda _layer, _hidden: None)


def test_the_check_fails_where_padding_leaks(tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from emovec.models import check_passes

    model = load_model(str(tiny_folder("llama")), device="cpu")

    def pad_left(texts: list[object], device: torch.device) -> torch.Tensor:
        longest = max(len(t.ids) for t in texts)  # type: ignore[attr-defined]
        return torch.tensor([t.ids[-1:] * (longest - len(t.ids)) + t.ids for t in texts])  # type: ignore[attr-defined]

    monkeypatch.setattr(check_passes, "pad_right", pad_left)
    failed = [c.name for c in check_model(model, ["w1 w2 w3", "w4 w5"]) if not c.passed]
    assert "texts in a right-padded batch equal texts alone" in failed


@pytest.mark.parametrize("family", FAMILIES)
def test_directions_read_out_as_the_models_own_logits(family: str, tiny_model: TinyModel) -> None:
    """A large step along a direction changes the logits as `final_norm` and `unembedding` say, scale aside."""
    model = tiny_model(family)
    direction = torch.randn(32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        far = model.decoder.final_norm(1e4 * direction) - model.decoder.final_norm(0 * direction)
        head = model.model.get_output_embeddings().weight
        expected = (head.float() @ far.float()).numpy()
    found = model.unembedding() @ model.final_norm(direction.numpy())
    assert abs(1 - torch.corrcoef(torch.stack([torch.tensor(found), torch.tensor(expected)]))[0, 1]) < 1e-5


def test_gemmas_gain_is_one_plus_its_weight(tiny_model: TinyModel) -> None:
    model = tiny_model("gemma3")
    gain = model.final_norm(torch.ones(32).numpy())
    torch.testing.assert_close(torch.tensor(gain), 1 + model.decoder.final_norm.weight.detach(), rtol=1e-4, atol=1e-5)


def test_a_layer_norm_is_centred_first(tiny_model: TinyModel) -> None:
    model = tiny_model("gpt2")
    direction = torch.arange(32.0).numpy()
    expected = (direction - direction.mean()) * model.decoder.final_norm.weight.detach().numpy()
    torch.testing.assert_close(torch.tensor(model.final_norm(direction)), torch.tensor(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./nowhere", "no such model folder or .gguf file"),
        ("/nowhere/model.gguf", "no such file"),
        ("some-lab/no-such-model", "not found in the local Hugging Face cache or on the Hub"),
    ],
)
def test_a_model_that_cannot_be_found(model: str, message: str) -> None:
    with pytest.raises(EmovecError, match=message) as error:
        load_model(model)
    assert model in str(error.value)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match=r"folder without config\.json"):
        load_model(str(tmp_path))


def test_a_file_that_is_no_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOVEC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "m.gguf").write_bytes(b"nonsense")
    with pytest.raises(EmovecError, match=r"m\.gguf: transformers can't read this GGUF file"):
        load_model(str(tmp_path / "m.gguf"))
    assert not [p for p in (tmp_path / "cache" / "models").iterdir() if p.suffix != ".lock"]


def test_a_folder_without_weights(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    for path in tiny_folder("llama").iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(EmovecError, match="can't be loaded as a causal language model"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("config", [tf.BertConfig(**_ENCODER), tf.RobertaConfig(**_ENCODER)], ids=["bert", "roberta"])
def test_an_encoder_is_refused(config: tf.PreTrainedConfig, tmp_path: Path) -> None:
    save_tiny_model(tmp_path, config)
    with pytest.raises(EmovecError, match="decoder-only"):
        load_model(str(tmp_path), device="cpu")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    config = tf.T5Config(vocab_size=63, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)
    tf.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(EmovecError, match=r"T5ForConditionalGeneration\) is an encoder–decoder"):
        load_model(str(tmp_path), device="cpu")


def test_devices_and_dtypes() -> None:
    cpu = torch.device("cpu")
    assert choose_device("cpu") == cpu
    assert choose_dtype("auto", cpu) == torch.float32
    assert choose_dtype("auto", torch.device("mps")) == torch.bfloat16
    assert choose_dtype("float16", cpu) == torch.float16
    with pytest.raises(EmovecError, match="'float8' is none of auto, float32"):
        choose_dtype("float8", cpu)
    if not torch.cuda.is_available():
        with pytest.raises(EmovecError, match=r"extraction.device: 'cuda:0' can't be used here"):
            choose_device("cuda:0")
    with pytest.raises(EmovecError, match="'toaster' can't be used here"):
        choose_device("toaster")


def test_a_models_identity_follows_its_weights(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    for path in tiny_folder("llama").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert local_digest(str(tmp_path)) == local_digest(str(tiny_folder("llama"))) == model_identity(str(tmp_path), None)
    weights = tmp_path / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert local_digest(str(tmp_path)) != local_digest(str(tiny_folder("llama")))
    assert model_identity("lab/model", "main") == "lab/model@main"
    assert local_digest("lab/model") is None


@pytest.mark.parametrize("bos", [True, False])
def test_a_texts_own_tokens_are_told_from_bos(bos: bool, tiny_folder: Callable[..., Path]) -> None:
    tokenizer = load_tokenizer(str(tiny_folder("llama", bos=bos)))
    one, two = tokenizer.encode(["w0 w1", "w2"])
    assert (one.ids, one.start, one.n_own) == ((0, 3, 4) if bos else (3, 4), int(bos), 2)
    assert two.n_own == 1
    assert tokenizer.text_token_ids("w0 w1") == [3, 4]
    assert tokenizer.token_texts(one.ids)[-2:] == ["w0", "w1"]
    assert tokenizer.encode([]) == []
    # Models pad their vocabulary: such an id is no token, and no word "None".
    assert tokenizer.token_texts([3, 10_000]) == ["w0", ""]
