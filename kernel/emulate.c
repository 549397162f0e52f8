/* SPDX-License-Identifier: MIT */
/*
 * Executes one decoded instruction. Everything that can fault comes before the first register is written, so that a
 * fault leaves the state as it was before the instruction.
 */
#include <stddef.h>

#include "kernel/emulate.h"

#include "kernel/emulate_operand.h"

typedef enum emulate_result executor(struct machine *m, const struct instruction *i);

/* The second operand: an immediate or the register in ModRM.reg. */
static uint64_t source(struct machine *m, const struct instruction *i)
{
	if (i->has_immediate)
		return i->immediate & size_mask(i->operand_size);
	return read_register(m, i, i->reg, i->operand_size);
}

/* Also MOVNTI. The accumulator's direct forms have register 0 in `reg`. */
static enum emulate_result mov(struct machine *m, const struct instruction *i)
{
	uint64_t value;

	if (i->memory_is_destination)
		return write_rm(m, i, i->operand_size, source(m, i)) ? EMULATE_FAULT : EMULATE_DONE;
	if (read_rm(m, i, i->operand_size, &value))
		return EMULATE_FAULT;
	write_register(m, i, i->reg, i->operand_size, value);
	return EMULATE_DONE;
}

static enum emulate_result mov_extend(struct machine *m, const struct instruction *i)
{
	uint64_t value, sign = 1ull << (8 * i->source_size - 1);

	if (read_rm(m, i, i->source_size, &value))
		return EMULATE_FAULT;
	if (i->operation == OP_MOVSX)
		value = (value ^ sign) - sign;
	write_register(m, i, i->reg, i->operand_size, value);
	return EMULATE_DONE;
}

static enum emulate_result movbe(struct machine *m, const struct instruction *i)
{
	unsigned size = i->operand_size, unused = 64 - 8 * size;
	uint64_t value;

	if (i->memory_is_destination) {
		value = __builtin_bswap64(read_register(m, i, i->reg, size)) >> unused;
		return write_rm(m, i, size, value) ? EMULATE_FAULT : EMULATE_DONE;
	}
	if (read_rm(m, i, size, &value))
		return EMULATE_FAULT;
	write_register(m, i, i->reg, size, __builtin_bswap64(value) >> unused);
	return EMULATE_DONE;
}

/* ADD ... CMP and TEST in all their forms: the destination is r/m (or the accumulator), unless it is the register. */
static enum emulate_result binary(struct machine *m, const struct instruction *i)
{
	bool discard = i->operation == OP_CMP || i->operation == OP_TEST;
	bool to_register = (i->opcode & 2) && !i->has_immediate; /* bit 1 is the direction: SDM volume 2, B.1.4.8 */
	uint64_t rflags = m->rflags(m), rm, result;

	if (read_rm(m, i, i->operand_size, &rm))
		return EMULATE_FAULT;
	if (to_register)
		result = alu_binary(i->operation, i->operand_size, source(m, i), rm, &rflags);
	else
		result = alu_binary(i->operation, i->operand_size, rm, source(m, i), &rflags);
	if (i->memory_is_destination && write_rm(m, i, i->operand_size, result))
		return EMULATE_FAULT;
	if (!i->memory_is_destination && !discard)
		write_register(m, i, i->reg, i->operand_size, result);
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

static enum emulate_result unary(struct machine *m, const struct instruction *i)
{
	uint64_t rflags = m->rflags(m), value;

	if (read_rm(m, i, i->operand_size, &value))
		return EMULATE_FAULT;
	value = alu_unary(i->operation, i->operand_size, value, &rflags);
	if (write_rm(m, i, i->operand_size, value))
		return EMULATE_FAULT;
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

/* C0, C1 by an immediate, D0, D1 by one, D2, D3 by CL. */
static enum emulate_result shift(struct machine *m, const struct instruction *i)
{
	uint64_t rflags = m->rflags(m), value;
	unsigned count = 1;

	if (i->has_immediate)
		count = i->immediate & 0xff;
	else if (i->opcode & 2)
		count = m->read_gpr(m, RCX) & 0xff;
	if (read_rm(m, i, i->operand_size, &value))
		return EMULATE_FAULT;
	value = alu_shift(i->modrm >> 3 & 7, i->operand_size, value, count, &rflags);
	if (write_rm(m, i, i->operand_size, value))
		return EMULATE_FAULT;
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

/* Registers are written in the order of the SDM's pages, which matters when both are the same one. */
static enum emulate_result exchange(struct machine *m, const struct instruction *i)
{
	uint64_t rflags = m->rflags(m), reg = read_register(m, i, i->reg, i->operand_size), rm, value = reg;

	if (read_rm(m, i, i->operand_size, &rm))
		return EMULATE_FAULT;
	if (i->operation == OP_XADD)
		value = alu_binary(OP_ADD, i->operand_size, rm, reg, &rflags);
	if (i->has_memory && write_rm(m, i, i->operand_size, value))
		return EMULATE_FAULT;
	write_register(m, i, i->reg, i->operand_size, rm);
	if (!i->has_memory)
		write_register(m, i, i->rm, i->operand_size, value);
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

/* The destination is written even when it differs, with its own value (SDM, CMPXCHG). */
static enum emulate_result cmpxchg(struct machine *m, const struct instruction *i)
{
	unsigned size = i->operand_size;
	uint64_t rflags = m->rflags(m), accumulator = m->read_gpr(m, RAX) & size_mask(size), old;
	bool equal;

	if (read_rm(m, i, size, &old))
		return EMULATE_FAULT;
	alu_binary(OP_CMP, size, accumulator, old, &rflags);
	equal = old == accumulator;
	if ((equal || i->has_memory) && write_rm(m, i, size, equal ? source(m, i) : old))
		return EMULATE_FAULT;
	if (!equal)
		write_register(m, i, RAX, size, old);
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

static enum emulate_result cmpxchg8b(struct machine *m, const struct instruction *i)
{
	uint64_t rflags = m->rflags(m), old, expected, desired;

	if (i->operand_size != 8)
		return EMULATE_UNSUPPORTED; /* CMPXCHG16B */
	expected = (m->read_gpr(m, RDX) << 32) | (uint32_t)m->read_gpr(m, RAX);
	desired = (m->read_gpr(m, RCX) << 32) | (uint32_t)m->read_gpr(m, RBX);
	if (read_rm(m, i, 8, &old) || write_rm(m, i, 8, old == expected ? desired : old))
		return EMULATE_FAULT;
	if (old == expected) {
		m->set_rflags(m, rflags | RFLAGS_ZF);
		return EMULATE_DONE;
	}
	m->write_gpr(m, RAX, (uint32_t)old);
	m->write_gpr(m, RDX, old >> 32);
	m->set_rflags(m, rflags & ~RFLAGS_ZF);
	return EMULATE_DONE;
}

/* With the bit's number in a register, memory is a string of bits that reaches far in both directions (SDM, BT). */
static enum emulate_result bit(struct machine *m, const struct instruction *i)
{
	unsigned bits = 8 * i->operand_size;
	struct instruction at = *i;
	uint64_t rflags = m->rflags(m), number = source(m, i), value, mask, sign = 1ull << (bits - 1);
	int64_t distance;

	if (i->has_memory && !i->has_immediate) {
		distance = (int64_t)((number ^ sign) - sign) >> __builtin_ctz(bits); /* in operands */
		at.displacement = (int64_t)((uint64_t)i->displacement + (uint64_t)distance * i->operand_size);
	}
	mask = 1ull << (number & (bits - 1));
	if (read_rm(m, &at, i->operand_size, &value))
		return EMULATE_FAULT;
	rflags = value & mask ? rflags | RFLAGS_CF : rflags & ~RFLAGS_CF;
	if (i->operation == OP_BTS)
		value |= mask;
	else if (i->operation == OP_BTR)
		value &= ~mask;
	else if (i->operation == OP_BTC)
		value ^= mask;
	if (i->operation != OP_BT && write_rm(m, &at, i->operand_size, value))
		return EMULATE_FAULT;
	m->set_rflags(m, rflags);
	return EMULATE_DONE;
}

static enum emulate_result setcc(struct machine *m, const struct instruction *i)
{
	return write_rm(m, i, 1, alu_condition(i->opcode, m->rflags(m))) ? EMULATE_FAULT : EMULATE_DONE;
}

/* Memory is read, and the upper half of a 32-bit destination cleared, whether or not the condition holds. */
static enum emulate_result cmovcc(struct machine *m, const struct instruction *i)
{
	uint64_t value;

	if (read_rm(m, i, i->operand_size, &value))
		return EMULATE_FAULT;
	if (!alu_condition(i->opcode, m->rflags(m)))
		value = source(m, i);
	write_register(m, i, i->reg, i->operand_size, value);
	return EMULATE_DONE;
}

static executor *const executors[] = {
	[OP_MOV] = mov,
	[OP_MOVZX] = mov_extend,
	[OP_MOVSX] = mov_extend,
	[OP_ADD] = binary,
	[OP_OR] = binary,
	[OP_ADC] = binary,
	[OP_SBB] = binary,
	[OP_AND] = binary,
	[OP_SUB] = binary,
	[OP_XOR] = binary,
	[OP_CMP] = binary,
	[OP_TEST] = binary,
	[OP_NOT] = unary,
	[OP_NEG] = unary,
	[OP_INC] = unary,
	[OP_DEC] = unary,
	[OP_XCHG] = exchange,
	[OP_XADD] = exchange,
	[OP_CMPXCHG] = cmpxchg,
	[OP_CMPXCHG8B] = cmpxchg8b,
	[OP_BT] = bit,
	[OP_BTS] = bit,
	[OP_BTR] = bit,
	[OP_BTC] = bit,
	[OP_MOVS] = emulate_string,
	[OP_STOS] = emulate_string,
	[OP_LODS] = emulate_string,
	[OP_CMPS] = emulate_string,
	[OP_SCAS] = emulate_string,
	[OP_INS] = emulate_string,
	[OP_OUTS] = emulate_string,
	[OP_PUSH] = emulate_push,
	[OP_POP] = emulate_pop,
	[OP_MOVNTI] = mov,
	[OP_MOVBE] = movbe,
	[OP_SETCC] = setcc,
	[OP_CMOVCC] = cmovcc,
	[OP_SHIFT] = shift,
	[OP_MOVDQ] = NULL,
};

/* SDM, LOCK: these, with memory as their destination. */
static bool can_lock(const struct instruction *i)
{
	switch (i->operation) {
	case OP_ADD ... OP_XOR:
	case OP_NOT ... OP_CMPXCHG8B:
	case OP_BTS ... OP_BTC:
		return i->has_memory && i->memory_is_destination;
	default:
		return false;
	}
}

enum emulate_result emulate(struct machine *m, const struct instruction *i)
{
	executor *execute = executors[i->operation];

	if (!execute || (i->lock && !can_lock(i)))
		return EMULATE_UNSUPPORTED;
	return execute(m, i);
}
