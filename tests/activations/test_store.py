import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emovec.activations.extract import extract
from emovec.activations.store import Activations, ShardStore
from emovec.corpus.story import Story
from emovec.errors import EmovecError
from emovec.models.language_model import LanguageModel

TinyModel = Callable[..., LanguageModel]


@pytest.fixture
def folder(tiny_model: TinyModel, stories: list[Story], tmp_path: Path) -> Path:
    extract(tiny_model(), stories, tmp_path, offset=3, batch_tokens=200, shard_size=5)
    return tmp_path


def test_labels_follow_their_rows(folder: Path, stories: list[Story]) -> None:
    activations = Activations(folder)
    by_id = {story.id: story for story in stories}
    layer = activations.layer(2, "ja")
    assert layer.dims == ("story", "hidden")
    assert layer.dtype == np.float32
    assert set(layer["language"].values) == {"ja"}
    for story_id, emotion, topic in zip(*(layer[c].values for c in ("id", "emotion", "topic")), strict=True):
        assert (by_id[story_id].emotion, by_id[story_id].topic) == (emotion, topic)
    assert list(activations.index["id"]) == [s.id for language in ("en", "ja") for s in stories
                                             if s.language == language and s.emotion != "neutral"
                                             and len(s.text.split()) > 3]  # fmt: skip
    assert (activations.index["n_tokens"] == [len(by_id[i].text.split()) for i in activations.index["id"]]).all()


def test_a_torn_line_and_leftovers_are_ignored_and_mended(
    folder: Path, tiny_model: TinyModel, stories: list[Story]
) -> None:
    before = Activations(folder).layer(1, "en")
    manifest = folder / "en" / "manifest.jsonl"
    whole = manifest.read_bytes()
    torn = whole[: len(whole) - 30]
    manifest.write_bytes(torn)
    (folder / "en" / "shard-00007.safetensors.tmp").write_bytes(b"half")
    assert len(ShardStore(folder / "en").records()) == 2
    after = extract(tiny_model(), stories, folder, offset=3, batch_tokens=200, shard_size=5).layer(1, "en")
    assert after.identical(before)
    assert not list(folder.glob("*/*.tmp"))
    assert len(manifest.read_bytes().splitlines()) == len(ShardStore(folder / "en").records()) == 3


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damage_is_found_dropped_and_made_anew(
    damage: str, folder: Path, tiny_model: TinyModel, stories: list[Story]
) -> None:
    before = Activations(folder).layer(3, "ja")
    shard = folder / "ja" / "shard-00001.safetensors"
    data = bytearray(shard.read_bytes())
    if damage == "remove":
        shard.unlink()
    else:
        data[-20] ^= 1
        shard.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    store = ShardStore(folder / "ja")
    assert list(store.broken()) == [shard]
    if damage != "flip":
        with pytest.raises(EmovecError, match=r"shard-00001.safetensors: damaged or missing .* status .* --verify"):
            Activations(folder).layer(3, "ja")
    store.drop([shard.name])
    assert [record.shard for record in store.records()] == [0, 2]
    assert (
        extract(tiny_model(), stories, folder, offset=3, batch_tokens=200, shard_size=5)
        .layer(3, "ja")
        .identical(before)
    )
    assert not store.broken()


def test_a_full_disk_keeps_what_is_finished(
    tiny_model: TinyModel, stories: list[Story], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, [0]

    def fills_up(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fills_up)
    with pytest.raises(EmovecError, match=r"the disk is full\. Free some space and run the same command again"):
        extract(tiny_model(), stories, tmp_path, offset=3, batch_tokens=200, shard_size=2)
    monkeypatch.undo()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/shard-*")}
    assert kept
    assert not list(tmp_path.glob("*/*.tmp"))
    resumed = extract(tiny_model(), stories, tmp_path, offset=3, batch_tokens=200, shard_size=2)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    shutil.rmtree(tmp_path / "whole", ignore_errors=True)
    whole = extract(tiny_model(), stories, tmp_path / "whole", offset=3, batch_tokens=200, shard_size=2)
    assert resumed.layer(0, "en").identical(whole.layer(0, "en"))


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(EmovecError, match="contains no activations"):
        Activations(tmp_path)


def test_another_language_names_those_there_are(folder: Path) -> None:
    with pytest.raises(EmovecError, match=r"no activations of 'fr', only of en, en.neutral, ja, ja.neutral"):
        Activations(folder).layer(0, "fr")
