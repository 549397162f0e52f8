/* SPDX-License-Identifier: MIT */
/*
 * Memory-type range registers (SDM 12.11). They are kept for the guest to read: all its RAM is cached whatever they
 * say, since no device of the machine is the guest's.
 */
#include "arch/x86/guest_msr_table.h"

#define TYPE_UC 0
#define TYPE_WP 5
#define TYPE_WB 6

#define DEF_TYPE_FE (1u << 10)
#define DEF_TYPE_E  (1u << 11)
#define MASK_VALID  (1u << 11)

/* The hole between RAM below and above 4 GiB: guest_layout.h. */
#define HOLE_BASE 0xc0000000u
#define HOLE_SIZE 0x40000000u

static bool type_valid(uint64_t type)
{
	return type < 8 && (1u << type & 0x73); /* UC, WC, WT, WP, WB */
}

static uint64_t address_mask(unsigned physical_bits)
{
	return (1ULL << physical_bits) - 1;
}

bool mtrr_def_type_valid(uint64_t value)
{
	return type_valid(value & 0xff) && !(value & ~(0xffULL | DEF_TYPE_FE | DEF_TYPE_E));
}

bool mtrr_fixed_valid(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		if (!type_valid(value >> 8 * i & 0xff))
			return false;
	return true;
}

bool mtrr_variable_valid(uint32_t index, uint64_t value, unsigned physical_bits)
{
	if (value & ~address_mask(physical_bits))
		return false;
	if (index & 1)
		return !(value & (MASK_VALID - 1));
	return type_valid(value & 0xff) && !(value & 0xf00);
}

void mtrr_reset(uint64_t *stored, unsigned physical_bits)
{
	const uint64_t eight = 0x0101010101010101;

	stored[SLOT_MTRR_DEF_TYPE] = DEF_TYPE_E | DEF_TYPE_FE | TYPE_WB;
	for (unsigned i = 0; i < 2 * GUEST_MTRR_VARIABLE; i++)
		stored[SLOT_MTRR_VARIABLE + i] = 0;
	stored[SLOT_MTRR_VARIABLE] = HOLE_BASE | TYPE_UC;
	stored[SLOT_MTRR_VARIABLE + 1] = (address_mask(physical_bits) & ~(uint64_t)(HOLE_SIZE - 1)) | MASK_VALID;
	stored[SLOT_MTRR_FIX64K] = TYPE_WB * eight;
	stored[SLOT_MTRR_FIX16K] = TYPE_WB * eight;
	stored[SLOT_MTRR_FIX16K + 1] = TYPE_UC * eight; /* 0xa0000: the video memory of a PC */
	for (unsigned i = 0; i < 8; i++)
		stored[SLOT_MTRR_FIX4K + i] = TYPE_WP * eight; /* 0xc0000: ROM */
}
