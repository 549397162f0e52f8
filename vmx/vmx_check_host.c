/* SPDX-License-Identifier: MIT */
/* Checks on the host's state (SDM 27.2.2 to 27.2.4). The processor is in 64-bit mode. */
#include "arch/x86/msr.h"
#include "vmx/vmx_check.h"

#define SELECTOR_LOW 7u /* RPL and TI */

#define RULE(name, text) { name, 0, text }

static bool host_64(const struct vmx_check *c)
{
	return check_field(c, EXIT_CONTROLS) & EXIT_HOST_64;
}

static bool cr0_fixed(const struct vmx_check *c, unsigned segment)
{
	uint64_t cr0 = check_field(c, HOST_CR0);

	(void)segment;
	return (cr0 & c->limits.cr0_fixed0) != c->limits.cr0_fixed0 || cr0 & ~c->limits.cr0_fixed1;
}

static bool cr4_fixed(const struct vmx_check *c, unsigned segment)
{
	uint64_t cr4 = check_field(c, HOST_CR4);

	(void)segment;
	return (cr4 & c->limits.cr4_fixed0) != c->limits.cr4_fixed0 || cr4 & ~c->limits.cr4_fixed1;
}

static bool cet(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, HOST_CR4) & CR4_CET && !(check_field(c, HOST_CR0) & CR0_WP);
}

static bool cr3_width(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, HOST_CR3) >> c->limits.physical_bits;
}

static bool sysenter(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !check_canonical(check_field(c, HOST_SYSENTER_ESP)) ||
	       !check_canonical(check_field(c, HOST_SYSENTER_EIP));
}

static bool pat(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, EXIT_CONTROLS) & EXIT_LOAD_PAT && !check_pat(check_field(c, HOST_PAT));
}

static bool efer_reserved(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return check_field(c, EXIT_CONTROLS) & EXIT_LOAD_EFER && check_efer_reserved(check_field(c, HOST_EFER));
}

static bool efer_mode(const struct vmx_check *c, unsigned segment)
{
	uint64_t efer = check_field(c, HOST_EFER);

	(void)segment;
	return check_field(c, EXIT_CONTROLS) & EXIT_LOAD_EFER &&
	       (!(efer & EFER_LMA) == host_64(c) || !(efer & EFER_LME) == host_64(c));
}

static const struct vmx_rule registers[] = {
	RULE(cr0_fixed, "host CR0 has bits that VMX does not allow, or lacks bits that it wants"),
	RULE(cr4_fixed, "host CR4 has bits that VMX does not allow, or lacks bits that it wants"),
	RULE(cet, "host CR4.CET is set without CR0.WP"),
	RULE(cr3_width, "host CR3 is wider than a physical address"),
	RULE(sysenter, "host SYSENTER_ESP or SYSENTER_EIP is not canonical"),
	RULE(pat, "host PAT has a memory type that does not exist"),
	RULE(efer_reserved, "host EFER has reserved bits"),
	RULE(efer_mode, "host EFER.LMA or EFER.LME contradicts \"host address-space size\""),
};
const struct vmx_rules vmx_rules_host_registers = { PHASE_HOST, "27.2.2", registers,
                                                    sizeof(registers) / sizeof(registers[0]) };

static bool selector_low(const struct vmx_check *c, unsigned segment)
{
	return check_field(c, HOST_ES_SELECTOR + 2 * (segment == VCPU_TR ? 6 : segment)) & SELECTOR_LOW;
}

static bool selector_null(const struct vmx_check *c, unsigned segment)
{
	return !check_field(c, segment == VCPU_TR ? HOST_TR_SELECTOR : HOST_CS_SELECTOR);
}

static bool selector_ss(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !host_64(c) && !check_field(c, HOST_SS_SELECTOR);
}

static bool bases(const struct vmx_check *c, unsigned segment)
{
	static const uint32_t fields[] = { HOST_FS_BASE, HOST_GS_BASE, HOST_TR_BASE, HOST_GDTR_BASE, HOST_IDTR_BASE };

	(void)segment;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!check_canonical(check_field(c, fields[i])))
			return true;
	return false;
}

static const struct vmx_rule segments[] = {
	{ selector_low, 0x3f | 1u << VCPU_TR, "the host's selector has an RPL or its TI flag set" },
	{ selector_null, 1u << VCPU_CS | 1u << VCPU_TR, "the host's selector is 0" },
	RULE(selector_ss, "host SS is 0 and \"host address-space size\" is clear"),
	RULE(bases, "the host's base of FS, GS, TR, GDTR or IDTR is not canonical"),
};
const struct vmx_rules vmx_rules_host_segments = { PHASE_HOST, "27.2.3", segments,
                                                   sizeof(segments) / sizeof(segments[0]) };

static bool size(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !host_64(c);
}

static bool guest_size(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !host_64(c) && check_field(c, ENTRY_CONTROLS) & ENTRY_IA32E;
}

static bool pae(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return host_64(c) && !(check_field(c, HOST_CR4) & CR4_PAE);
}

static bool pcid(const struct vmx_check *c, unsigned segment)
{
	(void)segment;
	return !host_64(c) && check_field(c, HOST_CR4) & CR4_PCIDE;
}

static bool rip(const struct vmx_check *c, unsigned segment)
{
	uint64_t value = check_field(c, HOST_RIP);

	(void)segment;
	return host_64(c) ? !check_canonical(value) : value >> 32;
}

static const struct vmx_rule address_space[] = {
	RULE(size, "\"host address-space size\" is clear, and the processor is in IA-32e mode"),
	RULE(guest_size, "\"IA-32e mode guest\" without \"host address-space size\""),
	RULE(pae, "host CR4.PAE is clear"),
	RULE(pcid, "host CR4.PCIDE is set without \"host address-space size\""),
	RULE(rip, "host RIP is out of range"),
};
const struct vmx_rules vmx_rules_address_space = { PHASE_HOST, "27.2.4", address_space,
                                                   sizeof(address_space) / sizeof(address_space[0]) };
