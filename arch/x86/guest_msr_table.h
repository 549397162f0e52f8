/* SPDX-License-Identifier: MIT */
/* The policy of each MSR: what the table of guest_msr_table.c says and guest_msr.c does. */
#ifndef ARCH_X86_GUEST_MSR_TABLE_H
#define ARCH_X86_GUEST_MSR_TABLE_H

#include <stdint.h>

#include "arch/x86/guest_msr.h"

enum msr_vendor { VENDOR_ANY, VENDOR_AMD, VENDOR_INTEL };

enum msr_kind {
	KIND_ZERO,         /* reads 0, writes do nothing */
	KIND_CONSTANT,     /* reads `value`, a write of anything else is #GP */
	KIND_ABSENT,       /* #GP, and known to be asked for */
	KIND_STORED,       /* in `slot`; a write with bits outside `value` is #GP */
	KIND_MISC_ENABLE,  /* stored, but bits outside `value` keep what they are */
	KIND_SIGN_ID,
	KIND_WRITE_ONLY,   /* writes do nothing */
	KIND_TSC,
	KIND_TSC_ADJUST,
	KIND_SPEC_CTRL,
	KIND_PRED_CMD,
	KIND_ARCH_CAPABILITIES,
	KIND_XSS,
	KIND_MTRR_DEF_TYPE,
	KIND_MTRR_VARIABLE,
	KIND_MTRR_FIXED,
};

struct msr_policy {
	uint32_t first, last;
	uint8_t vendor;    /* enum msr_vendor: on the others it is absent */
	uint8_t kind;      /* enum msr_kind */
	uint8_t slot;      /* enum guest_msr_slot of `first` */
	uint64_t value;
};

/* Sorted by `first`, not overlapping. */
extern const struct msr_policy msr_policies[];
extern const unsigned msr_policy_count;

/* Memory types in MTRRs (SDM 12.11.2, APM 7.7.1). */
bool mtrr_def_type_valid(uint64_t value);
bool mtrr_fixed_valid(uint64_t value);
/* `index`: even for a base, odd for a mask. */
bool mtrr_variable_valid(uint32_t index, uint64_t value, unsigned physical_bits);
void mtrr_reset(uint64_t *stored, unsigned physical_bits);

#endif
