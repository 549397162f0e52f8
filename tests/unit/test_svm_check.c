/* SPDX-License-Identifier: MIT */
/* The checks of VMRUN: states that are good pass, and of a bad one exactly what is bad is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/msr.h"
#include "svm/svm_check.h"

static struct vmcb vmcb;
static const struct svm_limits limits = { .physical_bits = 40, .asids = 16 };

/* As after RESET. */
static void real_mode(void)
{
	memset(&vmcb, 0, sizeof(vmcb));
	vmcb.intercepts[INTERCEPT_VMRUN / 32] = 1u << INTERCEPT_VMRUN % 32;
	vmcb.iopm_base = 0x1000;
	vmcb.msrpm_base = (1ULL << 40) - 0x2000; /* the last there can be */
	vmcb.asid = 15;
	vmcb.np_enable = 1;
	vmcb.n_cr3 = 0x8000;
	vmcb.g_pat = 0x0007040600070406;
	vmcb.efer = EFER_SVME;
	vmcb.cr0 = CR0_ET | CR0_CD | CR0_NW;
	vmcb.dr6 = 0xffff0ff0;
	vmcb.dr7 = 0x400;
	vmcb.rflags = 2;
}

static void long_mode(void)
{
	real_mode();
	vmcb.efer |= EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	vmcb.cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_WP;
	vmcb.cr3 = 0xfffffff000;
	vmcb.cr4 = CR4_PAE | CR4_PGE;
	vmcb.cs.attributes = 0xa9b;
}

static unsigned failures(const char **first)
{
	unsigned count = 0;

	for (unsigned i = 0; i < svm_rules_count; i++)
		if (svm_rules[i].fails(&vmcb, &limits)) {
			*first = count++ ? *first : svm_rules[i].sentence;
		}
	return count;
}

static void good_states_pass(void **state)
{
	const char *first = NULL;

	(void)state;
	real_mode();
	assert_int_equal(failures(&first), 0);
	real_mode();
	vmcb.cr3 = ~0ULL; /* outside long mode its high half is not used */
	assert_int_equal(failures(&first), 0);
	long_mode();
	assert_int_equal(failures(&first), 0);
	long_mode();
	vmcb.np_enable = 0;
	vmcb.g_pat = vmcb.n_cr3 = ~0ULL;
	assert_int_equal(failures(&first), 0);
	real_mode();
	vmcb.efer |= EFER_LME; /* paging not yet on */
	assert_int_equal(failures(&first), 0);
}

/* A field of a good long-mode state, what is put there, and the sentence. */
struct bad {
	size_t offset;
	uint8_t size;
	uint64_t value;
	const char *sentence;
};
#define BAD(field, v, text) { offsetof(struct vmcb, field), sizeof(vmcb.field), v, text }

static const struct bad cases[] = {
	BAD(efer, EFER_LME | EFER_LMA, "EFER.SVME is clear"),
	BAD(cr0, CR0_PE | CR0_PG | CR0_NW, "CR0.NW is set without CR0.CD"),
	BAD(cr0, CR0_PE | CR0_PG | 1ULL << 32, "CR0 has bits 63:32"),
	BAD(cr3, 1ULL << 40, "CR3 is wider than a physical address"),
	BAD(cr4, CR4_PAE | 1 << 13, "CR4 has reserved bits"),
	BAD(cr4, CR4_PAE | 1ULL << 32, "CR4 has reserved bits"),
	BAD(dr6, 1ULL << 32, "DR6 has bits 63:32"),
	BAD(dr7, 1ULL << 63, "DR7 has bits 63:32"),
	BAD(efer, EFER_SVME | EFER_LME | EFER_LMA | 2, "EFER has reserved bits"),
	BAD(efer, EFER_SVME | EFER_LME | EFER_LMA | 1ULL << 32, "EFER has reserved bits"),
	BAD(cr4, 0, "EFER.LME and CR0.PG are set without CR4.PAE"),
	BAD(cr0, CR0_PG, "EFER.LME and CR0.PG are set without CR0.PE"),
	BAD(cs.attributes, 0xe9b, "CS.L and CS.D are both set in long mode"),
	BAD(intercepts[INTERCEPT_VMRUN / 32], ~(1u << INTERCEPT_VMRUN % 32), "the VMRUN intercept is clear"),
	BAD(iopm_base, (1ULL << 40) - 0x2000, "a permission map ends above the highest physical address"),
	BAD(msrpm_base, (1ULL << 40) - 0x1000, "a permission map ends above the highest physical address"),
	BAD(asid, 0, "the ASID is 0 or higher than the processor has"),
	BAD(asid, 16, "the ASID is 0 or higher than the processor has"),
	BAD(g_pat, 2, "PAT has a memory type that does not exist"),
	BAD(g_pat, 8ULL << 56, "PAT has a memory type that does not exist"),
	BAD(n_cr3, 1ULL << 40, "nCR3 is wider than a physical address"),
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void one_bad_field(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CASES; i++) {
		const char *first = NULL;

		long_mode();
		memcpy((uint8_t *)&vmcb + cases[i].offset, &cases[i].value, cases[i].size);
		if (failures(&first) != 1)
			fail_msg("case %u fails more or less than one check (%s)", i, first ? first : "none");
		assert_string_equal(first, cases[i].sentence);
	}
}

static void every_rule_has_a_case(void **state)
{
	(void)state;
	for (unsigned i = 0; i < svm_rules_count; i++) {
		unsigned k = 0;

		while (k < CASES && strcmp(cases[k].sentence, svm_rules[i].sentence) != 0)
			k++;
		assert_true(k < CASES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_states_pass),
		cmocka_unit_test(one_bad_field),
		cmocka_unit_test(every_rule_has_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
