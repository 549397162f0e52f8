/* SPDX-License-Identifier: MIT */
/* Hardware task switches between 32-bit tasks (SDM 8.3), which VT-x leaves to software (SDM 26.4.2). */
#include <stddef.h>
#include <string.h>

#include "arch/x86/layout.h"
#include "arch/x86/msr.h"
#include "kernel/exit_handlers.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu_translate.h"

enum { REASON_CALL, REASON_IRET, REASON_JMP, REASON_GATE };

#define RFLAGS_NT (1ULL << 14)
#define DR6_BT    (1ULL << 15)
#define DR7_LOCAL 0x155ULL /* L0..L3, LE */
#define VECTOR_NP 11

#define SELECTOR_TI  4u
#define SELECTOR_RPL 3u

/* Descriptor types, SDM 3.4.5.1 and 3.5. */
#define TYPE_LDT      2
#define TYPE_TSS_32   9
#define TYPE_BUSY     2 /* a bit of the TSS types */
#define TYPE_ACCESSED 1
#define TYPE_WRITABLE 2 /* of data; readable, of code */
#define TYPE_CONFORMING 4
#define TYPE_CODE     8
#define SEGMENT_S     (1u << 4)

/* 32-bit task-state segment, SDM figure 8-2. Only from EIP to GS is it written. */
struct tss {
	uint32_t link, stacks[6], cr3, eip, eflags;
	uint32_t gpr[8];      /* in the order of enum gpr */
	uint32_t selector[6]; /* in the order of enum vcpu_segment */
	uint32_t ldt;
	uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "SDM figure 8-2");

#define TSS_SAVED      offsetof(struct tss, eip)
#define TSS_SAVED_SIZE (offsetof(struct tss, ldt) - TSS_SAVED)

static bool fault(struct vcpu *vcpu, uint8_t vector, uint32_t error)
{
	vcpu_exception_error(vcpu, vector, error);
	return false;
}

/* --- memory, as the processor itself reaches its tables; false: a page fault is in the guest --- */

static bool copy(struct vcpu *vcpu, uint32_t linear, void *data, uint32_t size, enum translate_access access)
{
	struct guest_memory *memory = &vcpu->partition->memory;
	uint8_t *bytes = data;
	uint64_t gpa;
	uint32_t error, part;

	for (; size; linear += part, bytes += part, size -= part) {
		part = PAGE_SIZE - (linear & (PAGE_SIZE - 1));
		if (part > size)
			part = size;
		switch (vcpu_translate(vcpu, linear, access, &gpa, &error)) {
		case TRANSLATE_OK:
			break;
		case TRANSLATE_PAGE_FAULT:
			vcpu_ops->write(vcpu, VCPU_CR2, linear);
			return fault(vcpu, VECTOR_PF, error);
		default:
			return false;
		}
		/* What is not RAM reads as ones and swallows writes. */
		if (access == TRANSLATE_SYSTEM_WRITE)
			guest_write(memory, gpa, bytes, part);
		else if (guest_read(memory, gpa, bytes, part))
			memset(bytes, 0xff, part);
	}
	return true;
}

static bool load(struct vcpu *vcpu, uint32_t linear, void *data, uint32_t size)
{
	return copy(vcpu, linear, data, size, TRANSLATE_SYSTEM_READ);
}

static bool store(struct vcpu *vcpu, uint32_t linear, void *data, uint32_t size)
{
	return copy(vcpu, linear, data, size, TRANSLATE_SYSTEM_WRITE);
}

/* --- descriptors --- */

struct descriptor {
	uint32_t address;  /* linear, of the descriptor itself */
	uint32_t word[2];
	struct segment segment;
};

static unsigned dpl(const struct segment *s)
{
	return s->attributes >> 5 & 3;
}

static unsigned type(const struct segment *s)
{
	return s->attributes & 15;
}

/* The descriptor that `selector` names; `vector` (with the selector) when it is outside its table. */
static bool find(struct vcpu *vcpu, uint16_t selector, uint8_t vector, struct descriptor *d)
{
	uint32_t offset = selector & ~7u;
	struct segment table;

	vcpu_ops->read_segment(vcpu, selector & SELECTOR_TI ? VCPU_LDTR : VCPU_GDTR, &table);
	if ((selector & SELECTOR_TI && table.attributes & SEGMENT_UNUSABLE) || offset + 7 > table.limit)
		return fault(vcpu, vector, selector & ~SELECTOR_RPL);
	d->address = (uint32_t)table.base + offset;
	if (!load(vcpu, d->address, d->word, sizeof(d->word)))
		return false;
	d->segment = (struct segment){
		.base = d->word[0] >> 16 | (d->word[1] & 0xff) << 16 | (d->word[1] & 0xff000000),
		.limit = (d->word[0] & 0xffff) | (d->word[1] & 0xf0000),
		.attributes = d->word[1] >> 8 & 0xf0ff,
		.selector = selector,
	};
	if (d->segment.attributes & SEGMENT_G)
		d->segment.limit = d->segment.limit << 12 | 0xfff;
	return true;
}

static bool set_type(struct vcpu *vcpu, struct descriptor *d, unsigned new_type)
{
	d->word[1] = (d->word[1] & ~0xf00u) | new_type << 8;
	d->segment.attributes = (d->segment.attributes & ~15u) | new_type;
	return store(vcpu, d->address + 4, &d->word[1], 4);
}

/* --- the new task's segments; faults are the new task's own --- */

static bool load_ldt(struct vcpu *vcpu, uint16_t selector)
{
	struct descriptor d = { .segment = { .selector = selector, .attributes = SEGMENT_UNUSABLE } };

	if (selector & SELECTOR_TI)
		return fault(vcpu, VECTOR_TS, selector & ~SELECTOR_RPL);
	if (selector & ~SELECTOR_RPL) {
		if (!find(vcpu, selector, VECTOR_TS, &d))
			return false;
		if (d.segment.attributes & SEGMENT_S || type(&d.segment) != TYPE_LDT ||
		    !(d.segment.attributes & SEGMENT_PRESENT))
			return fault(vcpu, VECTOR_TS, selector & ~SELECTOR_RPL);
	}
	vcpu_ops->write_segment(vcpu, VCPU_LDTR, &d.segment);
	return true;
}

/* SDM table 8-1: may the segment register hold this segment? `cpl` is the new task's. */
static bool allowed(enum vcpu_segment seg, const struct segment *s, unsigned cpl)
{
	unsigned rpl = s->selector & SELECTOR_RPL, t = type(s);

	if (!(s->attributes & SEGMENT_S))
		return false;
	if (seg == VCPU_CS)
		return t & TYPE_CODE && (t & TYPE_CONFORMING ? dpl(s) <= rpl : dpl(s) == rpl);
	if (seg == VCPU_SS)
		return !(t & TYPE_CODE) && t & TYPE_WRITABLE && dpl(s) == cpl && rpl == cpl;
	if (t & TYPE_CODE && !(t & TYPE_WRITABLE))
		return false;
	return (t & TYPE_CODE && t & TYPE_CONFORMING) || dpl(s) >= (rpl > cpl ? rpl : cpl);
}

static bool load_segment(struct vcpu *vcpu, enum vcpu_segment seg, uint16_t selector, unsigned cpl)
{
	uint32_t error = selector & ~SELECTOR_RPL;
	struct descriptor d = { .segment = { .selector = selector, .attributes = SEGMENT_UNUSABLE } };

	if (!error) {
		if (seg == VCPU_CS || seg == VCPU_SS)
			return fault(vcpu, VECTOR_TS, 0);
		vcpu_ops->write_segment(vcpu, seg, &d.segment);
		return true;
	}
	if (!find(vcpu, selector, VECTOR_TS, &d))
		return false;
	if (!allowed(seg, &d.segment, cpl))
		return fault(vcpu, VECTOR_TS, error);
	if (!(d.segment.attributes & SEGMENT_PRESENT))
		return fault(vcpu, seg == VCPU_SS ? VECTOR_SS : VECTOR_NP, error);
	if (!(type(&d.segment) & TYPE_ACCESSED) && !set_type(vcpu, &d, type(&d.segment) | TYPE_ACCESSED))
		return false;
	if (seg == VCPU_CS) /* of a conforming segment, too: CPL is the DPL of SS */
		d.segment.selector = (uint16_t)(error | cpl);
	vcpu_ops->write_segment(vcpu, seg, &d.segment);
	return true;
}

static void load_v86_segments(struct vcpu *vcpu, const struct tss *tss)
{
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++) {
		const struct segment s = {
			.selector = (uint16_t)tss->selector[i],
			.base = (tss->selector[i] & 0xffff) << 4,
			.limit = 0xffff,
			.attributes = 0xf3,
		};

		vcpu_ops->write_segment(vcpu, (enum vcpu_segment)i, &s);
	}
}

/*
 * The selectors are in place before the first descriptor is read (SDM 8.3), so that a fault on the way finds the new
 * task's. None may be used; CS and SS have the new task's privilege, which the VM entry compares (SDM 27.3.1.2).
 */
static void forget_segments(struct vcpu *vcpu, const struct tss *tss, unsigned cpl)
{
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++) {
		struct segment s = { .selector = (uint16_t)tss->selector[i], .attributes = cpl << 5 };

		if (i == VCPU_CS)
			s.attributes |= SEGMENT_PRESENT | SEGMENT_S | TYPE_CODE | TYPE_WRITABLE | TYPE_ACCESSED;
		else
			s.attributes |= SEGMENT_UNUSABLE;
		vcpu_ops->write_segment(vcpu, (enum vcpu_segment)i, &s);
	}
}

static bool load_segments(struct vcpu *vcpu, const struct tss *tss)
{
	static const uint8_t order[] = { VCPU_CS, VCPU_SS, VCPU_ES, VCPU_DS, VCPU_FS, VCPU_GS };
	unsigned cpl = tss->selector[VCPU_CS] & SELECTOR_RPL, i;

	if (tss->eflags & RFLAGS_VM) {
		load_v86_segments(vcpu, tss);
		return load_ldt(vcpu, (uint16_t)tss->ldt);
	}
	forget_segments(vcpu, tss, cpl);
	if (!load_ldt(vcpu, (uint16_t)tss->ldt))
		return false;
	for (i = 0; i < sizeof(order); i++)
		if (!load_segment(vcpu, order[i], (uint16_t)tss->selector[order[i]], cpl))
			return false;
	return true;
}

/* --- the switch --- */

/* INT n may use a task gate of its own privilege or a lesser one (SDM 6.12.1.1). */
static bool check_gate(struct vcpu *vcpu, const struct exit *exit)
{
	uint32_t gate[2], offset = exit->interrupted.vector * 8u;
	struct segment idt, ss;

	if (exit->task_switch.reason != REASON_GATE || exit->interrupted.type < EVENT_SOFTWARE)
		return true;
	vcpu_ops->read_segment(vcpu, VCPU_IDTR, &idt);
	vcpu_ops->read_segment(vcpu, VCPU_SS, &ss);
	if (!load(vcpu, (uint32_t)idt.base + offset, gate, sizeof(gate)))
		return false;
	return dpl(&ss) <= (gate[1] >> 13 & 3) || fault(vcpu, VECTOR_GP, offset + 2);
}

static bool check_new(struct vcpu *vcpu, const struct descriptor *d, uint8_t reason)
{
	unsigned want = reason == REASON_IRET ? TYPE_TSS_32 | TYPE_BUSY : TYPE_TSS_32;
	uint32_t error = d->segment.selector & ~SELECTOR_RPL;

	if (d->segment.attributes & SEGMENT_S || type(&d->segment) != want)
		return fault(vcpu, reason == REASON_IRET ? VECTOR_TS : VECTOR_GP, error);
	if (!(d->segment.attributes & SEGMENT_PRESENT))
		return fault(vcpu, VECTOR_NP, error);
	return d->segment.limit >= sizeof(struct tss) - 1 || fault(vcpu, VECTOR_TS, error);
}

static bool save_old(struct vcpu *vcpu, const struct exit *exit, const struct segment *tr)
{
	uint8_t reason = exit->task_switch.reason;
	struct tss tss = {
		.eip = (uint32_t)vcpu_ops->read(vcpu, VCPU_RIP) + exit->length,
		.eflags = (uint32_t)vcpu_ops->read(vcpu, VCPU_RFLAGS),
	};
	struct descriptor d;
	struct segment s;
	unsigned i;

	if (reason == REASON_IRET)
		tss.eflags &= ~(uint32_t)RFLAGS_NT;
	for (i = 0; i < 8; i++)
		tss.gpr[i] = (uint32_t)vcpu_gpr(vcpu, i);
	for (i = VCPU_ES; i <= VCPU_GS; i++) {
		vcpu_ops->read_segment(vcpu, (enum vcpu_segment)i, &s);
		tss.selector[i] = s.selector;
	}
	if (!store(vcpu, (uint32_t)tr->base + TSS_SAVED, (uint8_t *)&tss + TSS_SAVED, TSS_SAVED_SIZE))
		return false;
	if (reason != REASON_IRET && reason != REASON_JMP)
		return true;
	return find(vcpu, tr->selector, VECTOR_TS, &d) && set_type(vcpu, &d, TYPE_TSS_32);
}

/* An interrupt shadow ends with the instruction that switches, and so does its trap flag's business. */
static void load_registers(struct vcpu *vcpu, const struct tss *tss, uint64_t eflags)
{
	uint64_t cr0 = vcpu_ops->read(vcpu, VCPU_CR0);
	unsigned i;

	vcpu_ops->write(vcpu, VCPU_RFLAGS, 0);
	vcpu_ops->advance(vcpu, 0);
	if (cr0 & CR0_PG)
		vcpu_ops->write(vcpu, VCPU_CR3, tss->cr3);
	vcpu_ops->write(vcpu, VCPU_CR0, cr0 | CR0_TS);
	vcpu_ops->write(vcpu, VCPU_DR7, vcpu_ops->read(vcpu, VCPU_DR7) & ~DR7_LOCAL);
	vcpu_ops->write(vcpu, VCPU_RIP, tss->eip);
	vcpu_ops->write(vcpu, VCPU_RFLAGS, eflags);
	for (i = 0; i < 8; i++)
		vcpu_set_gpr(vcpu, i, tss->gpr[i]);
}

/* The error code of the exception that came through a task gate goes on the new task's stack. */
static bool push_error(struct vcpu *vcpu, uint32_t error)
{
	uint32_t esp = (uint32_t)vcpu_gpr(vcpu, RSP) - 4, mask;
	struct segment ss;

	vcpu_ops->read_segment(vcpu, VCPU_SS, &ss);
	mask = ss.attributes & SEGMENT_DB ? UINT32_MAX : 0xffff;
	if (!store(vcpu, (uint32_t)ss.base + (esp & mask), &error, sizeof(error)))
		return false;
	vcpu_set_gpr(vcpu, RSP, (vcpu_gpr(vcpu, RSP) & ~(uint64_t)mask) | (esp & mask));
	return true;
}

static void switch_task(struct vcpu *vcpu, const struct exit *exit, struct descriptor *d, struct tss *tss)
{
	uint8_t reason = exit->task_switch.reason;
	bool nested = reason == REASON_CALL || reason == REASON_GATE;
	struct segment old;
	uint16_t link;

	vcpu_ops->read_segment(vcpu, VCPU_TR, &old);
	link = old.selector;
	if (!save_old(vcpu, exit, &old) || (nested && !store(vcpu, (uint32_t)d->segment.base, &link, sizeof(link))) ||
	    (reason != REASON_IRET && !set_type(vcpu, d, TYPE_TSS_32 | TYPE_BUSY)))
		return;
	vcpu_ops->write_segment(vcpu, VCPU_TR, &d->segment);
	load_registers(vcpu, tss, tss->eflags | (nested ? RFLAGS_NT : 0));
	if (!load_segments(vcpu, tss) || (exit->task_switch.has_error && !push_error(vcpu, exit->task_switch.error)))
		return;
	if (tss->trap & 1) {
		vcpu_ops->write(vcpu, VCPU_DR6, vcpu_ops->read(vcpu, VCPU_DR6) | DR6_BT);
		vcpu_exception(vcpu, VECTOR_DB);
	}
}

enum verdict exit_task_switch(struct vcpu *vcpu, struct exit *exit)
{
	struct segment old;
	struct descriptor d;
	struct tss tss;
	uint16_t selector = exit->task_switch.selector;
	uint8_t vector = exit->task_switch.reason == REASON_IRET ? VECTOR_TS : VECTOR_GP;

	/* An event that came through a task gate is delivered by the switch itself. */
	exit->interrupted.valid = false;
	vcpu_ops->read_segment(vcpu, VCPU_TR, &old);
	if (!check_gate(vcpu, exit))
		return VERDICT_RETRY;
	if (!(selector & ~SELECTOR_RPL) || selector & SELECTOR_TI) {
		fault(vcpu, vector, selector & ~SELECTOR_RPL);
		return VERDICT_RETRY;
	}
	if (!find(vcpu, selector, vector, &d))
		return VERDICT_RETRY;
	if (!(d.segment.attributes & SEGMENT_S) && ((type(&d.segment) & ~TYPE_BUSY) == 1 || (type(&old) & 8) == 0)) {
		log_error(vcpu->partition->name, "vCPU %u: task switch from or to a 16-bit task: not supported",
		          vcpu->index);
		return VERDICT_STOP;
	}
	if (check_new(vcpu, &d, exit->task_switch.reason) && load(vcpu, (uint32_t)d.segment.base, &tss, sizeof(tss)))
		switch_task(vcpu, exit, &d, &tss);
	return VERDICT_RETRY;
}
