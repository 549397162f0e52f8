# SPDX-License-Identifier: MIT
# Benchmarks: instructions per exit and of the boot, sizes; see tests/bench/run.py and docs/specification.md. The counts
# of VMREADs and VMWRITEs are a debug build's.

BENCH := $(BUILD)/bench

$(BENCH)/init: tests/bench/linux/init.c tools/make/flags.mk tools/make/bench.mk
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) -std=gnu17 -O2 -ffreestanding -fno-stack-protector -mgeneral-regs-only -nostdlib -static $(WARN) $< -o $@

bench: deps
	@$(MAKE) --no-print-directory all guests demo bench-programs
	@$(PYTHON) -B tests/bench/run.py $(BUILD)
bench-programs: $(BENCH)/init bench-debug
bench-debug: all
	@$(MAKE) --no-print-directory DEBUG=1 $(ROOT)/debug/bulkhead.mb2
.PHONY: bench bench-programs bench-debug
