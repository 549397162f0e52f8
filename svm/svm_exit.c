/* SPDX-License-Identifier: MIT */
/* #VMEXIT into struct exit. */
#include "arch/x86/msr.h"
#include "kernel/emulate.h"
#include "kernel/vcpu_emulate.h"
#include "svm/svm.h"

#define OPCODE_HLT 0xf4

/* Exits that need no decoding beyond their kind. */
static const uint8_t simple_kind[256] = {
	[SVM_EXIT_INTR] = EXIT_INTERRUPT,
	[SVM_EXIT_NMI] = EXIT_NMI,
	[SVM_EXIT_INIT] = EXIT_INIT,
	[SVM_EXIT_VINTR] = EXIT_INTERRUPT_WINDOW,
	[SVM_EXIT_CPUID] = EXIT_CPUID,
	[SVM_EXIT_PAUSE] = EXIT_PAUSE,
	[SVM_EXIT_HLT] = EXIT_HLT,
	[SVM_EXIT_TASK_SWITCH] = EXIT_TASK_SWITCH,
	[SVM_EXIT_SHUTDOWN] = EXIT_SHUTDOWN,
	[SVM_EXIT_VMMCALL] = EXIT_HYPERCALL,
	[SVM_EXIT_XSETBV] = EXIT_XSETBV,
	[SVM_EXIT_INVD] = EXIT_CACHE,
	[SVM_EXIT_WBINVD] = EXIT_CACHE,
	/* Instructions that the guest's CPUID does not offer raise #UD. */
	[SVM_EXIT_RSM] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_INVLPGA] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_VMRUN] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_VMLOAD] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_VMSAVE] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_STGI] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_CLGI] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_SKINIT] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_MONITOR] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_MWAIT] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_MWAIT_ARMED] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_RDPRU] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_INVLPGB] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_INVLPGB_ILLEGAL] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_MCOMMIT] = EXIT_INVALID_OPCODE,
	[SVM_EXIT_TLBSYNC] = EXIT_INVALID_OPCODE,
};

/* EXITINFO1 of an I/O exit, APM 15.10.2. */
static void decode_pio(const struct vmcb *vmcb, struct exit *exit)
{
	uint64_t info = vmcb->exit_info1;

	exit->kind = EXIT_PIO;
	exit->length = (uint8_t)(vmcb->exit_info2 - vmcb->rip);
	exit->pio = (struct exit_pio){
		.port = (uint16_t)(info >> 16),
		.size = info >> 4 & 7,
		.write = !(info & 1),
		.string = info >> 2 & 1,
		.rep = info >> 3 & 1,
	};
}

/* EXITINFO1 of a nested page fault, APM 15.25.6. */
static __attribute__((noinline)) void decode_npf(const struct vmcb *vmcb, struct exit *exit)
{
	uint64_t info = vmcb->exit_info1;
	unsigned i;

	exit->kind = EXIT_MEMORY;
	exit->memory = (struct exit_memory){
		.gpa = vmcb->exit_info2,
		.present = info & 1,
		.write = info >> 1 & 1,
		.fetch = info >> 4 & 1,
		.page_walk = info >> 33 & 1,
	};
	if (svm_features.decode_assists && vmcb->insn_count <= sizeof(exit->opcode)) {
		exit->opcode_count = vmcb->insn_count;
		for (i = 0; i < vmcb->insn_count; i++)
			exit->opcode[i] = vmcb->insn_bytes[i];
	}
}

static void decode_exception(struct vcpu *vcpu, const struct vmcb *vmcb, struct exit *exit, uint8_t vector)
{
	exit->kind = EXIT_EXCEPTION;
	exit->exception = (struct event){
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = vector == VECTOR_AC || vector == VECTOR_PF || vector == VECTOR_GP,
		.error = (uint32_t)vmcb->exit_info1,
	};
	if (vector == VECTOR_DB && svm_of(vcpu)->stepping)
		svm_step_done(vcpu, exit);
}

/*
 * QEMU's TCG writes the interrupt shadow at #VMEXIT and does not read it at VMRUN (APM 15.21.5): what waits would come
 * between STI and HLT, and the guest would sleep over what it waits for. So the HLT is taken as executed: nothing can
 * come before it.
 */
static bool halts_in_shadow(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	uint8_t bytes[INSTRUCTION_MAX];

	return vmcb->interrupt_shadow & INTERRUPT_SHADOW && vmcb->cpl == 0 && !(vmcb->rflags & RFLAGS_TF) &&
	       vcpu_fetch(vcpu, bytes) && bytes[0] == OPCODE_HLT;
}

static __attribute__((noinline)) void decode_other(struct vcpu *vcpu, const struct vmcb *vmcb, struct exit *exit)
{
	uint64_t code = vmcb->exit_code;

	if (code >= SVM_EXIT_EXCEPTION && code < SVM_EXIT_EXCEPTION + 32) {
		decode_exception(vcpu, vmcb, exit, (uint8_t)(code - SVM_EXIT_EXCEPTION));
	} else if (code == SVM_EXIT_INTR && halts_in_shadow(vcpu, vmcb)) {
		exit->kind = EXIT_HLT;
		exit->length = 1;
	} else if (code == SVM_EXIT_IRET) {
		svm_iret(vcpu);
		exit->kind = EXIT_INTERRUPT_WINDOW;
	} else if (code == SVM_EXIT_CR8_WRITE) {
		svm_cr8(vcpu);
		exit->kind = EXIT_INTERRUPT_WINDOW;
	} else if (code == SVM_EXIT_RDPMC) {
		/* No performance counters are offered: #GP(0), as for a counter that does not exist. */
		exit->kind = EXIT_EXCEPTION;
		exit->exception = (struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true };
	} else if ((uint32_t)code == (uint32_t)SVM_EXIT_INVALID) { /* some write the lower half only */
		exit->kind = EXIT_ENTRY_FAILURE;
	} else {
		exit->kind = code < sizeof(simple_kind) ? simple_kind[code] : EXIT_UNKNOWN;
	}
}

/* An event that the exit interrupted is delivered again, except INT n, INT3 and INTO: those are executed again. */
static __attribute__((noinline)) void decode_interrupted(const struct vmcb *vmcb, struct exit *exit)
{
	uint64_t info = vmcb->exit_int_info;
	uint8_t type = info >> EVENT_TYPE_SHIFT & 7, vector = (uint8_t)info;

	if (type == EVENT_SOFTWARE || (type == EVENT_EXCEPTION && (vector == 3 || vector == 4)))
		return;
	exit->interrupted = (struct event){
		.valid = true,
		.type = type,
		.vector = vector,
		.has_error = (info & EVENT_HAS_ERROR) != 0,
		.error = (uint32_t)(info >> 32),
	};
}

/* Exits that leave RIP at an instruction to be skipped, as bits from SVM_EXIT_CPUID on. */
#define LENGTH_EXITS (EXIT_BIT(CPUID) | EXIT_BIT(INVD) | EXIT_BIT(PAUSE) | EXIT_BIT(HLT) | EXIT_BIT(MSR) | \
	EXIT_BIT(VMMCALL) | EXIT_BIT(WBINVD) | EXIT_BIT(XSETBV))
#define EXIT_BIT(name) (1u << (SVM_EXIT_##name - SVM_EXIT_CPUID))

static bool needs_length(uint64_t code)
{
	return code - SVM_EXIT_CPUID < 32 && LENGTH_EXITS >> (code - SVM_EXIT_CPUID) & 1;
}

static unsigned length_of(struct vcpu *vcpu, const struct vmcb *vmcb)
{
	return svm_features.nrip_save ? (uint8_t)(vmcb->next_rip - vmcb->rip) : svm_length(vcpu, vmcb->exit_code);
}

/* All but the length. No call but the last one: this is the way of every exit. */
static void decode_kind(struct vcpu *vcpu, const struct vmcb *vmcb, struct exit *exit)
{
	uint64_t code = vmcb->exit_code;

	if (code == SVM_EXIT_MSR) {
		exit->kind = vmcb->exit_info1 ? EXIT_WRMSR : EXIT_RDMSR;
		exit->msr = (uint32_t)vcpu->gpr[RCX];
	} else if (code == SVM_EXIT_NPF) {
		decode_npf(vmcb, exit);
	} else if (code == SVM_EXIT_IOIO) {
		decode_pio(vmcb, exit);
	} else if (code == SVM_EXIT_CPUID || code == SVM_EXIT_HLT) {
		exit->kind = simple_kind[code];
	} else {
		decode_other(vcpu, vmcb, exit);
	}
}

void svm_decode(struct vcpu *vcpu, const struct vmcb *vmcb, struct exit *exit)
{
	exit->length = 0;
	exit->opcode_count = 0;
	exit->interrupted.valid = false;
	if (vmcb->exit_int_info & EVENT_VALID)
		decode_interrupted(vmcb, exit);
	if (needs_length(vmcb->exit_code)) {
		exit->length = (uint8_t)length_of(vcpu, vmcb);
		if (!exit->length) {
			/* Another vCPU took the code away meanwhile: the guest fetches again and gets its own fault. */
			exit->kind = EXIT_INTERRUPT_WINDOW;
			return;
		}
	}
	decode_kind(vcpu, vmcb, exit);
}
