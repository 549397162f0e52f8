/* SPDX-License-Identifier: MIT */
/*
 * The operator's command line, the last stop of the console's focus. Interrupts only put bytes into a ring; everything
 * else is a chore (kernel/chores.h). Output that finds the console's ring full waits, and with it the command, but no core.
 */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include <stdint.h>

/* When there are partitions, and it is known which cores have a vCPU. */
void monitor_start(void);
/* See chores_step(). */
uint64_t monitor_chore(void);

#endif
