# SPDX-License-Identifier: MIT
# Tests: unit tests on the host with sanitizers, small guests, system tests under the emulators.

UNIT         := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_CFLAGS  := -std=gnu17 -g -O1 -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -I. $(WARN)
PURE_OBJECTS := $(addprefix $(BUILD)/pure/,$(PURE:.c=.o))

$(BUILD)/pure/%.o: %.c tools/make/flags.mk
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/pure/libpure.a: $(PURE_OBJECTS) $(BUILD)/pure.list
	@rm -f $@
	$(Q)ar rcs $@ $(PURE_OBJECTS)
$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/pure/libpure.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/pure/libpure.a -lcmocka -o $@

# --- guests and benchmarks: Multiboot 1 kernels of one file each, with a common runtime. 64-bit code in an ELF32
#     container, since that is what Multiboot 1 loads. ---
GUESTS := $(patsubst %.c,$(BUILD)/%.elf,$(wildcard tests/guests/*.c tests/bench/*.c)) \
	$(patsubst %.S,$(BUILD)/%.elf,$(wildcard tests/guests/*.S tests/bench/*.S))
GUEST_LIB := $(patsubst %,$(BUILD)/guest/%.o,$(basename $(wildcard tests/guests/lib/*.[cS])))
GUEST_CFLAGS := $(BARE) -mcmodel=small -fno-pic -fno-pie -Itests/guests/lib

$(BUILD)/guest/%.o: %.c tools/make/flags.mk | $(NEWLIB)/libc.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/guest/%.o: %.S tools/make/flags.mk | $(NEWLIB)/libc.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/tests/%.elf: $(BUILD)/guest/tests/%.o $(GUEST_LIB) $(BUILD)/guest.list tests/guests/guest.lds
	@mkdir -p $(@D); echo '  $@'
	$(Q)ld -nostdlib -static --no-warn-rwx-segments -z noexecstack -z max-page-size=4096 \
		-T tests/guests/guest.lds \
		$(filter %.o,$^) $(NEWLIB)/libc-pic.a -o $(@:.elf=.elf64)
	$(Q)objcopy -O elf32-i386 $(@:.elf=.elf64) $@

guests: $(GUESTS)

test: deps
	@$(MAKE) --no-print-directory tests-built
	@$(PYTHON) tools/make/tests.py all $(BUILD)
unit: $(UNIT)
	@$(PYTHON) tools/make/tests.py unit $(BUILD)
system: all guests demo bench-programs
	@$(PYTHON) tools/make/tests.py system $(BUILD)
tests-built: all guests demo bench-programs $(UNIT)
.PHONY: guests test unit system tests-built
