/* SPDX-License-Identifier: MIT */
/* Starts the other processors by INIT and SIPI (SDM 9.4.4). */
#include "runtime.h"

#define TRAMPOLINE 0x8000
#define PROCESSORS 64
#define STACK_SIZE 8192

#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600

#define MADT_ENTRIES    44
#define MADT_LOCAL_APIC 0
#define MADT_X2APIC     9

extern uint32_t processor_next; /* trampoline.S */
extern uint64_t processor_stacks;
uint32_t processor_next = 1;
static uint8_t stacks[PROCESSORS][STACK_SIZE] __attribute__((aligned(16)));
uint64_t processor_stacks = (uint64_t)stacks;
static void (*entry_)(unsigned number);
static volatile uint32_t running = 1;

void processor_start(unsigned number)
{
	load_idt();
	__atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
	entry_(number);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Until one more runs, or so many ticks of the TSC have passed. */
static bool wait_for(uint32_t count, uint64_t ticks)
{
	uint64_t start = rdtsc();

	while (running < count && rdtsc() - start < ticks)
		pause();
	return running >= count;
}

static void start(uint32_t id)
{
	uint32_t count = running + 1;

	apic_send(id, ICR_INIT);
	wait_for(count, 20000000); /* 10 ms at 2 GHz */
	apic_send(id, ICR_SIPI | TRAMPOLINE >> 12);
	if (!wait_for(count, 2000000)) {
		apic_send(id, ICR_SIPI | TRAMPOLINE >> 12);
		wait_for(count, 2000000000);
	}
}

unsigned start_processors(void (*entry)(unsigned number))
{
	const uint8_t *madt = acpi_table("APIC"), *end, *at;
	uint32_t self;

	if (!madt)
		return 1;
	entry_ = entry;
	memcpy((void *)TRAMPOLINE, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	self = apic_id();
	end = madt + *(const uint32_t *)(madt + 4);
	for (at = madt + MADT_ENTRIES; at + 2 <= end && at[1]; at += at[1]) {
		bool x2apic = at[0] == MADT_X2APIC;
		uint32_t id = x2apic ? *(const uint32_t *)(at + 4) : at[3];
		bool enabled = (x2apic ? at[8] : at[4]) & 1;

		if ((x2apic || at[0] == MADT_LOCAL_APIC) && enabled && id != self && running < PROCESSORS)
			start(id);
	}
	return running;
}
