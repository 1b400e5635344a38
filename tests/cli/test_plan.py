import re
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from emovec.activations.costs import model_size, token_counter
from emovec.corpus.write import write_jsonl
from tests.tiny_models import FAMILIES, random_stories, save_tiny_model

Run = Callable[..., tuple[int, str, str]]

GENERATED = """
model: {model}
emotions: [calm, angry]
corpus: {{stories: generated, neutral: generated}}
generation: {{model: {writer}, stories: 2, neutral: 1, topics: default-100}}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "tiny", FAMILIES["llama"])


def test_generation_and_extraction_are_planned_before_there_are_texts(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GENERATED.format(model=model, writer="openai/gpt-4o-mini"), encoding="utf-8")
    code, out, _ = run("plan", "s.yaml")
    assert code == 0
    assert "stories en 200 400" in out
    assert "neutral ja 100 100" in out
    assert "About $" in out
    assert "prices change" in out
    assert "in all 1,000" in out
    assert "in 4 blocks of size 32" in out
    assert "Disk for the activations" in out


def test_half_generated_texts_are_planned_whole(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GENERATED.format(model=model, writer="null"), encoding="utf-8")
    texts = random_stories(("en", "ja"), emotions=("calm", "angry"))
    write_jsonl([s for s in texts if s.emotion != "neutral"], tmp_path / "s-texts" / "stories.en.jsonl")
    write_jsonl([s for s in texts if s.emotion == "neutral"], tmp_path / "s-texts" / "neutral.en.jsonl")
    code, out, _ = run("plan", "s.yaml")
    assert code == 0
    assert "generation.model is not set" in out
    assert "in all 1,000" in out


def test_own_prices_and_models_without_one(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GENERATED.format(model=model, writer="some/writer"), encoding="utf-8")
    code, out, _ = run("plan", "s.yaml")
    assert code == 0
    assert "No price is listed for some/writer" in out
    assert "About $" not in out
    (tmp_path / "p.csv").write_text("model,input,output,batch,as_of\nsome/*,10,10,1,2026-11-01\n", encoding="utf-8")
    code, out, _ = run("plan", "s.yaml", "--prices", "p.csv")
    assert code == 0
    assert "$10 in and $10 out for a million tokens as of 2026-11-01" in out


def test_texts_that_are_there_are_counted_by_the_models_tokenizer(run: Run, model: Path, tmp_path: Path) -> None:
    stories = random_stories(("en", "ja"), words=(20, 21))
    write_jsonl(stories, tmp_path / "texts.jsonl")
    (tmp_path / "s.yaml").write_text(
        f"model: {model}\nemotions: [afraid, calm, joyful, sad]\n"
        "corpus: {stories: texts.jsonl, neutral: texts.jsonl}\n",
        encoding="utf-8",
    )
    code, out, _ = run("plan", "s.yaml", "--measure")
    assert code == 0
    assert "Generation" not in out
    assert "en 18 360" in out
    assert "in all 36 720" in out
    assert "tokens a second on cpu in float32" in out
    assert "measured here now on 24 texts" in out


def test_a_model_that_is_not_here_takes_numbers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("model: nobody/no-such-model\n", encoding="utf-8")
    code, out, err = run("plan", "s.yaml")
    assert (code, err) == (0, "")
    assert "'nobody/no-such-model' is not on this machine" in out
    assert "Disk" not in out
    code, out, _ = run("plan", "s.yaml", "--blocks", 28, "--hidden", 3584, "--parameters", "7e9")
    assert code == 0
    assert "7 billion parameters, 7 in 28 blocks of size 3584" in out
    assert "the weights need more than 16 GB" in out


def test_missing_texts_are_an_error_unless_they_will_be_generated(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(f"model: {model}\ncorpus: {{stories: none.jsonl}}\n", encoding="utf-8")
    code, _, err = run("plan", "s.yaml")
    assert code == 2
    assert "none.jsonl: no such file" in err


def test_texts_to_come_are_reckoned_for_the_model_that_reads_them(
    run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(GENERATED.format(model=model, writer="null"), encoding="utf-8")

    def tokens(count: Callable[[str], int] | None) -> list[int]:
        def counter(*_: object) -> Callable[[str], int] | None:
            return count

        monkeypatch.setattr("emovec.activations.costs.token_counter", counter)
        out = " ".join(run("plan", "s.yaml")[1].partition("Extraction with")[2].split())
        return [int(n.replace(",", "")) for n in re.findall(r"(?:en|ja) [\d,]+ ([\d,]+)", out)]

    reckoned = tokens(None)
    by_character = tokens(len)
    assert by_character[0] == pytest.approx(4.2 * reckoned[0], rel=0.01)
    assert by_character[1] == pytest.approx(1.4 * reckoned[1], rel=0.01)


def test_tokens_are_counted_as_the_models_tokenizer_does(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tokenizer = AutoTokenizer.from_pretrained(model)
    texts = ["She laughed, and laughed again.", "彼は黙って窓を見た。", ""]
    expected = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    in_folder = token_counter(str(model), None, False)
    assert in_folder is not None
    assert [in_folder(text) for text in texts] == expected

    snapshot = tmp_path / "hub" / "models--someone--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_bytes((model / "tokenizer.json").read_bytes())
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    in_cache = token_counter("someone/tiny", None, False)
    assert in_cache is not None
    assert [in_cache(text) for text in texts] == expected
    assert token_counter("someone/other", None, False) is None


@pytest.mark.parametrize("family", ["llama", "gemma3", "qwen2", "gpt2"])
def test_weights_on_disk_tell_the_models_own_size(family: str, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / family, FAMILIES[family])
    model = AutoModelForCausalLM.from_pretrained(folder)
    blocks = model.transformer.h if family == "gpt2" else model.model.layers
    size = model_size(str(folder))
    assert (size.layers, size.hidden) == (len(blocks), model.config.hidden_size)
    assert size.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert size.block_parameters == sum(parameter.numel() for parameter in blocks.parameters())


def test_a_broken_tokenizer_is_told(run: Run, model: Path, tmp_path: Path) -> None:
    (model / "tokenizer.json").write_text('{"broken"', encoding="utf-8")
    (tmp_path / "s.yaml").write_text(f"model: {model}\n", encoding="utf-8")
    code, _, err = run("plan", "s.yaml")
    assert code == 2
    assert "tokenizer.json can't be read" in err
