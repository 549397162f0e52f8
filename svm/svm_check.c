/* SPDX-License-Identifier: MIT */
/* Consistency checks of VMRUN, in the order of APM 15.5.1. The event to inject is not looked at: it is gone by then. */
#include "svm/svm_check.h"

#include "arch/x86/msr.h"

#define VMRUN_BIT (1u << (INTERCEPT_VMRUN % 32))
#define CS_D      (1u << 10) /* of the VMCB's attributes */
#define CR4_DEFINED  0xf71fffULL /* APM 3.1.3 */
#define EFER_DEFINED 0x36fd01ULL /* APM 3.1.7 */
#define IOPM_SIZE 0x3000     /* bytes; the MSR permission map has 0x2000 */
#define MSRPM_SIZE 0x2000

static bool svme(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return !(v->efer & EFER_SVME);
}

static bool caches(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->cr0 & CR0_NW && !(v->cr0 & CR0_CD);
}

static bool cr0_high(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->cr0 >> 32;
}

/* In long mode what is wider than a physical address; bit 63 of a write is not part of the register. */
static bool cr3(const struct vmcb *v, const struct svm_limits *limits)
{
	return v->efer & EFER_LMA && v->cr3 >> limits->physical_bits;
}

static bool cr4(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->cr4 & ~CR4_DEFINED;
}

static bool dr6_high(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->dr6 >> 32;
}

static bool dr7_high(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->dr7 >> 32;
}

static bool efer(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return v->efer & ~EFER_DEFINED;
}

/* Is long mode on, or would be with what the rules below ask for? */
static bool long_mode(const struct vmcb *v)
{
	return v->efer & EFER_LME && v->cr0 & CR0_PG;
}

static bool long_without_pae(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return long_mode(v) && !(v->cr4 & CR4_PAE);
}

static bool long_without_pe(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return long_mode(v) && !(v->cr0 & CR0_PE);
}

static bool code_size(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return long_mode(v) && v->cr4 & CR4_PAE && v->cs.attributes & VMCB_SEGMENT_L && v->cs.attributes & CS_D;
}

static bool vmrun(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	return !(v->intercepts[INTERCEPT_VMRUN / 32] & VMRUN_BIT);
}

static bool permission_maps(const struct vmcb *v, const struct svm_limits *limits)
{
	return (v->iopm_base + IOPM_SIZE - 1) >> limits->physical_bits ||
	       (v->msrpm_base + MSRPM_SIZE - 1) >> limits->physical_bits;
}

static bool asid(const struct vmcb *v, const struct svm_limits *limits)
{
	return !v->asid || v->asid >= limits->asids;
}

/* APM 15.25.4: with nested paging, what the guest's PAT and nCR3 may be. */
static bool pat(const struct vmcb *v, const struct svm_limits *limits)
{
	(void)limits;
	for (unsigned i = 0; v->np_enable & 1 && i < 64; i += 8) {
		uint8_t type = (uint8_t)(v->g_pat >> i);

		if (type > 7 || type == 2 || type == 3)
			return true;
	}
	return false;
}

static bool nested_cr3(const struct vmcb *v, const struct svm_limits *limits)
{
	return v->np_enable & 1 && v->n_cr3 >> limits->physical_bits;
}

const struct svm_rule svm_rules[] = {
	{ svme, "EFER.SVME is clear" },
	{ caches, "CR0.NW is set without CR0.CD" },
	{ cr0_high, "CR0 has bits 63:32" },
	{ cr3, "CR3 is wider than a physical address" },
	{ cr4, "CR4 has reserved bits" },
	{ dr6_high, "DR6 has bits 63:32" },
	{ dr7_high, "DR7 has bits 63:32" },
	{ efer, "EFER has reserved bits" },
	{ long_without_pae, "EFER.LME and CR0.PG are set without CR4.PAE" },
	{ long_without_pe, "EFER.LME and CR0.PG are set without CR0.PE" },
	{ code_size, "CS.L and CS.D are both set in long mode" },
	{ vmrun, "the VMRUN intercept is clear" },
	{ permission_maps, "a permission map ends above the highest physical address" },
	{ asid, "the ASID is 0 or higher than the processor has" },
	{ pat, "PAT has a memory type that does not exist" },
	{ nested_cr3, "nCR3 is wider than a physical address" },
};
const unsigned svm_rules_count = sizeof(svm_rules) / sizeof(svm_rules[0]);
