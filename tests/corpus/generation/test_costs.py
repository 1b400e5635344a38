"""Prices, tokens and money of generation against sums by hand; extraction against a real store."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emovec.activations.costs import Device, ModelSize, extraction_cost, given_size, known_devices, model_size
from emovec.activations.extract import extract
from emovec.config import parse_config
from emovec.corpus.generation.costs import (
    Asked,
    Price,
    generation_cost,
    planned_cost,
    price_note,
    price_of,
    read_prices,
)
from emovec.corpus.generation.requests import load_wording, plan_requests, prompt_of
from emovec.errors import EmovecError
from emovec.models.load import load_model
from tests.tiny_models import FAMILIES, random_stories, save_tiny_model

TODAY = datetime.date(2026, 11, 27)
PRICES = [
    Price("openai/gpt-4o", 2.5, 10, 0.5, TODAY),
    Price("openai/gpt-4o-mini", 0.15, 0.6, 0.5, TODAY),
    Price("openai/gpt-5", 1.25, 10, 0.5, TODAY),
    Price("hf/*", 0, 0, 1, None),
]


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"),
        ("openai/gpt-5.5", None),
        ("openai/gpt-5-pro", None),
        ("openai/gpt-5-latest", "openai/gpt-5"),
        ("hf/anyone/any-model", "hf/*"),
        ("other/gpt-4o", None),
    ],
)
def test_a_model_has_its_own_price_or_none(model: str, found: str | None) -> None:
    price = price_of(model, PRICES)
    assert (price.model if price else None) == found


def test_the_table_that_comes_along_is_dated_and_tells_models_apart() -> None:
    prices = read_prices()
    assert len({price.model for price in prices}) == len(prices)
    for price in prices:
        assert price.as_of is not None or price.input == price.output == 0
        assert 0 < price.batch <= 1
        assert price_of(price.model.replace("*", "x"), prices) == price
    dated = price_of("anthropic/claude-haiku-4-5-20251001", prices)
    assert dated is not None
    assert dated.model == "anthropic/claude-haiku-4-5"


requests = st.builds(
    Asked,
    kind=st.sampled_from(["stories", "neutral"]),
    language=st.sampled_from(["en", "ja", "xx"]),
    n=st.integers(1, 6),
    prompt_characters=st.integers(0, 5000),
    text_characters=st.floats(1, 2000),
)


@given(st.lists(requests, max_size=30), st.booleans())
def test_tokens_and_money_are_sums_over_requests(asked: list[Asked], batch: bool) -> None:
    cost = generation_cost(asked, "openai/gpt-4o", PRICES, batch=batch, max_tokens=1000, max_attempts=2)
    per_token = {"en": 4.2, "ja": 1.4, "xx": 2.5}
    prompt = sum(r.prompt_characters / per_token[r.language] + 12 for r in asked)
    answers = sum(r.n * (r.text_characters / per_token[r.language] + 12) for r in asked)
    assert cost.completions == len(asked)
    assert cost.texts == sum(r.n for r in asked)
    assert prompt - 1e-6 <= cost.input_tokens <= prompt + len(cost.rows) + 1e-6
    assert answers - 1e-6 <= cost.output_tokens <= answers + len(cost.rows) + 1e-6
    usd = (2.5 * cost.input_tokens + 10 * cost.output_tokens) / 1e6 * (0.5 if batch else 1)
    assert cost.usd == pytest.approx(usd)
    most = (2.5 * 2 * cost.input_tokens + 10 * 2 * 1000 * len(asked)) / 1e6 * (0.5 if batch else 1)
    assert cost.usd_at_most(2) == pytest.approx(most)


def test_an_unknown_model_has_tokens_and_no_price() -> None:
    cost = generation_cost([Asked("stories", "en", 4, 420, 420)], "some/model", PRICES)
    assert cost.usd is None
    assert cost.output_tokens == 4 * 112
    assert "No price is listed for some/model: " in price_note(cost, TODAY)


@pytest.mark.parametrize("model", ["openai/gpt-4o-minni", "gpt-4o-mini"])
def test_a_model_without_a_price_is_told_the_nearest_name(model: str) -> None:
    cost = generation_cost([Asked("stories", "en", 4, 420, 420)], model, read_prices())
    assert f"No price is listed for {model} (the nearest name is openai/gpt-4o-mini): " in price_note(cost, TODAY)


def test_the_note_says_how_old_a_price_is_and_that_prices_change() -> None:
    cost = generation_cost([Asked("stories", "en", 4, 420, 420)], "openai/gpt-4o", PRICES, batch=True)
    assert "as of 2026-11-27," in (fresh := price_note(cost, TODAY))
    assert "batch" in fresh
    assert "prices change" in fresh
    assert "(200 days ago)" in price_note(cost, TODAY + datetime.timedelta(200))
    local = generation_cost([], "hf/a/b", PRICES)
    assert "your own machine" in price_note(local, TODAY)


def test_a_study_is_planned_as_its_requests_are() -> None:
    config = parse_config(
        {
            "emotions": ["calm", "angry"],
            "languages": ["ja", "en"],
            "generation": {"model": "openai/gpt-4o", "stories": 5, "neutral": 3, "per_completion": 4},
        }
    )
    cost = planned_cost(config, prices=PRICES)
    planned = plan_requests(config)
    assert cost.completions == len(planned)
    assert cost.texts == sum(request.n for request in planned) == 2 * 100 * (2 * 5 + 3)
    assert [(row.kind, row.language) for row in cost.rows] == [
        (kind, language) for kind in ("stories", "neutral") for language in ("ja", "en")
    ]
    wording = load_wording(config)
    english = sum(
        len(message["content"])
        for request in planned
        if request.language == "en" and request.kind == "stories"
        for message in prompt_of(request, wording)
    )
    assert cost.rows[1].input_tokens == int(np.ceil(english / 4.2)) + 12 * cost.rows[1].completions
    assert planned_cost(config, prices=PRICES, model="hf/x").usd == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,input,output,batch\na,1,1,1\n", "no column 'as_of'"),
        ("model,input,output,batch,as_of\na,1,1,1,2026-01-01\nb,x,1,1,2026-01-01\n", "mine.csv:3: "),
        ("model,input,output,batch,as_of\na,1,1,1,yesterday\n", "mine.csv:2: "),
        ("model,input,output,batch,as_of\na,-1,1,1,\n", "numbers of at least 0"),
        ("model,input,output,batch,as_of\na,1,,1,\n", "numbers of at least 0"),
    ],
)
def test_a_broken_table_of_prices_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    with pytest.raises(EmovecError, match=said):
        read_prices(tmp_path / "mine.csv")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("model,input,output,batch,as_of\nours/*,2,3,0.25,2026-01-31\n", encoding="utf-8")
    assert read_prices(tmp_path / "mine.csv") == [Price("ours/*", 2, 3, 0.25, datetime.date(2026, 1, 31))]
    with pytest.raises(EmovecError, match="can't be read as a table of prices"):
        read_prices(tmp_path / "missing.csv")


def test_size_and_disk_are_those_of_a_real_extraction(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model", FAMILIES["llama"])
    model = load_model(str(folder))
    size = model_size(str(folder))
    assert size.layers == model.n_layers
    assert size.hidden == model.hidden_size
    assert size.parameters == sum(p.numel() for p in model.model.parameters())
    assert size.block_parameters == sum(p.numel() for block in model.blocks for p in block.parameters())
    stories = random_stories(("en",), words=(5, 60), topics=tuple(f"t{i}" for i in range(30)))
    for layers, dtype in (("all", "float32"), ([0, 2], "bfloat16")):
        out = tmp_path / f"{dtype}"
        extract(model, stories, out, offset=2, layers=layers, store_dtype=dtype)
        written = sum(path.stat().st_size for path in out.rglob("*.safetensors"))
        cost = extraction_cost(len(stories), 1, size, layers=layers, store_dtype=dtype)
        assert cost.disk_bytes == pytest.approx(written, rel=0.15)


def test_arithmetic_stops_at_the_last_layer_and_hours_follow() -> None:
    size = ModelSize(layers=10, hidden=64, parameters=1_500, block_parameters=1_000)
    device = Device("a", teraflops=1e-9, utilisation=0.5, memory_gb=1)  # 500 operations a second
    whole = extraction_cost(3, 360, size, devices=[device])
    assert whole.flops == 2 * 1_000 * 360
    assert whole.times[0].hours == pytest.approx(2 * 1_000 * 360 / 500 / 3600)
    assert extraction_cost(3, 360, size, layers=[1, 4]).flops == whole.flops / 2
    big = extraction_cost(3, 360, ModelSize(1, 1, 10**9, 10**9), devices=[device])
    assert not big.times[0].fits
    assert whole.times[0].fits
    with pytest.raises(EmovecError, match="layers 0 to 9; there is no 10"):
        extraction_cost(3, 360, size, layers=[10])


def test_what_the_user_says_of_a_model_goes_first() -> None:
    assert given_size(None, 2, 3, None) is None
    assert given_size(None, 2, 3, 4) == ModelSize(2, 3, 4, 4)
    assert given_size(ModelSize(1, 1, 9, 5), None, 3, None) == ModelSize(1, 3, 9, 5)


def test_a_model_elsewhere_is_not_looked_for() -> None:
    with pytest.raises(EmovecError, match="is not on this machine, so its size is not known; give its"):
        model_size("nobody/no-such-model")


def test_devices() -> None:
    devices = known_devices()
    assert len({device.name for device in devices}) == len(devices) > 3
    assert all(0 < device.utilisation < 1 for device in devices)
