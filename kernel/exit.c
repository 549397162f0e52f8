/* SPDX-License-Identifier: MIT */
/* One handler per kind of exit. A kind without a handler does not compile: see the assertion at the end. */
#include "kernel/exit.h"

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/exit_handlers.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "kernel/vcpu.h"

/* Taken by the host's own handlers as soon as the guest's state is put away. A passed deadline shows up here, too. */
static enum verdict on_interrupt(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	vcpu_ops->put(vcpu);
	interrupts_on();
	__asm__ volatile("nop"); /* STI's shadow covers one instruction */
	interrupts_off();
	atomic_fetch_or_explicit(&vcpu->todo, TODO_TIME, memory_order_relaxed);
	return VERDICT_RETRY;
}

static enum verdict on_timer(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	atomic_fetch_or_explicit(&vcpu->todo, TODO_TIME, memory_order_relaxed);
	return VERDICT_RETRY;
}

static inline enum verdict answer_cpuid(struct vcpu *vcpu, const struct cpuid *out)
{
	vcpu->gpr[RAX] = out->eax;
	vcpu->gpr[RBX] = out->ebx;
	vcpu->gpr[RCX] = out->ecx;
	vcpu->gpr[RDX] = out->edx;
	return VERDICT_NEXT;
}

static __attribute__((noinline)) enum verdict dynamic_cpuid(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid out;
	const struct guest_cpuid_state state = {
		.apic_id = vcpu->index,
		.apic_enabled = vcpu->apic.base & APIC_BASE_ENABLE,
		.cr4 = vcpu_ops->read(vcpu, VCPU_CR4),
		.xcr0 = xcr0_read(),
	};

	guest_cpuid_patch(&vcpu->partition->cpuid, leaf, subleaf, &state, &out);
	return answer_cpuid(vcpu, &out);
}

static enum verdict on_cpuid(struct vcpu *vcpu, struct exit *exit)
{
	uint32_t leaf = (uint32_t)vcpu->gpr[RAX], subleaf = (uint32_t)vcpu->gpr[RCX];
	const struct cpuid *found = guest_cpuid_find(&vcpu->partition->cpuid, leaf, subleaf);

	(void)exit;
	if (guest_cpuid_is_dynamic(found))
		return dynamic_cpuid(vcpu, leaf, subleaf);
	return answer_cpuid(vcpu, found);
}

static enum verdict on_hlt(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	/* The trap behind it would wake a processor that steps through it (SDM, HLT). */
	return vcpu_ops->read(vcpu, VCPU_RFLAGS) & RFLAGS_TF ? VERDICT_NEXT : VERDICT_WAIT;
}

static enum verdict on_pause(struct vcpu *vcpu, struct exit *exit)
{
	(void)vcpu;
	(void)exit;
	return VERDICT_NEXT;
}

static enum verdict on_window(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
	return VERDICT_RETRY;
}

/* The write is complete: the next instruction is the guest's. */
static enum verdict on_apic_write(struct vcpu *vcpu, struct exit *exit)
{
	vlapic_written(&vcpu->apic, exit->apic_write.offset, exit->apic_write.vector);
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
	return VERDICT_RETRY;
}

static enum verdict on_xsetbv(struct vcpu *vcpu, struct exit *exit)
{
	uint64_t value = (uint32_t)vcpu->gpr[RAX] | vcpu->gpr[RDX] << 32;
	struct segment ss;

	(void)exit;
	vcpu_ops->read_segment(vcpu, VCPU_SS, &ss);
	if ((uint32_t)vcpu->gpr[RCX] != 0 || ss.attributes >> 5 & 3 || !xcr0_valid(value)) {
		vcpu_exception_error(vcpu, VECTOR_GP, 0);
		return VERDICT_RETRY;
	}
	xsetbv(0, value);
	return VERDICT_NEXT;
}

/* No hypercalls yet: the answer that a guest can probe for. */
static enum verdict on_hypercall(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	vcpu->gpr[RAX] = (uint64_t)E_UNSUPPORTED;
	return VERDICT_NEXT;
}

static enum verdict on_exception(struct vcpu *vcpu, struct exit *exit)
{
	if (exit->exception.vector == VECTOR_MC) {
		log_error(vcpu->partition->name, "machine check on core %u while vCPU %u ran: the partition is stopped",
		          vcpu->cpu->id, vcpu->index);
		return VERDICT_STOP;
	}
	vcpu_ops->inject(vcpu, &exit->exception);
	return VERDICT_RETRY;
}

static enum verdict on_invalid_opcode(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	vcpu_exception(vcpu, VECTOR_UD);
	return VERDICT_RETRY;
}

/* No device of the machine is the guest's, and its memory is coherent: there is nothing to write back. */
static enum verdict on_cache(struct vcpu *vcpu, struct exit *exit)
{
	(void)vcpu;
	(void)exit;
	return VERDICT_NEXT;
}

/* The NMI is the machine's: opening the gate lets the host's handler count it. */
static enum verdict on_nmi(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	vcpu_ops->put(vcpu);
	return VERDICT_RETRY;
}

static enum verdict on_init(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	log_warning(vcpu->partition->name, "INIT signal on core %u ignored", vcpu->cpu->id);
	vcpu_ops->put(vcpu);
	return VERDICT_RETRY;
}

static enum verdict on_shutdown(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	log_error(vcpu->partition->name, "vCPU %u: triple fault", vcpu->index);
	return VERDICT_STOP;
}

static enum verdict on_entry_failure(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	log_error(vcpu->partition->name, "vCPU %u: the processor refused the guest's state", vcpu->index);
	return VERDICT_STOP;
}

static enum verdict on_unknown(struct vcpu *vcpu, struct exit *exit)
{
	log_error(vcpu->partition->name, "vCPU %u: no way to handle the exit \"%s\"", vcpu->index, exit_name(exit->kind));
	return VERDICT_STOP;
}

exit_handler *const exit_table[EXIT_KINDS] = {
	[EXIT_INTERRUPT] = on_interrupt,
	[EXIT_TIMER] = on_timer,
	[EXIT_CPUID] = on_cpuid,
	[EXIT_RDMSR] = exit_rdmsr,
	[EXIT_WRMSR] = exit_wrmsr,
	[EXIT_PIO] = exit_pio,
	[EXIT_MEMORY] = exit_memory,
	[EXIT_HLT] = on_hlt,
	[EXIT_PAUSE] = on_pause,
	[EXIT_INTERRUPT_WINDOW] = on_window,
	[EXIT_NMI_WINDOW] = on_window,
	[EXIT_APIC_WRITE] = on_apic_write,
	[EXIT_CR] = exit_cr,
	[EXIT_XSETBV] = on_xsetbv,
	[EXIT_HYPERCALL] = on_hypercall,
	[EXIT_EXCEPTION] = on_exception,
	[EXIT_INVALID_OPCODE] = on_invalid_opcode,
	[EXIT_CACHE] = on_cache,
	[EXIT_TASK_SWITCH] = exit_task_switch,
	[EXIT_NMI] = on_nmi,
	[EXIT_INIT] = on_init,
	[EXIT_SHUTDOWN] = on_shutdown,
	[EXIT_ENTRY_FAILURE] = on_entry_failure,
	[EXIT_UNKNOWN] = on_unknown,
};

/* A new kind changes this number: give it a handler and a name first. */
_Static_assert(EXIT_KINDS == 24, "exit_table and exit_name must cover every kind");

static const char *const names[EXIT_KINDS] = {
	[EXIT_INTERRUPT] = "physical interrupt",
	[EXIT_TIMER] = "timer",
	[EXIT_CPUID] = "CPUID",
	[EXIT_RDMSR] = "RDMSR",
	[EXIT_WRMSR] = "WRMSR",
	[EXIT_PIO] = "port I/O",
	[EXIT_MEMORY] = "memory fault",
	[EXIT_HLT] = "HLT",
	[EXIT_PAUSE] = "PAUSE",
	[EXIT_INTERRUPT_WINDOW] = "interrupt window",
	[EXIT_NMI_WINDOW] = "NMI window",
	[EXIT_APIC_WRITE] = "local APIC write",
	[EXIT_CR] = "control register",
	[EXIT_XSETBV] = "XSETBV",
	[EXIT_HYPERCALL] = "hypercall",
	[EXIT_EXCEPTION] = "exception",
	[EXIT_INVALID_OPCODE] = "invalid opcode",
	[EXIT_CACHE] = "cache control",
	[EXIT_TASK_SWITCH] = "task switch",
	[EXIT_NMI] = "physical NMI",
	[EXIT_INIT] = "physical INIT",
	[EXIT_SHUTDOWN] = "triple fault",
	[EXIT_ENTRY_FAILURE] = "entry failure",
	[EXIT_UNKNOWN] = "unknown",
};

const char *exit_name(enum exit_kind kind)
{
	return kind < EXIT_KINDS ? names[kind] : "?";
}
