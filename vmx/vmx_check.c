/* SPDX-License-Identifier: MIT */
/* Runs the rules of a phase; what several tables of rules need. */
#include "vmx/vmx_check.h"

#include "arch/x86/msr.h"

const struct vmx_rules *const vmx_rules[] = {
	&vmx_rules_execution, &vmx_rules_exit, &vmx_rules_entry, &vmx_rules_host_registers, &vmx_rules_host_segments,
	&vmx_rules_address_space, &vmx_rules_guest_registers, &vmx_rules_guest_segments, &vmx_rules_guest_tables,
	&vmx_rules_guest_flags, &vmx_rules_guest_other, &vmx_rules_guest_pdptes,
};
const unsigned vmx_rules_count = sizeof(vmx_rules) / sizeof(vmx_rules[0]);

static const char *const segments[] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };
#define MSR_ENTRY 16 /* bytes, SDM table 25-15 */
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static unsigned try(const struct vmx_check *c, const struct vmx_rule *rule, const char *section,
                    void (*report)(void *context, const struct vmx_failure *failure), void *context)
{
	struct vmx_failure failure = { .section = section, .sentence = rule->sentence };
	unsigned failed = 0;

	if (!rule->segments && rule->fails(c, 0)) {
		report(context, &failure);
		return 1;
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (rule->segments >> i & 1 && rule->fails(c, i)) {
			failure.segment = segments[i];
			report(context, &failure);
			failed++;
		}
	return failed;
}

unsigned vmx_check(const struct vmx_check *c, enum vmx_phase phase,
                   void (*report)(void *context, const struct vmx_failure *failure), void *context)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < vmx_rules_count; i++)
		for (unsigned k = 0; vmx_rules[i]->phase == phase && k < vmx_rules[i]->count; k++)
			failed += try(c, &vmx_rules[i]->rule[k], vmx_rules[i]->section, report, context);
	return failed;
}

bool check_area(const struct vmx_check *c, uint32_t count_field, uint32_t address_field)
{
	uint64_t count = (uint32_t)check_field(c, count_field), address = check_field(c, address_field);

	return count && (!check_address(c, address, 4) || (address + MSR_ENTRY * count - 1) >> c->limits.address_bits);
}

bool check_pat(uint64_t pat)
{
	for (unsigned i = 0; i < 64; i += 8) {
		uint8_t type = (uint8_t)(pat >> i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

bool check_efer_reserved(uint64_t efer)
{
	return efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
}
