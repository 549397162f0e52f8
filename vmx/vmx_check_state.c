/* SPDX-License-Identifier: MIT */
/* Checks on the guest's state that is in no register (SDM 27.3.1.5). */
#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"

enum activity { ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_SIPI };

#define MISC_ACTIVITY_SHIFT 5 /* IA32_VMX_MISC 8:6 for HLT, shutdown, wait-for-SIPI (SDM A.6) */
#define DEBUGCTL_BTF        2
#define PENDING_ALLOWED     0x1500fULL /* B3:B0, enabled breakpoint, BS, RTM */
#define BLOCKING_ALL        0x1fu
#define BLOCKING_SHADOW     (BLOCKING_STI | BLOCKING_MOV_SS)
#define VECTOR_DB           1
#define VECTOR_MC           18
#define TYPE_OTHER          7 /* of an event: a pending MTF VM exit */

#define RULE(name, text) { name, 0, text }

static uint64_t activity(const struct vmx_check *c)
{
	return check_field(c, GUEST_ACTIVITY_STATE);
}

static uint64_t blocking(const struct vmx_check *c)
{
	return check_field(c, GUEST_INTERRUPTIBILITY);
}

static bool flag(const struct vmx_check *c, uint64_t bit)
{
	return check_field(c, GUEST_RFLAGS) & bit;
}

/* Is an event of this type injected? */
static bool injects(const struct vmx_check *c, enum event_type type)
{
	uint64_t info = check_field(c, ENTRY_INTERRUPTION_INFO);

	return info & INTERRUPTION_VALID && (info >> INTERRUPTION_TYPE_SHIFT & 7) == type;
}

static bool activity_exists(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return activity(c) > ACTIVITY_WAIT_SIPI ||
	       (activity(c) != ACTIVITY_ACTIVE && !(c->limits.misc >> (MISC_ACTIVITY_SHIFT + activity(c)) & 1));
}

static bool halted_ring(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return activity(c) == ACTIVITY_HLT && check_field(c, GUEST_ES_ACCESS_RIGHTS + 2 * VCPU_SS) >> 5 & 3;
}

static bool inactive_shadow(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return activity(c) != ACTIVITY_ACTIVE && blocking(c) & BLOCKING_SHADOW;
}

/* What can be injected into each state. */
static bool inactive_event(const struct vmx_check *c, unsigned segment)
{
	uint64_t info = check_field(c, ENTRY_INTERRUPTION_INFO);
	unsigned type = info >> INTERRUPTION_TYPE_SHIFT & 7;
	uint8_t vector = (uint8_t)info;
	bool check = type == EVENT_EXCEPTION && vector == VECTOR_MC;

	(void)segment;
	if (!(info & INTERRUPTION_VALID))
		return false;
	switch (activity(c)) {
	case ACTIVITY_HLT:
		return type != EVENT_INTERRUPT && type != EVENT_NMI && type != TYPE_OTHER && !check &&
		       !(type == EVENT_EXCEPTION && vector == VECTOR_DB);
	case ACTIVITY_SHUTDOWN:
		return type != EVENT_NMI && !check;
	case ACTIVITY_WAIT_SIPI:
		return true;
	default:
		return false;
	}
}

static bool blocking_reserved(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return blocking(c) & ~(uint64_t)BLOCKING_ALL;
}

static bool two_shadows(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return (blocking(c) & BLOCKING_SHADOW) == BLOCKING_SHADOW;
}

static bool sti_without_if(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return blocking(c) & BLOCKING_STI && !flag(c, RFLAGS_IF);
}

static bool interrupt_shadow(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return injects(c, EVENT_INTERRUPT) && blocking(c) & BLOCKING_SHADOW;
}

static bool nmi_shadow(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return injects(c, EVENT_NMI) && blocking(c) & BLOCKING_MOV_SS;
}

static bool nmi_blocked(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return injects(c, EVENT_NMI) && blocking(c) & BLOCKING_NMI && check_field(c, PIN_CONTROLS) & PIN_VIRTUAL_NMI;
}

static bool smi(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return blocking(c) & BLOCKING_SMI;
}

static bool enclave(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return blocking(c) & BLOCKING_ENCLAVE && blocking(c) & BLOCKING_MOV_SS;
}

static bool pending_reserved(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, GUEST_PENDING_DEBUG) & ~PENDING_ALLOWED;
}

/* Under a shadow and when halted the single step that is due must be pending, and no other. */
static bool single_step(const struct vmx_check *c, unsigned segment)
{
	bool due = flag(c, RFLAGS_TF) && !(check_field(c, GUEST_DEBUGCTL) & DEBUGCTL_BTF);
	bool pending = check_field(c, GUEST_PENDING_DEBUG) & PENDING_DEBUG_BS;

	(void)segment;
	return (blocking(c) & BLOCKING_SHADOW || activity(c) == ACTIVITY_HLT) && due != pending;
}

static bool rtm(const struct vmx_check *c, unsigned segment)
{
	uint64_t pending = check_field(c, GUEST_PENDING_DEBUG);

	(void)segment;
	return pending & PENDING_DEBUG_RTM &&
	       ((pending & PENDING_ALLOWED) != (PENDING_DEBUG_RTM | PENDING_DEBUG_ENABLED) ||
	        blocking(c) & BLOCKING_MOV_SS);
}

/* What it points to is not looked at: the exit qualification tells. */
static bool link_pointer(const struct vmx_check *c, unsigned segment)
{
	uint64_t link = check_field(c, VMCS_LINK_POINTER);

	(void)segment;
	return link != UINT64_MAX && !check_address(c, link, 12);
}

static const struct vmx_rule other[] = {
	RULE(activity_exists, "the activity state does not exist"),
	RULE(halted_ring, "the activity state is HLT, and the DPL of SS is not 0"),
	RULE(inactive_shadow, "the activity state is not active, and interrupts are blocked by STI or MOV SS"),
	RULE(inactive_event, "the injected event cannot come in this activity state"),
	RULE(blocking_reserved, "reserved bits in the interruptibility state"),
	RULE(two_shadows, "interrupts are blocked by STI and by MOV SS"),
	RULE(sti_without_if, "interrupts are blocked by STI, and RFLAGS.IF is clear"),
	RULE(interrupt_shadow, "an external interrupt is injected while STI or MOV SS blocks interrupts"),
	RULE(nmi_shadow, "an NMI is injected while MOV SS blocks it"),
	RULE(nmi_blocked, "an NMI is injected while NMIs are blocked"),
	RULE(smi, "SMIs are blocked outside SMM"),
	RULE(enclave, "an enclave interruption under a MOV SS shadow"),
	RULE(pending_reserved, "reserved bits in the pending debug exceptions"),
	RULE(single_step, "the pending single step contradicts RFLAGS.TF and DEBUGCTL.BTF"),
	RULE(rtm, "the pending debug exceptions' RTM flag contradicts the others"),
	RULE(link_pointer, "the VMCS link pointer is not aligned or too wide"),
};
const struct vmx_rules vmx_rules_guest_other = { PHASE_GUEST, "27.3.1.5", other, sizeof(other) / sizeof(other[0]) };
