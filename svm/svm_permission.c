/* SPDX-License-Identifier: MIT */
/* I/O and MSR permission maps (APM 15.10.1, 15.11). No partition owns a physical port or MSR, so all share one pair. */
#include <string.h>

#include "arch/x86/guest_msr.h"
#include "arch/x86/layout.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "svm/svm.h"

uint64_t svm_iopm_phys, svm_msrpm_phys;

/* Two bits per MSR (read, write); three ranges of 8,192 MSRs, 2 KiB each. */
static void allow(uint8_t *map, uint32_t msr)
{
	uint32_t offset = msr & 0x1fff;

	if (msr >= 0xc0010000)
		offset += 0x4000;
	else if (msr >= 0xc0000000)
		offset += 0x2000;
	map[offset / 4] &= (uint8_t)~(3u << offset % 4 * 2);
}

int svm_permission_init(void)
{
	uint8_t *iopm = page_alloc(2), *msrpm = page_alloc(1);
	unsigned i;

	if (!iopm || !msrpm)
		return E_NO_MEMORY;
	memset(iopm, 0xff, 4 * PAGE_SIZE);
	memset(msrpm, 0xff, 2 * PAGE_SIZE);
	for (i = 0; i < guest_msr_passed_count; i++)
		allow(msrpm, guest_msr_passed[i]);
	svm_iopm_phys = heap_to_phys(iopm);
	svm_msrpm_phys = heap_to_phys(msrpm);
	return E_OK;
}
