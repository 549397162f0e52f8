/* SPDX-License-Identifier: MIT */
/* Virtual local APIC: interprocessor interrupts, and who is meant by a destination (SDM 11.6, 11.12.10). */
#include "drivers/vlapic.h"
#include "drivers/vlapic_registers.h"

#include "arch/x86/msr.h"

#define ICR_LOGICAL (1u << 11)
#define ICR_ASSERT  (1u << 14)
#define ICR_LEVEL   (1u << 15)

enum { FIXED, LOWEST, SMI, RESERVED_MODE, NMI, INIT, STARTUP, EXTINT };
enum { NO_SHORTHAND, SELF, ALL, ALL_BUT_SELF };

void vlapic_send(struct vlapic *apic, uint32_t low, uint32_t destination)
{
	struct vlapic_ipi ipi = {
		.vector = (uint8_t)low,
		.mode = low >> 8 & 7,
		.logical = low & ICR_LOGICAL,
		.assert = low & ICR_ASSERT,
		.level = low & ICR_LEVEL,
		.shorthand = low >> 18 & 3,
		.destination = destination,
	};
	bool self = ipi.shorthand == SELF || (ipi.shorthand == NO_SHORTHAND && !ipi.logical && destination == apic->id);

	/* INIT level de-assert, and the like: no processor of today knows it; start-up has no trigger mode (11.6.1). */
	if (ipi.level && !ipi.assert && ipi.mode != STARTUP)
		return;
	if (ipi.mode <= LOWEST) /* the trigger mode is ignored: an interrupt from here is an edge */
		ipi.level = false;
	if (ipi.mode <= LOWEST && ipi.vector < VECTOR_LOWEST) {
		vlapic_error(apic, ESR_SEND_ILLEGAL);
		return;
	}
	if (ipi.mode == FIXED && self) {
		vlapic_request(apic, ipi.vector, false);
		return;
	}
	/* What the ICR cannot say (tables 11-3 and 11-4). */
	if (ipi.mode == RESERVED_MODE || ipi.mode == EXTINT)
		return;
	if (ipi.mode != FIXED && (ipi.shorthand == SELF || ipi.shorthand == ALL))
		return;
	apic->host->send_ipi(apic, &ipi);
}

bool vlapic_write_icr(struct vlapic *apic, uint64_t value)
{
	const struct vlapic_register *r = &vlapic_registers[LAPIC_ICR / 16];
	uint32_t low = (uint32_t)value;

	if (!vlapic_is_x2apic(apic) || (low & ~(r->writable | r->read_only)))
		return false;
	low &= r->writable;
	*vlapic_reg(apic, LAPIC_ICR) = low;
	*vlapic_reg(apic, LAPIC_ICR_HIGH) = value >> 32;
	vlapic_send(apic, low, value >> 32);
	return true;
}

/* Logical destination of 8 bits: flat or cluster model (11.6.2.2). */
static bool match_xapic(const struct vlapic *apic, uint32_t destination)
{
	uint32_t ldr = *vlapic_reg(apic, LAPIC_LDR) >> 24;

	if (destination > 0xff)
		return false;
	if (*vlapic_reg(apic, LAPIC_DFR) >> 28 == 0xf)
		return ldr & destination;
	return ldr >> 4 == destination >> 4 && (ldr & destination & 0xf);
}

bool vlapic_match(const struct vlapic *apic, uint32_t destination, bool logical, bool x2apic_sender)
{
	uint32_t ldr = *vlapic_reg(apic, LAPIC_LDR);

	if (!(apic->base & APIC_BASE_ENABLE))
		return false;
	if (destination == (x2apic_sender ? 0xffffffff : 0xff))
		return true;
	if (!logical)
		return destination == apic->id;
	if (!vlapic_is_x2apic(apic))
		return match_xapic(apic, destination);
	return ldr >> 16 == destination >> 16 && (ldr & destination & 0xffff);
}
