/* SPDX-License-Identifier: MIT */
/* From the local APIC and the 8259 into the guest, and from one vCPU's local APIC to another's. */
#include "arch/x86/msr.h"
#include "drivers/vpic.h"
#include "kernel/partition.h"
#include "kernel/trace.h"
#include "kernel/vcpu.h"

/* --- what a local APIC asks of its vCPU --- */

static void apic_send_ipi_host(struct vlapic *apic, const struct vlapic_ipi *ipi)
{
	struct vcpu *vcpu = apic->owner;

	partition_message(vcpu->partition, vcpu, ipi, apic->base & APIC_BASE_X2APIC);
}

static void apic_level_eoi(struct vlapic *apic, uint8_t vector)
{
	pc_level_eoi(((struct vcpu *)apic->owner)->partition, vector);
}

static void apic_nmi(struct vlapic *apic)
{
	vcpu_todo(apic->owner, TODO_NMI);
}

static uint64_t apic_tsc(struct vlapic *apic)
{
	return vcpu_tsc(apic->owner);
}

static const struct vlapic_host apic_host = {
	.send_ipi = apic_send_ipi_host,
	.eoi = apic_level_eoi,
	.nmi = apic_nmi,
	.tsc = apic_tsc,
};

void vcpu_apic_init(struct vcpu *vcpu, uint32_t *page)
{
	vlapic_init(&vcpu->apic, page, vcpu->index, vcpu->index == 0, &apic_host, vcpu);
}

void vcpu_apic_refresh(struct vcpu *vcpu)
{
	uint8_t cr8 = vcpu_ops->read_cr8(vcpu);

	if (cr8 != vlapic_get_cr8(&vcpu->apic))
		vlapic_set_cr8(&vcpu->apic, cr8);
}

void vcpu_apic_changed(struct vcpu *vcpu)
{
	uint8_t cr8 = vlapic_get_cr8(&vcpu->apic);

	if (cr8 != vcpu_ops->read_cr8(vcpu))
		vcpu_ops->write_cr8(vcpu, cr8);
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT | TODO_TIME, memory_order_relaxed);
}

/* --- messages --- */

enum { MODE_FIXED = 0, MODE_LOWEST = 1, MODE_NMI = 4, MODE_INIT = 5, MODE_STARTUP = 6 };

static void deliver_message(struct vcpu *to, const struct vlapic_ipi *ipi)
{
	switch (ipi->mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		vlapic_post(&to->apic, ipi->vector, ipi->level);
		vcpu_todo(to, TODO_INTERRUPT);
		break;
	case MODE_NMI:
		vcpu_todo(to, TODO_NMI);
		break;
	case MODE_INIT:
		if (!ipi->assert && ipi->level) /* the level de-assert of old protocols does nothing (SDM 11.6.1) */
			break;
		atomic_fetch_and(&to->todo, ~(uint32_t)TODO_SIPI); /* one that came before it no longer counts */
		vcpu_todo(to, TODO_INIT);
		break;
	case MODE_STARTUP:
		/* Of several the first counts: the others find a processor that does not wait (SDM 9.4.3). */
		if (!(atomic_load(&to->todo) & TODO_SIPI))
			atomic_store(&to->sipi_vector, ipi->vector);
		vcpu_todo(to, TODO_SIPI);
		break;
	default: /* SMI: there is no system-management mode here */
		break;
	}
}

static bool reaches(const struct vlapic_ipi *ipi, const struct vcpu *from, const struct vcpu *to, bool x2apic)
{
	switch (ipi->shorthand) {
	case 0:
		return vlapic_match(&to->apic, ipi->destination, ipi->logical, x2apic);
	case 1:
		return to == from;
	case 2:
		return true;
	default:
		return to != from;
	}
}

void partition_message(struct partition *partition, struct vcpu *from, const struct vlapic_ipi *ipi, bool x2apic)
{
	unsigned i;

	/* One physical destination needs no search: vCPU i has APIC ID i. */
	if (!ipi->shorthand && !ipi->logical && ipi->destination < partition->vcpu_count) {
		deliver_message(&partition->vcpus[ipi->destination], ipi);
		return;
	}
	for (i = 0; i < partition->vcpu_count; i++) {
		struct vcpu *to = &partition->vcpus[i];

		if (!reaches(ipi, from, to, x2apic))
			continue;
		deliver_message(to, ipi);
		if (ipi->mode == MODE_LOWEST)
			break;
	}
}

/* --- into the guest --- */

static void inject(struct vcpu *vcpu, enum event_type type, uint8_t vector)
{
	vcpu_ops->inject(vcpu, &(struct event){ .valid = true, .type = (uint8_t)type, .vector = vector });
}

static void deliver_nmi(struct vcpu *vcpu)
{
	if (!vcpu_ops->can_nmi(vcpu)) {
		vcpu_ops->request_window(vcpu, WINDOW_NMI, 0);
		return;
	}
	vcpu->nmi_pending = false;
	vcpu->state = VCPU_RUNNING;
	inject(vcpu, EVENT_NMI, VECTOR_NMI);
	trace(TRACE_INJECT, vcpu, VECTOR_NMI);
}

/* The 8259's INTR, where LINT0 lets it through. */
static bool extint_pending(const struct vcpu *vcpu)
{
	return vcpu->uses_pic && pc_extint(vcpu->partition) && vlapic_accepts_extint(&vcpu->apic);
}

/* Mostly there is nothing to wait for and nothing was waited for: then nothing is to be done. */
static inline void request_window(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector)
{
	if (window == WINDOW_NONE && !vcpu->window_open)
		return;
	vcpu->window_open = window != WINDOW_NONE;
	vcpu_ops->request_window(vcpu, window, vector);
}

static void inject_extint(struct vcpu *vcpu)
{
	uint8_t vector = pc_acknowledge(vcpu->partition);

	inject(vcpu, EVENT_INTERRUPT, vector);
	trace(TRACE_INJECT, vcpu, vector);
	/* Another may wait behind it: look again at the next entry, when an event is pending. */
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
}

/* The processor takes the local APIC's interrupts from its page. Left to us are the 8259's, and the end of a HLT. */
static void deliver_by_processor(struct vcpu *vcpu)
{
	bool waits = extint_pending(vcpu);
	bool wakes = vcpu->state == VCPU_HALTED && vlapic_pending(&vcpu->apic) >= 0;

	if ((waits || wakes) && vcpu_ops->can_interrupt(vcpu)) {
		vcpu->state = VCPU_RUNNING;
		if (waits)
			inject_extint(vcpu);
		waits = false;
	}
	if (vcpu->state == VCPU_HALTED) /* sleeps on; until it wakes nobody but us changes the page */
		return;
	if (atomic_load_explicit(&vcpu->apic.posted_any, memory_order_relaxed))
		vlapic_take_posted(&vcpu->apic);
	if (!vcpu_ops->offer(vcpu))
		waits = true;
	request_window(vcpu, waits ? WINDOW_INTERRUPT : WINDOW_NONE, 0);
}

/* Every kind of entry comes through here when something may be pending; nothing is lost when it cannot be taken now. */
void vcpu_deliver(struct vcpu *vcpu)
{
	bool extint;
	int vector;

	if (vcpu->nmi_pending)
		deliver_nmi(vcpu);
	if (vcpu->apic.by_processor) {
		deliver_by_processor(vcpu);
		return;
	}
	vcpu_apic_refresh(vcpu);
	extint = extint_pending(vcpu);
	vector = extint ? 0 : vlapic_pending(&vcpu->apic);
	if (extint || vector >= 0) {
		if (!vcpu_ops->can_interrupt(vcpu)) {
			request_window(vcpu, WINDOW_INTERRUPT, (uint8_t)vector);
			return;
		}
		vcpu->state = VCPU_RUNNING;
		if (extint) {
			inject_extint(vcpu);
		} else {
			vlapic_accept(&vcpu->apic, (uint8_t)vector);
			inject(vcpu, EVENT_INTERRUPT, (uint8_t)vector);
			trace(TRACE_INJECT, vcpu, (uint32_t)vector);
		}
	}
	/* What the TPR holds back comes when the guest lowers it: ask for that moment. */
	vector = vlapic_requested(&vcpu->apic);
	if (vector > 0 && vector >> 4 > vcpu->apic.isr_top >> 4)
		request_window(vcpu, WINDOW_INTERRUPT, (uint8_t)vector);
	else
		request_window(vcpu, WINDOW_NONE, 0);
}
