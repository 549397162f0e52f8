/* SPDX-License-Identifier: MIT */
/* I/O and MSR bitmaps (SDM 25.6.4, 25.6.9). No partition owns a physical port or MSR, so all share one set. */
#include <string.h>

#include "arch/x86/guest_msr.h"
#include "arch/x86/layout.h"
#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "vmx/vmx.h"

#define READ_HIGH 0x400 /* offsets in the MSR bitmap: MSRs from 0xc0000000 on, and the writes of both ranges */
#define WRITE     0x800

#define X2APIC_TPR      (IA32_X2APIC_BASE + 0x08)
#define X2APIC_EOI      (IA32_X2APIC_BASE + 0x0b)
#define X2APIC_SELF_IPI (IA32_X2APIC_BASE + 0x3f)

uint64_t vmx_io_bitmap_phys, vmx_msr_bitmap_phys, vmx_x2apic_bitmap_phys;

static void allow_one(uint8_t *map, uint32_t msr)
{
	map[(msr & 0x1fff) / 8 + (msr >= 0xc0000000 ? READ_HIGH : 0)] &= (uint8_t)~(1u << msr % 8);
}

static void allow(uint8_t *map, uint32_t msr)
{
	allow_one(map, msr);
	allow_one(map + WRITE, msr);
}

/* What the processor virtualizes (SDM 30.5). It checks less than a local APIC does: what must raise #GP exits. */
static void allow_x2apic(uint8_t *map)
{
	unsigned i;

	for (i = 0; i < 0x100; i++)
		if (vlapic_reads_page(i))
			allow_one(map, IA32_X2APIC_BASE + i);
	allow_one(map + WRITE, X2APIC_TPR);
	allow_one(map + WRITE, X2APIC_EOI);
	if (!vmx_features.delivers_closed)
		allow_one(map + WRITE, X2APIC_SELF_IPI);
}

int vmx_permission_init(void)
{
	uint8_t *io = page_alloc(1), *msr = page_alloc(0), *x2apic = page_alloc(0);
	unsigned i;

	if (!io || !msr || !x2apic)
		return E_NO_MEMORY;
	memset(io, 0xff, 2 * PAGE_SIZE);
	memset(msr, 0xff, PAGE_SIZE);
	for (i = 0; i < guest_msr_passed_count; i++)
		allow(msr, guest_msr_passed[i]);
	memcpy(x2apic, msr, PAGE_SIZE);
	allow_x2apic(x2apic);
	vmx_x2apic_bitmap_phys = heap_to_phys(x2apic);
	vmx_io_bitmap_phys = heap_to_phys(io);
	vmx_msr_bitmap_phys = heap_to_phys(msr);
	return E_OK;
}
