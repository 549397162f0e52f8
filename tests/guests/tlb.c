/* SPDX-License-Identifier: MIT */
/*
 * Translations that a guest changes, and when they must be seen (SDM 4.10.4, APM 5.5): INVLPG, CR3, global pages, CR4,
 * CR0, EFER, page sizes, permissions, process-context identifiers where they are. In between, exits of every kind.
 */
#include "guest.h"

#define PAGE     4096ULL
#define LINEAR   0x40000000ULL
#define PRESENT  1ULL
#define WRITE    2ULL
#define USER     4ULL
#define LARGE    (1ULL << 7)
#define GLOBAL   (1ULL << 8)
#define NX       (1ULL << 63)
#define ACCESSED (1ULL << 5)
#define DIRTY    (1ULL << 6)
#define CR0_WP   (1ULL << 16)
#define CR4_PGE  (1ULL << 7)
#define CR4_PCIDE (1ULL << 17)
#define CR4_SMEP (1ULL << 20)
#define CR4_SMAP (1ULL << 21)
#define NO_FLUSH (1ULL << 63)
#define EFER     0xc0000080
#define EFER_NXE (1ULL << 11)
#define ERROR_RSVD 8
#define USER_LINEAR 0x8000000000ULL /* the same first pages, where user mode may be */

static volatile uint64_t table[512] __attribute__((aligned(PAGE)));
static volatile uint64_t other_pml4[512] __attribute__((aligned(PAGE))), other_pdpt[512] __attribute__((aligned(PAGE)));
static volatile uint64_t other_directory[512] __attribute__((aligned(PAGE)));
static volatile uint64_t other_table[512] __attribute__((aligned(PAGE)));
static volatile uint32_t data[4][1024] __attribute__((aligned(PAGE)));

static volatile uint64_t user_pdpt[512] __attribute__((aligned(PAGE)));
static volatile uint64_t user_directory[512] __attribute__((aligned(PAGE)));

static volatile uint32_t *const first = (volatile uint32_t *)LINEAR;
static volatile uint32_t *const second = (volatile uint32_t *)(LINEAR + PAGE);

static void invlpg(const volatile void *address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static void flush(void)
{
	WRITE_CR(3, READ_CR(3));
}

/* A hypervisor at work between two accesses must not bring back what was flushed. */
static void leave(void)
{
	uint32_t id[4];

	cpuid(0, 0, id);
	out8(0x80, 0);
	(void)rdmsr(0x1b);
	(void)apic_read(0x30);
}

static uint64_t page(unsigned number)
{
	return (uint64_t)data[number];
}

/*
 * The kernel's own pages must not be user mode's, for SMEP and SMAP. Two address spaces, different in the second GiB's
 * first pages only.
 */
static void start(void)
{
	page_tables[0] &= ~USER;
	page_tables[1] = (uint64_t)user_pdpt | PRESENT | WRITE | USER;
	user_pdpt[0] = (uint64_t)user_directory | PRESENT | WRITE | USER;
	user_directory[0] = (uint64_t)table | PRESENT | WRITE | USER;
	page_tables[3 * 512] = (uint64_t)table | PRESENT | WRITE | USER;
	for (unsigned i = 0; i < 512; i++) {
		other_pml4[i] = page_tables[i];
		other_pdpt[i] = page_tables[512 + i];
		other_directory[i] = page_tables[3 * 512 + i];
	}
	other_pml4[0] = (uint64_t)other_pdpt | PRESENT | WRITE | USER;
	other_pdpt[1] = (uint64_t)other_directory | PRESENT | WRITE | USER;
	other_directory[0] = (uint64_t)other_table | PRESENT | WRITE | USER;
	for (unsigned i = 0; i < 4; i++)
		data[i][0] = 0x100 + i;
	flush();
}

static void invalidation(void)
{
	bool good = true;

	table[0] = page(0) | PRESENT | WRITE;
	flush();
	for (unsigned i = 0; i < 200; i++) {
		table[0] = page(i % 4) | PRESENT | WRITE;
		if (i % 3)
			invlpg(first);
		else
			flush();
		if (i % 5)
			leave();
		good &= *first == 0x100 + i % 4;
	}
	check(good, "a page that moves, by INVLPG and CR3");
	table[0] = page(0) | PRESENT | WRITE;
	table[1] = page(1) | PRESENT | WRITE;
	flush();
	good = *first == 0x100 && *second == 0x101;
	table[0] = page(1) | PRESENT | WRITE;
	table[1] = page(0) | PRESENT | WRITE;
	invlpg((const volatile uint8_t *)first + 5);
	invlpg((const volatile uint8_t *)second + PAGE - 1);
	check(good && *first == 0x101 && *second == 0x100, "INVLPG by any address in the page");
	invlpg((const volatile void *)(1ULL << 63));
	check(true, "INVLPG of an address that is not canonical does nothing");
}

static void spaces(void)
{
	uint64_t own = READ_CR(3), cr4 = READ_CR(4);
	bool good = true;

	table[0] = page(0) | PRESENT | WRITE;
	other_table[0] = page(1) | PRESENT | WRITE;
	flush();
	for (unsigned i = 0; i < 100; i++) {
		WRITE_CR(3, i % 2 ? own : (uint64_t)other_pml4);
		if (i % 3)
			leave();
		good &= *first == (i % 2 ? 0x100u : 0x101u);
	}
	WRITE_CR(3, own);
	check(good, "two address spaces");
	/* A global page may outlive a write of CR3, but not INVLPG, nor a change of CR4.PGE. */
	WRITE_CR(4, cr4 | CR4_PGE);
	table[0] = page(0) | PRESENT | WRITE | GLOBAL;
	invlpg(first);
	good = *first == 0x100;
	table[0] = page(1) | PRESENT | WRITE | GLOBAL;
	invlpg(first);
	check(good && *first == 0x101, "INVLPG of a global page");
	table[0] = page(2) | PRESENT | WRITE | GLOBAL;
	WRITE_CR(4, cr4 & ~CR4_PGE);
	check(*first == 0x102, "a change of CR4.PGE flushes global pages");
	WRITE_CR(4, cr4 | CR4_PGE);
	table[0] = page(3) | PRESENT | WRITE;
	WRITE_CR(4, cr4 & ~CR4_PGE);
	check(*first == 0x103, "and so does the way back");
	WRITE_CR(4, cr4);
}

static volatile uint32_t *target = (volatile uint32_t *)LINEAR;

static void read_target(void *argument)
{
	(void)argument;
	(void)*target;
}

static void write_target(void *argument)
{
	(void)argument;
	*target = 1;
}

static void call_target(void *argument)
{
	(void)argument;
	__asm__ volatile("call *%0" : : "r"(target) : "memory");
}

static bool page_fault(void (*fn)(void *), uint64_t error)
{
	struct fault fault;

	/* Bit 0 is set with a reserved bit, but not by QEMU. */
	return faults(fn, NULL, &fault) && fault.vector == PF && fault.cr2 == (uint64_t)target &&
	       (error == ERROR_RSVD ? fault.error & ERROR_RSVD : fault.error == error);
}

static bool works(void (*fn)(void *))
{
	struct fault fault;

	return !faults(fn, NULL, &fault);
}

static void set(uint64_t entry)
{
	table[0] = entry;
	invlpg(target);
	leave();
}

static void permissions(void)
{
	uint64_t efer = rdmsr(EFER);

	data[0][0] = 0xc3c3c3c3; /* RET */
	WRITE_CR(0, READ_CR(0) | CR0_WP);
	set(page(0) | PRESENT | WRITE);
	check(works(read_target) && works(call_target), "a page to read and execute");
	set(page(0) | PRESENT);
	check(works(read_target) && page_fault(write_target, 3), "one to read only");
	WRITE_CR(0, READ_CR(0) & ~CR0_WP);
	leave();
	check(works(write_target), "which is written all the same without CR0.WP");
	WRITE_CR(0, READ_CR(0) | CR0_WP);
	leave();
	check(page_fault(write_target, 3), "but not with it");
	data[0][0] = 0xc3c3c3c3;
	set(0);
	check(page_fault(read_target, 0) && page_fault(write_target, 2), "a page that is missing");
	wrmsr(EFER, efer | EFER_NXE);
	set(page(0) | PRESENT | WRITE | NX);
	check(works(read_target) && page_fault(call_target, 0x11), "one that may not be executed");
	wrmsr(EFER, efer & ~EFER_NXE);
	flush();
	leave();
	check(page_fault(read_target, ERROR_RSVD), "without EFER.NXE that bit is reserved");
	wrmsr(EFER, efer);
	set(page(0) | PRESENT | WRITE | 1ULL << 51);
	check(page_fault(read_target, ERROR_RSVD), "an address that is too wide");
}

/* SMEP and SMAP where they are: the same answers where they are not. */
static void user_pages(void)
{
	uint64_t cr4 = READ_CR(4);
	uint32_t id[4];
	bool smep, smap;

	cpuid(7, 0, id);
	smep = id[1] & 1u << 7;
	smap = id[1] & 1u << 20;
	target = (volatile uint32_t *)USER_LINEAR;
	set(page(0) | PRESENT | WRITE | USER);
	check(works(read_target) && works(call_target), "a page of user mode");
	if (smep)
		WRITE_CR(4, cr4 | CR4_SMEP);
	leave();
	check(!smep || page_fault(call_target, 0x11), "with SMEP the kernel does not execute it");
	if (smap)
		WRITE_CR(4, cr4 | CR4_SMAP);
	leave();
	check(!smap || (page_fault(read_target, 1) && page_fault(write_target, 3)), "with SMAP it does not touch it");
	if (smap)
		__asm__ volatile("stac");
	leave(); /* AC is kept */
	check(works(read_target), "but with AC it does");
	if (smap)
		__asm__ volatile("clac");
	WRITE_CR(4, cr4);
	leave();
	check(works(read_target) && works(call_target), "and without both it does all");
	target = first;
}

/* The second GiB's first 2 MiB: from 4 KiB pages to one large page and back. */
static void sizes(void)
{
	uint64_t saved = page_tables[3 * 512];
	volatile uint64_t *entry = (volatile uint64_t *)&page_tables[3 * 512];
	uint32_t image = *(volatile uint32_t *)0x200000;

	data[0][0] = 0x100;
	set(page(0) | PRESENT | WRITE);
	*(volatile uint32_t *)0x400000 = 0x4321;
	*entry = 0x400000 | PRESENT | WRITE | LARGE;
	flush();
	leave();
	check(*first == 0x4321, "a large page instead of a table");
	check((*entry & (ACCESSED | DIRTY)) == ACCESSED, "it has its accessed bit");
	*second = 1;
	check((*entry & (ACCESSED | DIRTY)) == (ACCESSED | DIRTY) && *(volatile uint32_t *)0x401000 == 1,
	      "and its dirty bit");
	*entry = saved;
	invlpg(first);
	leave();
	check(*first == 0x100, "and a table again, by INVLPG");
	*entry = 0x400000 | PRESENT | LARGE | 1ULL << 13;
	flush();
	check(page_fault(read_target, ERROR_RSVD), "a large page that is not aligned");
	*entry = saved;
	flush();
	check(*(volatile uint32_t *)0x200000 == image, "nothing else has changed");
}

/* Process-context identifiers: tagged translations stay apart, and INVPCID and CR3 flush what they should. */
static void contexts(void)
{
	uint64_t own = READ_CR(3), cr4 = READ_CR(4);
	struct {
		uint64_t pcid, address;
	} descriptor = { 0, LINEAR };
	uint32_t id[4];
	bool pcid, invpcid, good = true;

	cpuid(1, 0, id);
	pcid = id[2] & 1u << 17;
	cpuid(7, 0, id);
	invpcid = id[1] & 1u << 10;
	table[0] = page(0) | PRESENT | WRITE;
	other_table[0] = page(1) | PRESENT | WRITE;
	flush();
	data[0][0] = 0x100;
	if (pcid) {
		WRITE_CR(4, cr4 | CR4_PCIDE);
		for (unsigned i = 0; i < 40; i++) {
			WRITE_CR(3, (i % 2 ? own : ((uint64_t)other_pml4 | 1)) | (i > 1 ? NO_FLUSH : 0));
			if (i % 3)
				leave();
			good &= *first == (i % 2 ? 0x100u : 0x101u);
			good &= !(READ_CR(3) & NO_FLUSH);
		}
	}
	check(good, "address spaces with identifiers, not flushed");
	if (pcid) {
		WRITE_CR(3, own | NO_FLUSH);
		other_table[0] = page(2) | PRESENT | WRITE;
		WRITE_CR(3, (uint64_t)other_pml4 | 1);
		good = *first == 0x102;
	}
	check(good, "CR3 without its bit 63 flushes its own");
	if (pcid && invpcid) {
		other_table[0] = page(3) | PRESENT | WRITE;
		descriptor.pcid = 1;
		__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(0ULL) : "memory");
		leave();
		good = *first == 0x103;
		other_table[0] = page(2) | PRESENT | WRITE;
		__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(1ULL) : "memory");
		good &= *first == 0x102;
		other_table[0] = page(3) | PRESENT | WRITE;
		descriptor.pcid = 0;
		__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(2ULL) : "memory");
		good &= *first == 0x103;
	}
	check(good, "INVPCID flushes an address, a context, and all");
	if (pcid)
		WRITE_CR(3, own);
	WRITE_CR(4, cr4);
	check(*first == 0x100, "and without identifiers it is as before");
}

int main(void)
{
	apic_enable(false);
	start();
	invalidation();
	spaces();
	permissions();
	user_pages();
	sizes();
	contexts();
	return results();
}
