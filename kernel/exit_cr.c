/* SPDX-License-Identifier: MIT */
/* MOV to and from control registers, CLTS and LMSW, where the processor leaves them to us. */
#include "arch/x86/guest_cr.h"
#include "arch/x86/msr.h"
#include "kernel/exit_handlers.h"
#include "kernel/partition.h"

/* struct exit_cr.number beyond the registers themselves. */
enum { CLTS = 16, LMSW = 17 };

#define CR0_LMSW (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

static void read_state(struct vcpu *vcpu, struct guest_cr *cr)
{
	struct segment cs, tr;

	vcpu_ops->read_segment(vcpu, VCPU_CS, &cs);
	vcpu_ops->read_segment(vcpu, VCPU_TR, &tr);
	*cr = (struct guest_cr){
		.cr0 = vcpu_ops->read(vcpu, VCPU_CR0),
		.cr3 = vcpu_ops->read(vcpu, VCPU_CR3),
		.cr4 = vcpu_ops->read(vcpu, VCPU_CR4),
		.efer = vcpu_ops->read(vcpu, VCPU_EFER),
		.cr4_allowed = guest_cr4_bits(&vcpu->partition->cpuid),
		.physical_bits = vcpu->partition->cpuid.physical_bits,
		.code_64 = cs.attributes & SEGMENT_L,
		.tss_16 = (tr.attributes & 0xd) == 0x1, /* types 1 and 3 */
	};
}

/* The entries that the write loads. They are not memory that is there, or have reserved bits: #GP (SDM 4.4.1). */
static bool pdptes_valid(struct vcpu *vcpu, const struct guest_cr *cr)
{
	uint64_t pdptes[4];
	unsigned i;

	if (!guest_cr_uses_pdptes(cr))
		return true;
	if (guest_read(&vcpu->partition->memory, cr->cr3 & 0xffffffe0, pdptes, sizeof(pdptes)))
		return false;
	for (i = 0; i < 4; i++)
		if (!guest_pdpte_valid(pdptes[i], cr->physical_bits))
			return false;
	return true;
}

static bool write_cr(struct vcpu *vcpu, uint8_t number, uint64_t value)
{
	struct guest_cr cr;
	bool good;

	read_state(vcpu, &cr);
	switch (number) {
	case 0:
		good = guest_cr0_write(&cr, value);
		break;
	case 3:
		good = guest_cr3_write(&cr, value);
		break;
	case 4:
		good = guest_cr4_write(&cr, value);
		break;
	case CLTS:
		good = guest_cr0_write(&cr, cr.cr0 & ~CR0_TS);
		break;
	default: /* LMSW sets PE but does not clear it */
		good = guest_cr0_write(&cr, (cr.cr0 & ~(CR0_LMSW & ~CR0_PE)) | (value & CR0_LMSW));
		break;
	}
	if (!good || !pdptes_valid(vcpu, &cr))
		return false;
	vcpu_ops->write(vcpu, VCPU_EFER, cr.efer);
	if (number == 3)
		vcpu_ops->write(vcpu, VCPU_CR3, cr.cr3);
	else if (number == 4)
		vcpu_ops->write(vcpu, VCPU_CR4, cr.cr4);
	else
		vcpu_ops->write(vcpu, VCPU_CR0, cr.cr0);
	return true;
}

static bool write_cr8(struct vcpu *vcpu, uint64_t value)
{
	if (value > 15)
		return false;
	vcpu_ops->write_cr8(vcpu, (uint8_t)value);
	atomic_fetch_or_explicit(&vcpu->todo, TODO_INTERRUPT, memory_order_relaxed);
	return true;
}

static uint64_t read_cr(struct vcpu *vcpu, uint8_t number)
{
	switch (number) {
	case 0:
		return vcpu_ops->read(vcpu, VCPU_CR0);
	case 3:
		return vcpu_ops->read(vcpu, VCPU_CR3);
	case 4:
		return vcpu_ops->read(vcpu, VCPU_CR4);
	default:
		return vcpu_ops->read_cr8(vcpu);
	}
}

enum verdict exit_cr(struct vcpu *vcpu, struct exit *exit)
{
	const struct exit_cr *cr = &exit->cr;
	bool good = true;

	if (cr->number == CLTS || cr->number == LMSW)
		good = write_cr(vcpu, cr->number, cr->value);
	else if (!cr->write)
		vcpu_set_gpr(vcpu, cr->gpr, read_cr(vcpu, cr->number));
	else if (cr->number == 8)
		good = write_cr8(vcpu, cr->value);
	else
		good = write_cr(vcpu, cr->number, cr->value);
	if (!good) {
		vcpu_exception_error(vcpu, VECTOR_GP, 0);
		return VERDICT_RETRY;
	}
	return VERDICT_NEXT;
}
