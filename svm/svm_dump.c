/* SPDX-License-Identifier: MIT */
/* What AMD-V knows of a vCPU that is being stopped: the VMCB by the names of its fields (APM appendix B). */
#include <stdio.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "kernel/log.h"
#include "kernel/log_list.h"
#include "kernel/partition.h"
#include "svm/svm.h"
#include "svm/svm_check.h"

struct named_field {
	const char *name;
	uint16_t offset;
	uint8_t size;
};

#define FIELD(text, field) { text, offsetof(struct vmcb, field), sizeof(((struct vmcb *)NULL)->field) }
#define SEGMENT(text, field) \
	FIELD(text " selector", field.selector), FIELD(text " attributes", field.attributes), \
	FIELD(text " limit", field.limit), FIELD(text " base", field.base)

static const struct named_field fields[] = {
	FIELD("exit code", exit_code),
	FIELD("exit info 1", exit_info1),
	FIELD("exit info 2", exit_info2),
	FIELD("exit interrupt info", exit_int_info),
	FIELD("next RIP", next_rip),
	FIELD("CR and DR intercepts", intercepts[0]),
	FIELD("DR intercepts, continued", intercepts[1]),
	FIELD("exception intercepts", intercepts[2]),
	FIELD("intercepts 3", intercepts[3]),
	FIELD("intercepts 4", intercepts[4]),
	FIELD("intercepts 5", intercepts[5]),
	FIELD("pause filter threshold", pause_threshold),
	FIELD("pause filter count", pause_count),
	FIELD("IOPM base", iopm_base),
	FIELD("MSRPM base", msrpm_base),
	FIELD("TSC offset", tsc_offset),
	FIELD("ASID", asid),
	FIELD("TLB control", tlb_control),
	FIELD("interrupt control", int_ctl),
	FIELD("virtual interrupt vector", int_vector),
	FIELD("interrupt shadow", interrupt_shadow),
	FIELD("nested paging", np_enable),
	FIELD("nCR3", n_cr3),
	FIELD("AVIC APIC base", avic_bar),
	FIELD("GHCB", ghcb),
	FIELD("event to inject", event_inject),
	FIELD("LBR virtualization", lbr_enable),
	FIELD("clean bits", clean),
	SEGMENT("ES", es),
	SEGMENT("CS", cs),
	SEGMENT("SS", ss),
	SEGMENT("DS", ds),
	SEGMENT("FS", fs),
	SEGMENT("GS", gs),
	SEGMENT("GDTR", gdtr),
	SEGMENT("LDTR", ldtr),
	SEGMENT("IDTR", idtr),
	SEGMENT("TR", tr),
	FIELD("CPL", cpl),
	FIELD("EFER", efer),
	FIELD("CR0", cr0),
	FIELD("CR2", cr2),
	FIELD("CR3", cr3),
	FIELD("CR4", cr4),
	FIELD("DR6", dr6),
	FIELD("DR7", dr7),
	FIELD("RFLAGS", rflags),
	FIELD("RIP", rip),
	FIELD("RSP", rsp),
	FIELD("RAX", rax),
	FIELD("STAR", star),
	FIELD("LSTAR", lstar),
	FIELD("CSTAR", cstar),
	FIELD("SFMASK", fmask),
	FIELD("kernel GS base", kernel_gs_base),
	FIELD("SYSENTER_CS", sysenter_cs),
	FIELD("SYSENTER_ESP", sysenter_esp),
	FIELD("SYSENTER_EIP", sysenter_eip),
	FIELD("guest PAT", g_pat),
	FIELD("DEBUGCTL", dbgctl),
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void dump_fields(const struct vmcb *v, const char *who)
{
	struct log_list list = { .who = who, .title = "VMCB" };

	for (unsigned i = 0; i < FIELDS; i++) {
		uint64_t value = 0;

		memcpy(&value, (const uint8_t *)v + fields[i].offset, fields[i].size);
		log_list_add(&list, fields[i].name, value);
	}
	log_list_end(&list);
}

/* The processor stops at the first check that fails; this names all. */
static void explain(const struct vmcb *v, const char *who)
{
	const struct svm_limits limits = {
		.physical_bits = cpuid(0x80000008, 0).eax & 0xff,
		.asids = svm_features.asids,
	};
	unsigned failed = 0;

	for (unsigned i = 0; i < svm_rules_count; i++)
		if (svm_rules[i].fails(v, &limits)) {
			log_error(who, "AMD-V: failed check (APM 15.5.1): %s", svm_rules[i].sentence);
			failed++;
		}
	if (!failed)
		log_error(who, "AMD-V: none of the checks that are known here failed");
}

void svm_dump(struct vcpu *vcpu, const struct exit *exit)
{
	const struct vmcb *v = svm_of(vcpu)->vmcb;
	const char *who = vcpu->partition->name;

	if (exit->kind == EXIT_ENTRY_FAILURE)
		explain(v, who);
	dump_fields(v, who);
}
