# The front door of T6: each target sets up what it needs first. 'make help' lists them.

# TRAINING=OFF     leaves the training wing, and so LibTorch, out
# TORCH=DIR        uses the LibTorch in DIR (2.11 to 2.14) and not the wheel in .venv
# PACKAGES=own     does not look at Debian's packages, for systems other than Debian 12
# PARQUET=ON       reads Parquet files, by a library that set-up fetches (50 MB); OFF: not, AUTO: where it is there
# MPI=ON           trains by several processes, with Open MPI, which set-up installs (100 MB); OFF, AUTO as above
# JOBS=N           compiles N files at a time; by default what processors and memory allow
# DIR=FOLDER       the golden files of 'make golden'
# PREFIX=FOLDER  where 'make install' puts programs, libraries and headers; by default /usr/local
# SECONDS=N        how long 'make fuzz' fuzzes each reader
# SHORT=1          leaves out what 'make test-clients' needs large downloads for
# PORT=N           where 'make serve' listens; by default 8080
# PYTHON=PROGRAM   the Python that 'make wheel' is for; by default python3.11, else python3
# OPERATORS=ON     puts the operators of Torch and t6-train into the wheel, for the LibTorch in .venv or TORCH=DIR
TRAINING ?= ON
TORCH ?=
PACKAGES ?= debian
PARQUET ?= AUTO
MPI ?= AUTO
DIR ?= tests/golden
PREFIX ?= /usr/local
SECONDS ?= 60
SHORT ?=
PORT ?= 8080
PYTHON ?=
OPERATORS ?= OFF
export JOBS PORT PYTHON

SHELL := /bin/bash
.DEFAULT_GOAL := help

own_torch := $(or $(filter OFF,$(TRAINING)),$(TORCH))
setup := scripts/setup.sh $(if $(own_torch),--without-torch) $(if $(filter own,$(PACKAGES)),--own-packages) \
         $(if $(filter AUTO OFF,$(PARQUET)),,--with-parquet) $(if $(filter AUTO OFF,$(MPI)),,--with-mpi)
wheel := $$(echo $(CURDIR)/.venv/lib/python3*/site-packages/torch/share/cmake)
options := -DT6_TRAINING=$(TRAINING) $(if $(filter AUTO,$(PARQUET)),,-DT6_PARQUET=$(PARQUET)) $(if $(filter AUTO,$(MPI)),,-DT6_MPI=$(MPI)) $(if $(filter OFF,$(TRAINING)),,-DCMAKE_PREFIX_PATH=$(or $(TORCH),$(wheel)))
build = scripts/build.sh release $(1) $(options)

.PHONY: help setup build install quick test asan tsan fuzz test-clients wheel test-wheel check format demo chat serve tasks golden clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Options, as in 'make build TRAINING=OFF':"
	@awk '/^# [A-Z]+=/ { name = $$2; $$1 = $$2 = ""; printf "  %-13s %s\n", name, $$0 }' Makefile

setup:  ## install what is missing: Debian packages, LibTorch in .venv
	@$(setup)

build: setup  ## build the programs build/release/t6 and build/release/t6-train
	@$(call build,programs)

install: build  ## install programs, libraries, headers and documents under PREFIX
	@cmake --install build/release --prefix $(PREFIX)

quick: setup  ## build and run the tests that take about a minute: each room's own
	@$(call build,quick_tests)
	@ctest --test-dir build/release --output-on-failure -j2 -LE slow -E NOT_BUILT

test: setup  ## build everything and run all tests
	@$(call build,all)
	@ctest --test-dir build/release --output-on-failure -j2

asan:  ## run the tests of everything without Torch under the sanitizers
	@$(setup) --without-torch
	@scripts/build.sh asan all
	@ctest --test-dir build/asan --output-on-failure -j2

tsan:  ## run the tests of the threads and of the engine under ThreadSanitizer
	@$(setup) --without-torch
	@scripts/build.sh tsan threaded_tests
	@ctest --test-dir build/tsan --output-on-failure -j2 -L threaded

fuzz:  ## fuzz each reader of untrusted files for a minute (SECONDS=60)
	@scripts/setup.sh --without-torch --with-clang $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/fuzz.sh $(SECONDS)

test-clients: build  ## test the server with real clients, a proxy and hostile bytes (SHORT=1: small downloads only)
	@$(setup) --with-pip --with-nginx $(if $(SHORT),,--with-chromium)
	@scripts/clients.sh build/release/t6 $(if $(SHORT),--short,"$$(scripts/fetch_smollm2.sh)")

wheel:  ## build the Python wheel build/wheel/t6-*.whl: the engine, the program t6, the modules (PYTHON=python3.12)
	@scripts/setup.sh $(if $(filter ON,$(OPERATORS)),$(if $(TORCH),--without-torch),--without-torch) --with-headers $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/wheel.sh $(if $(filter ON,$(OPERATORS)),--operators "$(or $(TORCH),$(wheel))")

test-wheel:  ## build the wheel, install it into .venv-wheel and test the engine in Python
	@scripts/setup.sh --without-torch --with-headers $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/wheel.sh --test

check:  ## check the formatting, which room includes which, and names
	@scripts/check_format.sh
	@python3 scripts/check_includes.py
	@python3 scripts/check_target_names.py

format:  ## format all C++ files in place
	@scripts/check_format.sh --fix

demo: build  ## train a small model on the King James Bible, evaluate it and write a report
	@scripts/demo.sh

chat:  ## talk with SmolLM2-135M-Instruct, a small pretrained model (needs no LibTorch)
	@scripts/setup.sh --without-torch --with-pip $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/build.sh serving t6
	@scripts/chat.sh

serve:  ## serve SmolLM2-135M-Instruct over HTTP, with a page to chat on (PORT=8080; needs no LibTorch)
	@scripts/setup.sh --without-torch --with-pip $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/build.sh serving t6
	@scripts/serve.sh

tasks:  ## fetch the data of the downstream tasks that 't6 eval --tasks' scores, into data/tasks
	@scripts/setup.sh --without-torch --with-pip $(if $(filter own,$(PACKAGES)),--own-packages)
	@scripts/fetch_tasks.sh

golden: build  ## compare both wings with the golden files in DIR
	build/release/t6-train golden $(DIR)
	build/release/t6 golden $(DIR)

clean:  ## remove what was built (.venv stays)
	rm -rf build
