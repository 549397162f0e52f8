/* SPDX-License-Identifier: MIT */
/*
 * The processor that a partition sees: a table of CPUID leaves, built once from the host's, that makes one coherent
 * model (what is not handled is not there), and a lookup of a few instructions. Pure.
 *
 * Topology: one package, one thread per core, APIC ID = index of the vCPU.
 */
#ifndef ARCH_X86_GUEST_CPUID_H
#define ARCH_X86_GUEST_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpuid.h"

#define GUEST_CPUID_BASIC      0x20 /* leaves 0..0x1f */
#define GUEST_CPUID_EXTENDED   0x22 /* leaves 0x80000000..0x80000021 */
#define GUEST_CPUID_HYPERVISOR 0x11 /* leaves 0x40000000..0x40000010 */
#define GUEST_CPUID_PARAVIRTUAL 2  /* leaves 0x40000100, 0x40000101: KVM's guest ABI, kernel/pvclock.h */
#define GUEST_CPUID_SUBLEAVES  48   /* of all leaves together */
#define GUEST_CPUID_COMPONENTS 10   /* XSAVE state components 0..9: up to PKRU */

/* Which bits of an answer depend on the vCPU's state at this moment. */
enum guest_cpuid_dynamic {
	CPUID_STATIC,
	CPUID_FEATURES,         /* 1: APIC ID, APIC, OSXSAVE */
	CPUID_STRUCTURED,       /* 7.0: OSPKE */
	CPUID_TOPOLOGY,         /* 0xb, 0x1f: x2APIC ID, the sub-leaf's echo */
	CPUID_XSAVE_SIZE,       /* 0xd.0: size for the current XCR0 */
	CPUID_XSAVE_COMPACTED,  /* 0xd.1: the same in the compacted format */
	CPUID_AMD_FEATURES,     /* 0x80000001: APIC */
	CPUID_AMD_TOPOLOGY,     /* 0x8000001e: APIC ID, core ID */
};

struct guest_cpuid_leaf {
	struct cpuid out; /* first: guest_cpuid_is_dynamic() relies on it */
	uint8_t dynamic;  /* enum guest_cpuid_dynamic */
	uint8_t first;    /* of its sub-leaves in guest_cpuid.subleaf */
	uint8_t last;     /* number of the last one, which also answers for all beyond it; 0: it has no sub-leaves */
};

struct guest_cpuid {
	struct guest_cpuid_leaf basic[GUEST_CPUID_BASIC];
	struct guest_cpuid_leaf extended[GUEST_CPUID_EXTENDED];
	struct guest_cpuid_leaf hypervisor[GUEST_CPUID_HYPERVISOR];
	struct guest_cpuid_leaf paravirtual[GUEST_CPUID_PARAVIRTUAL];
	struct guest_cpuid_leaf beyond; /* what is in no range */
	struct guest_cpuid_leaf subleaf[GUEST_CPUID_SUBLEAVES];
	unsigned subleaves;
	unsigned cpus;
	bool amd;
	uint8_t physical_bits;   /* of a guest-physical address: what reserved-bit checks need */
	uint64_t xcr0;           /* state components that the guest may enable; 0: no XSAVE */
	uint64_t arch_capabilities; /* IA32_ARCH_CAPABILITIES; 0: it does not exist */
	struct {
		uint32_t size, offset;
		bool align;      /* to 64 bytes in the compacted format */
	} component[GUEST_CPUID_COMPONENTS];
};

struct guest_cpuid_config {
	/* The host's leaves: arch/x86/cpu.h's cpuid() on the machine, an array in the tests. */
	struct cpuid (*host)(void *context, uint32_t leaf, uint32_t subleaf);
	void *context;
	unsigned cpus;             /* vCPUs, 1..64 */
	uint64_t tsc_hz;           /* of the guest's TSC; 0: not told */
	uint64_t apic_hz;          /* of the local APIC timer before its divider; 0: not told */
	uint64_t xcr0;             /* state components that the core can hold for a guest: xcr0_supported() */
	bool tsc_stable;           /* the TSC never stops nor changes speed, although the host's CPUID may not say so */
	bool rdtscp, invpcid, xsaves; /* the backend lets the guest execute RDTSCP and RDPID, INVPCID, XSAVES and XRSTORS */
	bool spec_ctrl;            /* IA32_SPEC_CTRL and IA32_PRED_CMD are the vCPU's own */
	uint64_t arch_capabilities; /* the guest's IA32_ARCH_CAPABILITIES; 0: it does not exist */
};

void guest_cpuid_build(struct guest_cpuid *cpuid, const struct guest_cpuid_config *config);

/* The vCPU's state that shows through CPUID. */
struct guest_cpuid_state {
	uint32_t apic_id;
	bool apic_enabled; /* IA32_APIC_BASE.EN */
	uint64_t cr4;
	uint64_t xcr0;
};

/* Never NULL. What it points to is the answer, unless guest_cpuid_is_dynamic(): then guest_cpuid_patch() gives it. */
static inline const struct cpuid *guest_cpuid_find(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t subleaf)
{
	const struct guest_cpuid_leaf *found = &cpuid->beyond;

	if (leaf < GUEST_CPUID_BASIC)
		found = &cpuid->basic[leaf];
	else if (leaf - 0x80000000 < GUEST_CPUID_EXTENDED)
		found = &cpuid->extended[leaf - 0x80000000];
	else if (leaf - 0x40000000 < GUEST_CPUID_HYPERVISOR)
		found = &cpuid->hypervisor[leaf - 0x40000000];
	else if (leaf - 0x40000100 < GUEST_CPUID_PARAVIRTUAL)
		found = &cpuid->paravirtual[leaf - 0x40000100];
	if (found->last)
		found = &cpuid->subleaf[found->first + (subleaf < found->last ? subleaf : found->last)];
	return &found->out;
}

static inline bool guest_cpuid_is_dynamic(const struct cpuid *found)
{
	return ((const struct guest_cpuid_leaf *)found)->dynamic != CPUID_STATIC;
}

/* The whole answer, with the parts that depend on `state`. */
void guest_cpuid_patch(const struct guest_cpuid *cpuid, uint32_t leaf, uint32_t subleaf,
                       const struct guest_cpuid_state *state, struct cpuid *out);

/* Does the guest have this feature? For the policies that follow from the model (MSRs). */
bool guest_cpuid_invariant_tsc(const struct guest_cpuid *cpuid);
bool guest_cpuid_xsaves(const struct guest_cpuid *cpuid); /* IA32_XSS exists */
bool guest_cpuid_spec_ctrl(const struct guest_cpuid *cpuid);
bool guest_cpuid_pred_cmd(const struct guest_cpuid *cpuid);

#endif
