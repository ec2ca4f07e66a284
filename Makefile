# Lookalike: every command sets itself up; nothing is needed beforehand but Python 3.11 or newer and make.

PYTHON ?= python3
PORT ?= 8080
DATA ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
CORE := $(VENV)/.core
TESTING := $(VENV)/.testing

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench docs clean

help:  ## Show this list
	@echo "Lookalike: visual search for marketplaces"
	@echo
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo DATA=path/to/source PORT=9000   builds and serves your own data instead"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(CORE): pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Lookalike (a few hundred MB, no torch) ..."
	@$(PIP) -e .
	@touch $@

$(TESTING): $(CORE)
	@echo "Installing what the tests need (torch included: several GB) ..."
	@$(PIP) -e '.[train,analyse,dev]'
	@touch $@

demo: $(CORE)  ## Build the sample catalogue and serve the page at http://127.0.0.1:8080
	@$(BIN)/lookalike demo --port $(PORT) $(if $(DATA),--data '$(DATA)')

test: $(TESTING) chromium  ## Run all tests
	@$(BIN)/python -m pytest

check: $(TESTING) chromium  ## Format, lint, types, import contracts, docs, tests: all that CI asks for
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/write_cli_reference.py --check
	@LOOKALIKE_TESTS_STRICT=1 $(BIN)/python -m pytest

fix: $(TESTING)  ## Format, mend what the linter can mend, write generated docs anew
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .
	@$(BIN)/python tools/write_cli_reference.py

bench: export BENCH_PHOTOS ?= $(abspath ../shared/data/clothing)
bench: $(TESTING)  ## Measure speed, side by side (two hours; BENCH_PHOTOS=DIR with images.csv and images/); see benchmarks/results/
	@[ -d "$$BENCH_PHOTOS/images" ] || { \
		echo "No photos at $$BENCH_PHOTOS. Name a folder with images.csv (image, sender_id, label) and images/:"; \
		echo "make bench BENCH_PHOTOS=DIR"; exit 2; }
	@$(BIN)/python benchmarks/embedding.py --peers benchmarks.work/peers
	@$(BIN)/python benchmarks/embedding.py --peers benchmarks.work/peers --megapixels 12
	@$(BIN)/python benchmarks/embedding.py --memory 5000,100000
	@$(BIN)/python benchmarks/ingest.py --work benchmarks.work/ingest
	@$(BIN)/python benchmarks/growth.py photos --work benchmarks.work/growth
	@$(BIN)/python benchmarks/growth.py cores --work benchmarks.work/growth
	@$(BIN)/python benchmarks/growth.py index
	@$(BIN)/python benchmarks/startup.py --cache benchmarks.work/sites
	@$(BIN)/python benchmarks/serving.py --cache benchmarks.work/sites --sizes 5000,100000,1000000 --crowd 150
	@$(BIN)/python benchmarks/index.py prepare --work benchmarks.work/index
	@$(BIN)/python benchmarks/index.py truth --work benchmarks.work/index
	@$(BIN)/python benchmarks/index.py ladder --work benchmarks.work/index
	@$(BIN)/python benchmarks/index.py million --work benchmarks.work/index
	@for step in quality speed report; do \
		$(BIN)/python benchmarks/frontier.py --work benchmarks.work/frontier --step $$step || exit; done

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			echo "Installing Debian's chromium for the browser tests ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
		else \
			echo "No chromium here and no right to install it: the browser tests will be skipped."; \
		fi; }

clean:  ## Remove the environment and what the demo built
	rm -rf $(VENV) demo
