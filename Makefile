# One word per deed; `make` alone lists them. Needs Python 3.11 to 3.13 with venv; all else goes into .venv.

BIN = .venv/bin
STAMP = .venv/installed
TESTS = tests

.PHONY: help setup demo test lint clean again

help:  ## list these words
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: $(STAMP)  ## create .venv and install what constraints.txt pins

demo: $(STAMP)  ## analyse the simulated session, write reports/demo/index.html
	@$(BIN)/neurodata4ml report demo
	@echo "Open in a browser: $(CURDIR)/reports/demo/index.html"

test: $(STAMP)  ## run the tests, offline; some of them: TESTS=tests/test_face.py
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 $(TESTS)

lint: $(STAMP)  ## check style (ruff) and types (mypy)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:  ## remove .venv and all that was built; reports/ and cache/ stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
	find src tests tools notebooks -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@sh tools/setup.sh

# A virtual environment remembers where it stands, and may lose its Python: in either case it is made again.
ifneq ($(shell $(BIN)/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): again
endif
