/* SPDX-License-Identifier: MIT */
/* tests/guests/lib/ring.c: messages both ways, and an end that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/guests/lib/ring.h"

#define SIZE 1024 /* 2 * (128 + 256 bytes), rounded down to a power of two */
#define CAPACITY 256
#define HALF (SIZE / 2)
#define HEAD 0 /* offsets in a half */
#define TAIL 64
#define DATA 128

static _Alignas(64) uint8_t memory[SIZE];
static struct ring a, b;

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	assert_int_equal(ring_open(&a, memory, SIZE, 0), 0);
	assert_int_equal(ring_open(&b, memory, SIZE, 1), 0);
	assert_int_equal(a.capacity, CAPACITY);
	return 0;
}

static void test_both_ways(void **state)
{
	uint8_t message[300], got[300];

	(void)state;
	assert_int_equal(ring_receive(&a, got, sizeof(got)), RING_EMPTY);
	for (unsigned n = 0; n < 5000; n++) {
		uint32_t size = n * 7 % 240;

		memset(message, (int)n, sizeof(message));
		assert_int_equal(ring_send(n % 2 ? &a : &b, message, size), 0);
		memset(got, 0, sizeof(got));
		assert_int_equal(ring_receive(n % 2 ? &b : &a, got, sizeof(got)), size);
		assert_memory_equal(got, message, size);
		assert_int_equal(got[size], 0);
	}
}

static void test_full_and_too_large(void **state)
{
	uint8_t message[CAPACITY] = { 1 }, got[CAPACITY];

	(void)state;
	assert_int_equal(ring_send(&a, message, CAPACITY), RING_TOO_LARGE);
	assert_int_equal(ring_send(&a, message, UINT32_MAX), RING_TOO_LARGE);
	assert_int_equal(ring_send(&a, message, CAPACITY - 4), 0);
	assert_int_equal(ring_send(&a, message, 0), RING_FULL);
	assert_int_equal(ring_receive(&b, got, CAPACITY - 5), RING_TOO_LARGE);
	assert_int_equal(ring_receive(&b, got, CAPACITY - 4), CAPACITY - 4);
	for (unsigned i = 0; i < CAPACITY / 8; i++)
		assert_int_equal(ring_send(&a, message, 1), 0);
	assert_int_equal(ring_send(&a, message, 0), RING_FULL);
	assert_int_equal(ring_receive(&b, got, 1), 1);
	assert_int_equal(ring_send(&a, message, 5), RING_FULL);
	assert_int_equal(ring_send(&a, message, 4), 0);
}

static void test_second_life(void **state)
{
	uint8_t got[4];

	(void)state;
	assert_int_equal(ring_send(&a, "one", 4), 0);
	assert_int_equal(ring_send(&a, "two", 4), 0);
	assert_int_equal(ring_receive(&b, got, 4), 4);
	assert_int_equal(ring_open(&b, memory, SIZE, 1), 0);
	assert_int_equal(ring_open(&a, memory, SIZE, 0), 0);
	assert_int_equal(ring_receive(&b, got, 4), 4);
	assert_string_equal(got, "two");
	assert_int_equal(ring_receive(&b, got, 4), RING_EMPTY);
	assert_int_equal(ring_send(&a, "six", 4), 0);
	assert_int_equal(ring_receive(&b, got, 4), 4);
	assert_string_equal(got, "six");
}

static void put(unsigned offset, uint32_t value)
{
	memcpy(memory + offset, &value, sizeof(value));
}

static void test_lies(void **state)
{
	static const uint32_t heads[] = { 1, 2, 3, CAPACITY + 1, 0x7fffffff, 0x80000000, UINT32_MAX };
	static const uint32_t tails[] = { 1, CAPACITY, 0x80000000, UINT32_MAX - CAPACITY };
	static const uint32_t sizes[] = { 5, CAPACITY - 4, CAPACITY, 0x7fffffff, 0xfffffffb, 0xfffffffc, UINT32_MAX };
	uint8_t got[4] = { 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		put(HALF + HEAD, heads[i]);
		assert_int_equal(ring_receive(&a, got, 4), RING_BROKEN);
	}
	for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		put(TAIL, tails[i]);
		assert_int_equal(ring_send(&a, got, 4), RING_BROKEN);
	}
	put(HALF + HEAD, 8);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put(HALF + DATA, sizes[i]);
		assert_int_equal(ring_receive(&a, got, 4), RING_BROKEN);
	}
	put(HALF + DATA, 4);
	assert_int_equal(ring_receive(&a, got, 4), 4);
}

static void test_room(void **state)
{
	struct ring ring;

	(void)state;
	assert_int_equal(ring_open(&ring, memory, 0, 0), RING_NO_ROOM);
	assert_int_equal(ring_open(&ring, memory, 383, 0), RING_NO_ROOM);
	assert_int_equal(ring_open(&ring, memory, 384, 0), 0);
	assert_int_equal(ring.capacity, 64);
	assert_int_equal(ring_open(&ring, memory + 4, SIZE - 4, 0), RING_NO_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_both_ways, setup),
		cmocka_unit_test_setup(test_full_and_too_large, setup),
		cmocka_unit_test_setup(test_second_life, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_room, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
