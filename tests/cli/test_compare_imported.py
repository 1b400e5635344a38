"""Studies of every origin side by side: extracted here, and imported from each kind of file."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

from emovec.study.comparison import compare_studies
from emovec.vectors.emotion_vectors import EmotionVectors
from emovec.vectors.importing import read_vectors
from tests.cli.conftest import Run
from tests.vectors.test_importing import LAYOUTS, arrays, grid, write_gguf

EMOTIONS = ("happy", "sad", "angry", "calm", "afraid")


def extracted(folder: Path) -> EmotionVectors:
    """As an extraction leaves them: with residual norms, deviations and counts."""
    rng = np.random.default_rng(1)
    return EmotionVectors.from_arrays(
        rng.normal(size=(2, 6, 4, 12)),
        languages=["en", "ja"],
        emotions=[*EMOTIONS, "proud"],
        residual_norm=rng.uniform(1, 2, size=(2, 4)),
        story_std=rng.uniform(1, 2, size=(2, 4, 12)),
        counts=np.full((2, 6), 3),
    )


def control_vectors(folder: Path) -> EmotionVectors:
    return read_vectors(
        named={
            e: write_gguf(folder / f"{e}.gguf", {k + 1: row for k, row in enumerate(v)}) for e, v in arrays().items()
        }
    )


def by_names(folder: Path) -> EmotionVectors:
    np.savez(folder / "v.npz", **{f"ja.{emotion}": rows for emotion, rows in arrays(hidden=5).items()})
    return read_vectors(folder / "v.npz")


def own_file(folder: Path) -> EmotionVectors:
    extracted(folder).save(folder / "v.safetensors")
    return read_vectors(folder / "v.safetensors")


def of_layout(write: Callable[..., list[Path]]) -> Callable[[Path], EmotionVectors]:
    return lambda folder: read_vectors(*write(folder, grid()))


ORIGINS = {
    "extracted": extracted,
    "gguf": control_vectors,
    "npz": by_names,
    "own": own_file,
    **{write.__name__: of_layout(write) for write in LAYOUTS},
}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made: dict[str, Path] = {}
    for name, origin in ORIGINS.items():
        folder = tmp_path_factory.mktemp(name)
        vectors = origin(folder)
        made[name] = folder / name
        vectors.save(folder / name / "vectors.safetensors")
        config = {"model": name, "languages": vectors.languages, "emotions": vectors.emotions}
        (folder / name / "study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return made


@pytest.mark.fault("C9")
@pytest.mark.parametrize("pair", combinations(ORIGINS, 2), ids="-".join)
def test_any_two_are_compared(pair: tuple[str, str], studies: dict[str, Path]) -> None:
    found = compare_studies([studies[name] for name in pair], permutations=20)
    both_std = set(pair) <= {"extracted", "own"}
    assert set(found.agreement["variant"]) == ({"raw", "standardised"} if both_std else {"raw"})
    assert (found.agreement["r"].abs() < 1 + 1e-9).all()
    if both_std:
        raw = found.agreement[(found.agreement["variant"] == "raw") & (found.agreement["method"] == "pearson")]
        np.testing.assert_allclose(raw[raw["language_a"] == raw["language_b"]]["r"], 1)


@pytest.mark.fault("C9")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("status", "npz/study.yaml"), 0, "vectors were imported"),
        (("run", "npz/study.yaml"), 2, "contains vectors that were imported"),
        (("transfer", "npz/study.yaml", "npz/study.yaml"), 2, "`emovec compare` takes such studies"),
        (("vectors", "export", "npz", "--emotion", "sad", "--out", "x.gguf"), 2, "came without the residual norm"),
        (("vectors", "export", "npz", "--emotion", "sad", "--norm", "3", "--out", "x.gguf"), 0, "x.gguf"),
        (("steer", "none", "npz", "hello", "--emotion", "sad"), 2, "came without the residual norm"),
        (("status", "npz/study.yaml", "--verify"), 2, ""),
    ],
)
def test_other_commands_work_on_an_imported_study_or_say_why_not(
    arguments: tuple[str, ...], code: int, said: str, run: Run, studies: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "npz").symlink_to(studies["npz"])
    ended, out, err = run(*arguments)
    assert ended == code, err
    assert said in out + err
    assert "Traceback" not in err
