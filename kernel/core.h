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
/* The last core without a vCPU, where the hypervisor's own chores disturb nobody; NULL: there is none. */
struct cpu *core_spare(void);
/* Each core's loop, from the end of boot on. */
void core_main(void) __attribute__((noreturn));

/*
 * Work of the hypervisor's own, between the vCPUs of a core: called with interrupts off, done within microseconds.
 * Returns the TSC value of its next call; UINT64_MAX: when it is woken. On a core that has vCPUs it is called once in a
 * millisecond at the most.
 */
typedef uint64_t core_chore(void);
void core_set_chore(struct cpu *cpu, core_chore *chore); /* one for each core; it is called soon */
void core_wake_chore(struct cpu *cpu);                   /* from any core, from interrupt handlers */

/* From any core: something changed for this vCPU (its todo word, its partition's state). Its core looks at it soon. */
void core_notify(struct vcpu *vcpu);
/* From any core: is the vCPU in its guest, or on the way there or back? */
bool core_runs(const struct vcpu *vcpu);
/* On the core that runs the vCPU: is its time over, or has the core got news? */
bool core_must_pick(const struct vcpu *vcpu);

#endif
