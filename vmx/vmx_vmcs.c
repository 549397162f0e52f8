/* SPDX-License-Identifier: MIT */
/* Guest registers in the VMCS: reading, writing, reset. vmx_init.c fills in what never changes. */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "kernel/guest_memory.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"

#define SEGMENTS(encoding) \
	(encoding), (encoding) + 2, (encoding) + 4, (encoding) + 6, (encoding) + 8, (encoding) + 10, (encoding) + 12, \
	(encoding) + 14

const uint16_t vmx_encodings[FIELDS] = {
	[FIELD_RIP] = GUEST_RIP,
	[FIELD_RSP] = GUEST_RSP,
	[FIELD_RFLAGS] = GUEST_RFLAGS,
	[FIELD_CR0] = GUEST_CR0,
	[FIELD_CR3] = GUEST_CR3,
	[FIELD_CR4] = GUEST_CR4,
	[FIELD_EFER] = GUEST_EFER,
	[FIELD_DR7] = GUEST_DR7,
	[FIELD_DEBUGCTL] = GUEST_DEBUGCTL,
	[FIELD_SYSENTER_CS] = GUEST_SYSENTER_CS,
	[FIELD_SYSENTER_ESP] = GUEST_SYSENTER_ESP,
	[FIELD_SYSENTER_EIP] = GUEST_SYSENTER_EIP,
	[FIELD_INTERRUPTIBILITY] = GUEST_INTERRUPTIBILITY,
	[FIELD_PENDING_DEBUG] = GUEST_PENDING_DEBUG,
	[FIELD_ENTRY_CONTROLS] = ENTRY_CONTROLS,
	[FIELD_INTERRUPT_STATUS] = GUEST_INTERRUPT_STATUS,
	[FIELD_SELECTOR] = SEGMENTS(GUEST_ES_SELECTOR),
	[FIELD_BASE] = SEGMENTS(GUEST_ES_BASE), GUEST_GDTR_BASE, GUEST_IDTR_BASE,
	[FIELD_LIMIT] = SEGMENTS(GUEST_ES_LIMIT), GUEST_GDTR_LIMIT, GUEST_IDTR_LIMIT,
	[FIELD_RIGHTS] = SEGMENTS(GUEST_ES_ACCESS_RIGHTS),
	[FIELD_PAT] = GUEST_PAT,
	[FIELD_TSC_OFFSET] = TSC_OFFSET,
	[FIELD_PRIMARY] = PRIMARY_CONTROLS,
	[FIELD_TPR_THRESHOLD] = TPR_THRESHOLD,
	[FIELD_CR0_SHADOW] = CR0_READ_SHADOW,
	[FIELD_CR4_SHADOW] = CR4_READ_SHADOW,
};

/* Where a register is. CR0, CR4 and EFER need more than a move. */
struct location {
	uint8_t index; /* enum vmx_field or enum vmx_shared */
	bool shared;
};

static const struct location registers[VCPU_REGISTERS] = {
	[VCPU_RIP] = { FIELD_RIP, false },
	[VCPU_RSP] = { FIELD_RSP, false },
	[VCPU_RFLAGS] = { FIELD_RFLAGS, false },
	[VCPU_CR0] = { FIELD_CR0, false },
	[VCPU_CR2] = { SHARED_CR2, true },
	[VCPU_CR3] = { FIELD_CR3, false },
	[VCPU_CR4] = { FIELD_CR4, false },
	[VCPU_EFER] = { FIELD_EFER, false },
	[VCPU_DR6] = { SHARED_DR6, true },
	[VCPU_DR7] = { FIELD_DR7, false },
	[VCPU_PAT] = { FIELD_PAT, false },
	[VCPU_STAR] = { SHARED_STAR, true },
	[VCPU_LSTAR] = { SHARED_LSTAR, true },
	[VCPU_CSTAR] = { SHARED_CSTAR, true },
	[VCPU_FMASK] = { SHARED_FMASK, true },
	[VCPU_KERNEL_GS_BASE] = { SHARED_KERNEL_GS_BASE, true },
	[VCPU_SYSENTER_CS] = { FIELD_SYSENTER_CS, false },
	[VCPU_SYSENTER_ESP] = { FIELD_SYSENTER_ESP, false },
	[VCPU_SYSENTER_EIP] = { FIELD_SYSENTER_EIP, false },
	[VCPU_DEBUGCTL] = { FIELD_DEBUGCTL, false },
	[VCPU_TSC_OFFSET] = { FIELD_TSC_OFFSET, false },
};

uint64_t vmx_read(struct vcpu *vcpu, enum vcpu_register reg)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const struct location *l = &registers[reg];
	uint64_t value;

	if (l->shared)
		return vmx_shared_read(s, (enum vmx_shared)l->index);
	value = vmx_get(s, l->index);
	if (reg == VCPU_CR0) /* as MOV from CR0 does (SDM 26.3) */
		return (value & ~vmx_features.cr0_owned) | (s->field[FIELD_CR0_SHADOW] & vmx_features.cr0_owned);
	if (reg == VCPU_CR4)
		return (value & ~s->cr4_owned) | (s->field[FIELD_CR4_SHADOW] & s->cr4_owned);
	return value;
}

/* The guest's write would have flushed the TLB and loaded the PDPTEs, as far as paging changes; ours always do. */
static void paging_changed(struct vmx_vcpu *s)
{
	s->flush_vpid = s->pdptes_stale = s->chores = true;
}

static void write_cr0(struct vmx_vcpu *s, uint64_t value)
{
	uint64_t fixed = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	vmx_set(s, FIELD_CR0_SHADOW, value);
	vmx_set(s, FIELD_CR0, ((value & ~(CR0_CD | CR0_NW)) | fixed) & vmx_features.cr0_fixed1);
	paging_changed(s);
}

/* CR4.MCE stays set: without it a machine check during the guest's run would shut the processor down. */
static void write_cr4(struct vmx_vcpu *s, uint64_t value)
{
	vmx_set(s, FIELD_CR4_SHADOW, value);
	vmx_set(s, FIELD_CR4,
	        (value | vmx_features.cr4_fixed0 | (CR_READ(4) & CR4_MCE)) & vmx_features.cr4_fixed1);
	paging_changed(s);
}

/* The entry control must say what EFER.LMA says (SDM 27.3.1.1). */
static void write_efer(struct vmx_vcpu *s, uint64_t value)
{
	uint64_t controls = vmx_get(s, FIELD_ENTRY_CONTROLS) & ~(uint64_t)ENTRY_IA32E;

	vmx_set(s, FIELD_ENTRY_CONTROLS, value & EFER_LMA ? controls | ENTRY_IA32E : controls);
	vmx_set(s, FIELD_EFER, value);
	paging_changed(s);
}

/* Values that the entry would refuse cannot come from a guest's instruction; reserved bits stay out all the same. */
void vmx_write(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const struct location *l = &registers[reg];

	switch (reg) {
	case VCPU_CR0:
		write_cr0(s, value);
		return;
	case VCPU_CR4:
		write_cr4(s, value);
		return;
	case VCPU_EFER:
		write_efer(s, value);
		return;
	case VCPU_CR3:
		paging_changed(s);
		break;
	case VCPU_RFLAGS:
		value = (value & 0x3f7fd5) | 2;
		break;
	case VCPU_DR7:
		value = (uint32_t)value;
		break;
	default:
		break;
	}
	if (l->shared)
		vmx_shared_write(s, (enum vmx_shared)l->index, value);
	else
		vmx_set(s, l->index, value);
}

static bool is_table(enum vcpu_segment seg)
{
	return seg == VCPU_GDTR || seg == VCPU_IDTR;
}

void vmx_read_segment(struct vcpu *vcpu, enum vcpu_segment seg, struct segment *out)
{
	struct vmx_vcpu *s = vmx_of(vcpu);

	out->base = vmx_get(s, FIELD_BASE + seg);
	out->limit = (uint32_t)vmx_get(s, FIELD_LIMIT + seg);
	out->attributes = is_table(seg) ? 0 : (uint32_t)vmx_get(s, FIELD_RIGHTS + seg);
	out->selector = is_table(seg) ? 0 : (uint16_t)vmx_get(s, FIELD_SELECTOR + seg);
}

void vmx_write_segment(struct vcpu *vcpu, enum vcpu_segment seg, const struct segment *in)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint32_t rights = in->attributes & 0x1f0ff;

	vmx_set(s, FIELD_BASE + seg, in->base);
	vmx_set(s, FIELD_LIMIT + seg, is_table(seg) ? in->limit & 0xffff : in->limit);
	if (is_table(seg))
		return;
	if (!(rights & SEGMENT_PRESENT))
		rights |= SEGMENT_UNUSABLE;
	vmx_set(s, FIELD_SELECTOR + seg, in->selector);
	vmx_set(s, FIELD_RIGHTS + seg, rights);
}

/* Processor state after RESET or INIT, SDM 10.1.1. */
static void reset_registers(struct vcpu *vcpu, uint64_t cr0)
{
	const struct segment data = { .attributes = 0x93, .limit = 0xffff };
	const struct segment code = { .selector = 0xf000, .attributes = 0x9b, .limit = 0xffff, .base = 0xffff0000 };
	const struct segment ldtr = { .attributes = 0x82, .limit = 0xffff };
	const struct segment tr = { .attributes = 0x8b, .limit = 0xffff };
	const struct segment table = { .limit = 0xffff };
	unsigned seg;

	for (seg = VCPU_ES; seg <= VCPU_GS; seg++)
		vmx_write_segment(vcpu, (enum vcpu_segment)seg, seg == VCPU_CS ? &code : &data);
	vmx_write_segment(vcpu, VCPU_LDTR, &ldtr);
	vmx_write_segment(vcpu, VCPU_TR, &tr);
	vmx_write_segment(vcpu, VCPU_GDTR, &table);
	vmx_write_segment(vcpu, VCPU_IDTR, &table);
	vmx_write(vcpu, VCPU_EFER, 0);
	vmx_write(vcpu, VCPU_CR0, cr0);
	vmx_write(vcpu, VCPU_CR2, 0);
	vmx_write(vcpu, VCPU_CR3, 0);
	vmx_write(vcpu, VCPU_CR4, 0);
	vmx_write(vcpu, VCPU_DR6, 0xffff0ff0);
	vmx_write(vcpu, VCPU_DR7, 0x400);
	vmx_write(vcpu, VCPU_RFLAGS, 2);
	vmx_write(vcpu, VCPU_RIP, 0xfff0);
	vmx_write(vcpu, VCPU_RSP, 0);
}

static void reset_more(struct vmx_vcpu *s)
{
	static const uint8_t zeroed[] = {
		FIELD_DEBUGCTL, FIELD_SYSENTER_CS, FIELD_SYSENTER_ESP, FIELD_SYSENTER_EIP, FIELD_TSC_OFFSET,
	};
	unsigned i;

	for (i = 0; i < sizeof(zeroed); i++)
		vmx_set(s, zeroed[i], 0);
	for (i = 0; i < SHARED; i++)
		s->shared[i] = 0;
	s->shared_stale = true;
	vmx_set(s, FIELD_PAT, 0x0007040600070406);
}

void vmx_vmcs_reset(struct vcpu *vcpu, bool init)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint64_t cr0 = CR0_ET | CR0_CD | CR0_NW;

	if (init)
		cr0 = CR0_ET | (vmx_read(vcpu, VCPU_CR0) & (CR0_CD | CR0_NW));
	else
		reset_more(s);
	vmx_set(s, FIELD_INTERRUPTIBILITY, 0);
	vmx_set(s, FIELD_PENDING_DEBUG, 0);
	vmx_set(s, FIELD_PRIMARY, vmx_features.primary);
	vmx_set(s, FIELD_ENTRY_CONTROLS, vmx_features.entry);
	vmx_set(s, FIELD_TPR_THRESHOLD, 0);
	vmx_write_cr8(vcpu, 0);
	reset_registers(vcpu, cr0);
	s->event = 0;
	s->entry_failed = false;
}

/*
 * With PAE paging the entry takes the page-directory-pointer-table entries from the VMCS (SDM 4.4.1, 27.3.2.4). Whoever
 * wrote CR3 has checked them; what another vCPU has put there since counts as not present.
 */
void vmx_load_pdptes(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	uint64_t reserved = ~0ULL << vcpu->partition->cpuid.physical_bits | 0x1e6, pdptes[4] = { 0 };
	unsigned i;

	s->pdptes_stale = false;
	if (!(vmx_get(s, FIELD_CR0) & CR0_PG) || !(vmx_get(s, FIELD_CR4) & CR4_PAE) ||
	    vmx_get(s, FIELD_EFER) & EFER_LMA)
		return;
	guest_read(&vcpu->partition->memory, vmx_get(s, FIELD_CR3) & 0xffffffe0, pdptes, sizeof(pdptes));
	for (i = 0; i < 4; i++)
		vmwrite(s, GUEST_PDPTE0 + 2 * i, pdptes[i] & 1 && pdptes[i] & reserved ? 0 : pdptes[i]);
}
