/* SPDX-License-Identifier: MIT */
/*
 * What paging and the caches of it promise: accessed and dirty bits, INVLPG, code that changes itself, string I/O and
 * accesses to devices across pages, faults in the middle of them.
 */
#include "guest.h"

#define ACCESSED (1u << 5)
#define DIRTY    (1u << 6)
#define PRESENT  1u
#define WRITE    2u
#define LINEAR   0x40000000ULL /* 4 KiB pages of our own begin here */
#define EMPTY    0x5678        /* a port where nothing is */
#define PAGE     4096

static volatile uint64_t table[512] __attribute__((aligned(PAGE)));
static uint8_t pages[4][PAGE] __attribute__((aligned(PAGE)));

static volatile uint8_t *linear(unsigned page)
{
	return (volatile uint8_t *)(LINEAR + page * PAGE);
}

static void invlpg(const volatile void *address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static void map(unsigned page, uint64_t physical, uint64_t flags)
{
	table[page] = physical | flags;
	invlpg(linear(page));
}

/* The page directory of the second GiB gets a table of 4 KiB pages as its first entry. */
static void start(void)
{
	page_tables[3 * 512] = (uint64_t)table | PRESENT | WRITE;
	WRITE_CR(3, READ_CR(3));
}

static void accessed_and_dirty(void)
{
	map(0, (uint64_t)pages[0], PRESENT | WRITE);
	check(!(table[0] & (ACCESSED | DIRTY)), "a fresh page is neither accessed nor dirty");
	(void)*linear(0);
	check((table[0] & (ACCESSED | DIRTY)) == ACCESSED, "a read sets accessed only");
	*linear(0) = 1;
	check((table[0] & (ACCESSED | DIRTY)) == (ACCESSED | DIRTY), "a write sets dirty");
	/* Device memory through a page of our own: its bits are set the same. */
	map(1, 0xfec00000, PRESENT | WRITE);
	(void)*(volatile uint32_t *)linear(1);
	check((table[1] & (ACCESSED | DIRTY)) == ACCESSED, "a read of a device sets accessed");
	*(volatile uint32_t *)linear(1) = 1;
	check((table[1] & (ACCESSED | DIRTY)) == (ACCESSED | DIRTY), "a write to a device sets dirty");
}

static void translations(void)
{
	pages[0][0] = 10;
	pages[1][0] = 11;
	map(0, (uint64_t)pages[0], PRESENT | WRITE);
	check(*linear(0) == 10, "a page is where its entry says");
	map(0, (uint64_t)pages[1], PRESENT | WRITE);
	check(*linear(0) == 11, "and moves with INVLPG");
	table[0] = (uint64_t)pages[0] | PRESENT | WRITE;
	WRITE_CR(3, READ_CR(3));
	check(*linear(0) == 10, "or with a write of CR3");
}

static void write_byte(void *argument)
{
	*(volatile uint8_t *)argument = 1;
}

static void write_long(void *argument)
{
	*(volatile uint32_t *)argument = 0x12345678;
}

static void protection(void)
{
	struct fault fault;

	WRITE_CR(0, READ_CR(0) | 1u << 16);
	map(0, (uint64_t)pages[0], PRESENT);
	check(faults(write_byte, (void *)linear(0), &fault) && fault.vector == PF && fault.error == 3,
	      "a write to a read-only page faults");
	map(1, 0xfec00000, PRESENT);
	check(faults(write_byte, (void *)linear(1), &fault) && fault.vector == PF && fault.error == 3,
	      "and to a device's page");
	/* Across the end of a device's page into nothing: the fault is the second page's. */
	map(1, 0xfec00000, PRESENT | WRITE);
	map(2, 0, 0);
	check(faults(write_long, (void *)(linear(2) - 2), &fault) && fault.vector == PF && fault.error == 2 &&
	      fault.cr2 == (uint64_t)linear(2), "a write across a device's page faults at the missing one");
	WRITE_CR(0, READ_CR(0) & ~(1ULL << 16));
}

static struct {
	uint64_t to, count;
} string;

static void in_string(void *argument)
{
	(void)argument;
	__asm__ volatile("1: lea 1b(%%rip), %%rax; rep insb"
	                 : "+D"(string.to), "+c"(string.count)
	                 : "d"(EMPTY)
	                 : "rax", "memory");
}

/* A fault stops a string instruction at the element that caused it, with the registers where it stands (SDM REP). */
static uint64_t stopped_count, stopped_at;

static void on_page_fault(struct frame *frame)
{
	stopped_count = frame->rcx;
	stopped_at = frame->rdi;
	map(1, (uint64_t)pages[1], PRESENT | WRITE);
}

static void strings(void)
{
	bool good = true;

	memset(pages, 0, sizeof(pages));
	map(0, (uint64_t)pages[3], PRESENT | WRITE);
	map(1, (uint64_t)pages[1], PRESENT | WRITE);
	string.to = LINEAR + PAGE - 100;
	string.count = 300;
	in_string(NULL);
	for (unsigned i = 0; i < 300; i++)
		good &= (i < 100 ? pages[3][PAGE - 100 + i] : pages[1][i - 100]) == 0xff;
	check(good && !pages[3][PAGE - 101] && !pages[1][200], "REP INSB across pages that are apart");
	memset(pages, 0, sizeof(pages));
	map(1, 0, 0);
	set_handler(PF, on_page_fault);
	string.to = LINEAR + PAGE - 100;
	string.count = 300;
	in_string(NULL);
	set_handler(PF, NULL);
	check(stopped_count == 200 && stopped_at == LINEAR + PAGE, "it faults at the missing page, %lu to go at %lx",
	      stopped_count, stopped_at);
	check(pages[3][PAGE - 1] == 0xff && pages[1][199] == 0xff && !pages[1][200] && !string.count, "and goes on");
	__asm__ volatile("std; rep insb; cld" : "+D"((uint64_t){ LINEAR + PAGE + 9 }), "+c"((uint64_t){ 20 }) : "d"(EMPTY)
	                 : "memory");
	check(pages[3][PAGE - 10] == 0xff && pages[1][9] == 0xff, "backwards, too");
}

/* MOV EAX, imm32; RET: what it returns changes with its bytes. */
static void changing_code(void)
{
	static uint8_t code[16] __attribute__((aligned(PAGE)));
	uint32_t (*volatile function)(void) = (uint32_t (*)(void))code;
	bool good = true;

	code[0] = 0xb8;
	code[5] = 0xc3;
	for (uint32_t i = 0; i < 100; i++) {
		memcpy(code + 1, &i, 4);
		good &= function() == i;
	}
	check(good, "code that changes");
	/* CPUID becomes OUT and back: a hypervisor must not remember what it decoded. */
	for (unsigned i = 0; i < 100; i++) {
		static const uint8_t bytes[2][4] = { { 0xe6, 0x80, 0x90, 0xc3 }, { 0xe4, 0x80, 0x90, 0xc3 } };

		memcpy(code, bytes[i % 2], 4);
		function();
	}
	check(true, "code that changes between two instructions that are emulated");
}

int main(void)
{
	start();
	accessed_and_dirty();
	translations();
	protection();
	strings();
	changing_code();
	return results();
}
