/* SPDX-License-Identifier: MIT */
/*
 * String instructions and string I/O. One iteration is one step that happens wholly or not at all: a fault in the
 * middle of a REP leaves the registers as they were before the iteration that faulted (SDM volume 1, 7.3.9.1).
 */
#include "kernel/emulate_operand.h"
#include "kernel/vcpu_ops.h"

#define REP_BATCH 4096 /* iterations before the caller may look at something else, even if it forgets to ask */

struct string {
	struct machine *m;
	const struct instruction *i;
	uint64_t si, di; /* offsets, within the address size */
	uint64_t rflags;
};

static int load(struct string *s, unsigned segment, uint64_t offset, uint64_t *value)
{
	unsigned size = s->i->operand_size;
	int error;

	*value = 0;
	error = s->m->read_memory(s->m, segment, offset, size, value);
	*value &= size_mask(size);
	return error;
}

/* ES cannot be overridden. */
static int store(struct string *s, uint64_t value)
{
	return s->m->write_memory(s->m, VCPU_ES, s->di, s->i->operand_size, value);
}

static int probe_store(struct string *s)
{
	return s->m->probe_write ? s->m->probe_write(s->m, VCPU_ES, s->di, s->i->operand_size) : 0;
}

static uint16_t port(struct string *s)
{
	return (uint16_t)s->m->read_gpr(s->m, RDX);
}

/* The effect of one iteration on everything but the index registers and the count. */
static int iterate(struct string *s)
{
	const struct instruction *i = s->i;
	unsigned size = i->operand_size;
	uint64_t a = 0, b = 0;

	switch (i->operation) {
	case OP_MOVS:
		return probe_store(s) || load(s, i->segment, s->si, &a) || store(s, a);
	case OP_STOS:
		return store(s, read_register(s->m, i, RAX, size));
	case OP_LODS:
		if (load(s, i->segment, s->si, &a))
			return 1;
		write_register(s->m, i, RAX, size, a);
		return 0;
	case OP_CMPS:
		if (load(s, i->segment, s->si, &a) || load(s, VCPU_ES, s->di, &b))
			return 1;
		alu_binary(OP_CMP, size, a, b, &s->rflags);
		return 0;
	case OP_SCAS:
		if (load(s, VCPU_ES, s->di, &b))
			return 1;
		alu_binary(OP_CMP, size, read_register(s->m, i, RAX, size), b, &s->rflags);
		return 0;
	case OP_INS:
		return probe_store(s) || s->m->in(s->m, port(s), size, &a) || store(s, a & size_mask(size));
	default:
		return load(s, i->segment, s->si, &a) || s->m->out(s->m, port(s), size, a);
	}
}

static bool uses_si(const struct instruction *i)
{
	return i->operation != OP_STOS && i->operation != OP_SCAS && i->operation != OP_INS;
}

static bool uses_di(const struct instruction *i)
{
	return i->operation != OP_LODS && i->operation != OP_OUTS;
}

static bool compares(const struct instruction *i)
{
	return i->operation == OP_CMPS || i->operation == OP_SCAS;
}

static bool step(struct string *s)
{
	struct machine *m = s->m;
	const struct instruction *i = s->i;
	unsigned width = i->address_size;
	uint64_t move = i->operand_size;

	s->si = wrap_address(i, m->read_gpr(m, RSI));
	s->di = wrap_address(i, m->read_gpr(m, RDI));
	if (iterate(s))
		return false;
	if (s->rflags & RFLAGS_DF)
		move = -move;
	if (uses_si(i))
		write_register(m, i, RSI, width, s->si + move);
	if (uses_di(i))
		write_register(m, i, RDI, width, s->di + move);
	if (compares(i))
		m->set_rflags(m, s->rflags);
	return true;
}

enum emulate_result emulate_string(struct machine *m, const struct instruction *i)
{
	struct string s = { .m = m, .i = i, .rflags = m->rflags(m) };
	uint64_t count;
	bool equal;

	if (!i->rep && !i->repne)
		return step(&s) ? EMULATE_DONE : EMULATE_FAULT;
	for (unsigned batch = 0; batch < REP_BATCH; batch++) {
		count = wrap_address(i, m->read_gpr(m, RCX));
		if (count == 0)
			return EMULATE_DONE;
		if (!step(&s))
			return EMULATE_FAULT;
		write_register(m, i, RCX, i->address_size, count - 1);
		equal = s.rflags & RFLAGS_ZF;
		if (count == 1 || (compares(i) && equal != i->rep))
			return EMULATE_DONE;
		if (!m->can_continue(m))
			break;
	}
	return EMULATE_AGAIN;
}
