/* SPDX-License-Identifier: MIT */
/*
 * Without nRIP save (APM 15.7.1) the processor does not say where the next instruction is. The instruction is looked up
 * in the guest's memory: nearly always it is the plain opcode, else the decoder counts its prefixes.
 */
#include "arch/x86/msr.h"
#include "kernel/emulate.h"
#include "kernel/vcpu_emulate.h"
#include "svm/svm.h"

struct opcode {
	uint8_t count;
	uint8_t bytes[3];
};

static const struct opcode opcodes[] = {
	[SVM_EXIT_CPUID - SVM_EXIT_CPUID] = { 2, { 0x0f, 0xa2 } },
	[SVM_EXIT_INVD - SVM_EXIT_CPUID] = { 2, { 0x0f, 0x08 } },
	[SVM_EXIT_PAUSE - SVM_EXIT_CPUID] = { 2, { 0xf3, 0x90 } },
	[SVM_EXIT_HLT - SVM_EXIT_CPUID] = { 1, { 0xf4 } },
	[SVM_EXIT_MSR - SVM_EXIT_CPUID] = { 2, { 0x0f, 0x32 } },
	[SVM_EXIT_VMMCALL - SVM_EXIT_CPUID] = { 3, { 0x0f, 0x01, 0xd9 } },
	[SVM_EXIT_WBINVD - SVM_EXIT_CPUID] = { 2, { 0x0f, 0x09 } },
	[SVM_EXIT_XSETBV - SVM_EXIT_CPUID] = { 3, { 0x0f, 0x01, 0xd1 } },
};

bool svm_needs_length(uint64_t code)
{
	return code - SVM_EXIT_CPUID < sizeof(opcodes) / sizeof(opcodes[0]) && opcodes[code - SVM_EXIT_CPUID].count;
}

static bool is_plain(const struct opcode *opcode, const uint8_t *bytes, unsigned count)
{
	uint8_t second;

	if (count < opcode->count || bytes[0] != opcode->bytes[0])
		return false;
	if (opcode->count == 1)
		return true;
	second = bytes[1];
	if (second == 0x30) /* WRMSR leaves by the same exit as RDMSR */
		second = 0x32;
	return second == opcode->bytes[1] && (opcode->count == 2 || bytes[2] == opcode->bytes[2]);
}

unsigned svm_length(struct vcpu *vcpu, uint64_t code)
{
	uint8_t copy[INSTRUCTION_MAX];
	struct instruction instruction;
	const struct vmcb *v = svm_of(vcpu)->vmcb;
	const uint8_t *bytes = NULL;
	unsigned count;

	if (v->efer & EFER_LMA && v->cs.attributes & VMCB_SEGMENT_L && !(v->cr4 & CR4_LA57))
		bytes = vcpu_peek(vcpu, v->cr3, v->rip, &count);
	if (bytes && is_plain(&opcodes[code - SVM_EXIT_CPUID], bytes, count))
		return opcodes[code - SVM_EXIT_CPUID].count;
	count = vcpu_fetch(vcpu, copy);
	if (!count || decode(copy, count, vcpu_mode(vcpu), &instruction) != DECODE_OK)
		return 0;
	return instruction.length;
}
