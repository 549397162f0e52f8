# SPDX-License-Identifier: MIT
# Bulkhead. `make help` lists the targets.

CC      := gcc
DEBUG   ?= 0
ROOT    := build
BUILD   := $(ROOT)$(if $(filter 1,$(DEBUG)),/debug)
NEWLIB  := $(ROOT)/newlib
TARBALL := $(lastword $(sort $(wildcard /usr/src/newlib/newlib-*.tar.xz)))
PYTHON  := /usr/bin/python3
Q       := $(if $(V),,@)

# Pure sources: they include only types, so the unit tests compile them with the host's compiler and sanitizers.
PURE := $(wildcard kernel/admission.c kernel/bus.c kernel/config*.c kernel/emulate*.c kernel/guest_memory.c kernel/stream.c \
	kernel/timer_queue.c kernel/pvclock_scale.c kernel/mem_chunk.c kernel/mem_map.c kernel/mem_slab.c \
	kernel/decode*.c kernel/walk.c kernel/load*.c kernel/guest_layout.c arch/x86/ptab*.c \
	arch/x86/guest_cpuid*.c arch/x86/guest_msr*.c arch/x86/guest_cr.c boot/handoff*.c boot/multiboot2_tags.c drivers/v*.c drivers/ivshmem.c tests/guests/lib/ring.c \
	arch/x86/acpi_*.c kernel/console_mux.c kernel/log_ring.c kernel/monitor_line.c kernel/monitor_words.c \
	drivers/ansi.c drivers/font.c drivers/screen.c drivers/framebuffer.c vmx/vmx_check*.c vmx/vmx_fields.c \
	svm/svm_check.c kernel/sched*.c tools/trace_text.c tools/trace_walk.c)

# Sources of the host command build/bulkhead.
HOST := $(wildcard tools/bulkhead*.c tools/trace_*.c kernel/config*.c kernel/admission.c kernel/sched*.c)

KERNEL := $(wildcard kernel/*.[cS] arch/x86/*.[cS] svm/*.[cS] vmx/*.[cS] drivers/*.[cS])
LOADER := $(wildcard boot/handoff*.[cS] kernel/config*.c kernel/newlib.c)

include tools/make/flags.mk

all: $(BUILD)/bulkhead.efi $(BUILD)/bulkhead.mb2 $(BUILD)/bulkhead
.PHONY: all
.DELETE_ON_ERROR:
.SECONDARY:

include tools/make/demo.mk tools/make/dsdt.mk tools/make/test.mk tools/make/bench.mk tools/make/fuzz.mk tools/make/debug.mk

# --- kernel: linked twice, the second time with the table of its own symbols at the end of rodata ---
KERNEL_OBJECTS := $(addprefix $(BUILD)/,$(addsuffix .o,$(basename $(KERNEL))))
KERNEL_LINK     = $(CC) -nostdlib -static -no-pie -Wl,-z,max-page-size=4096 -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -T arch/x86/kernel.lds -o $@ $(filter %.o %.a,$^) -lgcc

$(BUILD)/kernel.plain.elf: $(KERNEL_OBJECTS) $(BUILD)/kernel.list $(NEWLIB)/libc.a arch/x86/kernel.lds
	$(Q)$(KERNEL_LINK)
$(BUILD)/symbols.S: $(BUILD)/kernel.plain.elf tools/make/symbols.awk
	$(Q)nm -n $< | awk -f tools/make/symbols.awk >$@
$(BUILD)/symbols.o: $(BUILD)/symbols.S
	$(Q)$(CC) -c $< -o $@
$(BUILD)/bulkhead.elf: $(KERNEL_OBJECTS) $(BUILD)/symbols.o $(NEWLIB)/libc.a arch/x86/kernel.lds
	$(Q)$(KERNEL_LINK)
$(BUILD)/bulkhead.stripped: $(BUILD)/bulkhead.elf
	$(Q)objcopy --strip-all $< $@

$(BUILD)/%.o: %.c tools/make/flags.mk | $(NEWLIB)/libc.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/%.o: %.S tools/make/flags.mk | $(NEWLIB)/libc.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c $< -o $@

# --- boot loaders: position-independent, each carries the stripped kernel ---
loader_objects = $(addprefix $(BUILD)/loader/,$(addsuffix .o,$(basename $(LOADER) $(wildcard $(1)))))
EFI_OBJECTS   := $(call loader_objects,boot/efi*.c boot/efi*.S) $(BUILD)/loader/carried.o
MB2_OBJECTS   := $(call loader_objects,boot/multiboot2*.c boot/multiboot2*.S) $(BUILD)/loader/carried.o

$(BUILD)/loader/%.o: %.c tools/make/flags.mk | $(NEWLIB)/libc.a
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/loader/%.o: %.S tools/make/flags.mk
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(LOADER_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/loader/carried.o: boot/carried.S $(BUILD)/bulkhead.stripped
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) -DKERNEL_FILE='"$(BUILD)/bulkhead.stripped"' -c $< -o $@

$(BUILD)/loader/bulkhead.so: $(EFI_OBJECTS) $(BUILD)/efi.list $(NEWLIB)/libc.a
	$(Q)ld -nostdlib -shared -Bsymbolic -znocombreloc --no-undefined -z noexecstack --no-warn-rwx-segments \
		-T /usr/lib/elf_x86_64_efi.lds \
		/usr/lib/crt0-efi-x86_64.o $(EFI_OBJECTS) $(NEWLIB)/libc-pic.a /usr/lib/libgnuefi.a -o $@
$(BUILD)/bulkhead.efi: $(BUILD)/loader/bulkhead.so
	$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
		--target efi-app-x86_64 $< $@
$(BUILD)/bulkhead.mb2: $(MB2_OBJECTS) $(BUILD)/mb2.list boot/multiboot2.lds $(NEWLIB)/libc.a
	$(Q)ld -nostdlib -static --no-warn-rwx-segments -z noexecstack -z max-page-size=4096 \
		-T boot/multiboot2.lds $(MB2_OBJECTS) \
		$(NEWLIB)/libc-pic.a -o $(BUILD)/loader/bulkhead.mb2.elf
	$(Q)objcopy --strip-all -O elf32-i386 $(BUILD)/loader/bulkhead.mb2.elf $@

# --- host command ---
HOST_OBJECTS := $(addprefix $(BUILD)/host/,$(HOST:.c=.o))
$(BUILD)/bulkhead: $(HOST_OBJECTS) $(BUILD)/host.list
	$(Q)$(CC) $(HOST_OBJECTS) -o $@
$(BUILD)/host/%.o: %.c tools/make/flags.mk
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

# --- what is linked changes when a source file goes, too ---
$(BUILD)/kernel.list: LIST = $(KERNEL_OBJECTS)
$(BUILD)/efi.list: LIST = $(EFI_OBJECTS)
$(BUILD)/mb2.list: LIST = $(MB2_OBJECTS)
$(BUILD)/host.list: LIST = $(HOST_OBJECTS)
$(BUILD)/pure.list: LIST = $(PURE_OBJECTS)
$(BUILD)/guest.list: LIST = $(GUEST_LIB)
$(BUILD)/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(LIST)' | cmp -s - $@ || echo '$(LIST)' >$@
FORCE:
.PHONY: FORCE

# --- newlib: a header's or a compiler's change does not rebuild it, `make clean` does ---
$(NEWLIB)/libc.a: tools/make/newlib.sh $(TARBALL)
	$(Q)sh tools/make/newlib.sh "$(TARBALL)" $(NEWLIB) $(CC)

clean:
	rm -rf $(ROOT)

help:
	@echo 'make          build/bulkhead.efi, build/bulkhead.mb2 and the host command build/bulkhead'
	@echo 'make run      boot the demo (stock Debian Linux) in QEMU; power off in the guest ends it'
	@echo 'make test     unit and system tests; also: make unit, make system'
	@echo 'make bench    instructions per guest exit and of the boot, on both vendors'
	@echo 'make fuzz     libFuzzer over every parser and decoder; RUNS=N inputs each'
	@echo 'make debug    the hypervisor under gdb, stopped at its entry'
	@echo 'make deps     install the Debian packages that are needed; run and test do so themselves'
	@echo 'make clean    remove build/'
	@echo 'DEBUG=1       with assertions and a debug log, into build/debug'
.PHONY: clean help

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
