/* SPDX-License-Identifier: MIT */
/*
 * What both ways in share: memory map, the kernel's ELF file, boot page tables, the list of files, and the jump. All
 * but handoff_enter() is pure. Loaders run identity-mapped: an address is a pointer.
 */
#ifndef BOOT_HANDOFF_H
#define BOOT_HANDOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/bootinfo.h"
#include "kernel/config.h"

#define HANDOFF_PAGE 4096UL
#define HANDOFF_STACK 16384UL
#define HANDOFF_CONFIG_MAX (1UL << 20) /* a larger bulkhead.conf is not one */

/* --- handoff_memory.c: the machine's memory map --- */

/* Entries in any order, overlapping as the firmware likes. */
struct bootmem_list {
	struct bootmem *entries;
	uint32_t count, capacity;
};

/* Free memory shrinks to whole pages, all else grows. What does not fit the list's capacity is dropped. */
void bootmem_add(struct bootmem_list *list, uint64_t base, uint64_t size, enum bootmem_type type);
/*
 * Sorted, without overlaps: where entries overlap the one that forbids more wins; neighbours of one type are merged.
 * 2 * list->count entries always suffice for `out`. Returns the number of entries.
 */
uint32_t bootmem_resolve(const struct bootmem_list *list, struct bootmem *out, uint32_t capacity);
/* The highest free range of `size` bytes within [low, high), aligned (a power of two); UINT64_MAX: none. */
uint64_t bootmem_find(const struct bootmem *map, uint32_t count, uint64_t size, uint64_t align, uint64_t low,
		      uint64_t high);

/* --- handoff_arena.c: everything that the loader makes, in one block of BOOTMEM_BOOT --- */

struct handoff_arena {
	uint8_t *base;
	size_t size, used;
};

/* Zeroed whole pages; NULL when the arena is used up. */
void *handoff_take(struct handoff_arena *arena, size_t size);

/* Bytes of an arena for so many files, map entries (before resolving) and page-table pages, with the stack. */
size_t handoff_arena_size(unsigned files, unsigned map_entries, unsigned table_pages);

/* --- handoff_kernel.c: the kernel's ELF file --- */

struct kernel_elf {
	const uint8_t *file;
	size_t file_size;
	uint64_t memory_size; /* from KERNEL_BASE to the end of the last segment, whole pages */
	uint64_t entry;       /* virtual */
};

/* False: not a kernel that can be loaded. */
bool kernel_elf_open(struct kernel_elf *elf, const uint8_t *file, size_t file_size);
/* Fills `memory_size` bytes at `to`: segments copied, the rest zeroed. */
void kernel_elf_load(const struct kernel_elf *elf, uint8_t *to);

/* --- handoff_tables.c: the page tables that the kernel starts on --- */

struct boot_tables {
	uint64_t *pages; /* page-aligned, zeroed */
	unsigned count, used;
	bool gigabyte;   /* CPUID.80000001H:EDX[26] */
};

/* Pages that suffice for an identity map of [0, top), a framebuffer elsewhere, and the kernel. */
unsigned boot_tables_pages(uint64_t top, bool gigabyte);
/* Takes the top-level table. */
bool boot_tables_create(struct boot_tables *tables, uint64_t *pages, unsigned count, bool gigabyte);
/* Maps every GiB that the range touches to itself. False: out of table pages, or beyond 4-level paging's lower half. */
bool boot_tables_identity(struct boot_tables *tables, uint64_t base, uint64_t size);
/* Maps the kernel's image at KERNEL_BASE; `base` is 2 MiB aligned. */
bool boot_tables_kernel(struct boot_tables *tables, uint64_t base, uint64_t size);
/* Identity-maps the first 4 GiB, what the map says is memory, and what bootinfo points to; then the kernel. */
bool boot_tables_fill(struct boot_tables *tables, const struct bootinfo *info, const struct bootmem *map,
		      uint32_t count);

/* --- handoff_files.c: the files that a configuration names --- */

/* Most files that `config` can name. */
unsigned handoff_file_count(const struct config *config);
/* One entry per different name, status BOOTFILE_NOT_FOUND, nothing loaded yet. Returns their number. */
unsigned handoff_file_list(const struct config *config, struct bootfile *files, unsigned capacity);

/* --- handoff_info.c --- */

/* Magic, version, loader's name. */
void handoff_info_init(struct bootinfo *info, const char *loader, const char *config_name);
/* Adds to `list` what the loader has put into memory: kernel, files, configuration; and keeps page 0 out of use. */
void handoff_claim(struct bootmem_list *list, const struct bootinfo *info, const struct bootfile *files,
		   const struct handoff_arena *arena);

/* --- handoff_enter.S --- */

/*
 * Loads descriptor and page tables, switches stacks and jumps. Interrupts are off from here on. The page tables and the
 * stack (HANDOFF_STACK bytes, zeroed) lie below 4 GiB.
 */
void handoff_enter(uint64_t page_tables, uint64_t entry, uint64_t stack_top, const struct bootinfo *info)
	__attribute__((noreturn));

#endif
