# SPDX-License-Identifier: MIT
# The demo: Debian's stock kernel and a busybox shell, which the system tests boot as well; and a periodic guest.

DEMO := $(ROOT)/demo

demo: $(DEMO)/bulkhead.conf $(DEMO)/vmlinuz $(DEMO)/initrd.img $(DEMO)/rt.elf

$(DEMO)/bulkhead.conf: tools/demo/bulkhead.conf
	@mkdir -p $(@D); echo '  $@'
	$(Q)cp $< $@
$(DEMO)/vmlinuz: tools/demo/kernel.sh
	@mkdir -p $(@D); echo '  $@'
	$(Q)sh tools/demo/kernel.sh $@
$(DEMO)/initrd.img: tools/demo/initrd.sh tools/demo/inittab tools/demo/rc tools/demo/profile
	@mkdir -p $(@D); echo '  $@'
	$(Q)sh tools/demo/initrd.sh $@

$(DEMO)/rt.elf: $(BUILD)/tests/guests/rt.elf
	@mkdir -p $(@D); echo '  $@'
	$(Q)cp $< $@

deps:
	@sh tools/make/deps.sh

# What is being built may need what deps installs, so it is made by a make that starts afterwards.
run: deps
	@$(MAKE) --no-print-directory all demo
	$(BUILD)/bulkhead run $(DEMO)/bulkhead.conf
.PHONY: demo deps run
