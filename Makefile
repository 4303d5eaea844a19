# The two commands of a newcomer: `make run` and `make test`. Everything else serves them.
# Needs Python 3.11, make and pip. Nothing is installed outside .venv and ~/.cache/footnote, but for chromium and PostgreSQL (as root on Debian).

PYTHON ?= python3
PIP    := .venv/bin/python -m pip --disable-pip-version-check -qq
SHARED ?= ../shared
export FOOTNOTE_SHARED ?= $(abspath $(SHARED))

.PHONY: run install test check quick ask bench torture samples clean
.DEFAULT_GOAL := run

run: install $(if $(CHAT),chat)
	@exec .venv/bin/footnote serve --samples data/samples/documents $(if $(CHAT),--chat)

install: .venv/installed
	@.venv/bin/footnote models fetch --quiet

.PHONY: chat
chat: install
	@.venv/bin/footnote models fetch --quiet --chat

# The stamp is newer than what it was made from, so a second run starts at once and fetches nothing.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] >= (3, 11) else "Footnote needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo "No virtual environment could be made: install Python's venv package (Debian: apt install python3-venv)." >&2; exit 1; }
	@echo "Installing the libraries into .venv (once, some minutes) …"
	@$(PIP) install -c constraints.txt -e '.[local,ocr]' || { echo "The libraries could not be installed: see the line above; this step needs a package index and 4 GB of disk." >&2; exit 1; }
	@touch $@

.venv/installed-dev: .venv/installed
	@$(PIP) install -c constraints.txt -e '.[dev]' || { echo "The test tools could not be installed: see the line above." >&2; exit 1; }
	@touch $@

.PHONY: test-setup
test-setup: install .venv/installed-dev
	@.venv/bin/python -m tests.model_files
	@tests/install_chromium.sh
	@tests/install_postgresql.sh

test: test-setup check
	@.venv/bin/pytest

check: .venv/installed-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

quick: install .venv/installed-dev
	@.venv/bin/pytest -q -m "not slow and not server and not bench_data"

ask: install
	@.venv/bin/footnote ask "$(Q)"

bench: install .venv/installed-dev
	@.venv/bin/python -m bench

torture: install .venv/installed-dev
	@.venv/bin/python -m bench torture

samples: .venv/installed-dev
	@.venv/bin/python data/samples/sources/build.py

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/artifacts
