# make run, make test and make test-integration need Python 3.11 or newer, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run help bots test test-integration fuzz lint audit bench

run: $(VENV)/run.stamp ## the server, at http://127.0.0.1:8000 unless a setting says otherwise
	$(BIN)/python service.py

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

bots: $(VENV)/run.stamp ## players for a server that runs: make bots ARGS="--bots 8 --url https://snakepit.example.org"
	$(BIN)/python examples/bot.py $(ARGS)

test: $(VENV)/dev.stamp ## the unit tests, in half a minute
	$(BIN)/python -m pytest tests

test-integration: $(VENV)/dev.stamp ## server processes, files, a Postgres, a browser: ten minutes
	$(BIN)/python -m pytest tests_integration -m "not alone" --numprocesses 2 --dist worksteal
	$(BIN)/python -m pytest tests_integration -m alone

fuzz: $(VENV)/dev.stamp ## ten thousand requests drawn from the API's description, on each database; test-integration draws fewer
	FUZZ_CASES=10000 $(BIN)/python -m pytest -s tests_integration/test_fuzz.py $(ARGS)

lint: $(VENV)/dev.stamp ## the style, what looks unsafe, and the audit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(MAKE) --no-print-directory audit

audit: ## whether anything is known against the dependencies; it says so where nobody can be asked
	@$(PYTHON) .ci/audit.py $(VENV)/audit

bench: $(VENV)/dev.stamp ## answers per second beside a bare application's: half an hour the first time; needs wrk
	$(BIN)/python bench/bench.py $(ARGS)

# The environment is made once, and anew when the requirements change.
$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Snakepit needs Python 3.11 or newer; say which with make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/pip.stamp requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
