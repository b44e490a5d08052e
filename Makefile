# Everything here runs from a fresh clone with nothing but Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
TESTS_AT_ONCE ?= 2
TESTS ?=
BIN := $(VENV)/bin

.PHONY: demo test lint types contracts generate e2e kind clean

demo: $(VENV)/.installed  ## evaluate and load-test a mock model through the REST API
	@EVALKUBE=$(BIN)/evalkube PYTHON=$(BIN)/python examples/demo.sh

test: $(VENV)/.installed-dev  ## the tests that need no cluster, or those of $$TESTS
	$(BIN)/python -m pytest $(TESTS) --ignore=tests/e2e --numprocesses=$(TESTS_AT_ONCE) --dist=worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests bench image

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports

generate: $(VENV)/.installed  ## write what is generated from the models, and the chart's copies
	$(BIN)/evalkube crds --output crds --docs docs/parameters.md
	$(BIN)/evalkube crds --output charts/evalkube/files/crds
	$(BIN)/evalkube benchmarks --docs docs/benchmarks.md
	$(BIN)/python -m evalkube_cli.exits docs/command-line.md
	cp charts/evalkube/values.yaml charts/evalkube/files/values.yaml

e2e: $(VENV)/.installed-dev  ## the tests on the cluster of $$KUBECONFIG, with the image that it has as localhost/evalkube:dev
	EVALKUBE_E2E_REQUIRED=1 $(BIN)/python -m pytest tests/e2e --durations=15

kind:  ## the same on a laptop with docker, kind, kubectl and helm: cluster, image, chart, quickstart, REST
	kind get clusters | grep -qx evalkube || kind create cluster --name evalkube --wait 120s
	docker build --tag localhost/evalkube:dev .
	kind load docker-image localhost/evalkube:dev --name evalkube
	kind export kubeconfig --name evalkube
	examples/quickstart/run.sh

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("evalkube needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	touch $@

clean:
	rm -rf $(VENV) .venv-* .demo
