# Every target does its own set-up: a virtual environment in .venv with the locked dependencies.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The first of these that is Python 3.11 or newer; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
KAFKA_JARS := build/kafka-jars
DEBEZIUM_JARS := build/debezium-jars

##@ The two commands of the README
demo: $(INSTALLED) ## Replay real and simulated AI programmes and print what they earned
	@$(BIN)/aivalue demo

test: $(INSTALLED) ## Run the tests (embedded PostgreSQL and broker, nothing else needed)
	@echo "== tests: unit, service, contract, integration, end to end"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not kafka and not faults and not prometheus"

##@ Slower tiers
check: $(INSTALLED) ## Lint, types, import contracts, what Prometheus says to our files
	@echo "== format and lint"; $(BIN)/ruff format --check .; $(BIN)/ruff check .
	@echo "== types"; $(BIN)/mypy
	@echo "== import contracts"; $(BIN)/lint-imports
	@echo "== rules, alerts, metrics, dashboard"; $(BIN)/python -m pytest -q -m prometheus

test-kafka: $(INSTALLED) $(KAFKA_JARS)/.done ## Integration tests against real Apache Kafka (JDK 17, Maven)
	@echo "== tests against Apache Kafka"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal --broker kafka -m "(broker or kafka) and not faults and not cluster"

test-faults: $(INSTALLED) ## Kill, pause and crash real processes; count what was lost or doubled
	@echo "== fault tests"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m faults

test-cluster: $(INSTALLED) $(KAFKA_JARS)/.done ## Take three nodes of Apache Kafka apart under workers (JDK 17, Maven; minutes)
	@echo "== faults of the broker"
	@$(BIN)/python -m pytest -q -m cluster

validate: $(INSTALLED) ## Do intervals hold? 2,000 draws of every situation (more than an hour on two cores; interrupt and go on at will)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.validation.study --draws 2000 --page docs/validation.md

test-oracles: ## Compare with peers' packages, in an environment of their own (.venv-oracles)
	@[ -d .venv-oracles ] || $(PYTHON) -m venv .venv-oracles
	@echo "== installing the peers (several minutes, once)"
	@.venv-oracles/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@.venv-oracles/bin/python -m pip install --quiet --group oracles
	@.venv-oracles/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@echo "== what peers say"
	@.venv-oracles/bin/python -m pytest -q -o addopts="--import-mode=importlib" tests/oracles

soak: $(INSTALLED) ## The faults and schedules of ingest over and over, for SOAK_MINUTES (10)
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(SOAK_MINUTES),10)

reliability: $(INSTALLED) ## Write what the last fault tests found into docs/reliability.md
	@$(BIN)/python -m tests.faults.report

bench: $(INSTALLED) ## Benchmarks, each beside an alternative in the same run
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

bench-ingest: $(INSTALLED) $(KAFKA_JARS)/.done $(DEBEZIUM_JARS)/.done ## Ingest beside Debezium's JDBC sink (JDK 17, Maven)
	@$(BIN)/python -m bench.ingest compare

##@ Development
up: $(INSTALLED) ## Run the whole system until Ctrl-C
	@$(BIN)/aivalue up

format: $(INSTALLED) ## Format, and fix what can be fixed
	@$(BIN)/ruff format .; $(BIN)/ruff check --fix .

docs: $(INSTALLED) ## Write again what follows from code: API, events, settings, metrics, rules
	@$(BIN)/python -m deploy.generate

picture: $(INSTALLED) ## Draw the README's picture: the table that make demo prints
	@$(BIN)/aivalue demo --picture docs/demo.svg

lock: ## Write requirements/ again from pyproject.toml (needs uv)
	@for group in ingest baseline attribution reporting compile cli dev peers; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links --group $$group \
	    -o requirements/$$group.txt; done

clean: ## Remove the virtual environment and everything built
	rm -rf $(VENV) .venv-oracles build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache aivalue/*/*.so services/*/*/*.so

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): requirements/dev.txt pyproject.toml $(wildcard aivalue/*/*.pyx aivalue/*/*.pxd services/*/*/*.pyx)
	@if [ -z "$(PYTHON)" ]; then echo "aivalue needs Python 3.11 or newer; none was found. Install one, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1; fi
	@echo "== setting up $(VENV) with $$($(PYTHON) --version) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python deploy/compile.py
	@touch $@

$(KAFKA_JARS)/.done: tests/kafka/pom.xml
	@command -v mvn >/dev/null && command -v java >/dev/null || { echo "make test-kafka needs a JDK (17 or newer) and Maven: apt-get install default-jdk-headless maven" >&2; exit 1; }
	@echo "== fetching Apache Kafka's jars"
	@mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(KAFKA_JARS)
	@touch $@

$(DEBEZIUM_JARS)/.done: bench/ingest/debezium/pom.xml
	@echo "== fetching Kafka Connect and Debezium's JDBC sink"
	@mvn -q -B -f bench/ingest/debezium/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(DEBEZIUM_JARS)
	@touch $@

.PHONY: demo test check test-kafka test-faults test-cluster soak reliability test-oracles validate bench bench-ingest up format docs picture lock clean help
