/* SPDX-License-Identifier: MIT */
/*
 * Page tables. One walker serves every format: host, NPT (the same entries as host tables, APM 15.25.5), EPT (SDM
 * 29.3.2). The walker (ptab.c) is pure: memory comes and goes through struct ptab_memory.
 */
#ifndef ARCH_X86_PAGING_H
#define ARCH_X86_PAGING_H

#include <stdbool.h>
#include <stdint.h>

enum ptab_flags {
	PTAB_READ = 1 << 0,
	PTAB_WRITE = 1 << 1,
	PTAB_EXECUTE = 1 << 2,
	PTAB_USER = 1 << 3,     /* NPT: always needed; EPT: ignored */
	PTAB_UNCACHED = 1 << 4,
	PTAB_GLOBAL = 1 << 5,
	PTAB_WRITE_COMBINING = 1 << 6, /* the framebuffer */
};

/* How one format encodes an entry: constant tables, no code per format beyond these. */
struct ptab_format {
	uint64_t table;                 /* bits of an entry that points to a table */
	uint64_t leaf;                  /* bits of every leaf */
	uint64_t large;                 /* bit that makes a 2 MiB or 1 GiB entry a leaf */
	uint64_t present;               /* entry is present when any of these is set */
	uint64_t address;               /* physical address bits */
	uint64_t (*leaf_flags)(unsigned flags);
};
extern const struct ptab_format ptab_host;  /* also NPT */
extern const struct ptab_format ptab_ept;

struct ptab_memory {
	uint64_t *(*alloc)(uint64_t *phys); /* a zeroed table page; NULL when none */
	void (*free)(uint64_t *table);
	uint64_t *(*table)(uint64_t phys);  /* pointer to the table at a machine address */
};

struct ptab {
	const struct ptab_format *format;
	const struct ptab_memory *memory;
	uint64_t *root;
	uint64_t root_phys;
	bool gigabyte_pages; /* the processor has 1 GiB pages for this format */
};

int ptab_create(struct ptab *ptab, const struct ptab_format *format, const struct ptab_memory *memory,
                bool gigabyte_pages);
/* Frees the tables, not what they map. */
void ptab_destroy(struct ptab *ptab);
/* Maps with the largest pages that alignment allows. E_NO_MEMORY, E_INVALID (unaligned), E_BUSY (not empty). */
int ptab_map(struct ptab *ptab, uint64_t virt, uint64_t phys, uint64_t size, unsigned flags);
/*
 * Splits large pages at the edges first: E_NO_MEMORY when that fails, and everything stays as mapped as it was. Tables
 * stay until ptab_destroy(), since another core may still hold them in its paging-structure caches; flushing is the
 * caller's.
 */
int ptab_unmap(struct ptab *ptab, uint64_t virt, uint64_t size);
/* The leaf that maps `virt`: its machine address, raw entry and size; false when not mapped. */
bool ptab_lookup(const struct ptab *ptab, uint64_t virt, uint64_t *phys, uint64_t *entry, uint64_t *page_size);
/* Calls `visit` for every leaf, in order. */
typedef void ptab_visit(void *context, uint64_t virt, uint64_t phys, uint64_t size, uint64_t entry);
void ptab_walk(const struct ptab *ptab, ptab_visit *visit, void *context);

/* --- the host's own address space (paging.c) --- */
struct bootinfo;

/* Builds the kernel's tables (W^X, guard pages) and leaves the boot identity map. */
void paging_init(const struct bootinfo *boot);
/* Table pages for stage-2 tables, from page_alloc(). */
extern const struct ptab_memory ptab_heap;
/*
 * Maps machine addresses into AREA: registers (PTAB_UNCACHED) or boot files. Writable with PTAB_WRITE, PTAB_UNCACHED or
 * PTAB_WRITE_COMBINING, never executable. `phys` and `size` need no alignment. NULL when out of space. Addresses are
 * not used again after unmap_physical(), which flushes the calling core only.
 */
void *map_physical(uint64_t phys, uint64_t size, unsigned flags);
void unmap_physical(void *virt, uint64_t size);
/* A stack of STACK_SIZE with an unmapped guard page below, its top word set to `cpu`; returns the usable top. */
struct cpu;
uint64_t stack_create(struct cpu *cpu); /* 0: no memory */
/* Is this address in the guard page of a stack? */
bool stack_guard(uint64_t address);

/* The kernel's own tables. */
uint64_t paging_kernel_cr3(void);
void paging_copy_kernel(uint64_t *top);                   /* the kernel's half of the top table, into another one */
void paging_walk(ptab_visit *visit, void *context);       /* every page that is mapped */
bool paging_mapped(uint64_t virt);                        /* false before paging_init() */
/* For the allocator, which holds its lock: maps a chunk in HEAP. Takes the page at `*spare` when it needs a table. */
int paging_map_chunk(uint64_t phys, void **spare);

/* A partition's address space: the kernel's entries plus its own GUEST entry. */
struct address_space {
	struct ptab guest;   /* maps GUEST_BASE + gpa */
	uint64_t cr3;
	uint64_t *pml4;
};
int address_space_create(struct address_space *space);
int address_space_map(struct address_space *space, uint64_t gpa, uint64_t phys, uint64_t size);
void address_space_destroy(struct address_space *space);
/* Loads it on this core (no-op when already loaded); NULL: the kernel's own, with no guest window. */
void address_space_enter(const struct address_space *space);

#endif
