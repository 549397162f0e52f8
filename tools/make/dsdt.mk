# SPDX-License-Identifier: MIT
# The guest's DSDT: ASL to a C array. The compiler's listing is shown only when it fails.

DSDT := $(ROOT)/gen/dsdt.h

$(DSDT): drivers/dsdt.asl
	@mkdir -p $(@D); echo '  $@'
	$(Q)iasl -tc -p $(@D)/dsdt $< >$(@D)/dsdt.log 2>&1 || { cat $(@D)/dsdt.log; false; }
	$(Q)sed 's/^unsigned char/static const unsigned char/' $(@D)/dsdt.hex >$@
$(BUILD)/drivers/vacpi_aml.o $(BUILD)/pure/drivers/vacpi_aml.o: $(DSDT)
