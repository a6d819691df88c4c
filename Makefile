# What people type. Meson does the work; everything that is missing is installed first (Debian packages, by name).
BUILD := build
FUZZ := build-fuzz
MESON := /usr/bin/meson

.PHONY: all deps demo test proof split bench fuzz format tidy clean install screenshots

all: deps-build $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja: | deps-build
	@out=$$($(MESON) setup $(BUILD)) || { printf '%s\n' "$$out"; exit 1; }

deps: deps-test

deps-%:
	@tools/deps $*

demo: deps-demo $(BUILD)/build.ninja
	@echo 'Building stoxd and stoxctl ...' && ninja --quiet -C $(BUILD) src/daemon/stoxd src/ctl/stoxctl
	@tools/demo

test: deps-test
	@tests/run

proof: deps-test
	@STOX_PROOF=1 tests/run

# The tests with real peers with each gateway as two processes: the part of a proof that is about that (docs/PERIMETER.md).
split: deps-test
	@STOX_PROOF=1 STOX_ONLY=split tests/run

bench: deps-bench
	@tools/panel-node && tests/bench/run

fuzz: deps-fuzz
	@tests/fuzz/run

# The pictures of docs/PANEL.md, from a run of the panel's tests.
screenshots: deps-test all
	@tests/panel/run tests/panel/pictures.py

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

tidy: all
	@tools/tidy $(BUILD)

# With DESTDIR, as packages are made, only files are put there.
install: all
	@$(MESON) install -C $(BUILD) --no-rebuild --quiet $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@[ -n "$(DESTDIR)" ] || tools/installed

clean:
	@rm -rf $(BUILD) $(FUZZ) tests/rig/.work
