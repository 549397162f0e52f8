/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's timer (SDM 11.5.4), set to a TSC value: in TSC-deadline mode by one MSR write, in count-down mode by
 * a multiplication and one register write.
 */
#include "arch/x86/apic.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"

#define CALIBRATIONS 3

static bool tsc_deadline;
static uint64_t counts_per_tick; /* timer counts per TSC tick, 32.32 fixed point; 0: not measured */
static uint64_t longest;         /* TSC ticks that fit in the 32-bit counter */

void apic_timer_enable_core(void)
{
	tsc_deadline = cpuid(1, 0).ecx & 1u << 24;
	if (tsc_deadline) {
		apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
		/* The mode must be there before the first write of the deadline (SDM 11.5.4.1). */
		__asm__ volatile("mfence" : : : "memory");
	} else {
		apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
		apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	}
	this_cpu()->timer_deadline = UINT64_MAX;
}

static void set_count(uint64_t deadline)
{
	uint64_t now = rdtsc(), ticks = deadline > now ? deadline - now : 0, count;

	if (ticks >= longest)
		count = UINT32_MAX; /* fires early: whoever waits looks at the clock and sets it again */
	else
		count = (ticks * counts_per_tick >> 32) + 1; /* rounded up: never early; 0 would stop the timer */
	apic_write(APIC_TIMER_INITIAL, (uint32_t)count);
}

void apic_timer_program(uint64_t deadline)
{
	this_cpu()->timer_deadline = deadline;
	if (tsc_deadline)
		wrmsr(IA32_TSC_DEADLINE, deadline == UINT64_MAX ? 0 : deadline + !deadline);
	else if (deadline == UINT64_MAX)
		apic_write(APIC_TIMER_INITIAL, 0);
	else
		set_count(deadline);
}

/* Counts per TSC tick over one millisecond, 32.32. */
static uint64_t measure(void)
{
	uint64_t start, ticks, wait = tsc_hz / 1000;
	uint32_t counts;

	apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
	start = rdtsc();
	while (rdtsc() - start < wait)
		cpu_pause();
	counts = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
	ticks = rdtsc() - start;
	return ((uint64_t)counts << 32) / ticks;
}

/* The median of three: on a virtual machine one of them may have been interrupted between counter and TSC. */
void apic_timer_start(void)
{
	uint64_t m[CALIBRATIONS], low, high;

	if (tsc_deadline)
		return;
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	for (unsigned i = 0; i < CALIBRATIONS; i++)
		m[i] = measure();
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	low = m[0] < m[1] ? m[0] : m[1];
	high = m[0] < m[1] ? m[1] : m[0];
	counts_per_tick = m[2] < low ? low : m[2] > high ? high : m[2];
	if (!counts_per_tick)
		panic("the local APIC's timer does not count");
	/* Both the counter and the product with 64 bits bound it. */
	longest = ((uint64_t)UINT32_MAX << 32) / counts_per_tick;
	if (longest > UINT64_MAX / counts_per_tick)
		longest = UINT64_MAX / counts_per_tick;
}
