# A thin front to scripts/env.py, where the work is done (and which Windows calls directly).
# make run PORT=8600 | make run ARGS="--server.address=0.0.0.0" | make test ARGS="-k config"
PYTHON ?= python3
TASK = @$(PYTHON) scripts/env.py

.PHONY: help run run-gpu test check format messages lock
help:
	$(TASK) help

run run-gpu:
	$(TASK) $@ $(if $(PORT),--server.port=$(PORT)) $(ARGS)

test check format messages lock:
	$(TASK) $@ $(ARGS)
