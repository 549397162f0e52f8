/* SPDX-License-Identifier: MIT */
/*
 * A small real-time kernel: a timer of 1 kHz releases three periodic tasks, and a task with a shorter period preempts
 * one with a longer one, on one stack. It measures its own release jitter (from the time asked of the timer to the
 * handler's first instructions) and counts what came too late. The number at the end of the command line is how many
 * milliseconds it runs; the word "measure" leaves it to the reader to judge the figures.
 */
#include "guest.h"

#define IA32_TSC_DEADLINE 0x6e0
#define VECTOR            0x40
#define LVT_TIMER         0x320
#define LVT_DEADLINE_MODE (2u << 17)
#define LEAF_TIMING       0x40000010 /* EAX: kHz of the TSC */
#define HZ                1000
#define TASKS             3
#define SETTLING          20         /* releases that are not measured: partitions may still be starting */
#define BUCKETS           24         /* powers of two of nanoseconds */

static struct task {
	const char *name;
	unsigned period;              /* ticks of the timer */
	unsigned work;                /* rounds of a computation */
	bool pending;
	unsigned runs, overruns;      /* an overrun: released again before it was done */
	uint64_t released, worst;     /* TSC; from release to completion */
	uint32_t value;
} tasks[TASKS] = {
	{ .name = "control", .period = 1, .work = 200 },
	{ .name = "filter", .period = 5, .work = 2000 },
	{ .name = "logger", .period = 20, .work = 20000 },
};

static unsigned running = TASKS;      /* index of the task that runs, which is its priority; TASKS: none */
static uint64_t tsc_hz, period, next; /* TSC ticks; the next release */
static unsigned ticks, late;          /* late: the timer came after the release that follows */
static uint64_t least = UINT64_MAX, most, sum;
static unsigned histogram[BUCKETS];

static uint64_t nanoseconds(uint64_t count)
{
	return count * 1000 / (tsc_hz / 1000000);
}

static void record(uint64_t delay)
{
	uint64_t ns = nanoseconds(delay);
	unsigned bucket = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	least = delay < least ? delay : least;
	most = delay > most ? delay : most;
	sum += delay;
	histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static void release(void)
{
	for (unsigned i = 0; i < TASKS; i++) {
		if (ticks % tasks[i].period)
			continue;
		if (tasks[i].pending || i == running)
			tasks[i].overruns++;
		tasks[i].pending = true;
		tasks[i].released = next;
	}
}

static void work(struct task *task)
{
	uint32_t value = task->value + 1;

	for (unsigned i = 0; i < task->work; i++)
		value = value * 1664525 + 1013904223;
	task->value = value;
}

/* All that waits and is more urgent than what the timer interrupted. Interrupts are off but while a task works. */
static void dispatch(void)
{
	unsigned interrupted = running;

	for (unsigned i = 0; i < interrupted; i++) {
		uint64_t released = tasks[i].released, took;

		if (!tasks[i].pending)
			continue;
		tasks[i].pending = false;
		running = i;
		sti();
		work(&tasks[i]);
		cli();
		took = rdtsc() - released;
		if (took > tasks[i].worst)
			tasks[i].worst = took;
		tasks[i].runs++;
	}
	running = interrupted;
}

static void on_timer(struct frame *frame)
{
	uint64_t now = rdtsc();

	(void)frame;
	if (ticks >= SETTLING)
		record(now - next);
	ticks++;
	release();
	for (next += period; next <= now; next += period, ticks++)
		late++;
	wrmsr(IA32_TSC_DEADLINE, next);
	apic_eoi();
	dispatch();
}

static void report(void)
{
	print("release jitter of %u releases: least %lu ns, mean %lu ns, worst %lu ns (%lu ticks of the TSC)\n",
	      ticks - SETTLING, nanoseconds(least), nanoseconds(sum / (ticks - SETTLING)), nanoseconds(most), most);
	for (unsigned i = 0; i < BUCKETS; i++)
		if (histogram[i])
			print("  below %8lu ns: %u\n", 1UL << i, histogram[i]);
	for (unsigned i = 0; i < TASKS; i++)
		print("task %s: every %u ms, %u runs, worst response %lu ns, %u overruns\n", tasks[i].name, tasks[i].period,
		      tasks[i].runs, nanoseconds(tasks[i].worst), tasks[i].overruns);
}

int main(void)
{
	unsigned total = command_number(1000), overruns = 0;
	uint32_t id[4];

	cpuid(LEAF_TIMING, 0, id);
	if (!check(id[0] > 1000, "the TSC's frequency is told"))
		return results();
	tsc_hz = id[0] * 1000ULL;
	period = tsc_hz / HZ;
	set_handler(VECTOR, on_timer);
	apic_enable(true);
	apic_write(LVT_TIMER, LVT_DEADLINE_MODE | VECTOR);
	print("rt: three tasks, %u Hz, TSC %lu MHz\n", HZ, tsc_hz / 1000000);
	next = rdtsc() + period;
	wrmsr(IA32_TSC_DEADLINE, next);
	while (ticks < total)
		sti_hlt();
	apic_write(LVT_TIMER, 1u << 16);
	report();
	for (unsigned i = 0; i < TASKS; i++)
		overruns += tasks[i].overruns;
	if (!strstr(command_line(), "measure")) {
		check(!late, "no release was missed (%u)", late);
		check(!overruns, "no task overran (%u)", overruns);
	}
	for (unsigned i = 0; i < TASKS; i++)
		check(tasks[i].runs + tasks[i].overruns + late >= total / tasks[i].period - 1, "%s ran when it was due",
		      tasks[i].name);
	return results();
}
