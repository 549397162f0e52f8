/* SPDX-License-Identifier: MIT */
/*
 * Virtual-processor identifiers and the two invalidation instructions (SDM 29.4). Every vCPU has a VPID of its own for
 * good, so the TLB needs no flush when a core changes vCPUs; a flush is due only when we have written a register whose
 * write would have flushed (SDM 4.10.4.1) or when the EPT changed.
 */
#include <stdatomic.h>

#include "vmx/vmx.h"

/* Types of both instructions. */
#define SINGLE_CONTEXT 1
#define ALL_CONTEXTS   2

struct descriptor {
	uint64_t low, high;
};

static _Atomic unsigned last;

uint16_t vmx_vpid_assign(void)
{
	unsigned vpid;

	if (!vmx_features.vpid)
		return 0;
	vpid = atomic_fetch_add(&last, 1) + 1;
	return vpid <= UINT16_MAX ? (uint16_t)vpid : 0;
}

static void invept(uint64_t type, uint64_t eptp)
{
	const struct descriptor d = { .low = eptp };

	__asm__ volatile("invept %0, %1" : : "m"(d), "r"(type) : "cc", "memory");
}

static void invvpid(uint64_t type, uint16_t vpid)
{
	const struct descriptor d = { .low = vpid };

	__asm__ volatile("invvpid %0, %1" : : "m"(d), "r"(type) : "cc", "memory");
}

void vmx_flush_core(void)
{
	invept(ALL_CONTEXTS, 0);
	if (vmx_features.vpid)
		invvpid(ALL_CONTEXTS, 0);
}

void vmx_flush(struct vmx_vcpu *s)
{
	/* INVEPT takes the combined mappings of every VPID with it. Without a VPID every entry flushes. */
	if (s->flush_ept)
		invept(SINGLE_CONTEXT, s->eptp);
	else if (s->flush_vpid && s->vpid)
		invvpid(vmx_features.invvpid_single ? SINGLE_CONTEXT : ALL_CONTEXTS, s->vpid);
	s->flush_ept = s->flush_vpid = false;
}
