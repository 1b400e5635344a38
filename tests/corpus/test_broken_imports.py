"""Broken files of others end an import in a sentence: no traceback, no label taken for a number, no dead process."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emovec.corpus.exchange.importing import import_corpus
from emovec.corpus.read import read_sources
from emovec.errors import EmovecError
from tests.corpus.exchange.test_importing import CLASSES, TABLE, put, save_to_disk

Run = Callable[..., tuple[int, str, str]]


def dataset(folder: Path) -> Path:
    save_to_disk(folder / "ds", TABLE, CLASSES)
    return folder / "ds"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dataset_info.json", '{"features": {', r"dataset_info\.json: is not as `datasets` writes it \(line 1: expect"),
        ("dataset_info.json", "[]", r"dataset_info\.json: is not as .* \(another structure\); save the dataset again"),
        ("dataset_info.json", '{"features": [1]}', r"dataset_info\.json: is not as .* \(another structure\)"),
        ("dataset_info.json", '{"features": {"label": {"_type": "ClassLabel"}}}', r"\(no 'names'\)"),
        ("dataset_info.json", '{"features": {"label": {"_type": "ClassLabel", "names": "cs"}}}', "another structure"),
        ("state.json", "{", r"state\.json: is not as"),
        ("state.json", "null", r"state\.json: is not as"),
        ("state.json", '{"_data_files": [{}]}', r"state\.json: .* \(no 'filename'\)"),
        ("state.json", '{"_data_files": [3]}', r"state\.json: .* \(another structure\)"),
        ("state.json", '{"_data_files": [{"filename": "gone.arrow"}]}', r"gone\.arrow: can't be read"),
        ("state.json", "[" * 100_000, r"state\.json: is not as"),
        ("dataset_dict.json", '{"splits": ', r"dataset_dict\.json: is not as"),
        ("dataset_dict.json", "{}", r"dataset_dict\.json: .* \(no 'splits'\)"),
        ("dataset_dict.json", '{"splits": []}', r"dataset_dict\.json: names no splits"),
        ("dataset_dict.json", '{"splits": ["en"]}', r"state\.json: is not as .* \(No such file or directory\)"),
    ],
)
def test_what_datasets_wrote_and_something_broke(tmp_path: Path, name: str, content: str, said: str) -> None:
    folder = dataset(tmp_path)
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(EmovecError, match=said) as told:
        import_corpus(folder, language="en", layout="datasets")
    assert "\n" not in str(told.value)


def test_json_in_another_encoding(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    (folder / "dataset_info.json").write_bytes(b"\xff\xfe{\0}\0")
    with pytest.raises(EmovecError, match=r"dataset_info\.json: is not as `datasets` writes it \(no UTF-8\)"):
        import_corpus(folder, language="en")
    put(tmp_path, {"deep.json": "[" * 100_000, "long.json": f'{{"sad": {"9" * 5000}}}'})
    for name in ("deep", "long"):
        with pytest.raises(EmovecError, match=rf"{name}\.json: no JSON that can be read"):
            import_corpus(tmp_path / f"{name}.json", language="en")


@pytest.mark.parametrize("info", ["{", "[]", '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}'])
def test_labels_of_parquet_that_lost_their_names(tmp_path: Path, info: str) -> None:
    pq.write_table(TABLE.replace_schema_metadata({b"huggingface": info.encode()}), tmp_path / "x.parquet")
    with pytest.raises(EmovecError, match=r"x\.parquet: is not as .*; write the file again"):
        import_corpus(tmp_path / "x.parquet", language="en")


def test_labels_of_a_card_that_lost_their_names(tmp_path: Path) -> None:
    card = "---\nconfigs: [{config_name: a, data_files: x.csv}]\ndataset_info: x\n---\n"
    with pytest.raises(EmovecError, match=r"README\.md: is not as .*; correct its dataset_info"):
        import_corpus(put(tmp_path, {"README.md": card, "x.csv": "text,label\na,0\n"}), language="en")


def no_utf8() -> pa.Table:
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    text = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"\xff\xfe"))
    return pa.table({"text": text, "emotion": ["calm", "sad"], "language": ["en", "en"]})


def test_text_in_tables_that_is_no_utf8(tmp_path: Path) -> None:
    pq.write_table(no_utf8(), tmp_path / "x.parquet")
    for read in (import_corpus, lambda path: read_sources([path])):
        with pytest.raises(EmovecError, match=r"x\.parquet: damaged after row 0 \(.*UTF8"):
            read(tmp_path / "x.parquet")
    save_to_disk(tmp_path / "ds", no_utf8(), {})
    with pytest.raises(EmovecError, match=r"\.arrow: can't be read after row 0 \(.*UTF8"):
        import_corpus(tmp_path / "ds", language="en")


def test_offsets_that_lead_out_of_the_file(tmp_path: Path) -> None:
    """Read unchecked they end the process, or give somebody else's memory as a text."""
    offsets = pa.array([0, 2**30, 1], pa.int32()).buffers()[1]
    text = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"ab"))
    save_to_disk(tmp_path / "ds", pa.table({"text": text}), {})
    with pytest.raises(EmovecError, match=r"\.arrow: can't be read after row 0"):
        import_corpus(tmp_path / "ds", language="en", emotion="calm")


@pytest.mark.parametrize("seed", range(60))
def test_parquet_with_bytes_changed_or_cut_off(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    pq.write_table(pa.table({"text": ["é a text"] * 40, "emotion": ["calm", "sad"] * 20}), tmp_path / "x.parquet")
    data = bytearray((tmp_path / "x.parquet").read_bytes())
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    (tmp_path / "x.parquet").write_bytes(data[: rng.randrange(len(data))] if seed % 3 == 0 else data)
    said = ""
    try:
        import_corpus(tmp_path / "x.parquet", language="en")
    except EmovecError as error:
        said = str(error)
    assert not said or said.startswith(f"{tmp_path / 'x.parquet'}: ")
    assert "\n" not in said


def refuse(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def refusing(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, refusing)


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"texts/angry/1.txt": "a", "a.jsonl": json.dumps({"text": "a"}), "a.json": {"sad": ["a"]}})
    refuse(monkeypatch, "read_text")
    problems = import_corpus(tmp_path / "texts", language="en").problems
    assert [str(problem).rpartition("/")[2] for problem in problems] == ["1.txt:1: can't be read (Permission denied)"]
    with pytest.raises(EmovecError, match=r"a\.json: can't be read as JSON in UTF-8 \(Permission denied\)"):
        import_corpus(tmp_path / "a.json", language="en")
    refuse(monkeypatch, "open")
    with pytest.raises(EmovecError, match=r"a\.jsonl: can't be read \(Permission denied\)"):
        import_corpus(tmp_path / "a.jsonl", language="en")
