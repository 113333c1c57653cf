# Everything runs in .venv, which the first target you call builds from python3.11 or newer and make alone.
.DEFAULT_GOAL := help
.PHONY: help demo test lint lock record clean venv

UV_VERSION := 0.13.9
PACKAGES := deskbell bot pollers channels storage
# pytest's options: tests wait more than they work, so that two cores bear three at a time; on one core, or to follow one test: make test PYTEST_ARGS='-x tests/test_project.py'
PYTEST_ARGS ?= -n 3
# what `make demo` hands on to `deskbell demo`
DEMO_ARGS ?=
# `make lock LOCK_ARGS=--upgrade` takes newer versions; without it the lock changes only where pyproject.toml asks for it
LOCK_ARGS ?=
# `make record SOURCE=freshdesk CONFIG=my.toml`; KEEP names fields that hold words of the system, with commas between
SOURCE ?=
CONFIG ?= config.toml
KEEP ?=

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(VENV)/bin/uv
UV_STAMP := $(VENV)/.uv-$(UV_VERSION)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= 1
# Without a home to write in, the installers keep no cache.
ifneq ($(shell test -n "$$HOME" && test -d "$$HOME" && test -w "$$HOME" && echo writable),writable)
export PIP_NO_CACHE_DIR := 1
export UV_NO_CACHE := 1
endif

# The newest Python that is at least 3.11 and can make an environment.
find_python = for name in python3.13 python3.12 python3.11 python3; do \
	if "$$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo "$$name"; exit; fi; done

# uv is quick; pip reads the same lock and knows the mirrors of a machine that has only pip set up.
install_lock = $(UV) pip install --quiet --python $(PYTHON) --compile-bytecode --require-hashes -r $(1) \
	|| $(PYTHON) -m pip install --quiet --require-hashes -r $(1)

# Byte code of our own, also where PYTHONDONTWRITEBYTECODE is set: a start then need not compile.
compile_ours = $(PYTHON) -m compileall -q $(PACKAGES)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.run ## show Deskbell at work against stand-ins on this machine; needs no account anywhere
	@$(compile_ours)
	@exec $(PYTHON) -m deskbell demo $(DEMO_ARGS)

test: lint ## lint, then run the tests
	$(PYTHON) -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev ## check style, types and who imports whom
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports --no-logo

lock: $(UV_STAMP) ## write requirements*.txt anew from pyproject.toml
	$(call write_lock,requirements.txt)
	$(call write_lock,requirements-dev.txt,--extra dev --constraint requirements.txt)

record: $(VENV)/.dev ## record answers of SOURCE (of CONFIG) for the tests, without secrets and people
	$(if $(SOURCE),,$(error say which: make record SOURCE=freshdesk CONFIG=my.toml))
	@$(PYTHON) -m tests.recording.record $(SOURCE) --config $(CONFIG) $(if $(KEEP),--keep $(KEEP))

clean: ## remove the environment and everything the tools left
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

venv: $(VENV)/.dev

write_lock = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	$(LOCK_ARGS) $(2) --output-file $(1) pyproject.toml

$(UV_STAMP):
	@python="$$($(find_python))"; \
	if [ -z "$$python" ]; then echo "Deskbell needs Python 3.11 or newer, with its venv module." >&2; exit 1; fi; \
	"$$python" -m venv --clear $(VENV)
	@$(PYTHON) -m pip install --quiet uv==$(UV_VERSION)
	@touch $@

$(VENV)/.run: requirements.txt $(UV_STAMP)
	@$(call install_lock,requirements.txt)
	@touch $@

# The development lock holds the build backend too, so the editable install downloads nothing.
$(VENV)/.dev: requirements-dev.txt pyproject.toml $(VENV)/.run
	@$(call install_lock,requirements-dev.txt)
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@$(compile_ours)
	@touch $@
