/* SPDX-License-Identifier: MIT */
/* Every field of the VMCS by name, for a vCPU that is being stopped. */
#include <stdio.h>

#include "kernel/log.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"

struct field {
	uint16_t encoding;
	const char *name;
};

static const struct field fields[] = {
	{ EXIT_REASON, "exit reason" },
	{ EXIT_QUALIFICATION, "exit qualification" },
	{ GUEST_LINEAR_ADDRESS, "guest-linear address" },
	{ GUEST_PHYSICAL_ADDRESS, "guest-physical address" },
	{ EXIT_INTERRUPTION_INFO, "exit interruption information" },
	{ EXIT_INTERRUPTION_ERROR, "exit interruption error code" },
	{ IDT_VECTORING_INFO, "IDT-vectoring information" },
	{ IDT_VECTORING_ERROR, "IDT-vectoring error code" },
	{ EXIT_INSTRUCTION_LENGTH, "exit instruction length" },
	{ EXIT_INSTRUCTION_INFO, "exit instruction information" },
	{ INSTRUCTION_ERROR, "VM-instruction error" },
	{ PIN_CONTROLS, "pin-based controls" },
	{ PRIMARY_CONTROLS, "primary controls" },
	{ SECONDARY_CONTROLS, "secondary controls" },
	{ EXIT_CONTROLS, "exit controls" },
	{ ENTRY_CONTROLS, "entry controls" },
	{ ENTRY_INTERRUPTION_INFO, "entry interruption information" },
	{ ENTRY_EXCEPTION_ERROR, "entry exception error code" },
	{ ENTRY_INSTRUCTION_LENGTH, "entry instruction length" },
	{ EXCEPTION_BITMAP, "exception bitmap" },
	{ PAGE_FAULT_ERROR_MASK, "page-fault error-code mask" },
	{ PAGE_FAULT_ERROR_MATCH, "page-fault error-code match" },
	{ CR3_TARGET_COUNT, "CR3-target count" },
	{ EXIT_MSR_STORE_COUNT, "exit MSR-store count" },
	{ EXIT_MSR_LOAD_COUNT, "exit MSR-load count" },
	{ ENTRY_MSR_LOAD_COUNT, "entry MSR-load count" },
	{ TPR_THRESHOLD, "TPR threshold" },
	{ TSC_OFFSET, "TSC offset" },
	{ IO_BITMAP_A, "I/O bitmap A" },
	{ IO_BITMAP_B, "I/O bitmap B" },
	{ MSR_BITMAP, "MSR bitmap" },
	{ VIRTUAL_APIC_ADDRESS, "virtual-APIC address" },
	{ EPT_POINTER, "EPT pointer" },
	{ VMCS_LINK_POINTER, "VMCS link pointer" },
	{ CR0_MASK, "CR0 guest/host mask" },
	{ CR0_READ_SHADOW, "CR0 read shadow" },
	{ CR4_MASK, "CR4 guest/host mask" },
	{ CR4_READ_SHADOW, "CR4 read shadow" },
	{ GUEST_CR0, "guest CR0" },
	{ GUEST_CR3, "guest CR3" },
	{ GUEST_CR4, "guest CR4" },
	{ GUEST_DR7, "guest DR7" },
	{ GUEST_RSP, "guest RSP" },
	{ GUEST_RIP, "guest RIP" },
	{ GUEST_RFLAGS, "guest RFLAGS" },
	{ GUEST_EFER, "guest EFER" },
	{ GUEST_PAT, "guest PAT" },
	{ GUEST_DEBUGCTL, "guest DEBUGCTL" },
	{ GUEST_SYSENTER_CS, "guest SYSENTER_CS" },
	{ GUEST_SYSENTER_ESP, "guest SYSENTER_ESP" },
	{ GUEST_SYSENTER_EIP, "guest SYSENTER_EIP" },
	{ GUEST_INTERRUPTIBILITY, "guest interruptibility" },
	{ GUEST_ACTIVITY_STATE, "guest activity state" },
	{ GUEST_PENDING_DEBUG, "guest pending debug exceptions" },
	{ GUEST_SMBASE, "guest SMBASE" },
	{ GUEST_PDPTE0, "guest PDPTE0" },
	{ GUEST_PDPTE0 + 2, "guest PDPTE1" },
	{ GUEST_PDPTE0 + 4, "guest PDPTE2" },
	{ GUEST_PDPTE0 + 6, "guest PDPTE3" },
	{ GUEST_GDTR_BASE, "guest GDTR base" },
	{ GUEST_GDTR_LIMIT, "guest GDTR limit" },
	{ GUEST_IDTR_BASE, "guest IDTR base" },
	{ GUEST_IDTR_LIMIT, "guest IDTR limit" },
	{ HOST_ES_SELECTOR, "host ES" },
	{ HOST_CS_SELECTOR, "host CS" },
	{ HOST_SS_SELECTOR, "host SS" },
	{ HOST_DS_SELECTOR, "host DS" },
	{ HOST_FS_SELECTOR, "host FS" },
	{ HOST_GS_SELECTOR, "host GS" },
	{ HOST_TR_SELECTOR, "host TR" },
	{ HOST_CR0, "host CR0" },
	{ HOST_CR3, "host CR3" },
	{ HOST_CR4, "host CR4" },
	{ HOST_EFER, "host EFER" },
	{ HOST_PAT, "host PAT" },
	{ HOST_FS_BASE, "host FS base" },
	{ HOST_GS_BASE, "host GS base" },
	{ HOST_TR_BASE, "host TR base" },
	{ HOST_GDTR_BASE, "host GDTR base" },
	{ HOST_IDTR_BASE, "host IDTR base" },
	{ HOST_SYSENTER_CS, "host SYSENTER_CS" },
	{ HOST_SYSENTER_ESP, "host SYSENTER_ESP" },
	{ HOST_SYSENTER_EIP, "host SYSENTER_EIP" },
	{ HOST_RSP, "host RSP" },
	{ HOST_RIP, "host RIP" },
};

static const char *const segments[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

static void dump_fields(struct vmx_vcpu *s, const char *who)
{
	char line[224];
	size_t used = 0;
	unsigned i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s %#llx", used ? ", " : "",
		                         fields[i].name, (unsigned long long)vmread(s, fields[i].encoding));
		if (i % 4 == 3 || i + 1 == sizeof(fields) / sizeof(fields[0])) {
			log_error(who, "VMCS: %s", line);
			used = 0;
		}
	}
	for (i = 0; i < sizeof(segments) / sizeof(segments[0]); i++)
		log_error(who, "VMCS: guest %s selector %#llx, base %#llx, limit %#llx, access rights %#llx",
		          segments[i], (unsigned long long)vmread(s, GUEST_ES_SELECTOR + 2 * i),
		          (unsigned long long)vmread(s, GUEST_ES_BASE + 2 * i),
		          (unsigned long long)vmread(s, GUEST_ES_LIMIT + 2 * i),
		          (unsigned long long)vmread(s, GUEST_ES_ACCESS_RIGHTS + 2 * i));
}

void vmx_dump(struct vcpu *vcpu, const struct exit *exit)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const char *who = vcpu->partition->name;

	log_error(who, "VT-x: %llu exits", (unsigned long long)s->exits);
	if (BULKHEAD_DEBUG)
		log_error(who, "VT-x: %llu VMREADs, %llu VMWRITEs", (unsigned long long)s->reads,
		          (unsigned long long)s->writes);
	if (exit->kind == EXIT_ENTRY_FAILURE)
		vmx_explain(vcpu);
	if (vmx_core()->current == s)
		dump_fields(s, who);
}
