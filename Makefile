# One word per deed; `make` alone lists them. Needs Python 3.11 to 3.13 with venv; all else goes into .venv
# (and what the benchmarks compare us with, into .venv-bench, .venv-bench-zarr2 and .venv-bench-allensdk).

BIN = .venv/bin
STAMP = .venv/installed
BENCH = .venv-bench
PEERS = .venv-bench-zarr2
ALLEN = .venv-bench-allensdk
TESTS = tests

.PHONY: help setup demo test lint notebooks fuzz bench-setup bench bench-read bench-align bench-decode bench-similarity bench-encoding bench-many bench-notebooks calibrate clean again

help:  ## list these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

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

notebooks: $(STAMP)  ## write the students' notebooks and the index of the course from their sources
	@$(BIN)/python tools/write_notebooks.py

fuzz: $(STAMP)  ## read 2,000 damaged files, against h5py (5 minutes); see benchmarks/README.md
	@$(BIN)/python benchmarks/fuzz.py

bench-setup: $(BENCH)/installed $(PEERS)/installed $(ALLEN)/installed  ## create .venv-bench*, with what the benchmarks compare us with

bench: $(BENCH)/installed  ## time fetch against curl, dandi and pooch (15 minutes); see benchmarks/README.md
	@$(BENCH)/bin/python benchmarks/fetch.py

bench-read: $(BENCH)/installed $(PEERS)/installed  ## time reading against fsspec, remfile, lindi, lazynwb, pynwb (half an hour)
	@$(BENCH)/bin/python benchmarks/read.py

bench-align: $(BENCH)/installed $(ALLEN)/installed  ## time binning against numpy, pynapple, AllenSDK, xarray (5 minutes)
	@$(BENCH)/bin/python benchmarks/align.py

bench-decode: $(BENCH)/installed  ## time decoding against scikit-learn and MNE, PCA against scikit-learn (15 minutes)
	@$(BENCH)/bin/python benchmarks/decode.py

bench-similarity: $(BENCH)/installed  ## time RDMs, similarities and their bootstrap against rsatoolbox (10 minutes)
	@$(BENCH)/bin/python benchmarks/similarity.py

bench-encoding: $(BENCH)/installed  ## time encoding against himalaya, scikit-learn and ikpls (15 minutes)
	@$(BENCH)/bin/python benchmarks/encoding.py

bench-many: $(STAMP)  ## time a study of 30 sessions, killed halfway (10 minutes)
	@$(BIN)/python benchmarks/many_sessions.py

bench-notebooks: $(STAMP)  ## time the notebooks of the course, and their memory (5 minutes)
	@$(BIN)/python benchmarks/notebooks.py

calibrate: $(STAMP)  ## count errors of every test, and truths in every interval, in thousands of experiments (hours)
	@$(BIN)/python benchmarks/calibrate.py
	@$(BIN)/python benchmarks/calibrate_similarity.py
	@$(BIN)/python benchmarks/calibrate_recovery.py

clean:  ## remove .venv, .venv-bench* and all that was built; reports/ and cache/ stay
	rm -rf .venv $(BENCH) $(PEERS) $(ALLEN) build dist .pytest_cache .mypy_cache .ruff_cache
	find src tests tools benchmarks notebooks -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt
	@sh tools/setup.sh

$(BENCH)/installed: pyproject.toml constraints.txt
	@sh tools/setup.sh $(BENCH) bench

$(PEERS)/installed: benchmarks/peers.txt
	@sh tools/setup.sh $(PEERS) benchmarks/peers.txt

$(ALLEN)/installed: benchmarks/peers-allensdk.txt
	@sh tools/setup.sh $(ALLEN) benchmarks/peers-allensdk.txt 3.11

# A virtual environment remembers where it stands, and may lose its Python: in either case it is made again.
ifneq ($(shell $(BIN)/python -c '' 2>/dev/null && cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): again
endif
ifneq ($(shell $(BENCH)/bin/python -c '' 2>/dev/null && cat $(BENCH)/installed 2>/dev/null),$(CURDIR))
$(BENCH)/installed: again
endif
ifneq ($(shell $(PEERS)/bin/python -c '' 2>/dev/null && cat $(PEERS)/installed 2>/dev/null),$(CURDIR))
$(PEERS)/installed: again
endif
ifneq ($(shell $(ALLEN)/bin/python -c '' 2>/dev/null && cat $(ALLEN)/installed 2>/dev/null),$(CURDIR))
$(ALLEN)/installed: again
endif
