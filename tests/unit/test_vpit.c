/* SPDX-License-Identifier: MIT */
/* drivers/vpit*.c: the 8254's modes, latches, BCD, gate, port 0x61, and the interrupts of channel 0. */
#include "tests/unit/fake_host.h"

#include "drivers/vpit.h"
#include "drivers/vticks.h"

static struct vpit pit, copy;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpit_init(&pit, &fake.host);
	fake.timer = &pit.timer;
	return 0;
}

static void out(uint16_t port, uint8_t value)
{
	bus_handler *handler = port == 0x61 ? vpit_61_io : vpit_io;

	fake_write(handler, &pit.device, port == 0x61 ? 0x61 : 0x40, port, 1, value);
}

static uint8_t in(uint16_t port)
{
	bus_handler *handler = port == 0x61 ? vpit_61_io : vpit_io;

	return (uint8_t)fake_read(handler, &pit.device, port == 0x61 ? 0x61 : 0x40, port, 1);
}

/* To the first moment at which `ticks` of the 8254's clock have gone by since the partition's start. */
static void tick(uint64_t ticks)
{
	fake_advance_to(vticks_to_ns(ticks, VPIT_HZ));
}

static void count(unsigned channel, uint16_t value)
{
	out(0x40 + channel, (uint8_t)value);
	out(0x40 + channel, value >> 8);
}

static uint16_t latched(unsigned channel)
{
	uint8_t low;

	out(0x43, (uint8_t)(channel << 6));
	low = in(0x40 + channel);
	return (uint16_t)(low | in(0x40 + channel) << 8);
}

static bool out2(void)
{
	return in(0x61) & 0x20;
}

static void clock_conversion(void **state)
{
	(void)state;
	for (uint64_t t = 0; t < 5000000; t += 997) {
		uint64_t ns = vticks_to_ns(t, VPIT_HZ);

		assert_int_equal(vticks_from_ns(ns, VPIT_HZ), t);
		if (ns)
			assert_int_equal(vticks_from_ns(ns - 1, VPIT_HZ), t - 1);
	}
	assert_int_equal(vticks_from_ns(1000000000ULL * 86400 * 365 * 100, VPIT_HZ), 86400ULL * 365 * 100 * VPIT_HZ);
}

static void silent_at_power_on(void **state)
{
	(void)state;
	fake_advance(1000000000);
	assert_int_equal(fake.rises[0], 0);
	assert_int_equal(pit.timer.when, UINT64_MAX);
	assert_int_equal(in(0x43), 0xff);
}

/* What Linux's quick calibration relies on: the high byte falls every 256 ticks. */
static void mode_0_counts_and_raises_out_once(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb0);
	assert_false(out2());
	count(2, 1000);
	tick(1);
	assert_int_equal(latched(2), 999);
	tick(999);
	assert_int_equal(latched(2), 1);
	assert_false(out2());
	tick(1000);
	assert_true(out2());
	assert_int_equal(latched(2), 0);
	tick(1001);
	assert_int_equal(latched(2), 0xffff);
	assert_true(out2());
	count(2, 10);
	assert_false(out2());
	tick(1010);
	assert_false(out2());
	tick(1011);
	assert_true(out2());
}

static void mode_0_gate_pauses_and_first_byte_stops(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb0);
	count(2, 100);
	tick(40);
	out(0x61, 0);
	tick(500);
	assert_int_equal(latched(2), 60);
	assert_false(out2());
	out(0x61, 1);
	tick(559);
	assert_false(out2());
	tick(560);
	assert_true(out2());
	out(0x42, 50);
	assert_false(out2());
	tick(5000);
	assert_false(out2());
	out(0x42, 0);
	tick(5049);
	assert_false(out2());
	tick(5050);
	assert_true(out2());
}

static void mode_1_is_triggered_by_the_gate(void **state)
{
	(void)state;
	out(0x43, 0xb2);
	count(2, 10);
	tick(50);
	assert_true(out2());
	out(0x61, 1);
	assert_false(out2());
	tick(55);
	out(0x61, 0);
	tick(58);
	assert_false(out2());
	out(0x61, 1); /* retriggered */
	tick(67);
	assert_false(out2());
	tick(68);
	assert_true(out2());
}

static void mode_2_divides(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb4);
	assert_true(out2());
	count(2, 10);
	assert_int_equal(latched(2), 10);
	tick(9);
	assert_int_equal(latched(2), 1);
	assert_false(out2());
	tick(10);
	assert_int_equal(latched(2), 10);
	assert_true(out2());
	tick(13);
	count(2, 4); /* takes effect when the period ends, at 20 */
	tick(17);
	assert_int_equal(latched(2), 3);
	tick(20);
	assert_int_equal(latched(2), 4);
	tick(23);
	assert_int_equal(latched(2), 1);
	out(0x61, 0);
	assert_true(out2());
	tick(30);
	assert_true(out2());
	out(0x61, 1);
	assert_int_equal(latched(2), 4);
}

static void mode_3_is_a_square_wave(void **state)
{
	static const uint8_t odd[] = { 4, 2, 0, 4, 2 };

	(void)state;
	out(0x61, 1);
	out(0x43, 0xb6);
	count(2, 6);
	for (unsigned i = 0; i < 12; i++) {
		tick(i);
		assert_int_equal(out2(), i % 6 < 3);
		assert_int_equal(latched(2), 6 - i % 3 * 2);
	}
	out(0x43, 0xbe); /* mode 7 is mode 3 */
	count(2, 5);
	for (unsigned i = 0; i < 10; i++) {
		tick(11 + i);
		assert_int_equal(out2(), i % 5 < 3);
		assert_int_equal(latched(2), odd[i % 5]);
	}
}

static void modes_4_and_5_strobe(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb8);
	count(2, 10);
	tick(9);
	assert_true(out2());
	tick(10);
	assert_false(out2());
	tick(11);
	assert_true(out2());
	out(0x61, 0);
	out(0x43, 0xba);
	count(2, 10);
	tick(100);
	assert_true(out2());
	out(0x61, 1);
	tick(109);
	assert_true(out2());
	tick(110);
	assert_false(out2());
	tick(111);
	assert_true(out2());
}

static void bcd_counts_in_decimal(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb1);
	count(2, 0x1234);
	tick(1);
	assert_int_equal(latched(2), 0x1233);
	tick(235);
	assert_int_equal(latched(2), 0x0999);
	tick(1235);
	assert_int_equal(latched(2), 0x9999);
	count(2, 0);
	tick(1236);
	assert_int_equal(latched(2), 0x9999);
	count(2, 0xffff); /* no decimal digits; anything but a crash */
	latched(2);
}

static void byte_access_modes(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0x90); /* low byte only */
	out(0x42, 200);
	tick(1);
	assert_int_equal(in(0x42), 199);
	assert_int_equal(in(0x42), 199);
	out(0x43, 0xa0); /* high byte only */
	out(0x42, 2);
	tick(2);
	assert_int_equal(in(0x42), 1);
	tick(1 + 513);
	assert_int_equal(in(0x42), 0xff);
	out(0x43, 0xb0); /* unlatched, both bytes: each is live */
	count(2, 0x201);
	assert_int_equal(in(0x42), 0x01);
	assert_int_equal(in(0x42), 0x02);
	assert_int_equal(in(0x42), 0x01);
}

static void latch_holds_until_read(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb0);
	count(2, 0x300);
	tick(0x10);
	out(0x43, 0x80);
	tick(0x20);
	out(0x43, 0x80); /* ignored: the first is still there */
	tick(0x200);
	assert_int_equal(in(0x42), 0xf0);
	assert_int_equal(in(0x42), 0x02);
	assert_int_equal(in(0x42), 0x00);
	assert_int_equal(in(0x42), 0x01);
}

static void read_back(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0xb4);
	out(0x43, 0xe8); /* status of channel 2: nothing loaded, OUT high */
	assert_int_equal(in(0x42), 0xf4);
	count(2, 0x100);
	tick(0x10);
	out(0x43, 0xc8); /* status and count; the status comes first */
	tick(0x20);
	assert_int_equal(in(0x42), 0xb4);
	assert_int_equal(in(0x42), 0xf0);
	assert_int_equal(in(0x42), 0x00);
	assert_int_equal(in(0x42), 0xe0);
	in(0x42);
	count(2, 0x40);
	out(0x43, 0xe8);
	assert_int_equal(in(0x42), 0xf4); /* the new count has not been loaded */
	out(0x43, 0x34);
	count(0, 77);
	out(0x43, 0xde); /* counts of all three */
	tick(0x30);
	assert_int_equal(in(0x40), 77);
	assert_int_equal(in(0x40), 0);
}

static void channel_0_interrupts_periodically(void **state)
{
	uint64_t first;

	(void)state;
	out(0x43, 0x34);
	count(0, 11932); /* 100 Hz */
	assert_int_equal(fake.rises[0], 0);
	first = pit.timer.when;
	assert_int_equal(first, vticks_to_ns(11932, VPIT_HZ));
	fake_advance_to(first - 1);
	assert_int_equal(fake.rises[0], 0);
	fake_advance_to(first);
	assert_int_equal(fake.rises[0], 1);
	fake_advance_to(1000000000);
	assert_int_equal(fake.rises[0], 99);
	fake_advance_to(10000000000);
	assert_int_equal(fake.rises[0], 999);
	/* The kernel was late by many periods: one edge, and the next on the old beat. */
	fake.ns += 55000000;
	pit.timer.fire(&pit.device, &pit.timer, fake.ns);
	assert_int_equal(fake.rises[0], 1000);
	assert_int_equal(vticks_from_ns(pit.timer.when, VPIT_HZ) % 11932, 0);
	assert_true(pit.timer.when > fake.ns);
}

static void channel_0_one_shots(void **state)
{
	(void)state;
	out(0x43, 0x38); /* mode 4, as Linux's one-shot clock event */
	count(0, 500);
	tick(500);
	assert_int_equal(fake.rises[0], 0);
	tick(501);
	assert_int_equal(fake.rises[0], 1);
	tick(200000);
	assert_int_equal(fake.rises[0], 1);
	out(0x43, 0x30); /* mode 0 */
	assert_false(fake.line[0]);
	count(0, 500);
	tick(200499);
	assert_int_equal(fake.rises[0], 1);
	tick(200500);
	assert_int_equal(fake.rises[0], 2);
	assert_true(fake.line[0]);
	count(0, 100);
	assert_false(fake.line[0]);
	tick(300000);
	assert_int_equal(fake.rises[0], 3);
	out(0x43, 0x34);
	count(0, 1000);
	out(0x43, 0x30); /* Linux stops it so */
	tick(400000);
	assert_int_equal(fake.rises[0], 3);
	assert_int_equal(pit.timer.when, UINT64_MAX);
}

static void a_new_period_waits_for_the_old(void **state)
{
	(void)state;
	out(0x43, 0x36);
	count(0, 1000);
	tick(1500);
	count(0, 300);
	assert_int_equal(fake.rises[0], 1);
	tick(2000);
	assert_int_equal(fake.rises[0], 2);
	tick(2299);
	assert_int_equal(fake.rises[0], 2);
	tick(2300);
	assert_int_equal(fake.rises[0], 3);
}

static void a_count_of_one_makes_no_storm(void **state)
{
	(void)state;
	out(0x43, 0x34);
	count(0, 1);
	assert_int_equal(pit.timer.when, UINT64_MAX);
	out(0x43, 0x36);
	count(0, 1);
	assert_int_equal(pit.timer.when, UINT64_MAX);
}

static void refresh_toggles(void **state)
{
	unsigned toggles = 0;
	uint8_t last = in(0x61);

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		fake_advance(1000);
		toggles += (in(0x61) ^ last) >> 4 & 1;
		last = in(0x61);
	}
	assert_in_range(toggles, 60, 70);
	out(0x61, 0xff);
	assert_int_equal(in(0x61) & 0xcf, 0x0f);
}

static void use(void)
{
	for (unsigned port = 0x40; port < 0x44; port++)
		in(port);
	in(0x61);
	for (unsigned i = 0; i < 3; i++)
		if (pit.timer.when != UINT64_MAX)
			pit.timer.fire(&pit.device, &pit.timer, fake.ns);
	out(0x61, 0);
	out(0x61, 1);
	out(0x43, 0xde);
	count(0, 100);
}

static void save_and_restore(void **state)
{
	(void)state;
	out(0x61, 1);
	out(0x43, 0x34);
	count(0, 1000);
	out(0x43, 0xb1);
	count(2, 0x5678);
	tick(100);
	out(0x43, 0x80);
	in(0x42);
	out(0x40, 5);
	vpit_init(&copy, &fake.host);
	fake.timer = NULL;
	fake_round_trip(&pit.device, &copy.device);
	assert_int_equal(copy.timer.when, vticks_to_ns(1000, VPIT_HZ));
	fake_hostile_restore(&pit.device, use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clock_conversion, setup),
		cmocka_unit_test_setup(silent_at_power_on, setup),
		cmocka_unit_test_setup(mode_0_counts_and_raises_out_once, setup),
		cmocka_unit_test_setup(mode_0_gate_pauses_and_first_byte_stops, setup),
		cmocka_unit_test_setup(mode_1_is_triggered_by_the_gate, setup),
		cmocka_unit_test_setup(mode_2_divides, setup),
		cmocka_unit_test_setup(mode_3_is_a_square_wave, setup),
		cmocka_unit_test_setup(modes_4_and_5_strobe, setup),
		cmocka_unit_test_setup(bcd_counts_in_decimal, setup),
		cmocka_unit_test_setup(byte_access_modes, setup),
		cmocka_unit_test_setup(latch_holds_until_read, setup),
		cmocka_unit_test_setup(read_back, setup),
		cmocka_unit_test_setup(channel_0_interrupts_periodically, setup),
		cmocka_unit_test_setup(channel_0_one_shots, setup),
		cmocka_unit_test_setup(a_new_period_waits_for_the_old, setup),
		cmocka_unit_test_setup(a_count_of_one_makes_no_storm, setup),
		cmocka_unit_test_setup(refresh_toggles, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
