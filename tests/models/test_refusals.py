"""What can't be loaded is refused in a sentence that says what is missing and what to do."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from emovec.activations.costs import model_size
from emovec.errors import EmovecError
from emovec.models import check, known_bad
from emovec.models.check import check_model
from emovec.models.load import load_model
from tests.tiny_models import MORE_FAMILIES

Folder = Callable[..., Path]


@pytest.fixture
def llama(tiny_folder: Folder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder("llama"), tmp_path / "llama"))


def _configured(folder: Path, **settings: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def _refused(folder: Path | str) -> str:
    with pytest.raises(EmovecError) as error:
        load_model(str(folder), device="cpu")
    message = str(error.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


@pytest.mark.fault("M5")
@pytest.mark.parametrize(
    ("method", "package", "settings"),
    [
        ("gptq", "gptqmodel", {"bits": 4, "group_size": 8}),
        ("awq", "gptqmodel", {"bits": 4, "group_size": 8}),
        ("bitsandbytes", "bitsandbytes", {"load_in_4bit": True}),
        ("compressed-tensors", "compressed-tensors", {"config_groups": {}}),
        ("hqq", "hqq", {"quant_config": {}}),
        ("aqlm", "aqlm", {}),
        ("quanto", "optimum-quanto", {"weights": "int8"}),
        ("torchao", "torchao", {"quant_type": {"default": {"_type": "Int8WeightOnlyConfig", "_data": {}}}}),
        ("eetq", "kernels", {}),
        ("vptq", "vptq", {}),
        ("quark", "amd-quark", {}),
    ],
)
def test_quantised_weights_name_the_package(method: str, package: str, settings: dict, llama: Path) -> None:
    _configured(llama, quantization_config={"quant_method": method, **settings})
    message = _refused(llama)
    assert package in message
    assert "quantised" in message


@pytest.mark.fault("M5")
@pytest.mark.parametrize("settings", [{"quant_method": "brand-new"}, {"bits": 4}])
def test_an_unknown_quantisation_is_refused(settings: dict, llama: Path) -> None:
    _configured(llama, quantization_config=settings)
    assert "transformers doesn't know" in _refused(llama)


@pytest.mark.fault("M5")
@pytest.mark.fault("U7")
def test_plan_says_the_same_of_a_model_as_loading_it(llama: Path) -> None:
    def planned() -> str:
        with pytest.raises(EmovecError) as error:
            model_size(str(llama))
        return str(error.value)

    _configured(llama, quantization_config={"quant_method": "brand-new"})
    assert planned() == _refused(llama)
    _configured(llama, model_type="t5", architectures=["T5ForConditionalGeneration"], is_encoder_decoder=True)
    assert planned() == _refused(llama)
    _configured(llama, model_type="own", architectures=["Own"], auto_map={"AutoConfig": "own.OwnConfig"})
    (llama / "own.py").write_text("raise SystemExit('this code ran')")
    assert "trust_remote_code: true" in planned()
    assert planned() == _refused(llama)


@pytest.mark.fault("M8")
def test_an_adapter_in_the_hubs_cache_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "models--lab--adapter" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "lab/base"}))
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EmovecError, match="lab/adapter is a LoRA or PEFT adapter for lab/base"):
        model_size("lab/adapter")
    assert "lab/adapter is a LoRA or PEFT adapter for lab/base" in _refused("lab/adapter")


@pytest.mark.fault("M3")
def test_a_model_whose_numbers_overflow_is_refused_as_that(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    weights["model.layers.3.mlp.down_proj.weight"][0, 0] = float("nan")
    save_file(weights, llama / "model.safetensors", metadata={"format": "pt"})
    assert "logits that are not finite in float32" in _refused(llama)


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("harmed"),))  # type: ignore[return-value]


@pytest.mark.fault("M5")
@pytest.mark.parametrize("kind", ["malicious", "honest"])
def test_pickled_weights_are_not_read(kind: str, llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(llama)
    weights = load_file(llama / "model.safetensors")
    (llama / "model.safetensors").unlink()
    if kind == "honest":
        torch.save(weights, llama / "pytorch_model.bin")
    else:
        (llama / "pytorch_model.bin").write_bytes(pickle.dumps(_Harm()))
    message = _refused(llama)
    assert "pickled weights are not read" in message
    assert "safetensors" in message
    assert "trust" not in message
    assert not (llama / "harmed").exists()


@pytest.mark.fault("M8")
@pytest.mark.parametrize("with_config", [True, False])
def test_an_adapter_is_told_as_one(with_config: bool, llama: Path) -> None:
    (llama / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "lab/base"}))
    (llama / "adapter_model.bin").write_bytes(pickle.dumps(_Harm()))
    if not with_config:
        (llama / "config.json").unlink()
    message = _refused(llama)
    assert "LoRA or PEFT adapter for lab/base" in message
    assert "merge_and_unload()" in message
    assert "take adapter_config.json out of the folder" in message


@pytest.mark.fault("M8")
def test_code_of_a_models_own_names_the_setting(llama: Path) -> None:
    _configured(llama, model_type="own", auto_map={"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.Own"})
    (llama / "own.py").write_text("raise SystemExit('this code ran')")
    assert "trust_remote_code: true" in _refused(llama)


@pytest.mark.fault("M8")
def test_what_a_folder_lacks_is_named(llama: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "an empty folder" in _refused(tmp_path / "empty")
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "config.json").write_text("{}")
    assert "inner has one" in _refused(tmp_path / "outer")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model.safetensors"}}
    (llama / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "lacks 1 of the files" in (message := _refused(llama))
    assert "model-00001-of-00002.safetensors" in message
    (llama / "model.safetensors.index.json").unlink()
    for path in llama.glob("tokenizer*"):
        path.unlink()
    assert "has no tokenizer" in _refused(llama)


@pytest.mark.fault("M8")
def test_weights_that_would_be_random_or_are_cut_short_are_refused(llama: Path) -> None:
    weights = load_file(llama / "model.safetensors")
    whole = (llama / "model.safetensors").read_bytes()
    lost = {name: value for name, value in weights.items() if "layers.2.mlp" not in name}
    save_file(lost, llama / "model.safetensors", metadata={"format": "pt"})
    assert "3 of its weights are missing" in _refused(llama)
    (llama / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "damaged or cut short" in _refused(llama)
    (llama / "model.safetensors").write_bytes(whole)
    _configured(llama, model_type="unheard_of")
    assert "'unheard_of'" in _refused(llama)


@pytest.mark.fault("M8")
def test_a_gguf_file_that_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOVEC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "m.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    assert "cut short" in _refused(tmp_path / "m.gguf")
    (tmp_path / "m.gguf").write_bytes(b"<html>")
    assert "no GGUF file" in _refused(tmp_path / "m.gguf")


@pytest.mark.fault("M8")
def test_encoders_are_told_what_they_are(llama: Path) -> None:
    _configured(llama, model_type="bert", architectures=["BertForMaskedLM"])
    assert "(BertForMaskedLM) is an encoder" in _refused(llama)
    _configured(llama, model_type="t5", architectures=["T5ForConditionalGeneration"], is_encoder_decoder=True)
    assert "is an encoder–decoder" in _refused(llama)


@pytest.mark.fault("M3")
@pytest.mark.parametrize(
    ("family", "device", "library", "version", "refused"),
    [
        ("gemma4", "cpu", "transformers", "5.5.0", True),
        ("gemma4", "cpu", "transformers", "5.5.1", True),
        ("gemma4", "cpu", "transformers", "5.5.2", False),
        ("gemma3-images", "cpu", "transformers", "5.5.0", False),
        ("mamba", "mps", "torch", "2.8.0", True),
        ("mamba", "mps", "torch", "2.9.0", False),
        ("mamba", "mps", "torch", "2.7.1", False),
        ("mamba", "cpu", "torch", "2.8.0+cpu", False),
    ],
)
def test_versions_known_to_be_wrong_are_refused(
    family: str, device: str, library: str, version: str, refused: bool
) -> None:
    installed = {"torch": "2.13.0", "transformers": "5.24.0", library: version}
    config = MORE_FAMILIES[family]()
    if not refused:
        known_bad.require_sound(config, torch.device(device), installed.__getitem__)
        return
    with pytest.raises(EmovecError, match=f"with {library} {version}.*pip install"):
        known_bad.require_sound(config, torch.device(device), installed.__getitem__)


@pytest.mark.fault("M3")
def test_another_device_is_compared_with_the_cpu(llama: Path) -> None:
    texts = ["w1 w2 w3 w4 w5", "w6 w7 w8"]
    narrow = load_model(str(llama), device="cpu", dtype="bfloat16")
    reference, why_not = check.cpu_reference(narrow)
    assert reference is not None
    assert why_not is None
    assert reference.dtype == torch.float32
    assert check_model(narrow, texts, reference=reference)[-1].passed
    wrong = load_model(str(llama), device="cpu")
    with torch.no_grad():
        wrong.blocks[1].mlp.down_proj.weight.mul_(1.2)  # type: ignore[union-attr]  # as if the device multiplied wrongly
    *others, last = check_model(wrong, texts, reference=reference)
    assert all(each.passed for each in others)
    assert not last.passed
    assert "extraction.device: cpu" in last.meaning
    assert check.cpu_reference(wrong) == (None, None)


@pytest.mark.fault("M3")
def test_a_cache_that_gives_other_numbers_is_refused(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = tf.LlamaForCausalLM.forward

    def forward(self: tf.LlamaForCausalLM, *arguments: object, **named: object) -> object:
        found = plain(self, *arguments, **named)
        if named.get("use_cache") is False:
            found.logits = found.logits.flip(-1)
        return found

    monkeypatch.setattr(tf.LlamaForCausalLM, "forward", forward)
    assert "other numbers with a cache than without" in _refused(llama)
