/* SPDX-License-Identifier: MIT */
/* How host tables and EPT encode an entry. Pure. */
#include "arch/x86/paging.h"

#define ADDRESS 0x000ffffffffff000ULL

/* SDM 4.5.4, table 4-20; APM 5.3.3 */
#define HOST_P   (1ULL << 0)
#define HOST_RW  (1ULL << 1)
#define HOST_US  (1ULL << 2)
#define HOST_PWT (1ULL << 3)
#define HOST_PCD (1ULL << 4)
#define HOST_A   (1ULL << 5)
#define HOST_D   (1ULL << 6)
#define HOST_PS  (1ULL << 7)
#define HOST_G   (1ULL << 8)
#define HOST_NX  (1ULL << 63)

/* SDM 29.3.2, table 29-7 */
#define EPT_R      (1ULL << 0)
#define EPT_W      (1ULL << 1)
#define EPT_X      (1ULL << 2)
#define EPT_UC     (0ULL << 3)
#define EPT_WC     (1ULL << 3)
#define EPT_WB     (6ULL << 3)
#define EPT_LARGE  (1ULL << 7)

/* PAT entry 1 (PWT alone) is write-combining: cpu_features_enable() sets it so. Entry 3 (PCD and PWT) is uncached. */
static uint64_t host_flags(unsigned flags)
{
	uint64_t bits = 0;

	if (flags & PTAB_WRITE)
		bits |= HOST_RW;
	if (!(flags & PTAB_EXECUTE))
		bits |= HOST_NX;
	if (flags & PTAB_USER)
		bits |= HOST_US;
	if (flags & PTAB_GLOBAL)
		bits |= HOST_G;
	if (flags & PTAB_UNCACHED)
		bits |= HOST_PCD | HOST_PWT;
	else if (flags & PTAB_WRITE_COMBINING)
		bits |= HOST_PWT;
	return bits;
}

static uint64_t ept_flags(unsigned flags)
{
	uint64_t bits = EPT_R; /* write without read is a misconfiguration (SDM 29.3.3.1) */

	if (flags & PTAB_WRITE)
		bits |= EPT_W;
	if (flags & PTAB_EXECUTE)
		bits |= EPT_X;
	if (flags & PTAB_UNCACHED)
		return bits | EPT_UC;
	return bits | (flags & PTAB_WRITE_COMBINING ? EPT_WC : EPT_WB);
}

/* Accessed and dirty are set from the start: nobody looks at them, and the processor need not write them. */
const struct ptab_format ptab_host = {
	.table = HOST_P | HOST_RW | HOST_US | HOST_A,
	.leaf = HOST_P | HOST_A | HOST_D,
	.large = HOST_PS,
	.present = HOST_P,
	.address = ADDRESS,
	.leaf_flags = host_flags,
};

const struct ptab_format ptab_ept = {
	.table = EPT_R | EPT_W | EPT_X,
	.leaf = 0,
	.large = EPT_LARGE,
	.present = EPT_R | EPT_W | EPT_X,
	.address = ADDRESS,
	.leaf_flags = ept_flags,
};
