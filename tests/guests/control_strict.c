/* SPDX-License-Identifier: MIT */
/*
 * Values of control registers that must be refused, and alignment checks. QEMU 7.2's own processor (TCG) obeys the ones
 * and does not know the others, with or without a hypervisor: on AMD-V they are shown in Bochs.
 */
#include "guest.h"

#define AC        17 /* #AC */
#define RFLAGS_AC (1ULL << 18)
#define CR0_AM (1ULL << 18)
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

/* --- alignment checks: a hypervisor takes them over, so that their delivery cannot go on for ever --- */

static uint8_t kernel_stack[4096] __attribute__((aligned(16))), user_stack[4096] __attribute__((aligned(16)));
static uint64_t operand[2];
CODE(user_misaligned, "mov 1(%rsi), %eax; ud2");

static void enter_user(void *flags)
{
	__asm__ volatile("push %0; push %1; push %2; push %3; push %4; iretq"
	                 : : "i"(USER_DATA), "r"((uint64_t)user_stack + sizeof(user_stack)), "r"(flags), "i"(USER_CODE),
	                 "r"(user_misaligned), "S"(operand));
}

/* SDM 6.15, #AC; APM 8.2.18. */
static void alignment(void)
{
	uint64_t cr0 = READ_CR(0);
	struct fault fault;

	set_kernel_stack((uint64_t)kernel_stack + sizeof(kernel_stack));
	WRITE_CR(0, cr0 | CR0_AM);
	check(faults(enter_user, (void *)(2 | RFLAGS_AC), &fault) && fault.vector == AC && !fault.error &&
	      fault.rip == (uint64_t)user_misaligned, "#AC in user mode");
	check(faults(enter_user, (void *)2, &fault) && fault.vector == UD, "not without RFLAGS.AC");
	set_gate(AC, false, 0);
	check(faults(enter_user, (void *)(2 | RFLAGS_AC), &fault) && fault.vector == NP && fault.error >> 3 == AC,
	      "#AC and then #NP are #NP");
	set_gate(AC, true, 0);
	WRITE_CR(0, cr0);
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
	check(refuses(write_cr4, cr4 | 1ULL << 15) && refuses(write_cr4, cr4 | 1ULL << 31),
	      "CR4: bits 15 and 31 are refused");
	check(refuses(write_cr4, cr4 & ~CR4_PAE), "CR4: PAE stays on in 64-bit mode");
	check(READ_CR(4) == cr4, "CR4 is as it was");
	check(refuses(write_cr3, cr3 | 1ULL << 62), "CR3: an address that is too wide");
	check(READ_CR(3) == cr3, "CR3 is as it was");
	check(refuses(write_cr8, 16) && READ_CR(8) == 0, "CR8: above 15");
	alignment();
	return results();
}
