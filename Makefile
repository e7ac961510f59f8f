# Two to remember: `make demo` shows everything on this machine, `make test` runs every test.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-in

# An environment knows its own absolute path: one that was moved or copied is made anew.
ifneq ($(file <$(STAMP)),$(CURDIR))
.PHONY: $(STAMP)
endif

.PHONY: help venv hooks docker browser agents demo test schemas screenshot bench canary

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

venv: $(STAMP) ## the Python environment in .venv

$(STAMP): pyproject.toml
	@PYTHON=$(PYTHON) .ci/setup python
	@if [ -s $@ ] && [ "$$(cat $@)" != "$(CURDIR)" ]; then rm -rf $(VENV); fi
	@[ -x $(BIN)/python ] && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "venv: installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@printf '%s' "$(CURDIR)" >$@
	@echo "venv: ready; \`make hooks\` checks every commit"

hooks: venv ## check every commit in this clone
	@$(BIN)/pre-commit install

docker: ## a Docker engine and the base image
	@.ci/setup docker

browser: ## Chromium for the browser tests
	@.ci/setup browser

agents: ## Node.js and npm, to install real agents with
	@.ci/setup agents

demo: venv ## check, prove, rank and show the example workspace
	@.ci/demo

test: venv docker browser agents ## lint, types and every test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

schemas: venv ## write schemas/ anew from the models
	@$(BIN)/assay schema

screenshot: venv browser ## take the pictures in the README anew
	@$(BIN)/python .ci/screenshot

bench: venv docker agents ## measure the promises in numbers
	@$(BIN)/python -m bench.run

canary: venv browser ## build the site with Zensical too and compare every page
	@.ci/canary
