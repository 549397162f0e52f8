/* SPDX-License-Identifier: MIT */
/*
 * The monitor's command trace. What `dump` prints is for `bulkhead trace` on another machine: a line each, that begins
 * with "trace: ", so that it is found in whatever a terminal has captured.
 */
#include <string.h>

#include "arch/x86/interrupts.h"
#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"
#include "kernel/trace.h"

#define FORMAT 1
#define USUAL  200 /* records of each core */

typedef unsigned long long ull;

static const char *const kinds[TRACE_KINDS] = {
	[TRACE_RUN] = "run",       [TRACE_LEAVE] = "leave", [TRACE_ENTER] = "enter",     [TRACE_EXIT] = "exit",
	[TRACE_INJECT] = "inject", [TRACE_WAKE] = "wake",   [TRACE_OVERRUN] = "overrun",
};

/* The parts of a dump: job->index says which, job->sub where in it. */
enum { HEADER, PARTITIONS, EXITS, RECORDS, END };

static enum monitor_verdict next_part(struct monitor_job *job)
{
	job->index++;
	job->sub = 0;
	return MONITOR_MORE;
}

static enum monitor_verdict print_partition(struct monitor_job *job)
{
	if (job->sub == partition_count)
		return next_part(job);
	monitor_print("trace: partition %u %s", job->sub, partitions[job->sub].name);
	job->sub++;
	return MONITOR_MORE;
}

static enum monitor_verdict print_exit(struct monitor_job *job)
{
	if (job->sub == EXIT_KINDS)
		return next_part(job);
	monitor_print("trace: exit %u %s", job->sub, exit_name((enum exit_kind)job->sub));
	job->sub++;
	return MONITOR_MORE;
}

/* How many of a core are printed; `deadline` is the most. */
static uint64_t printed(const struct monitor_job *job, unsigned core)
{
	uint64_t count = trace_count(core);

	return count < job->deadline ? count : job->deadline;
}

/* job->sub is the core, job->value how many of its records have been printed. */
static enum monitor_verdict print_record(struct monitor_job *job)
{
	struct trace_record r;

	while (job->sub < CPU_MAX && job->value == printed(job, job->sub)) {
		job->sub++;
		job->value = 0;
	}
	if (job->sub == CPU_MAX)
		return next_part(job);
	r = trace_get(job->sub, trace_count(job->sub) - printed(job, job->sub) + job->value++);
	monitor_print("trace: r %u %llx %u %u %s %u", job->sub, (ull)r.tsc, r.partition, r.vcpu, kinds[r.kind], r.argument);
	return MONITOR_MORE;
}

static enum monitor_verdict print_end(const struct monitor_job *job)
{
	uint64_t all = 0, shown = 0;

	for (unsigned core = 0; core < CPU_MAX; core++) {
		all += trace_count(core);
		shown += printed(job, core);
	}
	monitor_print("trace: end %llu lost %llu", (ull)shown, (ull)(all - shown));
	return MONITOR_DONE;
}

/* Records that would change while they are printed are of no use: it is switched off first. */
static enum monitor_verdict dump(struct monitor_job *job)
{
	if (!job->steps) {
		trace_stop();
		job->deadline = USUAL;
		if (job->count > 2 && !monitor_take_number(job->words[2], &job->deadline))
			return MONITOR_DONE;
		if (job->deadline > TRACE_RECORDS)
			job->deadline = TRACE_RECORDS;
		return MONITOR_MORE;
	}
	switch (job->index) {
	case HEADER:
		monitor_print("trace: %u hz %llu", FORMAT, (ull)tsc_hz);
		return next_part(job);
	case PARTITIONS:
		return print_partition(job);
	case EXITS:
		return print_exit(job);
	case RECORDS:
		return print_record(job);
	default:
		return print_end(job);
	}
}

enum monitor_verdict monitor_trace(struct monitor_job *job)
{
	const char *word = job->words[1];

	if (!strcmp(word, "dump"))
		return dump(job);
	if (!strcmp(word, "on")) {
		monitor_print(trace_start() ? "no memory for the rings" : "the trace is on; trace dump shows it");
	} else if (!strcmp(word, "off")) {
		trace_stop();
		monitor_print("the trace is off");
	} else {
		monitor_print("it is trace on, trace off or trace dump [COUNT]");
	}
	return MONITOR_DONE;
}
