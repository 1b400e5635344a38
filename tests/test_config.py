"""Settings that can't be right are refused at once, by line and key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from emovec.config import StudyConfig, parse_config, read_config
from emovec.errors import EmovecError
from emovec.pipeline.ready import check_layers
from emovec.pipeline.run import run_study
from emovec.study.study import Study, bundled_study
from emovec.yaml_file import dump_yaml, parse_yaml

BOMB = "a: &a [x, x]\n" + "".join(
    f"{c}: &{c} [*{b}, *{b}]\n" for b, c in zip("abcdefghijkl", "bcdefghijklm", strict=True)
)


@pytest.mark.fault("C6")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "languages: [en, no]",
            'line 1: languages.1: without quotes no is read as false, not as a word; write it in quotes: "no"',
        ),
        (
            "emotions:\n- calm\n- on",
            'line 3: emotions.1: without quotes on is read as true, not as a word; write it in quotes: "on"',
        ),
        ("emotions: [1.0, calm]", 'write it in quotes: "1.0"'),
        ("languages: [en, null]", 'is read as nothing (null), not as a word; write it in quotes: "null"'),
        ("revision: 12345e7", 'write it in quotes: "12345e7"'),
        ("model: x\nmodel: y", "line 2: 'model' is set a second time (first on line 1)"),
        ("no: 1", 'a key must be a word, and this is read as false; write it in quotes: "no"'),
        (BOMB, "line 1: '&a' stands for another value"),
        ("model: *x", "line 1: '*x' stands for another value"),
        ("model: !!python/object/apply:os.system [x]", "is not read; leave it out"),
        ("model: x\n---\nmodel: y", "line 2: '---' begins a second document"),
        ("geometry: {seed: " + "9" * 5000 + "}", "line 1: the number has 5,000 digits"),
        ("emotions: " + "[" * 40 + "]" * 40, "nested more than 20 levels deep"),
        ("extraction: {offset: .inf}", "extraction.offset: give a finite number (got .inf)"),
        ("extraction: {sink_threshold: .nan}", "extraction.sink_threshold: give a finite number (got .nan)"),
        ("extraction: {threads: 100000}", "extraction.threads: give a number of at most 1,024 (got 100000)"),
        ("extraction: {batch_tokens: 0}", "extraction.batch_tokens: give a number of at least 1 (got 0)"),
        ("extraction: {limit: yes}", "extraction.limit: give a whole number (got yes)"),
        ("geometry: {permutations: 1000000000000}", "geometry.permutations: give a number of at most 1,000,000"),
        ("geometry: {bootstraps: 1e12}", "geometry.bootstraps: give a whole number (got 1e12)"),
        ("extraction: {layers: [1, 2]}\ngeometry: {layer: 9}", "geometry.layer: 9 is none of the layers"),
        ("extraction: {layers: [1, 2]}\nsteering: {layer: 9}", "steering.layer: 9 is none of the layers"),
        ("steering: {languages: []}", "steering.languages: give at least 1 (got [])"),
        ('model: "a\\e[31m"', "model: contains a line break or another control character"),
        ("\tmodel: x", "line 1: not valid YAML"),
        ("- model", "is a mapping of settings"),
        ("model: x\nemotions: [calm, sad", "not valid YAML"),
    ],
)
def test_what_yaml_can_hide_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EmovecError) as caught:
        read_config(tmp_path / "s.yaml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.fault("C6")
def test_other_encodings_are_named_and_a_mark_of_utf_8_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("languages: [de]", encoding="utf-16")
    with pytest.raises(EmovecError, match="UTF-16; save it as UTF-8"):
        read_config(path)
    path.write_bytes(b"model: x\nrevision: \xff\n")
    with pytest.raises(EmovecError, match="line 2: contains a byte that isn't UTF-8"):
        read_config(path)
    path.write_bytes(b"\xef\xbb\xbflanguages: ['no', de]")
    assert read_config(path).languages == ["no", "de"]


def test_dates_times_and_octal_looking_words_stay_words() -> None:
    data = parse_yaml("[2024-01-01, 1:30, 007, 0x1F, 1e-3, 10_000, .5]", "x").data
    assert data == ["2024-01-01", "1:30", "007", "0x1F", 0.001, 10_000, 0.5]


def _fields(section: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, (*above, name))
        else:
            yield (*above, name), field.annotation


FIELDS = list(_fields(StudyConfig))


def _plain(annotation: Any) -> set[type]:
    """The types of single values that a field takes."""
    if get_origin(annotation) is Literal:
        return {str}
    inner = [part for part in get_args(annotation) if isinstance(part, type) or get_args(part)]
    if not inner:
        return {annotation}
    return set().union(*map(_plain, inner)) if get_origin(annotation) not in (list, dict) else {get_origin(annotation)}


@pytest.mark.fault("C6")
@pytest.mark.parametrize("field", FIELDS, ids=[".".join(name) for name, _ in FIELDS])
def test_every_setting_has_bounds(field: tuple[tuple[str, ...], Any]) -> None:
    name, annotation = field
    numbers: list[Any] = [float("nan"), float("inf"), -1, 10**12, 10**400, True, 0.123456, "5"]
    worse: list[Any] = [{"a": {"b": 1}}, [[[1]]], [None], "", "x" * 5000, "a\x1b[31m"]
    takes_numbers = _plain(annotation) & {int, float}
    for value in [*(numbers if takes_numbers else numbers[:-1]), *worse]:
        if value is True and _plain(annotation) == {bool}:
            continue
        if value == 0.123456 and float in _plain(annotation):
            continue
        data: Any = value
        for key in reversed(name):
            data = {key: data}
        with pytest.raises(EmovecError) as caught:
            parse_config(data)
        assert name[-1] in str(caught.value)
        assert len(str(caught.value)) < 1200


def test_the_template_and_its_resolved_form_are_valid(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(bundled_study("study.yaml"), encoding="utf-8")
    config = read_config(tmp_path / "a.yaml")
    assert config == StudyConfig()
    (tmp_path / "b.yaml").write_bytes(dump_yaml(config.model_dump(mode="json")))
    assert read_config(tmp_path / "b.yaml") == config


@pytest.mark.fault("C6")
@pytest.mark.parametrize("setting", ["extraction.layers", "geometry.layer", "steering.layer"])
def test_layers_beyond_the_model_are_refused_before_extraction(
    setting: str, study_of_two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, key = setting.split(".")
    with study_of_two.open("a", encoding="utf-8") as file:
        file.write(f"{section}: {{{key}: {[99] if key == 'layers' else 99}}}\n")
    monkeypatch.setattr("emovec.models.load.load_model", None)  # the model's weights are never asked for
    with pytest.raises(EmovecError, match=rf"{setting}: 99 is none of the layers of .*layers 0 to 3"):
        run_study(Study(study_of_two))
    assert not (study_of_two.parent / "two" / "activations").exists()


@pytest.fixture
def study_of_two(tiny_folder: Any, tmp_path: Path) -> Path:
    lines = [
        f'{{"id": "{e}{i}", "language": "en", "emotion": "{e}", "text": "some words"}}'
        for e in ("calm", "sad")
        for i in "ab"
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "two.yaml"
    path.write_text(
        f"model: {tiny_folder('llama')}\nlanguages: [en]\nemotions: [calm, sad]\n"
        "corpus: {stories: t.jsonl, neutral: null}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.fault("C6")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("geometry: {norms: none.csv}", "none.csv: no such file of norms"),
        ("geometry: {norms: {en: none.csv}}", "geometry.norms.en: .*none.csv: no such file of norms"),
        ("geometry: {norms: {ja: none.csv}}", "geometry.norms: 'ja' is none of the study's languages"),
        ("steering: {activities: none.jsonl}", "none.jsonl: no such file"),
        ("steering: {prompts: none.jsonl}", "none.jsonl"),
        ("steering: {scenarios: t.jsonl}", None),
        ("steering: {scenarios: two.yaml}", "two.yaml"),
        ("steering: {languages: [xx]}", "steering.languages: no experiment has texts in 'xx'"),
        (
            "steering: {languages: [fr], experiments: [calibration]}",
            r"steering.languages: .*fr.yaml has no frames and no",
        ),
        ("steering: {emotions: [clam]}", "did you mean 'calm'"),
        (
            "steering: {experiments: [rule]}",
            "'rule' is no steering experiment (did you mean 'rules'",
        ),
    ],
)
def test_files_and_names_are_checked_before_any_work(line: str, said: str | None, study_of_two: Path) -> None:
    with study_of_two.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    if said is None:
        run_study(Study(study_of_two), "corpus")
        return
    with pytest.raises(EmovecError, match=said.replace("(", r"\(")):
        run_study(Study(study_of_two))
    assert not study_of_two.with_suffix("").exists()


def test_a_depth_that_is_not_known_is_no_error() -> None:
    check_layers(parse_config({"geometry": {"layer": 99}}), None)


_WORDS = st.sampled_from(
    ["en", "no", "on", "1.0", "1e5", "007", "~", "calm", "../x", "a\x1b", "<b>", "[red]", "9" * 50, "é", "NaN", ""]
)
_LEAVES = _WORDS | st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=6)
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3), max_leaves=6
)
_SETTINGS = st.lists(st.tuples(st.sampled_from([name for name, _ in FIELDS]), _TREES), min_size=1, max_size=3)


@given(_SETTINGS)
def test_random_settings_are_taken_or_refused_in_a_sentence(settings: list[tuple[tuple[str, ...], Any]]) -> None:
    data: dict[str, Any] = {}
    for name, value in settings:
        here = data
        for key in name[:-1]:
            here = here.setdefault(key, {})
        here[name[-1]] = value
    try:
        config = parse_config(data)
    except EmovecError as error:
        said = str(error)
    else:
        said = ""
        again = dump_yaml(config.model_dump(mode="json")).decode()
        assert parse_config(parse_yaml(again, "x").data) == config
    assert "\n" not in said
    assert len(said) < 1200


@given(st.text(alphabet="aeno: -[]{}&*!|>'\"%@`#?,\n\t01.~\x00\x85\ufeff", max_size=60) | st.text(max_size=30))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        found = parse_yaml(text, "x")
        assert found.data is None or isinstance(found.data, str | int | float | list | dict)
        if isinstance(found.data, dict):
            parse_config(found.data, "x", found.places)
    except EmovecError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said


@pytest.mark.parametrize(
    ("poles", "said"),
    [
        ({"positive": ["calm"], "negative": ["sadd"]}, r"geometry\.poles\.valence: 'sadd' is none .* 'sad'"),
        ({"positive": ["calm"], "negative": ["calm"]}, r"geometry\.poles\.valence: 'calm' is at both ends"),
    ],
)
def test_poles_are_emotions_of_the_study(poles: dict[str, list[str]], said: str) -> None:
    whole = {"model": "m", "languages": ["en"], "emotions": ["calm", "sad"]}
    with pytest.raises(EmovecError, match=said):
        parse_config(whole | {"geometry": {"poles": {"valence": poles}}}, "study.yaml")
