# SPDX-License-Identifier: MIT
# The hypervisor itself under gdb: docs/develop.md.

debug:
	@PACKAGES=gdb sh tools/make/deps.sh
	@$(MAKE) --no-print-directory all demo
	@sh tools/make/debug.sh $(BUILD)
.PHONY: debug
