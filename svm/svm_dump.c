/* SPDX-License-Identifier: MIT */
/* What AMD-V knows of a vCPU that is being stopped. */
#include "kernel/log.h"
#include "kernel/partition.h"
#include "svm/svm.h"

void svm_dump(struct vcpu *vcpu, const struct exit *exit)
{
	const struct vmcb *v = svm_of(vcpu)->vmcb;
	const char *who = vcpu->partition->name;

	log_error(who, "VMCB: exit code %#llx info1 %#llx info2 %#llx intinfo %#llx (%s)", (unsigned long long)v->exit_code,
	          (unsigned long long)v->exit_info1, (unsigned long long)v->exit_info2, (unsigned long long)v->exit_int_info,
	          exit_name(exit->kind));
	log_error(who, "VMCB: int_ctl %#x shadow %#llx eventinj %#llx asid %u n_cr3 %#llx next rip %#llx", v->int_ctl,
	          (unsigned long long)v->interrupt_shadow, (unsigned long long)v->event_inject, v->asid,
	          (unsigned long long)v->n_cr3, (unsigned long long)v->next_rip);
}
