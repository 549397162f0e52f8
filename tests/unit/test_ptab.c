/* SPDX-License-Identifier: MIT */
/* Page tables: both formats, page sizes, splitting, failure without a trace, and that nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/errno.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define NX (1ULL << 63)

static int live, limit;

/* Host pointers serve as machine addresses. */
static uint64_t *table_alloc(uint64_t *phys)
{
	uint64_t *table;

	if (live >= limit)
		return NULL;
	table = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(table, 0, PAGE_SIZE);
	*phys = (uint64_t)table;
	live++;
	return table;
}

static void table_free(uint64_t *table)
{
	live--;
	free(table);
}

static uint64_t *table_at(uint64_t phys)
{
	return (uint64_t *)phys;
}

static const struct ptab_memory memory = { .alloc = table_alloc, .free = table_free, .table = table_at };

static void create(struct ptab *ptab, const struct ptab_format *format, bool gigabyte_pages)
{
	live = 0;
	limit = 1000;
	assert_int_equal(ptab_create(ptab, format, &memory, gigabyte_pages), E_OK);
}

static void destroy(struct ptab *ptab)
{
	ptab_destroy(ptab);
	assert_int_equal(live, 0);
}

static void expect(const struct ptab *ptab, uint64_t virt, uint64_t phys, uint64_t size)
{
	uint64_t p, e, s;

	assert_true(ptab_lookup(ptab, virt, &p, &e, &s));
	assert_int_equal(p, phys);
	assert_int_equal(s, size);
}

static void expect_none(const struct ptab *ptab, uint64_t virt)
{
	uint64_t p, e, s;

	assert_false(ptab_lookup(ptab, virt, &p, &e, &s));
}

static void largest_pages(void **state)
{
	struct ptab t;

	(void)state;
	create(&t, &ptab_host, true);
	/* From 4 KiB below a GiB to 4 KiB beyond the next but one 2 MiB boundary. */
	assert_int_equal(ptab_map(&t, GIB - PAGE_SIZE, 3 * GIB - PAGE_SIZE, GIB + 2 * MIB + 2 * PAGE_SIZE, PTAB_READ), E_OK);
	expect(&t, GIB - 1, 3 * GIB - 1, PAGE_SIZE);
	expect(&t, GIB + 5, 3 * GIB + 5, GIB);
	expect(&t, 2 * GIB + 7, 4 * GIB + 7, 2 * MIB);
	expect(&t, 2 * GIB + 2 * MIB, 4 * GIB + 2 * MIB, PAGE_SIZE);
	expect_none(&t, GIB - PAGE_SIZE - 1);
	expect_none(&t, 2 * GIB + 2 * MIB + PAGE_SIZE);
	destroy(&t);

	create(&t, &ptab_host, false);
	assert_int_equal(ptab_map(&t, 0, 0, GIB, PTAB_READ), E_OK);
	expect(&t, 0, 0, 2 * MIB);
	assert_int_equal(live, 3);
	destroy(&t);

	create(&t, &ptab_host, true);
	/* Aligned alike only to 4 KiB. */
	assert_int_equal(ptab_map(&t, 2 * MIB, 2 * MIB + PAGE_SIZE, 2 * MIB, PTAB_READ), E_OK);
	expect(&t, 3 * MIB, 3 * MIB + PAGE_SIZE, PAGE_SIZE);
	destroy(&t);
}

static uint64_t entry_of(const struct ptab_format *format, uint64_t size, unsigned flags)
{
	struct ptab t;
	uint64_t p, e, s;

	create(&t, format, true);
	assert_int_equal(ptab_map(&t, 0, 0, size, flags), E_OK);
	assert_true(ptab_lookup(&t, 0, &p, &e, &s));
	assert_int_equal(s, size);
	destroy(&t);
	return e;
}

static void entry_bits(void **state)
{
	static const struct {
		const struct ptab_format *format;
		uint64_t size;
		unsigned flags;
		uint64_t entry;
	} rows[] = {
		{ &ptab_host, PAGE_SIZE, PTAB_READ, NX | 0x61 },
		{ &ptab_host, PAGE_SIZE, PTAB_READ | PTAB_WRITE, NX | 0x63 },
		{ &ptab_host, PAGE_SIZE, PTAB_READ | PTAB_EXECUTE | PTAB_GLOBAL, 0x161 },
		{ &ptab_host, 2 * MIB, PTAB_READ | PTAB_WRITE | PTAB_EXECUTE | PTAB_USER, 0xe7 },
		{ &ptab_host, GIB, PTAB_READ | PTAB_WRITE | PTAB_UNCACHED, NX | 0xfb },
		{ &ptab_host, PAGE_SIZE, PTAB_READ | PTAB_WRITE | PTAB_WRITE_COMBINING, NX | 0x6b },
		{ &ptab_ept, PAGE_SIZE, PTAB_READ | PTAB_WRITE | PTAB_EXECUTE | PTAB_USER, 0x37 },
		{ &ptab_ept, 2 * MIB, PTAB_READ | PTAB_WRITE, 0xb3 },
		{ &ptab_ept, GIB, PTAB_READ | PTAB_UNCACHED, 0x81 },
		{ &ptab_ept, PAGE_SIZE, PTAB_WRITE | PTAB_WRITE_COMBINING, 0x0b },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(entry_of(rows[i].format, rows[i].size, rows[i].flags), rows[i].entry);
}

static void refuses(void **state)
{
	struct ptab t;

	(void)state;
	create(&t, &ptab_host, true);
	assert_int_equal(ptab_map(&t, 1, 0, PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, 1, PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, 0, 0, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, 0, PAGE_SIZE + 1, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, 1ULL << 52, PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, (1ULL << 52) - PAGE_SIZE, 2 * PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, (1ULL << 48) - PAGE_SIZE, 0, 2 * PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_map(&t, 0, 0, 0ULL - PAGE_SIZE, PTAB_READ), E_INVALID);
	assert_int_equal(ptab_unmap(&t, PAGE_SIZE, 0ULL - PAGE_SIZE), E_INVALID);
	assert_int_equal(ptab_map(&t, (1ULL << 48) - PAGE_SIZE, (1ULL << 52) - PAGE_SIZE, PAGE_SIZE, PTAB_READ), E_OK);
	expect(&t, UINT64_MAX, (1ULL << 52) - 1, PAGE_SIZE);
	destroy(&t);
}

static void busy_leaves_no_trace(void **state)
{
	struct ptab t;

	(void)state;
	create(&t, &ptab_host, true);
	assert_int_equal(ptab_map(&t, 4 * MIB, 0, PAGE_SIZE, PTAB_READ), E_OK);
	/* Runs into the page after having mapped 4 MiB. */
	assert_int_equal(ptab_map(&t, 0, 0, 8 * MIB, PTAB_READ), E_BUSY);
	expect_none(&t, 0);
	expect_none(&t, 2 * MIB);
	expect(&t, 4 * MIB, 0, PAGE_SIZE);
	/* A small page where a large one is. */
	assert_int_equal(ptab_map(&t, 6 * MIB, 0, 2 * MIB, PTAB_READ), E_OK);
	assert_int_equal(ptab_map(&t, 7 * MIB, 0, PAGE_SIZE, PTAB_READ), E_BUSY);
	expect(&t, 7 * MIB, MIB, 2 * MIB);
	destroy(&t);
}

static void no_memory_leaves_no_trace(void **state)
{
	(void)state;
	for (int allowed = 1; allowed < 6; allowed++) {
		struct ptab t;

		create(&t, &ptab_host, true);
		limit = allowed;
		/* Needs root, and three tables below; then a second PDPT, PD and PT. */
		assert_int_equal(ptab_map(&t, 512 * GIB - PAGE_SIZE, 0, 2 * PAGE_SIZE, PTAB_READ), E_NO_MEMORY);
		expect_none(&t, 512 * GIB - PAGE_SIZE);
		destroy(&t);
	}
	limit = 0;
	struct ptab none;

	assert_int_equal(ptab_create(&none, &ptab_host, &memory, true), E_NO_MEMORY);
	ptab_destroy(&none);
}

static void unmap_splits(void **state)
{
	struct ptab t;

	(void)state;
	create(&t, &ptab_ept, true);
	assert_int_equal(ptab_map(&t, 0, GIB, 2 * GIB, PTAB_READ | PTAB_WRITE | PTAB_EXECUTE), E_OK);
	assert_int_equal(ptab_unmap(&t, GIB - 3 * PAGE_SIZE, 2 * MIB), E_OK);
	expect(&t, GIB - 4 * PAGE_SIZE, 2 * GIB - 4 * PAGE_SIZE, PAGE_SIZE);
	expect_none(&t, GIB - 3 * PAGE_SIZE);
	expect_none(&t, GIB + 2 * MIB - 4 * PAGE_SIZE);
	expect(&t, GIB + 2 * MIB - 3 * PAGE_SIZE, 2 * GIB + 2 * MIB - 3 * PAGE_SIZE, PAGE_SIZE);
	expect(&t, GIB + 2 * MIB, 2 * GIB + 2 * MIB, 2 * MIB);
	expect(&t, 0, GIB, 2 * MIB);
	/* A hole is no obstacle, and it can be filled again. */
	assert_int_equal(ptab_unmap(&t, 0, 2 * GIB), E_OK);
	expect_none(&t, 0);
	expect_none(&t, 2 * GIB - 1);
	assert_int_equal(ptab_map(&t, 0, 0, 2 * GIB, PTAB_READ), E_OK);
	expect(&t, GIB + MIB, GIB + MIB, PAGE_SIZE);
	expect(&t, GIB + 3 * MIB, GIB + 3 * MIB, 2 * MIB);
	destroy(&t);
}

static void split_keeps_bits(void **state)
{
	struct ptab t;
	uint64_t p, e, s;

	(void)state;
	create(&t, &ptab_host, true);
	assert_int_equal(ptab_map(&t, 0, 0, GIB, PTAB_READ | PTAB_WRITE | PTAB_USER), E_OK);
	assert_int_equal(ptab_unmap(&t, 0, PAGE_SIZE), E_OK);
	assert_true(ptab_lookup(&t, PAGE_SIZE, &p, &e, &s));
	assert_int_equal(e, NX | PAGE_SIZE | 0x67);
	assert_true(ptab_lookup(&t, 2 * MIB, &p, &e, &s));
	assert_int_equal(e, NX | 2 * MIB | 0xe7);
	destroy(&t);
}

static void unmap_without_memory_changes_nothing(void **state)
{
	struct ptab t;

	(void)state;
	create(&t, &ptab_host, true);
	assert_int_equal(ptab_map(&t, 0, 0, 2 * GIB, PTAB_READ), E_OK);
	limit = live + 2; /* enough for the split at the start, not for the one at the end */
	assert_int_equal(ptab_unmap(&t, PAGE_SIZE, GIB), E_NO_MEMORY);
	for (uint64_t virt = 0; virt < 2 * GIB; virt += 64 * MIB + PAGE_SIZE) {
		uint64_t p, e, s;

		assert_true(ptab_lookup(&t, virt, &p, &e, &s));
		assert_int_equal(p, virt);
	}
	destroy(&t);
}

struct visited {
	unsigned count;
	uint64_t last_end, bytes;
};

static void count_leaf(void *context, uint64_t virt, uint64_t phys, uint64_t size, uint64_t entry)
{
	struct visited *v = context;

	assert_true(v->count == 0 || virt >= v->last_end);
	assert_int_equal(phys, virt & (GIB * 512 - 1));
	assert_true(entry & 1);
	v->last_end = virt + size;
	v->bytes += size;
	v->count++;
}

static void walk_in_order(void **state)
{
	struct visited v = { 0 };
	struct ptab t;

	(void)state;
	create(&t, &ptab_host, true);
	assert_int_equal(ptab_map(&t, HEAP_BASE + 2 * MIB, 2 * MIB, 2 * MIB, PTAB_READ), E_OK);
	assert_int_equal(ptab_map(&t, PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, PTAB_READ), E_OK);
	assert_int_equal(ptab_map(&t, GIB, GIB, GIB, PTAB_READ), E_OK);
	ptab_walk(&t, count_leaf, &v);
	assert_int_equal(v.count, 4);
	assert_int_equal(v.bytes, GIB + 2 * MIB + 2 * PAGE_SIZE);
	assert_int_equal(v.last_end, HEAP_BASE + 4 * MIB);
	destroy(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest_pages),
		cmocka_unit_test(entry_bits),
		cmocka_unit_test(refuses),
		cmocka_unit_test(busy_leaves_no_trace),
		cmocka_unit_test(no_memory_leaves_no_trace),
		cmocka_unit_test(unmap_splits),
		cmocka_unit_test(split_keeps_bits),
		cmocka_unit_test(unmap_without_memory_changes_nothing),
		cmocka_unit_test(walk_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
