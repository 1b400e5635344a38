"""What may be a label, and that its file name is safe and its own."""

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.emotions import ANTHROPIC_171, DEFAULT_30
from emovec.errors import EmovecError
from emovec.labels import LabelKind, check_label, file_name, same_label_key
from emovec.printable import printable

REAL = (
    *DEFAULT_30,
    *ANTHROPIC_171,
    "嬉しい",
    "难过",
    "épuisé",
    "l'envie",
    "grief-stricken",
    "행복한",
    "خشمگین",
    "उदास",
)


@pytest.mark.fault("C1")
@pytest.mark.parametrize("word", REAL)
def test_real_emotion_words_stay_as_they_are_and_are_their_own_files(word: str) -> None:
    assert check_label("emotion", word) == file_name(word) == word


@pytest.mark.fault("C1")
@pytest.mark.parametrize("kind", ["language", "emotion"])
@pytest.mark.parametrize(
    "path", ["../../x", "/etc/x", "C:\\x", "a/b", "..", ".", "en.neutral", "~", "x\0y", "x\x1b[2J"]
)
def test_a_path_is_no_label(kind: LabelKind, path: str) -> None:
    with pytest.raises(EmovecError):
        check_label(kind, path)


@pytest.mark.fault("C2")
@pytest.mark.parametrize(
    ("kind", "given", "label"),
    [
        ("language", "EN", "en"),
        ("language", " pt_br ", "pt-BR"),
        ("language", "zh-hant", "zh-Hant"),
        ("emotion", "e\u0301mu", "\u00e9mu"),
        ("emotion", " at \t ease\u200b", "at ease"),
        ("emotion", "Neutral", "neutral"),
    ],
)
def test_labels_have_one_spelling(kind: LabelKind, given: str, label: str) -> None:
    assert check_label(kind, given) == label


@pytest.mark.fault("C2")
@pytest.mark.parametrize("word", ["", " ", "NA", "None", "nan", "null", "N/A", "<NA>"])
def test_words_for_missing_values_are_no_labels(word: str) -> None:
    for kind in ("language", "emotion", "topic"):
        with pytest.raises(EmovecError, match=f"no {kind}"):
            check_label(kind, word)


@pytest.mark.fault("C2")
def test_spellings_of_one_word_share_a_key() -> None:
    assert (
        len(
            {same_label_key(word) for word in ("Grief-stricken", "grief stricken", "GRIEF_STRICKEN", "ｇrief‑stricken")}
        )
        == 1
    )
    assert same_label_key("sad") != same_label_key("mad")


@pytest.mark.fault("C1")
def test_file_names_differ_where_case_or_composition_count_for_nothing() -> None:
    words = [
        "Sad",
        "sad",
        "SAD",
        "on-edge",
        "on-Edge",
        "é",
        "e\u0301",
        "a_b",
        "a b",
        "a/b",
        "a:b",
        "con",
        "CON",
        ".a",
        "a",
    ]
    words += [
        "x" * 300,
        "x" * 301,
        "嬉" * 90,
        "嬉" * 91,
        "",
        ".",
        "..",
        "weiß",
        "weiss",
        "a ",
        " a",
        "en.neutral",
        "pt-BR",
    ]
    assert len({unicodedata.normalize("NFD", file_name(word)).casefold() for word in words}) == len(words)


@pytest.mark.fault("C1")
@settings(max_examples=150, deadline=None)
@given(st.text(max_size=150))
def test_a_file_name_is_one_plain_part_of_a_path(label: str) -> None:
    name = file_name(label)
    assert 0 < len(name.encode()) <= 111
    assert PurePosixPath(name).parts == PureWindowsPath(name).parts == (name,)
    assert not PureWindowsPath(name).is_reserved()
    assert not set(name) & set('.<>:"/\\|?*\0\n')
    assert name == name.strip(" -")
    assert file_name(name) == name or "~" in name


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["language", "emotion", "topic"]), st.text(max_size=90))
def test_checking_twice_is_checking_once(kind: LabelKind, text: str) -> None:
    said, label = "", ""
    try:
        label = check_label(kind, text)
    except EmovecError as error:
        said = str(error)
    assert said == printable(said)
    assert "\n" not in said
    assert bool(said) != bool(label)
    assert not label or check_label(kind, label) == label
