/* SPDX-License-Identifier: MIT */
/*
 * Without nRIP save (APM 15.7.1) the processor does not say where the next instruction is. The instruction is looked up
 * in the guest's memory: nearly always it is the plain opcode, else the decoder counts its prefixes.
 */
#include "arch/x86/msr.h"
#include "kernel/emulate.h"
#include "kernel/vcpu_emulate.h"
#include "svm/svm.h"

#define PAGE_OFFSET(address) ((address) & (PAGE_SIZE - 1))
#define WORD_LAST (PAGE_SIZE - sizeof(uint32_t)) /* offset of a page's last word */

/* The plain instruction, first byte lowest, and the bits of it that tell. */
struct opcode {
	uint32_t value, mask;
	uint8_t length;
};

static const struct opcode opcodes[] = {
	[SVM_EXIT_CPUID - SVM_EXIT_CPUID] = { 0xa20f, 0xffff, 2 },
	[SVM_EXIT_INVD - SVM_EXIT_CPUID] = { 0x080f, 0xffff, 2 },
	[SVM_EXIT_PAUSE - SVM_EXIT_CPUID] = { 0x90f3, 0xffff, 2 },
	[SVM_EXIT_HLT - SVM_EXIT_CPUID] = { 0xf4, 0xff, 1 },
	[SVM_EXIT_MSR - SVM_EXIT_CPUID] = { 0x300f, 0xfdff, 2 }, /* WRMSR is 0f 30, RDMSR 0f 32 */
	[SVM_EXIT_VMMCALL - SVM_EXIT_CPUID] = { 0xd9010f, 0xffffff, 3 },
	[SVM_EXIT_WBINVD - SVM_EXIT_CPUID] = { 0x090f, 0xffff, 2 },
	[SVM_EXIT_XSETBV - SVM_EXIT_CPUID] = { 0xd1010f, 0xffffff, 3 },
};

static bool is_plain(const struct opcode *opcode, const uint8_t *bytes)
{
	uint32_t word;

	__builtin_memcpy(&word, bytes, sizeof(word)); /* one load: no call, though the environment is freestanding */
	return (word & opcode->mask) == opcode->value;
}

/* Remembers the page of the instruction; NULL when that takes the long way. */
static const uint8_t *find_page(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);
	const struct vmcb *v = s->vmcb;
	const uint8_t *bytes;
	unsigned left;

	if (!(v->efer & EFER_LMA) || !(v->cs.attributes & VMCB_SEGMENT_L) || v->cr4 & CR4_LA57)
		return NULL;
	bytes = vcpu_peek(vcpu, v->cr3, v->rip, &left);
	if (!bytes)
		return NULL;
	s->code = bytes - PAGE_OFFSET(v->rip);
	s->code_cr3 = v->cr3;
	s->code_page = v->rip / PAGE_SIZE;
	return s->code;
}

/* Not inlined: its registers need not be saved on the short way. */
static __attribute__((noinline)) unsigned look_up(struct vcpu *vcpu, const struct opcode *opcode)
{
	uint8_t copy[INSTRUCTION_MAX];
	struct instruction instruction;
	unsigned count, offset = PAGE_OFFSET(svm_of(vcpu)->vmcb->rip);

	if (offset <= WORD_LAST) {
		const uint8_t *page = find_page(vcpu);

		if (page && is_plain(opcode, page + offset))
			return opcode->length;
	}
	count = vcpu_fetch(vcpu, copy);
	if (!count || decode(copy, count, vcpu_mode(vcpu), &instruction) != DECODE_OK)
		return 0;
	return instruction.length;
}

/*
 * The remembered page may be stale: what is read there is only compared. The exit says which instruction it was; where
 * that one stands without prefixes, its length follows. Only a guest that maps a prefixed copy of its code over a plain
 * one, at the same address, is taken at its old word, and then it is its own RIP that is off by the prefix.
 */
unsigned svm_length(struct vcpu *vcpu, uint64_t code)
{
	const struct opcode *opcode = &opcodes[code - SVM_EXIT_CPUID];
	const struct svm_vcpu *s = svm_of(vcpu);
	uint64_t rip = s->vmcb->rip, offset = PAGE_OFFSET(rip);

	if (s->code_page == rip / PAGE_SIZE && s->code_cr3 == s->vmcb->cr3 && offset <= WORD_LAST &&
	    is_plain(opcode, s->code + offset))
		return opcode->length;
	return look_up(vcpu, opcode);
}
