/* SPDX-License-Identifier: MIT */
/*
 * A partition's address space. Its top table has the kernel's entries and the GUEST one; the partition's `ptab` works
 * on that table, but only ever below the GUEST entry.
 */
#include <stddef.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/errno.h"

int address_space_create(struct address_space *space)
{
	bool gigabyte_pages = cpuid(0x80000001, 0).edx & 1u << 26;
	int error = ptab_create(&space->guest, &ptab_host, &ptab_heap, gigabyte_pages);

	if (error)
		return error;
	space->pml4 = space->guest.root;
	space->cr3 = space->guest.root_phys;
	paging_copy_kernel(space->pml4);
	return E_OK;
}

int address_space_map(struct address_space *space, uint64_t gpa, uint64_t phys, uint64_t size)
{
	if (size > GUEST_SIZE || gpa > GUEST_SIZE - size)
		return E_RANGE;
	return ptab_map(&space->guest, GUEST_BASE + gpa, phys, size, PTAB_READ | PTAB_WRITE);
}

void address_space_destroy(struct address_space *space)
{
	uint64_t entry;

	if (!space->pml4)
		return;
	/* Only what is below the GUEST entry is this space's own. */
	entry = space->pml4[GUEST_BASE >> 39 & 511];
	memset(space->pml4, 0, PAGE_SIZE);
	space->pml4[GUEST_BASE >> 39 & 511] = entry;
	ptab_destroy(&space->guest);
	space->pml4 = NULL;
	space->cr3 = 0;
}

void address_space_enter(const struct address_space *space)
{
	uint64_t cr3 = space ? space->cr3 : paging_kernel_cr3();
	struct cpu *cpu = this_cpu();

	if (cpu->cr3 == cr3)
		return;
	cpu->cr3 = cr3;
	CR_WRITE(3, cr3);
}
