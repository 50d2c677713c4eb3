# A line or two each; no logic lives here. `make story` first, then open the page it names.
PYTHON ?= python3
BIN := .venv/bin
# tests share the processors, file by file, and the file that takes longest begins
SHARED := -n auto --dist loadfile --no-loadscope-reorder tests/test_lab.py

.PHONY: story watch test test-all test-oldest test-newest lab refresh check mutate mutate-code faults study bench lock clean setup

story: setup ## execute every notebook and build the pages in build/pages
	@$(BIN)/python -m publish

watch: setup ## build again whenever something changes, until Ctrl-C
	@$(BIN)/python -m publish --watch

test: setup ## pass all tests
	@$(BIN)/python -m pytest $(SHARED) notebooks tests

test-all: test ## pass all tests, then the thorough ones: Lighthouse, print, all of the keyboard
	@$(BIN)/python -m pytest -m thorough

test-oldest test-newest: test-%: setup ## with the oldest versions that requirements.txt allows, or the newest there are
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) build/$*
	@grep -v '^-' requirements.txt | $(BIN)/uv pip install --quiet --compile-bytecode --python build/$* \
		--resolution $(if $(filter oldest,$*),lowest-direct,highest) -r -
	@$(BIN)/uv pip install --quiet --python build/$* --no-deps -e .
	@build/$*/bin/python -m publish
	@build/$*/bin/python -m pytest $(SHARED) tests -m 'not thorough and not faults and not locked'

lab: setup ## open the start page in JupyterLab; options for Jupyter: make lab LAB=--no-browser
	@lab/start $(BIN)/jupyter lab $(LAB)

refresh: setup ## execute, store the outputs in notebooks/, rebuild exports/ and the data dictionary
	@$(BIN)/python -m publish --refresh
	@$(BIN)/python -m publish --stored

check: setup ## follow every fact link, executing nothing
	@$(BIN)/python -m publish --check

mutate: setup ## make one thing wrong at a time, everywhere, and count who notices
	@$(BIN)/python -m publish.mutate

mutate-code: setup ## change the code of five modules one thing at a time; tests notice all but what tests/survivors.toml explains
	@$(BIN)/python -m publish.mutate_code

faults: setup ## kill whole builds at random points, and build in other places; says what it found
	@$(BIN)/python -m pytest -m faults -s

study: setup ## record the precision study where runs are missing; SCHEDULER=tcp://... uses a Dask cluster
	@$(BIN)/python -m dojo.study $(if $(SCHEDULER),--scheduler $(SCHEDULER))

bench: setup ## race those who execute notebooks; time parts and pages beside their peers, what readers wait for in JupyterLab
	@$(BIN)/python -m publish.bench
	@$(BIN)/python -m publish.bench_pages
	@$(BIN)/python -m publish.bench_lab

lock: setup ## take the newest versions of everything into requirements.lock and constraints.txt
	@grep -v '^-' requirements.txt | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate - -o requirements.lock
	@sed -n 's/ \\$$//p' requirements.lock | grep == > constraints.txt

clean: ## remove what was built or installed here
	rm -rf .venv build .hypothesis *.egg-info

setup: .venv/ready
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
