/* SPDX-License-Identifier: MIT */
/* pvclock_scale(): the arithmetic that a guest does with its results gives real time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/pvclock.h"

/* As the guest ABI says. */
static uint64_t guest_ns(struct pvclock_scale scale, uint64_t ticks)
{
	uint64_t shifted = scale.shift >= 0 ? ticks << scale.shift : ticks >> -scale.shift;

	return (uint64_t)((unsigned __int128)shifted * scale.multiplier >> 32);
}

static void one_second_is_one_second(void **state)
{
	static const uint64_t frequencies[] = { 1000000, 32768000, 999999999, 1000000000, 1000000001, 2000000000,
	                                        2445428000, 3999999999, 4000000001, 9000000000 };

	(void)state;
	for (unsigned i = 0; i < sizeof(frequencies) / sizeof(frequencies[0]); i++) {
		uint64_t hz = frequencies[i], ns = guest_ns(pvclock_scale(hz), hz);

		assert_in_range(ns, 999999990, 1000000010);
	}
}

static void multiplier_keeps_its_precision(void **state)
{
	(void)state;
	for (uint64_t hz = 1000003; hz < 8000000000; hz = hz * 7 / 5)
		assert_true(pvclock_scale(hz).multiplier >= 1u << 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_second_is_one_second),
		cmocka_unit_test(multiplier_keeps_its_precision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
