/* SPDX-License-Identifier: MIT */
/* Operands of an instruction that is being executed. */
#include "kernel/emulate_operand.h"

/* Without REX the byte registers 4 to 7 are AH, CH, DH and BH. */
static bool is_high_byte(const struct instruction *i, unsigned reg, unsigned size)
{
	return size == 1 && !i->rex && reg >= 4;
}

uint64_t read_register(struct machine *m, const struct instruction *i, unsigned reg, unsigned size)
{
	if (is_high_byte(i, reg, size))
		return m->read_gpr(m, reg & 3) >> 8 & 0xff;
	return m->read_gpr(m, reg) & size_mask(size);
}

void write_register(struct machine *m, const struct instruction *i, unsigned reg, unsigned size, uint64_t value)
{
	uint64_t mask = size_mask(size);

	if (size >= 4) {
		m->write_gpr(m, reg, value & mask);
	} else if (is_high_byte(i, reg, size)) {
		reg &= 3;
		m->write_gpr(m, reg, (m->read_gpr(m, reg) & ~0xff00ull) | (value & 0xff) << 8);
	} else {
		m->write_gpr(m, reg, (m->read_gpr(m, reg) & ~mask) | (value & mask));
	}
}

uint64_t effective_address(struct machine *m, const struct instruction *i)
{
	uint64_t address = (uint64_t)i->displacement;

	if (i->base >= 0)
		address += m->read_gpr(m, (unsigned)i->base);
	if (i->index >= 0)
		address += m->read_gpr(m, (unsigned)i->index) << i->scale;
	if (i->rip_relative)
		address += m->rip(m) + i->length;
	return wrap_address(i, address);
}

int read_rm(struct machine *m, const struct instruction *i, unsigned size, uint64_t *value)
{
	int error;

	if (!i->has_memory) {
		*value = read_register(m, i, i->rm, size);
		return 0;
	}
	*value = 0;
	error = m->read_memory(m, i->segment, effective_address(m, i), size, value);
	*value &= size_mask(size);
	return error;
}

int write_rm(struct machine *m, const struct instruction *i, unsigned size, uint64_t value)
{
	if (i->has_memory)
		return m->write_memory(m, i->segment, effective_address(m, i), size, value & size_mask(size));
	write_register(m, i, i->rm, size, value);
	return 0;
}
