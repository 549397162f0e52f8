/* SPDX-License-Identifier: MIT */
/* drivers/vrtc*.c: calendar, registers, setting the clock, and the three interrupts. */
#include "tests/unit/fake_host.h"

#include <time.h>

#include "drivers/vrtc.h"
#include "drivers/vrtc_calendar.h"

#define SECOND 1000000000ULL
#define START 1709164799 /* Wed 2024-02-28 23:59:59 UTC */

static struct vrtc rtc, copy;

static int setup(void **state)
{
	(void)state;
	fake_init();
	fake.wall = START;
	vrtc_init(&rtc, &fake.host);
	fake.timer = &rtc.timer;
	return 0;
}

static uint8_t get(uint8_t reg)
{
	fake_write(vrtc_io, &rtc.device, 0x70, 0x70, 1, reg);
	return (uint8_t)fake_read(vrtc_io, &rtc.device, 0x70, 0x71, 1);
}

static void set(uint8_t reg, uint8_t value)
{
	fake_write(vrtc_io, &rtc.device, 0x70, 0x70, 1, reg);
	fake_write(vrtc_io, &rtc.device, 0x70, 0x71, 1, value);
}

static void expect_time(uint8_t century, uint8_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                        uint8_t second)
{
	assert_int_equal(get(0), second);
	assert_int_equal(get(2), minute);
	assert_int_equal(get(4), hour);
	assert_int_equal(get(7), day);
	assert_int_equal(get(8), month);
	assert_int_equal(get(9), year);
	assert_int_equal(get(0x32), century);
}

static void calendar_agrees_with_libc(void **state)
{
	(void)state;
	for (int64_t s = -62167219200; s <= 253402300799; s += 86400 * 11 + 7919) {
		struct calendar calendar;
		time_t t = s;
		struct tm tm;

		gmtime_r(&t, &tm);
		calendar_from_seconds(&calendar, s);
		assert_int_equal(calendar.second, tm.tm_sec);
		assert_int_equal(calendar.minute, tm.tm_min);
		assert_int_equal(calendar.hour, tm.tm_hour);
		assert_int_equal(calendar.day, tm.tm_mday);
		assert_int_equal(calendar.month, tm.tm_mon + 1);
		assert_int_equal(calendar.year, tm.tm_year + 1900);
		assert_int_equal(calendar.weekday, tm.tm_wday + 1);
		assert_true(calendar_to_seconds(&calendar) == s);
	}
}

static void calendar_stays_in_its_years(void **state)
{
	struct calendar calendar;

	(void)state;
	calendar_from_seconds(&calendar, INT64_MAX);
	assert_int_equal(calendar.year, 9999);
	calendar_from_seconds(&calendar, INT64_MIN);
	assert_int_equal(calendar.year, 0);
}

static void reads_the_wall_clock(void **state)
{
	(void)state;
	expect_time(0x20, 0x24, 0x02, 0x28, 0x23, 0x59, 0x59);
	assert_int_equal(get(6), 4);
	fake_advance(SECOND);
	expect_time(0x20, 0x24, 0x02, 0x29, 0x00, 0x00, 0x00);
	fake_advance(86400 * SECOND);
	expect_time(0x20, 0x24, 0x03, 0x01, 0x00, 0x00, 0x00);
	assert_int_equal(get(0x0d), 0x80);
	assert_int_equal(get(0x0b), 0x02);
	assert_int_equal(fake_read(vrtc_io, &rtc.device, 0x70, 0x70, 1), 0xff);
}

static void follows_a_wall_clock_that_jumps(void **state)
{
	(void)state;
	fake.wall += 3600;
	expect_time(0x20, 0x24, 0x02, 0x29, 0x00, 0x59, 0x59);
	fake.wall -= 3600;
	expect_time(0x20, 0x24, 0x02, 0x28, 0x23, 0x59, 0x59);
}

static void binary_and_12_hours(void **state)
{
	(void)state;
	set(0x0b, 0x06);
	expect_time(20, 24, 2, 28, 23, 59, 59);
	set(0x0b, 0x00);
	expect_time(0x20, 0x24, 0x02, 0x28, 0x91, 0x59, 0x59);
	fake_advance(SECOND);
	assert_int_equal(get(4), 0x12);
	fake_advance(12 * 3600 * SECOND);
	assert_int_equal(get(4), 0x92);
	set(0x0b, 0x04);
	assert_int_equal(get(4), 0x8c);
	fake_advance(3600 * SECOND);
	assert_int_equal(get(4), 0x81);
}

/* SET and the divider chain held in reset, as Linux does it. */
static void setting_the_clock(void **state)
{
	(void)state;
	fake_advance(SECOND / 4);
	set(0x0b, 0x82);
	set(0x0a, 0x76);
	set(9, 0x99);
	set(8, 0x12);
	set(7, 0x31);
	set(4, 0x23);
	set(2, 0x59);
	set(0, 0x58);
	set(0x32, 0x19);
	fake_advance(10 * SECOND);
	expect_time(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58);
	set(0x0b, 0x02);
	set(0x0a, 0x26);
	expect_time(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58);
	fake_advance(SECOND / 2 - 1);
	assert_int_equal(get(0), 0x58);
	fake_advance(1); /* half a second after the chain starts */
	assert_int_equal(get(0), 0x59);
	fake_advance(SECOND);
	expect_time(0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00);
	fake_advance(30 * SECOND);
	rtc.device.ops->reset(&rtc.device); /* battery-backed; the phase within a second is lost */
	assert_in_range(get(0), 0x29, 0x30);
	assert_int_equal(get(2), 0x00);
	assert_int_equal(get(4), 0x00);
	assert_int_equal(get(7), 0x01);
	assert_int_equal(get(9), 0x00);
}

static void setting_a_running_clock(void **state)
{
	(void)state;
	set(4, 0x05);
	expect_time(0x20, 0x24, 0x02, 0x28, 0x05, 0x59, 0x59);
	fake_advance(SECOND);
	expect_time(0x20, 0x24, 0x02, 0x28, 0x06, 0x00, 0x00);
	for (unsigned value = 0; value < 256; value++) /* no time at all */
		for (unsigned reg = 0; reg < 10; reg++)
			set((uint8_t)reg, (uint8_t)value);
}

static void update_in_progress(void **state)
{
	(void)state;
	assert_false(get(0x0a) & 0x80);
	fake_advance(SECOND - 2228001);
	assert_false(get(0x0a) & 0x80);
	fake_advance(1);
	assert_true(get(0x0a) & 0x80);
	fake_advance(2227999);
	assert_true(get(0x0a) & 0x80);
	assert_int_equal(get(0), 0x59);
	fake_advance(1);
	assert_false(get(0x0a) & 0x80);
	assert_int_equal(get(0), 0x00);
	set(0x0b, 0x82);
	fake_advance(SECOND - 1);
	assert_false(get(0x0a) & 0x80);
}

static void update_interrupt(void **state)
{
	(void)state;
	set(0x0b, 0x12);
	assert_int_equal(rtc.timer.when, SECOND);
	fake_advance(SECOND - 1);
	assert_int_equal(fake.rises[8], 0);
	fake_advance(1);
	assert_int_equal(fake.rises[8], 1);
	assert_int_equal(rtc.timer.when, UINT64_MAX); /* until acknowledged */
	fake_advance(5 * SECOND);
	assert_int_equal(fake.rises[8], 1);
	assert_int_equal(get(0x0c) & 0x90, 0x90);
	assert_false(fake.line[8]);
	assert_int_equal(get(0x0c), 0x00);
	fake_advance(SECOND);
	assert_int_equal(fake.rises[8], 2);
	set(0x0b, 0x92); /* SET clears UIE */
	assert_int_equal(get(0x0b), 0x82);
	assert_false(fake.line[8]);
}

static void periodic_interrupt(void **state)
{
	unsigned taken = 0;

	(void)state;
	set(0x0b, 0x42); /* 1024 Hz */
	while (fake.ns < SECOND) {
		fake_advance_to(rtc.timer.when);
		assert_true(fake.line[8]);
		assert_int_equal(get(0x0c) & 0xc0, 0xc0);
		assert_false(fake.line[8]);
		taken++;
	}
	assert_int_equal(taken, 1024);
	set(0x0a, 0x2f); /* 2 Hz */
	fake_advance_to(rtc.timer.when);
	assert_int_equal(fake.ns, SECOND + SECOND / 2);
	get(0x0c);
	set(0x0a, 0x21); /* 256 Hz */
	assert_int_equal(rtc.timer.when - fake.ns, SECOND / 256);
	set(0x0a, 0x20); /* off */
	assert_int_equal(rtc.timer.when, UINT64_MAX);
}

static void flags_without_enables(void **state)
{
	(void)state;
	fake_advance(3 * SECOND);
	assert_int_equal(get(0x0c), 0x50 | 0x20); /* the alarm bytes are zero: midnight has passed */
	fake_advance(3 * SECOND);
	assert_int_equal(get(0x0c), 0x50);
	assert_int_equal(fake.rises[8], 0);
}

static void alarm_interrupt(void **state)
{
	(void)state;
	set(5, 0x06);
	set(3, 0x30);
	set(1, 0x15);
	set(0x0b, 0x22);
	fake_advance((1 + 6 * 3600 + 30 * 60 + 15) * SECOND - 1);
	assert_int_equal(fake.rises[8], 0);
	fake_advance(1);
	assert_int_equal(fake.rises[8], 1);
	assert_int_equal(get(0x0c) & 0xa0, 0xa0);
	assert_int_equal(rtc.timer.when - fake.ns, 86400 * SECOND);
	set(5, 0xff); /* every hour */
	assert_int_equal(rtc.timer.when - fake.ns, 3600 * SECOND);
	set(3, 0xc0); /* every minute */
	assert_int_equal(rtc.timer.when - fake.ns, 60 * SECOND);
	set(1, 0xc5); /* every second */
	assert_int_equal(rtc.timer.when - fake.ns, SECOND);
	set(1, 0x75); /* not a second */
	assert_int_equal(rtc.timer.when, UINT64_MAX);
}

static void cmos_memory(void **state)
{
	(void)state;
	for (unsigned reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			set((uint8_t)reg, (uint8_t)(reg ^ 0x5a));
	for (unsigned reg = 0x0e; reg < 0x80; reg++)
		if (reg != 0x32)
			assert_int_equal(get((uint8_t)reg), reg ^ 0x5a);
	assert_int_equal(get(0x8e), 0x0e ^ 0x5a); /* bit 7 of the index is the NMI mask */
	assert_true(rtc.nmi_masked);
	get(0x0e);
	assert_false(rtc.nmi_masked);
}

static void memory_size(void **state)
{
	unsigned sum = 0;

	(void)state;
	vrtc_set_memory(&rtc, 3ULL << 30, 5ULL << 30);
	assert_int_equal(get(0x15) | get(0x16) << 8, 640);
	assert_int_equal(get(0x17) | get(0x18) << 8, 63 * 1024);
	assert_int_equal(get(0x34) | get(0x35) << 8, ((3u << 30) - (16u << 20)) >> 16);
	assert_int_equal(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 5u << 14);
	for (unsigned i = 0x10; i <= 0x2d; i++)
		sum += get((uint8_t)i);
	assert_int_equal(get(0x2e) << 8 | get(0x2f), sum);
	vrtc_set_memory(&rtc, 4 << 20, 0);
	assert_int_equal(get(0x17) | get(0x18) << 8, 3 * 1024);
	assert_int_equal(get(0x34) | get(0x35) << 8, 0);
}

static void use(void)
{
	static const uint8_t modes[] = { 0x72, 0x02, 0x76 };

	for (unsigned reg = 0; reg < 128; reg++)
		get((uint8_t)reg);
	for (unsigned i = 0; i < sizeof(modes); i++) {
		set(0x0b, modes[i]);
		if (rtc.timer.when != UINT64_MAX)
			rtc.timer.fire(&rtc.device, &rtc.timer, fake.ns);
		set(0, 1);
	}
}

static void save_and_restore(void **state)
{
	(void)state;
	set(0x0b, 0x52);
	set(4, 0x11);
	set(0x70, 0x77);
	fake_advance(7 * SECOND / 2);
	vrtc_init(&copy, &fake.host);
	fake.timer = NULL;
	rtc.timer.fire(&rtc.device, &rtc.timer, fake.ns);
	fake_round_trip(&rtc.device, &copy.device);
	rtc = copy;
	rtc.timer.device = &rtc.device;
	assert_int_equal(get(4), 0x12);
	assert_int_equal(get(0x70), 0x77);
	fake_hostile_restore(&rtc.device, use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar_agrees_with_libc),
		cmocka_unit_test(calendar_stays_in_its_years),
		cmocka_unit_test_setup(reads_the_wall_clock, setup),
		cmocka_unit_test_setup(follows_a_wall_clock_that_jumps, setup),
		cmocka_unit_test_setup(binary_and_12_hours, setup),
		cmocka_unit_test_setup(setting_the_clock, setup),
		cmocka_unit_test_setup(setting_a_running_clock, setup),
		cmocka_unit_test_setup(update_in_progress, setup),
		cmocka_unit_test_setup(update_interrupt, setup),
		cmocka_unit_test_setup(periodic_interrupt, setup),
		cmocka_unit_test_setup(flags_without_enables, setup),
		cmocka_unit_test_setup(alarm_interrupt, setup),
		cmocka_unit_test_setup(cmos_memory, setup),
		cmocka_unit_test_setup(memory_size, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
