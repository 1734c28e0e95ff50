# make demo    a release in front of your eyes: no cluster, no root, nothing installed outside .venv
# make check   style, types and every test that needs no real part; a minute
# make test    the same and the tests on real parts, in a network of their own; what CI runs
# make parts   finds or builds the real parts, once; about 20 minutes and Go 1.26 the first time
# make clean   removes what make made here (the built parts stay in the user's cache)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo check test parts tools in-network clean

PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$one && break; done)
BIN := .venv/bin
# more than cores: most of what the tests on real parts do is wait; a worker takes 1 to 2 GB
WORKERS ?= 5
# each worker takes what is next (tests/conftest.py has the order), so none has work left at the end
SPREAD := --dist loadgroup --no-loadscope-reorder
# a test on real parts has a second try (tests/conftest.py); what the first met is shown at the end,
# and where many need one the machine is not to blame
AGAIN := --rerun-show-tracebacks --max-suite-reruns 5
# a landing meets the same random examples as the one before; make check draws others each time
SAME := --hypothesis-seed=0
# the tests start a command a thousand times, which would be compiled each time
export PYTHONDONTWRITEBYTECODE :=
# the folders of the project that hold code; a fresh checkout may lack some
CODE := $(wildcard src tests examples benchmarks)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: .make/demo
	@$(BIN)/progressive demo

check: .make/dev
	@status=0
	$(BIN)/ruff check || status=1
	$(BIN)/ruff format --check || status=1
	$(BIN)/mypy $(CODE) || status=1
	$(BIN)/pytest -m "not real" -n auto $(SPREAD) || status=$$?
	exit $$status

# the parts are built before the tests' network is entered, for nothing can be downloaded there
test: .make/dev tools parts
	@$(BIN)/python -m tests.realparts.inside $(MAKE) in-network

# pytest comes last, whatever the others say, so that the last line is its summary
in-network:
	@status=0
	$(BIN)/ruff check || status=1
	$(BIN)/ruff format --check || status=1
	$(BIN)/mypy $(CODE) || status=1
	$(BIN)/pytest -o faulthandler_timeout=900 -n $(WORKERS) $(SPREAD) $(AGAIN) $(SAME) || status=$$?
	exit $$status

parts: .make/dev
	@$(BIN)/python -m tests.realparts.parts

# small programs of the system that the real parts need
tools:
	@missing=()
	for pair in ip:iproute2 unshare:util-linux setpriv:util-linux openssl:openssl; do
		command -v "$${pair%%:*}" >/dev/null || missing+=("$${pair##*:}")
	done
	[ $${#missing[@]} -eq 0 ] && exit 0
	if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "missing: please install the packages $${missing[*]}" >&2
		exit 1
	fi
	echo "installing $${missing[*]} with apt-get, for the tests' own network"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"

# one shell for a recipe, so that it may be written as a script
.ONESHELL:

.venv/pyvenv.cfg:
	@if [ -z "$(PYTHON)" ]; then
		echo "Python 3.11 or newer is missing: install it, or say where: make PYTHON=…" >&2
		exit 1
	fi
	if ! $(PYTHON) -m venv .venv; then
		rm -rf .venv
		echo "no virtual environment could be made (Debian: install python3-venv)" >&2
		exit 1
	fi

.make/demo: .venv/pyvenv.cfg pyproject.toml
	@echo "installing the project and its demo into .venv"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo]'
	mkdir -p .make
	touch .make/demo

.make/dev: .venv/pyvenv.cfg pyproject.toml
	@echo "installing the project and what its tests need into .venv"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[demo,rich,dev]'
	mkdir -p .make
	touch .make/demo .make/dev

clean:
	@rm -rf .venv .make .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
