# Starling. `make help` lists the targets.
#
# VARIANT chooses compiler and flags; each has a build folder of its own, so that they do not disturb
# one another: release (gcc), clang, asan (clang, AddressSanitizer and UBSan), cov (gcc, coverage),
# fuzz (clang, libFuzzer).

VARIANT ?= release
B       := build/$(VARIANT)

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

PKG_CONFIG ?= pkg-config
CPPFLAGS := -D_GNU_SOURCE -Ifirmware -Ihost-tools -Itests -MMD -MP $(EXTRA_CPPFLAGS)
CFLAGS   := -std=c11 $(WARNINGS) $(FLAGS_$(VARIANT)) $(EXTRA_CFLAGS)
LDFLAGS  := $(LINK_$(VARIANT)) $(EXTRA_LDFLAGS)

# ---------------------------------------------------------------------------------------------
# What is built: one archive a layer, lowest last, so that the linker finds what it needs.

LAYERS := services bearers store chat mesh crypto base
LIBS   := $(foreach l,$(LAYERS),$(B)/lib/libstarling-$(l).a)

sources = $(sort $(wildcard firmware/$(1)/*.c))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

LDLIBS_CORE   := -lsodium -lmbedtls -lmbedx509 -lmbedcrypto -lsqlite3 -lm
LDLIBS_DAEMON := $(LDLIBS_CORE) -lsystemd -linih -ljansson
LDLIBS_TOOL   := $(LDLIBS_CORE) -ljansson -lqrencode -lreadline
LDLIBS_TEST   := -lcmocka $(LDLIBS_DAEMON) -lqrencode -lreadline

UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/test_*.c)))
SUPPORT    := $(call objects,$(sort $(wildcard tests/sim/*.c)))

.PHONY: all
all: $(B)/starlingd $(B)/starling

define archive_rule
$(B)/lib/libstarling-$(1).a: $(call objects,$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive_rule,$(l))))

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(B)/starlingd: $(call objects,$(call sources,daemon)) $(LIBS)
	$(CC) $(LDFLAGS) $^ $(LDLIBS_DAEMON) -o $@

$(B)/starling: $(call objects,$(sort $(wildcard host-tools/*.c))) $(LIBS)
	$(CC) $(LDFLAGS) $^ $(LDLIBS_TOOL) -o $@

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(SUPPORT) $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(LDLIBS_TEST) -o $@

# One unit test by name: make unit-test_wire
.PHONY: unit unit-%
unit-%: $(B)/tests/%
	$<

unit: $(UNIT_TESTS)
	@for t in $^; do $$t || exit 1; done

.PHONY: clean
clean:
	rm -rf build

.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
