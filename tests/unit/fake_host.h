/* SPDX-License-Identifier: MIT */
/* A partition as a device under test sees it: time that the test moves, and a record of what the device asked. */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bus.h"
#include "kernel/device.h"

#define FAKE_LINES 24
#define FAKE_OUTPUT 4096

struct fake_host {
	struct device_host host; /* first */
	uint64_t ns;
	int64_t wall;            /* wall clock at ns = 0 */
	bool line[FAKE_LINES];
	unsigned rises[FAKE_LINES];
	struct device_timer *timer; /* the only one; set by the test */
	unsigned timer_changes;
	unsigned powers;         /* calls of power() */
	enum power_request request;
	uint32_t status;
	size_t written;
	uint8_t output[FAKE_OUTPUT];
};

static struct fake_host fake;

static uint64_t fake_now(struct device_host *host)
{
	return ((struct fake_host *)host)->ns;
}

static void fake_set_line(struct device_host *host, unsigned gsi, bool level)
{
	struct fake_host *f = (struct fake_host *)host;

	assert_true(gsi < FAKE_LINES);
	if (level && !f->line[gsi])
		f->rises[gsi]++;
	f->line[gsi] = level;
}

static void fake_timer_changed(struct device_host *host, struct device_timer *timer)
{
	struct fake_host *f = (struct fake_host *)host;

	if (f->timer)
		assert_ptr_equal(timer, f->timer);
	f->timer_changes++;
}

static void fake_power(struct device_host *host, enum power_request request, uint32_t status)
{
	struct fake_host *f = (struct fake_host *)host;

	f->powers++;
	f->request = request;
	f->status = status;
}

static void fake_console_write(struct device_host *host, uint8_t byte)
{
	struct fake_host *f = (struct fake_host *)host;

	assert_true(f->written < FAKE_OUTPUT);
	f->output[f->written++] = byte;
}

static int64_t fake_wall_clock(struct device_host *host)
{
	struct fake_host *f = (struct fake_host *)host;

	return f->wall + (int64_t)(f->ns / 1000000000);
}

static inline void fake_init(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.host = (struct device_host){
		.now = fake_now,
		.set_line = fake_set_line,
		.timer_changed = fake_timer_changed,
		.power = fake_power,
		.console_write = fake_console_write,
		.wall_clock = fake_wall_clock,
	};
}

/* Lets time pass, firing the timer when it is due, as the kernel does. */
static inline void fake_advance_to(uint64_t ns)
{
	while (fake.timer && fake.timer->when <= ns) {
		if (fake.timer->when > fake.ns)
			fake.ns = fake.timer->when;
		fake.timer->fire(fake.timer->device, fake.timer, fake.ns);
	}
	fake.ns = ns;
}

static inline void fake_advance(uint64_t ns)
{
	fake_advance_to(fake.ns + ns);
}

static inline uint64_t fake_read(bus_handler *handler, struct device *device, uint64_t base, uint64_t address,
                                 uint8_t size)
{
	struct bus_access access = { .address = address, .offset = address - base, .size = size };

	handler(device, &access);
	return size < 8 ? access.value & ((1ULL << size * 8) - 1) : access.value;
}

static inline void fake_write(bus_handler *handler, struct device *device, uint64_t base, uint64_t address,
                              uint8_t size, uint64_t value)
{
	struct bus_access access = {
		.address = address, .offset = address - base, .size = size, .write = true, .value = value,
	};

	handler(device, &access);
}

/* Saves `from`, and restores it into `to`, which must then save the same bytes. Truncated input must fail. */
static inline void fake_round_trip(const struct device *from, struct device *to)
{
	static uint8_t first[8192], second[8192];
	struct stream out = { .data = first, .size = sizeof(first) };
	struct stream again = { .data = second, .size = sizeof(second) };
	struct stream in;

	from->ops->save(from, &out);
	assert_false(out.failed);
	for (size_t cut = 0; cut < out.position; cut += cut < 32 ? 1 : 37) {
		in = (struct stream){ .data = first, .size = cut };
		to->ops->restore(to, &in);
		assert_true(in.failed);
	}
	in = (struct stream){ .data = first, .size = out.position };
	to->ops->restore(to, &in);
	assert_false(in.failed);
	assert_int_equal(in.position, out.position);
	to->ops->save(to, &again);
	assert_int_equal(again.position, out.position);
	assert_memory_equal(first, second, out.position);
}

/* Hostile input with a right header: every byte of the body set to each of these values in turn. Nothing may break. */
static inline void fake_hostile_restore(struct device *device, void (*use)(void))
{
	static uint8_t saved[8192], bad[8192];
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	struct stream out = { .data = saved, .size = sizeof(saved) };

	device->ops->save(device, &out);
	assert_false(out.failed);
	for (size_t at = 8; at <= out.position; at++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			struct stream in = { .data = bad, .size = out.position };

			memcpy(bad, saved, out.position);
			if (at < out.position)
				bad[at] = values[v];
			else
				memset(bad + 8, values[v], out.position - 8); /* at last, all of them */
			device->ops->restore(device, &in);
			use();
		}
	}
}

#endif
