/* SPDX-License-Identifier: MIT */
/*
 * The paravirtual clock of KVM's guest ABI (Linux: Documentation/virt/kvm/x86/msr.rst and cpuid.rst), which Linux, the
 * BSDs and others know: the guest reads the time from the TSC and a page of its own, with no exit and no calibration.
 */
#ifndef KERNEL_PVCLOCK_H
#define KERNEL_PVCLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

#define MSR_PV_WALL_CLOCK  0x4b564d00
#define MSR_PV_SYSTEM_TIME 0x4b564d01

bool pvclock_is(uint32_t msr);
uint64_t pvclock_rdmsr(const struct vcpu *vcpu, uint32_t msr);
/* False: not RAM, inject #GP. */
bool pvclock_wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value);
/* The vCPU's TSC has moved: the page must follow. */
void pvclock_update(struct vcpu *vcpu);

/* How the page says "nanoseconds per tick": ns = ((ticks << shift) * multiplier) >> 32; a negative shift is to the right. */
struct pvclock_scale {
	uint32_t multiplier;
	int8_t shift;
};
struct pvclock_scale pvclock_scale(uint64_t hz);

#endif
