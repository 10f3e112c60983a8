# Two commands on a bare machine: `make demo` and `make test`. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Other people's packages, apart from ours.
INTEROP := .venv-interop
PATRONI := .venv-patroni

# pytest rewrites every test before its first run; kept, that is done once.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check fix bench interop stress lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## Play the main job on loopback: issue, hold, present, verify, revoke
	@$(BIN)/tally demo

test: check ## Lint, strict types, import contracts and every test
	@$(BIN)/pytest -q -n 3 --dist worksteal --cov --cov-report=term-missing:skip-covered --cov-fail-under=100

check: $(VENV)/.ready-dev ## Lint, strict types and import contracts only
	@$(BIN)/ruff format --check --quiet . || { echo "run: make fix"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/contracts.txt || { cat $(VENV)/contracts.txt; exit 1; }

fix: $(VENV)/.ready-dev ## Format, and repair what the linter can repair
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(VENV)/.ready-dev ## Measure, as ratios against the raw cost of the signatures
	@$(BIN)/python -m benchmarks

interop: $(VENV)/.ready-dev $(INTEROP)/.ready ## Have our log and our DIDs read by tools that others wrote
	@sh scripts/debian_go.sh
	@$(BIN)/pytest -q -rs tests/interop

stress: $(VENV)/.ready-dev ## Long fault and fuzz campaigns
	@sh scripts/debian_etcd.sh
	@$(MAKE) --no-print-directory $(PATRONI)/.ready || true
	@$(BIN)/pytest -q -rs -m stress

lock: ## Renew the hashed locks from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -c requirements.lock --extra scan --group dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group interop -o requirements-interop.lock
	@# Patroni asks for an older ydiff, of which there are no wheels, for a command that the tests do not use.
	echo "ydiff>=1.5" | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --override /dev/stdin --group replication -o requirements-replication.lock

clean: ## Remove the environment and all caches
	@rm -rf $(VENV) $(INTEROP) $(PATRONI) .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	@find . -name __pycache__ -prune -exec rm -rf {} +

# By hash and wheels only; scripts/environment.sh says how. With another PYTHON, begin with `make clean`.
$(VENV)/.ready: requirements.lock scripts/environment.sh
	@sh scripts/environment.sh $(PYTHON) $(VENV) requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready
	@sh scripts/environment.sh $(PYTHON) $(VENV) requirements-dev.lock
	@touch $@

$(INTEROP)/.ready: requirements-interop.lock scripts/environment.sh
	@sh scripts/environment.sh $(PYTHON) $(INTEROP) requirements-interop.lock
	@touch $@

$(PATRONI)/.ready: requirements-replication.lock scripts/environment.sh
	@sh scripts/environment.sh $(PYTHON) $(PATRONI) requirements-replication.lock
	@touch $@
