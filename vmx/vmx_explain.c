/* SPDX-License-Identifier: MIT */
/* After an entry that failed: why, to the log. */
#include "arch/x86/msr.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"
#include "vmx/vmx_check.h"

#define BASIC_32_BIT     (1ULL << 48) /* SDM A.1: addresses in the VMCS have 32 bits */
#define BASIC_TRUE       (1ULL << 55)
#define BASIC_ANY_ERROR  (1ULL << 56)

typedef unsigned long long ull;

/* VM-instruction errors, SDM 31.4. */
static const char *const errors[] = {
	[1] = "VMCALL in VMX root operation",
	[2] = "VMCLEAR with an invalid physical address",
	[3] = "VMCLEAR with the VMXON pointer",
	[4] = "VMLAUNCH with a VMCS that is not clear",
	[5] = "VMRESUME with a VMCS that has not been launched",
	[6] = "VMRESUME after VMXOFF",
	[7] = "VM entry with invalid control fields",
	[8] = "VM entry with invalid host-state fields",
	[9] = "VMPTRLD with an invalid physical address",
	[10] = "VMPTRLD with the VMXON pointer",
	[11] = "VMPTRLD with another VMCS revision",
	[12] = "VMREAD or VMWRITE of a field that does not exist",
	[13] = "VMWRITE to a read-only field",
	[15] = "VMXON in VMX root operation",
	[26] = "VM entry under a MOV SS shadow",
	[28] = "INVEPT or INVVPID with an invalid operand",
};

/* Exit qualification of reason 33, SDM 27.8. */
static const char *const qualifications[] = { [2] = "PDPTEs", [3] = "NMI injection", [4] = "VMCS link pointer" };

static const char *name(const char *const *names, size_t count, ull number)
{
	return number < count && names[number] ? names[number] : "unknown";
}

/* Each word's MSR, and the newer one that tells which default-1 bits may be 0 (SDM A.2 to A.5). */
static const struct {
	uint32_t msr, true_msr;
} control_msrs[CONTROL_WORDS] = {
	[CONTROL_PIN] = { 0x481, 0x48d },
	[CONTROL_PRIMARY] = { 0x482, 0x48e },
	[CONTROL_SECONDARY] = { IA32_VMX_PROCBASED_CTLS2, IA32_VMX_PROCBASED_CTLS2 },
	[CONTROL_EXIT] = { 0x483, 0x48f },
	[CONTROL_ENTRY] = { 0x484, 0x490 },
};

static void read_limits(struct vmx_limits *limits)
{
	uint64_t basic = rdmsr(IA32_VMX_BASIC), value = 0;

	*limits = (struct vmx_limits){
		.cr0_fixed0 = vmx_features.cr0_fixed0,
		.cr0_fixed1 = vmx_features.cr0_fixed1,
		.cr4_fixed0 = vmx_features.cr4_fixed0,
		.cr4_fixed1 = vmx_features.cr4_fixed1,
		.misc = rdmsr(IA32_VMX_MISC),
		.ept_vpid = rdmsr(IA32_VMX_EPT_VPID_CAP),
		.physical_bits = cpuid(0x80000008, 0).eax & 0xff,
		.any_error_code = basic & BASIC_ANY_ERROR,
	};
	limits->address_bits = basic & BASIC_32_BIT ? 32 : limits->physical_bits;
	rdmsr_safe(IA32_VMX_VMFUNC, &limits->vm_functions);
	for (unsigned i = 0; i < CONTROL_WORDS; i++) {
		if (!rdmsr_safe(basic & BASIC_TRUE ? control_msrs[i].true_msr : control_msrs[i].msr, &value))
			value = 0;
		limits->control[i].must = (uint32_t)value;
		limits->control[i].may = (uint32_t)(value >> 32);
	}
}

static uint64_t read(void *context, uint32_t field)
{
	uint64_t value = 0;

	(void)context;
	vmx_read_field(field, &value);
	return value;
}

static void report(void *context, const struct vmx_failure *f)
{
	const struct vcpu *vcpu = context;

	log_error(vcpu->partition->name, "VT-x: failed check (SDM %s): %s%s%s", f->section,
	          f->segment ? f->segment : "", f->segment ? ": " : "", f->sentence);
}

/* VMfail: the guest's state has not been looked at (SDM 27.2). */
static unsigned explain_vmfail(struct vcpu *vcpu, const struct vmx_check *check, ull error)
{
	log_error(vcpu->partition->name, "VT-x: VM-instruction error %llu: %s", error,
	          name(errors, sizeof(errors) / sizeof(errors[0]), error));
	return vmx_check(check, PHASE_CONTROLS, report, vcpu) + vmx_check(check, PHASE_HOST, report, vcpu);
}

static unsigned explain_exit(struct vcpu *vcpu, const struct vmx_check *check)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	ull reason = vmread(s, EXIT_REASON) & 0xffff, qualification = vmread(s, EXIT_QUALIFICATION);
	bool known = reason == REASON_INVALID_GUEST_STATE && qualification;

	log_error(vcpu->partition->name, "VT-x: the entry failed with exit reason %llu, qualification %llu%s%s", reason,
	          qualification, known ? ": " : "",
	          known ? name(qualifications, sizeof(qualifications) / sizeof(qualifications[0]), qualification) : "");
	return vmx_check(check, PHASE_GUEST, report, vcpu);
}

/* The processor stops at the first check that fails; this names all. */
void vmx_explain(struct vcpu *vcpu, uint64_t error)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	struct vmx_check check = { .read = read, .task_priority = vmx_read_cr8(vcpu) };
	unsigned failed;

	read_limits(&check.limits);
	failed = s->entry_failed ? explain_vmfail(vcpu, &check, error) : explain_exit(vcpu, &check);
	if (!failed)
		log_error(vcpu->partition->name, "VT-x: none of the checks that are known here failed");
}
