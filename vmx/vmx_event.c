/* SPDX-License-Identifier: MIT */
/* Events into the guest: injection (SDM 27.6), interrupt and NMI windows (SDM 26.2), the task priority (SDM 30.1). */
#include "arch/x86/msr.h"
#include "vmx/vmx.h"

#define DEBUGCTL_BTF  (1u << 1)
#define DR6_CAUSES    0x600fULL /* B0..B3, BD, BS; RTM is not offered */
#define DR6_B         0xfULL
#define DR7_GD        (1ULL << 13)

/* These push an error code, but not in real-address mode (SDM 27.2.1.3). */
#define ERROR_VECTORS \
	(1u << VECTOR_DF | 1u << VECTOR_TS | 1u << 11 | 1u << VECTOR_SS | 1u << VECTOR_GP | 1u << VECTOR_PF | \
	 1u << VECTOR_AC)

void vmx_inject(struct vcpu *vcpu, const struct event *event)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	s->event = event->vector | (uint32_t)event->type << INTERRUPTION_TYPE_SHIFT | INTERRUPTION_VALID;
	s->event_length = event->type >= EVENT_SOFTWARE ? event->length : 0;
	if (event->type == EVENT_EXCEPTION && ERROR_VECTORS >> event->vector & 1 && vmx_get(s, FIELD_CR0) & CR0_PE) {
		s->event |= INTERRUPTION_ERROR;
		s->event_error = event->error;
	}
	/* An NMI that is delivered again has set the blocking; the entry wants it clear and sets it (SDM 27.3.1.5). */
	if (event->type == EVENT_NMI)
		vmx_set(s, FIELD_INTERRUPTIBILITY, vmx_get(s, FIELD_INTERRUPTIBILITY) & ~(uint64_t)BLOCKING_NMI);
}

bool vmx_event_pending(struct vcpu *vcpu)
{
	return vmx_of(vcpu)->event;
}

bool vmx_can_interrupt(struct vcpu *vcpu)
{
	return vmx_is_open(vmx_of(vcpu));
}

bool vmx_can_nmi(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	return !s->event && !(vmx_get(s, FIELD_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS | BLOCKING_NMI));
}

static void set_primary(struct vmx_vcpu *s, uint32_t bit, bool on)
{
	uint64_t controls = s->field[FIELD_PRIMARY];

	vmx_set(s, FIELD_PRIMARY, on ? controls | bit : controls & ~(uint64_t)bit);
}

/*
 * What the TPR holds back comes with the exit on a TPR below the threshold, everything else with the interrupt window.
 * The threshold must not be above the TPR at the entry (SDM 27.2.1.1). With virtual-interrupt delivery there is none.
 */
void vmx_request_window(struct vcpu *vcpu, enum vcpu_window window, uint8_t vector)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	unsigned class = vector >> 4;
	bool held_back;

	if (window == WINDOW_NMI) {
		set_primary(s, PRIMARY_NMI_WINDOW, true);
		return;
	}
	if (window == WINDOW_NONE && !(s->field[FIELD_PRIMARY] & PRIMARY_INTERRUPT_WINDOW) &&
	    !s->field[FIELD_TPR_THRESHOLD])
		return; /* as it mostly is */
	held_back = window == WINDOW_INTERRUPT && class && class <= vmx_read_cr8(vcpu);
	vmx_set(s, FIELD_TPR_THRESHOLD, held_back ? class : 0);
	set_primary(s, PRIMARY_INTERRUPT_WINDOW, window == WINDOW_INTERRUPT && !held_back);
}

uint8_t vmx_read_cr8(struct vcpu *vcpu)
{
	return vlapic_get_cr8(&vcpu->apic); /* its page is the virtual-APIC page */
}

void vmx_write_cr8(struct vcpu *vcpu, uint8_t value)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	vlapic_set_cr8(&vcpu->apic, value);
	if (s->field[FIELD_TPR_THRESHOLD] > (value & 15u)) /* who writes it looks at what is pending next */
		vmx_set(s, FIELD_TPR_THRESHOLD, 0);
}

/* What the processor does with its debug registers when it delivers #DB, and an injection does not (SDM 18.2.3, 18.2.4). */
void vmx_debug_causes(struct vcpu *vcpu, uint64_t causes)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint64_t dr7 = vmx_get(s, FIELD_DR7);

	vmx_write(vcpu, VCPU_DR6, (vmx_read(vcpu, VCPU_DR6) & ~DR6_B) | (causes & DR6_CAUSES));
	if (dr7 & DR7_GD)
		vmx_set(s, FIELD_DR7, dr7 & ~DR7_GD);
}

/*
 * Under a shadow, or with TF or RF set. A single step over the instruction, unless only branches are stepped, and what
 * MOV SS has held back are due now, before any interrupt: an entry that injects one would drop what is only pending
 * (SDM 27.7.3).
 */
static void finish_instruction(struct vcpu *vcpu, struct vmx_vcpu *s, uint64_t blocking, uint64_t rflags)
{
	uint64_t causes = 0;

	vmx_set(s, FIELD_INTERRUPTIBILITY, blocking & ~(uint64_t)(BLOCKING_STI | BLOCKING_MOV_SS));
	vmx_set(s, FIELD_RFLAGS, rflags & ~RFLAGS_RF);
	if (blocking & BLOCKING_MOV_SS) {
		causes = vmx_get(s, FIELD_PENDING_DEBUG);
		vmx_set(s, FIELD_PENDING_DEBUG, 0);
	}
	if (rflags & RFLAGS_TF && !(vmx_get(s, FIELD_DEBUGCTL) & DEBUGCTL_BTF))
		causes |= PENDING_DEBUG_BS;
	if (!(causes & (PENDING_DEBUG_BS | PENDING_DEBUG_ENABLED)) || s->event)
		return;
	vmx_debug_causes(vcpu, causes);
	vmx_inject(vcpu, &(struct event){ .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_DB });
}

/*
 * Outside 64-bit code EIP wraps. In it, an instruction may end where the canonical addresses do: the next fetch would
 * raise #GP, but the entry refuses such a RIP whatever it injects (SDM 27.3.1.4). So #GP comes here, with the RIP of
 * before.
 */
static uint64_t far_rip(struct vcpu *vcpu, struct vmx_vcpu *s, uint64_t old, uint64_t rip)
{
	const struct event gp = { .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_GP, .has_error = true };
	unsigned unused = vmx_get(s, FIELD_CR4) & CR4_LA57 ? 7 : 16;

	if (!(vmx_get(s, FIELD_EFER) & EFER_LMA) || !(vmx_get(s, FIELD_RIGHTS + VCPU_CS) & SEGMENT_L))
		return (uint32_t)rip;
	if ((uint64_t)((int64_t)(rip << unused) >> unused) == rip)
		return rip;
	if (!s->event)
		vmx_inject(vcpu, &gp);
	return old;
}

#define ADVANCE_FIELDS (FIELD_BIT(FIELD_RIP) | FIELD_BIT(FIELD_INTERRUPTIBILITY) | FIELD_BIT(FIELD_RFLAGS))

static __attribute__((noinline)) void advance_with_care(struct vcpu *vcpu, struct vmx_vcpu *s, unsigned length)
{
	uint64_t old = vmx_get(s, FIELD_RIP), blocking = vmx_get(s, FIELD_INTERRUPTIBILITY);
	uint64_t rip = old + length, rflags = vmx_get(s, FIELD_RFLAGS);

	if ((old ^ rip) >> 32)
		rip = far_rip(vcpu, s, old, rip);
	s->field[FIELD_RIP] = rip;
	s->dirty |= FIELD_BIT(FIELD_RIP);
	if (blocking & (BLOCKING_STI | BLOCKING_MOV_SS) || rflags & (RFLAGS_TF | RFLAGS_RF))
		finish_instruction(vcpu, s, blocking, rflags);
}

/* The hottest of all. Nearly always nothing has been read since the exit, and nothing but RIP changes. */
void vmx_advance(struct vcpu *vcpu, unsigned length)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint64_t old, rip, blocking, rflags;

	if (s->valid & ADVANCE_FIELDS) {
		advance_with_care(vcpu, s, length);
		return;
	}
	s->field[FIELD_RIP] = old = vmread(s, GUEST_RIP);
	s->field[FIELD_INTERRUPTIBILITY] = blocking = vmread(s, GUEST_INTERRUPTIBILITY);
	s->field[FIELD_RFLAGS] = rflags = vmread(s, GUEST_RFLAGS);
	s->valid |= ADVANCE_FIELDS;
	rip = old + length;
	if ((old ^ rip) >> 32 || blocking & (BLOCKING_STI | BLOCKING_MOV_SS) || rflags & (RFLAGS_TF | RFLAGS_RF)) {
		advance_with_care(vcpu, s, length);
		return;
	}
	s->field[FIELD_RIP] = rip;
	s->dirty |= FIELD_BIT(FIELD_RIP);
}
