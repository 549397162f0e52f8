/* SPDX-License-Identifier: MIT */
/* The registers of a vCPU that is being stopped, to the log. */
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu.h"
#include "kernel/vcpu_emulate.h"

typedef unsigned long long ull;

static const char *const segment_names[VCPU_SEGMENTS] = {
	"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR", "GDTR", "IDTR",
};

static ull reg(struct vcpu *vcpu, enum vcpu_register which)
{
	return vcpu_ops->read(vcpu, which);
}

static void dump_code(struct vcpu *vcpu)
{
	uint8_t bytes[INSTRUCTION_MAX];
	unsigned i, n = vcpu_fetch(vcpu, bytes);
	char text[3 * INSTRUCTION_MAX + 1] = "";

	for (i = 0; i < n; i++) {
		text[3 * i] = "0123456789abcdef"[bytes[i] >> 4];
		text[3 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
		text[3 * i + 2] = i + 1 < n ? ' ' : 0;
	}
	log_error(vcpu->partition->name, "code at RIP: %s", n ? text : "cannot be read");
}

void vcpu_dump(struct vcpu *vcpu, const struct exit *exit)
{
	const char *who = vcpu->partition->name;
	const uint64_t *r = vcpu->gpr;
	struct segment s;
	unsigned i;

	log_error(who, "vCPU %u on core %u, exit: %s", vcpu->index, vcpu->cpu->id, exit_name(exit->kind));
	log_error(who, "RIP %016llx RSP %016llx RFLAGS %016llx EFER %llx", reg(vcpu, VCPU_RIP), reg(vcpu, VCPU_RSP),
	          reg(vcpu, VCPU_RFLAGS), reg(vcpu, VCPU_EFER));
	log_error(who, "RAX %016llx RBX %016llx RCX %016llx RDX %016llx", (ull)r[RAX], (ull)r[RBX], (ull)r[RCX], (ull)r[RDX]);
	log_error(who, "RSI %016llx RDI %016llx RBP %016llx R8  %016llx", (ull)r[RSI], (ull)r[RDI], (ull)r[RBP], (ull)r[R8]);
	log_error(who, "R9  %016llx R10 %016llx R11 %016llx R12 %016llx", (ull)r[R9], (ull)r[R10], (ull)r[R11], (ull)r[R12]);
	log_error(who, "R13 %016llx R14 %016llx R15 %016llx", (ull)r[R13], (ull)r[R14], (ull)r[R15]);
	log_error(who, "CR0 %08llx CR2 %016llx CR3 %016llx CR4 %08llx", reg(vcpu, VCPU_CR0), reg(vcpu, VCPU_CR2),
	          reg(vcpu, VCPU_CR3), reg(vcpu, VCPU_CR4));
	for (i = 0; i < VCPU_SEGMENTS; i++) {
		vcpu_ops->read_segment(vcpu, (enum vcpu_segment)i, &s);
		log_error(who, "%-4s %04x base %016llx limit %08x attributes %05x", segment_names[i], s.selector, (ull)s.base,
		          s.limit, s.attributes);
	}
	dump_code(vcpu);
	vcpu_ops->dump(vcpu, exit);
}
