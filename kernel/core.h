/* SPDX-License-Identifier: MIT */
/* What a physical core does: run the vCPU that it is dedicated to, or sleep. */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

struct cpu;
struct vcpu;

/* Before core_main() runs on that core. One vCPU per core. */
void core_assign(struct cpu *cpu, struct vcpu *vcpu);
/* Each core's loop, from the end of boot on. */
void core_main(void) __attribute__((noreturn));

#endif
