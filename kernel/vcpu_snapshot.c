/* SPDX-License-Identifier: MIT */
#include "kernel/vcpu_snapshot.h"

#include <stddef.h>
void vcpu_snapshot_ask(struct vcpu *vcpu, struct vcpu_snapshot *snapshot)
{
	atomic_store(&snapshot->taken, false);
	atomic_store(&vcpu->snapshot, snapshot);
	vcpu_summon(vcpu, TODO_SNAPSHOT);
}

bool vcpu_snapshot_cancel(struct vcpu *vcpu)
{
	return atomic_exchange(&vcpu->snapshot, NULL);
}

void vcpu_snapshot_take(struct vcpu *vcpu)
{
	struct vcpu_snapshot *snapshot = atomic_exchange(&vcpu->snapshot, NULL);
	unsigned i;

	if (!snapshot)
		return;
	vcpu_ops->make_current(vcpu);
	snapshot->state = vcpu->state;
	for (i = 0; i < GPRS; i++)
		snapshot->gpr[i] = vcpu_gpr(vcpu, i);
	for (i = 0; i < VCPU_REGISTERS; i++)
		snapshot->registers[i] = vcpu_ops->read(vcpu, (enum vcpu_register)i);
	for (i = 0; i < VCPU_SEGMENTS; i++)
		vcpu_ops->read_segment(vcpu, (enum vcpu_segment)i, &snapshot->segments[i]);
	atomic_store(&snapshot->taken, true);
}
