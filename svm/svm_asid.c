/* SPDX-License-Identifier: MIT */
/*
 * Address-space identifiers (APM 15.16). Each core hands out its ASIDs in order; a vCPU that needs a clean TLB just takes
 * the next one. When they run out the core's TLB is flushed once and a new generation begins, so no flush by ASID is
 * needed; where the processor has it, it saves the numbers.
 */
#include "arch/x86/cpu.h"
#include "svm/svm.h"

void svm_asid_assign(struct svm_vcpu *s)
{
	struct cpu *cpu = this_cpu();
	struct svm_core *core = cpu->backend;

	if (s->asid_core == cpu && s->asid_generation == core->asid_generation)
		return;
	if (core->asid_next >= svm_features.asids) {
		core->asid_next = 1; /* 0 is the host's */
		core->asid_generation++;
		s->vmcb->tlb_control = TLB_FLUSH_ALL;
	}
	s->vmcb->asid = core->asid_next++;
	s->vmcb->clean &= ~(uint32_t)CLEAN_ASID;
	s->asid_core = cpu;
	s->asid_generation = core->asid_generation;
}

void svm_asid_flush(struct svm_vcpu *s)
{
	if (svm_features.flush_by_asid && s->asid_core == this_cpu()) {
		s->vmcb->tlb_control = TLB_FLUSH_ASID;
		return;
	}
	s->asid_core = NULL; /* run() takes the next one */
}
