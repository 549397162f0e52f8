/* SPDX-License-Identifier: MIT */
/* A vCPU's clock and deadlines. */
#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "kernel/partition.h"
#include "kernel/vcpu.h"

/*
 * A timer can be set to fire faster than the way from here into the guest takes. So that it does not hold the guest at
 * one instruction for ever, the next one is let through only so long after one was due.
 */
#define GAP_HZ 50000

uint64_t vcpu_tsc(const struct vcpu *vcpu)
{
	return rdtsc() + vcpu->tsc_offset;
}

void vcpu_time(struct vcpu *vcpu)
{
	uint64_t now = rdtsc(), deadline;

	deadline = vlapic_timer_deadline(&vcpu->apic);
	if (deadline <= now + vcpu->tsc_offset) {
		vlapic_timer_expire(&vcpu->apic, now + vcpu->tsc_offset);
		deadline = vlapic_timer_deadline(&vcpu->apic);
	}
	if (deadline != UINT64_MAX) {
		deadline -= vcpu->tsc_offset;
		if (deadline < now) /* so far away that it has wrapped */
			deadline = UINT64_MAX;
	}
	/* The partition's devices keep time on the core of vCPU 0. */
	if (vcpu->index == 0) {
		uint64_t devices = pc_time(vcpu->partition, now);

		if (devices < deadline)
			deadline = devices;
	}
	if (vcpu->deadline <= now && deadline < now + tsc_hz / GAP_HZ)
		deadline = now + tsc_hz / GAP_HZ;
	vcpu->deadline = deadline;
	vcpu->leave_at = deadline < vcpu->until ? deadline : vcpu->until;
}
