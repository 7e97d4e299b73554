# Every target sets up what it needs, on a machine with only Debian 12, Python 3.11 and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := $(patsubst benchmarks/peers/%.txt,.bench/%/installed,$(wildcard benchmarks/peers/*.txt))
# compiled once here: where Python may not write bytecode, each process would compile what it imports, Airflow in seconds
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo up unit test newest fire lint docs bench lock clean

demo: $(VENV)/installed  ## flights: five real tables, SQLite to DuckDB, through the Airflow DAG
	$(BIN)/python -m tools.demo

up: $(VENV)/installed $(VENV)/postgresql  ## Airflow with its UI on localhost, its metadata in a private PostgreSQL
	$(BIN)/python -m tools.up

unit: $(VENV)/installed  ## the tests that need no server
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/unit

test: $(VENV)/installed $(VENV)/servers
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

NEWEST := conformance/test_alike.py conformance/test_type_matrix.py conformance/test_object_matrix.py conformance/test_postgresql.py \
	conformance/test_change_log.py scenarios/test_switch.py
OF_MARIADB := conformance/test_schema_objects.py conformance/test_mysql_catalogue.py
newest: $(VENV)/installed  ## types, objects, catalogues and the switch with the newest MySQL, PostgreSQL and MariaDB, where they can be had
	PENSTOCK_NEWEST=postgresql,mysql $(BIN)/python -m pytest $(addprefix tests/,$(NEWEST))
	PENSTOCK_NEWEST=postgresql,mariadb $(BIN)/python -m pytest $(addprefix tests/,$(NEWEST) $(OF_MARIADB))

FIRE ?=
fire: $(VENV)/installed $(VENV)/servers  ## an attack on every promise, with figures; for instance make fire FIRE="--seed 7 --scale 0.1 kills"
	$(BIN)/python -m tests.fire $(FIRE)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/docs  ## the documentation as a site in site/; a broken link or anchor fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(VENV)/docs: $(VENV)/installed pyproject.toml
	$(UV) -e ".[docs]"
	touch $@

BENCH ?=
bench: $(VENV)/installed $(VENV)/servers $(PEERS) .bench/debian  ## Penstock beside its peers; for instance make bench BENCH="--scale 1"
	$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/debian:
	$(AS_ROOT) apt-get update -qq
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc pkg-config libmariadb-dev libpq-dev libsqlite3-dev libxxhash-dev python3-venv python3-dev
	mkdir -p $(VENV) && touch $@

$(VENV)/postgresql: | $(VENV)/debian
	$(AS_ROOT) apt-get update -qq
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
	touch $@

$(VENV)/servers: Makefile | $(VENV)/debian  ## private PostgreSQL and MariaDB servers that the tests start and stop, the clients, and a browser
	$(AS_ROOT) apt-get update -qq
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql mariadb-server mariadb-client sqlite3 chromium
	touch $@

.bench/debian: $(VENV)/debian  ## the peers and clients that Debian has
	$(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgloader pgcopydb
	mkdir -p .bench && touch $@

.bench/%/installed: benchmarks/peers/%.txt .bench/debian  ## a peer from PyPI, in an environment of its own
	$(PYTHON) -m venv .bench/$*
	.bench/$*/bin/pip install -q --no-input -r $<
	touch $@

NATIVE := $(wildcard penstock/native/*)
$(VENV)/installed: $(VENV)/debian pyproject.toml setup.py requirements.lock $(NATIVE)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --no-input --no-warn-script-location uv 2> $(VENV)/pip.log || { cat $(VENV)/pip.log; exit 1; }
	$(UV) -r requirements.lock
	$(UV) --no-deps -e .
	rm -rf *.egg-info  # with the repository on PYTHONPATH, the entry points in it would be found a second time
	touch $@

lock: ## pin what is installed now
	$(BIN)/uv pip freeze --python $(BIN)/python --exclude-editable | grep -v "^uv==" > requirements.lock

clean:
	[ ! -L .airflow/postgresql ] || rm -rf "$$(readlink -f .airflow/postgresql)"
	rm -rf $(VENV) .bench .airflow staging demo/*.sqlite demo/*.duckdb
