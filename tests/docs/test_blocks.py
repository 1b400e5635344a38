import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emovec.config import parse_config
from emovec.errors import EmovecError
from tests.docs import workspace
from tests.docs.pages import Block, blocks

ELSEWHERE = {
    "from repeng import": "another program, which isn't installed with emovec",
    "from datasets import": "downloads from the Hub",
    "openai/gpt-4o-mini": "asks a provider, with a key",
    'get_model("emovec/': "tests/steering/inspect/test_provider.py runs it, on a model that it makes",
    'load_language("fr"': "tests/corpus/generation/test_prompts.py runs it, with the page's own file",
    "rule_answers.parquet": "takes the answers of the rules experiment; its own test does that",
}
"""What a Python block holds that can't run here, and why."""
SMALLER = {
    r"permutations=[\d_]+": "permutations=20",
    r"bootstraps=[\d_]+": "bootstraps=20",
    r"shuffles=\d+": "shuffles=2",
    r", 1000, seed": ", 20, seed",
    r"^emovec\.run_study\((.*?)\).*$": r'emovec.run_study(\1, "corpus")',
    r"^study\.table\(.*$": "",
}
"""What an example does at a size that a test can wait for; a whole run is what tests/study does."""


def code(block: Block, model: Path) -> str:
    text = block.text
    for name in workspace.MODELS:
        text = text.replace(f'"{name}"', f'"{model}"')
    for pattern, replacement in SMALLER.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def of(language: str) -> list[Any]:
    return [pytest.param(block, id=block.name) for block in blocks() if block.language == language]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("docs")
    return folder, workspace.prepare(folder)


@pytest.mark.fault("F5")
@pytest.mark.parametrize("block", of("python"))
def test_a_python_block_of_the_docs_runs(
    block: Block, prepared: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for marked, reason in ELSEWHERE.items():
        if marked in block.text:
            compile(block.text, block.name, "exec")
            pytest.skip(reason)
    folder, names = prepared
    monkeypatch.chdir(folder)
    exec(compile(code(block, folder / "tiny"), block.name, "exec"), dict(names))


FRAGMENTS = {
    "add-a-language.md": "the language's own file, which tests/corpus/generation/test_prompts.py reads",
}
"""Pages with YAML that is no study file."""


@pytest.mark.fault("F5")
@pytest.mark.parametrize("block", of("yaml"))
def test_a_yaml_block_of_the_docs_is_a_study_file(block: Block) -> None:
    data = yaml.safe_load(block.text)
    if block.page in FRAGMENTS and "prompts" in data:
        return
    try:
        parse_config(data, block.name)
    except EmovecError as error:
        raise AssertionError(str(error)) from error


def test_whatever_is_not_run_is_still_in_the_docs() -> None:
    texts = [block.text for block in blocks()]
    assert [marked for marked in ELSEWHERE if not any(marked in text for text in texts)] == []
