# Two commands on a bare machine: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := protocol storage doors ledger issuer wallet verifier schemas demo tally.py

.PHONY: help demo test check fix bench stress lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## Play the main job on loopback: issue, hold, present, verify, revoke
	@$(BIN)/tally demo

test: check ## Lint, strict types, import contracts and every test
	@$(BIN)/pytest -q -n 2 --cov --cov-report=term-missing:skip-covered --cov-fail-under=100

check: $(VENV)/.ready-dev ## Lint, strict types and import contracts only
	@$(BIN)/ruff format --check --quiet . || { echo "run: make fix"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/contracts.txt || { cat $(VENV)/contracts.txt; exit 1; }

fix: $(VENV)/.ready-dev ## Format, and repair what the linter can repair
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.ready-dev ## Measure, as ratios against the raw cost of the signatures
	@$(BIN)/python -m benchmarks

stress: $(VENV)/.ready-dev ## Long fault and fuzz campaigns
	@$(BIN)/pytest -q -m stress

lock: ## Renew the hashed locks from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -c requirements.lock --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage

# The lock is installed by hash, wheels only. Debian's python3 has no ensurepip: there the venv is made
# without pip and filled by the system's pip. A .pth file and a four-line command stand in for an editable
# install, so that no build back end has to be fetched.
$(VENV)/.ready: requirements.lock scripts/environment.sh
	@sh scripts/environment.sh $(PYTHON) $(VENV) requirements.lock && touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@sh scripts/environment.sh $(PYTHON) $(VENV) requirements-dev.lock && touch $@
