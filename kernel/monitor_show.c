/* SPDX-License-Identifier: MIT */
/* The monitor's commands that show partitions: list, info, stats, sched. */
#include <stdio.h>
#include <string.h>

#include "arch/x86/interrupts.h"
#include "kernel/exit.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"

typedef unsigned long long ull;

/* --- list --- */

static const char *up(const struct partition *p, char out[MONITOR_TIME])
{
	int state = atomic_load(&p->state);

	if (state != PARTITION_RUNNING && state != PARTITION_PAUSED && state != PARTITION_ENDING)
		return "";
	snprintf(out, MONITOR_TIME, "%llu s", (ull)(tsc_to_ns(rdtsc() - p->start_tsc) / 1000000000));
	return out;
}

enum monitor_verdict monitor_list(struct monitor_job *job)
{
	const struct partition *p = &partitions[job->index];
	char cores[MONITOR_CORES], time[MONITOR_TIME];

	if (!job->steps)
		monitor_print("%-16s %-8s %-10s %10s %-9s %6s %9s", "NAME", "STATE", "CORES", "MEMORY", "POLICY",
		              "STARTS", "UP");
	if (job->index == partition_count)
		return MONITOR_DONE;
	job->index++;
	monitor_print("%-16s %-8s %-10s %6llu KiB %-9s %6u %9s", p->name, partition_state_name(p),
	              monitor_cores(cores, p->config->cpus), (ull)(p->config->memory >> 10),
	              monitor_policies[p->config->sched.policy], p->starts, up(p, time));
	return job->index < partition_count ? MONITOR_MORE : MONITOR_DONE;
}

/* --- info --- */

static void print_vcpu(const struct vcpu *vcpu)
{
	static const char *const states[] = {
		[VCPU_PARKED] = "parked",
		[VCPU_RUNNING] = "running",
		[VCPU_HALTED] = "halted",
		[VCPU_WAIT_SIPI] = "waiting for its start-up IPI",
	};

	monitor_print("vCPU %u: on core %u, %s", vcpu->index, vcpu->cpu->id, states[vcpu->state]);
}

static void print_files(const struct partition *p)
{
	const struct config_partition *c = p->config;

	monitor_print("kernel %s%s%s, %u module%s", c->kernel, c->initrd ? ", initrd " : "", c->initrd ? c->initrd : "",
	              c->module_count, c->module_count == 1 ? "" : "s");
	monitor_print("command line: %.200s", c->cmdline);
}

static void print_place(const struct partition *p)
{
	char cores[MONITOR_CORES], policy[96];

	monitor_policy(policy, sizeof(policy), &p->config->sched);
	monitor_print("cores %s, %s; memory %llu KiB", monitor_cores(cores, p->config->cpus), policy,
	              (ull)(p->config->memory >> 10));
	for (unsigned i = 0; i < p->memory.count && i < MONITOR_LINES - 1; i++)
		monitor_print("memory 0x%llx-0x%llx", (ull)p->memory.ranges[i].gpa,
		              (ull)(p->memory.ranges[i].gpa + p->memory.ranges[i].size - 1));
}

static void print_life(const struct partition *p)
{
	static const char *const policies[] = {
		[RESTART_NEVER] = "never", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always",
	};
	char time[MONITOR_TIME];

	monitor_print("restart %s, autostart %s; %u start%s, %u failure%s in a row%s%s", policies[p->config->restart],
	              p->config->autostart ? "yes" : "no", p->starts, p->starts == 1 ? "" : "s", p->failures,
	              p->failures == 1 ? "" : "s", *up(p, time) ? ", up " : "", up(p, time));
	monitor_print("accesses to nothing %u, to unknown MSRs %u; console output lost: %llu bytes", p->stray_accesses,
	              p->unknown_msrs, (ull)p->console.lost);
}

enum monitor_verdict monitor_info(struct monitor_job *job)
{
	static void (*const parts[])(const struct partition *) = { print_files, print_place, print_life };
	const struct partition *p = job->partition;

	if (!job->steps) {
		monitor_print("%s: partition %u of %u, %s", p->name, p->id + 1, partition_count,
		              partition_state_name(p));
		return p->config->bad ? MONITOR_DONE : MONITOR_MORE;
	}
	if (job->steps <= sizeof(parts) / sizeof(parts[0])) {
		parts[job->steps - 1](p);
		return MONITOR_MORE;
	}
	if (job->index < monitor_vcpus(p))
		print_vcpu(&p->vcpus[job->index++]);
	return job->index < monitor_vcpus(p) ? MONITOR_MORE : MONITOR_DONE;
}

/* --- stats --- */

static void print_times(const struct vcpu *vcpu)
{
	const struct sched_entity *e = &vcpu->sched;
	uint64_t now = rdtsc(), run = monitor_run(e, now), steal = monitor_steal(e, now);
	uint64_t first = vcpu->partition->first_start, all = first && first < now ? now - first : 0;
	uint64_t wait = all > run + steal ? all - run - steal : 0;
	char text[3][MONITOR_TIME];

	monitor_print("%s vCPU %u: run %s, steal %s, wait %s; overruns %llu, throttled %llu, missed %llu",
	              vcpu->partition->name, vcpu->index, monitor_time(text[0], run), monitor_time(text[1], steal),
	              monitor_time(text[2], wait), (ull)e->overruns, (ull)e->throttled, (ull)e->missed);
}

static void print_exit(const struct exit_statistics *s, const char *name)
{
	char mean[MONITOR_TIME], worst[MONITOR_TIME];

	monitor_print("  %-20s %12llu %14s %14s", name, (ull)s->count, monitor_time(mean, s->ticks / s->count),
	              monitor_time(worst, s->worst));
}

/* `sub` is 0 for the vCPU's times, else behind the kind of exit that was shown last. */
static void print_stats(struct monitor_job *job, const struct vcpu *vcpu)
{
	const struct exit_statistics *s = vcpu->exits;

	if (!job->sub++) {
		print_times(vcpu);
		monitor_print("  %-20s %12s %14s %14s", "EXIT", "COUNT", "MEAN", "MAXIMUM");
		return;
	}
	while (job->sub <= EXIT_KINDS && !s[job->sub - 1].count)
		job->sub++;
	if (job->sub <= EXIT_KINDS) {
		print_exit(&s[job->sub - 1], exit_name((enum exit_kind)(job->sub - 1)));
		return;
	}
	job->sub = 0;
	job->index++;
}

static enum monitor_verdict stats_of_all(struct monitor_job *job)
{
	const struct partition *p;

	if (job->index == partition_count)
		return MONITOR_DONE;
	p = &partitions[job->index];
	if (job->sub < monitor_vcpus(p)) {
		print_times(&p->vcpus[job->sub++]);
		return MONITOR_MORE;
	}
	job->sub = 0;
	job->index++;
	return MONITOR_MORE;
}

enum monitor_verdict monitor_stats(struct monitor_job *job)
{
	if (!job->partition)
		return stats_of_all(job);
	if (!monitor_vcpus(job->partition)) {
		monitor_print("%s could not be created: log says why", job->partition->name);
		return MONITOR_DONE;
	}
	print_stats(job, &job->partition->vcpus[job->index]);
	return job->index < monitor_vcpus(job->partition) ? MONITOR_MORE : MONITOR_DONE;
}

/* --- sched --- */

static void print_share(const struct vcpu *vcpu)
{
	static const char *const states[] = {
		[SCHED_ABSENT] = "absent", [SCHED_BLOCKED] = "waiting", [SCHED_READY] = "ready",
		[SCHED_RUNNING] = "on its core", [SCHED_THROTTLED] = "throttled",
	};
	char policy[96];

	monitor_policy(policy, sizeof(policy), &vcpu->partition->config->sched);
	monitor_print("  core %u: %s vCPU %u, %s; %s", vcpu->cpu->id, vcpu->partition->name, vcpu->index, policy,
	              states[vcpu->sched.state]);
	if (vcpu->sched.parameters.policy != SCHED_CYCLIC)
		return;
	for (unsigned i = 0; i < vcpu->partition->config->sched.window_count && i < MONITOR_LINES - 1; i++) {
		const struct config_window *window = &vcpu->partition->config->sched.windows[i];
		char from[MONITOR_TIME], length[MONITOR_TIME];

		monitor_print("    window at %s for %s", monitor_time(from, ns_to_tsc(window->start)),
		              monitor_time(length, ns_to_tsc(window->length)));
	}
}

/* The vCPU of the partition on that core; NULL: none. */
static const struct vcpu *on_core(const struct partition *p, unsigned core)
{
	for (unsigned i = 0; i < monitor_vcpus(p); i++)
		if (p->vcpus[i].cpu->id == core)
			return &p->vcpus[i];
	return NULL;
}

/* `index` is the core, `sub` the partition to look at next; a step looks at a few. */
enum monitor_verdict monitor_sched(struct monitor_job *job)
{
	const struct vcpu *vcpu = NULL;
	unsigned end = job->sub + 16;

	while (!vcpu && job->sub < partition_count && job->sub < end)
		vcpu = on_core(&partitions[job->sub++], job->index);
	if (vcpu) {
		print_share(vcpu);
		job->value++;
	}
	if (job->sub < partition_count)
		return MONITOR_MORE;
	if (!job->value)
		monitor_print("  core %u: nobody's", job->index);
	job->value = job->sub = 0;
	job->index++;
	return job->index < cpu_count ? MONITOR_MORE : MONITOR_DONE;
}
