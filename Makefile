# Two commands: `make demo` and `make test`. Both set up .venv by themselves; nothing is written outside this folder.
VENV := .venv
BIN := $(VENV)/bin
# The first Python of at least 3.11; `make demo PYTHON=/path/to/python3` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
CORE := $(wildcard stages/native/*.c stages/native/*.h)
# No cache: pip would keep it in the home folder.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-cache-dir --quiet

.PHONY: demo test lint types bless fuzz chaos pictures peers readers clean help

help:
	@echo "make demo   build the sample corpus into demo/corpus"
	@echo "make test   run the tests"
	@echo "make lint types   check style and types"
	@echo "make bless  accept the golden files that the tests compare with"
	@echo "make fuzz   fuzz the C core for an hour (SECONDS_=n for n seconds)"
	@echo "make chaos  kill builds of the sample 210 times and compare (KILLS=n, SEED=n)"
	@echo "make pictures  take the pictures of the README anew"
	@echo "make readers  open token shards with the trainers' own readers, in .venv-readers (1.5 GB; once)"
	@echo "make peers  set up .venv-peers for benchmarks/peer_datatrove.py"

demo: $(VENV)/build
	$(BIN)/florilegium sample demo/europe
	$(BIN)/florilegium build demo/europe/recipe.yaml --out demo/corpus
	$(BIN)/florilegium tokenizer train demo/corpus --vocabulary 8000 --out demo/europe/tokenizer.json
	$(BIN)/florilegium build demo/europe/tokens.yaml --out demo/corpus
	$(BIN)/florilegium handover demo/corpus
	$(BIN)/florilegium fates demo/corpus

test: $(VENV)/test
	$(BIN)/python -m pytest -q

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test
	$(BIN)/mypy -p florilegium
	$(BIN)/mypy tests
	$(BIN)/mypy training

bless: $(VENV)/test
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden tests/pipeline

SECONDS_ ?= 3600
fuzz: $(VENV)/test
	FUZZ_SECONDS=$(SECONDS_) $(BIN)/python -m pytest -q -rP tests/fuzz --timeout=$$(($(SECONDS_) + 600))

KILLS ?= 210
SEED ?= 1
chaos: $(VENV)/test
	$(BIN)/python -m tests.pipeline.chaos --kills $(KILLS) --seed $(SEED)

pictures: $(VENV)/test
	$(BIN)/python docs/pictures.py

peers:
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install -r benchmarks/peers.txt

# Mixtures are made by the project's own command, hence its own environment as well.
readers: .venv-readers/ready $(VENV)/build
	PYTHONPATH=.typing .venv-readers/bin/python -m pytest -q --disable-warnings tests/readers

# torch first and alone: what comes after must not replace the build that pip chose for this machine.
.venv-readers/ready: tests/readers/requirements.txt
	$(PYTHON) -m venv .venv-readers
	.venv-readers/bin/python -m pip --disable-pip-version-check --no-cache-dir --quiet install torch==2.13.0
	.venv-readers/bin/python -m pip --disable-pip-version-check --no-cache-dir --quiet install --no-deps \
		--requirement tests/readers/requirements.txt
	@touch $@

clean:
	rm -rf demo build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info stages/*.so

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python of version 3.11 or newer found"; echo "hint: install one, or run make with PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/build: $(BIN)/python pyproject.toml constraints.txt $(CORE)
	@echo "setting up $(VENV) (about 1.2 GB; once)"
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/test: $(VENV)/build
	$(PIP) install --constraint constraints.txt --editable '.[all,test]'
	@touch $@
