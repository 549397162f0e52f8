/* SPDX-License-Identifier: MIT */
/* Results and flags as the SDM's instruction pages define them; a flag that they leave undefined gets some value. */
#include "kernel/emulate_alu.h"

#define RFLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t top_bit(unsigned size)
{
	return 1ull << (8 * size - 1);
}

static uint64_t flag(bool set, uint64_t which)
{
	return set ? which : 0;
}

/* SF, ZF and PF: PF is about the lowest byte only. */
static uint64_t result_flags(unsigned size, uint64_t result)
{
	return flag(result == 0, RFLAGS_ZF) | flag(result & top_bit(size), RFLAGS_SF) |
	       flag(!__builtin_parity(result & 0xff), RFLAGS_PF);
}

static uint64_t add(unsigned size, uint64_t a, uint64_t b, bool carry, uint64_t *rflags)
{
	uint64_t result = (a + b + carry) & size_mask(size);
	uint64_t carries = (a & b) | ((a | b) & ~result); /* out of each bit */

	*rflags = (*rflags & ~RFLAGS_ARITHMETIC) | result_flags(size, result) |
	          flag(carries & top_bit(size), RFLAGS_CF) | flag(carries & 8, RFLAGS_AF) |
	          flag((a ^ result) & (b ^ result) & top_bit(size), RFLAGS_OF);
	return result;
}

static uint64_t subtract(unsigned size, uint64_t a, uint64_t b, bool borrow, uint64_t *rflags)
{
	uint64_t result = (a - b - borrow) & size_mask(size);
	uint64_t borrows = (~a & b) | ((~a | b) & result);

	*rflags = (*rflags & ~RFLAGS_ARITHMETIC) | result_flags(size, result) |
	          flag(borrows & top_bit(size), RFLAGS_CF) | flag(borrows & 8, RFLAGS_AF) |
	          flag((a ^ b) & (a ^ result) & top_bit(size), RFLAGS_OF);
	return result;
}

static uint64_t logic(unsigned size, uint64_t result, uint64_t *rflags)
{
	*rflags = (*rflags & ~RFLAGS_ARITHMETIC) | result_flags(size, result);
	return result;
}

uint64_t alu_binary(enum operation operation, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)
{
	bool carry = *rflags & RFLAGS_CF;

	switch (operation) {
	case OP_ADC:
		return add(size, a, b, carry, rflags);
	case OP_SBB:
		return subtract(size, a, b, carry, rflags);
	case OP_SUB:
	case OP_CMP:
		return subtract(size, a, b, false, rflags);
	case OP_AND:
	case OP_TEST:
		return logic(size, a & b, rflags);
	case OP_OR:
		return logic(size, a | b, rflags);
	case OP_XOR:
		return logic(size, a ^ b, rflags);
	default:
		return add(size, a, b, false, rflags);
	}
}

uint64_t alu_unary(enum operation operation, unsigned size, uint64_t a, uint64_t *rflags)
{
	uint64_t carry = *rflags & RFLAGS_CF, result;

	switch (operation) {
	case OP_NOT:
		return ~a & size_mask(size);
	case OP_NEG:
		return subtract(size, 0, a, false, rflags);
	case OP_INC:
		result = add(size, a, 1, false, rflags);
		break;
	default:
		result = subtract(size, a, 1, false, rflags);
		break;
	}
	*rflags = (*rflags & ~RFLAGS_CF) | carry; /* INC and DEC leave CF alone */
	return result;
}

/* One bit. The bit that falls out goes to `*carry`, which is also the bit that RCL and RCR take in. */
static uint64_t shift_step(unsigned kind, unsigned size, uint64_t a, bool *carry)
{
	bool in = *carry;
	uint64_t top = top_bit(size);

	if (kind & 1) { /* to the right */
		*carry = a & 1;
		if (kind == 1)
			in = *carry;
		else if (kind == 5)
			in = false;
		else if (kind == 7)
			in = a & top;
		return a >> 1 | (in ? top : 0);
	}
	*carry = a & top;
	if (kind == 0)
		in = *carry;
	else if (kind != 2)
		in = false;
	return (a << 1 & size_mask(size)) | in;
}

uint64_t alu_shift(unsigned kind, unsigned size, uint64_t a, unsigned count, uint64_t *rflags)
{
	uint64_t result = a, before = a;
	bool carry = *rflags & RFLAGS_CF;

	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return a;
	for (; count > 0; count--) {
		before = result;
		result = shift_step(kind, size, result, &carry);
	}
	*rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	*rflags |= flag(carry, RFLAGS_CF);
	/* Defined for a count of one: the sign has changed; for ROL, RCL and SHL that is top bit XOR CF as well. */
	*rflags |= flag((before ^ result) & top_bit(size), RFLAGS_OF);
	if (kind >= 4)
		*rflags = (*rflags & ~(RFLAGS_SF | RFLAGS_ZF | RFLAGS_PF | RFLAGS_AF)) | result_flags(size, result);
	return result;
}

bool alu_condition(unsigned condition, uint64_t rflags)
{
	bool sign_differs = !(rflags & RFLAGS_SF) != !(rflags & RFLAGS_OF);
	bool holds;

	switch (condition >> 1 & 7) {
	case 0:
		holds = rflags & RFLAGS_OF;
		break;
	case 1:
		holds = rflags & RFLAGS_CF;
		break;
	case 2:
		holds = rflags & RFLAGS_ZF;
		break;
	case 3:
		holds = rflags & (RFLAGS_CF | RFLAGS_ZF);
		break;
	case 4:
		holds = rflags & RFLAGS_SF;
		break;
	case 5:
		holds = rflags & RFLAGS_PF;
		break;
	case 6:
		holds = sign_differs;
		break;
	default:
		holds = sign_differs || rflags & RFLAGS_ZF;
		break;
	}
	return holds != (condition & 1);
}
