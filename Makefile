# Starling. `make help` lists the targets.
#
# VARIANT chooses compiler and flags; each has a build folder of its own, so that they do not disturb
# one another: release (gcc), clang, asan (clang, AddressSanitizer and UBSan), cov (gcc, coverage),
# fuzz (clang, libFuzzer).

VARIANT ?= release
B       := build/$(VARIANT)

# Some tools of the tests are where Debian's users do not look.
export PATH := $(PATH):/usr/sbin:/sbin

CC_release := gcc
CC_clang   := clang
CC_asan    := clang
CC_cov     := gcc
CC_fuzz    := clang
CC         := $(CC_$(VARIANT))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wformat=2 -Werror
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
FLAGS_clang   := -O2 -g -fPIE
FLAGS_asan    := -O1 -g $(SANITIZE)
FLAGS_cov     := -O0 -g --coverage
FLAGS_fuzz    := -O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link
LINK_release  := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LINK_clang    := -pie -Wl,--as-needed
LINK_asan     := $(SANITIZE)
LINK_cov      := --coverage
LINK_fuzz     := $(SANITIZE)

CPPFLAGS := -D_GNU_SOURCE -Ifirmware -Ihost-tools -Itests -isystem $(SYSROOT)/usr/include/libnl3 -MMD -MP $(EXTRA_CPPFLAGS)
CFLAGS   := -std=c11 $(WARNINGS) $(FLAGS_$(VARIANT)) $(EXTRA_CFLAGS)
LDFLAGS  := $(LINK_$(VARIANT)) $(EXTRA_LDFLAGS)

# ---------------------------------------------------------------------------------------------
# What is built: one archive a layer, lowest last, so that the linker finds what it needs.

LAYERS := tools daemon services bearers store chat mesh crypto base
LIBS   := $(foreach l,$(LAYERS),$(B)/lib/libstarling-$(l).a)

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

SOURCES_tools  := $(filter-out host-tools/starling.c,$(sort $(wildcard host-tools/*.c)))
SOURCES_daemon := $(filter-out firmware/daemon/main.c,$(sort $(wildcard firmware/daemon/*.c)))
$(foreach l,$(filter-out tools daemon,$(LAYERS)),\
    $(eval SOURCES_$(l) := $(sort $(wildcard firmware/$(l)/*.c))))

LDLIBS_RADIO  := -lnl-route-3 -lnl-genl-3 -lnl-3
LDLIBS_CORE   := -lsodium -lmbedtls -lmbedx509 -lmbedcrypto -lsqlite3 -lm $(LDLIBS_RADIO)
LDLIBS_DAEMON := $(LDLIBS_CORE) -lsystemd -linih -ljansson
LDLIBS_TOOL   := $(LDLIBS_CORE) -linih -ljansson -lqrencode -lreadline -lzstd
LDLIBS_TEST   := -lcmocka $(LDLIBS_DAEMON) -lqrencode -lreadline -lzstd

SUPPORT       := $(call objects,$(sort $(wildcard tests/sim/*.c)))
UNIT_TESTS    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_SUPPORT  := $(call objects,$(filter-out tests/unit/test_%,$(sort $(wildcard tests/unit/*.c))))
BENCH_SUPPORT := $(call objects,$(filter-out tests/bench/bench_%,$(sort $(wildcard tests/bench/*.c))))
BENCHES       := $(patsubst tests/bench/%.c,$(B)/bench/%,$(sort $(wildcard tests/bench/bench_*.c)))
FUZZ_NAMES    := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
CROWD         := $(call objects,$(sort $(wildcard tests/crowd/*.c)))
E2E           := $(sort $(wildcard tests/e2e/test_*.sh tests/boards/test_*.sh))
RADIO         := $(sort $(wildcard tests/radio/test_*.sh))
RADIO_TOOLS   := $(B)/radio/attack $(patsubst tests/radio/%.c,$(B)/radio/%,$(wildcard tests/radio/*.c))
PACKAGES      := build/.packages

.PHONY: all
all: $(B)/starlingd $(B)/starling

define archive_rule
$(B)/lib/libstarling-$(1).a: $(call objects,$(SOURCES_$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$(l))))

QUIET = @echo '  $(1) $@';

$(B)/obj/%.o: %.c Makefile | $(PACKAGES)-build
	@mkdir -p $(@D)
	$(call QUIET,cc  )$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(B)/starlingd: $(call objects,firmware/daemon/main.c) $(LIBS)
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ $(LDLIBS_DAEMON) -o $@

# The simulator, for `starling simulate`.
$(B)/lib/libstarling-sim.a: $(SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

# The simulator uses the layers below the tools, and they come after it.
$(B)/starling: $(call objects,host-tools/starling.c) $(B)/lib/libstarling-tools.a \
    $(B)/lib/libstarling-sim.a $(filter-out %-tools.a,$(LIBS))
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ $(LDLIBS_TOOL) -o $@

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(UNIT_SUPPORT) $(SUPPORT) $(LIBS)
	@mkdir -p $(@D)
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ $(LDLIBS_TEST) -o $@

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(BENCH_SUPPORT) $(SUPPORT) $(LIBS)
	@mkdir -p $(@D)
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ $(LDLIBS_DAEMON) -o $@

# What a failing run prints beside its seed. Changes only when the commit does.
.PHONY: commit
$(B)/commit/commit.h: commit
	@mkdir -p $(@D)
	@printf '#define SIM_COMMIT "%s"\n' "$$(git describe --always --dirty 2>/dev/null || echo unknown)" > $@.new
	@cmp -s $@.new $@ || cp $@.new $@
$(CROWD): $(B)/commit/commit.h
$(CROWD): CPPFLAGS += -I$(B)/commit

# With the heap wrapped, so that each node's memory can be counted (tests/crowd/memory.c).
WRAP_HEAP := $(foreach f,malloc calloc realloc free,-Wl,--wrap=$(f))
$(B)/sim: $(CROWD) $(SUPPORT) $(LIBS)
	$(call QUIET,link)$(CC) $(LDFLAGS) $(WRAP_HEAP) $^ $(LDLIBS_DAEMON) -o $@

# What scenarios of the radio lab run beside the real programs.
$(B)/radio/attack: $(B)/obj/tests/e2e/attack.o
	@mkdir -p $(@D)
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ -o $@
$(B)/radio/rate: LDLIBS_RADIO += -lsodium
$(B)/radio/%: $(B)/obj/tests/radio/%.o
	@mkdir -p $(@D)
	$(call QUIET,link)$(CC) $(LDFLAGS) $^ $(LDLIBS_RADIO) -o $@

# A fuzz target: with libFuzzer in the variant `fuzz`, elsewhere with the program that replays a corpus.
FUZZ_MAIN_fuzz := -fsanitize=fuzzer
FUZZ_MAIN       = $(if $(FUZZ_MAIN_$(VARIANT)),,$(B)/obj/tests/fuzz/replay.o)
$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(SUPPORT) $(LIBS)
	@mkdir -p $(@D)
	$(call QUIET,link)$(CC) $(LDFLAGS) $(FUZZ_MAIN_$(VARIANT)) $^ $(LDLIBS_DAEMON) -o $@

# ---------------------------------------------------------------------------------------------
# Packages: installed when the lists change, through sudo where not root.

$(PACKAGES)-%: .ci/packages
	@mkdir -p build
	@.ci/packages $*
	@touch $@

# ---------------------------------------------------------------------------------------------
# For people

.PHONY: help demo install
help:
	@echo 'make              build starlingd and starling into $(B)'
	@echo 'make demo         a mesh of three nodes on this machine, with a chat across it'
	@echo 'make test         build and pass the tests (JOBS=N: how many at once)'
	@echo 'make fuzz         fuzz every decoder and the whole node (FUZZ_SECONDS=N for each)'
	@echo 'make test-radio   real Wi-Fi and Bluetooth stacks, with virtual radios, in a virtual machine'
	@echo 'make sim          crowds in a box: fixed seeds and a few fresh ones (sim-long SECONDS=N: only fresh)'
	@echo 'make results      the tables of tests/sim/RESULTS.md, measured anew (SEEDS=20, TABLES=...)'
	@echo 'make ns3          the radio of these crowds beside that of ns-3, on the same scenes'
	@echo 'make bench        the figures, each beside its yardstick'
	@echo 'make coverage     line coverage of mesh, chat and crypto'
	@echo 'make check-layers who includes whom, and what the pure layers ask of the C library'
	@echo 'make check-format what clang-format would change'
	@echo 'make test-mbedtls3 the same source against Mbed TLS 3.6 of Debian 13, in a sysroot'
	@echo 'make image        the image of a board: BOARD=rpi and so on, see boards/README.md; make images: of all'
	@echo 'make test-boards  two of these boards, emulated, in a mesh over emulated Wi-Fi (test-boards-long: all of them)'
	@echo 'make install      into DESTDIR/PREFIX (default /usr/local)'
	@echo 'make unit-NAME    one unit test, for example unit-test_wire; VARIANT=asan for sanitizers'

demo: $(PACKAGES)-build $(PACKAGES)-demo
	@$(MAKE) --no-print-directory all
	@tests/e2e/demo.sh $(B)

PREFIX  ?= /usr/local
DESTDIR ?=
install: all
	install -Dm755 $(B)/starlingd $(DESTDIR)$(PREFIX)/bin/starlingd
	install -Dm755 $(B)/starling $(DESTDIR)$(PREFIX)/bin/starling
	install -Dm644 host-tools/starling.1 $(DESTDIR)$(PREFIX)/share/man/man1/starling.1
	install -Dm644 firmware/system/starlingd.8 $(DESTDIR)$(PREFIX)/share/man/man8/starlingd.8
	install -Dm644 firmware/system/starlingd.conf $(DESTDIR)$(PREFIX)/share/starling/starlingd.conf
	install -Dm644 host-tools/starling.bash-completion \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/starling
	install -Dm644 firmware/system/starling.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/starling.conf
	install -Dm644 firmware/system/starling-dbus.conf \
	    $(DESTDIR)$(PREFIX)/share/dbus-1/system.d/starling.conf
	install -Dm644 firmware/system/starling-rfkill.rules \
	    $(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-starling-rfkill.rules
	sed 's|/usr/bin/starlingd|$(PREFIX)/bin/starlingd|' firmware/system/starlingd.service | \
	    install -Dm644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/starlingd.service

# ---------------------------------------------------------------------------------------------
# Images of boards (boards/README.md): make image BOARD=rpi

BOARD ?= qemu-virt
BOARD_ARCH = $(shell sed -n 's/^arch=//p' boards/$(BOARD)/board.conf 2>/dev/null)
.PHONY: image images
image: $(PACKAGES)-build $(PACKAGES)-image $(PACKAGES)-image_$(BOARD_ARCH)
	@boards/build $(BOARD)
	@boards/verify build/image/starling-$(BOARD).img.zst

# Two boards of the real image, with emulated radios, in a mesh. Takes minutes: they are emulated.
.PHONY: test-boards test-boards-long
IMAGES := build/image
test-boards: all $(PACKAGES)-boards $(PACKAGES)-image $(PACKAGES)-image_armhf
	@boards/build --programs orangepi-zero # 32 bits, which no other target compiles
	@$(MAKE) --no-print-directory image BOARD=qemu-virt
	@$(MAKE) --no-print-directory $(IMAGES)/air
	$(call BOARD_TEST,mesh-air,mesh.sh $(IMAGES)/starling-qemu-virt.img.zst $(IMAGES)/air)

# All images: in a mesh with another kind of board and by cable, the plug pulled everywhere, built once more, started
# one by one. An hour and more.
BOOTED := rpi orangepi-zero qemu-virt-riscv64
QEMU_VIRT := $(IMAGES)/starling-qemu-virt.img.zst
test-boards-long: export TEST_TIMEOUT = 5400
test-boards-long: export BOOT_SECONDS = 1500
test-boards-long: test-boards $(PACKAGES)-boards_long
	@$(MAKE) --no-print-directory images
	$(call BOARD_TEST,mesh-rpi,mesh_kinds.sh $(IMAGES)/air $(QEMU_VIRT) $(IMAGES)/starling-rpi.img.zst)
	$(call BOARD_TEST,mesh-cable,mesh.sh $(QEMU_VIRT))
	$(call BOARD_TEST,cuts,cuts.sh $(QEMU_VIRT))
	$(call BOARD_TEST,admit,admit.sh $(QEMU_VIRT))
	$(call BOARD_TEST,reproducible,reproducible.sh qemu-virt)
	$(foreach b,$(BOOTED),$(call BOARD_TEST,boot-$(b),boot.sh $(IMAGES)/starling-$(b).img.zst))

# A program of tests/boards with arguments, under a name.
define BOARD_TEST
@printf '#!/bin/sh\nexec tests/boards/%s\n' '$(2)' > $(B)/$(1).sh && chmod +x $(B)/$(1).sh
@STARLING_BUILD=$(B) tests/run boards $(B)/$(1).sh

endef

# What carries the frames of a board's virtual radio, for the board.
ARM64_ROOT = $(IMAGES)/sysroot-trixie-arm64
$(IMAGES)/air: tests/boards/air.c
	$(call QUIET,cc  )aarch64-linux-gnu-gcc --sysroot=$(ARM64_ROOT) -isystem $(ARM64_ROOT)/usr/include/libnl3 \
	    -D_GNU_SOURCE -std=c11 $(WARNINGS) -O2 $< -o $@ \
	    -Wl,-rpath-link,$(ARM64_ROOT)/usr/lib/aarch64-linux-gnu -lnl-genl-3 -lnl-3

images:
	@for conf in boards/*/board.conf; do \
	    $(MAKE) --no-print-directory image BOARD=$$(basename $$(dirname $$conf)) || exit 1; done

# ---------------------------------------------------------------------------------------------
# Tests

JOBS ?= $(shell nproc)

.PHONY: test unit replay e2e check-layers check-format coverage fuzz bench test-mbedtls3
test: $(PACKAGES)-build $(PACKAGES)-test
	@rm -f build/counts
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=release
	@$(MAKE) --no-print-directory -j$(JOBS) all tests VARIANT=asan
	@$(MAKE) --no-print-directory -j$(JOBS) all VARIANT=clang
	@status=0; \
	$(MAKE) --no-print-directory -k check-layers unit replay e2e VARIANT=release || status=1; \
	$(MAKE) --no-print-directory -k unit replay VARIANT=asan || status=1; \
	tests/run --sum && exit $$status

.PHONY: tests
tests: $(UNIT_TESTS) $(patsubst %,$(B)/fuzz/%,$(FUZZ_NAMES))

check-layers: $(LIBS)
	@tests/run $(VARIANT) $(B)/check-layers.sh

$(B)/check-layers.sh: Makefile
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec tests/layers/check $(B)/lib\n' > $@
	@chmod +x $@
check-layers: $(B)/check-layers.sh

unit: $(UNIT_TESTS)
	@tests/run $(VARIANT) $^

# One unit test by name, for example: make unit-test_wire
unit-%: $(B)/tests/%
	$<

check-format: $(PACKAGES)-test
	@clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')

# Every corpus through its target, each input twice.
REPLAYS := $(patsubst %,$(B)/replay/%,$(FUZZ_NAMES))
$(B)/replay/%: $(B)/fuzz/%
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec $< $(wildcard tests/fuzz/corpus/$*)\n' > $@
	@chmod +x $@
replay: $(REPLAYS)
	@tests/run $(VARIANT)-fuzz $^

e2e: all
	@STARLING_BUILD=$(B) tests/run e2e $(E2E)

coverage: $(PACKAGES)-build $(PACKAGES)-test $(PACKAGES)-cov
	@$(MAKE) --no-print-directory -j$(JOBS) tests VARIANT=cov
	@find build/cov -name '*.gcda' -delete
	@$(MAKE) --no-print-directory unit replay VARIANT=cov
	@gcovr --root . --object-directory build/cov --filter 'firmware/(mesh|chat|crypto)/' \
	    --exclude-unreachable-branches --print-summary --fail-under-line 90

# Every scenario boots a virtual machine of its own (tests/radio/vm).
.PHONY: test-radio radio-tools
radio-tools: $(RADIO_TOOLS)
test-radio: $(PACKAGES)-build $(PACKAGES)-demo
	@$(MAKE) --no-print-directory -j$(JOBS) all radio-tools
	@tests/radio/vm fetch || [ $$? = 77 ]
	@STARLING_BUILD=$(B) tests/run radio $(RADIO)

# Crowds in virtual time (tests/sim/crowd.h); $(B)/sim --help for one of your own.
SECONDS ?= 3600
.PHONY: sim sim-long
sim: $(PACKAGES)-build $(PACKAGES)-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/sim
	@printf '#!/bin/sh\nexec $(B)/sim --check\n' > $(B)/sim-check.sh
	@chmod +x $(B)/sim-check.sh
	@status=0; tests/run sim $(B)/sim-check.sh || status=1; \
	cat build/log/sim/sim-check.sh.log; exit $$status

sim-long: $(PACKAGES)-build $(PACKAGES)-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/sim
	@$(B)/sim --soak $(SECONDS)

# The tables of tests/sim/RESULTS.md, measured anew: some 20 minutes on two processors.
.PHONY: results
results: $(PACKAGES)-build $(PACKAGES)-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/sim
	@nice tests/crowd/results $(B) $(TABLES)

# The simulator's radio beside that of ns-3. C++ is spoken here only.
NS3_OBJECTS := $(call objects,tests/ns3/compare.c tests/sim/crowd_air.c tests/sim/crowd_path.c)
$(B)/obj/tests/ns3/wifi.o: tests/ns3/wifi.cc tests/ns3/compare.h
	@mkdir -p $(@D)
	$(call QUIET,c++ )g++ -std=c++17 -O2 -g -fPIE -Wall -Wextra -Itests/ns3 -c $< -o $@
$(B)/ns3: $(NS3_OBJECTS) $(B)/obj/tests/ns3/wifi.o $(B)/lib/libstarling-base.a
	$(call QUIET,link)g++ $(LDFLAGS) $^ $$(pkg-config --libs ns3-wifi ns3-mobility) -lm -o $@

.PHONY: ns3
ns3: $(PACKAGES)-build $(PACKAGES)-ns3
	@$(MAKE) --no-print-directory -j$(JOBS) $(B)/ns3
	@status=0; tests/run ns3 $(B)/ns3 || status=1; cat build/log/ns3/ns3.log; exit $$status

FUZZ_SECONDS ?= 60
fuzz: $(PACKAGES)-build $(PACKAGES)-fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) fuzz-targets VARIANT=fuzz
	@tests/fuzz/run build/fuzz/fuzz $(FUZZ_SECONDS) $(FUZZ_NAMES)

.PHONY: fuzz-targets benches
fuzz-targets: $(patsubst %,$(B)/fuzz/%,$(FUZZ_NAMES))
benches: $(BENCHES)

bench: $(PACKAGES)-build $(PACKAGES)-bench
	@$(MAKE) --no-print-directory -j$(JOBS) all benches VARIANT=release
	@tests/bench/run $(B)

# The same source against Mbed TLS 3.6 of Debian 13, in a sysroot of its own.
test-mbedtls3: $(PACKAGES)-build $(PACKAGES)-test $(PACKAGES)-sysroot
	@tests/sysroot/run build/sysroot-trixie

.PHONY: clean
clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(B)/obj -name '*.d' -type f 2>/dev/null)
