# Everything a person or CI runs. `make demo` and `make test` prepare what they need and cost
# nothing to prepare again; both need only Python 3.11, git and make.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
DEMO_DIR ?= .aura-demo
IS_311 := import sys; sys.exit(sys.version_info[:2] != (3, 11))
# Where the interpreter of the virtual environment comes from; `make PYTHON=/path test` overrides.
PYTHON ?= $(shell for p in python3.11 python3 python; do \
	"$$p" -c '$(IS_311)' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help demo clean-demo up test bench check lock install install-dev

help:
	@echo "make demo        a ticket from the request to the merged commit, on this machine alone"
	@echo "make clean-demo  forget what the demo made"
	@echo "make up          serve every port (Ctrl-C ends it); settings: README"
	@echo "make test        all tests"
	@echo "make bench       the figures, each beside what it is compared with"
	@echo "make check       formatting, lint, types, layers, templates, migrations"
	@echo "make lock        resolve the locked requirements again"

demo: install
	AURA_DATA_DIR="$${AURA_DATA_DIR:-$(DEMO_DIR)}" $(PY) manage.py demo

clean-demo:
	@if [ -x $(PY) ]; then $(PY) -m aura.embedded stop "$${AURA_DATA_DIR:-$(DEMO_DIR)}"; fi
	rm -rf "$${AURA_DATA_DIR:-$(DEMO_DIR)}"

up: install
	exec $(PY) manage.py up

# Three on two processors: a third of the time of a test is waiting.
test: install-dev
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: install-dev $(VENV)/.bench
	$(PY) -m tests.bench.demo
	$(PY) -m tests.bench.turn
	$(PY) -m tests.bench.latency
	$(PY) -m tests.bench.web
	$(PY) -m tests.bench.streams
	$(PY) -m tests.bench.memory
	$(PY) -m tests.bench.policy
	$(PY) -m tests.bench.approvals
	$(PY) -m tests.bench.waiters
	$(PY) -m tests.bench.log --events 1000000
	$(PY) -m tests.bench.gateway
	$(PY) -m tests.bench.a2a
	$(PY) -m tests.bench.sandbox
	$(PY) -m tests.bench.gitops
	$(PY) -m tests.bench.triage
	$(PY) -m tests.bench.console

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates
	$(PY) -W "ignore:Got an error checking:RuntimeWarning" manage.py makemigrations --check --dry-run --skip-checks
	$(PY) manage.py check

# --- the virtual environment, in stamped steps ---

install: $(VENV)/.scripts
install-dev: $(VENV)/.dev $(VENV)/.scripts

$(VENV)/.uv: .ci/uv.txt
	@[ -n "$(PYTHON)" ] || { echo "Aura needs Python 3.11 and found none on PATH: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PY) -c '$(IS_311)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: python3.11-venv)" >&2; exit 1; }
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@touch $@

# Adds to what is there, so that a demo does not remove the tools of development.
$(VENV)/.runtime: requirements.lock $(VENV)/.uv
	$(BIN)/uv pip install --quiet --python $(PY) --require-hashes -r requirements.lock
	@touch $@

# Adds what the product is compared with. A new .dev takes it away, and is then newer than this.
$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev
	$(BIN)/uv pip install --quiet --python $(PY) --require-hashes -r requirements-bench.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.uv
	$(BIN)/uv pip sync --quiet --python $(PY) --require-hashes requirements-dev.lock
	@touch $@ $(VENV)/.runtime

# The command line tools, as commands; what they run is this checkout.
$(VENV)/.scripts: pyproject.toml $(VENV)/.runtime
	$(BIN)/uv pip install --quiet --offline --python $(PY) --no-deps --editable .
	@touch $@

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Versions move only where pyproject.toml asks for it; `make lock UPGRADE=--upgrade` moves them all.
lock: $(VENV)/.uv
	$(COMPILE) $(UPGRADE) .ci/uv.in -o .ci/uv.txt
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) -c requirements.lock pyproject.toml --group dev -o requirements-dev.lock
	$(COMPILE) $(UPGRADE) -c requirements-dev.lock pyproject.toml --group bench -o requirements-bench.lock
