/* SPDX-License-Identifier: MIT */
/* Start of the other cores by INIT and start-up IPIs (SDM 9.4.4, APM 2 15.27.8), one after the other. */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/boot_files.h"
#include "kernel/log.h"
#include "kernel/mem.h"

#define INIT_US     10000  /* from INIT to the first start-up IPI */
#define STARTUP_US  200    /* to the second one, when the first was not enough */
#define ANSWER_US   100000 /* then a core is given up */

/* Low memory: the code, and a top table with two below it that map the first 2 MiB to themselves. */
enum { PAGE_CODE, PAGE_PML4, PAGE_PDPT, PAGE_PD };

#define TABLE_ENTRY 0x03 /* present, writable */
#define LARGE_LEAF  0x83

/* What trampoline.S finds behind trampoline_parameters. */
struct trampoline {
	uint64_t stack;
	uint64_t core;
	uint64_t kernel_cr3;
	uint32_t top_table;
	uint32_t far_offset;
	uint16_t far_selector, far_reserved;
	uint16_t gdt_limit;
	uint32_t gdt_base;
} __attribute__((packed));

extern const uint8_t trampoline_start[], trampoline_parameters[], trampoline_end[];

static uint8_t *low;           /* MEM_LOW_PAGES pages */
static uint64_t low_phys;
static volatile struct trampoline *parameters;
static void (*core_entry)(void);

/*
 * Sleeps until `us` have passed or the core is online (NULL: only time counts). Halted, not spinning: in an emulator
 * with one thread, and beside a hyper-threaded sibling, a spinning core takes the time that the other needs.
 */
static bool wait_online(const struct cpu *cpu, uint64_t us)
{
	uint64_t end = rdtsc() + ns_to_tsc(us * 1000);

	interrupts_off();
	while (!cpu || !__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (rdtsc() >= end)
			return false;
		apic_timer_set(end);
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	}
	apic_timer_set(UINT64_MAX);
	return true;
}

static uint64_t *low_table(unsigned page)
{
	return (uint64_t *)(low + page * PAGE_SIZE);
}

static bool make_trampoline(void)
{
	low_phys = mem_low_pages();
	if (!low_phys) {
		log_warning(NULL, "no free memory below 640 KiB to start other cores from: going on with one");
		return false;
	}
	low = map_physical(low_phys, MEM_LOW_PAGES * PAGE_SIZE, PTAB_WRITE);
	if (!low)
		return false;
	memset(low, 0, MEM_LOW_PAGES * PAGE_SIZE);
	memcpy(low, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	paging_copy_kernel(low_table(PAGE_PML4));
	low_table(PAGE_PML4)[0] = (low_phys + PAGE_PDPT * PAGE_SIZE) | TABLE_ENTRY;
	low_table(PAGE_PDPT)[0] = (low_phys + PAGE_PD * PAGE_SIZE) | TABLE_ENTRY;
	low_table(PAGE_PD)[0] = LARGE_LEAF;
	parameters = (volatile struct trampoline *)(low + (trampoline_parameters - trampoline_start));
	parameters->kernel_cr3 = paging_kernel_cr3();
	parameters->top_table = (uint32_t)low_phys + PAGE_PML4 * PAGE_SIZE;
	parameters->far_offset += (uint32_t)low_phys;
	parameters->gdt_base += (uint32_t)low_phys;
	return true;
}

void smp_core_entry(struct cpu *cpu)
{
	gdt_init(cpu);
	idt_load();
	cpu_features_enable();
	apic_enable_core();
	cpu->cr3 = paging_kernel_cr3();
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	cpu_kick(&cpus[0]); /* it sleeps in wait_online() */
	core_entry();
	panic("core %u has nothing to do", cpu->id);
}

/* Stacks are made once for each slot: the next core takes over those of one that did not answer. */
static bool prepare(struct cpu *cpu, unsigned id, uint32_t apic_id)
{
	if (!cpu->stack_top) {
		cpu->stack_top = stack_create(cpu);
		if (!cpu->stack_top || gdt_create(cpu))
			return false;
	}
	cpu->id = id;
	cpu->apic_id = apic_id;
	cpu->timer_deadline = UINT64_MAX;
	return true;
}

static bool start(struct cpu *cpu)
{
	uint32_t command = ICR_STARTUP | ICR_ASSERT | (uint32_t)(low_phys >> 12);

	parameters->core = (uint64_t)cpu;
	__atomic_store_n(&parameters->stack, cpu->stack_top, __ATOMIC_RELEASE);
	apic_send(cpu->apic_id, command);
	if (wait_online(cpu, STARTUP_US))
		return true;
	/* A slow core may have the first one still before it: it ignores the second when it runs. */
	apic_send(cpu->apic_id, command);
	if (wait_online(cpu, ANSWER_US))
		return true;
	apic_send(cpu->apic_id, ICR_INIT | ICR_ASSERT); /* so that it does not come to life later */
	__atomic_store_n(&parameters->stack, 0, __ATOMIC_RELEASE);
	return false;
}

/* The other cores by the MADT, or else by the boot loader. */
static unsigned candidates(uint32_t *ids)
{
	const struct bootinfo *boot = boot_info();
	uint32_t self = this_cpu()->apic_id;
	unsigned n = 0, i;

	for (i = 0; acpi.present && i < acpi.cpu_count && n < ACPI_CPUS; i++)
		if (acpi.cpus[i].enabled && acpi.cpus[i].apic_id != self)
			ids[n++] = acpi.cpus[i].apic_id;
	for (i = 0; !acpi.present && i < boot->cpu_count && i < BOOTINFO_CPUS; i++)
		if (boot->cpus[i] != self)
			ids[n++] = boot->cpus[i];
	return n;
}

static bool reachable(uint32_t apic_id)
{
	if (apic_is_x2apic() || apic_id < 0xff)
		return true;
	log_warning(NULL, "core with APIC ID %u left out: it needs x2APIC mode, which the processor does not have",
	            apic_id);
	return false;
}

static void start_all(const uint32_t *ids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (reachable(ids[i]))
			apic_send(ids[i], ICR_INIT | ICR_ASSERT);
	wait_online(NULL, INIT_US);
	for (unsigned i = 0; i < count; i++) {
		struct cpu *cpu = &cpus[cpu_count];

		if (cpu_count == CPU_MAX) {
			log_warning(NULL, "cores beyond the first %u left out", CPU_MAX);
			break;
		}
		if (!reachable(ids[i]))
			continue;
		if (!prepare(cpu, cpu_count, ids[i])) {
			log_error(NULL, "no memory for the stacks of core %u", cpu_count);
			break;
		}
		if (start(cpu))
			cpu_count++;
		else
			log_error(NULL, "core with APIC ID %u does not answer: left out", ids[i]);
	}
}

void smp_start(void (*entry)(void))
{
	static uint32_t ids[ACPI_CPUS];
	unsigned count = candidates(ids);

	core_entry = entry;
	if (!count || !make_trampoline())
		return;
	start_all(ids, count);
	unmap_physical(low, MEM_LOW_PAGES * PAGE_SIZE);
}
