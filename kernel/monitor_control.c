/* SPDX-License-Identifier: MIT */
/* The monitor's commands that change what a partition does: they ask, look again later, and say what came of it. */
#include "arch/x86/interrupts.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "kernel/monitor_command.h"
#include "kernel/partition.h"

#define LOOK_NS 1000000     /* from one look at the partition to the next */
#define PATIENCE_S 10       /* after that the operator is told how it stands */

/* What to say where a command means nothing, by the partition's state; NULL: it means something. */
static const char *const not_paused[] = {
	[PARTITION_OFF] = "is off",
	[PARTITION_STARTING] = "is starting: pause it when it runs",
	[PARTITION_ENDING] = "is ending",
	[PARTITION_PAUSED] = "is paused already",
	[PARTITION_REFUSED] = "could not be created: log says why",
};
static const char *const not_resumed[] = {
	[PARTITION_OFF] = "is off: start starts it",
	[PARTITION_STARTING] = "is starting",
	[PARTITION_RUNNING] = "is running, not paused",
	[PARTITION_ENDING] = "is ending",
	[PARTITION_REFUSED] = "could not be created: log says why",
};
static const char *const not_stopped[] = {
	[PARTITION_OFF] = "is off already",
	[PARTITION_REFUSED] = "could not be created: log says why",
};
static const char *const not_started[] = {
	[PARTITION_STARTING] = "is starting already",
	[PARTITION_RUNNING] = "is running already; reset starts it anew",
	[PARTITION_ENDING] = "is ending: wait until it is off",
	[PARTITION_PAUSED] = "is paused: resume lets it go on, reset starts it anew",
	[PARTITION_REFUSED] = "could not be created: log says why",
};
static const char *const not_reset[] = {
	[PARTITION_OFF] = "is off: start starts it",
	[PARTITION_STARTING] = "is starting already",
	[PARTITION_ENDING] = "is ending",
	[PARTITION_REFUSED] = "could not be created: log says why",
};

#define REFUSALS(table) (table), sizeof(table) / sizeof((table)[0])

static enum monitor_verdict say(const struct monitor_job *job, const char *what)
{
	monitor_print("%s %s", job->partition->name, what);
	return MONITOR_DONE;
}

/* The first step. False: the partition's state is no state for this, which has been said. */
static bool ask(struct monitor_job *job, int (*request)(struct partition *), const char *const *refusals,
                unsigned count)
{
	int state;

	/* It may change between a look and the request: then look again. */
	do {
		state = atomic_load(&job->partition->state);
		if ((unsigned)state < count && refusals[state]) {
			say(job, refusals[state]);
			return false;
		}
	} while (request(job->partition) == E_INVALID && atomic_load(&job->partition->state) != state);
	job->deadline = rdtsc() + PATIENCE_S * tsc_hz;
	return true;
}

/* Later steps: not yet so far. */
static enum monitor_verdict wait(struct monitor_job *job)
{
	if (rdtsc() < job->deadline) {
		job->wake = rdtsc() + ns_to_tsc(LOOK_NS);
		return MONITOR_MORE;
	}
	monitor_print("%s is %s; see list later", job->partition->name, partition_state_name(job->partition));
	return MONITOR_DONE;
}

enum monitor_verdict monitor_pause(struct monitor_job *job)
{
	if (!job->steps && !ask(job, partition_pause, REFUSALS(not_paused)))
		return MONITOR_DONE;
	if (atomic_load(&job->partition->state) == PARTITION_PAUSED && !partition_is_still(job->partition))
		return wait(job);
	monitor_print("%s is %s", job->partition->name, partition_state_name(job->partition));
	return MONITOR_DONE;
}

enum monitor_verdict monitor_resume(struct monitor_job *job)
{
	if (ask(job, partition_resume, REFUSALS(not_resumed)))
		say(job, "goes on");
	return MONITOR_DONE;
}

enum monitor_verdict monitor_stop(struct monitor_job *job)
{
	if (!job->steps && !ask(job, partition_turn_off, REFUSALS(not_stopped)))
		return MONITOR_DONE;
	if (partition_turn_off(job->partition) == E_OK)
		return wait(job);
	return say(job, "is off");
}

enum monitor_verdict monitor_begin(struct monitor_job *job)
{
	if (!job->steps && !ask(job, partition_turn_on, REFUSALS(not_started)))
		return MONITOR_DONE;
	if (atomic_load(&job->partition->state) == PARTITION_STARTING)
		return wait(job);
	if (atomic_load(&job->partition->state) == PARTITION_OFF)
		return say(job, "is off again: log says why");
	return say(job, "is started");
}

enum monitor_verdict monitor_reset(struct monitor_job *job)
{
	if (!job->steps) {
		job->value = job->partition->starts;
		if (!ask(job, partition_reset, REFUSALS(not_reset)))
			return MONITOR_DONE;
	}
	if (atomic_load(&job->partition->state) == PARTITION_OFF)
		return say(job, "is off: log says why");
	if (job->partition->starts == job->value)
		return wait(job);
	return say(job, "is started anew");
}

enum monitor_verdict monitor_console(struct monitor_job *job)
{
	if (atomic_load(&job->partition->state) == PARTITION_REFUSED)
		return say(job, "could not be created: it has no console");
	return console_focus(&job->partition->console) ? MONITOR_DONE : MONITOR_MORE;
}
