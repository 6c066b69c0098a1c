# Works with GNU make 3.81 and later. `make` alone lists what there is.

# Another interpreter: make PYTHON=python3.12 run
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)

VENV := .venv
PY := $(VENV)/bin/python
# `run` with a command gives it the demo's environment when nothing is configured.
QUIZMAIL := $(PY) -m quizmail run
# Only USER=… on the command line counts: every login shell sets that name too.
ifeq ($(origin USER),command line)
FOR_USER := --user '$(USER)'
endif
KIND ?= reminder
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test setup start stop logs worker scheduler dispatcher web migrate remind report status \
	preview pictures check format translations chaos bench clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/installed ## Start everything and show its output; without a .env: the demo
	@exec $(PY) -m quizmail run

test: $(VENV)/installed-dev ## Run the whole test suite (ARGS="-k word" for a part)
	@$(PY) -m pytest $(ARGS)

setup: $(VENV)/installed-dev ## Create .venv and install the pinned requirements

start: $(VENV)/installed ## Start everything in the background
	@$(PY) -m quizmail start

stop: $(VENV)/installed ## Stop what `make start` or `make run` started
	@$(PY) -m quizmail stop

logs: ## Follow what the background processes print (Ctrl-C ends it)
	@test -e var/quizmail.log || { echo 'There is no log yet: `make start` writes one.'; exit 1; }
	@tail -n 100 -f var/quizmail.log

web worker dispatcher scheduler: $(VENV)/installed
	@exec $(QUIZMAIL) $@

web: ## Run only the web process
worker: ## Run only a worker, which sends the mails
dispatcher: ## Run only the dispatcher, which plans them
scheduler: ## Run only the scheduler, which rings every minute

migrate: $(VENV)/installed ## Bring the tables of DATABASE_URL up to date
	@$(QUIZMAIL) migrate $(ARGS)

remind: $(VENV)/installed ## Send the reminders of the latest slot now (USER=42, ARGS="--dry-run")
	@$(QUIZMAIL) dispatch reminders $(FOR_USER) $(ARGS)

report: $(VENV)/installed ## Send the reports of the latest month now (USER=42, ARGS="--dry-run")
	@$(QUIZMAIL) dispatch reports $(FOR_USER) $(ARGS)

status: $(VENV)/installed ## Show slots, runs, deliveries and what is stopped
	@$(QUIZMAIL) status $(ARGS)

preview: $(VENV)/installed ## Write every mail to one page, or one user's: make preview USER=42 KIND=report
	@$(QUIZMAIL) $(if $(FOR_USER),preview $(KIND) $(FOR_USER),gallery) $(ARGS)

pictures: $(VENV)/installed-dev ## Take the pictures of the mails anew, with Chromium; look at them before you keep them
	@$(PY) -m tests.support.pictures

check: $(VENV)/installed-dev ## Check format, lint, types and layering
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/unit/test_layering.py

format: $(VENV)/installed-dev ## Format the code
	$(PY) -m ruff check --fix --select I .
	$(PY) -m ruff format .

PYBABEL := $(VENV)/bin/pybabel -q
translations: $(VENV)/installed ## Bring the catalogues up to date with templates and code
	@mkdir -p build
	@$(PYBABEL) extract -F pyproject.toml -c Translators: --add-location file --sort-by-file \
	  --project Quizmail --no-wrap -o build/quizmail.pot templates src/quizmail
	@$(PYBABEL) update -i build/quizmail.pot -d src/quizmail/locales -D quizmail --no-wrap --ignore-obsolete
	@for each in src/quizmail/locales/*/LC_MESSAGES/quizmail.po; do \
	  sed '/^"POT-Creation-Date/d' $$each > build/quizmail.po && cat build/quizmail.po > $$each; done

SEEDS ?= 100
chaos: $(VENV)/installed-dev ## Try the promises under faults (SEEDS=1000 ARGS="--first 7 --database sqlite")
	@$(PY) -m tests.chaos --seeds $(SEEDS) $(ARGS)

bench: $(VENV)/installed-dev ## Measure how fast it plans, sends and builds mails
	@$(PY) -m benchmarks $(ARGS)

clean: ## Forget the demo and the caches (your own data and .venv stay)
	@if [ -x $(PY) ]; then $(PY) -m quizmail stop; fi
	rm -rf var/demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@test -n "$(PYTHON)" || { echo 'Quizmail needs Python 3.11 or newer: make PYTHON=/path/to/python3 …'; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo 'Python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv'; exit 1; }

$(VENV)/installed: requirements.txt pyproject.toml | $(PY)
	@echo 'Installing the requirements into $(VENV) …'
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo 'Installing what the tests need into $(VENV) …'
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
