/* SPDX-License-Identifier: MIT */
/* The boot loaders' memory map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/handoff.h"

#define CAPACITY 32

struct fixture {
	struct bootmem raw[CAPACITY], out[2 * CAPACITY];
	struct bootmem_list list;
	uint32_t count;
};

static void start(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	f->list = (struct bootmem_list){ .entries = f->raw, .capacity = CAPACITY };
}

static void resolve(struct fixture *f)
{
	f->count = bootmem_resolve(&f->list, f->out, 2 * CAPACITY);
}

static void expect(const struct fixture *f, uint32_t index, uint64_t base, uint64_t end, uint32_t type)
{
	assert_true(index < f->count);
	assert_int_equal(f->out[index].base, base);
	assert_int_equal(f->out[index].size, end - base);
	assert_int_equal(f->out[index].type, type);
}

static void sorted_and_merged(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	bootmem_add(&f.list, 0x300000, 0x100000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x100000, 0x200000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x800000, 0x100000, BOOTMEM_RESERVED);
	bootmem_add(&f.list, 0x400000, 0x100000, BOOTMEM_ACPI);
	resolve(&f);
	assert_int_equal(f.count, 3);
	expect(&f, 0, 0x100000, 0x400000, BOOTMEM_FREE);
	expect(&f, 1, 0x400000, 0x500000, BOOTMEM_ACPI);
	expect(&f, 2, 0x800000, 0x900000, BOOTMEM_RESERVED);
}

static void greater_claim_wins(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	bootmem_add(&f.list, 0x100000, 0x10000, BOOTMEM_BOOT);
	bootmem_add(&f.list, 0, 0x1000000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x108000, 0x10000, BOOTMEM_RESERVED);
	bootmem_add(&f.list, 0x10c000, 0x1000, BOOTMEM_ACPI);
	resolve(&f);
	assert_int_equal(f.count, 4);
	expect(&f, 0, 0, 0x100000, BOOTMEM_FREE);
	expect(&f, 1, 0x100000, 0x108000, BOOTMEM_BOOT);
	expect(&f, 2, 0x108000, 0x118000, BOOTMEM_RESERVED);
	expect(&f, 3, 0x118000, 0x1000000, BOOTMEM_FREE);
}

/* Free memory ends inside a page that something else begins in: the page is not free. */
static void whole_pages(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	bootmem_add(&f.list, 0x10, 0x9fbf0, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x9fc00, 0x400, BOOTMEM_RESERVED);
	bootmem_add(&f.list, 0x200001, 0xffe, BOOTMEM_FREE); /* no whole page */
	bootmem_add(&f.list, 0x300000, 0, BOOTMEM_RESERVED);
	bootmem_add(&f.list, 0x400000, 0x1800, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x500800, 0x1000, BOOTMEM_NVS);
	resolve(&f);
	assert_int_equal(f.count, 4);
	expect(&f, 2, 0x400000, 0x401000, BOOTMEM_FREE);
	expect(&f, 3, 0x500000, 0x502000, BOOTMEM_NVS);
	expect(&f, 0, 0x1000, 0x9f000, BOOTMEM_FREE);
	expect(&f, 1, 0x9f000, 0xa0000, BOOTMEM_RESERVED);
}

static void overflowing_sizes(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	bootmem_add(&f.list, UINT64_MAX - 0x100, 0x1000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0xfffffffffffe0000, UINT64_MAX, BOOTMEM_RESERVED);
	bootmem_add(&f.list, 0xfffffffffffd0000, UINT64_MAX, BOOTMEM_FREE);
	resolve(&f);
	assert_int_equal(f.count, 2);
	expect(&f, 0, 0xfffffffffffd0000, 0xfffffffffffe0000, BOOTMEM_FREE);
	expect(&f, 1, 0xfffffffffffe0000, 0xfffffffffffff000, BOOTMEM_RESERVED);
}

static void full_lists(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	for (unsigned i = 0; i < 2 * CAPACITY; i++)
		bootmem_add(&f.list, i * 0x2000, 0x1000, BOOTMEM_FREE);
	assert_int_equal(f.list.count, CAPACITY);
	assert_int_equal(bootmem_resolve(&f.list, f.out, 5), 5);
	assert_int_equal(f.out[5].size, 0);
}

static void finds_the_highest_fit(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	bootmem_add(&f.list, 0x100000, 0x500000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x800000, 0x3000, BOOTMEM_FREE);
	bootmem_add(&f.list, 0x900000, 0x1000000, BOOTMEM_RESERVED);
	resolve(&f);
	assert_int_equal(bootmem_find(f.out, f.count, 0x1000, 0x1000, 0, UINT64_MAX), 0x802000);
	assert_int_equal(bootmem_find(f.out, f.count, 0x3001, 0x1000, 0, UINT64_MAX), 0x5fc000);
	assert_int_equal(bootmem_find(f.out, f.count, 0x1000, 0x200000, 0, UINT64_MAX), 0x800000);
	assert_int_equal(bootmem_find(f.out, f.count, 0x3000, 0x200000, 0, 0x800000), 0x400000);
	assert_int_equal(bootmem_find(f.out, f.count, 0x100000, 0x1000, 0, 0x200000), 0x100000);
	assert_int_equal(bootmem_find(f.out, f.count, 0x100000, 0x1000, 0x101000, 0x200000), UINT64_MAX);
	assert_int_equal(bootmem_find(f.out, f.count, UINT64_MAX, 0x1000, 0, UINT64_MAX), UINT64_MAX);
}

static void arena_is_bounded(void **state)
{
	static uint8_t memory[3 * 4096];
	struct handoff_arena arena = { .base = memory, .size = sizeof(memory) };

	(void)state;
	memory[0] = memory[8191] = 0xff;
	assert_ptr_equal(handoff_take(&arena, 1), memory);
	assert_int_equal(memory[0], 0);
	assert_null(handoff_take(&arena, 8193));
	assert_null(handoff_take(&arena, SIZE_MAX));
	assert_ptr_equal(handoff_take(&arena, 8192), memory + 4096);
	assert_int_equal(memory[8191], 0);
	assert_null(handoff_take(&arena, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_and_merged),
		cmocka_unit_test(greater_claim_wins),
		cmocka_unit_test(whole_pages),
		cmocka_unit_test(overflowing_sizes),
		cmocka_unit_test(full_lists),
		cmocka_unit_test(finds_the_highest_fit),
		cmocka_unit_test(arena_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
