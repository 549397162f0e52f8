/* SPDX-License-Identifier: MIT */
/*
 * Exceptions while another event is delivered (SDM 6.15, tables 6-4 and 6-5; APM 8.2.9): which become a double fault
 * and which come one after the other; raised by the processor, and by a hypervisor in its place.
 */
#include "guest.h"

#define UNMAPPED 0x100000008000ULL /* nothing is mapped beyond 4 GiB */
#define VECTOR   0x70
#define GATE     2                 /* of a selector error code: it is of the IDT */
#define NOT_PRESENT 0x40

/* The runtime's GDT and a data segment that is not present. */
static void start(void)
{
	static uint64_t table[9];
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer;

	__asm__ volatile("sgdt %0" : "=m"(pointer));
	memcpy(table, (const void *)pointer.base, 8 * sizeof(table[0]));
	table[NOT_PRESENT / 8] = 0x00cf13000000ffff;
	pointer.base = (uint64_t)table;
	pointer.limit = sizeof(table) - 1;
	__asm__ volatile("lgdt %0" : : "m"(pointer));
}

static void divide(void *argument)
{
	__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; div %0"
	                 : : "r"((uint32_t)(uint64_t)argument) : "rax", "rdx");
}

static void undefined(void *argument)
{
	(void)argument;
	__asm__ volatile("ud2");
}

/* Hypervisors offer neither: the processor hands them over, and #UD comes from there. */
static void undefined_emulated(void *argument)
{
	(void)argument;
	__asm__ volatile("rsm");
}

static void protection(void *argument)
{
	*(volatile uint8_t *)((uint64_t)argument | 1ULL << 63) = 0;
}

static void stack(void *argument)
{
	(void)argument;
	__asm__ volatile("mov %0, %%ss" : : "r"(NOT_PRESENT));
}

static void load_ds(void *argument)
{
	__asm__ volatile("mov %0, %%ds" : : "r"((uint32_t)(uint64_t)argument));
}

static void page(void *argument)
{
	(void)argument;
	*(volatile uint8_t *)UNMAPPED = 0;
}

static void breakpoint(void *argument)
{
	(void)argument;
	__asm__ volatile("int3");
}

static void step(void *argument)
{
	(void)argument;
	__asm__ volatile("pushfq; orl $0x100, (%rsp); popfq; nop; nop");
}

static void interrupt_self(void *argument)
{
	(void)argument;
	apic_send(apic_id(), 0x4000 | VECTOR);
	sti();
	__asm__ volatile("nop; nop; nop");
	for (unsigned i = 0; i < 1000; i++)
		pause();
	cli();
}

static const struct {
	const char *name;
	uint8_t vector;
	bool contributory;
	void (*raise)(void *);
	void *argument;
} events[] = {
	{ "#DE", DE, true, divide, NULL },
	{ "#GP", GP, true, protection, NULL },
	{ "#SS", SS, true, stack, NULL },
	{ "#UD", UD, false, undefined, NULL },
	{ "#UD by RSM", UD, false, undefined_emulated, NULL },
	{ "#BP", BP, false, breakpoint, NULL },
	{ "#DB", DB, false, step, NULL },
	{ "an interrupt", VECTOR, false, interrupt_self, NULL },
};

/* Its gate is not present: #NP, which is contributory. */
static void gates(void)
{
	struct fault fault;

	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		uint8_t vector = events[i].vector;
		bool faulted;

		set_gate(vector, false, 0);
		faulted = faults(events[i].raise, events[i].argument, &fault);
		set_gate(vector, true, 0);
		if (events[i].contributory)
			check(faulted && fault.vector == DF && !fault.error, "%s and then #NP are #DF", events[i].name);
		else /* the rest of the error code is not what it should be in QEMU: twice the vector, no EXT */
			check(faulted && fault.vector == NP && fault.error & GATE,
			      "%s and then #NP are #NP", events[i].name);
	}
	set_gate(PF, false, 0);
	check(faults(page, NULL, &fault) && fault.vector == DF && !fault.error, "#PF and then #NP are #DF");
	set_gate(PF, true, 0);
	set_gate(NP, false, 0);
	set_gate(DE, false, 0);
	check(faults(divide, NULL, &fault) && fault.vector == DF, "#DE, #NP and another #NP are #DF");
	set_gate(NP, true, 0);
	set_gate(DE, true, 0);
}

/* Its stack is not mapped. */
static void stacks(void)
{
	struct fault fault;

	set_ist(2, UNMAPPED);
	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		bool faulted;

		set_gate(events[i].vector, true, 2);
		WRITE_CR(2, 0);
		faulted = faults(events[i].raise, events[i].argument, &fault);
		set_gate(events[i].vector, true, 0);
		check(faulted && fault.vector == PF && fault.error == 2 && fault.cr2 - (UNMAPPED - 64) < 64,
		      "%s and then #PF are #PF", events[i].name);
	}
	set_gate(PF, true, 2);
	check(faults(page, NULL, &fault) && fault.vector == DF && !fault.error, "#PF and then #PF are #DF");
	set_gate(PF, true, 0);
	set_ist(2, 1ULL << 63);
	set_gate(DE, true, 2);
	check(faults(divide, NULL, &fault) && fault.vector == DF && !fault.error, "#DE and then #SS are #DF");
	set_gate(DE, true, 0);
}

/* A fault that is mended is forgotten: the event comes again as if for the first time. */
static volatile unsigned mended;

static void mend(struct frame *frame)
{
	(void)frame;
	mended++;
	set_gate(UD, true, 0);
	set_gate(BP, true, 0);
}

static void mending(void)
{
	struct fault fault;

	set_handler(NP, mend);
	set_gate(UD, false, 0);
	check(faults(undefined, NULL, &fault) && fault.vector == UD && mended == 1, "#NP returns, and #UD comes again");
	set_gate(UD, false, 0);
	check(faults(undefined_emulated, NULL, &fault) && fault.vector == UD && mended == 2, "the same by RSM");
	set_gate(BP, false, 0);
	check(faults(breakpoint, NULL, &fault) && fault.vector == BP && mended == 3, "the same by INT3");
	set_handler(NP, NULL);
	check(faults(load_ds, (void *)0x7f8, &fault) && fault.vector == GP && fault.error == 0x7f8,
	      "a selector behind the end of the GDT is an error code");
}

int main(void)
{
	start();
	apic_enable(false);
	gates();
	apic_eoi(); /* the interrupt that was lost is in service still */
	stacks();
	apic_eoi();
	mending();
	return results();
}
