# SPDX-License-Identifier: MIT
# Fuzzing: one libFuzzer program per tests/fuzz/fuzz_NAME.c over the pure sources, seeded from tests/fuzz/corpus/NAME.
# RUNS inputs each, from a fixed seed; a crash leaves its input in build/fuzz/.

RUNS        ?= 200000
FUZZ        := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS := -std=gnu17 -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -I. -Wall -Wextra -Werror

$(BUILD)/fuzz/pure/%.o: %.c
	@mkdir -p $(@D); echo '  $@'
	$(Q)clang $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/fuzz/%: tests/fuzz/%.c $(addprefix $(BUILD)/fuzz/pure/,$(PURE:.c=.o))
	@mkdir -p $(@D); echo '  $@'
	$(Q)clang $(subst fuzzer-no-link,fuzzer,$(FUZZ_CFLAGS)) $^ -o $@

fuzz:
	@PACKAGES="clang libclang-rt-14-dev" sh tools/make/deps.sh
	@$(MAKE) --no-print-directory fuzz-run
fuzz-run: $(FUZZ)
	@for program in $(FUZZ); do \
		name=$${program##*/fuzz_}; corpus=$(BUILD)/fuzz/corpus/$$name; mkdir -p $$corpus; \
		[ ! -d tests/fuzz/corpus/$$name ] || cp tests/fuzz/corpus/$$name/* $$corpus; \
		echo "  fuzz $$name"; \
		$$program -seed=1 -runs=$(RUNS) -max_len=8192 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/$$name- $$corpus || exit 1; \
	done; echo "$(words $(FUZZ)) fuzz targets, $(RUNS) inputs each, no crash"
.PHONY: fuzz fuzz-run
