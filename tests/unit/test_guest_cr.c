/* SPDX-License-Identifier: MIT */
/* MOV to CR0, CR3, CR4: what is refused, what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/guest_cpuid.h"
#include "arch/x86/guest_cr.h"
#include "arch/x86/msr.h"

#define REAL CR0_ET
#define PROTECTED (CR0_ET | CR0_PE)
#define PAGED (PROTECTED | CR0_PG)

static const uint64_t all_bits = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE |
                                 CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 | CR4_FSGSBASE |
                                 CR4_PCIDE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP | CR4_PKE;

static struct guest_cr long_mode(void)
{
	return (struct guest_cr){
		.cr0 = PAGED, .cr3 = 0x1000, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA, .cr4_allowed = all_bits,
		.physical_bits = 40, .code_64 = true,
	};
}

static struct guest_cr legacy(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return (struct guest_cr){ .cr0 = cr0, .cr4 = cr4, .efer = efer, .cr4_allowed = all_bits, .physical_bits = 40 };
}

static void cr0_bits(void **state)
{
	static const struct {
		uint64_t value;
		bool good;
	} cases[] = {
		{ 0, true },
		{ CR0_PE, true },
		{ CR0_PE | CR0_PG, true },
		{ CR0_PG, false },
		{ CR0_NW, false },
		{ CR0_NW | CR0_CD, true },
		{ CR0_CD, true },
		{ 1ULL << 32, false },
		{ 1ULL << 63, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest_cr cr = legacy(REAL, 0, 0), before = cr;

		assert_int_equal(guest_cr0_write(&cr, cases[i].value), cases[i].good);
		if (cases[i].good)
			assert_int_equal(cr.cr0, cases[i].value | CR0_ET);
		else
			assert_memory_equal(&cr, &before, sizeof(cr));
	}
}

static void cr0_undefined_bits_are_ignored(void **state)
{
	struct guest_cr cr = legacy(REAL, 0, 0);

	(void)state;
	assert_true(guest_cr0_write(&cr, CR0_PE | 1u << 6 | 1u << 17 | 1u << 28));
	assert_int_equal(cr.cr0, PROTECTED);
}

static void into_long_mode_and_back(void **state)
{
	struct guest_cr cr = legacy(PROTECTED, CR4_PAE, EFER_LME);

	(void)state;
	assert_true(guest_cr0_write(&cr, PAGED));
	assert_int_equal(cr.efer, EFER_LME | EFER_LMA);
	cr.code_64 = true;
	assert_false(guest_cr0_write(&cr, PROTECTED));
	cr.code_64 = false;
	assert_true(guest_cr0_write(&cr, PROTECTED));
	assert_int_equal(cr.efer, EFER_LME);
}

static void long_mode_wants_more(void **state)
{
	struct guest_cr no_pae = legacy(PROTECTED, 0, EFER_LME), code_64 = legacy(PROTECTED, CR4_PAE, EFER_LME);
	struct guest_cr tss_16 = code_64;

	(void)state;
	code_64.code_64 = true;
	tss_16.tss_16 = true;
	assert_false(guest_cr0_write(&no_pae, PAGED));
	assert_false(guest_cr0_write(&code_64, PAGED));
	assert_false(guest_cr0_write(&tss_16, PAGED));
	tss_16.efer = 0;
	assert_true(guest_cr0_write(&tss_16, PAGED));
	assert_int_equal(tss_16.efer, 0);
}

static void paging_stays_with_pcids(void **state)
{
	struct guest_cr cr = long_mode();

	(void)state;
	cr.code_64 = false;
	cr.cr4 |= CR4_PCIDE;
	assert_false(guest_cr0_write(&cr, PROTECTED));
	cr.cr4 &= ~CR4_PCIDE;
	assert_true(guest_cr0_write(&cr, PROTECTED));
}

static void cr3_width(void **state)
{
	struct guest_cr cr = long_mode();

	(void)state;
	assert_true(guest_cr3_write(&cr, (1ULL << 40) - 4096));
	assert_false(guest_cr3_write(&cr, 1ULL << 40));
	assert_false(guest_cr3_write(&cr, 1ULL << 63 | 0x2000));
	assert_int_equal(cr.cr3, (1ULL << 40) - 4096);
	cr.cr4 |= CR4_PCIDE;
	assert_true(guest_cr3_write(&cr, 1ULL << 63 | 0x2001));
	assert_int_equal(cr.cr3, 0x2001);
}

static void cr4_bits(void **state)
{
	struct guest_cr cr = long_mode();

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t value = CR4_PAE | 1ULL << bit;

		cr = long_mode();
		assert_int_equal(guest_cr4_write(&cr, value), (all_bits & 1ULL << bit) && 1ULL << bit != CR4_LA57);
	}
	cr = long_mode();
	assert_false(guest_cr4_write(&cr, 0));
	assert_int_equal(cr.cr4, CR4_PAE);
	cr.cr4_allowed &= ~CR4_PGE;
	assert_false(guest_cr4_write(&cr, CR4_PAE | CR4_PGE));
}

static void pcids_want_long_mode_and_a_clean_cr3(void **state)
{
	struct guest_cr cr = legacy(PAGED, CR4_PAE, 0);

	(void)state;
	assert_false(guest_cr4_write(&cr, CR4_PAE | CR4_PCIDE));
	cr = long_mode();
	cr.cr3 = 0x1001;
	assert_false(guest_cr4_write(&cr, CR4_PAE | CR4_PCIDE));
	cr.cr3 = 0x1000;
	assert_true(guest_cr4_write(&cr, CR4_PAE | CR4_PCIDE));
	/* Once on, the other bits change without a look at CR3. */
	cr.cr3 = 0x1001;
	assert_true(guest_cr4_write(&cr, CR4_PAE | CR4_PCIDE | CR4_PGE));
}

static void pdptes(void **state)
{
	struct guest_cr cr = legacy(PAGED, CR4_PAE, 0);

	(void)state;
	assert_true(guest_cr_uses_pdptes(&cr));
	cr.cr4 = 0;
	assert_false(guest_cr_uses_pdptes(&cr));
	cr = long_mode();
	assert_false(guest_cr_uses_pdptes(&cr));
	assert_true(guest_pdpte_valid(0, 40));
	assert_true(guest_pdpte_valid(~1ULL, 40));
	assert_true(guest_pdpte_valid(0x1001 | 3 << 3 | 7 << 9, 40));
	assert_false(guest_pdpte_valid(0x1003, 40));
	assert_false(guest_pdpte_valid(0x1021, 40));
	assert_false(guest_pdpte_valid(0x1081, 40));
	assert_false(guest_pdpte_valid(1ULL << 40 | 1, 40));
	assert_false(guest_pdpte_valid(1ULL << 63 | 1, 40));
}

/* A processor that has nothing but what is listed. */
static struct cpuid bare(void *context, uint32_t leaf, uint32_t subleaf)
{
	const struct cpuid *one = context;

	(void)subleaf;
	switch (leaf) {
	case 0:
		return (struct cpuid){ 7, 0x756e6547, 0x6c65746e, 0x49656e69 };
	case 1:
		return one[0];
	case 7:
		return one[1];
	case 0x80000000:
		return (struct cpuid){ 0x80000008, 0, 0, 0 };
	default:
		return (struct cpuid){ 0 };
	}
}

static void cr4_follows_cpuid(void **state)
{
	struct cpuid answers[2] = { { 0 } };
	const struct guest_cpuid_config config = { .host = bare, .context = answers, .cpus = 1 };
	static struct guest_cpuid cpuid;

	(void)state;
	guest_cpuid_build(&cpuid, &config);
	assert_int_equal(guest_cr4_bits(&cpuid), CR4_PCE);
	answers[0].edx = 1u << 1 | 1u << 6 | 1u << 13;
	answers[1].ebx = 1u << 7;
	guest_cpuid_build(&cpuid, &config);
	assert_int_equal(guest_cr4_bits(&cpuid), CR4_PCE | CR4_VME | CR4_PVI | CR4_PAE | CR4_PGE | CR4_SMEP);
	/* What guests are never offered: VMX, 5-level paging. */
	answers[0].ecx = 1u << 5;
	answers[1].ecx = 1u << 16;
	guest_cpuid_build(&cpuid, &config);
	assert_int_equal(guest_cr4_bits(&cpuid) & (CR4_VMXE | CR4_LA57), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_bits),
		cmocka_unit_test(cr0_undefined_bits_are_ignored),
		cmocka_unit_test(into_long_mode_and_back),
		cmocka_unit_test(long_mode_wants_more),
		cmocka_unit_test(paging_stays_with_pcids),
		cmocka_unit_test(cr3_width),
		cmocka_unit_test(cr4_bits),
		cmocka_unit_test(pcids_want_long_mode_and_a_clean_cr3),
		cmocka_unit_test(pdptes),
		cmocka_unit_test(cr4_follows_cpuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
