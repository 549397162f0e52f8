/* SPDX-License-Identifier: MIT */
/* The monitor's command top: who used the cores during the last second. */
#include <string.h>

#include "arch/x86/interrupts.h"
#include "kernel/mem.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"

#define SHOWN 16     /* partitions */
#define STEP 8       /* partitions that one step looks at */
#define HOME_AND_CLEAR "\x1b[H\x1b[J"

typedef unsigned long long ull;

/* What was seen of a partition at the end of the last second, and what it did in it. */
struct sample {
	uint64_t run, steal, exits;
	uint64_t ran, stolen, exited;
};

static struct sample *samples; /* of each partition, from the first use on */
static unsigned shown[SHOWN], shown_count; /* the busiest ones */
static uint64_t last, elapsed; /* ticks */

enum { SAMPLE, PRINT, REST }; /* job->sub */

static void take(unsigned number, uint64_t now)
{
	const struct partition *p = &partitions[number];
	struct sample *s = &samples[number], sum = { 0 };
	unsigned i, kind;

	for (i = 0; i < monitor_vcpus(p); i++) {
		sum.run += monitor_run(&p->vcpus[i].sched, now);
		sum.steal += monitor_steal(&p->vcpus[i].sched, now);
		for (kind = 0; kind < EXIT_KINDS; kind++)
			sum.exits += p->vcpus[i].exits[kind].count;
	}
	/* What was read while a core changed it may be less than before. */
	sum.ran = sum.run > s->run ? sum.run - s->run : 0;
	sum.stolen = sum.steal > s->steal ? sum.steal - s->steal : 0;
	sum.exited = sum.exits - s->exits;
	*s = sum;
}

/* Into its place among those that are shown. */
static void rank(unsigned number)
{
	unsigned at = shown_count < SHOWN ? shown_count++ : SHOWN;

	while (at > 0 && samples[shown[at - 1]].ran < samples[number].ran) {
		if (at < SHOWN)
			shown[at] = shown[at - 1];
		at--;
	}
	if (at < SHOWN)
		shown[at] = number;
}

/* Tenths of a per cent of one core. */
static ull share(uint64_t ticks)
{
	return elapsed ? ticks * 1000 / elapsed : 0;
}

static void print_one(unsigned number)
{
	const struct sample *s = &samples[number];

	monitor_print("%-16s %-8s %6llu.%llu %6llu.%llu %12llu", partitions[number].name,
	              partition_state_name(&partitions[number]), share(s->ran) / 10, share(s->ran) % 10,
	              share(s->stolen) / 10, share(s->stolen) % 10,
	              elapsed ? (ull)(s->exited * tsc_hz / elapsed) : 0);
}

static void begin_round(struct monitor_job *job)
{
	uint64_t now = rdtsc();

	elapsed = last ? now - last : 0;
	last = now;
	shown_count = 0;
	job->index = 0;
	job->sub = SAMPLE;
}

static void sample(struct monitor_job *job)
{
	unsigned end = job->index + STEP < partition_count ? job->index + STEP : partition_count;

	for (; job->index < end; job->index++) {
		take(job->index, rdtsc());
		rank(job->index);
	}
	if (job->index < partition_count)
		return;
	job->index = 0;
	/* The first round shows nothing: there is no second before it. */
	job->sub = elapsed ? PRINT : REST;
	job->deadline = last + tsc_hz;
	if (elapsed)
		monitor_print(HOME_AND_CLEAR "%-16s %-8s %8s %8s %12s", "NAME", "STATE", "CPU %", "STEAL %", "EXITS/S");
}

static void print(struct monitor_job *job)
{
	if (job->index < shown_count) {
		print_one(shown[job->index++]);
		return;
	}
	job->sub = REST;
	monitor_print("any key ends this");
}

enum monitor_verdict monitor_top(struct monitor_job *job)
{
	if (!job->steps) {
		if (!samples)
			samples = mem_alloc((partition_count + 1) * sizeof(*samples));
		if (!samples) {
			monitor_print("no memory for %u partitions", partition_count);
			return MONITOR_DONE;
		}
		last = 0;
		begin_round(job);
		monitor_print("one second, please; any key ends this");
	}
	if (monitor_take_key())
		return MONITOR_DONE;
	if (job->sub == SAMPLE) {
		sample(job);
	} else if (job->sub == PRINT) {
		print(job);
	} else if (rdtsc() < job->deadline) {
		job->wake = job->deadline;
	} else {
		begin_round(job);
	}
	return MONITOR_MORE;
}
