# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
# PYTHON=/path/to/python chooses the interpreter of the .venv they make.

PRESET ?= quick
BENCH ?= nbody_step equivariant_basis tensor_products mace_step molecular_dynamics \
	symmetrization_cost
RUN = .venv/bin/python

.NOTPARALLEL: # one installation at a time
.PHONY: help demo test test-slow lint bench clean

help:  ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo:  ## Reproduce the n-body table; FORCE=1 recomputes, PRESET=full takes the published budgets.
	@sh scripts/make_venv.sh plots
	@$(RUN) -m experiments.reproduce --table=nbody --preset=$(PRESET) $(if $(filter-out 0,$(FORCE)),--force)

test:  ## Run the tests, without the slow ones.
	@sh scripts/make_venv.sh dev plots molecules
	@$(RUN) -m pytest -n 2

test-slow:  ## Run the slow tests.
	@sh scripts/make_venv.sh dev plots molecules
	@$(RUN) -m pytest -n 2 -m slow

lint:  ## Check style and types.
	@sh scripts/make_venv.sh dev plots molecules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright

bench:  ## Measure speed against peers and store the rows; BENCH=name takes one of the benchmarks.
	@sh scripts/make_venv.sh bench plots
	@set -e; for name in $(BENCH); do $(RUN) -m experiments.benchmarks.$$name; done

clean:  ## Remove the environment, caches of the repository and run folders.
	rm -rf .venv .cache .pytest_cache .ruff_cache runs build dist *.egg-info
