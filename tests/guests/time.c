/* SPDX-License-Identifier: MIT */
/*
 * Clocks and the interrupts that they raise, each against the TSC: PIT by the 8259 pair and by the I/O APIC, RTC, local
 * APIC timer in its three modes, PM timer; and the TSC of several processors against each other.
 */
#include "guest.h"

#define PIT_HZ   1193182ULL
#define PM_HZ    3579545ULL
#define RTC_HZ   64
#define VECTOR   0x70
#define LVT_TIMER 0x320
#define INITIAL   0x380
#define CURRENT   0x390
#define DIVIDE    0x3e0
#define PERIODIC  (1u << 17)
#define DEADLINE  (2u << 17)
#define MASKED    (1u << 16)

static volatile unsigned ticks;
static volatile uint64_t last;
static uint64_t tsc_hz;

static void on_pic(struct frame *frame)
{
	last = rdtsc();
	ticks++;
	pic_eoi((unsigned)frame->vector - 0x20);
}

static void on_rtc(struct frame *frame)
{
	last = rdtsc();
	ticks++;
	out8(0x70, 0xc);
	in8(0x71);
	pic_eoi((unsigned)frame->vector - 0x20);
}

static void on_apic(struct frame *frame)
{
	(void)frame;
	last = rdtsc();
	ticks++;
	apic_eoi();
}

/* Ticks of the TSC from the first interrupt to the one `count` later. */
static uint64_t measure(unsigned count)
{
	uint64_t first;

	ticks = 0;
	while (!ticks)
		sti_hlt();
	first = last;
	while (ticks <= count)
		sti_hlt();
	return last - first;
}

/* Within a quarter: only rates that are wrong by a factor are of interest. */
static bool is_near(uint64_t value, uint64_t wanted)
{
	return value > wanted * 3 / 4 && value < wanted * 5 / 4;
}

/* `count` periods take so many ticks of the TSC. A busy machine may keep this one waiting, but hardly ten times. */
static bool takes(unsigned count, uint64_t wanted)
{
	for (unsigned i = 0; i < 10; i++)
		if (is_near(measure(count), wanted))
			return true;
	return false;
}

static uint32_t pm_timer(void)
{
	const uint8_t *fadt = acpi_table("FACP");
	uint32_t port;

	memcpy(&port, fadt + 76, 4);
	return in32((uint16_t)port) & 0xffffff;
}

/* The TSC's frequency by the PM timer; CPUID tells it, too. */
static void calibrate(void)
{
	uint32_t start = pm_timer(), now, id[4];
	uint64_t tsc = rdtsc();

	do
		now = pm_timer();
	while (((now - start) & 0xffffff) < PM_HZ / 5);
	tsc_hz = (rdtsc() - tsc) * PM_HZ / ((now - start) & 0xffffff);
	check(tsc_hz > PM_HZ, "the TSC runs at %lu MHz by the PM timer", tsc_hz / 1000000);
	cpuid(0x40000000, 0, id);
	if (id[0] >= 0x40000010 && !memcmp(&id[1], "Bulk", 4)) {
		cpuid(0x40000010, 0, id);
		check(is_near(id[0] * 1000ULL, tsc_hz), "CPUID says so, too: %u kHz", id[0]);
	}
}

static void pit(void)
{
	set_handler(0x20, on_pic);
	pit_periodic(PIT_HZ / 200);
	pic_init(0x20, 0xfffe);
	check(takes(40, tsc_hz / 5), "PIT, through the 8259 pair");
	pic_init(0x20, 0xffff);
	apic_enable(false);
	set_handler(VECTOR, on_apic);
	ioapic_route(2, VECTOR, apic_id(), false);
	check(takes(40, tsc_hz / 5), "PIT, through the I/O APIC");
	ioapic_route(2, 0, 0x10000, false);
	out8(0x43, 0x30); /* mode 0 without a count: silence */
}

static void rtc(void)
{
	set_handler(0x28, on_rtc);
	out8(0x70, 0xa);
	out8(0x71, 0x2a); /* 32,768 Hz divided by 2^9 */
	out8(0x70, 0xb);
	out8(0x71, 0x42); /* periodic interrupt, 24 hours */
	pic_init(0x20, (uint16_t)~(1u << 8 | 1u << 2));
	out8(0x70, 0xc); /* lowers the line: what rose before the 8259 was ready makes no edge any more */
	in8(0x71);
	check(takes(RTC_HZ / 4, tsc_hz / 4), "RTC at 64 Hz");
	out8(0x70, 0xb);
	out8(0x71, 2);
	pic_init(0x20, 0xffff);
}

static void apic_timer(void)
{
	uint64_t start, hz;
	uint32_t id[4];

	set_handler(VECTOR, on_apic);
	apic_write(DIVIDE, 0xb); /* by 1 */
	apic_write(LVT_TIMER, MASKED);
	apic_write(INITIAL, 0xffffffff);
	start = rdtsc();
	while (rdtsc() - start < tsc_hz / 50)
		pause();
	hz = 0xffffffff - apic_read(CURRENT);
	hz = hz * tsc_hz / (rdtsc() - start);
	check(hz > tsc_hz / 1000, "the local APIC's timer counts at %lu kHz", hz / 1000);
	apic_write(LVT_TIMER, PERIODIC | VECTOR);
	apic_write(INITIAL, (uint32_t)(hz / 200));
	check(takes(40, tsc_hz / 5), "periodic");
	apic_write(LVT_TIMER, MASKED);
	__asm__ volatile("sti; nop; nop; cli" : : : "memory"); /* a last one may wait */
	apic_write(LVT_TIMER, VECTOR);
	ticks = 0;
	start = rdtsc();
	apic_write(INITIAL, (uint32_t)(hz / 20));
	while (!ticks)
		sti_hlt();
	check(last - start > tsc_hz / 25, "once");
	check(!apic_read(CURRENT), "and then it stands at 0");
	cpuid(1, 0, id);
	if (!(id[2] & 1u << 24)) {
		print("no TSC-deadline mode\n");
		return;
	}
	apic_write(LVT_TIMER, DEADLINE | VECTOR);
	ticks = 0;
	start = rdtsc() + tsc_hz / 50;
	wrmsr(0x6e0, start);
	while (!ticks)
		sti_hlt();
	check(last >= start, "at a TSC deadline, not before it");
	check(!rdmsr(0x6e0), "which is then disarmed");
}

static volatile uint64_t newest;
static volatile unsigned backward, turns;

/* Each reads the TSC and compares it with what any had read before. */
static void compare(unsigned number)
{
	(void)number;
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t before = __atomic_load_n(&newest, __ATOMIC_SEQ_CST), now = rdtsc();

		if (now < before)
			__atomic_fetch_add(&backward, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&newest, now, __ATOMIC_SEQ_CST);
	}
	__atomic_fetch_add(&turns, 1, __ATOMIC_SEQ_CST);
}

int main(void)
{
	unsigned count;

	calibrate();
	pit();
	rtc();
	apic_timer();
	count = start_processors(compare);
	compare(0);
	while (turns < count)
		pause();
	check(!backward, "the TSC never runs backward, seen by %u processors", count);
	return results();
}
