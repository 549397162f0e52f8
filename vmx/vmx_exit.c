/* SPDX-License-Identifier: MIT */
/* VM exit into struct exit. Every kind reads only the fields that it needs (SDM 28.2). */
#include "arch/x86/msr.h"
#include "vmx/vmx.h"

#define TASK_GATE     3 /* source of a task switch */
#define APIC_EOI      0xb0

typedef void decoder(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit);

/* An instruction that exits leaves RIP at itself. */
struct reason {
	uint8_t kind;
	bool skip;       /* it can be skipped: read its length */
	decoder *decode; /* what more there is to read */
};

static void cannot_count(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	(void)vcpu;
	(void)s;
	/* No performance counters are offered: #GP(0), as for a counter that does not exist. */
	exit->exception =
		(struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true };
}

static void decode_msr(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	(void)s;
	exit->msr = (uint32_t)vcpu->gpr[RCX];
}

/* SDM table 28-5. */
static void decode_io(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint64_t q = vmread(s, EXIT_QUALIFICATION);

	(void)vcpu;
	exit->pio = (struct exit_pio){
		.port = (uint16_t)(q >> 16),
		.size = (uint8_t)((q & 7) + 1),
		.write = !(q >> 3 & 1),
		.string = q >> 4 & 1,
		.rep = q >> 5 & 1,
	};
}

/* SDM table 28-3. Outside 64-bit mode the operand has 32 bits. */
static void decode_cr(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint64_t q = vmread(s, EXIT_QUALIFICATION);
	enum { MOV_TO, MOV_FROM, CLTS, LMSW } type = q >> 4 & 3;
	uint8_t gpr = q >> 8 & 15;

	exit->cr = (struct exit_cr){ .number = q & 15, .write = type == MOV_TO, .gpr = gpr };
	if (type == CLTS) {
		exit->cr.number = 16;
	} else if (type == LMSW) {
		exit->cr.number = 17;
		exit->cr.value = q >> 16 & 0xffff;
	} else if (type == MOV_TO) {
		exit->cr.value = gpr == RSP ? vmx_get(s, FIELD_RSP) : vcpu->gpr[gpr];
		if (!(vmx_get(s, FIELD_RIGHTS + VCPU_CS) & SEGMENT_L))
			exit->cr.value = (uint32_t)exit->cr.value;
	}
}

/*
 * Exits that may have interrupted the delivery of an event (SDM 28.2.4): it is delivered again, except INT n, INT1,
 * INT3 and INTO, which are executed again.
 */
static void decode_interrupted(struct vmx_vcpu *s, struct exit *exit)
{
	uint32_t info = (uint32_t)vmread(s, IDT_VECTORING_INFO);
	uint8_t type = info >> INTERRUPTION_TYPE_SHIFT & 7;

	if (!(info & INTERRUPTION_VALID))
		return;
	exit->interrupted = (struct event){
		.valid = type < EVENT_SOFTWARE,
		.type = type,
		.vector = (uint8_t)info,
		.has_error = info & INTERRUPTION_ERROR,
		.error = info & INTERRUPTION_ERROR ? (uint32_t)vmread(s, IDT_VECTORING_ERROR) : 0,
	};
}

/* SDM table 28-2. Through a gate, only INT n, INT3 and INTO leave RIP at an instruction. */
static void decode_task_switch(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint64_t q = vmread(s, EXIT_QUALIFICATION);

	(void)vcpu;
	decode_interrupted(s, exit);
	exit->task_switch = (struct exit_task_switch){
		.selector = (uint16_t)q,
		.reason = q >> 30 & 3,
		.has_error = exit->interrupted.has_error,
		.error = exit->interrupted.error,
	};
	if (exit->task_switch.reason == TASK_GATE && exit->interrupted.type < EVENT_SOFTWARE)
		exit->length = 0;
}

/* IRET had ended the blocking of NMIs before it faulted: it is executed again, so block them again (SDM 28.2.3). */
static void block_nmi_again(struct vmx_vcpu *s, bool was_iret, const struct exit *exit)
{
	if (was_iret && !exit->interrupted.valid)
		vmx_set(s, FIELD_INTERRUPTIBILITY, vmx_get(s, FIELD_INTERRUPTIBILITY) | BLOCKING_NMI);
}

/* SDM table 28-7. */
static void decode_violation(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint64_t q = vmread(s, EXIT_QUALIFICATION);

	(void)vcpu;
	decode_interrupted(s, exit);
	exit->memory = (struct exit_memory){
		.gpa = vmread(s, GUEST_PHYSICAL_ADDRESS),
		.write = q >> 1 & 1,
		.fetch = q >> 2 & 1,
		.present = q >> 3 & 7,
		.page_walk = (q >> 7 & 3) == 1, /* a linear address, but the access was not to its translation */
	};
	block_nmi_again(s, q & INTERRUPTION_NMI_UNBLOCK, exit);
}

static void decode_misconfiguration(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	(void)vcpu;
	decode_interrupted(s, exit);
	exit->memory = (struct exit_memory){ .gpa = vmread(s, GUEST_PHYSICAL_ADDRESS), .present = true };
}

/*
 * The exit comes before DR6 and DR7 are changed (SDM 28.1). Injection will not put a single step back under an
 * interrupt shadow, so the entry's check of the pending debug exceptions must find it there (SDM 27.3.1.5).
 */
static void decode_debug(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	vmx_debug_causes(vcpu, vmread(s, EXIT_QUALIFICATION));
	if (exit->exception.type == INTERRUPTION_ICEBP)
		exit->exception.length = (uint8_t)vmread(s, EXIT_INSTRUCTION_LENGTH);
	else if (vmx_get(s, FIELD_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS) &&
	         vmx_get(s, FIELD_RFLAGS) & RFLAGS_TF)
		vmx_set(s, FIELD_PENDING_DEBUG, vmx_get(s, FIELD_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

static void decode_exception(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint32_t info = (uint32_t)vmread(s, EXIT_INTERRUPTION_INFO);
	uint8_t type = info >> INTERRUPTION_TYPE_SHIFT & 7;

	decode_interrupted(s, exit);
	if (type == EVENT_NMI) {
		/* The machine's own. NMIs are blocked now: the handler's IRET opens them again. */
		exit->kind = EXIT_NMI;
		__asm__ volatile("int $2" : : : "memory");
		return;
	}
	exit->exception = (struct event){
		.valid = true,
		.type = type,
		.vector = (uint8_t)info,
		.has_error = info & INTERRUPTION_ERROR,
		.error = info & INTERRUPTION_ERROR ? (uint32_t)vmread(s, EXIT_INTERRUPTION_ERROR) : 0,
	};
	block_nmi_again(s, info & INTERRUPTION_NMI_UNBLOCK, exit);
	if (exit->exception.vector == VECTOR_DB)
		decode_debug(vcpu, s, exit);
}

static void end_nmi_window(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	(void)vcpu;
	(void)exit;
	vmx_set(s, FIELD_PRIMARY, s->field[FIELD_PRIMARY] & ~(uint64_t)PRIMARY_NMI_WINDOW);
}

/* Trap-like: RIP is at the next instruction (SDM 30.1.4, 30.5). */
static void decode_eoi(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	(void)vcpu;
	exit->apic_write =
		(struct exit_apic_write){ .offset = APIC_EOI, .vector = (uint8_t)vmread(s, EXIT_QUALIFICATION) };
}

static void decode_apic_write(struct vcpu *vcpu, struct vmx_vcpu *s, struct exit *exit)
{
	uint16_t offset = vmread(s, EXIT_QUALIFICATION) & 0xff0;

	exit->apic_write =
		(struct exit_apic_write){ .offset = offset, .vector = (uint8_t)vcpu->apic.regs[offset / 4] };
}

static const struct reason reasons[REASONS] = {
	[REASON_EXCEPTION] = { EXIT_EXCEPTION, .decode = decode_exception },
	[REASON_EXTERNAL_INTERRUPT] = { EXIT_INTERRUPT },
	[REASON_TRIPLE_FAULT] = { EXIT_SHUTDOWN },
	[REASON_INIT] = { EXIT_INIT },
	[REASON_INTERRUPT_WINDOW] = { EXIT_INTERRUPT_WINDOW },
	[REASON_NMI_WINDOW] = { EXIT_NMI_WINDOW, .decode = end_nmi_window },
	[REASON_TASK_SWITCH] = { EXIT_TASK_SWITCH, .skip = true, .decode = decode_task_switch },
	[REASON_CPUID] = { EXIT_CPUID, .skip = true },
	[REASON_HLT] = { EXIT_HLT, .skip = true },
	[REASON_INVD] = { EXIT_CACHE, .skip = true },
	[REASON_WBINVD] = { EXIT_CACHE, .skip = true },
	[REASON_RDPMC] = { EXIT_EXCEPTION, .decode = cannot_count },
	[REASON_VMCALL] = { EXIT_HYPERCALL, .skip = true },
	[REASON_CR] = { EXIT_CR, .skip = true, .decode = decode_cr },
	[REASON_IO] = { EXIT_PIO, .skip = true, .decode = decode_io },
	[REASON_RDMSR] = { EXIT_RDMSR, .skip = true, .decode = decode_msr },
	[REASON_WRMSR] = { EXIT_WRMSR, .skip = true, .decode = decode_msr },
	[REASON_PAUSE] = { EXIT_PAUSE, .skip = true },
	[REASON_TPR_THRESHOLD] = { EXIT_INTERRUPT_WINDOW },
	[REASON_VIRTUAL_EOI] = { EXIT_APIC_WRITE, .decode = decode_eoi },
	[REASON_APIC_WRITE] = { EXIT_APIC_WRITE, .decode = decode_apic_write },
	[REASON_EPT_VIOLATION] = { EXIT_MEMORY, .decode = decode_violation },
	[REASON_EPT_MISCONFIGURATION] = { EXIT_MEMORY, .decode = decode_misconfiguration },
	[REASON_PREEMPTION_TIMER] = { EXIT_TIMER },
	[REASON_XSETBV] = { EXIT_XSETBV, .skip = true },
	/* Instructions that the guest's CPUID does not offer raise #UD. */
	[REASON_GETSEC] = { EXIT_INVALID_OPCODE },
	[REASON_RSM] = { EXIT_INVALID_OPCODE },
	[REASON_VMCLEAR] = { EXIT_INVALID_OPCODE },
	[REASON_VMLAUNCH] = { EXIT_INVALID_OPCODE },
	[REASON_VMPTRLD] = { EXIT_INVALID_OPCODE },
	[REASON_VMPTRST] = { EXIT_INVALID_OPCODE },
	[REASON_VMREAD] = { EXIT_INVALID_OPCODE },
	[REASON_VMRESUME] = { EXIT_INVALID_OPCODE },
	[REASON_VMWRITE] = { EXIT_INVALID_OPCODE },
	[REASON_VMXOFF] = { EXIT_INVALID_OPCODE },
	[REASON_VMXON] = { EXIT_INVALID_OPCODE },
	[REASON_MWAIT] = { EXIT_INVALID_OPCODE },
	[REASON_MONITOR] = { EXIT_INVALID_OPCODE },
	[REASON_INVEPT] = { EXIT_INVALID_OPCODE },
	[REASON_INVVPID] = { EXIT_INVALID_OPCODE },
	[REASON_INVPCID] = { EXIT_INVALID_OPCODE },
	[REASON_VMFUNC] = { EXIT_INVALID_OPCODE },
	[REASON_ENCLS] = { EXIT_INVALID_OPCODE },
	[REASON_ENCLV] = { EXIT_INVALID_OPCODE },
};

void vmx_decode(struct vcpu *vcpu, struct exit *exit)
{
	static const struct reason unknown = { .kind = EXIT_UNKNOWN };
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint32_t code = (uint32_t)vmread(s, EXIT_REASON);
	const struct reason *reason = code < REASONS ? &reasons[code] : &unknown;

	if (code & REASON_ENTRY_FAILURE) {
		vmx_decode_failure(exit);
		return;
	}
	s->launched = true;
	exit->length = 0;
	exit->opcode_count = 0;
	exit->interrupted = (struct event){ .valid = false };
	exit->kind = (enum exit_kind)reason->kind;
	if (reason->skip)
		exit->length = (uint8_t)vmread(s, EXIT_INSTRUCTION_LENGTH);
	if (reason->decode)
		reason->decode(vcpu, s, exit);
}

void vmx_decode_failure(struct exit *exit)
{
	*exit = (struct exit){ .kind = EXIT_ENTRY_FAILURE };
}
