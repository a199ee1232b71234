# The front door; the build itself is CMake (CMakePresets.json).
PREFIX ?= /usr/local
PYTHON ?= python3
.PHONY: all demo check lint coverage fuzz parity install
all: build/build.ninja
	@cmake --build build --target spur_printed
build/build.ninja:
	@tools/setup.sh build
	@cmake --preset release
demo: all
	@tools/demo.sh
check: build/build.ninja
	@cmake --build build
	@ctest --preset release
lint:
	@tools/setup.sh build lint
	@tools/lint.sh
coverage:
	@tools/coverage.sh
fuzz:
	@tools/fuzz.sh $(or $(SECONDS),60)
parity: all
	@$(PYTHON) tools/parity/parity.py $(MODEL) $(PHOTOS)
install: all
	@cmake --install build --prefix $(PREFIX)
