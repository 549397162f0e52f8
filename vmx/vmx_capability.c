/* SPDX-License-Identifier: MIT */
/* What this processor's VT-x can do, and the controls that follow from it (SDM appendix A). */
#include <stdio.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "vmx/vmx.h"

#define BASIC_TRUE_CONTROLS (1ULL << 55) /* SDM A.1 */

/* IA32_VMX_EPT_VPID_CAP, SDM A.10. */
#define EPT_WALK_4          (1ULL << 6)
#define EPT_WRITE_BACK      (1ULL << 14)
#define EPT_2_MIB           (1ULL << 16)
#define EPT_1_GIB           (1ULL << 17)
#define EPT_INVEPT          (1ULL << 20)
#define EPT_ACCESSED_DIRTY  (1ULL << 21)
#define EPT_INVEPT_SINGLE   (1ULL << 25)
#define EPT_INVEPT_ALL      (1ULL << 26)
#define EPT_NEEDED          (EPT_WALK_4 | EPT_WRITE_BACK | EPT_2_MIB | EPT_INVEPT | EPT_INVEPT_SINGLE | EPT_INVEPT_ALL)
#define APICV               (SECONDARY_X2APIC | SECONDARY_APIC_REGISTERS | SECONDARY_INTERRUPT_DELIVERY)
#define VPID_INVVPID        (1ULL << 32)
#define VPID_INVVPID_SINGLE (1ULL << 41)
#define VPID_INVVPID_ALL    (1ULL << 42)

struct vmx_features vmx_features;

/* One word of controls: its MSR, the newer one that tells which default-1 bits may be 0, what is needed or nice. */
struct control {
	const char *name;
	uint32_t msr, true_msr;
	uint32_t needed, wanted;
	uint32_t *value;
};

static const struct control controls[] = {
	{ "pin-based", 0x481, 0x48d, PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI, PIN_PREEMPTION_TIMER,
	  &vmx_features.pin },
	{ "primary", 0x482, 0x48e,
	  PRIMARY_TSC_OFFSETTING | PRIMARY_HLT | PRIMARY_MWAIT | PRIMARY_RDPMC | PRIMARY_TPR_SHADOW |
	  PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS | PRIMARY_MONITOR | PRIMARY_SECONDARY, 0, &vmx_features.primary },
	{ "secondary", IA32_VMX_PROCBASED_CTLS2, IA32_VMX_PROCBASED_CTLS2, SECONDARY_EPT | SECONDARY_UNRESTRICTED,
	  SECONDARY_RDTSCP | SECONDARY_VPID | SECONDARY_WBINVD | SECONDARY_INVPCID | SECONDARY_XSAVES | APICV,
	  &vmx_features.secondary },
	{ "exit", 0x483, 0x48f, EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER, 0,
	  &vmx_features.exit },
	{ "entry", 0x484, 0x490, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, 0, &vmx_features.entry },
};

static bool has_secondary(uint32_t bit)
{
	return rdmsr(0x482) >> 32 & PRIMARY_SECONDARY && rdmsr(IA32_VMX_PROCBASED_CTLS2) >> 32 & bit;
}

static int init_controls(bool true_controls, char *why, size_t size)
{
	unsigned i;

	for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		const struct control *c = &controls[i];
		uint64_t capability = rdmsr(true_controls ? c->true_msr : c->msr);
		uint32_t must = (uint32_t)capability, may = (uint32_t)(capability >> 32);

		if (c->needed & ~may) {
			snprintf(why, size, "this processor's VT-x lacks %s controls %#x, which are needed", c->name,
			         c->needed & ~may);
			return E_UNSUPPORTED;
		}
		*c->value = must | ((c->needed | c->wanted) & may);
	}
	return E_OK;
}

/* The guest owns all of CR0 but the caches, which are the machine's, and what VMX wants fixed (SDM A.7, 24.8). */
static void init_control_registers(void)
{
	struct vmx_features *f = &vmx_features;

	f->cr0_fixed0 = rdmsr(IA32_VMX_CR0_FIXED0);
	f->cr0_fixed1 = rdmsr(IA32_VMX_CR0_FIXED1);
	f->cr4_fixed0 = rdmsr(IA32_VMX_CR4_FIXED0);
	f->cr4_fixed1 = rdmsr(IA32_VMX_CR4_FIXED1);
	f->cr0_owned = CR0_CD | CR0_NW | (f->cr0_fixed0 & ~(CR0_PE | CR0_PG)) | ~f->cr0_fixed1;
}

int vmx_capability_init(char *why, size_t size)
{
	struct vmx_features *f = &vmx_features;
	uint64_t basic = rdmsr(IA32_VMX_BASIC), cap, longest;

	if (!has_secondary(SECONDARY_EPT)) {
		snprintf(why, size, "this processor's VT-x has no extended page tables (EPT): use a newer processor");
		return E_UNSUPPORTED;
	}
	if (!has_secondary(SECONDARY_UNRESTRICTED)) {
		snprintf(why, size, "this processor's VT-x cannot run real-mode guests (no \"unrestricted guest\"): "
		         "use a newer processor");
		return E_UNSUPPORTED;
	}
	if (init_controls(basic & BASIC_TRUE_CONTROLS, why, size))
		return E_UNSUPPORTED;
	cap = rdmsr(IA32_VMX_EPT_VPID_CAP);
	if (EPT_NEEDED & ~cap) {
		snprintf(why, size, "this processor's EPT lacks what is needed (capabilities %#llx)",
		         (unsigned long long)cap);
		return E_UNSUPPORTED;
	}
	f->revision = (uint32_t)basic & 0x7fffffff;
	f->gigabyte_pages = cap & EPT_1_GIB;
	f->accessed_dirty = cap & EPT_ACCESSED_DIRTY;
	f->invvpid_single = cap & VPID_INVVPID_SINGLE;
	f->vpid = f->secondary & SECONDARY_VPID && cap & VPID_INVVPID && cap & VPID_INVVPID_ALL;
	if (!f->vpid)
		f->secondary &= ~SECONDARY_VPID;
	f->apicv = (f->secondary & APICV) == APICV;
	if (!f->apicv)
		f->secondary &= ~APICV;
	/* Every processor with virtual-interrupt delivery has posted interrupts as well, but not Bochs 2.7. */
	f->delivers_closed = !(rdmsr(controls[0].msr) >> 32 & PIN_POSTED_INTERRUPTS);
	f->preemption_timer = f->pin & PIN_PREEMPTION_TIMER;
	f->tsc_scaling = has_secondary(SECONDARY_TSC_SCALING);
	f->timer_shift = rdmsr(IA32_VMX_MISC) & 31;
	longest = tsc_hz / 100 >> f->timer_shift;
	f->longest = longest < UINT32_MAX ? (uint32_t)longest : UINT32_MAX;
	init_control_registers();
	return E_OK;
}
