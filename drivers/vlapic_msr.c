/* SPDX-License-Identifier: MIT */
/* Virtual local APIC: its MSRs: x2APIC (SDM 11.12), IA32_TSC_DEADLINE, IA32_APIC_BASE. */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

#include "arch/x86/msr.h"

#define X2APIC_MSR(offset) (IA32_X2APIC_BASE + (offset) / 16)

/* Bits 11:10 of IA32_APIC_BASE (table 11-5). */
enum { DISABLED, INVALID, XAPIC, X2APIC };

static bool write_base(struct vlapic *apic, uint64_t value)
{
	/* Figure 11-27; bit n: to state n. */
	static const uint8_t legal[] = {
		[DISABLED] = 1u << DISABLED | 1u << XAPIC,
		[INVALID] = 0,
		[XAPIC] = 1u << XAPIC | 1u << X2APIC | 1u << DISABLED,
		[X2APIC] = 1u << X2APIC | 1u << DISABLED,
	};
	unsigned from = apic->base >> 10 & 3, to = value >> 10 & 3;

	/* The window stays where it is: no system that we know of moves it. */
	if ((value & ~(APIC_BASE_BSP | APIC_BASE_X2APIC | APIC_BASE_ENABLE)) != LAPIC_BASE_DEFAULT)
		return false;
	if (!(legal[from] >> to & 1))
		return false;
	apic->base = value;
	if (from == to)
		return true;
	if (to == X2APIC) {
		*vlapic_reg(apic, LAPIC_ICR_HIGH) = 0;
		vlapic_identify(apic);
		vlapic_caches(apic); /* the mode is news, too */
	} else {
		vlapic_reset(apic, true); /* disabling loses all state but the ID (11.4.3) */
	}
	return true;
}

static bool read_x2apic(struct vlapic *apic, uint32_t msr, uint64_t *value)
{
	uint32_t index = msr - IA32_X2APIC_BASE;

	if (!vlapic_is_x2apic(apic) || index >= VLAPIC_REGISTERS || !(vlapic_registers[index].access & X2APIC_READ))
		return false;
	*value = vlapic_read_register(apic, index * 16);
	if (index == LAPIC_ICR / 16)
		*value |= (uint64_t)*vlapic_reg(apic, LAPIC_ICR_HIGH) << 32;
	return true;
}

bool vlapic_rdmsr(struct vlapic *apic, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case IA32_TSC_DEADLINE:
		*value = vlapic_timer_read_deadline(apic);
		return true;
	case IA32_APIC_BASE:
		*value = apic->base;
		return true;
	default:
		return read_x2apic(apic, msr, value);
	}
}

static bool write_x2apic(struct vlapic *apic, uint32_t msr, uint64_t value)
{
	uint32_t index = msr - IA32_X2APIC_BASE;
	const struct vlapic_register *r;

	if (!vlapic_is_x2apic(apic) || index >= VLAPIC_REGISTERS)
		return false;
	r = &vlapic_registers[index];
	if (!(r->access & X2APIC_WRITE) || (value & ~(uint64_t)(r->writable | r->read_only)))
		return false;
	vlapic_write_register(apic, index * 16, (uint32_t)value & r->writable);
	return true;
}

void vlapic_self_ipi(struct vlapic *apic, uint8_t vector)
{
	if (vector < VECTOR_LOWEST)
		vlapic_error(apic, ESR_SEND_ILLEGAL);
	else
		vlapic_request(apic, vector, false);
}

static bool write_self_ipi(struct vlapic *apic, uint64_t value)
{
	if (!vlapic_is_x2apic(apic) || value > UINT8_MAX)
		return false;
	vlapic_self_ipi(apic, (uint8_t)value);
	return true;
}

/* The current count is computed, and the ICR's high half is elsewhere than the MSR wants it. */
bool vlapic_reads_page(unsigned index)
{
	return index < VLAPIC_REGISTERS && vlapic_registers[index].access & X2APIC_READ && index != LAPIC_ICR / 16 &&
	       index != LAPIC_CURRENT_COUNT / 16;
}

bool vlapic_wrmsr(struct vlapic *apic, uint32_t msr, uint64_t value)
{
	/* The hot ones first. */
	if (msr == X2APIC_MSR(LAPIC_EOI)) {
		if (!vlapic_is_x2apic(apic) || value != 0)
			return false;
		vlapic_eoi(apic);
		return true;
	}
	if (msr == X2APIC_MSR(LAPIC_ICR))
		return vlapic_write_icr(apic, value);
	if (msr == X2APIC_MSR(LAPIC_SELF_IPI))
		return write_self_ipi(apic, value);
	if (msr == IA32_TSC_DEADLINE) {
		vlapic_timer_write_deadline(apic, value);
		return true;
	}
	if (msr == IA32_APIC_BASE)
		return write_base(apic, value);
	return write_x2apic(apic, msr, value);
}
