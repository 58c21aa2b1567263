# make run, make test and make test-integration need Python 3.11 or newer, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run bots test test-integration lint audit bench

run: $(VENV)/run.stamp
	$(BIN)/python service.py

# Players for a server that runs: make bots ARGS="--bots 8 --url https://snakepit.example.org"
bots: $(VENV)/run.stamp
	$(BIN)/python examples/bot.py $(ARGS)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests

test-integration: $(VENV)/dev.stamp
	$(BIN)/python -m pytest tests_integration

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@$(MAKE) --no-print-directory audit

# Whether anything is known against the dependencies; it says so where nobody can be asked.
audit:
	@$(PYTHON) .ci/audit.py $(VENV)/audit

# Takes half an hour the first time, when it makes its databases, and needs wrk.
bench: $(VENV)/dev.stamp
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
