/* SPDX-License-Identifier: MIT */
/* Guest registers in the VMCB. */
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "kernel/partition.h"
#include "svm/svm.h"

/* Offset in the VMCB, and the clean bit that a write must clear. `lazy`: VMLOAD state, in the processor while loaded. */
struct location {
	uint16_t offset;
	uint16_t clean;
	bool lazy;
};

#define AT(field) offsetof(struct vmcb, field)

static const struct location registers[VCPU_REGISTERS] = {
	[VCPU_RIP] = { AT(rip), 0, false },
	[VCPU_RSP] = { AT(rsp), 0, false },
	[VCPU_RFLAGS] = { AT(rflags), 0, false },
	[VCPU_CR0] = { AT(cr0), CLEAN_CR, false },
	[VCPU_CR2] = { AT(cr2), CLEAN_CR2, false },
	[VCPU_CR3] = { AT(cr3), CLEAN_CR, false },
	[VCPU_CR4] = { AT(cr4), CLEAN_CR, false },
	[VCPU_EFER] = { AT(efer), CLEAN_CR, false },
	[VCPU_DR6] = { AT(dr6), CLEAN_DR, false },
	[VCPU_DR7] = { AT(dr7), CLEAN_DR, false },
	[VCPU_PAT] = { AT(g_pat), CLEAN_NP, false },
	[VCPU_STAR] = { AT(star), 0, true },
	[VCPU_LSTAR] = { AT(lstar), 0, true },
	[VCPU_CSTAR] = { AT(cstar), 0, true },
	[VCPU_FMASK] = { AT(fmask), 0, true },
	[VCPU_KERNEL_GS_BASE] = { AT(kernel_gs_base), 0, true },
	[VCPU_SYSENTER_CS] = { AT(sysenter_cs), 0, true },
	[VCPU_SYSENTER_ESP] = { AT(sysenter_esp), 0, true },
	[VCPU_SYSENTER_EIP] = { AT(sysenter_eip), 0, true },
	[VCPU_DEBUGCTL] = { AT(dbgctl), CLEAN_LBR, false },
	[VCPU_TSC_OFFSET] = { AT(tsc_offset), CLEAN_INTERCEPTS, false },
};

static const struct location segments[VCPU_SEGMENTS] = {
	[VCPU_ES] = { AT(es), CLEAN_SEG, false },
	[VCPU_CS] = { AT(cs), CLEAN_SEG, false },
	[VCPU_SS] = { AT(ss), CLEAN_SEG, false },
	[VCPU_DS] = { AT(ds), CLEAN_SEG, false },
	[VCPU_FS] = { AT(fs), 0, true },
	[VCPU_GS] = { AT(gs), 0, true },
	[VCPU_LDTR] = { AT(ldtr), 0, true },
	[VCPU_TR] = { AT(tr), 0, true },
	[VCPU_GDTR] = { AT(gdtr), CLEAN_DT, false },
	[VCPU_IDTR] = { AT(idtr), CLEAN_DT, false },
};

static void *before_read(struct svm_vcpu *s, const struct location *l)
{
	if (l->lazy && s->loaded)
		vmsave(s->vmcb_phys);
	return (uint8_t *)s->vmcb + l->offset;
}

static void after_write(struct svm_vcpu *s, const struct location *l)
{
	s->vmcb->clean &= ~(uint32_t)l->clean;
	if (l->lazy && s->loaded)
		vmload(s->vmcb_phys);
}

uint64_t svm_read(struct vcpu *vcpu, enum vcpu_register reg)
{
	uint64_t value = *(uint64_t *)before_read(svm_of(vcpu), &registers[reg]);

	return reg == VCPU_EFER ? value & ~EFER_SVME : value;
}

void svm_write(struct vcpu *vcpu, enum vcpu_register reg, uint64_t value)
{
	struct svm_vcpu *s = svm_of(vcpu);

	if (reg == VCPU_EFER)
		value |= EFER_SVME; /* APM 15.5.1: VMRUN refuses a guest without it */
	*(uint64_t *)before_read(s, &registers[reg]) = value;
	after_write(s, &registers[reg]);
}

/* VMCB attributes are bits 7:0 and 15:12 of the descriptor; struct segment keeps a gap, as in a VMCS. */
void svm_read_segment(struct vcpu *vcpu, enum vcpu_segment seg, struct segment *out)
{
	const struct vmcb_segment *s = before_read(svm_of(vcpu), &segments[seg]);

	out->base = s->base;
	out->limit = s->limit;
	out->selector = s->selector;
	out->attributes = (s->attributes & 0xffu) | (s->attributes & 0xf00u) << 4;
	if (!(s->attributes & 0x80) && seg != VCPU_GDTR && seg != VCPU_IDTR)
		out->attributes |= SEGMENT_UNUSABLE;
}

void svm_write_segment(struct vcpu *vcpu, enum vcpu_segment seg, const struct segment *in)
{
	struct svm_vcpu *v = svm_of(vcpu);
	struct vmcb_segment *s = before_read(v, &segments[seg]);

	s->base = in->base;
	s->limit = in->limit;
	s->selector = in->selector;
	s->attributes = in->attributes & SEGMENT_UNUSABLE
	                        ? 0
	                        : (uint16_t)((in->attributes & 0xff) | (in->attributes >> 4 & 0xf00));
	if (seg == VCPU_SS)
		v->vmcb->cpl = in->attributes >> 5 & 3;
	after_write(v, &segments[seg]);
}

static const uint8_t always_intercepted[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_INIT, INTERCEPT_RDPMC, INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_INVD,
	INTERCEPT_HLT, INTERCEPT_INVLPGA, INTERCEPT_IOIO, INTERCEPT_MSR, INTERCEPT_SHUTDOWN, INTERCEPT_VMRUN,
	INTERCEPT_VMMCALL, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE, INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT,
	INTERCEPT_WBINVD, INTERCEPT_MONITOR, INTERCEPT_MWAIT, INTERCEPT_XSETBV, INTERCEPT_RDPRU,
	INTERCEPT_INVLPGB, INTERCEPT_INVLPGB_ILLEGAL, INTERCEPT_MCOMMIT, INTERCEPT_TLBSYNC,
	/* #DB and #AC in an endless delivery loop would hold the core for ever. #MC is the machine's own. */
	INTERCEPT_EXCEPTION(1), INTERCEPT_EXCEPTION(17), INTERCEPT_EXCEPTION(18),
};

static void set_controls(struct vcpu *vcpu, struct vmcb *vmcb)
{
	unsigned i;

	memset(vmcb->intercepts, 0, sizeof(vmcb->intercepts));
	for (i = 0; i < sizeof(always_intercepted); i++)
		svm_intercept(vmcb, always_intercepted[i], true);
	vmcb->iopm_base = svm_iopm_phys;
	vmcb->msrpm_base = svm_msrpm_phys;
	vmcb->int_ctl = V_INTR_MASKING;
	vmcb->np_enable = 1;
	vmcb->n_cr3 = vcpu->partition->stage2.root_phys;
	vmcb->interrupt_shadow = 0;
	vmcb->event_inject = 0;
}

/* Processor state after RESET or INIT, APM 14.1.3. */
void svm_vmcb_reset(struct vcpu *vcpu, bool init)
{
	struct svm_vcpu *s = svm_of(vcpu);
	struct vmcb *v = s->vmcb;
	const struct vmcb_segment data = { .attributes = 0x93, .limit = 0xffff };
	uint64_t keep_cr0 = init ? v->cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW;

	set_controls(vcpu, v);
	v->es = v->ss = v->ds = v->fs = v->gs = data;
	v->cs = (struct vmcb_segment){ .selector = 0xf000, .attributes = 0x9b, .limit = 0xffff, .base = 0xffff0000 };
	v->gdtr = v->idtr = (struct vmcb_segment){ .limit = 0xffff };
	v->ldtr = (struct vmcb_segment){ .attributes = 0x82, .limit = 0xffff };
	v->tr = (struct vmcb_segment){ .attributes = 0x8b, .limit = 0xffff };
	v->cpl = 0;
	v->efer = EFER_SVME;
	v->cr0 = CR0_ET | keep_cr0;
	v->cr2 = v->cr3 = v->cr4 = 0;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rflags = 2;
	v->rip = 0xfff0;
	v->rsp = v->rax = 0;
	if (!init) {
		svm_shared_reset(s);
		v->star = v->lstar = v->cstar = v->fmask = v->kernel_gs_base = 0;
		v->sysenter_cs = v->sysenter_esp = v->sysenter_eip = 0;
		v->g_pat = 0x0007040600070406;
		v->dbgctl = 0;
	}
	s->nmi_blocked = s->stepping = false;
	s->code_page = UINT64_MAX;
	v->clean = 0;
	if (s->loaded)
		vmload(s->vmcb_phys);
	svm_asid_flush(s);
}
