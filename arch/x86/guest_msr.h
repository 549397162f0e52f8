/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers of a vCPU that are neither the processor's own state nor the local APIC's: those that an
 * operating system expects on the model that guest_cpuid gives it. Pure. Each has a line in guest_msr_table.c.
 *
 * Not here: IA32_APIC_BASE, the x2APIC range and IA32_TSC_DEADLINE (drivers/vlapic.h); EFER, PAT, STAR, LSTAR, CSTAR,
 * FMASK, FS, GS and kernel GS base, SYSENTER, TSC_AUX (the backend).
 */
#ifndef ARCH_X86_GUEST_MSR_H
#define ARCH_X86_GUEST_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/guest_cpuid.h"
#include "kernel/stream.h"

#define GUEST_MTRR_VARIABLE 8

enum guest_msr_slot {
	SLOT_TSC_ADJUST,
	SLOT_SPEC_CTRL,
	SLOT_MCG_STATUS,
	SLOT_MISC_ENABLE,
	SLOT_DEBUGCTL,
	SLOT_SYSCFG,
	SLOT_HWCR,
	SLOT_NB_CFG,
	SLOT_MTRR_DEF_TYPE,
	SLOT_MTRR_VARIABLE,
	SLOT_MTRR_FIX64K = SLOT_MTRR_VARIABLE + 2 * GUEST_MTRR_VARIABLE,
	SLOT_MTRR_FIX16K,
	SLOT_MTRR_FIX4K = SLOT_MTRR_FIX16K + 2,
	GUEST_MSR_SLOTS = SLOT_MTRR_FIX4K + 8
};

struct guest_msrs;

struct guest_msr_host {
	/* The guest's TSC now. */
	uint64_t (*tsc)(struct guest_msrs *msrs);
	/* Moves the guest's TSC by `delta` (modulo 2^64). */
	void (*move_tsc)(struct guest_msrs *msrs, uint64_t delta);
	/* A checked value for IA32_SPEC_CTRL or IA32_PRED_CMD. NULL where the guest's CPUID offers neither. */
	void (*speculation)(struct guest_msrs *msrs, uint32_t index, uint64_t value);
};

struct guest_msrs {
	const struct guest_cpuid *cpuid;
	const struct guest_msr_host *host;
	void *owner; /* struct vcpu */
	uint64_t stored[GUEST_MSR_SLOTS];
};

enum msr_result {
	MSR_OK,
	MSR_GP,      /* #GP(0): it does not exist in this model, or the value is not allowed */
	MSR_UNKNOWN, /* #GP(0), and worth a line in the log: nobody thought of this one */
};

/* `cpuid` and `host` must stay. Ends with a reset. */
void guest_msrs_init(struct guest_msrs *msrs, const struct guest_cpuid *cpuid, const struct guest_msr_host *host,
                     void *owner);
/* As firmware leaves them: MTRRs on, RAM write-back, the hole below 4 GiB uncached. The TSC itself is the owner's. */
void guest_msrs_reset(struct guest_msrs *msrs);

/* `*value` is 0 unless MSR_OK. */
enum msr_result guest_msr_read(struct guest_msrs *msrs, uint32_t index, uint64_t *value);
enum msr_result guest_msr_write(struct guest_msrs *msrs, uint32_t index, uint64_t value);

void guest_msrs_save(const struct guest_msrs *msrs, struct stream *out);
/* Fails the stream, and leaves the registers alone, when a value is not one that the guest could have written. */
void guest_msrs_restore(struct guest_msrs *msrs, struct stream *in);

/* What a backend keeps in the processor for the running guest, with no exit on access. */
extern const uint32_t guest_msr_passed[];
extern const unsigned guest_msr_passed_count;

#endif
