/* SPDX-License-Identifier: MIT */
/* What a physical core does: pick one of its vCPUs, run it, sleep when there is none. */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct vcpu;
struct config_sched;

/* Before core_main() runs on that core. The vCPU is of vcpu->cpu; E_NO_MEMORY, E_FULL, E_BUSY, E_INVALID. */
int core_assign(struct vcpu *vcpu, const struct config_sched *config);
/* Takes it back. */
void core_remove(struct vcpu *vcpu);
/* Each core's loop, from the end of boot on. */
void core_main(void) __attribute__((noreturn));

/*
 * The chores (kernel/chores.h): chooses a core for them, when partitions are known, and lets all cores begin; and
 * tells it that there are some.
 */
void core_settle_home(void);
void core_wake_home(void);

/* From any core: something changed for this vCPU (its todo word, its partition's state). Its core looks at it soon. */
void core_notify(struct vcpu *vcpu);
/* From any core: is the vCPU in its guest, or on the way there or back? */
bool core_runs(const struct vcpu *vcpu);
/* On the core that runs the vCPU: is its time over, or has the core got news? */
bool core_must_pick(const struct vcpu *vcpu);

#endif
