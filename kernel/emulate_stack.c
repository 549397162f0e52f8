/* SPDX-License-Identifier: MIT */
/* PUSH and POP, for operands that lie in emulated memory. */
#include "kernel/emulate_operand.h"
#include "kernel/vcpu_ops.h"

static unsigned stack_size(const struct machine *m)
{
	return m->stack_size ? m->stack_size : m->mode;
}

/* The stack pointer keeps what its width does not cover, also when it has 32 bits outside 64-bit mode. */
static uint64_t moved(struct machine *m, uint64_t rsp, int64_t by)
{
	uint64_t mask = size_mask(stack_size(m));

	return (rsp & ~mask) | ((rsp + (uint64_t)by) & mask);
}

enum emulate_result emulate_push(struct machine *m, const struct instruction *i)
{
	uint64_t value, rsp = m->read_gpr(m, RSP), to = moved(m, rsp, -(int64_t)i->operand_size);

	if (i->has_immediate)
		value = i->immediate & size_mask(i->operand_size);
	else if (read_rm(m, i, i->operand_size, &value))
		return EMULATE_FAULT;
	if (m->write_memory(m, VCPU_SS, to & size_mask(stack_size(m)), i->operand_size, value))
		return EMULATE_FAULT;
	m->write_gpr(m, RSP, to);
	return EMULATE_DONE;
}

/* An address relative to RSP is relative to its value after the pop; POP RSP keeps what it popped (SDM, POP). */
enum emulate_result emulate_pop(struct machine *m, const struct instruction *i)
{
	struct instruction to = *i;
	uint64_t value = 0, rsp = m->read_gpr(m, RSP), after = moved(m, rsp, i->operand_size);

	if (m->read_memory(m, VCPU_SS, rsp & size_mask(stack_size(m)), i->operand_size, &value))
		return EMULATE_FAULT;
	if (i->base == RSP)
		to.displacement = (int64_t)((uint64_t)to.displacement + (after - rsp));
	if (i->has_memory && write_rm(m, &to, i->operand_size, value))
		return EMULATE_FAULT;
	m->write_gpr(m, RSP, after);
	if (!i->has_memory)
		write_register(m, i, i->rm, i->operand_size, value);
	return EMULATE_DONE;
}
