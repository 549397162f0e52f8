/* SPDX-License-Identifier: MIT */
/* kernel/walk.c: every paging mode over tables made here, permissions, reserved bits, accessed and dirty bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/walk.h"

#define PAGES 16

#define P  0x1ull
#define W  0x2ull
#define U  0x4ull
#define A  0x20ull
#define D  0x40ull
#define PS 0x80ull
#define NX 0x8000000000000000ull
#define ALL (P | W | U)

#define CR0_PG  (1ull << 31)
#define CR0_WP  (1ull << 16)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define LA57    (1ull << 12)
#define SMEP    (1ull << 20)
#define SMAP    (1ull << 21)
#define LMA     (1ull << 10)
#define NXE     (1ull << 11)
#define AC      (1ull << 18)

/* Page n of the guest's memory at n * 4096. */
static uint64_t memory[PAGES][512];
static struct walker walker;
static unsigned reads, exchanges;
static unsigned interfere; /* another processor changes an entry before this many more exchanges */
static uint64_t gpa;
static uint32_t error;

static void *at(uint64_t address, unsigned size)
{
	assert_int_equal(address % size, 0);
	return address < sizeof(memory) ? (uint8_t *)memory + address : NULL;
}

static int read_memory(struct walker *w, uint64_t address, unsigned size, uint64_t *value)
{
	const void *entry = at(address, size);

	(void)w;
	if (!entry)
		return -1;
	reads++;
	memcpy(value, entry, size);
	return 0;
}

static int compare_exchange(struct walker *w, uint64_t address, unsigned size, uint64_t old, uint64_t value,
                            bool *exchanged)
{
	void *entry = at(address, size);

	(void)w;
	if (!entry)
		return -1;
	exchanges++;
	if (interfere > 0) {
		interfere--;
		*(uint32_t *)entry ^= 0x200; /* a bit that the processor ignores */
	}
	*exchanged = memcmp(entry, &old, size) == 0;
	if (*exchanged)
		memcpy(entry, &value, size);
	return 0;
}

static enum walk_result go(uint64_t va, unsigned access)
{
	gpa = 0xdead;
	error = 0xdead;
	return walk(&walker, va, access, &gpa, &error);
}

static void start(uint64_t cr4, uint64_t efer)
{
	memset(memory, 0, sizeof(memory));
	walker = (struct walker){
		.cr0 = CR0_PG | CR0_WP,
		.cr3 = 0x1000,
		.cr4 = cr4,
		.efer = efer,
		.physical_bits = 46,
		.read = read_memory,
		.compare_exchange = compare_exchange,
	};
	reads = exchanges = interfere = 0;
}

#define VA 0x00007f8040402abcull /* indices 255, 1, 2, 2 */

/* 4 levels: page 1 to page 4 are the tables of VA, the frame is at 0x12345000. */
static void start_4_level(void)
{
	start(CR4_PAE, LMA | NXE);
	memory[1][255] = 0x2000 | ALL;
	memory[2][1] = 0x3000 | ALL;
	memory[3][2] = 0x4000 | ALL;
	memory[4][2] = 0x12345000 | ALL;
}

static void no_paging(void **state)
{
	(void)state;
	start(0, 0);
	walker.cr0 = 1;
	assert_int_equal(go(0x123456789, WALK_WRITE), WALK_OK);
	assert_true(gpa == 0x23456789); /* outside 64-bit mode addresses have 32 bits */
	assert_int_equal(reads, 0);
}

static void four_levels(void **state)
{
	(void)state;
	start_4_level();
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	assert_true(gpa == 0x12345abc);
	walker.cr3 = 0x8000000000001fffull; /* PCID and the no-flush bit are no address */
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	assert_true(gpa == 0x12345abc);

	memory[3][2] = 0x3fe01000 | ALL | PS; /* 2 MiB; bit 12 is PAT */
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	assert_true(gpa == 0x3fe02abc);
	memory[2][1] = 0x2340000000 | ALL | PS; /* 1 GiB */
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	assert_true(gpa == 0x2340402abc);

	memory[1][511] = 0x2000 | ALL;
	assert_int_equal(go(0xffffff8040402abc, WALK_READ), WALK_OK);
	assert_true(gpa == 0x2340402abc);
}

static void five_levels(void **state)
{
	(void)state;
	start_4_level();
	walker.cr4 |= LA57;
	walker.cr3 = 0x5000;
	memory[5][0x101] = 0x1000 | ALL;
	assert_int_equal(go(0xff01ff8040402abc, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(go(0xff017f8040402abc, WALK_READ), WALK_OK);
	assert_true(gpa == 0x12345abc);
	assert_int_equal(reads, 2 + 5);
}

static void canonical(void **state)
{
	(void)state;
	start_4_level();
	assert_int_equal(go(0x0000800000000000, WALK_READ), WALK_GENERAL_PROTECTION);
	assert_int_equal(go(0xffff7fffffffffff, WALK_READ), WALK_GENERAL_PROTECTION);
	assert_int_equal(go(0x00007fffffffffff, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(go(0xffff800000000000, WALK_READ), WALK_PAGE_FAULT);
	walker.cr4 |= LA57;
	assert_int_equal(go(0x0000800000000000, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(go(0x0100000000000000, WALK_READ), WALK_GENERAL_PROTECTION);
	assert_int_equal(go(0xff00000000000000, WALK_READ), WALK_PAGE_FAULT);
}

static void pae(void **state)
{
	(void)state;
	start(CR4_PAE, NXE);
	walker.cr3 = 0x1020;
	memory[1][4 + 3] = 0x2000 | P; /* the four directory pointers begin at any 32 bytes */
	memory[2][1] = 0x3000 | ALL;
	memory[3][2] = 0x2212345000 | ALL;
	assert_int_equal(go(0xffffffffc0202abc, WALK_WRITE), WALK_OK);
	assert_true(gpa == 0x2212345abc);
	assert_true(memory[1][7] == (0x2000 | P)); /* no accessed bit there */
	assert_true(memory[2][1] == (0x3000 | ALL | A));
	assert_true(memory[3][2] == (0x2212345000 | ALL | A | D));
	memory[2][1] = 0x2200400000 | ALL | PS;
	assert_int_equal(go(0xc0202abc, WALK_READ), WALK_OK);
	assert_true(gpa == 0x2200402abc);
	memory[1][7] |= W; /* reserved */
	assert_int_equal(go(0xc0202abc, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);
	memory[1][7] = 0x2000 | P | PS;
	assert_int_equal(go(0xc0202abc, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);
	memory[1][7] = 0;
	assert_int_equal(go(0xc0202abc, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 0);
}

static uint32_t *entry_32(unsigned page, unsigned index)
{
	return (uint32_t *)memory[page] + index;
}

static void thirty_two_bits(void **state)
{
	(void)state;
	start(CR4_PSE, 0);
	walker.cr3 = 0x1018; /* PCD, PWT */
	*entry_32(1, 0x301) = 0x2000 | ALL;
	*entry_32(1, 0x302) = 0xffffffff; /* a neighbour that nobody may touch */
	*entry_32(2, 0x3ff) = 0xfedcb000 | ALL;
	assert_int_equal(go(0xc07ffabc, WALK_WRITE), WALK_OK);
	assert_true(gpa == 0xfedcbabc);
	assert_int_equal(*entry_32(1, 0x301), 0x2000 | ALL | A);
	assert_int_equal(*entry_32(2, 0x3ff), 0xfedcb000 | ALL | A | D);
	assert_int_equal(*entry_32(1, 0x302), 0xffffffff);

	*entry_32(1, 0x301) = 0xabc00000 | 0x5a << 13 | ALL | PS; /* PSE-36 */
	walker.physical_bits = 40;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_OK);
	assert_true(gpa == 0x5aabfffabc);
	*entry_32(1, 0x301) ^= 1 << 20;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_OK);
	assert_true(gpa == 0xdaabfffabc);
	*entry_32(1, 0x301) ^= 1 << 20;
	walker.physical_bits = 38;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);
	walker.physical_bits = 39;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_OK);
	*entry_32(1, 0x301) |= 1 << 21;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_PAGE_FAULT);

	*entry_32(1, 0x301) = 0x2000 | ALL | PS; /* without PSE the bit means nothing */
	walker.cr4 = 0;
	assert_int_equal(go(0xc07ffabc, WALK_READ), WALK_OK);
	assert_true(gpa == 0xfedcbabc);
}

static void not_present_at_each_level(void **state)
{
	(void)state;
	for (unsigned page = 1; page <= 4; page++) {
		unsigned index = page == 1 ? 255 : page == 2 ? 1 : 2;

		start_4_level();
		memory[page][index] = ~P; /* everything else set, reserved bits too */
		walker.cpl = 3;
		assert_int_equal(go(VA, WALK_READ), WALK_PAGE_FAULT);
		assert_int_equal(error, 4);
		assert_int_equal(go(VA, WALK_WRITE), WALK_PAGE_FAULT);
		assert_int_equal(error, 6);
		assert_int_equal(go(VA, WALK_FETCH), WALK_PAGE_FAULT);
		assert_int_equal(error, 0x14);
		assert_int_equal(go(VA, WALK_READ | WALK_SYSTEM), WALK_PAGE_FAULT);
		assert_int_equal(error, 0);
		assert_int_equal(reads, 4 * page);
		assert_int_equal(exchanges, 0);
	}
}

static void reserved(void **state)
{
	static const struct {
		uint8_t page, index;
		uint64_t bits;
		bool is_reserved;
	} cases[] = {
		{ 1, 255, PS, true }, { 1, 255, 1ull << 46, true }, { 1, 255, 1ull << 51, true },
		{ 1, 255, 1ull << 45, false }, { 1, 255, 1ull << 52, false }, { 1, 255, 0x7full << 56, false }, { 1, 255, 0x100, false },
		{ 2, 1, 1ull << 46, true }, { 3, 2, 1ull << 46, true }, { 4, 2, 1ull << 46, true },
		{ 4, 2, PS, false }, /* PAT */
		{ 3, 2, PS | 1ull << 13, true }, { 3, 2, PS | 1ull << 20, true }, { 3, 2, PS | 1ull << 21, false },
		{ 2, 1, PS | 1ull << 13, true }, { 2, 1, PS | 1ull << 29, true }, { 2, 1, PS | 1ull << 30, false },
	};

	(void)state;
	for (unsigned n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		uint64_t *entry;
		enum walk_result result;

		start_4_level();
		entry = &memory[cases[n].page][cases[n].index];
		if (cases[n].bits & PS && cases[n].page != 4)
			*entry = ALL;
		*entry |= cases[n].bits;
		result = go(VA, WALK_WRITE);
		if (cases[n].is_reserved) {
			assert_int_equal(result, WALK_PAGE_FAULT);
			assert_int_equal(error, 0xb);
		} else {
			assert_true(result != WALK_PAGE_FAULT || !(error & 8));
		}
	}
	start_4_level();
	memory[4][2] |= NX;
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	walker.efer = LMA; /* without NXE */
	assert_int_equal(go(VA, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);
	assert_int_equal(go(VA, WALK_FETCH), WALK_PAGE_FAULT);
	assert_int_equal(error, 9); /* and then fetches are not told apart */
	walker.cr4 |= SMEP;
	assert_int_equal(go(VA, WALK_FETCH), WALK_PAGE_FAULT);
	assert_int_equal(error, 0x19);

	start_4_level();
	memory[2][1] = 0x40000000 | ALL | PS;
	walker.no_gigabyte_pages = true;
	assert_int_equal(go(VA, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);

	start(CR4_PAE, NXE);
	memory[1][0] = 0x2000 | P;
	memory[2][0] = 0x3000 | ALL;
	memory[3][0] = 0x4000 | ALL | 1ull << 55;
	assert_int_equal(go(0, WALK_READ), WALK_PAGE_FAULT);
	assert_int_equal(error, 9);
}

/* SDM 4.6.1. `error` 0: allowed. */
static void permissions(void **state)
{
	static const struct {
		uint64_t entry, cr0, cr4, rflags;
		unsigned cpl, access, error;
	} cases[] = {
		/* supervisor */
		{ P, CR0_WP, 0, 0, 0, WALK_READ, 0 },
		{ P, CR0_WP, 0, 0, 0, WALK_WRITE, 3 },
		{ P, 0, 0, 0, 0, WALK_WRITE, 0 },
		{ P | W, CR0_WP, 0, 0, 0, WALK_WRITE, 0 },
		{ P | W | NX, CR0_WP, 0, 0, 0, WALK_FETCH, 0x11 },
		{ P | NX, CR0_WP, 0, 0, 0, WALK_READ, 0 },
		{ ALL, CR0_WP, 0, 0, 0, WALK_FETCH, 0 },
		{ ALL, CR0_WP, SMEP, 0, 0, WALK_FETCH, 0x11 },
		{ P, CR0_WP, SMEP, 0, 0, WALK_FETCH, 0 },
		{ ALL, CR0_WP, SMEP, 0, 0, WALK_READ, 0 },
		{ ALL, CR0_WP, SMAP, 0, 0, WALK_READ, 1 },
		{ ALL, CR0_WP, SMAP, 0, 2, WALK_WRITE, 3 },
		{ ALL, CR0_WP, SMAP, AC, 0, WALK_WRITE, 0 },
		{ P | U, CR0_WP, SMAP, AC, 0, WALK_WRITE, 3 },
		{ ALL, CR0_WP, SMAP, 0, 0, WALK_FETCH, 0 },
		{ P | W, CR0_WP, SMAP, 0, 0, WALK_WRITE, 0 },
		/* the processor's own accesses */
		{ P | W, CR0_WP, 0, 0, 3, WALK_WRITE | WALK_SYSTEM, 0 },
		{ ALL, CR0_WP, SMAP, AC, 0, WALK_READ | WALK_SYSTEM, 1 },
		{ ALL, CR0_WP, SMAP, AC, 3, WALK_READ | WALK_SYSTEM, 1 },
		/* user */
		{ P | W, CR0_WP, 0, 0, 3, WALK_READ, 5 },
		{ P | W, CR0_WP, 0, 0, 3, WALK_FETCH, 0x15 },
		{ P | U, 0, 0, 0, 3, WALK_WRITE, 7 }, /* whatever WP says */
		{ ALL, 0, 0, 0, 3, WALK_WRITE, 0 },
		{ ALL | NX, CR0_WP, 0, 0, 3, WALK_FETCH, 0x15 },
		{ ALL, CR0_WP, SMEP | SMAP, 0, 3, WALK_FETCH, 0 },
		{ ALL, CR0_WP, SMEP | SMAP, 0, 3, WALK_READ, 0 },
	};

	(void)state;
	for (unsigned n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		for (unsigned level = 1; level <= 4; level++) { /* what one level forbids, the others cannot allow */
			uint64_t *entry;
			enum walk_result result;

			start_4_level();
			entry = &memory[level][level == 1 ? 255 : level == 2 ? 1 : 2];
			*entry = (*entry & ~ALL) | cases[n].entry;
			walker.cr0 = CR0_PG | cases[n].cr0;
			walker.cr4 |= cases[n].cr4;
			walker.rflags = cases[n].rflags;
			walker.cpl = cases[n].cpl;
			result = go(VA, cases[n].access);
			if (cases[n].error && (result != WALK_PAGE_FAULT || error != cases[n].error))
				fail_msg("case %u level %u: result %d error %x", n, level, result, error);
			if (!cases[n].error && result != WALK_OK)
				fail_msg("case %u level %u: result %d error %x", n, level, result, error);
			if (cases[n].error)
				assert_int_equal(exchanges, 0);
		}
	}
}

static void accessed_and_dirty(void **state)
{
	(void)state;
	start_4_level();
	assert_int_equal(go(VA, WALK_READ), WALK_OK);
	assert_true(memory[1][255] == (0x2000 | ALL | A));
	assert_true(memory[2][1] == (0x3000 | ALL | A));
	assert_true(memory[3][2] == (0x4000 | ALL | A));
	assert_true(memory[4][2] == (0x12345000 | ALL | A));
	assert_int_equal(exchanges, 4);
	assert_int_equal(go(VA, WALK_FETCH), WALK_OK);
	assert_int_equal(exchanges, 4);
	assert_int_equal(go(VA, WALK_WRITE), WALK_OK);
	assert_int_equal(exchanges, 5);
	assert_true(memory[3][2] == (0x4000 | ALL | A)); /* dirty is the leaf's */
	assert_true(memory[4][2] == (0x12345000 | ALL | A | D));
	assert_int_equal(go(VA, WALK_WRITE), WALK_OK);
	assert_int_equal(exchanges, 5);

	start_4_level();
	memory[3][2] = 0x200000 | ALL | PS;
	assert_int_equal(go(VA, WALK_WRITE), WALK_OK);
	assert_true(memory[3][2] == (0x200000 | ALL | PS | A | D));
	assert_true(memory[4][2] == (0x12345000 | ALL));
}

static void peek_leaves_no_trace(void **state)
{
	(void)state;
	start_4_level();
	memory[4][2] = 0x12345000 | P;
	walker.cpl = 3;
	assert_int_equal(go(VA, WALK_WRITE | WALK_PEEK), WALK_OK);
	assert_true(gpa == 0x12345abc);
	assert_int_equal(exchanges, 0);
	memory[4][2] = 0;
	assert_int_equal(go(VA, WALK_PEEK), WALK_PAGE_FAULT);
}

static void changed_meanwhile(void **state)
{
	(void)state;
	start_4_level();
	interfere = 3;
	assert_int_equal(go(VA, WALK_WRITE), WALK_OK);
	assert_true(gpa == 0x12345abc);
	assert_true(memory[4][2] == (0x12345000 | ALL | A | D));
	start_4_level();
	interfere = UINT32_MAX; /* for ever: not our time to lose */
	assert_int_equal(go(VA, WALK_WRITE), WALK_BUSY);
	assert_true(exchanges < 100);
}

static void table_without_memory(void **state)
{
	(void)state;
	start_4_level();
	memory[2][1] = 0x7000000 | ALL;
	assert_int_equal(go(VA, WALK_READ), WALK_NO_MEMORY);
	start_4_level();
	walker.cr3 = 0xfffffff000;
	assert_int_equal(go(VA, WALK_READ), WALK_NO_MEMORY);
	start(0, 0);
	walker.cr3 = 0xfffff000;
	assert_int_equal(go(VA, WALK_READ), WALK_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_paging),
		cmocka_unit_test(four_levels),
		cmocka_unit_test(five_levels),
		cmocka_unit_test(canonical),
		cmocka_unit_test(pae),
		cmocka_unit_test(thirty_two_bits),
		cmocka_unit_test(not_present_at_each_level),
		cmocka_unit_test(reserved),
		cmocka_unit_test(permissions),
		cmocka_unit_test(accessed_and_dirty),
		cmocka_unit_test(peek_leaves_no_trace),
		cmocka_unit_test(changed_meanwhile),
		cmocka_unit_test(table_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
