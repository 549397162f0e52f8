/* SPDX-License-Identifier: MIT */
/* The memory allocator's policies: extents, buddy chunks, slabs; and that many cycles end where they began. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/mem_chunk.h"
#include "kernel/mem_map.h"
#include "kernel/mem_slab.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define TIB (1ULL << 40)

static struct mem_extent storage[8];
static struct mem_map map;

static int setup(void **state)
{
	(void)state;
	memset(storage, 0, sizeof(storage));
	map = (struct mem_map){ .extents = storage, .capacity = 8 };
	return 0;
}

/* A generator of our own, so that every run is the same. */
static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

static void give_merges(void **state)
{
	(void)state;
	assert_int_equal(mem_map_give(&map, 4 * MIB, MIB), E_OK);
	assert_int_equal(mem_map_give(&map, MIB, MIB), E_OK);
	assert_int_equal(map.count, 2);
	assert_int_equal(mem_map_give(&map, 2 * MIB, MIB), E_OK);
	assert_int_equal(map.count, 2);
	assert_int_equal(mem_map_give(&map, 3 * MIB, MIB), E_OK);
	assert_int_equal(map.count, 1);
	assert_int_equal(storage[0].base, MIB);
	assert_int_equal(storage[0].size, 4 * MIB);
	assert_int_equal(mem_map_give(&map, 0, MIB), E_OK);
	assert_int_equal(map.count, 1);
	assert_int_equal(storage[0].base, 0);
}

static void give_refuses(void **state)
{
	(void)state;
	assert_int_equal(mem_map_give(&map, MIB, 4 * MIB), E_OK);
	assert_int_equal(mem_map_give(&map, 0, 0), E_INVALID);
	assert_int_equal(mem_map_give(&map, UINT64_MAX - 4095, 8192), E_INVALID);
	assert_int_equal(mem_map_give(&map, 2 * MIB, MIB), E_INVALID);
	assert_int_equal(mem_map_give(&map, 0, MIB + 1), E_INVALID);
	assert_int_equal(mem_map_give(&map, 5 * MIB - 1, MIB), E_INVALID);
	assert_int_equal(mem_map_give(&map, MIB, MIB), E_INVALID);
	assert_int_equal(map.count, 1);
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(mem_map_give(&map, i * GIB, MIB), E_OK);
	assert_int_equal(mem_map_give(&map, 9 * GIB, MIB), E_FULL);
	assert_int_equal(mem_map_give(&map, 5 * MIB, MIB), E_OK); /* merging needs no room */
	assert_int_equal(mem_map_total(&map), 5 * MIB + 7 * MIB);
}

static void take_is_best_fit_and_aligned(void **state)
{
	(void)state;
	mem_map_give(&map, MIB, 3 * MIB);
	mem_map_give(&map, 16 * MIB, GIB);
	mem_map_give(&map, 4 * GIB, 2 * TIB);
	assert_int_equal(mem_map_take(&map, 2 * MIB, 2 * MIB, MEM_LOW), 2 * MIB);
	assert_int_equal(mem_map_take(&map, 2 * MIB, 2 * MIB, MEM_LOW), 16 * MIB);
	assert_int_equal(mem_map_take(&map, MIB, 4 * KIB, MEM_HIGH), MIB);
	assert_int_equal(mem_map_take(&map, 512 * MIB, 2 * MIB, MEM_HIGH), 16 * MIB + GIB - 512 * MIB);
	assert_int_equal(mem_map_take(&map, GIB, GIB, MEM_HIGH), 2 * TIB + 3 * GIB);
	assert_int_equal(mem_map_take(&map, 4 * TIB, GIB, MEM_HIGH), UINT64_MAX);
	assert_int_equal(mem_map_take(&map, 0, GIB, MEM_HIGH), UINT64_MAX);
	assert_int_equal(mem_map_take(&map, MIB, 3, MEM_HIGH), UINT64_MAX);
	assert_int_equal(mem_map_take(&map, MIB, 0, MEM_HIGH), UINT64_MAX);
	assert_int_equal(mem_map_largest(&map), 2 * TIB - GIB);
}

static void take_splits_in_the_middle(void **state)
{
	(void)state;
	mem_map_give(&map, MIB, 4 * MIB);
	assert_int_equal(mem_map_take(&map, MIB, 2 * MIB, MEM_LOW), 2 * MIB);
	assert_int_equal(map.count, 2);
	assert_int_equal(mem_map_total(&map), 3 * MIB);
	assert_int_equal(mem_map_give(&map, 2 * MIB, MIB), E_OK);
	assert_int_equal(map.count, 1);
	/* No room to note the two rests: refused, nothing lost. */
	map.capacity = 1;
	assert_int_equal(mem_map_take(&map, MIB, 2 * MIB, MEM_LOW), UINT64_MAX);
	assert_int_equal(mem_map_total(&map), 4 * MIB);
	assert_int_equal(mem_map_take(&map, MIB, MIB, MEM_LOW), MIB);
}

static void thousand_cycles_of_guests(void **state)
{
	struct mem_extent before[8], storage_64[64], taken[16];
	struct mem_map m = { .extents = storage_64, .capacity = 64 };

	(void)state;
	mem_map_give(&m, MIB, 2 * GIB - 5 * MIB);
	mem_map_give(&m, 4 * GIB, 64 * GIB);
	memcpy(before, storage_64, 2 * sizeof(*before));
	for (unsigned cycle = 0; cycle < 1000; cycle++) {
		unsigned n = 0;

		while (n < 16) {
			uint64_t size = (1 + random_below(2000)) * MIB, align = 2 * MIB << random_below(10);
			uint64_t base = mem_map_take(&m, size, align, random_below(2) ? MEM_LOW : MEM_HIGH);

			if (base == UINT64_MAX)
				break;
			assert_int_equal(base & (align - 1), 0);
			taken[n++] = (struct mem_extent){ base, size };
		}
		assert_true(n > 0);
		while (n > 0) {
			unsigned i = random_below(n);

			assert_int_equal(mem_map_give(&m, taken[i].base, taken[i].size), E_OK);
			taken[i] = taken[--n];
		}
		assert_int_equal(m.count, 2);
		assert_memory_equal(before, storage_64, 2 * sizeof(*before));
	}
}

static void chunk_hands_out_everything(void **state)
{
	static struct mem_chunk chunk;
	unsigned char seen[CHUNK_PAGES] = { 0 };

	(void)state;
	chunk_init(&chunk);
	for (unsigned i = 1; i < CHUNK_PAGES; i++) {
		int page = chunk_take(&chunk, 0);

		assert_in_range(page, 1, CHUNK_PAGES - 1);
		assert_int_equal(seen[page], 0);
		seen[page] = 1;
	}
	assert_int_equal(chunk.free_pages, 0);
	assert_int_equal(chunk_take(&chunk, 0), -1);
	chunk_init(&chunk);
	for (int order = 8; order >= 0; order--) {
		assert_int_equal(chunk_take(&chunk, (unsigned)order), 1 << order);
		assert_int_equal(chunk_take(&chunk, (unsigned)order), -1);
	}
	assert_int_equal(chunk_take(&chunk, 9), -1);
}

static void chunk_notices_bad_frees(void **state)
{
	static struct mem_chunk chunk;
	unsigned page;

	(void)state;
	chunk_init(&chunk);
	page = (unsigned)chunk_take(&chunk, 2);
	assert_false(chunk_give(&chunk, 0, 0));            /* the header */
	assert_false(chunk_give(&chunk, page, 1));         /* another order */
	assert_false(chunk_give(&chunk, page + 1, 0));     /* inside a block */
	assert_false(chunk_give(&chunk, CHUNK_PAGES, 0));
	assert_false(chunk_give(&chunk, page, CHUNK_ORDERS));
	assert_true(chunk_give(&chunk, page, 2));
	assert_false(chunk_give(&chunk, page, 2));         /* twice */
	chunk.magic = 0;
	assert_false(chunk_give(&chunk, page, 2));
}

static void thousand_cycles_of_pages(void **state)
{
	static struct mem_chunk chunk, fresh;

	(void)state;
	chunk_init(&chunk);
	chunk_init(&fresh);
	for (unsigned cycle = 0; cycle < 1000; cycle++) {
		struct { unsigned page, order; } taken[64];
		unsigned n = 0;

		while (n < 64) {
			unsigned order = random_below(6);
			int page = chunk_take(&chunk, order);

			if (page < 0)
				break;
			assert_int_equal((unsigned)page & ((1u << order) - 1), 0);
			for (unsigned i = 0; i < n; i++)
				assert_true((unsigned)page >= taken[i].page + (1u << taken[i].order) ||
				            (unsigned)page + (1u << order) <= taken[i].page);
			taken[n].page = (unsigned)page;
			taken[n++].order = order;
		}
		while (n > 0) {
			unsigned i = random_below(n);

			assert_true(chunk_give(&chunk, taken[i].page, taken[i].order));
			taken[i] = taken[--n];
		}
		assert_memory_equal(&chunk, &fresh, sizeof(chunk));
	}
}

static void slab_classes(void **state)
{
	(void)state;
	assert_int_equal(slab_object_size(slab_class(0)), 16);
	assert_int_equal(slab_object_size(slab_class(16)), 16);
	assert_int_equal(slab_object_size(slab_class(17)), 32);
	for (size_t size = 0; size <= SLAB_LARGEST; size++) {
		unsigned object = slab_object_size(slab_class(size));

		assert_true(object >= size);
		assert_int_equal(object % (size >= 33 ? 64 : 16), 0);
	}
}

static void slab_objects(void **state)
{
	struct mem_slab *slab = aligned_alloc(4096, 4096);

	(void)state;
	for (unsigned class = 0; class < SLAB_CLASSES; class++) {
		unsigned size = slab_object_size(class), count = 0;
		char *previous = (char *)slab + 64 - size, *object;

		slab_init(slab, class);
		while ((object = slab_take(slab))) {
			memset(object, 0xff, size); /* the sanitizer watches the end */
			assert_ptr_equal(object, previous + size);
			previous = object;
			count++;
		}
		assert_true(slab_full(slab));
		assert_int_equal(slab->used, count);
		assert_int_equal(count, (4096 - 64) / size);
		assert_false(slab_give(slab, previous + 1));
		assert_false(slab_give(slab, slab));
		assert_false(slab_give(slab, (char *)slab + 4096));
		assert_true(slab_give(slab, previous));
		assert_false(slab_give(slab, previous));
		assert_ptr_equal(slab_take(slab), previous);
	}
	slab->magic = 0;
	assert_false(slab_give(slab, (char *)slab + 64));
	free(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(give_merges, setup),
		cmocka_unit_test_setup(give_refuses, setup),
		cmocka_unit_test_setup(take_is_best_fit_and_aligned, setup),
		cmocka_unit_test_setup(take_splits_in_the_middle, setup),
		cmocka_unit_test(thousand_cycles_of_guests),
		cmocka_unit_test(chunk_hands_out_everything),
		cmocka_unit_test(chunk_notices_bad_frees),
		cmocka_unit_test(thousand_cycles_of_pages),
		cmocka_unit_test(slab_classes),
		cmocka_unit_test(slab_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
