# Everything a reader, a teacher or a contributor runs. `make` alone lists it.
# Only relative paths: make cannot hold a path with a space in it.

PY      := .venv/bin/python
WORKERS ?= 2
SHARED  := -n $(WORKERS) --max-worker-restart=0  # a test that kills its worker ends the run, which would wait for ever
CLEAN   := .pytest_cache .ruff_cache .hypothesis .solved build dist shots slides .nox

# What the benchmarks compare with is not needed to run them.
COUNTERS = $(MAKE) -s --no-print-directory .venv/installed-bench || \
           echo "The other counters could not be installed: the benchmarks go on without them." >&2

# A virtual environment does not survive being moved or copied: what is installed in it points to where it was built.
# Nor does it survive its Python being removed. Then it is installed, or made, anew.
$(shell [ "$$(cat .venv/where 2>/dev/null)" = "$$(pwd -P)" ] || rm -f .venv/installed .venv/installed-*)
$(shell .venv/bin/python -c "" 2>/dev/null || rm -f .venv/bin/pip .venv/installed .venv/installed-*)

# pip writes down where the course is, and Python reads that before anything else, in the locale's encoding: where that is ASCII,
# a folder with a Korean name would end every start. The same place, seen from where it is written, is ASCII anywhere.
POINT = for file in .venv/lib/python3*/site-packages/*image_models_course.pth; do [ ! -e "$$file" ] || echo ../../../.. > "$$file"; done

.PHONY: help lab test test-all test-versions test-gpu test-twice test-elsewhere notebooks pages chapter experiments bench measured present slides clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

lab: .venv/installed ## open the course in JupyterLab (LAB_ARGS="--no-browser" and the like are passed on)
	@[ -w "$$HOME" ] || { export HOME="$$(pwd -P)/.venv/home" && mkdir -p "$$HOME"; \
	    echo "Your home folder cannot be written to: what JupyterLab remembers goes into .venv/home."; }; \
	$(PY) -m jupyterlab notebooks/00_start_here.ipynb --ServerApp.root_dir=. $$([ "$$(id -u)" != 0 ] || echo --allow-root) $(LAB_ARGS)

test: .venv/installed-test ## run every notebook and every test but the long ones (TEST_ARGS="-k pooling" and the like are passed on)
	@OMP_NUM_THREADS=1 $(PY) -m pytest $(SHARED) -m "not long" $(TEST_ARGS) </dev/null

test-all: test ## then the long ones too: every chapter in the browser, solved, on a second device; interruptions, misfortunes
	@OMP_NUM_THREADS=1 $(PY) -m pytest $(SHARED) -m long $(TEST_ARGS) </dev/null

test-versions: .venv/installed-versions ## run the tests on every Python here, and on the oldest torch (NOX_ARGS: see noxfile.py)
	@OMP_NUM_THREADS=1 $(PY) -m nox $(NOX_ARGS) </dev/null

test-gpu: .venv/installed-test ## run every notebook on the GPU, and measure there (without a network: python tests/gpu.py)
	@$(PY) tests/gpu.py $(NB)

test-twice: .venv/installed-test ## run every notebook twice in one kernel, both times as it is stored (NB=03 for one)
	@$(PY) tests/twice.py $(NB) </dev/null

test-elsewhere: .venv/installed-test ## run every notebook with the rounding of another processor, here one without AVX-512 (NB=03 for one)
	@OMP_NUM_THREADS=1 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	    $(PY) -m pytest $(SHARED) $(if $(NB),$(NB:%=notebooks/%_*.ipynb),notebooks) $(TEST_ARGS) </dev/null

notebooks: .venv/installed-test ## run the notebooks and save their outputs (NB=03 for one, NB="01 03" for two)
	@$(PY) -m helpers.course.notebooks $(NB)

pages: .venv/installed-test ## make what is gathered from the chapters: tables, plans, glossary, bibliography
	@$(PY) -m helpers.course.pages

chapter: .venv/installed-test ## write a new chapter to start from: its notebook and its room (NAME=group_norm)
	@$(PY) -m helpers.course.new_chapter $(NAME)

experiments: .venv/installed-test ## run what was tried for a chapter, for minutes, and store its tables (NB=05)
	@$(PY) -m helpers.course.experiments $(NB)

bench: .venv/installed-test ## print the benchmarks (BENCH_ARGS="--quick", or "costs layers" for some of them)
	@$(COUNTERS); $(PY) -m benchmarks $(BENCH_ARGS)

measured: .venv/installed-test ## measure all of it, on a quiet machine, and write docs/measured.md
	@$(COUNTERS); $(PY) -m benchmarks --write $(BENCH_ARGS)

present: .venv/installed-present lab ## open JupyterLab with the presentation mode (deck) installed

slides: .venv/installed-test ## write the chapters as slide decks for a browser without a network, into slides/
	@$(PY) -m helpers.course.slides

clean: ## remove what the commands above made, but not .venv, your runs or your notebooks
	rm -rf $(CLEAN)
	find helpers tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

.venv/installed: pyproject.toml $(wildcard jupyter/*.json) | .venv/bin/pip
	@echo "Installing PyTorch, JupyterLab and the course into .venv: once, some minutes, and some gigabytes with a GPU build."
	@$(PY) -m pip install -e .
	@$(POINT)
	@pwd -P > .venv/where && touch $@

.venv/installed-%: pyproject.toml $(wildcard jupyter/*.json) | .venv/bin/pip
	@echo "Installing the course and what \"$*\" needs into .venv."
	@$(PY) -m pip install -e ".[$*]"
	@$(POINT)
	@pwd -P > .venv/where && touch $@ .venv/installed

# pip is the last thing that venv writes, so its presence says that the making was not cut short
.venv/bin/pip:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	    "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	    echo "Making .venv with $$("$$python" --version)."; \
	    exec "$$python" -m venv --clear .venv; \
	done; \
	echo "The course needs Python 3.11, 3.12 or 3.13 with its venv module, and found none." >&2; \
	echo "Install one (Debian and Ubuntu: apt install python3-venv), or name yours: make $(or $(MAKECMDGOALS),lab) PYTHON=/path/to/python3.12" >&2; \
	exit 1
