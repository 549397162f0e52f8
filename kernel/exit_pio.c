/* SPDX-License-Identifier: MIT */
/* Port I/O. A port that nobody claims reads as all ones and swallows writes, as on an empty bus. */
#include "kernel/exit_handlers.h"
#include "kernel/partition.h"
#include "kernel/vcpu_emulate.h"

void vcpu_port(struct vcpu *vcpu, struct bus_access *access)
{
	struct partition *partition = vcpu->partition;
	const struct bus_range *range = vcpu->port_range;

	/* Most often it is the device of the last time. */
	if (!range || !bus_range_holds(range, access->address, access->size)) {
		range = bus_find(&partition->ports, access->address, access->size);
		if (!range) {
			access->value = UINT64_MAX;
			return;
		}
		vcpu->port_range = range;
	}
	access->offset = access->address - range->base;
	spin_lock(&partition->lock);
	range->handler(range->device, access);
	spin_unlock(&partition->lock);
}

enum verdict exit_pio(struct vcpu *vcpu, struct exit *exit)
{
	struct bus_access access = {
		.address = exit->pio.port,
		.size = exit->pio.size,
		.write = exit->pio.write,
		.value = vcpu->gpr[RAX],
		.vcpu = vcpu,
	};

	if (exit->pio.string)
		return vcpu_emulate(vcpu, exit);
	vcpu_port(vcpu, &access);
	if (!access.write) {
		/* IN EAX clears the upper half of RAX, IN AX and IN AL leave the rest (SDM 3.4.1.1). */
		uint64_t mask = access.size == 4 ? UINT64_MAX : (1ULL << access.size * 8) - 1;
		uint64_t value = access.size == 4 ? (uint32_t)access.value : access.value;

		vcpu->gpr[RAX] = (vcpu->gpr[RAX] & ~mask) | (value & mask);
	}
	return VERDICT_NEXT;
}
