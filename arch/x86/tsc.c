/* SPDX-License-Identifier: MIT */
/* The clock: the TSC, its frequency told by CPUID and measured once against HPET, PM timer or PIT. */
#include <stdbool.h>
#include <stddef.h>

#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/log.h"

#define NS_PER_S 1000000000ULL
#define MEASURE_PER_S 100 /* measure for 1/100 s */
#define SAMPLES 5
#define DISAGREE 50 /* more than 1/50 apart: one of the two is wrong */
#define POLLS_MAX 50000000u /* a counter that stands still must not hang the boot */

/* HPET (IA-PC HPET 1.0a, 2.3) */
#define HPET_PERIOD  0x04 /* femtoseconds per tick */
#define HPET_CONFIG  0x10
#define HPET_COUNTER 0xf0
#define HPET_ENABLE  1u
#define FS_PER_S     1000000000000000ULL
#define HPET_PERIOD_MAX 100000000u

#define PM_TIMER_HZ 3579545u /* ACPI 4.8.3.3 */

/* 8254: channel 2 is gated and read through port 0x61 */
#define PIT_HZ       1193182u
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_PORT_B   0x61
#define PIT_GATE     0x01
#define PIT_SPEAKER  0x02
#define PIT_OUT      0x20

uint64_t tsc_hz;

static const char *source = "nothing";
static uint64_t ns_per_tick, tick_per_ns; /* 32.32 fixed point */

static volatile uint8_t *hpet;

/* A free-running counter to measure against. */
struct reference {
	const char *name;
	bool (*init)(uint64_t *hz, uint64_t *mask);
	uint64_t (*read)(void);
};

static bool hpet_init(uint64_t *hz, uint64_t *mask)
{
	uint32_t period;

	if (!acpi.hpet)
		return false;
	hpet = map_physical(acpi.hpet, PAGE_SIZE, PTAB_UNCACHED);
	if (!hpet)
		return false;
	period = *(volatile uint32_t *)(hpet + HPET_PERIOD);
	if (!period || period > HPET_PERIOD_MAX)
		return false;
	*(volatile uint32_t *)(hpet + HPET_CONFIG) |= HPET_ENABLE;
	*hz = FS_PER_S / period;
	*mask = UINT32_MAX;
	return true;
}

static uint64_t hpet_read(void)
{
	return *(volatile uint32_t *)(hpet + HPET_COUNTER);
}

static bool pm_init(uint64_t *hz, uint64_t *mask)
{
	*hz = PM_TIMER_HZ;
	*mask = acpi.pm_timer_32 ? UINT32_MAX : 0xffffff;
	return acpi.pm_timer.address && acpi.pm_timer.address < 0x10000 && acpi.pm_timer.space == ACPI_IO;
}

static uint64_t pm_read(void)
{
	return inl((uint16_t)acpi.pm_timer.address);
}

static const struct reference references[] = {
	{ "HPET", hpet_init, hpet_read },
	{ "ACPI PM timer", pm_init, pm_read },
};

struct sample {
	uint64_t tsc, counter;
};

/* The closest of several pairs: on a virtual machine anything may happen between reading one and the other. */
static struct sample take_sample(const struct reference *reference)
{
	struct sample best = { 0 };
	uint64_t closest = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t before = rdtsc(), counter = reference->read(), width = rdtsc() - before;

		if (width < closest) {
			closest = width;
			best = (struct sample){ .tsc = before + width / 2, .counter = counter };
		}
	}
	return best;
}

/* TSC ticks per second against a counter of `hz`; 0 when it does not count. */
static uint64_t measure(const struct reference *reference, uint64_t hz, uint64_t mask)
{
	struct sample first = take_sample(reference), last;
	uint64_t want = hz / MEASURE_PER_S, passed = 0;

	for (unsigned polls = 0; passed < want; polls++) {
		if (polls == POLLS_MAX)
			return 0;
		passed = (reference->read() - first.counter) & mask;
	}
	last = take_sample(reference);
	return (last.tsc - first.tsc) * hz / ((last.counter - first.counter) & mask);
}

/* Channel 2 in mode 0 counts down once; its output rises at the end. */
static uint64_t measure_pit(void)
{
	uint16_t count = PIT_HZ / MEASURE_PER_S;
	uint8_t saved = inb(PIT_PORT_B);
	uint64_t first, last;
	unsigned polls = 0;

	outb(PIT_PORT_B, (uint8_t)((saved & ~PIT_SPEAKER) | PIT_GATE));
	outb(PIT_COMMAND, 0xb0); /* channel 2, low then high byte, mode 0 */
	outb(PIT_CHANNEL2, (uint8_t)count);
	outb(PIT_CHANNEL2, (uint8_t)(count >> 8));
	first = rdtsc();
	while (!(inb(PIT_PORT_B) & PIT_OUT) && polls < POLLS_MAX)
		polls++;
	last = rdtsc();
	outb(PIT_PORT_B, saved);
	return polls < POLLS_MAX ? (last - first) * PIT_HZ / count : 0;
}

/* The processor knows (SDM 19.7.3), or the hypervisor below us says so, in kHz. 0: neither. */
static uint64_t told(const char **by)
{
	struct cpuid id;

	if (cpuid(0, 0).eax >= 0x15) {
		id = cpuid(0x15, 0);
		*by = "CPUID 15h";
		if (id.eax && id.ebx && id.ecx)
			return (uint64_t)id.ecx * id.ebx / id.eax;
	}
	if (cpuid(1, 0).ecx & 1u << 31) {
		id = cpuid(0x40000000, 0);
		*by = "CPUID 40000010h";
		if (id.eax >= 0x40000010 && id.eax < 0x40010000)
			return cpuid(0x40000010, 0).eax * 1000ULL;
	}
	return 0;
}

static uint64_t measure_any(void)
{
	uint64_t found = 0, hz, mask;

	for (unsigned i = 0; !found && i < sizeof(references) / sizeof(references[0]); i++) {
		source = references[i].name;
		if (references[i].init(&hz, &mask))
			found = measure(&references[i], hz, mask);
	}
	if (!found) {
		source = "PIT";
		found = measure_pit();
	}
	return found;
}

/* What CPUID tells is exact where it is true; emulators and some firmware tell what another machine would have. */
static uint64_t find_frequency(void)
{
	const char *by;
	uint64_t measured = measure_any(), said = told(&by);
	uint64_t difference = said > measured ? said - measured : measured - said;

	if (!said)
		return measured;
	if (measured && difference > measured / DISAGREE) {
		log_warning(NULL, "%s gives the TSC %llu kHz, the %s %llu kHz: believing the latter", by,
		            (unsigned long long)said / 1000, source, (unsigned long long)measured / 1000);
		return measured;
	}
	source = by;
	return said;
}

static uint64_t ratio(uint64_t a, uint64_t b)
{
	return (a / b << 32) + (a % b << 32) / b;
}

void tsc_init(void)
{
	tsc_hz = find_frequency();
	if (tsc_hz < 1000000 || tsc_hz > UINT32_MAX * 16ULL)
		panic("the TSC's frequency cannot be found (%llu Hz by %s)", (unsigned long long)tsc_hz, source);
	ns_per_tick = ratio(NS_PER_S, tsc_hz);
	tick_per_ns = ratio(tsc_hz, NS_PER_S);
	apic_timer_start();
}

const char *tsc_source(void)
{
	return source;
}

uint64_t tsc_to_ns(uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * ns_per_tick >> 32);
}

uint64_t ns_to_tsc(uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * tick_per_ns >> 32);
}
