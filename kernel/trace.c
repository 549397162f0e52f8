/* SPDX-License-Identifier: MIT */
#include "kernel/trace.h"

#include "arch/x86/cpu.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

struct trace_ring {
	uint64_t count;
	struct trace_record records[TRACE_RECORDS];
};

bool trace_on;
static struct trace_ring *rings[CPU_MAX];

void trace_add(enum trace_kind kind, const struct vcpu *vcpu, uint32_t argument)
{
	struct trace_ring *ring = rings[this_cpu()->id];

	ring->records[ring->count++ % TRACE_RECORDS] = (struct trace_record){
		.tsc = rdtsc(),
		.partition = (uint16_t)vcpu->partition->id,
		.vcpu = (uint8_t)vcpu->index,
		.kind = (uint8_t)kind,
		.argument = argument,
	};
}

int trace_start(void)
{
	unsigned i;

	trace_stop();
	for (i = 0; i < CPU_MAX; i++) {
		if (!cpus[i].online)
			continue;
		if (!rings[i])
			rings[i] = mem_alloc(sizeof(*rings[i]));
		if (!rings[i])
			return E_NO_MEMORY;
		rings[i]->count = 0;
	}
	__atomic_store_n(&trace_on, true, __ATOMIC_RELEASE);
	return E_OK;
}

void trace_stop(void)
{
	__atomic_store_n(&trace_on, false, __ATOMIC_RELEASE);
}

uint64_t trace_count(unsigned core)
{
	return rings[core] ? __atomic_load_n(&rings[core]->count, __ATOMIC_ACQUIRE) : 0;
}

struct trace_record trace_get(unsigned core, uint64_t number)
{
	return rings[core]->records[number % TRACE_RECORDS];
}
