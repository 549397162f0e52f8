/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of one core. The TSS is there for the stacks of NMI, #DF and #MC, which may arrive when the main stack is
 * not usable (SDM 6.14.5); a guest's TR may be loaded meanwhile, but never while one of the three can arrive.
 */
#include "arch/x86/gdt.h"

#include <stddef.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "kernel/errno.h"
#include "kernel/mem.h"

#define CODE_64 0x00af9b000000ffffULL /* P, S, execute/read, accessed, L, G */
#define DATA    0x00cf93000000ffffULL /* P, S, read/write, accessed, B, G */
#define TSS_AVAILABLE (0x89ULL << 40) /* P, 64-bit TSS (available) */

/* 64-bit TSS (SDM 8.7, figure 8-11). */
struct tss {
	uint32_t reserved_0;
	uint64_t rsp[3];
	uint64_t reserved_1;
	uint64_t ist[7];
	uint64_t reserved_2;
	uint16_t reserved_3;
	uint16_t io_map; /* at the limit: no I/O permission map */
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "SDM figure 8-11");

struct gdt_area {
	uint64_t gdt[5]; /* null, code, data, TSS in two */
	struct tss tss;
};

struct descriptor_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static struct gdt_area boot_area;

/* Until paging_init() gives the boot core stacks with guard pages. */
static uint8_t early_stack[STACK_SIZE] __attribute__((aligned(STACK_SIZE), section(".bss.page")));

int gdt_create(struct cpu *cpu)
{
	cpu->gdt = mem_alloc(sizeof(*cpu->gdt));
	return cpu->gdt ? gdt_stacks(cpu) : E_NO_MEMORY;
}

int gdt_stacks(struct cpu *cpu)
{
	static const uint8_t ists[] = { IST_NMI, IST_DF, IST_MC };

	for (unsigned i = 0; i < sizeof(ists); i++) {
		uint64_t top = stack_create(cpu);

		if (!top)
			return E_NO_MEMORY;
		cpu->gdt->tss.ist[ists[i] - 1] = top;
	}
	return E_OK;
}

static void use_early_stack(struct cpu *cpu)
{
	uint64_t top = (uint64_t)early_stack + STACK_SIZE - 16;

	cpu->gdt = &boot_area;
	*(struct cpu **)(early_stack + STACK_SIZE - sizeof(cpu)) = cpu;
	cpu->gdt->tss.ist[IST_NMI - 1] = top;
	cpu->gdt->tss.ist[IST_DF - 1] = top;
	cpu->gdt->tss.ist[IST_MC - 1] = top;
}

static void fill(struct gdt_area *area)
{
	uint64_t base = (uint64_t)&area->tss;

	area->tss.io_map = sizeof(area->tss);
	area->gdt[SELECTOR_CODE / 8] = CODE_64;
	area->gdt[SELECTOR_DATA / 8] = DATA;
	area->gdt[SELECTOR_TSS / 8] = TSS_AVAILABLE | (sizeof(area->tss) - 1) | (base & 0xffffff) << 16 |
	                              (base >> 24 & 0xff) << 56;
	area->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

/* FS, GS and the LDT are not used: null. */
static void load(const struct gdt_area *area)
{
	struct descriptor_pointer pointer = { .limit = sizeof(area->gdt) - 1, .base = (uint64_t)area->gdt };

	__asm__ volatile("lgdt %0\n\t"
	                 "pushq %1\n\t"
	                 "leaq 1f(%%rip), %%rax\n\t"
	                 "pushq %%rax\n\t"
	                 "lretq\n"
	                 "1:\n\t"
	                 "movl %2, %%eax\n\t"
	                 "movl %%eax, %%ds\n\t"
	                 "movl %%eax, %%es\n\t"
	                 "movl %%eax, %%ss\n\t"
	                 "xorl %%eax, %%eax\n\t"
	                 "movl %%eax, %%fs\n\t"
	                 "movl %%eax, %%gs\n\t"
	                 "lldt %%ax\n\t"
	                 "movl %3, %%eax\n\t"
	                 "ltr %%ax"
	                 :
	                 : "m"(pointer), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "i"(SELECTOR_TSS)
	                 : "rax", "memory");
}

void gdt_init(struct cpu *cpu)
{
	if (!cpu->gdt)
		use_early_stack(cpu);
	fill(cpu->gdt);
	load(cpu->gdt);
}
