/* SPDX-License-Identifier: MIT */
/*
 * The walker of the guest's page tables over any memory, which may change at any time.
 * Input: control registers, address, access; the rest is guest memory, repeated.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/walk.h"

#define HEADER 24

struct tables {
	struct walker walker; /* first */
	const uint8_t *bytes;
	size_t count;
	unsigned reads;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static int read_memory(struct walker *w, uint64_t gpa, unsigned size, uint64_t *value)
{
	struct tables *t = (struct tables *)w;

	must((size == 4 || size == 8) && gpa % size == 0);
	must(gpa + size - 1 < 1ull << (w->physical_bits > 32 ? w->physical_bits : 32));
	t->reads++;
	if (t->count == 0)
		return -1;
	*value = 0;
	for (unsigned n = 0; n < size; n++)
		*value |= (uint64_t)t->bytes[(gpa + n + t->reads / 64) % t->count] << 8 * n;
	return 0;
}

static int compare_exchange(struct walker *w, uint64_t gpa, unsigned size, uint64_t old, uint64_t value,
                            bool *exchanged)
{
	must((size == 4 || size == 8) && gpa % size == 0);
	must((value & ~old & ~0x60ull) == 0 && (old & ~value) == 0);
	*exchanged = ((struct tables *)w)->reads & 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tables t = { .walker = { .read = read_memory, .compare_exchange = compare_exchange } };
	uint64_t va, gpa = 0;
	uint32_t error = 0;
	enum walk_result result;

	if (size < HEADER)
		return 0;
	t.walker.cr0 = (data[0] & 1 ? 1ull << 31 : 0) | (data[0] & 2 ? 1ull << 16 : 0);
	t.walker.efer = (uint64_t)(data[0] >> 2 & 3) << 10;
	t.walker.rflags = (uint64_t)(data[0] >> 4 & 1) << 18;
	t.walker.no_gigabyte_pages = data[0] >> 5 & 1;
	t.walker.cpl = data[0] >> 6;
	memcpy(&t.walker.cr4, data + 1, 4);
	memcpy(&t.walker.cr3, data + 5, 8);
	t.walker.physical_bits = 32 + data[13] % 21;
	memcpy(&va, data + 14, 8);
	t.bytes = data + HEADER;
	t.count = size - HEADER;
	result = walk(&t.walker, va, data[22] & 15, &gpa, &error);
	must(result <= WALK_BUSY && t.reads <= 16 * 5);
	must(result != WALK_OK || gpa < 1ull << 52);
	must(result != WALK_PAGE_FAULT || error <= 0x1f);
	return 0;
}
