/* SPDX-License-Identifier: MIT */
#include "kernel/pvclock.h"

#include "arch/x86/interrupts.h"
#include "kernel/partition.h"
#include "kernel/wall_clock.h"

#define ENABLE     1ULL
#define TSC_STABLE 1 /* the same on all vCPUs */

struct pvclock_page {
	uint32_t version; /* odd while it changes */
	uint32_t reserved;
	uint64_t tsc_timestamp;
	uint64_t system_time;
	uint32_t multiplier;
	int8_t shift;
	uint8_t flags;
	uint8_t padding[2];
};

struct pvclock_wall {
	uint32_t version, seconds, nanoseconds;
};

bool pvclock_is(uint32_t msr)
{
	return msr == MSR_PV_WALL_CLOCK || msr == MSR_PV_SYSTEM_TIME;
}

uint64_t pvclock_rdmsr(const struct vcpu *vcpu, uint32_t msr)
{
	return msr == MSR_PV_SYSTEM_TIME ? vcpu->pvclock : 0;
}

/* All vCPUs count from the partition's start, so that they agree to the last nanosecond. */
static bool write_page(struct vcpu *vcpu)
{
	const struct partition *partition = vcpu->partition;
	struct pvclock_scale scale = pvclock_scale(tsc_hz);
	struct pvclock_page page = {
		.version = ++vcpu->pvclock_version * 2,
		.tsc_timestamp = partition->start_tsc + vcpu->tsc_offset,
		.multiplier = scale.multiplier,
		.shift = scale.shift,
		.flags = TSC_STABLE,
	};
	uint64_t gpa = vcpu->pvclock & ~ENABLE;
	uint32_t odd = page.version - 1;

	/* Only the vCPU itself reads its page before it has been told to others: order matters, not concurrency. */
	return !guest_write(&partition->memory, gpa, &odd, sizeof(odd)) &&
	       !guest_write(&partition->memory, gpa, &page, sizeof(page));
}

static bool write_wall(const struct partition *partition, uint64_t gpa)
{
	uint64_t start = wall_clock_ns(partition->start_tsc);
	struct pvclock_wall wall = {
		.version = 2,
		.seconds = (uint32_t)(start / 1000000000),
		.nanoseconds = (uint32_t)(start % 1000000000),
	};

	return !guest_write(&partition->memory, gpa, &wall, sizeof(wall));
}

bool pvclock_wrmsr(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	if (msr == MSR_PV_WALL_CLOCK)
		return write_wall(vcpu->partition, value);
	vcpu->pvclock = value;
	return !(value & ENABLE) || write_page(vcpu);
}

void pvclock_update(struct vcpu *vcpu)
{
	if (vcpu->pvclock & ENABLE)
		write_page(vcpu);
}
