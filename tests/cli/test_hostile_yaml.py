"""Whatever a study file says, `status` answers or says in one sentence why not, and writes nothing."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emovec.config import CorpusConfig, ExtractionConfig, GenerationConfig, GeometryConfig, SteeringConfig, StudyConfig
from tests.cli.test_hostile_texts import LABELS, command, one_sentence, only_written

SECTIONS: dict[str, Any] = {
    "corpus": CorpusConfig,
    "extraction": ExtractionConfig,
    "generation": GenerationConfig,
    "geometry": GeometryConfig,
    "steering": SteeringConfig,
}
KEYS = [(name,) for name in StudyConfig.model_fields] + [(a, b) for a, of in SECTIONS.items() for b in of.model_fields]
VALUES = st.sampled_from(
    [
        "[]",
        "{}",
        "~",
        ".inf",
        "-1",
        "1e999",
        "9" * 50,
        "true",
        "[[1]]",
        "{a: 1}",
        "*a",
        "&a [1]",
        "!!set {a}",
        "'",
        "[",
        "[9999]",
        "[a, a]",
        "[1, true]",
        "{path: .., language: ../x}",
        "/dev/null",
        "x: y: z",
        "\t",
        "@",
        "no",
        "[en, no]",
    ]
) | st.sampled_from(LABELS).map(json.dumps)


@pytest.mark.fault("C6")
@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=2), st.booleans())
def test_any_setting_is_taken_or_refused_by_the_command(found: dict[tuple[str, ...], str], twice: bool) -> None:
    lines = [
        f"{key[0]}: {{{key[1]}: {value}}}" if len(key) > 1 else f"{key[0]}: {value}" for key, value in found.items()
    ]
    with only_written("t.yaml") as folder:
        (folder / "t.yaml").write_text("\n".join(lines * (1 + twice)), encoding="utf-8", errors="replace")
        code, out, err = command(folder, "status", "t.yaml")
        assert "\x1b" not in out
        if code:
            one_sentence(code, err)
        assert code == 2 or not twice
        (folder / "t.yaml").unlink()
