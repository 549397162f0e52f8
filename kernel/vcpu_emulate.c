/* SPDX-License-Identifier: MIT */
#include "kernel/emulate.h"

#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu_emulate.h"
#include "kernel/vcpu_translate.h"

/* SDM 18.2.4. */
#define DR7_ENABLED 0xff /* L0, G0 ... L3, G3 */
#define DR7_WRITES  1    /* of the two bits for each breakpoint */
#define DR7_ALL     3

/* One instruction being executed: the emulator's machine and what it stands on. */
struct execution {
	struct machine machine; /* first */
	struct vcpu *vcpu;
	const struct exit *exit;
	bool single_operand;    /* the address that faulted is the instruction's only memory operand */
	uint64_t dr7;           /* for a string instruction, which reaches RAM that may be watched; else 0 */
	uint64_t hits;          /* breakpoints that it has met, as in DR6 */
};

static struct vcpu *vcpu_of(struct machine *m)
{
	return ((struct execution *)m)->vcpu;
}

static bool single_stepped(struct vcpu *vcpu)
{
	return vcpu_ops->read(vcpu, VCPU_RFLAGS) & RFLAGS_TF;
}

static bool can_continue(struct machine *m)
{
	return !((struct execution *)m)->hits && !single_stepped(vcpu_of(m)) &&
	       !atomic_load_explicit(&vcpu_of(m)->todo, memory_order_relaxed);
}

static uint64_t read_gpr(struct machine *m, unsigned reg)
{
	return vcpu_gpr(vcpu_of(m), reg);
}

static void write_gpr(struct machine *m, unsigned reg, uint64_t value)
{
	vcpu_set_gpr(vcpu_of(m), reg, value);
}

static uint64_t rip(struct machine *m)
{
	return vcpu_ops->read(vcpu_of(m), VCPU_RIP);
}

static uint64_t rflags(struct machine *m)
{
	return vcpu_ops->read(vcpu_of(m), VCPU_RFLAGS);
}

static void set_rflags(struct machine *m, uint64_t value)
{
	vcpu_ops->write(vcpu_of(m), VCPU_RFLAGS, value);
}

static uint64_t segment_base(struct machine *m, unsigned segment)
{
	struct segment s;

	if (m->mode == MODE_64 && segment != VCPU_FS && segment != VCPU_GS)
		return 0;
	vcpu_ops->read_segment(vcpu_of(m), (enum vcpu_segment)segment, &s);
	return s.base;
}

static int fault(struct execution *e, uint8_t vector, uint32_t error)
{
	vcpu_exception_error(e->vcpu, vector, error);
	return -1;
}

/* Limits bind outside 64-bit mode (SDM 5.3). Expand-down segments (type bits 3:2 = 01) are valid above their limit. */
static bool within_limit(const struct segment *s, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;
	uint64_t top = s->attributes & SEGMENT_DB ? UINT32_MAX : UINT16_MAX;

	if ((s->attributes & 0xc) == 0x4)
		return offset > s->limit && last <= top;
	return last <= s->limit;
}

/* Guest-physical address of a linear one; the fault, if any, is in the guest already. */
static int locate(struct execution *e, uint64_t linear, bool write, uint64_t *gpa)
{
	const struct exit_memory *hit = &e->exit->memory;
	uint32_t error;

	/* The processor has walked and checked this one: the exit tells where it leads. */
	if (e->single_operand && (linear & (PAGE_SIZE - 1)) == (hit->gpa & (PAGE_SIZE - 1))) {
		*gpa = hit->gpa;
		return 0;
	}
	switch (vcpu_translate(e->vcpu, linear, write ? TRANSLATE_WRITE : TRANSLATE_READ, gpa, &error)) {
	case TRANSLATE_OK:
		return 0;
	case TRANSLATE_NON_CANONICAL:
		return fault(e, VECTOR_GP, 0);
	case TRANSLATE_AGAIN:
		return -1;
	default:
		vcpu_ops->write(e->vcpu, VCPU_CR2, linear);
		return fault(e, VECTOR_PF, error);
	}
}

static void touch(struct vcpu *vcpu, uint64_t gpa, unsigned size, bool write, uint64_t *value)
{
	struct guest_memory *memory = &vcpu->partition->memory;
	struct bus_access access = { .address = gpa, .size = (uint8_t)size, .write = write, .value = *value, .vcpu = vcpu };

	if (write ? !guest_write(memory, gpa, value, size) : !guest_read(memory, gpa, value, size))
		return;
	vcpu_mmio(vcpu, &access);
	if (!write)
		memcpy(value, &access.value, size);
}

/* An access that crosses a page: translate both parts first, so that a fault leaves nothing half done. */
static int access_split(struct execution *e, uint64_t linear, unsigned size, bool write, uint64_t *value)
{
	unsigned first = PAGE_SIZE - (linear & (PAGE_SIZE - 1)), i;
	uint64_t low, high;

	if (locate(e, linear, write, &low) || locate(e, linear + first, write, &high))
		return -1;
	for (i = 0; i < size; i++) {
		uint64_t byte = *value >> 8 * i & 0xff;

		touch(e->vcpu, i < first ? low + i : high + i - first, 1, write, &byte);
		if (!write)
			*value = (*value & ~(0xffULL << 8 * i)) | (byte & 0xff) << 8 * i;
	}
	return 0;
}

/* Linear address of an offset in a segment; a limit violation is in the guest already. */
static int linear_of(struct execution *e, unsigned segment, uint64_t offset, unsigned size, uint64_t *linear)
{
	struct segment s;

	*linear = offset;
	if (e->machine.mode != MODE_64) {
		vcpu_ops->read_segment(e->vcpu, (enum vcpu_segment)segment, &s);
		if (!within_limit(&s, offset, size))
			return fault(e, segment == VCPU_SS ? VECTOR_SS : VECTOR_GP, 0);
		*linear = (uint32_t)(s.base + offset);
	} else if (segment == VCPU_FS || segment == VCPU_GS) {
		*linear += segment_base(&e->machine, segment);
	}
	return 0;
}

/*
 * Data breakpoints (SDM 18.2.4, 18.2.5), of which the processor sees nothing when it does not make the access itself.
 * DR0 to DR3 are the guest's as long as it is loaded.
 */
static void watch(struct execution *e, uint64_t linear, unsigned size, bool write)
{
	static const uint8_t lengths[] = { 1, 2, 8, 4 };
	const uint64_t address[] = { DR_READ(0), DR_READ(1), DR_READ(2), DR_READ(3) };
	unsigned i;

	for (i = 0; i < 4; i++) {
		unsigned kind = e->dr7 >> (16 + 4 * i) & 3, length = lengths[e->dr7 >> (18 + 4 * i) & 3];
		uint64_t first = address[i] & -(uint64_t)length;

		if (e->dr7 >> 2 * i & 3 && (kind == DR7_ALL || (kind == DR7_WRITES && write)) && linear < first + length &&
		    first < linear + size)
			e->hits |= 1ULL << i;
	}
}

static int access(struct machine *m, unsigned segment, uint64_t offset, unsigned size, bool write, uint64_t *value)
{
	struct execution *e = (struct execution *)m;
	uint64_t linear, gpa;

	if (linear_of(e, segment, offset, size, &linear))
		return -1;
	if ((linear & (PAGE_SIZE - 1)) + size > PAGE_SIZE) {
		if (access_split(e, linear, size, write, value))
			return -1;
	} else {
		if (locate(e, linear, write, &gpa))
			return -1;
		touch(e->vcpu, gpa, size, write, value);
	}
	if (e->dr7 & DR7_ENABLED)
		watch(e, linear, size, write);
	return 0;
}

static int read_memory(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = 0;
	return access(m, segment, offset, size, false, value);
}

static int write_memory(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t value)
{
	return access(m, segment, offset, size, true, &value);
}

static int probe_write(struct machine *m, unsigned segment, uint64_t offset, unsigned size)
{
	struct execution *e = (struct execution *)m;
	uint64_t linear, gpa;

	if (linear_of(e, segment, offset, size, &linear) || locate(e, linear, true, &gpa))
		return -1;
	return (linear & (PAGE_SIZE - 1)) + size > PAGE_SIZE ? locate(e, linear + size - 1, true, &gpa) : 0;
}

static int in(struct machine *m, uint16_t port, unsigned size, uint64_t *value)
{
	struct bus_access a = { .address = port, .size = (uint8_t)size, .vcpu = vcpu_of(m) };

	vcpu_port(vcpu_of(m), &a);
	*value = a.value;
	return 0;
}

static int out(struct machine *m, uint16_t port, unsigned size, uint64_t value)
{
	struct bus_access a = { .address = port, .size = (uint8_t)size, .write = true, .value = value, .vcpu = vcpu_of(m) };

	vcpu_port(vcpu_of(m), &a);
	return 0;
}

static const struct machine vcpu_machine = {
	.can_continue = can_continue,
	.read_gpr = read_gpr,
	.write_gpr = write_gpr,
	.rip = rip,
	.rflags = rflags,
	.set_rflags = set_rflags,
	.segment_base = segment_base,
	.read_memory = read_memory,
	.write_memory = write_memory,
	.probe_write = probe_write,
	.in = in,
	.out = out,
};

static enum decode_result fetch_and_decode(struct vcpu *vcpu, const struct exit *exit, enum instruction_mode mode,
                                           struct instruction *instruction)
{
	uint8_t copy[INSTRUCTION_MAX];
	unsigned count = exit->opcode_count;
	const uint8_t *bytes = count ? exit->opcode : NULL;
	unsigned i;

	if (!bytes && mode == MODE_64 && !(vcpu_ops->read(vcpu, VCPU_CR4) & CR4_LA57))
		bytes = vcpu_peek(vcpu, vcpu_ops->read(vcpu, VCPU_CR3), vcpu_ops->read(vcpu, VCPU_RIP), &count);

	/* Copy before use: another vCPU may write here at this moment. */
	if (bytes) {
		if (count > INSTRUCTION_MAX)
			count = INSTRUCTION_MAX;
		for (i = 0; i < count; i++)
			copy[i] = bytes[i];
		if (decode(copy, count, mode, instruction) == DECODE_OK)
			return DECODE_OK;
	}
	count = vcpu_fetch(vcpu, copy);
	return count ? decode(copy, count, mode, instruction) : DECODE_SHORT;
}

/* Bytes of the stack pointer: 8 in 64-bit mode, else by SS.B (SDM 6.2.3). */
static uint8_t stack_size(struct vcpu *vcpu, enum instruction_mode mode)
{
	struct segment ss;

	if (mode == MODE_64)
		return 8;
	vcpu_ops->read_segment(vcpu, VCPU_SS, &ss);
	return ss.attributes & SEGMENT_DB ? 4 : 2;
}

/* The traps behind an instruction, or behind an iteration of one that is not over (SDM 18.3.1.2, 18.3.1.4). */
static void finish(struct execution *e, unsigned length)
{
	struct vcpu *vcpu = e->vcpu;

	if (length || e->hits || single_stepped(vcpu))
		vcpu_ops->advance(vcpu, length);
	if (!e->hits)
		return;
	vcpu_ops->write(vcpu, VCPU_DR6, vcpu_ops->read(vcpu, VCPU_DR6) | e->hits);
	if (!vcpu_ops->event_pending(vcpu)) /* a single step's #DB tells both */
		vcpu_exception(vcpu, VECTOR_DB);
}

enum verdict vcpu_emulate(struct vcpu *vcpu, struct exit *exit)
{
	struct execution e = { .machine = vcpu_machine, .vcpu = vcpu, .exit = exit };
	struct instruction i;

	e.machine.mode = vcpu_mode(vcpu);
	e.machine.stack_size = stack_size(vcpu, e.machine.mode);
	switch (fetch_and_decode(vcpu, exit, e.machine.mode, &i)) {
	case DECODE_OK:
		break;
	case DECODE_SHORT:
		return VERDICT_RETRY; /* the code is gone: the guest fetches again and faults by itself */
	default:
		vcpu_exception(vcpu, VECTOR_UD);
		return VERDICT_RETRY;
	}
	e.single_operand = exit->kind == EXIT_MEMORY && i.has_memory && i.operation != OP_PUSH && i.operation != OP_POP;
	if (i.operation >= OP_MOVS && i.operation <= OP_OUTS)
		e.dr7 = vcpu_ops->read(vcpu, VCPU_DR7);
	switch (emulate(&e.machine, &i)) {
	case EMULATE_DONE:
		finish(&e, i.length);
		return VERDICT_RETRY;
	case EMULATE_AGAIN:
		finish(&e, 0);
		return VERDICT_RETRY;
	case EMULATE_FAULT:
		return VERDICT_RETRY;
	default:
		log_error(vcpu->partition->name, "vCPU %u: the instruction at RIP is not emulated on %s %#llx", vcpu->index,
		          exit->kind == EXIT_MEMORY ? "guest-physical address" : "port",
		          (unsigned long long)(exit->kind == EXIT_MEMORY ? exit->memory.gpa : exit->pio.port));
		return VERDICT_STOP;
	}
}
