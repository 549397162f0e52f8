/* SPDX-License-Identifier: MIT */
/* drivers/vioapic.c: registers, edges, levels with remote IRR, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/vioapic.h"

#define MASKED  (1u << 16)
#define LEVEL   (1u << 15)
#define REMOTE  (1u << 14)
#define LOW     (1u << 13)
#define LOGICAL (1u << 11)

static struct vioapic ioapic;
static unsigned sent;
static uint64_t address;
static uint32_t data;

static void message(struct device_host *host, uint64_t to, uint32_t what)
{
	(void)host;
	sent++;
	address = to;
	data = what;
}

static struct device_host host = { .message = message };

static int setup(void **state)
{
	(void)state;
	vioapic_init(&ioapic, &host);
	sent = 0;
	return 0;
}

static void store(uint64_t offset, unsigned size, uint64_t value)
{
	struct bus_access access = { .address = VIOAPIC_BASE + offset, .offset = offset, .size = (uint8_t)size,
		                     .write = true, .value = value };

	vioapic_mmio(&ioapic.device, &access);
}

static uint64_t load(uint64_t offset)
{
	struct bus_access access = { .address = VIOAPIC_BASE + offset, .offset = offset, .size = 4,
		                     .value = UINT64_MAX };

	vioapic_mmio(&ioapic.device, &access);
	return access.value;
}

static void set(unsigned index, uint32_t value)
{
	store(0, 4, index);
	store(0x10, 4, value);
}

static uint32_t get(unsigned index)
{
	store(0, 4, index);
	return (uint32_t)load(0x10);
}

static void entry(unsigned pin, uint32_t low, uint8_t destination)
{
	set(0x11 + 2 * pin, (uint32_t)destination << 24);
	set(0x10 + 2 * pin, low);
}

static uint32_t low(unsigned pin)
{
	return get(0x10 + 2 * pin);
}

static void registers(void **state)
{
	(void)state;
	assert_int_equal(get(0), 0);
	assert_int_equal(get(1), 0x00170020);
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		assert_int_equal(low(pin), MASKED);
		assert_int_equal(get(0x11 + 2 * pin), 0);
	}
	set(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	assert_int_equal(get(2), 0x0f000000);
	set(1, 0);
	assert_int_equal(get(1), 0x00170020);
	assert_int_equal(load(0), 1);
	set(0x10, 0xffffffff);
	assert_int_equal(get(0x10), 0x1afff);     /* delivery status and remote IRR are read-only */
	set(0x11, 0xffffffff);
	assert_int_equal(get(0x11), 0xff000000);
	set(0x3f, 0x05000000);
	assert_int_equal(get(0x3f), 0x05000000);
	assert_int_equal(get(0x40), 0);
	set(0x40, 0xffffffff);
	set(0x03, 0xffffffff);
	assert_int_equal(get(0xff), 0);
	set(0xff, 0xffffffff);
	store(0, 8, 0xffffffffffffff01);
	assert_int_equal(load(0), 1);
	assert_int_equal(load(0x20), 0);
	store(0xff8, 8, UINT64_MAX);
	assert_int_equal(sent, 0);
}

static void narrow_writes_to_the_window_are_dropped(void **state)
{
	(void)state;
	store(0, 1, 0x10);
	store(0x10, 1, 0x30);
	assert_int_equal(low(0), MASKED);
}

static void edge(void **state)
{
	(void)state;
	entry(2, 0x30, 3);
	vioapic_set_line(&ioapic, 2, true);
	assert_int_equal(sent, 1);
	assert_int_equal(address, 0xfee03000);
	assert_int_equal(data, 0x30);
	vioapic_set_line(&ioapic, 2, true);       /* no new edge */
	assert_int_equal(sent, 1);
	vioapic_set_line(&ioapic, 2, false);
	assert_int_equal(sent, 1);
	vioapic_set_line(&ioapic, 2, true);
	assert_int_equal(sent, 2);
	assert_int_equal(low(2), 0x30);
}

static void masked_edge_is_lost(void **state)
{
	(void)state;
	entry(4, 0x34 | MASKED, 0);
	vioapic_set_line(&ioapic, 4, true);
	entry(4, 0x34, 0);
	assert_int_equal(sent, 0);
	vioapic_set_line(&ioapic, 4, false);
	vioapic_set_line(&ioapic, 4, true);
	assert_int_equal(sent, 1);
}

static void level(void **state)
{
	(void)state;
	entry(11, 0x51 | LEVEL | LOW, 0);
	vioapic_set_line(&ioapic, 11, true);
	assert_int_equal(sent, 1);
	assert_int_equal(data, 0xc051);
	assert_int_equal(low(11), 0x51 | LEVEL | LOW | REMOTE);
	vioapic_set_line(&ioapic, 11, false);     /* stays in flight */
	assert_int_equal(low(11), 0x51 | LEVEL | LOW | REMOTE);
	vioapic_set_line(&ioapic, 11, true);
	assert_int_equal(sent, 1);
	vioapic_eoi(&ioapic, 0x52);               /* another vector */
	assert_int_equal(sent, 1);
	vioapic_eoi(&ioapic, 0x51);               /* still asserted: again */
	assert_int_equal(sent, 2);
	vioapic_set_line(&ioapic, 11, false);
	vioapic_eoi(&ioapic, 0x51);
	assert_int_equal(sent, 2);
	assert_int_equal(low(11), 0x51 | LEVEL | LOW);
}

static void masked_level_waits(void **state)
{
	(void)state;
	entry(11, 0x51 | LEVEL | MASKED, 0);
	vioapic_set_line(&ioapic, 11, true);
	assert_int_equal(sent, 0);
	set(0x10 + 22, 0x51 | LEVEL);
	assert_int_equal(sent, 1);
	set(0x10 + 22, 0x51 | LEVEL | MASKED);    /* masked in service, as Linux does */
	assert_true(low(11) & REMOTE);
	vioapic_eoi(&ioapic, 0x51);
	assert_int_equal(sent, 1);
	assert_false(low(11) & REMOTE);
	set(0x10 + 22, 0x51 | LEVEL);
	assert_int_equal(sent, 2);
}

static void eoi_register(void **state)
{
	(void)state;
	entry(5, 0x61 | LEVEL, 0);
	entry(6, 0x61 | LEVEL, 1);
	vioapic_set_line(&ioapic, 5, true);
	vioapic_set_line(&ioapic, 6, true);
	assert_int_equal(sent, 2);
	vioapic_set_line(&ioapic, 5, false);
	store(0x40, 4, 0x61);
	assert_int_equal(sent, 3);                /* both ended, one still asserted */
	assert_false(low(5) & REMOTE);
	assert_true(low(6) & REMOTE);
}

static void becoming_an_edge_ends_the_wait(void **state)
{
	(void)state;
	entry(7, 0x71 | LEVEL, 0);
	vioapic_set_line(&ioapic, 7, true);
	set(0x10 + 14, 0x71 | MASKED);
	assert_int_equal(low(7), 0x71 | MASKED);
	set(0x10 + 14, 0x71 | LEVEL);
	assert_int_equal(sent, 2);
	assert_true(low(7) & REMOTE);
}

static void messages(void **state)
{
	(void)state;
	entry(1, 0x31 | LOGICAL | 0x100, 0xff);
	vioapic_set_line(&ioapic, 1, true);
	assert_int_equal(address, 0xfeeff00c);    /* lowest priority: redirection hint */
	assert_int_equal(data, 0x131);
	entry(3, 0x400 | LEVEL, 2);               /* NMI: an edge whatever the entry says */
	vioapic_set_line(&ioapic, 3, true);
	assert_int_equal(address, 0xfee02000);
	assert_int_equal(data, 0x400);
	assert_false(low(3) & REMOTE);
	assert_int_equal(sent, 2);
}

static void pins_beyond_are_ignored(void **state)
{
	(void)state;
	vioapic_set_line(&ioapic, 24, true);
	vioapic_set_line(&ioapic, UINT32_MAX, true);
	assert_int_equal(ioapic.lines, 0);
}

static void reset(void **state)
{
	(void)state;
	entry(11, 0x51 | LEVEL, 0);
	vioapic_set_line(&ioapic, 11, true);
	ioapic.device.ops->reset(&ioapic.device);
	assert_int_equal(low(11), MASKED);
}

static void save_and_restore(void **state)
{
	uint8_t buffer[512];
	struct stream stream = { .data = buffer, .size = sizeof(buffer) };
	struct vioapic before;

	(void)state;
	entry(11, 0x51 | LEVEL, 9);
	entry(2, 0x30 | LOGICAL, 1);
	vioapic_set_line(&ioapic, 11, true);
	set(0, 0x02000000);
	before = ioapic;
	ioapic.device.ops->save(&ioapic.device, &stream);
	assert_false(stream.failed);
	vioapic_init(&ioapic, &host);
	stream = (struct stream){ .data = buffer, .size = stream.position };
	ioapic.device.ops->restore(&ioapic.device, &stream);
	assert_false(stream.failed);
	assert_memory_equal(&ioapic, &before, sizeof(ioapic));
	assert_int_equal(sent, 1);
}

static void hostile_streams(void **state)
{
	uint8_t buffer[512];
	struct stream good = { .data = buffer, .size = sizeof(buffer) };
	struct vioapic before = ioapic;

	(void)state;
	ioapic.device.ops->save(&ioapic.device, &good);
	for (size_t size = 0; size < good.position; size++) {
		struct stream cut = { .data = buffer, .size = size };

		ioapic.device.ops->restore(&ioapic.device, &cut);
		assert_true(cut.failed);
	}
	static const struct {
		unsigned word;
		uint64_t value;
	} bad[] = {
		{ 0, 0x100 }, { 1, 1 }, { 1, 1ULL << 32 }, { 2, 1u << 24 }, { 3, REMOTE | MASKED }, { 3, 1u << 12 },
		{ 26, 1u << 17 }, { 26, 1ULL << 55 }, { 4, REMOTE | LEVEL | 0x400 },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t copy[512];
		struct stream in = { .data = copy, .size = good.position };

		memcpy(copy, buffer, sizeof(copy));
		for (unsigned b = 0; b < 8; b++)
			copy[8 + 8 * bad[i].word + b] = (uint8_t)(bad[i].value >> (8 * b));
		ioapic.device.ops->restore(&ioapic.device, &in);
		assert_true(in.failed);
	}
	assert_memory_equal(&ioapic, &before, sizeof(ioapic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers, setup),
		cmocka_unit_test_setup(narrow_writes_to_the_window_are_dropped, setup),
		cmocka_unit_test_setup(edge, setup),
		cmocka_unit_test_setup(masked_edge_is_lost, setup),
		cmocka_unit_test_setup(level, setup),
		cmocka_unit_test_setup(masked_level_waits, setup),
		cmocka_unit_test_setup(eoi_register, setup),
		cmocka_unit_test_setup(becoming_an_edge_ends_the_wait, setup),
		cmocka_unit_test_setup(messages, setup),
		cmocka_unit_test_setup(pins_beyond_are_ignored, setup),
		cmocka_unit_test_setup(reset, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
		cmocka_unit_test_setup(hostile_streams, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
