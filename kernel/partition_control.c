/* SPDX-License-Identifier: MIT */
/*
 * What an operator does to a partition that is on. Only words are left for its cores (state, todo word, mail), which do
 * the work when they look at them; nobody waits.
 */
#include "kernel/core.h"
#include "kernel/errno.h"
#include "kernel/partition.h"

const char *partition_state_name(const struct partition *partition)
{
	static const char *const names[] = {
		[PARTITION_OFF] = "off",
		[PARTITION_STARTING] = "starting",
		[PARTITION_RUNNING] = "running",
		[PARTITION_ENDING] = "ending",
		[PARTITION_PAUSED] = "paused",
		[PARTITION_REFUSED] = "refused",
	};

	return names[atomic_load(&partition->state)];
}

bool partition_is_still(const struct partition *partition)
{
	unsigned i;

	for (i = 0; i < partition->vcpu_count; i++)
		if (core_runs(&partition->vcpus[i]))
			return false;
	return true;
}

static bool change(struct partition *partition, enum partition_state from, enum partition_state to)
{
	int expected = (int)from;

	return atomic_compare_exchange_strong(&partition->state, &expected, (int)to);
}

/* The TSC goes on meanwhile: to the guest it is as if nobody had given it time for a while. */
int partition_pause(struct partition *partition)
{
	unsigned i;

	if (!change(partition, PARTITION_RUNNING, PARTITION_PAUSED))
		return E_INVALID;
	for (i = 0; i < partition->vcpu_count; i++)
		vcpu_summon(&partition->vcpus[i], TODO_PAUSE);
	return E_OK;
}

/* What came meanwhile is in the todo words, and nobody was told of it: they are all looked at. */
int partition_resume(struct partition *partition)
{
	unsigned i;

	if (!change(partition, PARTITION_PAUSED, PARTITION_RUNNING))
		return E_INVALID;
	for (i = 0; i < partition->vcpu_count; i++)
		core_notify(&partition->vcpus[i]);
	return E_OK;
}

int partition_turn_off(struct partition *partition)
{
	int state = atomic_load(&partition->state);

	if (state == PARTITION_OFF || state == PARTITION_REFUSED)
		return E_INVALID;
	atomic_store(&partition->stopping, true);
	if (state == PARTITION_STARTING)
		core_notify(&partition->vcpus[0]);
	else
		partition_end(partition, END_STOPPED, 0);
	return E_OK;
}

int partition_reset(struct partition *partition)
{
	int state = atomic_load(&partition->state);

	if (state != PARTITION_RUNNING && state != PARTITION_PAUSED)
		return E_INVALID;
	partition_end(partition, END_RESTARTED, 0);
	return E_OK;
}
