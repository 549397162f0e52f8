/* SPDX-License-Identifier: MIT */
/* What a physical core does: pick one of its vCPUs, run it, sleep when there is none. */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

#include <stdbool.h>

struct cpu;
struct vcpu;
struct config_sched;

/* Before core_main() runs on that core. The vCPU is of vcpu->cpu; E_NO_MEMORY, E_FULL, E_BUSY, E_INVALID. */
int core_assign(struct vcpu *vcpu, const struct config_sched *config);
/* Takes it back. */
void core_remove(struct vcpu *vcpu);
/* The last core without a vCPU, where the hypervisor's own chores disturb nobody; NULL: there is none. */
struct cpu *core_spare(void);
/* Each core's loop, from the end of boot on. */
void core_main(void) __attribute__((noreturn));

/* From any core: something changed for this vCPU (its todo word, its partition's state). Its core looks at it soon. */
void core_notify(struct vcpu *vcpu);
/* On the core that runs the vCPU: is its time over, or has the core got news? */
bool core_must_pick(const struct vcpu *vcpu);

#endif
