/* SPDX-License-Identifier: MIT */
/* I/O and MSR bitmaps (SDM 25.6.4, 25.6.9). No partition owns a physical port or MSR, so all share one set. */
#include <string.h>

#include "arch/x86/guest_msr.h"
#include "arch/x86/layout.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "vmx/vmx.h"

#define READ_HIGH 0x400 /* offsets in the MSR bitmap: MSRs from 0xc0000000 on, and the writes of both ranges */
#define WRITE     0x800

uint64_t vmx_io_bitmap_phys, vmx_msr_bitmap_phys;

static void allow(uint8_t *map, uint32_t msr)
{
	uint32_t offset = (msr & 0x1fff) / 8 + (msr >= 0xc0000000 ? READ_HIGH : 0);
	uint8_t keep = (uint8_t)~(1u << msr % 8);

	map[offset] &= keep;
	map[WRITE + offset] &= keep;
}

int vmx_permission_init(void)
{
	uint8_t *io = page_alloc(1), *msr = page_alloc(0);
	unsigned i;

	if (!io || !msr)
		return E_NO_MEMORY;
	memset(io, 0xff, 2 * PAGE_SIZE);
	memset(msr, 0xff, PAGE_SIZE);
	for (i = 0; i < guest_msr_passed_count; i++)
		allow(msr, guest_msr_passed[i]);
	vmx_io_bitmap_phys = heap_to_phys(io);
	vmx_msr_bitmap_phys = heap_to_phys(msr);
	return E_OK;
}
