# SPDX-License-Identifier: MIT
# Benchmarks: instructions per exit and of the boot, sizes; see tests/bench/run.py and docs/specification.md.

BENCH := $(BUILD)/bench

$(BENCH)/init: tests/bench/linux/init.c tools/make/flags.mk tools/make/bench.mk
	@mkdir -p $(@D); echo '  $@'
	$(Q)$(CC) -std=gnu17 -O2 -ffreestanding -fno-stack-protector -mgeneral-regs-only -nostdlib -static $(WARN) $< -o $@

bench: deps
	@$(MAKE) --no-print-directory all guests demo bench-programs
	@$(PYTHON) tests/bench/run.py $(BUILD)
bench-programs: $(BENCH)/init
.PHONY: bench bench-programs
