/* SPDX-License-Identifier: MIT */
#include "kernel/chores.h"

#include <stdatomic.h>

#include "arch/x86/cpu.h"
#include "kernel/console.h"
#include "kernel/core.h"
#include "kernel/monitor.h"

/* Each returns when it wants to be called again, as chores_step() does. */
static uint64_t (*const steps[CHORES])(void) = {
	[CHORE_CONSOLE] = console_chore,
	[CHORE_MONITOR] = monitor_chore,
};

static _Atomic unsigned woken; /* bit n: chore n */
static uint64_t due[CHORES];

void chores_wake(enum chore chore)
{
	unsigned bit = 1u << chore;

	if (!(atomic_fetch_or(&woken, bit) & bit))
		core_wake_home();
}

uint64_t chores_step(void)
{
	unsigned now = atomic_exchange(&woken, 0), i;
	uint64_t tsc = rdtsc(), next = UINT64_MAX;

	for (i = 0; i < CHORES; i++) {
		if (now >> i & 1 || due[i] <= tsc)
			due[i] = steps[i]();
		if (due[i] < next)
			next = due[i];
	}
	return next;
}

void chores_start(void)
{
	core_settle_home();
	atomic_store(&woken, (1u << CHORES) - 1);
	core_wake_home();
}
