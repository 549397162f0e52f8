/* SPDX-License-Identifier: MIT */
/*
 * The guest's own page tables: no paging, 32-bit, PAE, 4 and 5 levels (SDM volume 3, chapter 4). Pure: tables are
 * reached through callbacks, and a guest may change them meanwhile.
 */
#ifndef KERNEL_WALK_H
#define KERNEL_WALK_H

#include <stdbool.h>
#include <stdint.h>

enum walk_access { /* bits */
	WALK_READ   = 0,
	WALK_WRITE  = 1 << 0,
	WALK_FETCH  = 1 << 1,
	WALK_SYSTEM = 1 << 2, /* the processor's own access to a descriptor table or the like: as supervisor */
	WALK_PEEK   = 1 << 3, /* no permission checks, no accessed and dirty bits: for a dump */
};

enum walk_result {
	WALK_OK,
	WALK_PAGE_FAULT,         /* #PF with the error code, CR2 is the address asked for */
	WALK_GENERAL_PROTECTION, /* the address is not canonical: #GP, or #SS for the stack, with error code 0 */
	WALK_NO_MEMORY,          /* a table lies where there is no memory */
	WALK_BUSY,               /* the guest keeps changing the tables: enter it again */
};

struct walker {
	uint64_t cr0, cr3, cr4, efer, rflags;
	unsigned cpl;
	unsigned physical_bits; /* of the guest's CPUID, 32..52 */
	bool no_gigabyte_pages; /* CPUID 80000001 EDX bit 26 is clear */
	/* Guest-physical memory, `size` 4 or 8 and aligned. Return 0, or nonzero where there is none. */
	int (*read)(struct walker *w, uint64_t gpa, unsigned size, uint64_t *value);
	/* Atomic. `*exchanged`: it held `old` and now holds `value`. */
	int (*compare_exchange)(struct walker *w, uint64_t gpa, unsigned size, uint64_t old, uint64_t value,
	                        bool *exchanged);
};

/* Translates one linear address for an access that does not cross a page. `access`: bits of enum walk_access. Sets the
 * accessed and dirty bits as the processor would. `*error_code` is set with WALK_PAGE_FAULT, `*gpa` with WALK_OK. */
enum walk_result walk(struct walker *w, uint64_t va, unsigned access, uint64_t *gpa, uint32_t *error_code);

#endif
