/* SPDX-License-Identifier: MIT */
/* drivers/vlapic*.c: registers, interrupts, IPIs, errors and modes. Timer and stream have files of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vlapic.h"

#define APIC_BASE   0x1b
#define BASE_XAPIC  0xfee00900ULL
#define BASE_X2APIC 0xfee00d00ULL
#define BASE_OFF    0xfee00100ULL

static uint32_t page[1024] __attribute__((aligned(4096)));
static struct vlapic apic;
static struct vlapic_ipi last_ipi;
static unsigned ipis, eois, nmis, last_eoi;
static uint64_t clock;

static void send_ipi(struct vlapic *from, const struct vlapic_ipi *ipi)
{
	assert_ptr_equal(from, &apic);
	last_ipi = *ipi;
	ipis++;
}

static void eoi(struct vlapic *from, uint8_t vector)
{
	assert_ptr_equal(from, &apic);
	last_eoi = vector;
	eois++;
}

static void nmi(struct vlapic *from)
{
	assert_ptr_equal(from, &apic);
	nmis++;
}

static uint64_t tsc(struct vlapic *from)
{
	assert_ptr_equal(from, &apic);
	return clock;
}

static const struct vlapic_host host = { .send_ipi = send_ipi, .eoi = eoi, .nmi = nmi, .tsc = tsc };

static void store(uint32_t offset, uint32_t value)
{
	uint64_t v = value;

	assert_true(vlapic_mmio(&apic, offset, 4, true, &v));
}

static uint32_t load(uint32_t offset)
{
	uint64_t v = UINT64_MAX;

	assert_true(vlapic_mmio(&apic, offset, 4, false, &v));
	assert_true(v <= UINT32_MAX);
	return (uint32_t)v;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint64_t value = 0;

	assert_true(vlapic_rdmsr(&apic, msr, &value));
	return value;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	assert_true(vlapic_wrmsr(&apic, msr, value));
}

static int start(uint32_t id)
{
	memset(page, 0xa5, sizeof(page));
	ipis = eois = nmis = 0;
	clock = 1000000;
	vlapic_init(&apic, page, id, true, &host, NULL);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	start(3);
	store(0xf0, 0x1ff);
	return 0;
}

static int setup_x2apic(void **state)
{
	setup(state);
	wrmsr(APIC_BASE, BASE_X2APIC);
	return 0;
}

static void reset_values(void **state)
{
	(void)state;
	start(3);
	assert_int_equal(load(0x20), 3u << 24);
	assert_int_equal(load(0x30), 0x00050014);
	for (uint32_t offset = 0x80; offset <= 0xa0; offset += 16)
		assert_int_equal(load(offset), 0);
	assert_int_equal(load(0xd0), 0);
	assert_int_equal(load(0xe0), 0xffffffff);
	assert_int_equal(load(0xf0), 0xff);
	for (uint32_t offset = 0x100; offset <= 0x280; offset += 16)
		assert_int_equal(load(offset), 0);
	assert_int_equal(load(0x300), 0);
	assert_int_equal(load(0x310), 0);
	for (uint32_t offset = 0x320; offset <= 0x370; offset += 16)
		assert_int_equal(load(offset), 0x10000);
	assert_int_equal(load(0x380), 0);
	assert_int_equal(load(0x390), 0);
	assert_int_equal(load(0x3e0), 0);
	assert_int_equal(rdmsr(APIC_BASE), BASE_XAPIC);
	assert_true(vlapic_timer_deadline(&apic) == UINT64_MAX);
	assert_false(vlapic_enabled(&apic));
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void writable_bits(void **state)
{
	static const struct {
		uint32_t offset, ones;
	} cases[] = {
		{ 0x20, 3u << 24 }, { 0x30, 0x00050014 }, { 0x80, 0xff }, { 0xd0, 0xff000000 }, { 0xe0, 0xffffffff },
		{ 0xf0, 0x3ff }, { 0x310, 0xff000000 }, { 0x320, 0x700ff }, { 0x330, 0x107ff }, { 0x340, 0x107ff },
		{ 0x350, 0x1a7ff }, { 0x360, 0x1a7ff }, { 0x370, 0x100ff }, { 0x3e0, 0xb }, { 0x200, 0 }, { 0x100, 0 },
		{ 0xa0, 0xff }, /* follows the TPR */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		store(cases[i].offset, 0xffffffff);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(load(cases[i].offset), cases[i].ones);
	store(0xe0, 0);
	assert_int_equal(load(0xe0), 0x0fffffff);
	store(0x300, 0xffffffff & ~0xc0000u); /* delivery mode 7: not sent */
	assert_int_equal(load(0x300), 0x0000cfff);
	assert_int_equal(ipis, 0);
}

static void undefined_accesses(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned size;
	} cases[] = {
		{ 0x80, 1 }, { 0x80, 2 }, { 0x80, 8 }, { 0x84, 4 }, { 0x81, 4 }, { 0x1000, 4 }, { UINT32_MAX, 4 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0xff;

		assert_false(vlapic_mmio(&apic, cases[i].offset, cases[i].size, true, &value));
		assert_false(vlapic_mmio(&apic, cases[i].offset, cases[i].size, false, &value));
		assert_true(value == 0);
	}
	assert_int_equal(load(0x80), 0);
}

static void request_accept_eoi(void **state)
{
	(void)state;
	vlapic_request(&apic, 0x41, false);
	vlapic_request(&apic, 0xef, false);
	vlapic_request(&apic, 0x41, false);
	assert_int_equal(load(0x220), 2);
	assert_int_equal(load(0x270), 0x8000);
	assert_int_equal(vlapic_pending(&apic), 0xef);
	vlapic_accept(&apic, 0xef);
	assert_int_equal(load(0x270), 0);
	assert_int_equal(load(0x170), 0x8000);
	assert_int_equal(load(0xa0), 0xe0);
	assert_int_equal(vlapic_pending(&apic), -1); /* 0x41 waits */
	assert_int_equal(vlapic_requested(&apic), 0x41);
	vlapic_request(&apic, 0xe0, false);          /* same class */
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_request(&apic, 0xf0, false);
	assert_int_equal(vlapic_pending(&apic), 0xf0);
	vlapic_accept(&apic, 0xf0);
	store(0xb0, 0);
	assert_int_equal(load(0x170), 0x8000);
	store(0xb0, 0x1234);                          /* any value */
	assert_int_equal(load(0x170), 0);
	assert_int_equal(vlapic_pending(&apic), 0xe0);
	vlapic_accept(&apic, 0xe0);
	vlapic_eoi(&apic);
	assert_int_equal(vlapic_pending(&apic), 0x41);
	vlapic_accept(&apic, 0x41);
	assert_int_equal(vlapic_requested(&apic), -1);
	vlapic_eoi(&apic);
	vlapic_eoi(&apic);                            /* none in service: nothing */
	assert_int_equal(eois, 0);
	assert_int_equal(load(0xa0), 0);
}

static void every_vector(void **state)
{
	(void)state;
	for (unsigned v = 16; v < 256; v++)
		vlapic_request(&apic, (uint8_t)v, v & 1);
	for (unsigned v = 255; v >= 16; v--) {
		assert_int_equal(vlapic_pending(&apic), v);
		vlapic_accept(&apic, (uint8_t)v);
		assert_int_equal(load(0xa0), v & 0xf0);
		vlapic_eoi(&apic);
		assert_int_equal(eois, (256 - v) / 2 + (v & 1));
	}
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void level_and_edge(void **state)
{
	(void)state;
	vlapic_request(&apic, 0x51, true);
	assert_int_equal(load(0x1a0), 1u << 17);
	vlapic_accept(&apic, 0x51);
	vlapic_eoi(&apic);
	assert_int_equal(eois, 1);
	assert_int_equal(last_eoi, 0x51);
	vlapic_request(&apic, 0x51, false);           /* the TMR follows the last request */
	assert_int_equal(load(0x1a0), 0);
	vlapic_accept(&apic, 0x51);
	vlapic_eoi(&apic);
	assert_int_equal(eois, 1);
}

static void task_priority(void **state)
{
	(void)state;
	store(0x80, 0x4f);
	assert_int_equal(load(0xa0), 0x4f);
	vlapic_request(&apic, 0x4f, false);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_request(&apic, 0x50, false);
	assert_int_equal(vlapic_pending(&apic), 0x50);
	assert_int_equal(vlapic_get_cr8(&apic), 4);
	vlapic_set_cr8(&apic, 5);
	assert_int_equal(load(0x80), 0x50);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_set_cr8(&apic, 0);
	vlapic_accept(&apic, 0x50);
	assert_int_equal(load(0xa0), 0x50);
	store(0x80, 0x5a);                            /* equal classes: the TPR's */
	assert_int_equal(load(0xa0), 0x5a);
	store(0x80, 0x4a);
	assert_int_equal(load(0xa0), 0x50);
	vlapic_eoi(&apic);
	assert_int_equal(load(0xa0), 0x4a);
	vlapic_accept(&apic, 0x4f);
	vlapic_eoi(&apic);
	store(0x80, 0x35);
	assert_int_equal(load(0x90), 0x35);
	vlapic_request(&apic, 0x61, false);
	assert_int_equal(load(0x90), 0x60);
}

static void posted(void **state)
{
	(void)state;
	vlapic_post(&apic, 0x31, false);
	vlapic_post(&apic, 0xc8, true);
	vlapic_post(&apic, 0x31, false);
	assert_int_equal(load(0x210), 0);             /* not before the owner looks */
	assert_int_equal(vlapic_pending(&apic), 0xc8);
	assert_int_equal(load(0x210), 1u << 17);
	assert_int_equal(load(0x1e0), 1u << 8);
	vlapic_accept(&apic, 0xc8);
	vlapic_eoi(&apic);
	assert_int_equal(last_eoi, 0xc8);
	assert_int_equal(vlapic_pending(&apic), 0x31);
	vlapic_accept(&apic, 0x31);
	vlapic_eoi(&apic);
	assert_int_equal(eois, 1);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_post(&apic, 0xc8, true);
	assert_int_equal(vlapic_requested(&apic), 0xc8);
	vlapic_accept(&apic, 0xc8);
	vlapic_eoi(&apic);
	assert_int_equal(eois, 2);
	vlapic_post(&apic, 0xc8, false);              /* was level, now edge */
	vlapic_accept(&apic, (uint8_t)vlapic_pending(&apic));
	vlapic_eoi(&apic);
	assert_int_equal(eois, 2);
	vlapic_post(&apic, 0x0f, false);
	assert_int_equal(vlapic_pending(&apic), -1);
	store(0x280, 0);
	assert_int_equal(load(0x280), 0x40);
	vlapic_post(&apic, 0x80, false);
	vlapic_reset(&apic, true);                    /* INIT drops it */
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void software_disable(void **state)
{
	(void)state;
	store(0x350, 0x700);
	store(0x320, 0x20040);
	vlapic_request(&apic, 0x61, false);
	store(0xf0, 0x0ff);
	assert_int_equal(load(0x350), 0x10700);
	assert_int_equal(load(0x320), 0x30040);
	store(0x350, 0x700);
	assert_int_equal(load(0x350), 0x10700);       /* the mask cannot be cleared */
	vlapic_request(&apic, 0x71, false);
	vlapic_post(&apic, 0x81, false);
	assert_int_equal(vlapic_pending(&apic), 0x61); /* held */
	assert_int_equal(load(0x230), 2);
	store(0xf0, 0x1ff);
	assert_int_equal(load(0x350), 0x10700);       /* stays masked */
	assert_int_equal(vlapic_pending(&apic), 0x61);
}

static void illegal_vectors(void **state)
{
	(void)state;
	store(0x370, 0xfe);
	store(0x300, 0x0000f);                        /* fixed, vector 15 */
	assert_int_equal(ipis, 0);
	assert_int_equal(load(0x280), 0);             /* not before it is written */
	assert_int_equal(vlapic_pending(&apic), 0xfe);
	vlapic_accept(&apic, 0xfe);
	vlapic_eoi(&apic);
	vlapic_request(&apic, 3, false);              /* a second error raises no second interrupt */
	assert_int_equal(vlapic_pending(&apic), -1);
	store(0x280, 0);
	assert_int_equal(load(0x280), 0x60);
	store(0x280, 0);
	assert_int_equal(load(0x280), 0);
	vlapic_request(&apic, 0, false);              /* armed again */
	assert_int_equal(vlapic_pending(&apic), 0xfe);
	assert_int_equal(load(0x200), 0);
	store(0x280, 0);
	store(0x370, 0x01);                           /* the error entry itself is illegal: no recursion */
	store(0x300, 0x00005);
	store(0x280, 0);
	assert_int_equal(load(0x280), 0x60);
}

static void illegal_register(void **state)
{
	static const uint32_t reserved[] = {
		0x00, 0x10, 0x40, 0x70, 0x290, 0x2e0, 0x2f0, 0x3a0, 0x3d0, 0x3f0, 0x400, 0xff0,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		assert_int_equal(load(reserved[i]), 0);
		store(0x280, 0);
		assert_int_equal(load(0x280), 0x80);
		store(reserved[i], 0xffffffff);
		store(0x280, 0);
		assert_int_equal(load(0x280), 0x80);
	}
	store(0x280, 0);
	store(0x30, 1);                               /* read-only is not illegal */
	assert_int_equal(load(0xb0), 0);
	store(0x280, 0);
	assert_int_equal(load(0x280), 0);
}

static void icr_to_others(void **state)
{
	(void)state;
	store(0x310, 5u << 24);
	store(0x300, 0x000040fd);
	assert_int_equal(ipis, 1);
	assert_int_equal(last_ipi.vector, 0xfd);
	assert_int_equal(last_ipi.mode, 0);
	assert_int_equal(last_ipi.destination, 5);
	assert_int_equal(last_ipi.shorthand, 0);
	assert_false(last_ipi.logical || last_ipi.level);
	assert_true(last_ipi.assert);
	assert_int_equal(load(0x300), 0x40fd);
	store(0x300, 0x000c08fc | 1u << 12);
	assert_int_equal(ipis, 2);
	assert_true(last_ipi.logical);
	assert_int_equal(last_ipi.shorthand, 3);
	assert_int_equal(load(0x300), 0x000c08fc);    /* never busy */
	store(0x300, 0x0000c500);                     /* INIT assert */
	assert_int_equal(ipis, 3);
	assert_int_equal(last_ipi.mode, 5);
	assert_true(last_ipi.level && last_ipi.assert);
	store(0x300, 0x0000c0fd);                     /* "level" is for INIT alone */
	assert_int_equal(ipis, 4);
	assert_false(last_ipi.level);
	ipis = 3;
	store(0x300, 0x00008500);                     /* INIT de-assert: nothing */
	assert_int_equal(ipis, 3);
	store(0x300, 0x00000699);                     /* start-up */
	assert_int_equal(ipis, 4);
	assert_int_equal(last_ipi.vector, 0x99);
	store(0x300, 0x00000400);                     /* NMI: its vector is ignored */
	assert_int_equal(ipis, 5);
	store(0x300, 0x00080041);                     /* all including self */
	assert_int_equal(ipis, 6);
	assert_int_equal(last_ipi.shorthand, 2);
}

static void icr_that_says_nothing(void **state)
{
	static const uint32_t cases[] = {
		0x000340, 0x000740, /* reserved delivery modes */
		0x040400, 0x040500, 0x040600, 0x040140, /* self: fixed only */
		0x080400, 0x080500, 0x080600, 0x080140, /* all: fixed only */
		0x008040,           /* level de-assert */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		store(0x300, cases[i]);
	assert_int_equal(ipis, 0);
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void icr_to_self(void **state)
{
	(void)state;
	store(0x300, 0x40041);
	assert_int_equal(vlapic_pending(&apic), 0x41);
	store(0x310, 3u << 24);
	store(0x300, 0x00051);
	assert_int_equal(vlapic_pending(&apic), 0x51);
	store(0x300, 0x48061 | 0x4000);               /* level: an edge all the same */
	assert_int_equal(vlapic_pending(&apic), 0x61);
	assert_int_equal(load(0x1b0), 0);
	assert_int_equal(ipis, 0);
}

static void base_transitions(void **state)
{
	static const uint64_t states[] = { BASE_OFF, BASE_OFF | 1 << 10, BASE_XAPIC, BASE_X2APIC };
	static const bool legal[4][4] = {
		{ true, false, true, false },
		{ false, false, false, false },
		{ true, false, true, true },
		{ true, false, false, true },
	};

	(void)state;
	for (unsigned from = 0; from < 4; from++) {
		for (unsigned to = 0; to < 4; to++) {
			if (from == 1)
				continue;
			start(3);
			if (from != 2)
				wrmsr(APIC_BASE, states[from]);
			assert_int_equal(vlapic_wrmsr(&apic, APIC_BASE, states[to]), legal[from][to]);
			assert_true(rdmsr(APIC_BASE) == states[legal[from][to] ? to : from]);
		}
	}
}

static void base_reserved_and_relocation(void **state)
{
	static const uint64_t bad[] = {
		BASE_XAPIC | 1, BASE_XAPIC | 1 << 9, BASE_XAPIC | 1ULL << 36, BASE_XAPIC | 1ULL << 63,
		0xfee01900, 0xfed00900, 0x900,
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(vlapic_wrmsr(&apic, APIC_BASE, bad[i]));
		assert_true(rdmsr(APIC_BASE) == BASE_XAPIC);
	}
	wrmsr(APIC_BASE, BASE_XAPIC & ~0x100ULL);     /* the BSP flag is read/write */
	assert_true(rdmsr(APIC_BASE) == 0xfee00800);
	vlapic_reset(&apic, false);
	assert_true(rdmsr(APIC_BASE) == BASE_XAPIC);
	vlapic_init(&apic, page, 1, false, &host, NULL);
	assert_true(rdmsr(APIC_BASE) == 0xfee00800);
}

static void global_disable(void **state)
{
	uint64_t value = 7;

	(void)state;
	vlapic_request(&apic, 0x41, false);
	store(0x360, 0x400);
	assert_false(vlapic_accepts_extint(&apic));
	wrmsr(APIC_BASE, BASE_OFF);
	assert_false(vlapic_enabled(&apic));
	assert_false(vlapic_mmio(&apic, 0x20, 4, false, &value));
	assert_true(value == 0);
	assert_false(vlapic_rdmsr(&apic, 0x802, &value));
	assert_false(vlapic_wrmsr(&apic, 0x808, 0));
	assert_false(vlapic_wrmsr(&apic, 0x80b, 0));
	assert_false(vlapic_wrmsr(&apic, 0x830, 0));
	vlapic_post(&apic, 0x51, false);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(vlapic_accepts_extint(&apic));    /* LINT0 is INTR, LINT1 is NMI */
	vlapic_lint1(&apic);
	assert_int_equal(nmis, 1);
	assert_false(vlapic_match(&apic, 3, false, false));
	assert_false(vlapic_match(&apic, 0xff, false, false));
	wrmsr(APIC_BASE, BASE_XAPIC);
	assert_int_equal(load(0x20), 3u << 24);
	assert_int_equal(load(0xf0), 0xff);           /* as after power-up */
	assert_int_equal(load(0x360), 0x10000);
}

static void x2apic_registers(void **state)
{
	uint64_t value;

	(void)state;
	start(0x123);
	store(0xf0, 0x1ff);
	store(0xd0, 0x01000000);
	vlapic_request(&apic, 0x41, false);
	wrmsr(APIC_BASE, BASE_X2APIC);
	assert_int_equal(rdmsr(0x802), 0x123);
	assert_int_equal(rdmsr(0x803), 0x00050014);
	assert_int_equal(rdmsr(0x80d), 0x00120008);   /* cluster 0x12, bit 3 */
	assert_int_equal(rdmsr(0x80f), 0x1ff);        /* kept */
	assert_int_equal(rdmsr(0x822), 2);
	assert_int_equal(rdmsr(0x83e), 0);
	assert_false(vlapic_mmio(&apic, 0x20, 4, false, &value));
	wrmsr(0x808, 0x20);
	assert_int_equal(rdmsr(0x808), 0x20);
	assert_int_equal(rdmsr(0x80a), 0x20);
	wrmsr(0x835, 0x10700);
	assert_int_equal(rdmsr(0x835), 0x10700);
	wrmsr(0x835, 0x15700);                        /* delivery status and remote IRR: ignored, not reserved */
	assert_int_equal(rdmsr(0x835), 0x10700);
}

static void x2apic_general_protection(void **state)
{
	static const uint16_t no_read[] = {
		0x800, 0x801, 0x804, 0x807, 0x809, 0x80b, 0x80c, 0x80e, 0x829, 0x82f, 0x831, 0x83a, 0x83d, 0x83f, 0x840,
		0x8ff, 0x7ff, 0x900,
	};
	static const struct {
		uint16_t msr;
		uint64_t value;
	} no_write[] = {
		{ 0x802, 0 }, { 0x803, 0 }, { 0x80a, 0 }, { 0x80d, 0 }, { 0x80e, 0 }, { 0x810, 0 }, { 0x818, 0 },
		{ 0x827, 0 }, { 0x831, 0 }, { 0x839, 0 }, { 0x840, 0 }, { 0x8ff, 0 }, { 0x82f, 0 },
		{ 0x808, 0x100 }, { 0x808, 1ULL << 32 }, { 0x80b, 1 }, { 0x80f, 1 << 12 }, { 0x80f, 1 << 10 },
		{ 0x828, 1 }, { 0x830, 1 << 13 }, { 0x830, 1 << 16 }, { 0x830, 1 << 20 }, { 0x832, 1 << 8 },
		{ 0x832, 1 << 19 }, { 0x833, 1 << 13 }, { 0x834, 1 << 11 }, { 0x835, 1 << 11 }, { 0x836, 1 << 17 }, { 0x837, 1 << 8 },
		{ 0x838, 1ULL << 32 }, { 0x83e, 4 }, { 0x83e, 16 }, { 0x83f, 0x100 },
	};
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(no_read) / sizeof(no_read[0]); i++)
		assert_false(vlapic_rdmsr(&apic, no_read[i], &value));
	for (unsigned i = 0; i < sizeof(no_write) / sizeof(no_write[0]); i++)
		assert_false(vlapic_wrmsr(&apic, no_write[i].msr, no_write[i].value));
	wrmsr(0x828, 0);
	assert_int_equal(rdmsr(0x828), 0);            /* and no error is noted */
	wrmsr(APIC_BASE, BASE_OFF);
	wrmsr(APIC_BASE, BASE_XAPIC);
	for (uint32_t msr = 0x800; msr < 0x900; msr++) {
		assert_false(vlapic_rdmsr(&apic, msr, &value));
		assert_false(vlapic_wrmsr(&apic, msr, 0));
	}
}

static void x2apic_interrupts(void **state)
{
	(void)state;
	wrmsr(0x83f, 0x41);
	assert_int_equal(vlapic_pending(&apic), 0x41);
	vlapic_accept(&apic, 0x41);
	assert_int_equal(rdmsr(0x812), 2);
	wrmsr(0x80b, 0);
	assert_int_equal(rdmsr(0x812), 0);
	wrmsr(0x83f, 0x0f);
	assert_int_equal(vlapic_pending(&apic), -1);
	wrmsr(0x828, 0);
	assert_int_equal(rdmsr(0x828), 0x20);
	wrmsr(0x830, 0x0001000500000851);
	assert_int_equal(ipis, 1);
	assert_true(last_ipi.logical);
	assert_int_equal(last_ipi.destination, 0x10005);
	assert_true(rdmsr(0x830) == 0x0001000500000851);
	wrmsr(0x830, 0x00000000000440f0);             /* self */
	assert_int_equal(vlapic_pending(&apic), 0xf0);
	vlapic_accept(&apic, 0xf0);
	wrmsr(0x80b, 0);
	wrmsr(0x830, 0x00000003000000ef);             /* own ID */
	assert_int_equal(vlapic_pending(&apic), 0xef);
	wrmsr(0x830, 0x00000003000010ee);             /* delivery status is read-only */
	assert_true(rdmsr(0x830) == 0x00000003000000ee);
	assert_int_equal(ipis, 1);
	assert_true(vlapic_write_icr(&apic, 0x7000000fb));
	assert_int_equal(last_ipi.destination, 7);
}

static void init_keeps_base_and_id(void **state)
{
	(void)state;
	wrmsr(0x80f, 0x1ff);
	wrmsr(0x83f, 0x41);
	vlapic_reset(&apic, true);
	assert_true(rdmsr(APIC_BASE) == BASE_X2APIC);
	assert_int_equal(rdmsr(0x802), 3);
	assert_int_equal(rdmsr(0x80d), 8);
	assert_int_equal(rdmsr(0x80f), 0xff);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_reset(&apic, false);
	assert_true(rdmsr(APIC_BASE) == BASE_XAPIC);
	assert_int_equal(load(0x20), 3u << 24);
}

static void match_xapic(void **state)
{
	(void)state;
	assert_true(vlapic_match(&apic, 3, false, false));
	assert_false(vlapic_match(&apic, 2, false, false));
	assert_true(vlapic_match(&apic, 0xff, false, false));
	assert_true(vlapic_match(&apic, 0xff, true, false));
	assert_true(vlapic_match(&apic, 0xffffffff, false, true));
	assert_false(vlapic_match(&apic, 0xff, false, true));
	assert_true(vlapic_match(&apic, 3, false, true));
	assert_false(vlapic_match(&apic, 0x103, false, true));
	assert_false(vlapic_match(&apic, 8, true, false)); /* LDR is 0 */
	store(0xd0, 0x08000000);                      /* flat */
	assert_true(vlapic_match(&apic, 0x08, true, false));
	assert_true(vlapic_match(&apic, 0x0f, true, false));
	assert_false(vlapic_match(&apic, 0xf7, true, false));
	assert_false(vlapic_match(&apic, 0x100, true, true));
	store(0xe0, 0);                               /* cluster */
	store(0xd0, 0x24000000);
	assert_true(vlapic_match(&apic, 0x24, true, false));
	assert_true(vlapic_match(&apic, 0x2f, true, false));
	assert_false(vlapic_match(&apic, 0x2b, true, false));
	assert_false(vlapic_match(&apic, 0x14, true, false));
	assert_false(vlapic_match(&apic, 0x34, true, false));
}

static void match_x2apic(void **state)
{
	(void)state;
	start(0x25);
	wrmsr(APIC_BASE, BASE_X2APIC);                /* LDR 0x00020020 */
	assert_true(vlapic_match(&apic, 0x25, false, true));
	assert_false(vlapic_match(&apic, 0x24, false, true));
	assert_true(vlapic_match(&apic, 0x00020020, true, true));
	assert_true(vlapic_match(&apic, 0x0002ffff, true, true));
	assert_false(vlapic_match(&apic, 0x0002ffdf, true, true));
	assert_false(vlapic_match(&apic, 0x00010020, true, true));
	assert_false(vlapic_match(&apic, 0x00030020, true, true));
	assert_true(vlapic_match(&apic, 0xffffffff, true, true));
	assert_true(vlapic_match(&apic, 0x25, false, false)); /* from an I/O APIC */
	assert_true(vlapic_match(&apic, 0xff, false, false));
	assert_false(vlapic_match(&apic, 0xff, false, true));
}

static void lint(void **state)
{
	(void)state;
	assert_false(vlapic_accepts_extint(&apic));
	store(0x350, 0x700);
	assert_true(vlapic_accepts_extint(&apic));
	store(0x350, 0x10700);
	assert_false(vlapic_accepts_extint(&apic));
	store(0x350, 0x40);
	assert_false(vlapic_accepts_extint(&apic));
	vlapic_lint1(&apic);
	assert_int_equal(nmis, 0);
	store(0x360, 0x400);
	vlapic_lint1(&apic);
	assert_int_equal(nmis, 1);
	store(0x360, 0x62);
	vlapic_lint1(&apic);
	assert_int_equal(vlapic_pending(&apic), 0x62);
	store(0x360, 0x700);
	vlapic_lint1(&apic);
	assert_int_equal(nmis, 1);
}

/* --- a processor that delivers by itself --- */

static uint32_t *word(uint32_t offset, uint8_t vector)
{
	return &page[offset / 4 + vector / 32 * 4];
}

static bool is_news(void)
{
	return !apic.stale || apic.irr_top >= 0;
}

static void told(void)
{
	apic.by_processor = true;
	vlapic_told(&apic);
	assert_false(is_news());
}

/* What the processor does: the vector goes from the IRR to the ISR. */
static void processor_takes(uint8_t vector)
{
	*word(0x200, vector) &= ~(1u << (vector & 31));
	*word(0x100, vector) |= 1u << (vector & 31);
}

static void news(void **state)
{
	(void)state;
	assert_true(is_news());
	vlapic_request(&apic, 0x91, false);
	vlapic_request(&apic, 0x33, false);
	told();
	vlapic_request(&apic, 0x42, false);
	assert_true(is_news());
	assert_int_equal(vlapic_requested(&apic), 0x42); /* since then */
	told();
	vlapic_post(&apic, 0x55, false);
	assert_int_equal(vlapic_requested(&apic), 0x55);
	told();
	assert_int_equal(vlapic_pending(&apic), 0x91); /* of all */
	assert_true(is_news());
	told();
	wrmsr(APIC_BASE, BASE_X2APIC);
	assert_true(is_news());
	told();
	vlapic_reset(&apic, true);
	assert_true(is_news());
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void processor_changes_the_page(void **state)
{
	(void)state;
	vlapic_request(&apic, 0x91, false);
	vlapic_request(&apic, 0x33, false);
	told();
	processor_takes(0x91);
	assert_int_equal(load(0xa0), 0x90);
	assert_false(is_news()); /* looking changes nothing */
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(apic.isr_top, 0x91);
	assert_int_equal(apic.irr_top, 0x33);
	told();
	*word(0x100, 0xa2) |= 1u << (0xa2 & 31);
	vlapic_eoi(&apic);
	assert_int_equal(*word(0x100, 0xa2), 0);
	assert_int_equal(apic.isr_top, 0x91);
	told();
	*word(0x100, 0x91) = 0;
	page[0x80 / 4] = 0x20;
	assert_int_equal(vlapic_pending(&apic), 0x33);
	told();
	page[0x80 / 4] = 0x30;
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(load(0xa0), 0x30);
}

static void trigger_modes_change(void **state)
{
	(void)state;
	assert_true(apic.tmr_changed);
	apic.tmr_changed = false;
	vlapic_request(&apic, 0x91, false);
	assert_false(apic.tmr_changed);
	vlapic_request(&apic, 0x91, true);
	assert_true(apic.tmr_changed);
	apic.tmr_changed = false;
	vlapic_request(&apic, 0x91, true);
	assert_false(apic.tmr_changed);
	vlapic_request(&apic, 0x91, false);
	assert_true(apic.tmr_changed);
	assert_int_equal(load(0x180 + 0x40), 0);
}

static void rest_of_a_write(void **state)
{
	(void)state;
	vlapic_request(&apic, 0x91, true);
	vlapic_request(&apic, 0x44, false);
	told();
	processor_takes(0x91);
	*word(0x100, 0x91) = 0;
	vlapic_written(&apic, 0xb0, 0x91);
	assert_int_equal(eois, 1);
	assert_int_equal(last_eoi, 0x91);
	assert_true(is_news());
	vlapic_written(&apic, 0xb0, 0x44);
	assert_int_equal(eois, 1);
	vlapic_written(&apic, 0x3f0, 0x45);
	assert_int_equal(vlapic_pending(&apic), 0x45);
	vlapic_written(&apic, 0x3f0, 15);
	assert_int_equal(apic.errors, 1u << 5);
	vlapic_written(&apic, 0x80, 0xff); /* nothing is left of it */
	assert_int_equal(vlapic_pending(&apic), 0x45);
}

/* What the processor may read for the guest is what a local APIC would have answered. */
static void reads_of_the_page(void **state)
{
	unsigned count = 0;

	(void)state;
	vlapic_request(&apic, 0x91, true);
	wrmsr(0x835, 0x700);
	wrmsr(0x838, 1000);
	wrmsr(0x83e, 3);
	for (unsigned i = 0; i < 0x100; i++) {
		uint64_t value;

		if (!vlapic_reads_page(i))
			continue;
		count++;
		assert_true(vlapic_rdmsr(&apic, 0x800 + i, &value));
		assert_int_equal(value, page[4 * i]);
		assert_int_equal(page[4 * i + 1], 0);
	}
	assert_int_equal(count, 39);
	assert_false(vlapic_reads_page(0x30)); /* 64 bits */
	assert_false(vlapic_reads_page(0x39)); /* computed */
	assert_false(vlapic_reads_page(0x0b)); /* write-only */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reset_values, setup),
		cmocka_unit_test_setup(writable_bits, setup),
		cmocka_unit_test_setup(undefined_accesses, setup),
		cmocka_unit_test_setup(request_accept_eoi, setup),
		cmocka_unit_test_setup(every_vector, setup),
		cmocka_unit_test_setup(level_and_edge, setup),
		cmocka_unit_test_setup(task_priority, setup),
		cmocka_unit_test_setup(posted, setup),
		cmocka_unit_test_setup(software_disable, setup),
		cmocka_unit_test_setup(illegal_vectors, setup),
		cmocka_unit_test_setup(illegal_register, setup),
		cmocka_unit_test_setup(icr_to_others, setup),
		cmocka_unit_test_setup(icr_that_says_nothing, setup),
		cmocka_unit_test_setup(icr_to_self, setup),
		cmocka_unit_test_setup(base_transitions, setup),
		cmocka_unit_test_setup(base_reserved_and_relocation, setup),
		cmocka_unit_test_setup(global_disable, setup),
		cmocka_unit_test_setup(x2apic_registers, setup),
		cmocka_unit_test_setup(x2apic_general_protection, setup_x2apic),
		cmocka_unit_test_setup(x2apic_interrupts, setup_x2apic),
		cmocka_unit_test_setup(init_keeps_base_and_id, setup_x2apic),
		cmocka_unit_test_setup(match_xapic, setup),
		cmocka_unit_test_setup(match_x2apic, setup),
		cmocka_unit_test_setup(lint, setup),
		cmocka_unit_test_setup(news, setup),
		cmocka_unit_test_setup(processor_changes_the_page, setup),
		cmocka_unit_test_setup(trigger_modes_change, setup),
		cmocka_unit_test_setup(rest_of_a_write, setup_x2apic),
		cmocka_unit_test_setup(reads_of_the_page, setup_x2apic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
