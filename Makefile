# `make run` shows it working, `make test` tests it. Every target works on a fresh clone by itself.

PYTHON ?= python3
COVERAGE_MIN ?= 95
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: help setup run test lint docs bench faults fuzz image client-ts axe lock

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.dev  ## everything a developer needs, in .venv

run: .venv/.runtime  ## a demonstration: messages accepted, judged, delivered, proven
	$(BIN)/gateway demo $(ARGS)

test: .venv/.dev  ## the whole suite
	$(BIN)/python -m pytest -q -n 4 --cov --cov-report=term --cov-fail-under=$(COVERAGE_MIN) $(ARGS)

lint: .venv/.dev  ## style, floors and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

docs: .venv/.dev  ## write the pages that are made from the code, and check the others against it
	$(BIN)/python -m gateway.rules.page plugins/compliance docs/rules
	$(BIN)/python -m gateway.web.roles > docs/roles.md
	$(BIN)/gateway openapi > docs/openapi.json
	$(BIN)/python -m pytest -q tests/test_docs.py

bench: .venv/.dev  ## figures, each beside its reference in the same run
	$(BIN)/python -m bench $(ARGS)

faults: .venv/.dev  ## kill it at the worst moments and count what is lost
	$(BIN)/python -m tests.faults $(ARGS)
	$(BIN)/python -m tests.faults.stops

fuzz: .venv/.dev  ## hold a live gateway against its description, for minutes
	$(BIN)/python -m tests.fuzz $(ARGS)

image:  ## build the container image and try it
	$(PYTHON) -m tests.image

client-ts: docs/openapi.json  ## the TypeScript client, made from the API's description; needs Node and npm
	cd clients/typescript && npm install --no-package-lock --no-audit --no-fund && npm run generate && npm run build

axe: tests/node_modules  ## what the pages for guests are held against, in a Chromium; needs Node and npm

lock: .venv/.dev  ## take the newest releases that pyproject.toml allows
	$(LOCK) --extra mjml pyproject.toml -o requirements.lock
	$(LOCK) --group build -o requirements-build.lock
	$(LOCK) --group dev pyproject.toml -o requirements-dev.lock

# What `gateway` needs to run; quick, so that `make run` is.
.venv/.runtime: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Guest Gateway needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make a venv: install python3-venv first." >&2; exit 1; }
	@echo "Setting up .venv, once; this takes about half a minute." >&2
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable clients/python
	@touch $@

tests/node_modules: tests/package.json tests/package-lock.json
	npm ci --prefix tests --no-audit --no-fund
	@touch $@
