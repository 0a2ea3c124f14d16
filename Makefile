# Every command sets up what it needs by itself: .venv, from requirements.lock, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# With bytecode, also where nobody is to write any.
WITH_BYTECODE := env -u PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help sweep train ui docs test audit chaos bench bench-quick bench-search lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

sweep: $(VENV)/ready ## a first sweep, offline, on synthetic reviews, about a minute
	@$(BIN)/besom sweep quickstart

train: $(VENV)/ready ## train the baseline once and record it
	@$(BIN)/besom train

ui: $(VENV)/ready ## browse the recorded runs at http://127.0.0.1:5000
	@$(BIN)/besom ui

docs: $(VENV)/ready ## the documentation as a site: site/index.html, offline
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open site/index.html, or with the search: $(BIN)/python -m http.server -d site"

test: $(VENV)/ready ## the check: style, types, tests (CI runs this very command)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(WITH_BYTECODE) $(BIN)/pytest --numprocesses 3 --dist loadscope

audit: $(VENV)/audit ## secrets among the files, and advisories on the locked packages (needs the network)
	@git ls-files -z -- ':!*.lock' ':!*.min.js' | xargs -0 $(BIN)/detect-secrets-hook \
		--exclude-secrets '^(s3(.?cret)?|secret|pass|password|p|\*{3})$$'
	@$(BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
		$(addprefix --requirement ,$(wildcard requirements*.lock))

chaos: $(VENV)/ready ## sweeps that are killed at random, 20 seeds, and in every phase; over an hour
	@$(BIN)/python -m tests.chaos
	@$(BIN)/python -m tests.chaos.on_ray
	@BESOM_FUZZ=20 $(BIN)/pytest -m slow

bench: $(VENV)/bench ## side by side with what people use today, on IMDb; about an hour
	@$(BIN)/python -m benchmarks

bench-quick: $(VENV)/bench ## the same with fewer configurations and repetitions; a quarter of an hour
	@$(BIN)/python -m benchmarks --quick

bench-search: $(VENV)/bench ## what searches recommend after 5, 15 and 45 minutes, beside peers; fifteen hours
	@$(BIN)/python -m benchmarks.search --json benchmarks/results/search.json

lock: $(VENV)/ready ## resolve the locks anew, after a change of dependencies in pyproject.toml
	@$(COMPILE) pyproject.toml --group dev --extra cmaes --extra dashboard --extra postgresql --extra ray --extra tensorboard --output-file requirements.lock
	@$(COMPILE) --group audit --constraint requirements.lock --output-file requirements-audit.lock
	@$(COMPILE) --group bench --constraint requirements.lock --output-file requirements-bench.lock

COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --quiet --no-emit-index-url --no-emit-find-links --annotation-style line \
	--custom-compile-command 'make lock'

clean: ## remove .venv and caches; recorded runs in mlruns/ stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
	find benchmarks src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Besom itself, as a link to this folder.
$(VENV)/ready: $(VENV)/locked pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@$(WITH_BYTECODE) $(BIN)/python -m compileall -q src
	@touch $@

# What only the audit needs.
$(VENV)/audit: $(VENV)/ready requirements-audit.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check \
		--require-hashes --requirement requirements-audit.lock
	@touch $@

# What only the benchmarks need: their peers.
$(VENV)/bench: $(VENV)/ready requirements-bench.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check \
		--require-hashes --requirement requirements-bench.lock
	@touch $@

# The libraries. A set-up that was interrupted has no stamp, so it starts afresh. Bytecode is
# compiled here, in parallel and even where PYTHONDONTWRITEBYTECODE is set: without it every import
# of TensorFlow takes 14 s instead of 5. A few libraries ship templates that are no valid Python,
# hence the tolerated exit code.
$(VENV)/locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Besom needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is none of them;" \
			"name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	@echo "Setting up $(VENV) from requirements.lock, once; this takes about two minutes."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile \
		--require-hashes --requirement requirements.lock
	@$(WITH_BYTECODE) $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@
