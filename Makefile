# make run and make test need only Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run help bots test test-integration test-long fuzz lint audit bench bench-page pins

run: $(VENV)/run.stamp ## start the server, by default at http://127.0.0.1:8000
	$(BIN)/python service.py

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-18s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

bots: $(VENV)/run.stamp ## start bots that play on a running server: make bots ARGS="--bots 8 --url https://snakepit.example.org"
	$(BIN)/python examples/bot.py $(ARGS)

test: $(VENV)/test.stamp ## run the unit tests, about a minute
	$(BIN)/python -m pytest tests -m "not long" --numprocesses auto --dist worksteal

test-integration: $(VENV)/dev.stamp ## run the tests with servers, files, Postgres and a browser, about fifteen minutes
	$(BIN)/python -m pytest tests_integration -m "not long and alone" $(ARGS)
	$(BIN)/python -m pytest tests_integration -m "not long and not alone" --numprocesses 3 --dist worksteal $(ARGS)

test-long: $(VENV)/dev.stamp ## run the tests that take too long for each change: load, repeated failures, many browsers
	$(BIN)/python -m pytest tests tests_integration -m long $(ARGS)

fuzz: $(VENV)/dev.stamp ## send ten thousand requests drawn from the API's description to each database
	FUZZ_CASES=10000 $(BIN)/python -m pytest -s tests_integration/test_fuzz.py $(ARGS)

lint: $(VENV)/dev.stamp ## check style and common security mistakes with ruff
	$(BIN)/ruff check
	$(BIN)/ruff format --check

audit: $(VENV)/audit.stamp ## look up known vulnerabilities of the dependencies; fails if PyPI can't be asked
	$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off --timeout=5 \
		--requirement requirements-dev.txt

bench: $(VENV)/dev.stamp ## measure throughput relative to a bare application: half an hour the first time; needs wrk
	$(BIN)/python bench/bench.py $(ARGS)

bench-page: $(VENV)/dev.stamp ## measure how soon a phone can use the page, and its frame rate; needs Chromium
	$(BIN)/python bench/page.py

pins: $(VENV)/uv.stamp ## pin the requirements, from the ranges in pyproject.toml; ARGS=--upgrade takes the newest versions
	$(PIN) --group dev --output-file requirements-dev.txt $(ARGS)
	$(PIN) --group test --constraints requirements-dev.txt --output-file requirements-test.txt $(ARGS)
	$(PIN) --constraints requirements-dev.txt --output-file requirements.txt $(ARGS)

# For every platform and each Python that pyproject.toml allows, whatever this machine's settings.
PIN = $(BIN)/uv pip compile pyproject.toml --quiet --no-config --universal --generate-hashes \
	--custom-compile-command "make pins"

# The environment is created once, and again if the requirements change or PYTHON is another version.
ifneq ($(origin PYTHON),file)
MINOR = -c 'import sys; print(*sys.version_info[:2])'
ifneq ($(shell $(PYTHON) $(MINOR)),$(shell test ! -e $(BIN)/python || $(BIN)/python $(MINOR)))
$(VENV)/pip.stamp: FORCE
FORCE:
endif
endif

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Snakepit needs Python 3.11 or newer; name one with make PYTHON=python3.11"; exit 1; }
	@test ! -L $(VENV) || rm $(VENV)  # keep an environment that is shared by a link
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
