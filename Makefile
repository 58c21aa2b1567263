# make run, make test and make test-integration need Python 3.11 or newer, and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run help bots test test-integration test-long fuzz lint audit bench pins

run: $(VENV)/run.stamp ## the server, at http://127.0.0.1:8000 unless a setting says otherwise
	$(BIN)/python service.py

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

bots: $(VENV)/run.stamp ## players for a server that runs: make bots ARGS="--bots 8 --url https://snakepit.example.org"
	$(BIN)/python examples/bot.py $(ARGS)

test: $(VENV)/test.stamp ## the unit tests, in about a minute
	$(BIN)/python -m pytest tests -m "not long" --numprocesses auto --dist worksteal

test-integration: $(VENV)/dev.stamp ## server processes, files, a Postgres, a browser: ten minutes
	$(BIN)/python -m pytest tests_integration -m "not long and not alone" --numprocesses 2 --dist worksteal
	$(BIN)/python -m pytest tests_integration -m "not long and alone"

test-long: $(VENV)/dev.stamp ## what takes too long for each change: loads, failures again and again, many browsers
	$(BIN)/python -m pytest tests tests_integration -m long $(ARGS)

fuzz: $(VENV)/dev.stamp ## ten thousand requests drawn from the API's description, on each database; test-integration draws fewer
	FUZZ_CASES=10000 $(BIN)/python -m pytest -s tests_integration/test_fuzz.py $(ARGS)

lint: $(VENV)/dev.stamp ## check style and common security mistakes with ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

audit: $(VENV)/audit.stamp ## look up known vulnerabilities of the dependencies; fails if PyPI can't be asked
	$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off --timeout=5 \
		--requirement requirements-dev.txt

bench: $(VENV)/dev.stamp ## answers per second beside a bare application's: half an hour the first time; needs wrk
	$(BIN)/python bench/bench.py $(ARGS)

pins: $(VENV)/uv.stamp ## the requirements' pins, from the ranges in pyproject.toml; ARGS=--upgrade takes the newest
	$(PIN) --group dev --output-file requirements-dev.txt $(ARGS)
	$(PIN) --group test --constraints requirements-dev.txt --output-file requirements-test.txt $(ARGS)
	$(PIN) --constraints requirements-dev.txt --output-file requirements.txt $(ARGS)

# For every platform and each Python that pyproject.toml allows; a machine's own settings don't matter.
PIN = $(BIN)/uv pip compile pyproject.toml --quiet --no-config --universal --generate-hashes \
	--custom-compile-command "make pins"

# The environment is made once. It is made again when the requirements change, or when PYTHON names another version than its own.
ifneq ($(origin PYTHON),file)
MINOR = -c 'import sys; print(*sys.version_info[:2])'
ifneq ($(shell $(PYTHON) $(MINOR)),$(shell test ! -e $(BIN)/python || $(BIN)/python $(MINOR)))
$(VENV)/pip.stamp: FORCE
FORCE:
endif
endif

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Snakepit needs Python 3.11 or newer; say which with make PYTHON=python3.11"; exit 1; }
	@test ! -L $(VENV) || rm $(VENV)  # a link leads to an environment that others use
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/run.stamp: $(VENV)/pip.stamp requirements.txt
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/pip.stamp requirements-test.txt
	$(INSTALL) -r requirements-test.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/pip.stamp requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	@touch $@

$(VENV)/audit.stamp: $(VENV)/pip.stamp
	$(PYTHON) -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@touch $@

$(VENV)/uv.stamp: $(VENV)/pip.stamp
	$(INSTALL) uv==0.13.9
	@touch $@
