/* SPDX-License-Identifier: MIT */
/*
 * APIC virtualization (SDM chapter 30). The virtual-APIC page is the register page of the vCPU's local APIC. Where the
 * processor has virtual-interrupt delivery, it takes interrupts from there, and a guest in x2APIC mode reads registers,
 * writes its TPR and says EOI without an exit. In xAPIC mode every access is an EPT violation, as without APICv.
 */
#include "arch/x86/msr.h"
#include "vmx/vmx.h"

/* Words of the page. */
#define APIC_TPR (0x80 / 4)
#define APIC_TMR (0x180 / 4)
#define APIC_IRR (0x200 / 4)

/* Interrupt status: the highest vectors requested and in service (SDM 25.4.2). */
static unsigned interrupt_status(struct vmx_vcpu *s, const struct vlapic *apic)
{
	unsigned requested = apic->irr_top < 0 ? 0 : (unsigned)apic->irr_top, status;

	if (!apic->stale)
		return requested | (apic->isr_top < 0 ? 0 : (unsigned)apic->isr_top) << 8;
	status = (unsigned)vmx_get(s, FIELD_INTERRUPT_STATUS); /* the processor has kept it in step with the page */
	return requested > (status & 0xff) ? (status & 0xff00) | requested : status;
}

/* May the processor deliver this vector, as far as priorities go? (SDM 30.2.1) */
static bool passes(const struct vlapic *apic, unsigned status)
{
	unsigned class = (status & 0xff) >> 4;

	return class > status >> 12 && class > apic->regs[APIC_TPR] >> 4;
}

/* Is another vector requested, too? */
static bool others(const uint32_t *irr, unsigned vector)
{
	return (uint64_t)irr[0] + irr[4] + irr[8] + irr[12] + irr[16] + irr[20] + irr[24] + irr[28] !=
	       1u << vector % 32;
}

/*
 * Where delivers_closed, no interrupt may become deliverable while the guest's interrupts are closed: one that is waits
 * for the interrupt window, during which the processor delivers none (SDM 30.2.1), and while others wait for the end of
 * this one or for a lower TPR, each EOI and each write of the TPR exits. False: a window is needed.
 */
static bool guard(struct vcpu *vcpu, struct vmx_vcpu *s, unsigned status)
{
	struct vlapic *apic = &vcpu->apic;
	bool now = passes(apic, status), guarded = status & 0xff;

	s->closed = now && !vmx_is_open(s);
	if (now && (s->closed || !others(&apic->regs[APIC_IRR], status & 0xff)))
		guarded = false;
	if (guarded != s->guarded) {
		s->guarded = guarded;
		s->apic_stale = s->chores = true;
	}
	return !s->closed;
}

static __attribute__((noinline)) bool offer_all(struct vcpu *vcpu, struct vmx_vcpu *s)
{
	struct vlapic *apic = &vcpu->apic;
	unsigned status = interrupt_status(s, apic);
	bool x2apic = apic->base & APIC_BASE_X2APIC;

	vmx_set(s, FIELD_INTERRUPT_STATUS, status);
	if (apic->tmr_changed || x2apic != s->x2apic) {
		apic->tmr_changed = false;
		s->x2apic = x2apic;
		s->apic_stale = s->chores = true;
	}
	vlapic_told(apic);
	return !vmx_features.delivers_closed || guard(vcpu, s, status);
}

/* Nearly always there is one new interrupt, no other is requested, and the guest can take it. */
bool vmx_offer(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	struct vlapic *apic = &vcpu->apic;
	unsigned vector, status;

	if (!apic->stale || apic->tmr_changed || s->closed || s->guarded)
		return offer_all(vcpu, s);
	if (apic->irr_top < 0)
		return true;
	vector = (unsigned)apic->irr_top;
	status = (unsigned)vmx_get(s, FIELD_INTERRUPT_STATUS);
	if (status & 0xff || apic->irr_words != 1u << vector / 32 ||
	    apic->regs[APIC_IRR + vector / 32 * 4] != 1u << vector % 32)
		return offer_all(vcpu, s);
	status |= vector;
	if (vmx_features.delivers_closed && !(passes(apic, status) && vmx_is_open(s)))
		return offer_all(vcpu, s);
	vmx_set(s, FIELD_INTERRUPT_STATUS, status);
	vlapic_told(apic);
	return true;
}

/* The EOI of level-triggered vectors is the I/O APIC's business, too (SDM 30.1.4). */
void vmx_write_apic(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const uint32_t *tmr = &vcpu->apic.regs[APIC_TMR];
	uint64_t primary = s->field[FIELD_PRIMARY] & ~(uint64_t)PRIMARY_CR8_LOAD;
	unsigned i;

	s->apic_stale = false;
	for (i = 0; i < 4; i++)
		vmwrite(s, EOI_EXIT_BITMAP0 + 2 * i, tmr[8 * i] | (uint64_t)tmr[8 * i + 4] << 32);
	vmwrite(s, MSR_BITMAP, s->x2apic && !s->guarded ? vmx_x2apic_bitmap_phys : vmx_msr_bitmap_phys);
	vmx_set(s, FIELD_PRIMARY, s->guarded ? primary | PRIMARY_CR8_LOAD : primary);
}
