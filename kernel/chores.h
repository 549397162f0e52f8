/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own work that is in no hurry: the screen, reports of lost output, the monitor. It is done by one core,
 * as if it were a `fair` vCPU there: no guest with a guarantee ever waits for more than one step of it.
 */
#ifndef KERNEL_CHORES_H
#define KERNEL_CHORES_H

#include <stdint.h>

struct cpu;

enum chore { CHORE_CONSOLE, CHORE_MONITOR, CHORES };

/* From any core, from interrupt handlers: this one has something to do. */
void chores_wake(enum chore chore);

/*
 * One step of each that is due, with interrupts off: some thousand instructions at the most. Returns the TSC value at
 * which the next is due, 0 for at once; UINT64_MAX: when one is woken. By the core of chores_start() (kernel/core.c).
 */
uint64_t chores_step(void);

/* When partitions and cores are known. */
void chores_start(void);

#endif
