/* SPDX-License-Identifier: MIT */
/* Every field of the VMCS by name, for a vCPU that is being stopped. */
#include <stdio.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/log_list.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"
#include "vmx/vmx_fields.h"

/* A field that this processor does not have: VMfail (SDM 31.3, VMREAD), and VM-instruction error 12. */
bool vmx_read_field(uint32_t field, uint64_t *value)
{
	uint64_t read = 0;
	bool failed;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(failed), "+r"(read) : "r"((uint64_t)field));
	if (!failed)
		*value = read;
	return !failed;
}

static void dump_fields(const char *who)
{
	struct log_list list = { .who = who, .title = "VMCS" };
	uint64_t value;

	for (unsigned i = 0; i < vmx_named_fields_count; i++)
		if (vmx_read_field(vmx_named_fields[i].encoding, &value))
			log_list_add(&list, vmx_named_fields[i].name, value);
	log_list_end(&list);
}

void vmx_dump(struct vcpu *vcpu, const struct exit *exit)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const char *who = vcpu->partition->name;
	uint64_t error = 0;

	log_error(who, "VT-x: %llu exits", (unsigned long long)s->exits);
	if (BULKHEAD_DEBUG)
		log_error(who, "VT-x: %llu VMREADs, %llu VMWRITEs", (unsigned long long)s->reads,
		          (unsigned long long)s->writes);
	if (vmx_core()->current != s)
		return;
	if (exit->kind == EXIT_ENTRY_FAILURE) {
		vmx_read_field(INSTRUCTION_ERROR, &error); /* before a field that is not there changes it */
		vmx_explain(vcpu, error);
	}
	dump_fields(who);
}
