/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own tables (arch/x86/layout.h). Top-level entries never change after paging_init(), so every partition's
 * top table has copies of them.
 *
 * No TLB shootdown: HEAP and stacks are only ever added to, and addresses in AREA are not used twice, so a translation
 * that another core has kept leads to what it always led to.
 */
#include "arch/x86/paging.h"

#include <stddef.h>
#include <string.h>

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/sections.h"
#include "boot/bootinfo.h"
#include "kernel/errno.h"
#include "kernel/mem.h"
#include "kernel/mem_chunk.h"
#include "kernel/spinlock.h"

#define TOP_ENTRY_SIZE (1ULL << 39)
#define TOP_GUEST      (GUEST_BASE >> 39 & 511)

/* AREA begins with the stacks, each in a slot of twice its size whose lower half stays unmapped. */
#define SLOT_SIZE   (2ULL * STACK_SIZE)
#define STACKS_SIZE (16ULL << 20)
#define AREA_SIZE   TOP_ENTRY_SIZE

static struct ptab kernel; /* KERNEL and AREA; and the root */
static struct ptab heap;   /* HEAP: the same root, other memory callbacks (see paging_map_chunk) */
static struct spinlock lock;
static uint64_t next_stack = AREA_BASE;
static uint64_t next_area = AREA_BASE + STACKS_SIZE;
static bool started;

static uint64_t *heap_alloc(uint64_t *phys)
{
	uint64_t *table = page_alloc(0);

	if (table)
		*phys = heap_to_phys(table);
	return table;
}

static void heap_free(uint64_t *table)
{
	page_free(table, 0);
}

static uint64_t *heap_table(uint64_t phys)
{
	return phys_to_heap(phys);
}

const struct ptab_memory ptab_heap = { .alloc = heap_alloc, .free = heap_free, .table = heap_table };

/* --- chunks: mapped while the allocator holds its lock, so the table comes from the allocator's spare page --- */

static void **spare_page;

static uint64_t *spare_alloc(uint64_t *phys)
{
	uint64_t *table = *spare_page;

	if (table)
		*phys = heap_to_phys(table);
	*spare_page = NULL;
	return table;
}

static const struct ptab_memory spare_memory = { .alloc = spare_alloc, .free = heap_free, .table = heap_table };

int paging_map_chunk(uint64_t phys, void **spare)
{
	spare_page = spare;
	return ptab_map(&heap, HEAP_BASE + phys, phys, CHUNK_SIZE, PTAB_READ | PTAB_WRITE | PTAB_GLOBAL);
}

/* --- start --- */

static void map_or_panic(uint64_t virt, uint64_t phys, uint64_t size, unsigned flags)
{
	if (size && ptab_map(&kernel, virt, phys, size, flags | PTAB_GLOBAL))
		panic("paging: cannot map %#llx", (unsigned long long)virt);
}

static void map_section(const struct bootinfo *boot, const char *start, const char *end, unsigned flags)
{
	uint64_t virt = (uint64_t)start;

	map_or_panic(virt, boot->kernel_base + (virt - KERNEL_BASE), (uint64_t)(end - start), flags);
}

/* Every top-level entry that will be needed gets its table now. */
static void make_top_entry(uint64_t virt)
{
	uint64_t phys, *entry = &kernel.root[virt >> 39 & 511];

	if (*entry)
		return;
	if (!heap_alloc(&phys))
		panic("paging: no memory for tables");
	*entry = phys | ptab_host.table;
}

static void map_image(const struct bootinfo *boot)
{
	uint64_t guard = (uint64_t)boot_stack_guard;

	map_section(boot, __text_start, __text_end, PTAB_READ | PTAB_EXECUTE);
	map_section(boot, __rodata_start, __rodata_end, PTAB_READ);
	map_section(boot, __data_start, __data_end, PTAB_READ | PTAB_WRITE);
	map_section(boot, __bss_start, __bss_end, PTAB_READ | PTAB_WRITE);
	if (ptab_unmap(&kernel, guard, PAGE_SIZE))
		panic("paging: no memory for the guard page");
}

void paging_init(const struct bootinfo *boot)
{
	bool gigabyte_pages = cpuid(0x80000001, 0).edx & 1u << 26;

	cpu_features_enable(); /* the tables use NX and PAT entry 1 */
	if (ptab_create(&kernel, &ptab_host, &ptab_heap, gigabyte_pages))
		panic("paging: no memory for tables");
	for (uint64_t phys = 0; phys < mem_top(); phys += TOP_ENTRY_SIZE)
		make_top_entry(HEAP_BASE + phys);
	make_top_entry(AREA_BASE);
	map_image(boot);
	for (uint64_t chunk = mem_next_chunk(0); chunk; chunk = mem_next_chunk(chunk))
		map_or_panic(HEAP_BASE + chunk, chunk, CHUNK_SIZE, PTAB_READ | PTAB_WRITE);
	this_cpu()->cr3 = kernel.root_phys;
	CR_WRITE(3, kernel.root_phys);
	mem_heap_mapped();
	kernel.root = phys_to_heap(kernel.root_phys);
	heap = kernel;
	heap.memory = &spare_memory;
	started = true;
	cpu_features_enable(); /* global pages: only now, so that none of the loader's stays in the TLB */
	gdt_stacks(this_cpu());
}

uint64_t paging_kernel_cr3(void)
{
	return kernel.root_phys;
}

void paging_copy_kernel(uint64_t *top)
{
	memcpy(&top[256], &kernel.root[256], PAGE_SIZE / 2);
}

void paging_walk(ptab_visit *visit, void *context)
{
	ptab_walk(&kernel, visit, context);
}

bool paging_mapped(uint64_t virt)
{
	uint64_t phys, entry, size;

	return started && ptab_lookup(&kernel, virt, &phys, &entry, &size);
}

/* --- AREA --- */

void *map_physical(uint64_t phys, uint64_t size, unsigned flags)
{
	uint64_t offset = phys & (PAGE_SIZE - 1), virt, length;
	int error;

	if (!size || phys + size < phys || size > AREA_SIZE)
		return NULL;
	length = (offset + size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	if (flags & (PTAB_UNCACHED | PTAB_WRITE_COMBINING))
		flags |= PTAB_WRITE;
	flags = (flags & ~(unsigned)(PTAB_EXECUTE | PTAB_USER)) | PTAB_READ | PTAB_GLOBAL;
	spin_lock(&lock);
	virt = next_area;
	if (length >= CHUNK_SIZE) /* the same offset within 2 MiB, so that large pages fit */
		virt += (phys - offset - virt) & (CHUNK_SIZE - 1);
	if (length > AREA_BASE + AREA_SIZE - 1 - virt)
		error = E_NO_MEMORY;
	else
		error = ptab_map(&kernel, virt, phys - offset, length, flags);
	if (!error)
		next_area = virt + length;
	spin_unlock(&lock);
	return error ? NULL : (void *)(virt + offset);
}

void unmap_physical(void *virt, uint64_t size)
{
	uint64_t start = (uint64_t)virt & ~(uint64_t)(PAGE_SIZE - 1);
	uint64_t end = ((uint64_t)virt + size + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);

	if (!virt || !size)
		return;
	spin_lock(&lock);
	ptab_unmap(&kernel, start, end - start);
	spin_unlock(&lock);
	for (; start < end; start += PAGE_SIZE)
		__asm__ volatile("invlpg (%0)" : : "r"(start) : "memory");
}

uint64_t stack_create(struct cpu *cpu)
{
	unsigned order = __builtin_ctz(STACK_SIZE / PAGE_SIZE);
	char *pages = page_alloc(order);
	uint64_t base = 0;

	if (!pages)
		return 0;
	*(struct cpu **)(pages + STACK_SIZE - sizeof(cpu)) = cpu;
	spin_lock(&lock);
	if (next_stack < AREA_BASE + STACKS_SIZE &&
	    !ptab_map(&kernel, next_stack + STACK_SIZE, heap_to_phys(pages), STACK_SIZE,
	              PTAB_READ | PTAB_WRITE | PTAB_GLOBAL)) {
		base = next_stack + STACK_SIZE;
		next_stack += SLOT_SIZE;
	}
	spin_unlock(&lock);
	if (!base) {
		page_free(pages, order);
		return 0;
	}
	return base + STACK_SIZE - 16;
}

bool stack_guard(uint64_t address)
{
	uint64_t guard = (uint64_t)boot_stack_guard;

	if (address >= guard && address < guard + PAGE_SIZE)
		return true;
	return address >= AREA_BASE && address < AREA_BASE + STACKS_SIZE && !(address & STACK_SIZE);
}
