/* SPDX-License-Identifier: MIT */
/* Which check a failed VM entry did not pass: what the SDM lists in 27.2 and 27.3, as far as it shows here. */
#include "arch/x86/msr.h"
#include "kernel/log.h"
#include "kernel/partition.h"
#include "vmx/vmx.h"

typedef unsigned long long ull;

/* SDM 31.4. */
static const char *const instruction_errors[] = {
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

/* What the checks look at. */
struct state {
	uint64_t cr0, cr3, cr4, efer, rflags, rip, dr7;
	uint32_t entry, info, blocking, activity;
	uint64_t pending;
	struct {
		uint64_t base;
		uint32_t limit, rights;
		uint16_t selector;
	} segment[8];
	unsigned physical_bits;
};

static void load(struct vmx_vcpu *s, struct state *v)
{
	*v = (struct state){
		.cr0 = vmread(s, GUEST_CR0),
		.cr3 = vmread(s, GUEST_CR3),
		.cr4 = vmread(s, GUEST_CR4),
		.efer = vmread(s, GUEST_EFER),
		.rflags = vmread(s, GUEST_RFLAGS),
		.rip = vmread(s, GUEST_RIP),
		.dr7 = vmread(s, GUEST_DR7),
		.entry = (uint32_t)vmread(s, ENTRY_CONTROLS),
		.info = (uint32_t)vmread(s, ENTRY_INTERRUPTION_INFO),
		.blocking = (uint32_t)vmread(s, GUEST_INTERRUPTIBILITY),
		.activity = (uint32_t)vmread(s, GUEST_ACTIVITY_STATE),
		.pending = vmread(s, GUEST_PENDING_DEBUG),
		.physical_bits = cpuid(0x80000008, 0).eax & 0xff,
	};
	for (unsigned i = 0; i < 8; i++) {
		v->segment[i].base = vmread(s, GUEST_ES_BASE + 2 * i);
		v->segment[i].limit = (uint32_t)vmread(s, GUEST_ES_LIMIT + 2 * i);
		v->segment[i].rights = (uint32_t)vmread(s, GUEST_ES_ACCESS_RIGHTS + 2 * i);
		v->segment[i].selector = (uint16_t)vmread(s, GUEST_ES_SELECTOR + 2 * i);
	}
}

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool long_mode(const struct state *v)
{
	return v->entry & ENTRY_IA32E;
}

/* --- SDM 27.3.1.1: control registers and MSRs. Each returns true when the check fails. --- */

static bool cr0_fixed(const struct state *v)
{
	uint64_t fixed0 = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	return (v->cr0 & fixed0) != fixed0 || v->cr0 & ~vmx_features.cr0_fixed1;
}

static bool cr0_paging(const struct state *v)
{
	return v->cr0 & CR0_PG && !(v->cr0 & CR0_PE);
}

static bool cr4_fixed(const struct state *v)
{
	return (v->cr4 & vmx_features.cr4_fixed0) != vmx_features.cr4_fixed0 || v->cr4 & ~vmx_features.cr4_fixed1;
}

static bool ia32e_paging(const struct state *v)
{
	return long_mode(v) && (!(v->cr0 & CR0_PG) || !(v->cr4 & CR4_PAE));
}

static bool pcid_mode(const struct state *v)
{
	return !long_mode(v) && v->cr4 & CR4_PCIDE;
}

static bool cr3_width(const struct state *v)
{
	return v->cr3 >> v->physical_bits;
}

static bool dr7_high(const struct state *v)
{
	return v->dr7 >> 32;
}

static bool efer_reserved(const struct state *v)
{
	return v->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
}

static bool efer_lma(const struct state *v)
{
	return !(v->efer & EFER_LMA) != !long_mode(v) ||
	       (v->cr0 & CR0_PG && !(v->efer & EFER_LMA) != !(v->efer & EFER_LME));
}

/* --- SDM 27.3.1.2: segment registers --- */

static bool usable(const struct state *v, unsigned seg)
{
	return !(v->segment[seg].rights & SEGMENT_UNUSABLE);
}

static bool tr_type(const struct state *v)
{
	uint32_t type = v->segment[VCPU_TR].rights & 15;

	return !usable(v, VCPU_TR) || v->segment[VCPU_TR].selector & 4 || (type != 11 && (type != 3 || long_mode(v)));
}

static bool ldtr_type(const struct state *v)
{
	return usable(v, VCPU_LDTR) &&
	       ((v->segment[VCPU_LDTR].rights & 0x9f) != 0x82 || v->segment[VCPU_LDTR].selector & 4);
}

static bool v86(const struct state *v)
{
	for (unsigned i = 0; v->rflags & RFLAGS_VM && i <= VCPU_GS; i++)
		if (v->segment[i].base != (uint64_t)v->segment[i].selector << 4 || v->segment[i].limit != 0xffff ||
		    v->segment[i].rights != 0xf3)
			return true;
	return false;
}

static bool cs_type(const struct state *v)
{
	uint32_t type = v->segment[VCPU_CS].rights & 15;

	return !(v->rflags & RFLAGS_VM) && type != 3 && !(type & 8 && type & 1);
}

static bool cs_mode(const struct state *v)
{
	uint32_t rights = v->segment[VCPU_CS].rights;

	return long_mode(v) && rights & SEGMENT_L && rights & SEGMENT_DB;
}

static bool segment_present(const struct state *v)
{
	for (unsigned i = 0; i < 8; i++)
		if (usable(v, i) && !(v->segment[i].rights & SEGMENT_PRESENT))
			return true;
	return false;
}

static bool segment_reserved(const struct state *v)
{
	for (unsigned i = 0; i < 8; i++)
		if (v->segment[i].rights & 0xfffe0f00)
			return true;
	return false;
}

static bool segment_limit(const struct state *v)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t limit = v->segment[i].limit;
		bool granular = v->segment[i].rights & SEGMENT_G;

		if (usable(v, i) && ((granular && (limit & 0xfff) != 0xfff) || (!granular && limit >> 20)))
			return true;
	}
	return false;
}

static bool segment_base(const struct state *v)
{
	for (unsigned i = 0; i < 8; i++) {
		bool any = i == VCPU_FS || i == VCPU_GS || i == VCPU_TR || i == VCPU_LDTR;

		if (any ? usable(v, i) && !canonical(v->segment[i].base)
		        : (i == VCPU_CS || usable(v, i)) && v->segment[i].base >> 32)
			return true;
	}
	return false;
}

static bool ss_type(const struct state *v)
{
	uint32_t type = v->segment[VCPU_SS].rights & 15;

	return usable(v, VCPU_SS) && type != 3 && type != 7;
}

/* --- SDM 27.3.1.4, 27.3.1.5: RIP, RFLAGS and the rest --- */

static bool rip_width(const struct state *v)
{
	if (long_mode(v) && v->segment[VCPU_CS].rights & SEGMENT_L)
		return !canonical(v->rip);
	return v->rip >> 32;
}

static bool rflags_reserved(const struct state *v)
{
	return v->rflags & ~0x3f7fd7ULL || !(v->rflags & 2);
}

static bool rflags_vm(const struct state *v)
{
	return v->rflags & RFLAGS_VM && (long_mode(v) || !(v->cr0 & CR0_PE));
}

static bool interrupt_closed(const struct state *v)
{
	return v->info & INTERRUPTION_VALID && (v->info >> INTERRUPTION_TYPE_SHIFT & 7) == EVENT_INTERRUPT &&
	       (!(v->rflags & RFLAGS_IF) || v->blocking & (BLOCKING_STI | BLOCKING_MOV_SS));
}

static bool nmi_closed(const struct state *v)
{
	return v->info & INTERRUPTION_VALID && (v->info >> INTERRUPTION_TYPE_SHIFT & 7) == EVENT_NMI &&
	       v->blocking & (BLOCKING_MOV_SS | BLOCKING_NMI);
}

static bool blocking(const struct state *v)
{
	uint32_t both = BLOCKING_STI | BLOCKING_MOV_SS;

	return v->blocking & ~0x1fu || (v->blocking & both) == both ||
	       (v->blocking & BLOCKING_STI && !(v->rflags & RFLAGS_IF));
}

static bool activity(const struct state *v)
{
	return v->activity > 3;
}

static bool single_step(const struct state *v)
{
	return v->blocking & (BLOCKING_STI | BLOCKING_MOV_SS) &&
	       !(v->rflags & RFLAGS_TF) != !(v->pending & PENDING_DEBUG_BS);
}

static const struct {
	bool (*fails)(const struct state *v);
	const char *sentence;
} checks[] = {
	{ cr0_fixed, "CR0 has bits that VMX does not allow, or lacks bits that it wants" },
	{ cr0_paging, "CR0.PG is set without CR0.PE" },
	{ cr4_fixed, "CR4 has bits that VMX does not allow, or lacks bits that it wants" },
	{ ia32e_paging, "the entry control \"IA-32e mode guest\" is set without CR0.PG and CR4.PAE" },
	{ pcid_mode, "CR4.PCIDE is set outside IA-32e mode" },
	{ cr3_width, "CR3 is wider than a physical address" },
	{ dr7_high, "DR7 has bits 63:32" },
	{ efer_reserved, "EFER has reserved bits" },
	{ efer_lma, "EFER.LMA contradicts EFER.LME or the entry control \"IA-32e mode guest\"" },
	{ tr_type, "TR is not a busy TSS" },
	{ ldtr_type, "LDTR is not an LDT" },
	{ v86, "a segment is not as virtual-8086 mode wants it" },
	{ cs_type, "CS is not an accessed code segment" },
	{ cs_mode, "CS.L and CS.D are both set" },
	{ ss_type, "SS is not an accessed, writable data segment" },
	{ segment_present, "a usable segment is not present" },
	{ segment_reserved, "reserved bits in a segment's access rights" },
	{ segment_limit, "a segment's limit and granularity contradict each other" },
	{ segment_base, "a segment's base is out of range" },
	{ rip_width, "RIP is out of range" },
	{ rflags_reserved, "reserved bits in RFLAGS" },
	{ rflags_vm, "RFLAGS.VM in IA-32e or real-address mode" },
	{ interrupt_closed, "an external interrupt is injected while interrupts are blocked" },
	{ nmi_closed, "an NMI is injected while NMIs are blocked" },
	{ blocking, "the interruptibility state contradicts itself or RFLAGS.IF" },
	{ activity, "the activity state does not exist" },
	{ single_step, "RFLAGS.TF and the pending single step contradict each other under an interrupt shadow" },
};

static void explain_vmfail(struct vmx_vcpu *s, const char *who)
{
	ull error = vmread(s, INSTRUCTION_ERROR);
	const char *what = NULL;

	if (error < sizeof(instruction_errors) / sizeof(instruction_errors[0]))
		what = instruction_errors[error];
	log_error(who, "VT-x: VM-instruction error %llu: %s", error, what ? what : "unknown");
}

/* Exit qualification of reason 33, SDM 27.8. */
static const char *const qualifications[] = { [2] = "PDPTEs", [3] = "NMI injection", [4] = "VMCS link pointer" };

void vmx_explain(struct vcpu *vcpu)
{
	struct vmx_vcpu *s = vmx_of(vcpu);
	const char *who = vcpu->partition->name;
	struct state v;
	ull qualification;
	unsigned i, found = 0;

	if (s->entry_failed) {
		explain_vmfail(s, who);
		return;
	}
	qualification = vmread(s, EXIT_QUALIFICATION);
	if (qualification < sizeof(qualifications) / sizeof(qualifications[0]) && qualifications[qualification])
		log_error(who, "VT-x: the failed check concerns: %s", qualifications[qualification]);
	load(s, &v);
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].fails(&v)) {
			log_error(who, "VT-x: failed check: %s", checks[i].sentence);
			found++;
		}
	if (!found)
		log_error(who, "VT-x: no check that can be told from here failed (exit reason %#llx)",
		          (ull)vmread(s, EXIT_REASON));
}
