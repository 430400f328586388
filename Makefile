# What one types in a checkout.  `make` alone says what there is.

PYTHON  ?= $(shell conf/find-python)
VENV    ?= .venv
PREFIX  ?= /usr/local
DESTDIR ?=
USER_NAME ?= asterisk

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help venv run demo test interop benchmark check install clean

help:
	@echo "make run       the PBX with its console, on conf/samples and loopback"
	@echo "make demo      two boxes, linked over IAX2, and a call between them"
	@echo "make venv      only set up .venv"
	@echo "make test      the tests"
	@echo "make interop   tests against stock Asterisk 22 and 16, iaxmodem, nmap and tshark (tests/interop/setup first)"
	@echo "make benchmark calls through pbx, an ideal relay in C and (where it is) stock Asterisk 22; minutes; a table and a plot"
	@echo "make check     lint, types, and the direction of imports"
	@echo "make install   into PREFIX=$(PREFIX) (DESTDIR= for packages)"

venv: $(STAMP)

$(STAMP): setup.cfg pyproject.toml
	@conf/make-venv $(PYTHON) $(VENV)
	@mkdir -p build
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -e '.' >build/pip.log 2>&1 || { cat build/pip.log >&2; exit 1; }
	@touch $@

$(VENV)/.test: $(STAMP)
	@$(BIN)/python -m pip install --disable-pip-version-check -e '.[test,check]' >build/pip.log 2>&1 || { \
		cat build/pip.log >&2; exit 1; }
	@touch $@

run: venv
	@$(BIN)/pbx -c --etc conf/samples --run build/run

demo: venv
	@$(BIN)/pbx demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -m 'not interop' -n auto --dist loadfile

interop: $(VENV)/.test
	PBX_REQUIRE_PEERS=1 $(BIN)/python -m pytest -m interop -n 3 --dist loadfile

benchmark: $(VENV)/.test
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.dialplan_beside

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --config setup.cfg
	@mkdir -p build/types && ln -sfn ../../pbx build/types/pbx
	cd build/types && ../../$(BIN)/mypy --config-file ../../setup.cfg

install:
	@conf/install "$(PREFIX)" "$(DESTDIR)" "$(USER_NAME)" "$(PYTHON)"

clean:
	rm -rf build/run build/types
