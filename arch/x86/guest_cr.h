/* SPDX-License-Identifier: MIT */
/* What MOV to CR0, CR3 and CR4 checks and changes (SDM 2.5, 4.1.1, volume 2 MOV to control registers). Pure. */
#ifndef ARCH_X86_GUEST_CR_H
#define ARCH_X86_GUEST_CR_H

#include <stdbool.h>
#include <stdint.h>

struct guest_cpuid;

/* The registers that belong together. */
struct guest_cr {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t cr4_allowed;   /* guest_cr4_bits() */
	unsigned physical_bits;
	bool code_64;           /* CS.L */
	bool tss_16;            /* TR holds a 16-bit TSS */
};

/* Bits of CR4 that the guest's CPUID offers. */
uint64_t guest_cr4_bits(const struct guest_cpuid *cpuid);

/* Each writes the register and what follows from it (EFER.LMA); false: #GP(0), and nothing has changed. */
bool guest_cr0_write(struct guest_cr *cr, uint64_t value);
bool guest_cr3_write(struct guest_cr *cr, uint64_t value);
bool guest_cr4_write(struct guest_cr *cr, uint64_t value);

/* PAE paging without long mode: a write has to load four page-directory-pointer-table entries (SDM 4.4.1). */
bool guest_cr_uses_pdptes(const struct guest_cr *cr);
bool guest_pdpte_valid(uint64_t pdpte, unsigned physical_bits);

#endif
