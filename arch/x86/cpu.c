/* SPDX-License-Identifier: MIT */
#include "arch/x86/cpu.h"

#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"

#define MISC_ENABLE_XD_DISABLE (1ULL << 34) /* SDM volume 4, IA32_MISC_ENABLE */

/* IA32_PAT: WB, WC, UC-, UC, and again (SDM 12.12.2). Entry 1 is write-through at reset; nobody needs that. */
#define PAT 0x0007010600070106ULL

struct cpu cpus[CPU_MAX];
unsigned cpu_count;

static bool has(uint32_t word, unsigned bit)
{
	return word >> bit & 1;
}

/* A firmware option hides NX on Intel; the kernel's tables need it. */
static void enable_nx(void)
{
	uint64_t misc;

	if (!has(cpuid(0x80000001, 0).edx, 20) && rdmsr_safe(IA32_MISC_ENABLE, &misc))
		wrmsr_safe(IA32_MISC_ENABLE, misc & ~MISC_ENABLE_XD_DISABLE);
	if (!has(cpuid(0x80000001, 0).edx, 20))
		panic("this processor has no NX (or the firmware hides it): switch on \"execute disable\" in its set-up");
	wrmsr(IA32_EFER, rdmsr(IA32_EFER) | EFER_NXE);
}

void cpu_features_enable(void)
{
	struct cpuid one = cpuid(1, 0), seven = { 0 };
	uint64_t cr4 = CR4_PAE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpuid(0, 0).eax >= 7)
		seven = cpuid(7, 0);
	enable_nx();
	if (has(one.edx, 16))
		wrmsr(IA32_PAT, PAT);
	if (has(one.edx, 7))
		cr4 |= CR4_MCE;
	if (has(one.ecx, 26))
		cr4 |= CR4_OSXSAVE;
	if (has(seven.ebx, 7))
		cr4 |= CR4_SMEP;
	if (has(seven.ebx, 20))
		cr4 |= CR4_SMAP;
	if (has(seven.ecx, 2))
		cr4 |= CR4_UMIP;
	CR_WRITE(0, CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	CR_WRITE(4, cr4); /* without PGE: the TLB is emptied, global entries too */
	if (has(one.edx, 13))
		CR_WRITE(4, cr4 | CR4_PGE);
}

void cpu_init_boot(void)
{
	struct cpu *cpu = &cpus[0];

	cpu->apic_id = cpuid(1, 0).ebx >> 24;
	cpu->stack_top = 0;
	cpu->cr3 = CR_READ(3);
	cpu->timer_deadline = UINT64_MAX;
	cpu->online = true;
	cpu_count = 1;
	gdt_init(cpu);
	idt_init();
	idt_load();
	cpu_features_enable();
}
