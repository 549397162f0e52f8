/* SPDX-License-Identifier: MIT */
#include "kernel/vcpu_translate.h"

#include "kernel/errno.h"
#include "kernel/partition.h"
#include "kernel/walk.h"

struct vcpu_walker {
	struct walker walker; /* first */
	const struct guest_memory *memory;
};

static const struct guest_memory *memory_of(struct walker *w)
{
	return ((struct vcpu_walker *)w)->memory;
}

static int read(struct walker *w, uint64_t gpa, unsigned size, uint64_t *value)
{
	*value = 0;
	return guest_read(memory_of(w), gpa, value, size);
}

static int compare_exchange(struct walker *w, uint64_t gpa, unsigned size, uint64_t old, uint64_t value, bool *exchanged)
{
	void *entry = guest_map(memory_of(w), gpa, size);
	uint32_t old32 = (uint32_t)old;

	if (!entry)
		return E_RANGE;
	if (size == sizeof(uint32_t))
		*exchanged = __atomic_compare_exchange_n((uint32_t *)entry, &old32, (uint32_t)value, false, __ATOMIC_SEQ_CST,
		                                         __ATOMIC_SEQ_CST);
	else
		*exchanged = __atomic_compare_exchange_n((uint64_t *)entry, &old, value, false, __ATOMIC_SEQ_CST,
		                                         __ATOMIC_SEQ_CST);
	return E_OK;
}

enum translate_result vcpu_translate(struct vcpu *vcpu, uint64_t linear, enum translate_access access, uint64_t *gpa,
                                     uint32_t *error)
{
	static const uint8_t kinds[] = {
		[TRANSLATE_READ] = WALK_READ,
		[TRANSLATE_WRITE] = WALK_WRITE,
		[TRANSLATE_FETCH] = WALK_FETCH,
		[TRANSLATE_SYSTEM_READ] = WALK_SYSTEM,
		[TRANSLATE_SYSTEM_WRITE] = WALK_SYSTEM | WALK_WRITE,
	};
	struct vcpu_walker w = {
		.walker = {
			.cr0 = vcpu_ops->read(vcpu, VCPU_CR0),
			.cr3 = vcpu_ops->read(vcpu, VCPU_CR3),
			.cr4 = vcpu_ops->read(vcpu, VCPU_CR4),
			.efer = vcpu_ops->read(vcpu, VCPU_EFER),
			.rflags = vcpu_ops->read(vcpu, VCPU_RFLAGS),
			.physical_bits = vcpu->partition->cpuid.physical_bits,
			.read = read,
			.compare_exchange = compare_exchange,
		},
		.memory = &vcpu->partition->memory,
	};
	struct segment ss;

	vcpu_ops->read_segment(vcpu, VCPU_SS, &ss);
	w.walker.cpl = ss.attributes >> 5 & 3;
	w.walker.no_gigabyte_pages = !(guest_cpuid_find(&vcpu->partition->cpuid, 0x80000001, 0)->edx & 1u << 26);
	switch (walk(&w.walker, linear, kinds[access], gpa, error)) {
	case WALK_OK:
		return TRANSLATE_OK;
	case WALK_PAGE_FAULT:
		return TRANSLATE_PAGE_FAULT;
	case WALK_GENERAL_PROTECTION:
		return TRANSLATE_NON_CANONICAL;
	default:
		return TRANSLATE_AGAIN;
	}
}
