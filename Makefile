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

.PHONY: help quickstart build test test-rust test-python lint types bench guard memcheck docs fuzz clean

help:
	@echo "make quickstart | build | test | lint | types | bench | guard | memcheck | docs | fuzz"

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
	$(BIN)/python tools/gen_errors.py --check
	$(BIN)/python tools/gen_architecture.py --check
	$(BIN)/python tools/gen_third_party.py --check
	$(BIN)/python tools/check_language.py
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

# Instructions, allocations and system calls per call, against benches/guard/reference.json; needs valgrind and a C compiler.
# REASON="..." stores the figures of this machine in place of those.
guard: build
	$(BIN)/python benches/guard/run.py $(if $(REASON),--update "$(REASON)")

# valgrind's memcheck over every path into the unsafe file; see CONTRIBUTING.md.
MEMCHECK := $(PYDYNOX_CACHE)/memcheck-$(CLONE)
memcheck: $(BIN)/python
	@rm -rf $(MEMCHECK)
	$(BIN)/maturin build --quiet --locked --profile $(PROFILE) --no-default-features \
		--config 'profile.$(PROFILE).package.pydynox-python.debug="line-tables-only"' \
		--interpreter $(BIN)/python --out $(MEMCHECK)/wheels
	$(BIN)/python -m pip install --quiet --no-deps --target $(MEMCHECK)/packages $(MEMCHECK)/wheels/*.whl
	PYTHONPATH=$(MEMCHECK)/packages $(BIN)/python tools/memcheck/run.py

# Every snippet of the docs runs in the tests; this runs those alone.
docs: build $(ENV)/group-test
	$(PYTEST) tests/test_docs.py

# libFuzzer under a stable compiler: --target keeps build scripts and macros free of the instrumentation.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(notdir $(wildcard crates/pydynox-fuzz/seeds/*))
FUZZ := $(PYDYNOX_CACHE)/fuzz-$(CLONE)
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
fuzz: HOST = $(shell rustc --print host-tuple)
fuzz:
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --quiet --locked -p pydynox-fuzz --features libfuzzer --profile fuzz \
		--target $(HOST) --target-dir $(CARGO_TARGET_DIR)/fuzz
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ)/$$target; echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		FUZZ_TARGET=$$target $(CARGO_TARGET_DIR)/fuzz/$(HOST)/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-verbosity=0 -print_final_stats=1 -artifact_prefix=$(FUZZ)/$$target- \
			$(FUZZ)/$$target crates/pydynox-fuzz/seeds/$$target; \
	done

clean:
	rm -rf $(ENV) $(WHEELS) $(FUZZ) $(MEMCHECK)
