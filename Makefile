# Every target does its own set-up on a machine with Python 3.11, git and make. `make help` lists them.
PY := .venv/bin/python
SHELL := /bin/bash

.PHONY: help setup demo test package test-package test-usb test-windows package-windows check bench nightly faults fuzz docs schema lock clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.ready collector/web/static/vendor/.ready  ## virtual environment with both commands, and the front-end packages

.venv/.ready: requirements/dev.txt pyproject.toml
	@echo "setup: virtual environment (about a minute the first time)"
	@test -x $(PY) || python3 -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

collector/web/static/vendor/.ready: package-lock.json collector/web/assets.py $(wildcard collector/web/locale/*/LC_MESSAGES/*.po) | .venv/.ready
	@echo "setup: front-end packages and translations"
	@$(PY) -m collector.web.assets
	@touch $@

demo: setup  ## a collector, an agent and two emulated printers on this machine; HEADLESS=1 checks itself
	@HEADLESS="$(HEADLESS)" PORT="$(PORT)" $(PY) -m tests.end_to_end.demo

# Twice the cores, since a worker waits for other programs half of its time. Bytecode is kept although the machine may
# say otherwise: without it each worker makes that of all tests anew, 12 s of CPU, and each program that a test starts.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
test: export PYTHONDONTWRITEBYTECODE :=
test: setup  ## everything that must hold, on SQLite and on PostgreSQL, with real servers and a real browser
	@tests/system-packages
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder tests/collector --database=postgresql

test-usb: setup  ## the USB ports against the drivers of a real kernel, in a guest of QEMU; as root, about a minute
	@tests/system-packages usb
	@$(PY) -m tests.usb.rig

package: setup  ## the frozen agent and its Debian package, into dist/
	@tests/system-packages package
	@packaging/freeze dist
	@packaging/build-deb dist/plomba-agent dist

test-package: package  ## install that package in a bare Debian 12, boot it with systemd, and hold the service to its unit; as root
	@tests/system-packages boot
	@$(PY) -m tests.frozen.boot dist

test-windows: setup  ## the Windows half in a genuine Windows Python on Wine: units, serial ports, the service
	@tests/system-packages windows || true
	@$(PY) -m tests.windows.rig

package-windows: setup  ## the frozen agent and its installer for Windows, into dist/windows, installed and taken out on Wine
	@tests/system-packages windows || true
	@$(PY) -m tests.windows.package

check: setup  ## format, lint, types, import contracts, schema, requirements
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m mypy --platform win32 -p agent -p protocols
	.venv/bin/lint-imports
	$(PY) -m tests.house
	$(PY) -m tests.devices_pages --check

bench: setup  ## figures as JSON lines; SECONDS=600: the agent's cost as it is published
	@tests/system-packages peers
	@$(PY) -m tests.benchmarks.agent_footprint $(SECONDS)
	@$(PY) -m tests.benchmarks.start_stop
	@$(PY) -m tests.benchmarks.spool
	@$(PY) -m tests.benchmarks.ingest
	@$(PY) -m tests.benchmarks.decode
	@$(PY) -m tests.benchmarks.poll_overhead
	@$(PY) -m tests.benchmarks.devices
	@$(PY) -m tests.benchmarks.tap
	@$(PY) -m tests.benchmarks.relay
	@$(PY) -m tests.benchmarks.drain
	@$(PY) -m tests.benchmarks.incidents
	@$(PY) -m tests.benchmarks.queue
	@$(PY) -m tests.benchmarks.backup
	@$(PY) -m tests.benchmarks.backup_command
	@$(PY) -m tests.benchmarks.backup_dump
	@$(PY) -m tests.benchmarks.backup_large
	@$(PY) -m tests.benchmarks.upload
	@$(PY) -m tests.benchmarks.spare_till

nightly: setup  ## the whole fuzzing: FRAMES=1000000 BYTES=10000000 of each family; JSON lines
	@$(PY) -m tests.fuzz.mutation $(or $(FRAMES),1000000) $(FAMILY)
	@$(PY) -m tests.fuzz.noise $(or $(BYTES),10000000) $(FAMILY)

faults: setup  ## the queue through all that can go wrong, at length: SEQUENCES=10000 KILLS=500 CUTS=60
	@tests/system-packages
	@$(PY) -m tests.faults.whole_path --sequences $(or $(SEQUENCES),10000)
	@PLOMBA_KILLS=$(or $(KILLS),500) PLOMBA_CUTS=$(or $(CUTS),60) $(PY) -m pytest -n 2 tests/faults/test_kill.py tests/agent/spool/test_power_cut.py

fuzz: setup  ## look for bytes that make a family raise, led by coverage: FAMILY=escpos SECONDS=60
	@$(PY) -m tests.fuzz.coverage $(or $(FAMILY),escpos) $(or $(SECONDS),60)

docs: setup  ## write docs/devices anew from the registry and the profiles
	@$(PY) -m tests.devices_pages

schema: setup  ## write the schemas of the wire and of what a collector may set anew
	@$(PY) -c "import json; from protocols.wire.v1 import json_schema; print(json.dumps(json_schema(), indent=1, sort_keys=True))" > protocols/wire/schema/v1.json
	@$(PY) -m agent.config.schema > protocols/wire/schema/agent-config.json

lock: setup  ## pin all requirements anew
	requirements/compile
	npm install --package-lock-only --ignore-scripts

clean:  ## remove what set-up made
	rm -rf .venv .windows node_modules collector/web/static/vendor
