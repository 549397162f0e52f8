/* SPDX-License-Identifier: MIT */
/* How the monitor writes times, cores and shares. */
#include <stdio.h>

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"

const char *const monitor_policies[] = {
	[SCHED_DEDICATED] = "dedicated",
	[SCHED_CYCLIC] = "cyclic",
	[SCHED_RT] = "rt",
	[SCHED_FAIR] = "fair",
};

const char *monitor_time(char out[MONITOR_TIME], uint64_t ticks)
{
	static const char *const units[] = { "ns", "us", "ms" };
	uint64_t ns = tsc_to_ns(ticks), scale = 1;
	unsigned i;

	for (i = 0; i < 3 && ns / scale >= 1000; i++)
		scale *= 1000;
	snprintf(out, MONITOR_TIME, "%llu.%03llu %s", (unsigned long long)(ns / scale),
	         (unsigned long long)(ns % scale * 1000 / scale), i < 3 ? units[i] : "s");
	return out;
}

const char *monitor_cores(char out[MONITOR_CORES], uint64_t mask)
{
	unsigned from, to;
	size_t used = 0;

	out[0] = '\0';
	for (from = 0; from < CONFIG_CPUS; from = to + 1) {
		to = from;
		if (!(mask >> from & 1))
			continue;
		while (to + 1 < CONFIG_CPUS && mask >> (to + 1) & 1)
			to++;
		if (used + 8 > MONITOR_CORES)
			break;
		used += (size_t)snprintf(out + used, MONITOR_CORES - used, to > from ? "%s%u-%u" : "%s%u",
		                         used ? "," : "", from, to);
	}
	return out;
}

static void policy_of_rt(char *out, size_t size, const struct config_sched *sched)
{
	char budget[MONITOR_TIME], period[MONITOR_TIME];

	snprintf(out, size, "rt budget %s, period %s", monitor_time(budget, ns_to_tsc(sched->budget)),
	         monitor_time(period, ns_to_tsc(sched->period)));
}

void monitor_policy(char *out, size_t size, const struct config_sched *sched)
{
	char frame[MONITOR_TIME];

	if (sched->policy == SCHED_RT)
		policy_of_rt(out, size, sched);
	else if (sched->policy == SCHED_CYCLIC)
		snprintf(out, size, "cyclic, %u window%s in a frame of %s", sched->window_count,
		         sched->window_count == 1 ? "" : "s", monitor_time(frame, ns_to_tsc(sched->frame)));
	else if (sched->policy == SCHED_FAIR && sched->cap)
		snprintf(out, size, "fair weight %u, cap %u %%", sched->weight, sched->cap);
	else if (sched->policy == SCHED_FAIR)
		snprintf(out, size, "fair weight %u", sched->weight);
	else
		snprintf(out, size, "dedicated");
}

unsigned monitor_vcpus(const struct partition *partition)
{
	return partition->vcpus ? partition->vcpu_count : 0;
}

/* Its core may be changing these: a moment that has not come yet is none. */
static uint64_t since(uint64_t then, uint64_t now)
{
	return then && then < now ? now - then : 0;
}

uint64_t monitor_run(const struct sched_entity *entity, uint64_t now)
{
	const struct sched *sched = entity->sched;

	return entity->run + (entity->state == SCHED_RUNNING && sched ? since(sched->since, now) : 0);
}

uint64_t monitor_steal(const struct sched_entity *entity, uint64_t now)
{
	return entity->waited + (entity->state == SCHED_READY ? since(entity->since, now) : 0);
}
