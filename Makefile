# `make demo` and `make test` do all the set-up there is; nothing else is needed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PROTOS := $(wildcard src/burnish/proto/*.proto)

# Images often set it: each test process, and each server that a test starts, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test test-page test-litellm test-apps test-mlflow check ui ui-check screenshots format protos bench bench-report chaos chaos-short bench-table bench-pictures clean help

help:                ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)      ## build .venv with everything in it, and the page
	$(BIN)/python ui/build.py --if-possible

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[local,postgres,dev]'
	@touch $@

ui: $(STAMP)         ## build the page; nothing is done where ui/ has not changed
	$(BIN)/python ui/build.py

ui-check: $(STAMP)   ## types of the page from our OpenAPI, then prettier, eslint, tsc, vitest
	$(BIN)/python -m burnish.api.openapi > ui/openapi.json
	$(BIN)/python ui/build.py npm run --silent check

screenshots: ui      ## the pictures of the page in docs/images, from a real server (needs Chromium)
	$(BIN)/python -m tests.ui.screenshots docs/images

demo: $(STAMP)       ## the main job on the embedded defaults: a poor prompt, a real model, labelled data
	$(BIN)/burnish demo

test: $(STAMP)       ## all tests but those of the page (make test-page) and those that kill processes (make chaos-short)
	$(BIN)/python -m pytest -n 4 -m "not chaos" --ignore tests/ui  # four, because many wait for a server

test-page: ui        ## the page in a real browser, over real servers (needs Chromium)
	$(BIN)/python -m pytest -n 2 -m "not chaos" tests/ui

test-litellm: $(STAMP) ## the provider's contract on litellm, which this installs (300 MB)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[local,postgres,dev,litellm]'
	$(BIN)/python -m pytest tests/llm -k itellm

test-apps: $(STAMP)   ## apps on the OpenAI SDK and LangGraph, which this installs (80 MB)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[local,postgres,dev,apps]'
	$(BIN)/python -m pytest tests/apps/test_frameworks.py -n 0

MLFLOW_VERSIONS ?= 3.9.0 3.17.2 3.18.0
MLFLOW_TESTS := tests/replay tests/tracking tests/access tests/apps tests/api tests/proto tests/deploy \
	tests/cli/test_mlflow_server.py tests/cli/test_doctor.py tests/worker/test_traces.py tests/worker/test_distillation.py \
	tests/evaluation/scorers/test_scorer_registry.py tests/evaluation/test_scorer_names.py tests/evaluation/test_judges.py \
	tests/evaluation/test_registered_judges.py tests/evaluation/test_ensembles.py

test-mlflow: $(STAMP) ## what touches MLflow on the oldest and the newest versions, each in an environment of its own
	@failed=; for version in $(MLFLOW_VERSIONS); do \
		rm -rf .venv-mlflow; $(PYTHON) -m venv .venv-mlflow; \
		install="$(BIN)/uv pip install --quiet --python .venv-mlflow/bin/python"; \
		$$install -e '.[local,postgres,dev]' "mlflow==$$version" || { \
			echo "== not all parts of MLflow $$version are to be had here: mlflow itself, over the parts of the newest"; \
			$$install -e '.[local,postgres,dev]' mlflow && $$install --no-deps "mlflow==$$version"; \
		} || { failed="$$failed $$version"; continue; }; \
		echo "== MLflow:"; $(BIN)/uv pip list --quiet --python .venv-mlflow/bin/python | grep '^mlflow'; \
		TEST_MLFLOW_SERVER=1 .venv-mlflow/bin/python -m pytest -n 2 $(MLFLOW_TESTS) || failed="$$failed $$version"; \
	done; test -z "$$failed" || { echo "== failed with MLflow:$$failed"; exit 1; }

check: ui-check      ## ruff, mypy --strict, import-linter, and what ui-check has
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)     ## put the code in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: $(STAMP)     ## generate the Python of src/burnish/proto/*.proto
	$(BIN)/python -m grpc_tools.protoc -Isrc --python_out=src --pyi_out=src \
		--include_source_info --descriptor_set_out=src/burnish/proto/descriptors.binpb $(PROTOS)
# The generated code works with every protobuf we allow; the check of its version would not.
	sed -i -e '/^_runtime_version.Validate/,/^)/d' -e '/runtime_version/d' src/burnish/proto/*_pb2.py

chaos-short: $(STAMP) ## kill real processes under a few jobs, every kind of fault once (three minutes)
	$(BIN)/python -m pytest -n 2 -m chaos

chaos: $(STAMP)      ## kill real processes under more than 200 jobs; prints what was lost (half an hour)
	$(BIN)/python -m tests.chaos

bench: ui            ## everything measured beside its peers, into bench/results (35 minutes of a quiet machine)
	$(BIN)/python -m bench all

bench-%: ui          ## one of them: make bench-start, bench-cpu, bench-api, …
	$(BIN)/python -m bench $*

bench-report: $(STAMP) ## docs/benchmarks.md and its plots, from bench/results
	$(BIN)/python -m bench.report

bench-table: $(STAMP) ## a real model's answers, once: make bench-table DATA="one.jsonl two.jsonl" (an hour each)
	$(BIN)/python -m bench.quality.answer_table $(DATA)

bench-pictures: $(STAMP) ## the pictures of docs/factorial.md from the kept figures
	$(BIN)/python -m bench.quality.pictures

clean:               ## remove what was built
	rm -rf .venv .venv-mlflow .demo .bench dist build .pytest_cache .mypy_cache .ruff_cache
