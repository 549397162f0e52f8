/* SPDX-License-Identifier: MIT */
/* Checks on the guest's registers (SDM 27.3.1.1, 27.3.1.3, 27.3.1.4) and on its PDPTEs (27.3.1.6). */
#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"

#define DEBUGCTL_RESERVED 0xffffffffffff0038ULL
#define RFLAGS_ALLOWED    0x3f7fd7ULL
#define RFLAGS_ALWAYS     2
#define PDPTE_PRESENT     1
#define PDPTE_RESERVED    0x1e6ULL /* SDM table 4-8 */
#define BNDCFGS_RESERVED  0xffcULL

#define RULE(name, text) { name, 0, text }

static uint32_t entry(const struct vmx_check *c)
{
	return (uint32_t)check_field(c, ENTRY_CONTROLS);
}

static bool long_mode(const struct vmx_check *c)
{
	return entry(c) & ENTRY_IA32E;
}

/* An unrestricted guest may be without protection and without paging. */
static bool cr0_fixed(const struct vmx_check *c, unsigned segment)
{
	uint64_t cr0 = check_field(c, GUEST_CR0), fixed0 = c->limits.cr0_fixed0;

	(void)segment;
	if (check_secondary(c) & SECONDARY_UNRESTRICTED)
		fixed0 &= ~(CR0_PE | CR0_PG);
	return (cr0 & fixed0) != fixed0 || cr0 & ~c->limits.cr0_fixed1;
}

static bool cr0_paging(const struct vmx_check *c, unsigned segment)
{
	uint64_t cr0 = check_field(c, GUEST_CR0);

	(void)segment;
	return cr0 & CR0_PG && !(cr0 & CR0_PE);
}

static bool cr4_fixed(const struct vmx_check *c, unsigned segment)
{
	uint64_t cr4 = check_field(c, GUEST_CR4);

	(void)segment;
	return (cr4 & c->limits.cr4_fixed0) != c->limits.cr4_fixed0 || cr4 & ~c->limits.cr4_fixed1;
}

static bool cet(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, GUEST_CR4) & CR4_CET && !(check_field(c, GUEST_CR0) & CR0_WP);
}

static bool debugctl(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return entry(c) & ENTRY_LOAD_DEBUG && check_field(c, GUEST_DEBUGCTL) & DEBUGCTL_RESERVED;
}

static bool paging(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return long_mode(c) && (!(check_field(c, GUEST_CR0) & CR0_PG) || !(check_field(c, GUEST_CR4) & CR4_PAE));
}

static bool pcid(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !long_mode(c) && check_field(c, GUEST_CR4) & CR4_PCIDE;
}

static bool cr3_width(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, GUEST_CR3) >> c->limits.physical_bits;
}

static bool dr7_high(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return entry(c) & ENTRY_LOAD_DEBUG && check_field(c, GUEST_DR7) >> 32;
}

static bool sysenter(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !check_canonical(check_field(c, GUEST_SYSENTER_ESP)) ||
	       !check_canonical(check_field(c, GUEST_SYSENTER_EIP));
}

static bool pat(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return entry(c) & ENTRY_LOAD_PAT && !check_pat(check_field(c, GUEST_PAT));
}

static bool efer_reserved(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return entry(c) & ENTRY_LOAD_EFER && check_efer_reserved(check_field(c, GUEST_EFER));
}

static bool efer_mode(const struct vmx_check *c, unsigned segment)
{
	uint64_t efer = check_field(c, GUEST_EFER);

	(void)segment;
	return entry(c) & ENTRY_LOAD_EFER &&
	       (!(efer & EFER_LMA) == long_mode(c) ||
	        (check_field(c, GUEST_CR0) & CR0_PG && !(efer & EFER_LME) == long_mode(c)));
}

static bool bndcfgs(const struct vmx_check *c, unsigned segment)
{
	uint64_t value = check_field(c, GUEST_BNDCFGS);

	(void)segment;
	return entry(c) & ENTRY_LOAD_BNDCFGS && (value & BNDCFGS_RESERVED || !check_canonical(value));
}

static const struct vmx_rule registers[] = {
	RULE(cr0_fixed, "CR0 has bits that VMX does not allow, or lacks bits that it wants"),
	RULE(cr0_paging, "CR0.PG is set without CR0.PE"),
	RULE(cr4_fixed, "CR4 has bits that VMX does not allow, or lacks bits that it wants"),
	RULE(cet, "CR4.CET is set without CR0.WP"),
	RULE(debugctl, "DEBUGCTL has reserved bits"),
	RULE(paging, "\"IA-32e mode guest\" is set without CR0.PG and CR4.PAE"),
	RULE(pcid, "CR4.PCIDE is set outside IA-32e mode"),
	RULE(cr3_width, "CR3 is wider than a physical address"),
	RULE(dr7_high, "DR7 has bits 63:32"),
	RULE(sysenter, "SYSENTER_ESP or SYSENTER_EIP is not canonical"),
	RULE(pat, "PAT has a memory type that does not exist"),
	RULE(efer_reserved, "EFER has reserved bits"),
	RULE(efer_mode, "EFER.LMA or EFER.LME contradicts \"IA-32e mode guest\""),
	RULE(bndcfgs, "BNDCFGS has reserved bits or an address that is not canonical"),
};
const struct vmx_rules vmx_rules_guest_registers = { PHASE_GUEST, "27.3.1.1", registers,
                                                     sizeof(registers) / sizeof(registers[0]) };

static bool table_base(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !check_canonical(check_field(c, GUEST_GDTR_BASE)) || !check_canonical(check_field(c, GUEST_IDTR_BASE));
}

static bool table_limit(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, GUEST_GDTR_LIMIT) >> 16 || check_field(c, GUEST_IDTR_LIMIT) >> 16;
}

static const struct vmx_rule tables[] = {
	RULE(table_base, "the base of GDTR or IDTR is not canonical"),
	RULE(table_limit, "the limit of GDTR or IDTR has bits 31:16"),
};
const struct vmx_rules vmx_rules_guest_tables = { PHASE_GUEST, "27.3.1.3", tables, sizeof(tables) / sizeof(tables[0]) };

static bool rip(const struct vmx_check *c, unsigned segment)
{
	uint64_t value = check_field(c, GUEST_RIP);

	(void)segment;
	if (long_mode(c) && check_field(c, GUEST_ES_ACCESS_RIGHTS + 2 * VCPU_CS) & SEGMENT_L)
		return !check_canonical(value);
	return value >> 32;
}

static bool rflags_reserved(const struct vmx_check *c, unsigned segment)
{
	uint64_t value = check_field(c, GUEST_RFLAGS);

	(void)segment;
	return value & ~RFLAGS_ALLOWED || !(value & RFLAGS_ALWAYS);
}

static bool rflags_vm(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, GUEST_RFLAGS) & RFLAGS_VM && (long_mode(c) || !(check_field(c, GUEST_CR0) & CR0_PE));
}

static bool rflags_if(const struct vmx_check *c, unsigned segment)
{
	uint64_t info = check_field(c, ENTRY_INTERRUPTION_INFO);

	(void)segment;
	return info & INTERRUPTION_VALID && (info >> INTERRUPTION_TYPE_SHIFT & 7) == EVENT_INTERRUPT &&
	       !(check_field(c, GUEST_RFLAGS) & RFLAGS_IF);
}

static const struct vmx_rule flags[] = {
	RULE(rip, "RIP is out of range"),
	RULE(rflags_reserved, "RFLAGS has reserved bits, or bit 1 is clear"),
	RULE(rflags_vm, "RFLAGS.VM is set in IA-32e or real-address mode"),
	RULE(rflags_if, "an external interrupt is injected and RFLAGS.IF is clear"),
};
const struct vmx_rules vmx_rules_guest_flags = { PHASE_GUEST, "27.3.1.4", flags, sizeof(flags) / sizeof(flags[0]) };

/* With EPT they are in the VMCS, otherwise in memory, which is not looked at here. */
static bool pdptes(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	if (long_mode(c) || !(check_field(c, GUEST_CR0) & CR0_PG) || !(check_field(c, GUEST_CR4) & CR4_PAE) ||
	    !(check_secondary(c) & SECONDARY_EPT))
		return false;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t pdpte = check_field(c, GUEST_PDPTE0 + 2 * i);

		if (pdpte & PDPTE_PRESENT && (pdpte & PDPTE_RESERVED || pdpte >> c->limits.physical_bits))
			return true;
	}
	return false;
}

static const struct vmx_rule pdpte_rules[] = {
	RULE(pdptes, "a present PDPTE has reserved bits"),
};
const struct vmx_rules vmx_rules_guest_pdptes = { PHASE_GUEST, "27.3.1.6", pdpte_rules,
                                                  sizeof(pdpte_rules) / sizeof(pdpte_rules[0]) };
