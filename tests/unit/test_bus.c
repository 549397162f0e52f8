/* SPDX-License-Identifier: MIT */
/* kernel/bus.c: order, overlap, bounds, and the empty bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bus.h"
#include "kernel/device.h"
#include "kernel/errno.h"

static struct bus bus;
static struct device one, two;
static struct device *reached;
static struct bus_access seen;

static void handler(struct device *device, struct bus_access *access)
{
	reached = device;
	if (!access->write)
		access->value = 0x55;
	seen = *access;
}

static int setup(void **state)
{
	(void)state;
	memset(&bus, 0, sizeof(bus));
	reached = NULL;
	return 0;
}

static void routes_to_the_owner(void **state)
{
	struct bus_access access = { .address = 0x61, .size = 1, .value = 3, .write = true };

	(void)state;
	assert_int_equal(bus_add(&bus, 0x60, 5, handler, &one), E_OK);
	assert_int_equal(bus_add(&bus, 0x20, 2, handler, &two), E_OK);
	assert_true(bus_dispatch(&bus, &access));
	assert_ptr_equal(reached, &one);
	assert_int_equal(seen.offset, 1);
	assert_int_equal(seen.value, 3);

	access = (struct bus_access){ .address = 0x20, .size = 2 };
	assert_true(bus_dispatch(&bus, &access));
	assert_ptr_equal(reached, &two);
	assert_int_equal(access.value, 0x55);
	assert_int_equal(access.offset, 0);
}

static void empty_reads_all_ones(void **state)
{
	struct bus_access access = { .address = 0x80, .size = 4 };

	(void)state;
	assert_false(bus_dispatch(&bus, &access));
	assert_true(access.value == UINT64_MAX);
	access = (struct bus_access){ .address = 0x80, .size = 4, .value = 7, .write = true };
	assert_false(bus_dispatch(&bus, &access));
	assert_int_equal(access.value, 7);
}

static void must_be_inside(void **state)
{
	(void)state;
	assert_int_equal(bus_add(&bus, 0x100, 0x10, handler, &one), E_OK);
	assert_non_null(bus_find(&bus, 0x100, 1));
	assert_non_null(bus_find(&bus, 0x10f, 1));
	assert_non_null(bus_find(&bus, 0x108, 8));
	assert_null(bus_find(&bus, 0x10f, 2));
	assert_null(bus_find(&bus, 0xff, 1));
	assert_null(bus_find(&bus, 0xff, 2));
	assert_null(bus_find(&bus, 0x110, 1));
	assert_null(bus_find(&bus, UINT64_MAX, 8));
	assert_int_equal(bus_add(&bus, 0x200, 2, handler, &one), E_OK);
	assert_null(bus_find(&bus, 0x200, 4));        /* wider than the range */
}

static void last_byte_of_the_space(void **state)
{
	(void)state;
	assert_int_equal(bus_add(&bus, UINT64_MAX - 3, 4, handler, &one), E_OK);
	assert_non_null(bus_find(&bus, UINT64_MAX, 1));
	assert_null(bus_find(&bus, UINT64_MAX, 2));
	assert_int_equal(bus_add(&bus, UINT64_MAX - 7, 9, handler, &one), E_INVALID);
	assert_int_equal(bus_add(&bus, 0, 0, handler, &one), E_INVALID);
	assert_int_equal(bus.count, 1);
}

static void overlap_is_refused(void **state)
{
	(void)state;
	assert_int_equal(bus_add(&bus, 0x100, 0x10, handler, &one), E_OK);
	assert_int_equal(bus_add(&bus, 0x100, 0x10, handler, &two), E_BUSY);
	assert_int_equal(bus_add(&bus, 0x10f, 1, handler, &two), E_BUSY);
	assert_int_equal(bus_add(&bus, 0xf0, 0x11, handler, &two), E_BUSY);
	assert_int_equal(bus_add(&bus, 0, UINT64_MAX, handler, &two), E_BUSY);
	assert_int_equal(bus_add(&bus, 0xf0, 0x10, handler, &two), E_OK);
	assert_int_equal(bus_add(&bus, 0x110, 0x10, handler, &two), E_OK);
	assert_ptr_equal(bus_find(&bus, 0x10f, 1)->device, &one);
	assert_ptr_equal(bus_find(&bus, 0x110, 1)->device, &two);
}

static void fills_up_in_any_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BUS_RANGES; i++) /* 7 is coprime to 32: every slot once */
		assert_int_equal(bus_add(&bus, i * 7 % BUS_RANGES * 16, 8, handler, &one), E_OK);
	assert_int_equal(bus_add(&bus, 0x10000, 8, handler, &one), E_FULL);
	for (unsigned i = 0; i < BUS_RANGES; i++) {
		assert_true(bus_find(&bus, i * 16 + 7, 1)->base == i * 16);
		assert_null(bus_find(&bus, i * 16 + 8, 1));
		assert_true(i == 0 || bus.ranges[i - 1].base < bus.ranges[i].base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(routes_to_the_owner, setup),
		cmocka_unit_test_setup(empty_reads_all_ones, setup),
		cmocka_unit_test_setup(must_be_inside, setup),
		cmocka_unit_test_setup(last_byte_of_the_space, setup),
		cmocka_unit_test_setup(overlap_is_refused, setup),
		cmocka_unit_test_setup(fills_up_in_any_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
