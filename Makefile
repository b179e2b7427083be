PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

help: ## Show what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@

# The environment is made anew when what it holds changes.
.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Saldo needs Python 3.11, 3.12 or 3.13: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: .venv/installed ## Make .venv with everything in it

up: install ## Run everything on this machine; Ctrl-C ends all of it
	@SALDO_ENV=development SALDO_WEBHOOKS_ANYWHERE=true exec $(BIN)/saldo up

demo: install ## Play a deal against what `make up` runs, with every event as it arrives
	@SALDO_ENV=development $(BIN)/saldo demo

test: install ## Check style and types, then run every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	SALDO_ENV=development $(BIN)/pytest -n 2 -m "not alone"
	SALDO_ENV=development $(BIN)/pytest -m alone

quick: install ## Run the tests that need no servers of their own
	SALDO_ENV=development $(BIN)/pytest -q -n 2 -m "not alone"

bench: install ## Measure, each figure beside its floor; writes benches/results
	SALDO_ENV=development $(BIN)/python -m benches

docs: install ## Write the pages and the schema that are made from the code
	SALDO_ENV=development $(BIN)/saldo docs

format: install ## Put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Pin the dependencies anew, with hashes
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate --extra dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and the data of `make up`
	rm -rf .venv .saldo .mypy_cache .ruff_cache .hypothesis

.PHONY: help install up demo test quick bench docs format lock clean
