/* SPDX-License-Identifier: MIT */
/* The page-table walker for every format. Pure. Four levels: level 0 has 4 KiB entries, level 3 is the root. */
#include "arch/x86/paging.h"

#include <stddef.h>

#include "arch/x86/layout.h"
#include "kernel/errno.h"

#define LEVELS 4
#define ENTRIES 512
#define SPACE (1ULL << 48)

static unsigned shift_of(unsigned level)
{
	return 12 + 9 * level;
}

static unsigned index_of(uint64_t virt, unsigned level)
{
	return virt >> shift_of(level) & (ENTRIES - 1);
}

static bool is_present(const struct ptab *ptab, uint64_t entry)
{
	return entry & ptab->format->present;
}

static bool is_leaf(const struct ptab *ptab, uint64_t entry, unsigned level)
{
	return level == 0 || (level < 3 && entry & ptab->format->large);
}

/* Bit 12 of a large leaf may be its PAT bit: only the bits above the page's size are its address. */
static uint64_t leaf_address(const struct ptab *ptab, uint64_t entry, unsigned level)
{
	return entry & ptab->format->address & ~((1ULL << shift_of(level)) - 1);
}

static uint64_t *table_of(const struct ptab *ptab, uint64_t entry)
{
	return ptab->memory->table(entry & ptab->format->address);
}

int ptab_create(struct ptab *ptab, const struct ptab_format *format, const struct ptab_memory *memory,
                bool gigabyte_pages)
{
	*ptab = (struct ptab){ .format = format, .memory = memory, .gigabyte_pages = gigabyte_pages };
	ptab->root = memory->alloc(&ptab->root_phys);
	return ptab->root ? E_OK : E_NO_MEMORY;
}

static void free_below(struct ptab *ptab, uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level > 0 && i < ENTRIES; i++)
		if (is_present(ptab, table[i]) && !is_leaf(ptab, table[i], level))
			free_below(ptab, table_of(ptab, table[i]), level - 1);
	ptab->memory->free(table);
}

void ptab_destroy(struct ptab *ptab)
{
	if (ptab->root)
		free_below(ptab, ptab->root, LEVELS - 1);
	ptab->root = NULL;
	ptab->root_phys = 0;
}

/* Both ends inside the 48-bit space, which for host addresses is the canonical one without its sign. */
static bool valid_range(uint64_t virt, uint64_t size)
{
	uint64_t start = virt & (SPACE - 1);

	return size && !((virt | size) & (PAGE_SIZE - 1)) && size <= SPACE - start;
}

/* The largest level whose page fits at this address and in what is left. */
static unsigned leaf_level(const struct ptab *ptab, uint64_t virt, uint64_t phys, uint64_t left)
{
	unsigned level = ptab->gigabyte_pages ? 2 : 1;

	while (level > 0) {
		uint64_t size = 1ULL << shift_of(level);

		if (!((virt | phys) & (size - 1)) && left >= size)
			break;
		level--;
	}
	return level;
}

/*
 * The entry for `virt` at `*level`, with tables made on the way. Where a table is already in the place of a large leaf,
 * `*level` goes down with it: tables are never taken away (see ptab_unmap).
 */
static int entry_for(struct ptab *ptab, uint64_t virt, unsigned *level, uint64_t **out)
{
	uint64_t *table = ptab->root;

	for (unsigned l = LEVELS - 1;; l--) {
		uint64_t *entry = &table[index_of(virt, l)];
		bool present = is_present(ptab, *entry);

		if (present && is_leaf(ptab, *entry, l))
			return E_BUSY;
		if (!present && l == *level) {
			*out = entry;
			return E_OK;
		}
		if (!present) {
			uint64_t phys;

			if (!ptab->memory->alloc(&phys))
				return E_NO_MEMORY;
			*entry = phys | ptab->format->table;
		} else if (l == *level) {
			--*level;
		}
		table = table_of(ptab, *entry);
	}
}

int ptab_map(struct ptab *ptab, uint64_t virt, uint64_t phys, uint64_t size, unsigned flags)
{
	const struct ptab_format *format = ptab->format;
	uint64_t done = 0;
	int error = E_OK;

	if (!valid_range(virt, size) || phys & (PAGE_SIZE - 1) || phys & ~format->address ||
	    (size - 1) > format->address - phys + PAGE_SIZE - 1)
		return E_INVALID;
	while (done < size) {
		unsigned level = leaf_level(ptab, virt + done, phys + done, size - done);
		uint64_t *entry;

		error = entry_for(ptab, virt + done, &level, &entry);
		if (error)
			break;
		*entry = (phys + done) | format->leaf | format->leaf_flags(flags) | (level ? format->large : 0);
		done += 1ULL << shift_of(level);
	}
	if (error && done)
		ptab_unmap(ptab, virt, done);
	return error;
}

/* Replaces a large leaf by a table that maps the same. */
static int split(struct ptab *ptab, uint64_t *entry, unsigned level)
{
	uint64_t phys, step = 1ULL << shift_of(level - 1);
	uint64_t address = leaf_address(ptab, *entry, level);
	uint64_t bits = *entry & ~ptab->format->address;
	uint64_t *table = ptab->memory->alloc(&phys);

	if (!table)
		return E_NO_MEMORY;
	if (level == 1)
		bits &= ~ptab->format->large;
	for (unsigned i = 0; i < ENTRIES; i++)
		table[i] = (address + i * step) | bits;
	*entry = phys | ptab->format->table;
	return E_OK;
}

/* Splits until `virt` is the start of a page, or not mapped. */
static int split_at(struct ptab *ptab, uint64_t virt)
{
	uint64_t *table = ptab->root;

	for (unsigned level = LEVELS - 1; level > 0; level--) {
		uint64_t *entry = &table[index_of(virt, level)];

		if (!is_present(ptab, *entry))
			return E_OK;
		if (is_leaf(ptab, *entry, level)) {
			int error;

			if (!(virt & ((1ULL << shift_of(level)) - 1)))
				return E_OK;
			error = split(ptab, entry, level);
			if (error)
				return error;
		}
		table = table_of(ptab, *entry);
	}
	return E_OK;
}

int ptab_unmap(struct ptab *ptab, uint64_t virt, uint64_t size)
{
	uint64_t start = virt & (SPACE - 1), end = start + size;
	int error;

	if (!valid_range(virt, size))
		return E_INVALID;
	error = split_at(ptab, start);
	if (!error && end < SPACE)
		error = split_at(ptab, end);
	if (error)
		return error;
	while (start < end) {
		uint64_t *table = ptab->root, *entry;
		unsigned level = LEVELS - 1;

		for (;;) {
			entry = &table[index_of(start, level)];
			if (!is_present(ptab, *entry) || is_leaf(ptab, *entry, level))
				break;
			table = table_of(ptab, *entry);
			level--;
		}
		*entry = 0;
		start = (start | ((1ULL << shift_of(level)) - 1)) + 1;
	}
	return E_OK;
}

bool ptab_lookup(const struct ptab *ptab, uint64_t virt, uint64_t *phys, uint64_t *entry, uint64_t *page_size)
{
	const uint64_t *table = ptab->root;

	for (unsigned level = LEVELS - 1;; level--) {
		uint64_t e = table[index_of(virt, level)], size = 1ULL << shift_of(level);

		if (!is_present(ptab, e))
			return false;
		if (is_leaf(ptab, e, level)) {
			*phys = leaf_address(ptab, e, level) | (virt & (size - 1));
			*entry = e;
			*page_size = size;
			return true;
		}
		table = table_of(ptab, e);
	}
}

static void walk_table(const struct ptab *ptab, const uint64_t *table, unsigned level, uint64_t virt, ptab_visit *visit,
                       void *context)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		uint64_t here = virt | (uint64_t)i << shift_of(level);

		if (!is_present(ptab, table[i]))
			continue;
		if (here & SPACE >> 1) /* canonical form; guest-physical spaces end far below */
			here |= ~(SPACE - 1);
		if (is_leaf(ptab, table[i], level))
			visit(context, here, leaf_address(ptab, table[i], level), 1ULL << shift_of(level), table[i]);
		else
			walk_table(ptab, table_of(ptab, table[i]), level - 1, here, visit, context);
	}
}

void ptab_walk(const struct ptab *ptab, ptab_visit *visit, void *context)
{
	walk_table(ptab, ptab->root, LEVELS - 1, 0, visit, context);
}
