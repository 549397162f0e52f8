/* SPDX-License-Identifier: MIT */
/* The bytes of the instruction at RIP. */
#include <string.h>

#include "arch/x86/msr.h"
#include "kernel/emulate.h"
#include "kernel/partition.h"
#include "kernel/vcpu_emulate.h"
#include "kernel/vcpu_translate.h"

#define ENTRY_PRESENT 1ULL
#define ENTRY_LARGE   (1ULL << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

enum instruction_mode vcpu_mode(struct vcpu *vcpu)
{
	struct segment cs;

	if (!(vcpu_ops->read(vcpu, VCPU_CR0) & CR0_PE) || vcpu_ops->read(vcpu, VCPU_RFLAGS) & RFLAGS_VM)
		return MODE_16;
	vcpu_ops->read_segment(vcpu, VCPU_CS, &cs);
	if (cs.attributes & SEGMENT_L && vcpu_ops->read(vcpu, VCPU_EFER) & EFER_LMA)
		return MODE_64;
	return cs.attributes & SEGMENT_DB ? MODE_32 : MODE_16;
}

static uint64_t linear_rip(struct vcpu *vcpu, enum instruction_mode mode)
{
	uint64_t rip = vcpu_ops->read(vcpu, VCPU_RIP);
	struct segment cs;

	if (mode == MODE_64)
		return rip;
	vcpu_ops->read_segment(vcpu, VCPU_CS, &cs);
	return (uint32_t)(cs.base + rip);
}

/*
 * The guest has just fetched this instruction, so the walk needs no checks of permission; 4-level paging in 64-bit mode
 * only, which is what a running system uses. UINT64_MAX: take the long way.
 */
static inline uint64_t walk_4_level(const struct guest_memory *memory, uint64_t cr3, uint64_t linear)
{
	uint64_t entry = cr3;
	int shift;

	for (shift = 39; shift >= 12; shift -= 9) {
		uint64_t gpa = (entry & ENTRY_ADDRESS) + (linear >> shift & 511) * 8;

		if (gpa >= memory->ranges[0].size)
			return UINT64_MAX;
		entry = *(volatile uint64_t *)(memory->window + gpa);
		if (!(entry & ENTRY_PRESENT))
			return UINT64_MAX;
		if (shift < 39 && shift > 12 && entry & ENTRY_LARGE)
			break;
	}
	if (shift < 12)
		shift = 12;
	return (entry & ENTRY_ADDRESS & ~0ULL << shift) | (linear & ((1ULL << shift) - 1));
}

const uint8_t *vcpu_peek(const struct vcpu *vcpu, uint64_t cr3, uint64_t rip, unsigned *count)
{
	const struct guest_memory *memory = &vcpu->partition->memory;
	uint64_t gpa = walk_4_level(memory, cr3, rip);

	if (gpa >= memory->ranges[0].size)
		return NULL;
	*count = PAGE_SIZE - (gpa & (PAGE_SIZE - 1));
	return memory->window + gpa;
}

unsigned vcpu_fetch(struct vcpu *vcpu, uint8_t *bytes)
{
	uint64_t linear = linear_rip(vcpu, vcpu_mode(vcpu)), gpa;
	unsigned done = 0;
	uint32_t error;

	while (done < INSTRUCTION_MAX) {
		unsigned part = PAGE_SIZE - ((linear + done) & (PAGE_SIZE - 1));

		if (part > INSTRUCTION_MAX - done)
			part = INSTRUCTION_MAX - done;
		if (vcpu_translate(vcpu, linear + done, TRANSLATE_FETCH, &gpa, &error) != TRANSLATE_OK ||
		    guest_read(&vcpu->partition->memory, gpa, bytes + done, part))
			break;
		done += part;
	}
	return done;
}
