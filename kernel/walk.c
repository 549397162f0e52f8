/* SPDX-License-Identifier: MIT */
/* The guest's own page tables. First the tables are read and checked, then the accessed and dirty bits are set. */
#include "kernel/walk.h"

#define CR0_WP      (1ull << 16)
#define CR0_PG      (1ull << 31)
#define CR4_PSE     (1ull << 4)
#define CR4_PAE     (1ull << 5)
#define CR4_LA57    (1ull << 12)
#define CR4_SMEP    (1ull << 20)
#define CR4_SMAP    (1ull << 21)
#define EFER_LMA    (1ull << 10)
#define EFER_NXE    (1ull << 11)
#define RFLAGS_AC   (1ull << 18)

/* Bits of an entry (SDM 4.5.4) and of the error code (SDM 4.7). */
#define ENTRY_P     (1ull << 0)
#define ENTRY_W     (1ull << 1)
#define ENTRY_U     (1ull << 2)
#define ENTRY_A     (1ull << 5)
#define ENTRY_D     (1ull << 6)
#define ENTRY_PS    (1ull << 7)
#define ENTRY_NX    (1ull << 63)
#define ERROR_P     (1u << 0)
#define ERROR_W     (1u << 1)
#define ERROR_U     (1u << 2)
#define ERROR_RSVD  (1u << 3)
#define ERROR_I     (1u << 4)

#define ADDRESS     0x000ffffffffff000ull
#define LEVELS      5
#define ATTEMPTS    16 /* when another processor of the guest changes an entry under our hands */

struct format {
	uint8_t levels;
	uint8_t entry_size;
	uint8_t index_bits;
	uint8_t top_index_bits;
	uint8_t linear_bits;
};

static const struct format format_32 = { 2, 4, 10, 10, 32 };
static const struct format format_pae = { 3, 8, 9, 2, 32 };
static const struct format format_4_level = { 4, 8, 9, 9, 48 };
static const struct format format_5_level = { 5, 8, 9, 9, 57 };

struct path {
	const struct format *format;
	uint64_t va;
	unsigned level;          /* of the last entry: 1 is a 4 KiB page's */
	uint64_t gpa[LEVELS];    /* by level - 1 */
	uint64_t entry[LEVELS];
	uint64_t rights;         /* ENTRY_W and ENTRY_U when all levels have them, ENTRY_NX when one has it */
};

static const struct format *format_of(const struct walker *w)
{
	if (w->efer & EFER_LMA)
		return w->cr4 & CR4_LA57 ? &format_5_level : &format_4_level;
	return w->cr4 & CR4_PAE ? &format_pae : &format_32;
}

static unsigned shift_of(const struct format *format, unsigned level)
{
	return 12 + format->index_bits * (level - 1);
}

static bool is_pdpte(const struct path *path, unsigned level)
{
	return path->format == &format_pae && level == 3;
}

static bool is_leaf(const struct walker *w, const struct path *path, unsigned level, uint64_t entry)
{
	if (level == 1)
		return true;
	if (!(entry & ENTRY_PS))
		return false;
	if (path->format == &format_32)
		return w->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && !is_pdpte(path, level));
}

/* Bits from `low` to `high`; none when they are the other way round. */
static uint64_t bits(unsigned high, unsigned low)
{
	return high < low ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

/* SDM 4.3 (tables 4-4 to 4-6), 4.4 (4-8 to 4-11), 4.5 (4-14 to 4-20). */
static uint64_t reserved_bits(const struct walker *w, const struct path *path, unsigned level, uint64_t entry)
{
	uint64_t reserved = bits(51, w->physical_bits);
	bool leaf = is_leaf(w, path, level, entry);

	if (path->format == &format_32) {
		/* A 4 MiB page's address goes on in bits 20:13, as far as PSE-36 and the processor have them. */
		return leaf && level == 2 ? bits(21, w->physical_bits < 40 ? w->physical_bits - 19 : 21) : 0;
	}
	/* Of a PDPTE bit 5 is reserved, too, but QEMU sets it as if it were the accessed bit. */
	if (path->format == &format_pae)
		reserved |= is_pdpte(path, level) ? bits(63, 52) | bits(8, 6) | bits(2, 1) : bits(62, 52);
	if (!(w->efer & EFER_NXE))
		reserved |= ENTRY_NX;
	if (leaf && level > 1)
		reserved |= bits(shift_of(path->format, level) - 1, 13);
	if (level > 3 || (level == 3 && w->no_gigabyte_pages))
		reserved |= ENTRY_PS;
	return reserved;
}

static uint64_t root_of(const struct walker *w, const struct format *format)
{
	if (format == &format_pae)
		return w->cr3 & 0xffffffe0;
	if (format == &format_32)
		return w->cr3 & 0xfffff000;
	return w->cr3 & ADDRESS & bits(w->physical_bits - 1, 0);
}

/* Reads entries down to the leaf. Only P and RSVD of `*error_code` are written. */
static enum walk_result descend(struct walker *w, struct path *path, uint32_t *error_code)
{
	const struct format *format = path->format;
	uint64_t table = root_of(w, format), entry;

	path->rights = ENTRY_W | ENTRY_U;
	for (unsigned level = format->levels;; level--) {
		unsigned index_bits = level == format->levels ? format->top_index_bits : format->index_bits;
		uint64_t index = path->va >> shift_of(format, level) & ((1ull << index_bits) - 1);

		path->level = level;
		path->gpa[level - 1] = table + index * format->entry_size;
		entry = 0;
		if (w->read(w, path->gpa[level - 1], format->entry_size, &entry))
			return WALK_NO_MEMORY;
		path->entry[level - 1] = entry;
		*error_code = 0;
		if (!(entry & ENTRY_P))
			return WALK_PAGE_FAULT;
		*error_code = ERROR_P | ERROR_RSVD;
		if (entry & reserved_bits(w, path, level, entry))
			return WALK_PAGE_FAULT;
		if (!is_pdpte(path, level)) {
			path->rights &= entry | ~(ENTRY_W | ENTRY_U);
			path->rights |= format->entry_size == 8 ? entry & ENTRY_NX : 0;
		}
		if (is_leaf(w, path, level, entry))
			return WALK_OK;
		table = format == &format_32 ? entry & 0xfffff000 : entry & ADDRESS;
	}
}

/* SDM 4.6.1 */
static bool permitted(const struct walker *w, uint64_t rights, unsigned access, bool user)
{
	if (user && !(rights & ENTRY_U))
		return false;
	if (access & WALK_FETCH)
		return !(rights & ENTRY_NX) && (user || !(rights & ENTRY_U) || !(w->cr4 & CR4_SMEP));
	if (access & WALK_WRITE && !(rights & ENTRY_W) && (user || w->cr0 & CR0_WP))
		return false;
	if (user || !(rights & ENTRY_U) || !(w->cr4 & CR4_SMAP))
		return true;
	return w->rflags & RFLAGS_AC && !(access & WALK_SYSTEM); /* AC does not help the processor's own accesses */
}

/* Nonzero `*again`: an entry has changed since it was read. */
static enum walk_result mark(struct walker *w, const struct path *path, bool write, bool *again)
{
	unsigned size = path->format->entry_size;

	for (unsigned level = path->format->levels; level >= path->level; level--) {
		uint64_t old = path->entry[level - 1], new = old | ENTRY_A;
		bool exchanged = false;

		if (level == path->level && write)
			new |= ENTRY_D;
		if (new == old || is_pdpte(path, level))
			continue;
		if (w->compare_exchange(w, path->gpa[level - 1], size, old, new, &exchanged))
			return WALK_NO_MEMORY;
		if (!exchanged) {
			*again = true;
			return WALK_OK;
		}
	}
	return WALK_OK;
}

static uint64_t translated(const struct path *path)
{
	uint64_t entry = path->entry[path->level - 1];
	uint64_t offset = bits(shift_of(path->format, path->level) - 1, 0);

	if (path->format != &format_32)
		return (entry & ADDRESS & ~offset) | (path->va & offset);
	if (path->level == 2)
		return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32 | (path->va & offset);
	return (entry & 0xfffff000) | (path->va & offset);
}

static bool is_canonical(const struct format *format, uint64_t va)
{
	int64_t top = (int64_t)va >> (format->linear_bits - 1);

	return top == 0 || top == -1;
}

static enum walk_result attempt(struct walker *w, struct path *path, unsigned access, uint32_t *error_code, bool *again)
{
	bool user = w->cpl == 3 && !(access & WALK_SYSTEM);
	bool tells_fetch = w->cr4 & CR4_SMEP || (w->cr4 & CR4_PAE && w->efer & EFER_NXE);
	enum walk_result result = descend(w, path, error_code);

	if (access & WALK_PEEK)
		return result;
	if (result == WALK_OK && !permitted(w, path->rights, access, user)) {
		*error_code = ERROR_P;
		result = WALK_PAGE_FAULT;
	}
	if (result == WALK_PAGE_FAULT)
		*error_code |= (access & WALK_WRITE ? ERROR_W : 0) | (user ? ERROR_U : 0) |
		               (access & WALK_FETCH && tells_fetch ? ERROR_I : 0);
	return result == WALK_OK ? mark(w, path, access & WALK_WRITE, again) : result;
}

enum walk_result walk(struct walker *w, uint64_t va, unsigned access, uint64_t *gpa, uint32_t *error_code)
{
	struct path path = { .format = format_of(w), .va = va };
	enum walk_result result;

	if (!(w->cr0 & CR0_PG)) {
		*gpa = (uint32_t)va;
		return WALK_OK;
	}
	if (!(w->efer & EFER_LMA))
		path.va = (uint32_t)va;
	if (w->efer & EFER_LMA && !is_canonical(path.format, va))
		return WALK_GENERAL_PROTECTION;
	for (unsigned n = 0; n < ATTEMPTS; n++) {
		bool again = false;

		result = attempt(w, &path, access, error_code, &again);
		if (again)
			continue;
		if (result == WALK_OK)
			*gpa = translated(&path);
		return result;
	}
	return WALK_BUSY;
}
