/* SPDX-License-Identifier: MIT */
/*
 * Guest registers that neither VMRUN, VMLOAD nor #VMEXIT switches (APM 15.5.1). The hypervisor uses none of them, so they
 * stay in the processor until another vCPU runs on the core. DR6 and DR7 are in the VMCB: no breakpoint of the guest
 * hits the host.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "svm/svm.h"

#define DR_READ(n) ({ uint64_t dr_; __asm__ volatile("mov %%dr" #n ", %0" : "=r"(dr_)); dr_; })
#define DR_WRITE(n, v) ({ __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v))); })

static void store(struct svm_vcpu *s)
{
	s->dr[0] = DR_READ(0);
	s->dr[1] = DR_READ(1);
	s->dr[2] = DR_READ(2);
	s->dr[3] = DR_READ(3);
	rdmsr_safe(IA32_TSC_AUX, &s->tsc_aux); /* not every processor has it */
}

static void load(struct svm_vcpu *s)
{
	DR_WRITE(0, s->dr[0]);
	DR_WRITE(1, s->dr[1]);
	DR_WRITE(2, s->dr[2]);
	DR_WRITE(3, s->dr[3]);
	wrmsr_safe(IA32_TSC_AUX, s->tsc_aux);
	s->shared_stale = false;
}

void svm_shared_switch(struct svm_vcpu *s)
{
	struct svm_core *core = this_cpu()->backend;

	if (core->current == s && !s->shared_stale)
		return;
	if (core->current && !core->current->shared_stale)
		store(core->current);
	load(s);
	core->current = s;
}

void svm_shared_reset(struct svm_vcpu *s)
{
	s->dr[0] = s->dr[1] = s->dr[2] = s->dr[3] = 0;
	s->tsc_aux = 0;
	s->shared_stale = true;
}
