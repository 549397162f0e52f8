/* SPDX-License-Identifier: MIT */
/* The registers of a vCPU at one moment, for somebody on another core: its own core writes them down. */
#ifndef KERNEL_VCPU_SNAPSHOT_H
#define KERNEL_VCPU_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/vcpu.h"

struct vcpu_snapshot {
	_Atomic bool taken;
	enum vcpu_state state;
	uint64_t gpr[GPRS];
	uint64_t registers[VCPU_REGISTERS];
	struct segment segments[VCPU_SEGMENTS];
};

/* From any core: asks for it; `taken` becomes true soon. One request at a time for each vCPU. */
void vcpu_snapshot_ask(struct vcpu *vcpu, struct vcpu_snapshot *snapshot);
/* Not wanted any more. False: it is being taken at this moment, wait for `taken`. */
bool vcpu_snapshot_cancel(struct vcpu *vcpu);
/* On the core of the vCPU, between two entries: does what was asked, if anything was. */
void vcpu_snapshot_take(struct vcpu *vcpu);

#endif
