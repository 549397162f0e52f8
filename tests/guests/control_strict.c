/* SPDX-License-Identifier: MIT */
/*
 * Values of control registers that must be refused. QEMU 7.2's own processor (TCG) obeys them, with or without a
 * hypervisor, and the guest is lost: on AMD-V they are shown in Bochs.
 */
#include "guest.h"

#define CR0_NW (1ULL << 29)
#define CR0_CD (1ULL << 30)
#define CR0_PG (1ULL << 31)
#define CR4_PAE (1ULL << 5)

static void write_cr0(void *argument)
{
	WRITE_CR(0, argument);
}

static void write_cr3(void *argument)
{
	WRITE_CR(3, argument);
}

static void write_cr4(void *argument)
{
	WRITE_CR(4, argument);
}

static void write_cr8(void *argument)
{
	WRITE_CR(8, argument);
}

static bool refuses(void (*write)(void *), uint64_t value)
{
	struct fault fault;

	return faults(write, (void *)value, &fault) && fault.vector == GP && !fault.error;
}

/* Bochs 2.7's AMD-V lets its guest do without CR0.PE, and then gives up. */
static bool is_amd(void)
{
	uint32_t id[4];

	cpuid(0, 0, id);
	return id[1] == 0x68747541;
}

/* SDM 2.5, 4.1.2, MOV to control registers; APM 3.1. */
int main(void)
{
	uint64_t cr0 = READ_CR(0), cr3 = READ_CR(3), cr4 = READ_CR(4);
	bool good = true;

	for (unsigned bit = 32; bit < 64; bit++)
		good &= refuses(write_cr0, cr0 | 1ULL << bit);
	check(good && READ_CR(0) == cr0, "CR0: bits 63 to 32 are refused");
	check(refuses(write_cr0, cr0 & ~CR0_PG), "CR0: paging stays on in 64-bit mode");
	check(is_amd() || refuses(write_cr0, cr0 & ~1ULL), "CR0: paging without protection");
	check(refuses(write_cr0, (cr0 & ~CR0_CD) | CR0_NW), "CR0: not write-through without cache disable");
	check(READ_CR(0) == cr0, "CR0 is as it was");
	good = true;
	for (unsigned bit = 32; bit < 64; bit++)
		good &= refuses(write_cr4, cr4 | 1ULL << bit);
	check(good, "CR4: bits 63 to 32 are refused");
	check(refuses(write_cr4, cr4 | 1ULL << 15) && refuses(write_cr4, cr4 | 1ULL << 31), "CR4: bits 15 and 31 are refused");
	check(refuses(write_cr4, cr4 & ~CR4_PAE), "CR4: PAE stays on in 64-bit mode");
	check(READ_CR(4) == cr4, "CR4 is as it was");
	check(refuses(write_cr3, cr3 | 1ULL << 62), "CR3: an address that is too wide");
	check(READ_CR(3) == cr3, "CR3 is as it was");
	check(refuses(write_cr8, 16) && READ_CR(8) == 0, "CR8: above 15");
	return results();
}
