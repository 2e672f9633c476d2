# `make` lists what there is. Everything happens in .venv, which is made when it is missing and
# installed into again when pyproject.toml or constraints.txt changes.
# It takes the first of Python 3.13, 3.12, 3.14 and 3.11 that it finds. To choose another for a new environment: make run PYTHON=/path/to/python3.12

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

VENV    := .venv
BIN     := $(VENV)/bin
CUDA    := .venv-cuda
FIGURES := figure2b figure2c figure2d figure2e

PYTHON  ?=
WORKERS ?= auto
PYTEST  := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal
FIND    := .ci/find-python
CODE    := $(wildcard qthermo_jax tests sweeps benchmarks docs notebooks)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test test-long test-accuracy test-all mutants bench gpu-check gpu-test gpu-bench docs docs-all lint format build release-check constraints clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

run: $(VENV)/.installed ## the paper's Fig. 2(b)-(e): install, compute, draw
	$(BIN)/qthermo run --plot $(FIGURES:%=sweeps/%.toml)

test: $(VENV)/.installed-test ## install and run the tests
	$(PYTEST)

test-long: $(VENV)/.installed-test ## the tests of more than two seconds that test-accuracy leaves, and the docstrings' examples
	$(PYTEST) -m "long and not accuracy and not slow and not thorough"

test-accuracy: $(VENV)/.installed-test ## the tests of accuracy, those that take longer too, with XLA's optimisations
	JAX_DISABLE_MOST_OPTIMIZATIONS=false $(PYTEST) tests -m "accuracy and not slow and not thorough"

test-all: $(VENV)/.installed-test ## all tests, the thorough and the slow ones too, with XLA's optimisations
	JAX_DISABLE_MOST_OPTIMIZATIONS=false $(PYTEST) -m ""

mutants: $(VENV)/.installed-mutants ## which small changes of the code no test notices (hours; one: MODULES=qthermo_jax/baths.py)
	$(BIN)/python .ci/mutants $(MODULES)

bench: $(VENV)/.installed-test ## all benchmarks (half an hour): tables, data and pictures in benchmarks/results/<device>
	$(BIN)/python -m benchmarks all

gpu-check: $(CUDA)/.installed-cuda ## compile the main programs for an H100, with no GPU, within the bounds of .ci/gpu-bounds.toml (4.9 GB, then minutes)
	JAX_SKIP_CUDA_CONSTRAINTS_CHECK=1 $(CUDA)/bin/python .ci/gpu-check

# With "cuda" named first JAX fails where it finds no GPU, instead of taking the CPU. One process: each
# takes most of a GPU's memory.
gpu-test gpu-bench: export JAX_PLATFORMS := cuda,cpu
gpu-test: ## the tests of accuracy on this machine's GPU: benchmarks/results/<device>/accuracy.txt
	@results=benchmarks/results/$$(.ci/gpu) && $(MAKE) $(CUDA)/.installed-cuda-test && mkdir -p $$results && \
	set -o pipefail && JAX_DISABLE_MOST_OPTIMIZATIONS=false $(CUDA)/bin/python -m pytest tests \
		-m "(accuracy or thorough) and not slow" | tee $$results/accuracy.txt

gpu-bench: ## all benchmarks on this machine's GPU: benchmarks/results/<device>
	@.ci/gpu > /dev/null && $(MAKE) $(CUDA)/.installed-cuda-test && $(CUDA)/bin/python -m benchmarks all

# Compiling is most of the time: nothing here needs XLA's optimisations (see tests/conftest.py), and what
# one page compiled serves the next. The figures, whose exact numbers are those of the tests, are drawn
# beside the notebooks, whose kernels are spoken to through sockets in a folder, not through open ports.
docs docs-all: export PYTHONPATH := $(CURDIR)/tests
docs docs-all: export JAX_DISABLE_MOST_OPTIMIZATIONS := true
docs docs-all: export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/$(VENV)/.compiled
docs docs-all: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0.2
docs docs-all: export QTHERMO_CACHE_DIR := $(CURDIR)/$(VENV)/.compiled/programs
docs: $(VENV)/.installed-docs ## the documentation in site/: every code block run, every picture drawn, every link checked
	$(BIN)/python -m pytest docs -n 2 --dist loadfile
	$(BIN)/jupytext --quiet --to ../docs/notebooks//ipynb notebooks/*.py
	@$(BIN)/python docs/figures.py & figures=$$!; sockets=$$(mktemp -d); \
		trap 'kill $$figures 2> /dev/null; rm -rf "$$sockets"' EXIT; \
		$(BIN)/jupyter nbconvert --log-level WARN --execute --KernelManager.transport=ipc \
		--KernelManager.ip="$$sockets/kernel" --to markdown docs/notebooks/*.ipynb && wait $$figures
	$(BIN)/python docs/gallery.py $(GALLERY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

docs-all: GALLERY := --all
docs-all: docs ## the same with the sweeps of the gallery that take longer

lint: $(VENV)/.installed-dev ## style, format, types, and which module may import which
	@status=0; for check in "ruff check" "ruff format --check" mypy lint-imports; do \
		case $$check in ruff*) files='$(CODE)';; *) files=;; esac; \
		echo "== $$check"; $(BIN)/$$check $$files || { status=1; failed="$$failed, $$check"; }; \
	done; \
	[ $$status = 0 ] || echo "failed: $${failed#, } ('make format' repairs what can be repaired)" >&2; \
	exit $$status

format: $(VENV)/.installed-dev ## put the code into its format, repair what ruff can
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

build: $(VENV)/.installed-dev ## wheel and source archive in dist/
	$(BIN)/python -m build --outdir dist .

release-check: $(VENV)/.installed-dev ## build, install into a fresh environment, compute and draw there
	@.ci/release-check $(BIN)/python

constraints: ## the newest versions into constraints.txt (then run the tests): needs Python 3.11 and a newer one
	@new=$$(mktemp) && trap 'rm -f "$$new"' EXIT && set -e && \
	oldest=$$($(FIND) 3.11) && newest=$$($(FIND) 3.13 3.12) || { \
		echo "error: constraints.txt is made with two Pythons, 3.11 and 3.13 or 3.12" >&2; exit 1; }; \
	"$$newest" .ci/constraints "$$oldest" "$$newest" > "$$new" && cat "$$new" > constraints.txt && \
	echo "constraints.txt: $$(grep -c == constraints.txt) lines"

clean: ## remove the environments and what tools left; results/ stays
	rm -rf $(VENV) $(CUDA) build dist site docs/figures docs/gallery docs/notebooks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +

# ---- the environment -----------------------------------------------------------------------------

# The newest JAX needs Python 3.12; with 3.11 there is an older one. See .ci/find-python for where it looks.
$(VENV)/.created $(CUDA)/.created:
	@python=$$($(FIND) $(or $(PYTHON),3.13 3.12 3.14 3.11)) || { \
		echo "error: no Python >= 3.11 with venv $(if $(PYTHON),at $(PYTHON),found): install Python 3.13 (Debian: python3 and python3-venv), or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; }; \
	echo "making $(@D) with $$("$$python" --version), $$python" && \
	"$$python" -m venv $(@D) && touch $@

COMMA := ,

# $(call install,what pip installs)
define install
	@echo "installing $(1) into $(@D) (a minute or two when it is new)"
	@$(@D)/bin/python -m pip install --quiet --constraint constraints.txt --editable '$(1)' || { \
		echo "error: could not install; without a network, or on a Python newer than those that constraints.txt was tested with (3.11 to 3.13), this cannot work" >&2; exit 1; }
	@touch $@
endef

VERSIONS := pyproject.toml constraints.txt qthermo_jax/version.py
INPUTS   := $(VENV)/.created $(VERSIONS)

$(VENV)/.installed: $(INPUTS)
	$(call install,.)

$(VENV)/.installed-test: $(INPUTS)
	$(call install,.[test])

$(VENV)/.installed-dev: $(INPUTS)
	$(call install,.[dev])

$(VENV)/.installed-mutants: $(INPUTS)
	$(call install,.[mutants])

$(VENV)/.installed-docs: $(INPUTS)
	$(call install,.[docs])

$(CUDA)/.installed-cuda: $(CUDA)/.created $(VERSIONS)
	$(call install,.[cuda])

$(CUDA)/.installed-cuda-test: $(CUDA)/.created $(VERSIONS)
	$(call install,.[cuda$(COMMA)test])
