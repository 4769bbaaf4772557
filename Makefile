# Two commands are all that a newcomer needs, `make demo` and `make test`; `make` lists the others.
# They need make and Python 3.11, 3.12 or 3.13, and make everything else by themselves.

VENV := .venv
SYNCED := $(VENV)/.synced
BIN := $(VENV)/bin

# The first that fits; or give one: make PYTHON=/path/to/python3.12
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c '$(FITS)' >/dev/null 2>&1 && echo $$each && break; done)

# Each has a control plane of its own, of about 500 MB. They wait for most of their time: three do
# well on two cores.
TEST_WORKERS ?= 3

# By which every deadline of a test is longer than an idle machine may need; empty: its default.
TEST_PATIENCE ?=
export TEST_PATIENCE

# Says every five seconds that the command after it is still at work; for those that are silent.
# The inner shell ends by itself, should nobody live to end it.
TICKING = n=0; while sleep 5 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do \
		n=$$((n + 5)); echo "    ... $$n s"; done & ticker=$$!; \
	trap 'kill $$ticker 2>/dev/null' EXIT; trap 'exit 130' INT TERM;

# The tests' own modules: support, demo, soak, faults, fuzz, leaks, year, bench, chaos, pictures.
RUN = PYTHONPATH=tests $(BIN)/python -m
PYTEST = $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadscope

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-peers test-image sbom dist release-notes pictures cover soak faults fuzz leaks year bench chaos check fmt crds site explanations krew render controlplane built

help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(SYNCED) built ## Make .venv with everything in it, and build the control plane

demo: $(SYNCED) built ## Show the operator at work, step by step; KEEP=1 leaves it running
	@$(RUN) demo $(if $(filter-out 0,$(KEEP)),--keep)

test: $(SYNCED) built ## Run the tests: unit, contract, integration; TEST_PATIENCE=15 for a busy machine
	@echo "== tests: unit and contract"
	@$(PYTEST) -q tests/unit tests/contract
	@echo "== tests: integration"
	@$(PYTEST) -v tests/integration

# Other people's programs, each built once (minutes): Helm, promtool, cert-manager, Flux, kstatus.
test-peers: $(SYNCED) built ## Run the tests beside Helm, Prometheus, Argo CD's rules, cert-manager, Flux; TOOL= for one
	@$(BIN)/python -m pytest -v tests/peers $(if $(TOOL),-k "$(TOOL)")

# Needs root, buildah and mmdebstrap; it says what to install. docs/image.md tells what it proves.
test-image: $(SYNCED) built ## Build the image without an engine, and run the operator in it until an object is Ready
	@$(RUN) support.image
	@$(BIN)/python -m pytest -v tests/image

sbom: $(SYNCED) ## Write dist/sbom.cdx.json: what is installed at run time, with versions and licences
	@$(RUN) support.sbom

dist: $(SYNCED) ## Build wheel and source archive into dist/
	@$(BIN)/uv build --quiet --out-dir dist
	@ls dist

release-notes: ## Print what CHANGELOG.md says of the version of pyproject.toml; VERSION= for another
	@awk -v wanted="$(or $(VERSION),$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml))" \
		'/^## / { on = ($$2 == wanted); found += on; next } on { print } END { exit !found }' CHANGELOG.md

# Each module of tests/pictures has a whole system of its own, one after the other.
pictures: $(SYNCED) built ## Take the pictures of docs/pictures anew, from real runs; needs Chromium
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --quiet --group pictures
	@for each in $(basename $(notdir $(filter-out %/__init__.py,$(wildcard tests/pictures/*.py)))); do \
		echo "== $$each"; $(RUN) pictures.$$each || exit 1; done

# Without the test that times callbacks: to count lines is a part of their time.
cover: $(SYNCED) built ## Run the unit and contract tests, and list by file the lines that none ran
	@$(PYTEST) -q --cov=rds_ssl --cov-report=term-missing \
		--ignore=tests/unit/engine/test_no_stall.py tests/unit tests/contract

soak: $(SYNCED) ## Play random histories for MINUTES=20; SEED= for those of an earlier run
	@$(RUN) soak --minutes $(or $(MINUTES),20) $(if $(SEED),--seed $(SEED))

faults: $(SYNCED) ## Break the code in many ways: a test must notice each; FAULT= for one of them
	@$(RUN) faults $(if $(FAULT),--only "$(FAULT)")

fuzz: $(SYNCED) ## Give parsers and engine what nobody writes for MINUTES=20; SEED= as before, TARGET= for one
	@$(RUN) fuzz --minutes $(or $(MINUTES),20) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--only $(TARGET))

leaks: $(SYNCED) ## Let everything fail with marked secrets, and search all that comes out; PART=, SEED=
	@$(RUN) leaks $(if $(PART),--part $(PART)) $(if $(SEED),--seed $(SEED))

year: $(SYNCED) ## Play a year of 300 databases, beside an ordinary operator; SEED=, OBJECTS=, DAYS=
	@$(RUN) year $(if $(SEED),--seed $(SEED)) $(if $(OBJECTS),--objects $(OBJECTS)) \
		$(if $(DAYS),--days $(DAYS))

bench: $(SYNCED) built ## Measure speed beside an ordinary operator and bare calls; OBJECTS=, SCENARIO=, RUNS=
	@$(RUN) bench $(if $(OBJECTS),--objects $(OBJECTS)) $(if $(SCENARIO),--scenarios $(SCENARIO)) \
		$(if $(RUNS),--runs $(RUNS)) $(if $(CHANGE_SECONDS),--change-seconds $(CHANGE_SECONDS))

chaos: $(SYNCED) built ## Kill, freeze and cut off everything for MINUTES=3 while people edit; SEED=, SEEDS=, OBJECTS=
	@$(RUN) chaos $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(OBJECTS),--objects $(OBJECTS)) \
		$(if $(OPERATORS),--operators $(OPERATORS)) $(if $(CHAOS_JSON),--json $(CHAOS_JSON))

check: $(SYNCED) ## Check style, types and imports; changes nothing
	@echo "== ruff check"
	@$(BIN)/ruff check
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check
	@echo "== mypy"
	@$(TICKING) $(BIN)/mypy
	@echo "== lint-imports"
	@$(TICKING) $(BIN)/lint-imports

fmt: $(SYNCED) ## Format the code, and repair what ruff can repair
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

crds: $(SYNCED) ## Write crds/dbinstancessl.yaml and docs/reference.md from the models of spec and status
	@$(RUN) support.reference

site: $(SYNCED) ## Build the documents as a site into build/site, offline, and check every link; SITE_URL=
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --quiet --inexact --group docs
	@$(RUN) support.site_build

explanations: $(SYNCED) ## Write what `rds-ssl explain` says, from docs/conditions.md
	@$(RUN) support.explanations

krew: $(SYNCED) ## Make the archive of the kubectl plugin, and write its sum to deploy/krew
	@$(RUN) support.krew

# The equality is tested by tests/peers/test_helm.py, and without Helm by tests/contract/test_chart.py.
render: $(SYNCED) ## Write what is made of deploy/chart: install.yaml, demo, README; Helm is built once (minutes)
	@$(RUN) support.chart

controlplane: $(SYNCED) built ## Start a control plane in the foreground and print its KUBECONFIG
	@$(RUN) support.controlplane serve

# Not in the test run: the first build takes minutes, a test must not take two.
built: $(SYNCED)
	@$(RUN) support.controlplane build

# An environment that is there is brought up to date, never made again.
$(SYNCED): pyproject.toml uv.lock
	@if [ ! -x $(BIN)/python ]; then \
		if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c '$(FITS)' 2>/dev/null; then \
			echo "Python 3.11, 3.12 or 3.13 is needed, and $(if $(PYTHON),$(PYTHON) is none,there is none on PATH)." >&2; \
			echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
		echo "== $(VENV), with $$("$(PYTHON)" --version)"; \
		$(TICKING) "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
			echo "On Debian and Ubuntu the package python3-venv brings what is missing." >&2; exit 1; }; fi
	@if [ ! -x $(BIN)/uv ]; then \
		echo "== uv, to install the rest"; \
		$(TICKING) $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; fi
	@echo "== what uv.lock lists"
	@$(TICKING) env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --quiet
	@touch $@
