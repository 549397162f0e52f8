/* SPDX-License-Identifier: MIT */
/* arch/x86/guest_msr*.c: each kind of register, both vendors, the TSC, the MTRRs, save and restore. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/guest_msr_table.h"
#include "arch/x86/msr.h"

static struct guest_cpuid model;
static struct guest_msrs msrs;
static uint64_t clock_, offset, told_value;
static uint32_t told;
static bool rich; /* the host's CPUID offers IBRS and the like */

static struct cpuid host(void *context, uint32_t leaf, uint32_t subleaf)
{
	const bool *is_amd = context;

	switch (leaf) {
	case 0:
		return (struct cpuid){ 0x1f, *is_amd ? 0x68747541 : 0x756e6547, 0, 0 };
	case 1:
		return (struct cpuid){ .ecx = rich ? 1u << 26 : 0 };
	case 0xd:
		return (struct cpuid){ .eax = subleaf ? 0xf : 3, .ecx = subleaf ? 0x1900 : 0 };
	case 7:
		return (struct cpuid){ 0, 0, 0, rich && !subleaf ? ~0u : 0 };
	case 0x80000000:
		return (struct cpuid){ .eax = 0x80000008 };
	case 0x80000008:
		return (struct cpuid){ .eax = 0x3027 };
	default:
		return (struct cpuid){ 0 };
	}
}

static uint64_t tsc(struct guest_msrs *m)
{
	assert_ptr_equal(m->owner, &model);
	return clock_ + offset;
}

static void move_tsc(struct guest_msrs *m, uint64_t delta)
{
	assert_ptr_equal(m, &msrs);
	offset += delta;
}

static void speculation(struct guest_msrs *m, uint32_t index, uint64_t value)
{
	(void)m;
	told = index;
	told_value = value;
}

static void make(bool is_amd)
{
	static const struct guest_msr_host services = { .tsc = tsc, .move_tsc = move_tsc, .speculation = speculation };
	struct guest_cpuid_config config = { .host = host, .context = &is_amd, .cpus = 1, .spec_ctrl = rich,
	                                     .xcr0 = 3, .xsaves = rich };

	config.arch_capabilities = rich ? 0x2b : 0;
	guest_cpuid_build(&model, &config);
	clock_ = 1000;
	offset = 0;
	told = 0;
	guest_msrs_init(&msrs, &model, &services, &model);
}

static int setup(void **test)
{
	(void)test;
	rich = false;
	make(true);
	return 0;
}

static void reads(uint32_t index, uint64_t expected)
{
	uint64_t value = ~0ULL;

	assert_int_equal(guest_msr_read(&msrs, index, &value), MSR_OK);
	assert_int_equal(value, expected);
}

static void keeps(uint32_t index, uint64_t value)
{
	assert_int_equal(guest_msr_write(&msrs, index, value), MSR_OK);
	reads(index, value);
}

static void refuses(uint32_t index, uint64_t value)
{
	assert_int_equal(guest_msr_write(&msrs, index, value), MSR_GP);
}

static void absent(uint32_t index, enum msr_result as)
{
	uint64_t value = ~0ULL;

	assert_int_equal(guest_msr_read(&msrs, index, &value), as);
	assert_int_equal(value, 0);
	assert_int_equal(guest_msr_write(&msrs, index, 0), as);
}

/* The binary search needs it, and no slot may have two registers. */
static void table_is_sound(void **test)
{
	bool taken[GUEST_MSR_SLOTS] = { false };

	(void)test;
	for (unsigned i = 0; i < msr_policy_count; i++) {
		const struct msr_policy *p = &msr_policies[i];

		assert_true(p->first <= p->last);
		if (i)
			assert_true(msr_policies[i - 1].last < p->first);
		if (p->kind < KIND_STORED || p->kind == KIND_SIGN_ID || p->kind == KIND_WRITE_ONLY ||
		    p->kind == KIND_TSC || p->kind == KIND_PRED_CMD || p->kind == KIND_ARCH_CAPABILITIES ||
		    p->kind == KIND_XSS)
			continue;
		for (uint32_t s = p->slot; s <= p->slot + (p->last - p->first); s++) {
			assert_true(s < GUEST_MSR_SLOTS);
			assert_false(taken[s]);
			taken[s] = true;
		}
	}
	for (unsigned i = 0; i < GUEST_MSR_SLOTS; i++)
		assert_true(taken[i]);
	for (unsigned i = 0; i < guest_msr_passed_count; i++)
		absent(guest_msr_passed[i], MSR_UNKNOWN);
}

static void unknown_and_absent(void **test)
{
	(void)test;
	absent(0x12345678, MSR_UNKNOWN);
	absent(0xffffffff, MSR_UNKNOWN);
	absent(0x2, MSR_UNKNOWN);
	absent(0x606, MSR_GP);
	absent(0x345, MSR_GP);
	absent(0x48b, MSR_GP);
	absent(MSR_VM_CR, MSR_GP);
	absent(MSR_VM_HSAVE_PA, MSR_GP);
	absent(0xc0010140, MSR_GP);
	absent(IA32_XSS, MSR_GP);
	absent(IA32_SPEC_CTRL, MSR_GP);
	absent(IA32_PRED_CMD, MSR_GP);
	absent(IA32_ARCH_CAPABILITIES, MSR_GP);
	assert_int_equal(told, 0);
}

static void vendors(void **test)
{
	(void)test;
	absent(IA32_MISC_ENABLE, MSR_GP);
	absent(IA32_FEATURE_CONTROL, MSR_GP);
	absent(IA32_PLATFORM_ID, MSR_GP);
	reads(IA32_BIOS_SIGN_ID, 0);
	reads(MSR_SYSCFG, 0);
	keeps(MSR_SYSCFG, 1 << 18 | 1 << 20);
	refuses(MSR_SYSCFG, 1 << 23); /* memory encryption */
	reads(MSR_HWCR, 1 << 24);
	keeps(MSR_HWCR, 1 << 24 | 1 << 6);
	refuses(MSR_HWCR, 1);
	reads(0xc0010055, 0);
	reads(0xc0011029, 2);
	refuses(0xc0011029, 0);
	reads(0xc0010004, 0);
	assert_int_equal(guest_msr_write(&msrs, 0xc0010000, 0x430076), MSR_OK);
	reads(0xc0010000, 0);
	keeps(0xc001001f, 1ULL << 46);

	make(false);
	absent(MSR_SYSCFG, MSR_GP);
	absent(MSR_HWCR, MSR_GP);
	absent(0xc0010000, MSR_GP);
	reads(IA32_FEATURE_CONTROL, 1);
	refuses(IA32_FEATURE_CONTROL, 5);
	reads(IA32_BIOS_SIGN_ID, 1ULL << 32);
	assert_int_equal(guest_msr_write(&msrs, IA32_BIOS_SIGN_ID, 0), MSR_OK);
	reads(IA32_BIOS_SIGN_ID, 1ULL << 32);
	reads(IA32_MISC_ENABLE, 0x1801);
	assert_int_equal(guest_msr_write(&msrs, IA32_MISC_ENABLE, 1ULL << 34), MSR_OK);
	reads(IA32_MISC_ENABLE, 0x1800 | 1ULL << 34); /* "unavailable" stays */
	assert_int_equal(guest_msr_write(&msrs, 0x79, 0x1000), MSR_OK);
}

static void machine_check(void **test)
{
	(void)test;
	reads(IA32_MCG_CAP, 0);
	refuses(IA32_MCG_CAP, 1);
	keeps(IA32_MCG_STATUS, 4);
	refuses(IA32_MCG_STATUS, 8);
	absent(0x17b, MSR_GP);
	absent(0x400, MSR_UNKNOWN);
}

/* SDM 18.17.3: a write to either shows in the other. */
static void time_stamp_counter(void **test)
{
	(void)test;
	reads(IA32_TSC, 1000);
	reads(IA32_TSC_ADJUST, 0);
	keeps(IA32_TSC_ADJUST, 500);
	reads(IA32_TSC, 1500);
	keeps(IA32_TSC_ADJUST, (uint64_t)-100);
	reads(IA32_TSC, 900);
	keeps(IA32_TSC, 0);
	reads(IA32_TSC_ADJUST, (uint64_t)-1000);
	clock_ += 77;
	reads(IA32_TSC, 77);
	reads(IA32_TSC_ADJUST, (uint64_t)-1000);
	assert_int_equal(offset, (uint64_t)-1000);
}

static void mtrr_at_reset(void **test)
{
	(void)test;
	reads(IA32_MTRRCAP, 0x508);
	refuses(IA32_MTRRCAP, 0);
	reads(IA32_MTRR_DEF_TYPE, 0xc06);
	reads(0x200, 0xc0000000);
	reads(0x201, 0x7fc0000800); /* 39 bits */
	reads(0x202, 0);
	reads(0x20f, 0);
	absent(0x210, MSR_UNKNOWN);
	reads(IA32_MTRR_FIX64K_00000, 0x0606060606060606);
	reads(IA32_MTRR_FIX16K_A0000, 0);
	reads(IA32_MTRR_FIX4K_F8000, 0x0505050505050505);
	absent(0x251, MSR_UNKNOWN);
	absent(0x270, MSR_UNKNOWN);
}

static void mtrr_writes(void **test)
{
	(void)test;
	keeps(IA32_MTRR_DEF_TYPE, 0);
	keeps(IA32_MTRR_DEF_TYPE, 0x801);
	refuses(IA32_MTRR_DEF_TYPE, 2);
	refuses(IA32_MTRR_DEF_TYPE, 0x1006);
	keeps(0x204, 0x7f00000006);
	refuses(0x204, 0x7f00000106);
	refuses(0x204, 0x7f00000003);
	refuses(0x204, 0x8000000006);
	keeps(0x205, 0x7f00000800);
	refuses(0x205, 0x7f00000801);
	refuses(0x205, 0x8000000800);
	reads(0x205, 0x7f00000800);
	keeps(IA32_MTRR_FIX4K_C0000, 0x0001040506000106);
	refuses(IA32_MTRR_FIX4K_C0000, 0x0001040506000206);
	refuses(IA32_MTRR_FIX4K_C0000, 0x0801040506000106);
}

static void speculation_control(void **test)
{
	(void)test;
	rich = true;
	make(false);
	reads(IA32_ARCH_CAPABILITIES, 0x2b);
	refuses(IA32_ARCH_CAPABILITIES, 0x2b);
	keeps(IA32_SPEC_CTRL, 1);
	assert_int_equal(told, IA32_SPEC_CTRL);
	assert_int_equal(told_value, 1);
	refuses(IA32_SPEC_CTRL, 8);
	reads(IA32_SPEC_CTRL, 1);
	assert_int_equal(guest_msr_write(&msrs, IA32_PRED_CMD, 1), MSR_OK);
	assert_int_equal(told, IA32_PRED_CMD);
	refuses(IA32_PRED_CMD, 2);
	assert_int_equal(guest_msr_read(&msrs, IA32_PRED_CMD, &told_value), MSR_GP);
}

/* With XSAVES, on both vendors; there is no component that could be set, whatever the host's CPUID has. */
static void supervisor_state(void **test)
{
	(void)test;
	for (unsigned is_amd = 0; is_amd < 2; is_amd++) {
		rich = true;
		make(is_amd);
		keeps(IA32_XSS, 0);
		for (unsigned i = 0; i < 64; i++)
			refuses(IA32_XSS, 1ULL << i);
		reads(IA32_XSS, 0);
	}
}

static void reset_forgets(void **test)
{
	uint64_t fresh[GUEST_MSR_SLOTS];

	(void)test;
	memcpy(fresh, msrs.stored, sizeof(fresh));
	keeps(IA32_TSC_ADJUST, 5);
	keeps(0x204, 6);
	keeps(MSR_HWCR, 0);
	guest_msrs_reset(&msrs);
	assert_memory_equal(fresh, msrs.stored, sizeof(fresh));
}

static void saved_and_restored(void **test)
{
	uint8_t bytes[GUEST_MSR_SLOTS * 8 + 8];
	struct stream stream = { .data = bytes, .size = sizeof(bytes) };
	uint64_t before[GUEST_MSR_SLOTS];

	(void)test;
	keeps(IA32_TSC_ADJUST, 5);
	keeps(0x204, 0x7f00000006);
	keeps(MSR_HWCR, 1 << 6);
	memcpy(before, msrs.stored, sizeof(before));
	guest_msrs_save(&msrs, &stream);
	assert_false(stream.failed);
	assert_int_equal(stream.position, sizeof(bytes));
	guest_msrs_reset(&msrs);
	stream.position = 0;
	guest_msrs_restore(&msrs, &stream);
	assert_false(stream.failed);
	assert_memory_equal(before, msrs.stored, sizeof(before));
	assert_int_equal(offset, 5); /* the TSC itself is its owner's to restore */

	/* A value that no guest could have written: all is refused. */
	bytes[8 + 8 * SLOT_MTRR_DEF_TYPE] = 7;
	bytes[8 + 8 * SLOT_TSC_ADJUST] = 9;
	stream.position = 0;
	guest_msrs_restore(&msrs, &stream);
	assert_true(stream.failed);
	assert_memory_equal(before, msrs.stored, sizeof(before));

	stream = (struct stream){ .data = bytes, .size = sizeof(bytes) - 1 };
	guest_msrs_restore(&msrs, &stream);
	assert_true(stream.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(table_is_sound, setup),
		cmocka_unit_test_setup(unknown_and_absent, setup),
		cmocka_unit_test_setup(vendors, setup),
		cmocka_unit_test_setup(machine_check, setup),
		cmocka_unit_test_setup(time_stamp_counter, setup),
		cmocka_unit_test_setup(mtrr_at_reset, setup),
		cmocka_unit_test_setup(mtrr_writes, setup),
		cmocka_unit_test_setup(speculation_control, setup),
		cmocka_unit_test_setup(supervisor_state, setup),
		cmocka_unit_test_setup(reset_forgets, setup),
		cmocka_unit_test_setup(saved_and_restored, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
