# Everything a developer or an operator runs. Needs make and Python 3.11 to 3.14 with pip or venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
INSTALLED := .venv/.installed
COMPILED := .venv/.compiled
# The lock file says what is installed; nothing else of the machine's settings does.
UV := UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never $(BIN)/uv
# The first Python that fits; `make PYTHON=/path/to/python3.12 install` chooses another.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

.PHONY: help
help: ## show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: install
install: $(COMPILED) ## put everything that Lyceum needs into .venv

.PHONY: run
run: install ## serve on port 3000, with a demo academy
	@exec $(BIN)/lyceum serve --demo

.PHONY: test
test: install ## run the tests on the embedded PostgreSQL; ARGS goes to pytest
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not services" $(ARGS)

.PHONY: check
check: install ## format, lint, types, import contracts, shape, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_shape.py
	$(BIN)/python tools/lint_migrations.py

.PHONY: services
services: install ## start Debian's PostgreSQL 15, Redis and RabbitMQ on ports of their own
	@$(BIN)/python -m tools.services start

.PHONY: test-services
test-services: services ## run what those three may change on them; a test that would skip fails
	@$(BIN)/python -m tools.services run $(BIN)/python -m pytest -p tools.require_services \
		-n auto --dist worksteal -m "not embedded" $(ARGS)

.PHONY: bench
bench: install ## measure list, detail and progress beside the peers of the specification
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: install ## the same with less data, fewer peers and one round
	@$(BIN)/python -m benchmarks --quick $(ARGS)

.PHONY: docs
docs: install ## write settings, permissions, commands and the OpenAPI document into docs
	@$(BIN)/python -m tools.write_docs

.PHONY: format
format: install ## put imports and code into their form
	@$(BIN)/ruff check --select I --fix --quiet .
	@$(BIN)/ruff format .

.PHONY: clean
clean: ## stop the services; remove .venv, caches and builds, but no data in var
	@test ! -d var/services || test ! -x $(BIN)/python || $(BIN)/python -m tools.services stop
	@rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
		benchmarks/build docs/build var/services
	@find src tests tools migrations -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml uv.lock | $(BIN)/uv
	@echo "installing the locked packages into .venv"
	@$(UV) sync --frozen --compile-bytecode --quiet
	@touch $@

# Where Python may write no bytecode, each process would compile us anew: half of its start.
$(COMPILED): $(INSTALLED) $(shell find src -name '*.py')
	@$(BIN)/python -m compileall -q -j 0 src
	@touch $@

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Lyceum needs Python 3.11 to 3.14, and found none." \
		"Install one (Debian 12, Ubuntu 24.04: apt-get install python3 python3-venv) or name it:" \
		"make PYTHON=/path/to/python3 install"; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then $(PYTHON) -m venv --clear .venv; \
	elif $(PYTHON) -c 'import pip, venv' 2>/dev/null; then \
		$(PYTHON) -m venv --clear --without-pip .venv; \
	else echo "this Python has neither pip nor the module ensurepip:" \
		"install them (Debian, Ubuntu: apt-get install python3-venv), then try again"; exit 1; fi
	@if test -x $(BIN)/pip; then pip=".venv/bin/python -m pip"; \
	else pip="$(PYTHON) -m pip --python .venv/bin/python"; fi; \
		$$pip install --quiet --disable-pip-version-check 'uv>=0.11'
