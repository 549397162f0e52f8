/* SPDX-License-Identifier: MIT */
/* The page tables that the kernel starts on: 4-level (SDM 4.5), everything writable and executable. Pure. */
#include "boot/handoff.h"

#include "arch/x86/layout.h"

#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_WRITE (1ULL << 1)
#define ENTRY_LARGE (1ULL << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

#define GIB (1ULL << 30)
#define MIB2 (2ULL << 20)
#define LOWER_HALF (1ULL << 47)

unsigned boot_tables_pages(uint64_t top, bool gigabyte)
{
	uint64_t gib = (top < 4 * GIB ? 4 * GIB : top) / GIB + 1;
	uint64_t pages = 1 + 2 + gib / 512 + 1; /* top level, the kernel's two, one per 512 GiB */

	pages += 2 * 2; /* framebuffer and firmware tables beyond `top` */
	if (!gigabyte)
		pages += gib + 4;
	return (unsigned)pages;
}

bool boot_tables_create(struct boot_tables *tables, uint64_t *pages, unsigned count, bool gigabyte)
{
	*tables = (struct boot_tables){ .pages = pages, .count = count, .used = 1, .gigabyte = gigabyte };
	return count > 0;
}

/* The table that `entry` points to, taking a new one when it is empty; NULL when there are none left. */
static uint64_t *table_below(struct boot_tables *tables, uint64_t *entry)
{
	if (!(*entry & ENTRY_PRESENT)) {
		if (tables->used == tables->count)
			return NULL;
		*entry = (uintptr_t)(tables->pages + 512 * tables->used++) | ENTRY_PRESENT | ENTRY_WRITE;
	}
	return (uint64_t *)(uintptr_t)(*entry & ENTRY_ADDRESS);
}

/* `base` is a multiple of 1 GiB. */
static bool identity_gib(struct boot_tables *tables, uint64_t base)
{
	uint64_t *pdpt = table_below(tables, &tables->pages[base >> 39 & 511]);
	uint64_t *entry, *pd;

	if (!pdpt)
		return false;
	entry = &pdpt[base >> 30 & 511];
	if (*entry & ENTRY_PRESENT)
		return true;
	if (tables->gigabyte) {
		*entry = base | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_LARGE;
		return true;
	}
	pd = table_below(tables, entry);
	if (!pd)
		return false;
	for (unsigned i = 0; i < 512; i++)
		pd[i] = (base + i * MIB2) | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_LARGE;
	return true;
}

bool boot_tables_identity(struct boot_tables *tables, uint64_t base, uint64_t size)
{
	uint64_t end = base + size;

	if (end < base || end > LOWER_HALF)
		return false;
	for (uint64_t at = base & ~(GIB - 1); at < end; at += GIB)
		if (!identity_gib(tables, at))
			return false;
	return true;
}

bool boot_tables_kernel(struct boot_tables *tables, uint64_t base, uint64_t size)
{
	uint64_t *pdpt = table_below(tables, &tables->pages[KERNEL_BASE >> 39 & 511]);
	uint64_t *pd = pdpt ? table_below(tables, &pdpt[KERNEL_BASE >> 30 & 511]) : NULL;

	if (!pd || size > GIB)
		return false;
	for (uint64_t at = 0; at < size; at += MIB2)
		pd[at / MIB2] = (base + at) | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_LARGE;
	return true;
}

bool boot_tables_fill(struct boot_tables *tables, const struct bootinfo *info, const struct bootmem *map,
		      uint32_t count)
{
	const struct bootframebuffer *screen = &info->framebuffer;

	if (!boot_tables_identity(tables, 0, 4 * GIB))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (map[i].type != BOOTMEM_MMIO && map[i].type != BOOTMEM_RESERVED && map[i].type != BOOTMEM_BAD &&
		    !boot_tables_identity(tables, map[i].base, map[i].size))
			return false;
	if (screen->base && !boot_tables_identity(tables, screen->base, screen->size))
		return false;
	if (!boot_tables_identity(tables, info->rsdp, HANDOFF_PAGE) ||
	    !boot_tables_identity(tables, info->smbios, HANDOFF_PAGE))
		return false;
	return boot_tables_kernel(tables, info->kernel_base, info->kernel_size);
}
