/* SPDX-License-Identifier: MIT */
/* What a physical core does: run the vCPU that it is dedicated to, or sleep. */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

struct cpu;
struct vcpu;

/* Before core_main() runs on that core. One vCPU per core. */
void core_assign(struct cpu *cpu, struct vcpu *vcpu);
/* The last core without a vCPU, where the hypervisor's own chores disturb nobody; NULL: there is none. */
struct cpu *core_spare(void);
/* Each core's loop, from the end of boot on. */
void core_main(void) __attribute__((noreturn));

#endif
