/* SPDX-License-Identifier: MIT */
#include "arch/x86/guest_cr.h"

#include <stddef.h>

#include "arch/x86/guest_cpuid.h"
#include "arch/x86/msr.h"

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR3_PCID     0xfffULL
#define CR3_NO_FLUSH (1ULL << 63)
#define PDPTE_PRESENT  1ULL
#define PDPTE_RESERVED 0x1e6ULL /* SDM table 4-8 */

/* SDM 2.5: the feature that each bit stands for. */
static const struct {
	uint64_t bits;
	uint32_t leaf;
	uint8_t reg, bit;
} cr4_features[] = {
	{ CR4_VME | CR4_PVI, 1, offsetof(struct cpuid, edx), 1 },
	{ CR4_DE, 1, offsetof(struct cpuid, edx), 2 },
	{ CR4_PSE, 1, offsetof(struct cpuid, edx), 3 },
	{ CR4_TSD, 1, offsetof(struct cpuid, edx), 4 },
	{ CR4_PAE, 1, offsetof(struct cpuid, edx), 6 },
	{ CR4_MCE, 1, offsetof(struct cpuid, edx), 7 },
	{ CR4_PGE, 1, offsetof(struct cpuid, edx), 13 },
	{ CR4_OSFXSR, 1, offsetof(struct cpuid, edx), 24 },
	{ CR4_OSXMMEXCPT, 1, offsetof(struct cpuid, edx), 25 },
	{ CR4_PCIDE, 1, offsetof(struct cpuid, ecx), 17 },
	{ CR4_OSXSAVE, 1, offsetof(struct cpuid, ecx), 26 },
	{ CR4_FSGSBASE, 7, offsetof(struct cpuid, ebx), 0 },
	{ CR4_SMEP, 7, offsetof(struct cpuid, ebx), 7 },
	{ CR4_SMAP, 7, offsetof(struct cpuid, ebx), 20 },
	{ CR4_UMIP, 7, offsetof(struct cpuid, ecx), 2 },
	{ CR4_PKE, 7, offsetof(struct cpuid, ecx), 3 },
	{ CR4_LA57, 7, offsetof(struct cpuid, ecx), 16 },
};

uint64_t guest_cr4_bits(const struct guest_cpuid *cpuid)
{
	uint64_t bits = CR4_PCE; /* RDPMC is older than its CPUID leaf */

	for (unsigned i = 0; i < sizeof(cr4_features) / sizeof(cr4_features[0]); i++) {
		const uint8_t *leaf = (const uint8_t *)guest_cpuid_find(cpuid, cr4_features[i].leaf, 0);

		if (*(const uint32_t *)(leaf + cr4_features[i].reg) >> cr4_features[i].bit & 1)
			bits |= cr4_features[i].bits;
	}
	return bits;
}

/* Switching paging on: long mode wants PAE, and a code segment and TSS of the old kind (SDM 4.1.1, 9.8.5). */
static bool may_start_paging(const struct guest_cr *cr)
{
	return !(cr->efer & EFER_LME) || (cr->cr4 & CR4_PAE && !cr->code_64 && !cr->tss_16);
}

/* Switching it off: not from 64-bit code, and not with PCIDs. */
static bool may_stop_paging(const struct guest_cr *cr)
{
	return !(cr->cr4 & CR4_PCIDE) && !(cr->efer & EFER_LMA && cr->code_64);
}

bool guest_cr0_write(struct guest_cr *cr, uint64_t value)
{
	uint64_t changed;

	if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
		return false;
	value = (value & CR0_DEFINED) | CR0_ET; /* the others are ignored */
	changed = cr->cr0 ^ value;
	if (changed & CR0_PG && !(value & CR0_PG ? may_start_paging(cr) : may_stop_paging(cr)))
		return false;
	cr->cr0 = value;
	if (value & CR0_PG && cr->efer & EFER_LME)
		cr->efer |= EFER_LMA;
	else
		cr->efer &= ~EFER_LMA;
	return true;
}

/* Bit 63 with PCIDs says "do not flush" and is not stored. Outside long mode the register has 32 bits that matter. */
bool guest_cr3_write(struct guest_cr *cr, uint64_t value)
{
	if (cr->cr4 & CR4_PCIDE)
		value &= ~CR3_NO_FLUSH;
	if (cr->efer & EFER_LMA && value >> cr->physical_bits)
		return false;
	cr->cr3 = value;
	return true;
}

bool guest_cr4_write(struct guest_cr *cr, uint64_t value)
{
	uint64_t changed = cr->cr4 ^ value;

	if (value & ~cr->cr4_allowed)
		return false;
	if (cr->efer & EFER_LMA && (!(value & CR4_PAE) || changed & CR4_LA57))
		return false;
	if (changed & value & CR4_PCIDE && (!(cr->efer & EFER_LMA) || cr->cr3 & CR3_PCID))
		return false;
	cr->cr4 = value;
	return true;
}

bool guest_cr_uses_pdptes(const struct guest_cr *cr)
{
	return cr->cr0 & CR0_PG && cr->cr4 & CR4_PAE && !(cr->efer & EFER_LMA);
}

bool guest_pdpte_valid(uint64_t pdpte, unsigned physical_bits)
{
	return !(pdpte & PDPTE_PRESENT) || !(pdpte & (PDPTE_RESERVED | ~0ULL << physical_bits));
}
