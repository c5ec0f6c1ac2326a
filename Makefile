# Needs Python 3.11 or newer with pip, and nothing else. Another Python: make PYTHON=python3.12 …
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-faults test-minimum fuzz reliability lint types unit format clean

demo: .venv/.demo  ## find faces on real photos, with no account
	$(BIN)/cloudai demo --out out

test: lint types unit  ## the whole check

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

unit: .venv/.dev
	$(BIN)/python -m pytest

test-faults: .venv/.dev  ## the faults at full length: ten thousand bodies, five thousand cancellations, 200 kills
	CLOUDAI_FAULTS=all $(BIN)/python -m pytest tests/faultd tests/batch

FUZZ_SECONDS ?= 600
fuzz: .venv/.dev  ## look for files, replies and addresses that break something, ten minutes or FUZZ_SECONDS
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

reliability: .venv/.dev  ## measure the faults anew, beside the vendors' packages, for docs/reliability.md
	$(BIN)/python benchmarks/reliability.py --write

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Without pip at first: Debian's python3 has no ensurepip unless python3-venv is installed.
.venv/bin/python:
	$(PYTHON) -m venv --without-pip .venv
	$(PYTHON) -m pip --quiet --disable-pip-version-check --python .venv install pip

.venv/.demo: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[local]"
	touch $@

.venv/.dev: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ .venv/.demo

clean:
	rm -rf .venv out dist build
