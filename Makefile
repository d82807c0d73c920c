# The only documented verbs. Everything that is built lands in $(PYDYNOX_CACHE), outside the clone; see CONTRIBUTING.md.
PYTHON ?= python3
PYDYNOX_CACHE ?= $(HOME)/.cache/pydynox
export CARGO_TARGET_DIR ?= $(PYDYNOX_CACHE)/target
# One environment per clone: two clones never test each other's build.
CLONE := $(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
ENV := $(PYDYNOX_CACHE)/env-$(CLONE)
BIN := $(ENV)/bin
WHEELS := $(PYDYNOX_CACHE)/wheels-$(CLONE)
PROFILE ?= release
export MYPY_CACHE_DIR := $(ENV)/mypy
export RUFF_CACHE_DIR := $(ENV)/ruff
export PYTHONPYCACHEPREFIX := $(ENV)/pycache
PYTEST := $(BIN)/python -m pytest -o cache_dir=$(ENV)/pytest

.PHONY: help quickstart build test test-rust test-python lint types bench docs clean

help:
	@echo "make quickstart | build | test | lint | types | bench | docs"

quickstart: build
	$(BIN)/python examples/quickstart.py

$(BIN)/python:
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" "maturin>=1.9,<2"

# pip's own record of what was installed: a group is installed once per version of pyproject.toml.
$(ENV)/group-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@

build: $(BIN)/python
	@rm -rf $(WHEELS)
	$(BIN)/maturin build --quiet --locked --profile $(PROFILE) --interpreter $(BIN)/python --out $(WHEELS)
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(WHEELS)/*.whl

test: test-rust test-python

test-rust:
	cargo test --quiet --locked --workspace

test-python: build $(ENV)/group-test
	$(PYTEST)

lint: $(ENV)/group-lint
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tools/gen_sync.py --check
	$(BIN)/python tools/check_versions.py

types: build $(ENV)/group-types
	$(BIN)/mypy
	$(BIN)/pyright -p pyproject.toml
	$(BIN)/python -m mypy.stubtest pydynox._core --allowlist tests/typing/stubtest_allowlist.txt
	$(PYTEST) tests/typing

bench: PROFILE = wheel
bench: build $(ENV)/group-bench
	$(BIN)/python benches/run.py
	cargo bench --quiet --locked -p pydynox-core

# Every snippet of the docs runs in the tests; this runs those alone.
docs: build $(ENV)/group-test
	$(PYTEST) tests/test_docs.py

clean:
	rm -rf $(ENV) $(WHEELS)
