/* SPDX-License-Identifier: MIT */
/* Events into the guest: injection (APM 15.20), interrupt and NMI windows (APM 15.21). */
#include "arch/x86/msr.h"
#include "svm/svm.h"

#define DR6_BS (1ULL << 14)

void svm_inject(struct vcpu *vcpu, const struct event *event)
{
	struct svm_vcpu *s = svm_of(vcpu);

	s->vmcb->event_inject = event->vector | (uint64_t)event->type << EVENT_TYPE_SHIFT | EVENT_VALID |
	                        (event->has_error ? EVENT_HAS_ERROR | (uint64_t)event->error << 32 : 0);
	if (event->type == EVENT_NMI) {
		s->nmi_blocked = true;
		svm_intercept(s->vmcb, INTERCEPT_IRET, true);
	}
}

bool svm_event_pending(struct vcpu *vcpu)
{
	return svm_of(vcpu)->vmcb->event_inject & EVENT_VALID;
}

bool svm_can_interrupt(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	return (vmcb->rflags & RFLAGS_IF) && !(vmcb->interrupt_shadow & INTERRUPT_SHADOW) &&
	       !(vmcb->event_inject & EVENT_VALID);
}

bool svm_can_nmi(struct vcpu *vcpu)
{
	const struct svm_vcpu *s = svm_of(vcpu);

	return !s->nmi_blocked && !s->stepping && !(s->vmcb->interrupt_shadow & INTERRUPT_SHADOW) &&
	       !(s->vmcb->event_inject & EVENT_VALID);
}

/*
 * The instruction that stands between now and the next NMI (the IRET of the previous NMI's handler, or the one under an
 * interrupt shadow) or interrupt (a write of CR8) is single-stepped; its #DB is the window.
 */
static void step(struct svm_vcpu *s)
{
	if (s->stepping)
		return;
	s->stepping = true;
	s->step_trap_flag = s->vmcb->rflags & RFLAGS_TF;
	s->vmcb->rflags |= RFLAGS_TF;
}

void svm_step_done(struct vcpu *vcpu, struct exit *exit)
{
	struct svm_vcpu *s = svm_of(vcpu);

	s->stepping = false;
	s->cr8_rip = UINT64_MAX;
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
	if (s->step_trap_flag)
		return; /* the guest steps itself: the #DB is its own, and the NMI follows it */
	s->vmcb->rflags &= ~RFLAGS_TF;
	s->vmcb->dr6 &= ~DR6_BS;
	s->vmcb->clean &= ~(uint32_t)CLEAN_DR;
	exit->kind = EXIT_NMI_WINDOW;
}

/* IRET is about to execute: NMIs are open again once it has completed. */
void svm_iret(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);

	svm_intercept(s->vmcb, INTERCEPT_IRET, false);
	s->nmi_blocked = false;
	if (vcpu->nmi_pending)
		step(s);
}

/*
 * A virtual interrupt with VINTR intercepted exits as soon as RFLAGS.IF and the shadow allow it (APM 15.21.4). What the
 * TPR holds back waits for a write of CR8: V_INTR_PRIO would do, but QEMU's TCG takes a priority equal to V_TPR for a
 * higher one (ctl_has_irq()), and aborts when a write of CR8 meets a virtual interrupt that can be taken. Vector 0 stands
 * for the 8259's, which the TPR does not hold back.
 */
static void interrupt_window(struct vmcb *vmcb, bool open, uint8_t vector)
{
	bool held_back = vector && vector >> 4 <= (vmcb->int_ctl & V_TPR_MASK);

	vmcb->int_ctl &= ~V_IRQ;
	if (open && !held_back)
		vmcb->int_ctl |= V_IRQ | V_IGN_TPR;
	vmcb->clean &= ~(uint32_t)CLEAN_TPR;
	svm_intercept(vmcb, INTERCEPT_VINTR, open && !held_back);
	svm_intercept(vmcb, INTERCEPT_CR8_WRITE, open);
}

/* The guest is about to write CR8 while an interrupt waits: look again when it has. */
void svm_cr8(struct vcpu *vcpu)
{
	struct svm_vcpu *s = svm_of(vcpu);

	interrupt_window(s->vmcb, false, 0);
	s->cr8_rip = s->vmcb->rip;
	step(s);
}

void svm_request_window(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector)
{
	struct svm_vcpu *s = svm_of(vcpu);

	if (window == WINDOW_NONE && !(s->vmcb->intercepts[0] & 1u << INTERCEPT_CR8_WRITE))
		return; /* none is open */
	if (window == WINDOW_NMI) {
		if (!s->nmi_blocked)
			step(s);
		return; /* else the IRET intercept comes first */
	}
	if (!s->stepping || s->vmcb->rip != s->cr8_rip) /* the end of the step asks again */
		interrupt_window(s->vmcb, window == WINDOW_INTERRUPT, vector);
}

void svm_advance(struct vcpu *vcpu, unsigned length)
{
	struct vmcb *vmcb = svm_of(vcpu)->vmcb;

	vmcb->rip += length;
	if (!(vmcb->cs.attributes & VMCB_SEGMENT_L)) /* not 64-bit code: EIP wraps */
		vmcb->rip = (uint32_t)vmcb->rip;
	vmcb->interrupt_shadow = 0;
	if (vmcb->rflags & (RFLAGS_TF | RFLAGS_RF)) {
		vmcb->rflags &= ~RFLAGS_RF;
		if (vmcb->rflags & RFLAGS_TF && !svm_event_pending(vcpu)) {
			vmcb->dr6 |= DR6_BS;
			vmcb->clean &= ~(uint32_t)CLEAN_DR;
			svm_inject(vcpu, &(struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_DB });
		}
	}
}
