/* SPDX-License-Identifier: MIT */
/* drivers/vpic*.c: the 8259A pair as operating systems use it, and the modes that few do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vpic.h"

static struct vpic pic;
static bool intr;
static unsigned changes;

static void extint(struct device_host *host, bool level)
{
	(void)host;
	assert_int_not_equal(level, intr);
	intr = level;
	changes++;
}

static struct device_host host = { .extint = extint };

static void out(uint16_t port, uint8_t value)
{
	struct bus_access access = { .address = port, .size = 1, .write = true, .value = value };

	if (port >= 0x4d0)
		vpic_elcr_io(&pic.device, &access);
	else
		vpic_io(&pic.device, &access);
}

static uint8_t in(uint16_t port)
{
	struct bus_access access = { .address = port, .size = 1, .value = UINT64_MAX };

	if (port >= 0x4d0)
		vpic_elcr_io(&pic.device, &access);
	else
		vpic_io(&pic.device, &access);
	assert_true(access.value <= 0xff);
	return (uint8_t)access.value;
}

static void initialise(uint8_t icw4)
{
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 0x02);
	out(0xa1, icw4 & 0x0f);
}

static int setup(void **state)
{
	(void)state;
	intr = false;
	vpic_init(&pic, &host);
	initialise(0x01);
	changes = 0;
	return 0;
}

static void pulse(unsigned irq)
{
	vpic_set_line(&pic, irq, true);
	vpic_set_line(&pic, irq, false);
}

static uint8_t isr(uint16_t port)
{
	out(port, 0x0b);
	return in(port);
}

static uint8_t irr(uint16_t port)
{
	out(port, 0x0a);
	return in(port);
}

static void silent_until_initialised(void **state)
{
	(void)state;
	vpic_init(&pic, &host);
	pulse(0);
	pulse(8);
	assert_false(intr);
	assert_int_equal(in(0x21), 0xff);
}

static void initialisation_clears(void **state)
{
	(void)state;
	out(0x21, 0xfe);
	out(0x20, 0x68);  /* special mask */
	out(0x20, 0xc3);  /* priority */
	pulse(0);
	assert_int_equal(vpic_acknowledge(&pic), 0x30);
	pulse(0);
	initialise(0x01);
	assert_int_equal(in(0x21), 0);
	assert_int_equal(isr(0x20), 0);
	assert_int_equal(irr(0x20), 0);
	assert_false(intr);
	assert_false(pic.chip[0].special_mask);
	assert_int_equal(pic.chip[0].priority_add, 0);
}

static void masks_read_back(void **state)
{
	(void)state;
	out(0x21, 0xa5);
	out(0xa1, 0x5a);
	assert_int_equal(in(0x21), 0xa5);
	assert_int_equal(in(0xa1), 0x5a);

	struct bus_access wide = { .address = 0x20, .size = 2 };

	vpic_io(&pic.device, &wide); /* port 0x20 in the low byte */
	assert_int_equal(wide.value, 0xa500);
}

static void no_icw4_and_single(void **state)
{
	(void)state;
	out(0x20, 0x10);             /* cascaded, no ICW4 */
	out(0x21, 0x48);
	out(0x21, 0x04);
	out(0x21, 0xfe);             /* already OCW1 */
	assert_int_equal(in(0x21), 0xfe);
	out(0x20, 0x12);             /* single, no ICW4 */
	out(0x21, 0x4f);             /* low bits are ignored */
	out(0x21, 0xfd);
	assert_int_equal(in(0x21), 0xfd);
	pulse(1);
	assert_int_equal(vpic_acknowledge(&pic), 0x49);
}

static void edge_interrupt(void **state)
{
	(void)state;
	vpic_set_line(&pic, 0, true);
	assert_true(intr);
	assert_int_equal(irr(0x20), 1);
	assert_int_equal(vpic_acknowledge(&pic), 0x30);
	assert_false(intr);
	assert_int_equal(irr(0x20), 0);
	assert_int_equal(isr(0x20), 1);
	out(0x20, 0x20);
	assert_false(intr);                 /* still high: not another edge */
	vpic_set_line(&pic, 0, true);
	assert_false(intr);
	vpic_set_line(&pic, 0, false);
	vpic_set_line(&pic, 0, true);
	assert_true(intr);
}

static void masked_edge_waits(void **state)
{
	(void)state;
	out(0x21, 0x10);
	pulse(4);
	assert_false(intr);
	out(0x21, 0x00);
	assert_true(intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
}

static void priorities_nest(void **state)
{
	(void)state;
	pulse(4);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	pulse(5);
	assert_false(intr);                 /* lower */
	pulse(4);
	assert_false(intr);                 /* itself */
	pulse(1);
	assert_true(intr);                  /* higher */
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	assert_int_equal(isr(0x20), 0x12);
	out(0x20, 0x20);                    /* ends 1 */
	assert_int_equal(isr(0x20), 0x10);
	assert_false(intr);
	out(0x20, 0x20);
	assert_true(intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	out(0x20, 0x64);                    /* specific */
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	out(0x20, 0x61);                    /* specific, not in service */
	assert_int_equal(isr(0x20), 0x20);
}

static void cascade(void **state)
{
	(void)state;
	pulse(12);
	assert_true(intr);
	assert_int_equal(irr(0x20), 0x04);
	assert_int_equal(vpic_acknowledge(&pic), 0x3c);
	assert_int_equal(isr(0x20), 0x04);
	assert_int_equal(isr(0xa0), 0x10);
	pulse(8);                           /* higher on the slave, but the master's input 2 is in service */
	assert_false(intr);
	pulse(1);                           /* above the cascade */
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	out(0x20, 0x61);
	out(0xa0, 0x20);
	assert_false(intr);
	out(0x20, 0x20);
	assert_true(intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x38);
	out(0xa0, 0x60);
	out(0x20, 0x62);
	assert_false(intr);
	vpic_set_line(&pic, 2, true);       /* nothing is wired there */
	vpic_set_line(&pic, 16, true);
	assert_false(intr);
}

static void cascade_masked(void **state)
{
	(void)state;
	out(0x21, 0x04);
	pulse(9);
	assert_false(intr);
	out(0x21, 0x00);
	assert_int_equal(vpic_acknowledge(&pic), 0x39);
}

static void special_fully_nested(void **state)
{
	(void)state;
	initialise(0x11);
	pulse(12);
	assert_int_equal(vpic_acknowledge(&pic), 0x3c);
	pulse(9);
	assert_true(intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x39);
	pulse(15);
	assert_false(intr);
}

static void spurious(void **state)
{
	(void)state;
	assert_int_equal(vpic_acknowledge(&pic), 0x37);
	assert_int_equal(isr(0x20), 0);
	pulse(7);                           /* the real one is told apart by its ISR bit */
	assert_int_equal(vpic_acknowledge(&pic), 0x37);
	assert_int_equal(isr(0x20), 0x80);
	out(0x20, 0x20);
	pulse(10);
	out(0xa1, 0x04);                    /* masked between INTR and INTA */
	assert_false(intr);
	assert_int_equal(vpic_acknowledge(&pic), 0x37);
	assert_int_equal(isr(0xa0), 0);
}

static void level_triggered(void **state)
{
	(void)state;
	out(0x4d1, 0x08);
	vpic_set_line(&pic, 11, true);
	assert_int_equal(vpic_acknowledge(&pic), 0x3b);
	assert_int_equal(irr(0xa0), 0x08);  /* the line is still up */
	assert_false(intr);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	assert_true(intr);
	vpic_set_line(&pic, 11, false);
	assert_false(intr);
	assert_int_equal(irr(0xa0), 0);
}

static void elcr(void **state)
{
	(void)state;
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	assert_int_equal(in(0x4d0), 0xf8);
	assert_int_equal(in(0x4d1), 0xde);
	initialise(0x01);
	assert_int_equal(in(0x4d0), 0xf8);  /* not the chip's: ICW1 leaves it */

	struct bus_access wide = { .address = 0x4d0, .size = 2, .write = true, .value = 0x0820 };

	vpic_elcr_io(&pic.device, &wide);
	wide.write = false;
	vpic_elcr_io(&pic.device, &wide);
	assert_int_equal(wide.value, 0x0820);
	vpic_set_line(&pic, 5, true);
	assert_true(intr);
	out(0x4d0, 0);                      /* high now means nothing */
	assert_false(intr);
	out(0x4d0, 0x20);
	assert_true(intr);
	initialise(0x01);                   /* a level outlives ICW1 */
	assert_true(intr);
}

static void auto_eoi(void **state)
{
	(void)state;
	initialise(0x03);
	pulse(3);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	assert_int_equal(isr(0x20), 0);
	pulse(3);
	assert_true(intr);
	out(0x20, 0x80);                    /* rotate in auto-EOI */
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	pulse(3);
	pulse(4);                           /* 3 is lowest now */
	assert_int_equal(vpic_acknowledge(&pic), 0x34);
	assert_int_equal(vpic_acknowledge(&pic), 0x33);
	out(0x20, 0x00);
	pulse(6);
	assert_int_equal(vpic_acknowledge(&pic), 0x36);
	assert_int_equal(pic.chip[0].priority_add, 4);
}

static void rotation(void **state)
{
	(void)state;
	out(0x20, 0xc5);                    /* 5 lowest, so 6 highest */
	pulse(0);
	pulse(6);
	pulse(5);
	assert_int_equal(vpic_acknowledge(&pic), 0x36);
	out(0x20, 0xa0);                    /* rotate on non-specific EOI: 6 lowest, 7 highest */
	assert_int_equal(vpic_acknowledge(&pic), 0x30);
	out(0x20, 0xe0);                    /* specific, rotate */
	assert_int_equal(pic.chip[0].priority_add, 1);
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	out(0x20, 0x40);                    /* no operation */
	assert_int_equal(isr(0x20), 0x20);
	out(0x20, 0x20);
	out(0x20, 0xa0);                    /* nothing in service: no rotation */
	assert_int_equal(pic.chip[0].priority_add, 1);
}

static void special_mask(void **state)
{
	(void)state;
	pulse(1);
	assert_int_equal(vpic_acknowledge(&pic), 0x31);
	pulse(5);
	assert_false(intr);
	out(0x21, 0x02);
	assert_false(intr);
	out(0x20, 0x68);
	assert_true(intr);                  /* 1 is masked: lower ones may go */
	assert_int_equal(vpic_acknowledge(&pic), 0x35);
	out(0x20, 0x20);                    /* ends 5, not the masked 1 */
	assert_int_equal(isr(0x20), 0x02);
	out(0x20, 0x20);
	assert_int_equal(isr(0x20), 0x02);
	out(0x20, 0x61);
	assert_int_equal(isr(0x20), 0);
	out(0x20, 0x48);
	assert_false(pic.chip[0].special_mask);
}

static void poll_mode(void **state)
{
	(void)state;
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0);
	pulse(3);
	pulse(13);
	out(0x20, 0x0c);
	assert_int_equal(in(0x20), 0x82);   /* the slave's, to be polled on its own */
	out(0xa0, 0x0c);
	assert_int_equal(in(0xa0), 0x85);
	assert_int_equal(isr(0xa0), 0x20);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	out(0x20, 0x0c);
	assert_int_equal(in(0x21), 0x83);   /* either port answers */
	assert_int_equal(in(0x21), 0);      /* once */
	assert_false(intr);
}

static void output_changes_are_told_once(void **state)
{
	(void)state;
	pulse(0);
	pulse(1);
	assert_int_equal(changes, 1);
	vpic_acknowledge(&pic);
	assert_int_equal(changes, 2);
}

static void reset(void **state)
{
	(void)state;
	out(0x4d1, 0x08);
	pulse(0);
	assert_true(intr);
	pic.device.ops->reset(&pic.device);
	assert_false(intr);
	assert_int_equal(in(0x4d1), 0);
}

static void save_and_restore(void **state)
{
	uint8_t buffer[256];
	struct stream stream = { .data = buffer, .size = sizeof(buffer) };
	struct vpic before;

	(void)state;
	initialise(0x13);
	out(0x20, 0x68);
	out(0x4d1, 0x08);
	vpic_set_line(&pic, 11, true);
	out(0xa0, 0x11);
	out(0xa0, 0x0c);
	out(0xa0, 0x0b);
	before = pic;
	pic.device.ops->save(&pic.device, &stream);
	assert_false(stream.failed);
	pic.device.ops->reset(&pic.device);
	stream = (struct stream){ .data = buffer, .size = stream.position };
	pic.device.ops->restore(&pic.device, &stream);
	assert_false(stream.failed);
	assert_memory_equal(&pic, &before, sizeof(pic));
	assert_int_equal(stream.position, stream.size);
}

static void hostile_streams(void **state)
{
	uint8_t buffer[256];
	struct stream good = { .data = buffer, .size = sizeof(buffer) };
	struct vpic before;

	(void)state;
	pic.device.ops->save(&pic.device, &good);
	before = pic;
	for (size_t at = 0; at < good.position; at++) {
		uint8_t old = buffer[at];

		buffer[at] = 0xff;

		struct stream in_bad = { .data = buffer, .size = good.position };

		pic.device.ops->restore(&pic.device, &in_bad);
		if (in_bad.failed)
			assert_memory_equal(&pic, &before, sizeof(pic));
		assert_true(pic.chip[0].priority_add < 8 && pic.chip[1].priority_add < 8);
		assert_true(in_bad.failed || at >= 8);
		buffer[at] = old;
		in_bad = (struct stream){ .data = buffer, .size = good.position };
		pic.device.ops->restore(&pic.device, &in_bad);
		assert_false(in_bad.failed);
	}
	for (size_t size = 0; size < good.position; size++) {
		struct stream cut = { .data = buffer, .size = size };

		pic.device.ops->restore(&pic.device, &cut);
		assert_true(cut.failed);
		assert_memory_equal(&pic, &before, sizeof(pic));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(silent_until_initialised, setup),
		cmocka_unit_test_setup(initialisation_clears, setup),
		cmocka_unit_test_setup(masks_read_back, setup),
		cmocka_unit_test_setup(no_icw4_and_single, setup),
		cmocka_unit_test_setup(edge_interrupt, setup),
		cmocka_unit_test_setup(masked_edge_waits, setup),
		cmocka_unit_test_setup(priorities_nest, setup),
		cmocka_unit_test_setup(cascade, setup),
		cmocka_unit_test_setup(cascade_masked, setup),
		cmocka_unit_test_setup(special_fully_nested, setup),
		cmocka_unit_test_setup(spurious, setup),
		cmocka_unit_test_setup(level_triggered, setup),
		cmocka_unit_test_setup(elcr, setup),
		cmocka_unit_test_setup(auto_eoi, setup),
		cmocka_unit_test_setup(rotation, setup),
		cmocka_unit_test_setup(special_mask, setup),
		cmocka_unit_test_setup(poll_mode, setup),
		cmocka_unit_test_setup(output_changes_are_told_once, setup),
		cmocka_unit_test_setup(reset, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
		cmocka_unit_test_setup(hostile_streams, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
