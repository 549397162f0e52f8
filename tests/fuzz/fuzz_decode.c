/* SPDX-License-Identifier: MIT */
/*
 * Any bytes in any mode are decoded and executed on a machine whose registers, memory and faults come from the input.
 * Input: mode, what faults, 16 registers of one byte each, then instructions one after the other.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/emulate.h"

#define HEADER 18

struct toy {
	struct machine machine; /* first */
	uint64_t gpr[16], rflags;
	uint64_t memory;        /* what is read everywhere */
	unsigned until_fault;   /* accesses that still succeed */
	unsigned steps;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static struct toy *toy_of(struct machine *m)
{
	return (struct toy *)m;
}

static bool can_continue(struct machine *m)
{
	return toy_of(m)->steps++ < 64;
}

static uint64_t read_gpr(struct machine *m, unsigned reg)
{
	must(reg < 16);
	return toy_of(m)->gpr[reg];
}

static void write_gpr(struct machine *m, unsigned reg, uint64_t value)
{
	must(reg < 16);
	toy_of(m)->gpr[reg] = value;
}

static uint64_t rip(struct machine *m)
{
	return toy_of(m)->memory;
}

static uint64_t rflags(struct machine *m)
{
	return toy_of(m)->rflags;
}

static void set_rflags(struct machine *m, uint64_t value)
{
	must(((value ^ toy_of(m)->rflags) & ~0x8d5ull) == 0); /* only the six arithmetic flags ever change */
	toy_of(m)->rflags = value;
}

static uint64_t segment_base(struct machine *m, unsigned segment)
{
	(void)m;
	must(segment < 6);
	return 0;
}

static int access(struct machine *m, unsigned segment, uint64_t offset, unsigned size)
{
	must(segment < 6);
	must(size == 1 || size == 2 || size == 4 || size == 8);
	must(m->mode == MODE_64 || offset <= UINT32_MAX);
	if (toy_of(m)->until_fault == 0)
		return -1;
	toy_of(m)->until_fault--;
	return 0;
}

static int read_memory(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = toy_of(m)->memory;
	return access(m, segment, offset, size);
}

static int write_memory(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t value)
{
	toy_of(m)->memory ^= value << 1;
	return access(m, segment, offset, size);
}

static int probe_write(struct machine *m, unsigned segment, uint64_t offset, unsigned size)
{
	return access(m, segment, offset, size);
}

static int in(struct machine *m, uint16_t port, unsigned size, uint64_t *value)
{
	must(size == 1 || size == 2 || size == 4);
	*value = toy_of(m)->memory + port;
	return 0;
}

static int out(struct machine *m, uint16_t port, unsigned size, uint64_t value)
{
	must(size == 1 || size == 2 || size == 4);
	toy_of(m)->memory += port + value;
	return 0;
}

/* Nothing that fewer bytes would show can be different, and nothing is read behind `count`. */
static void decode_part(const uint8_t *bytes, unsigned count, enum instruction_mode mode,
                        const struct instruction *whole)
{
	struct instruction part;
	uint8_t *copy = malloc(count + 1);
	enum decode_result result;

	must(copy != NULL);
	memcpy(copy, bytes, count);
	result = decode(copy, count, mode, &part);
	must(count >= whole->length ? result == DECODE_OK : result == DECODE_SHORT);
	must(result != DECODE_OK || part.length == whole->length);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum instruction_mode modes[] = { MODE_16, MODE_32, MODE_64, MODE_64 };
	struct toy toy = {
		.machine = {
			.can_continue = can_continue,
			.read_gpr = read_gpr,
			.write_gpr = write_gpr,
			.rip = rip,
			.rflags = rflags,
			.set_rflags = set_rflags,
			.segment_base = segment_base,
			.read_memory = read_memory,
			.write_memory = write_memory,
			.in = in,
			.out = out,
		},
		.rflags = 2,
	};
	struct instruction i;

	if (size < HEADER)
		return 0;
	toy.machine.mode = modes[data[0] & 3];
	toy.machine.probe_write = data[0] & 4 ? probe_write : NULL;
	toy.rflags |= data[0] & 8 ? 0x400 : 0;
	toy.until_fault = data[1];
	for (unsigned reg = 0; reg < 16; reg++)
		toy.gpr[reg] = (uint64_t)(int64_t)(int8_t)data[2 + reg];
	data += HEADER;
	size -= HEADER;
	for (unsigned n = 0; n < 64 && size > 0; n++) {
		unsigned count = size < 255 ? (unsigned)size : 255;
		uint64_t before[16];
		enum emulate_result result;

		if (decode(data, count, toy.machine.mode, &i) != DECODE_OK)
			break;
		must(i.length > 0 && i.length <= 15 && i.length <= count);
		decode_part(data, i.length, toy.machine.mode, &i);
		decode_part(data, i.length - 1u, toy.machine.mode, &i);
		memcpy(before, toy.gpr, sizeof(before));
		toy.steps = 0;
		result = emulate(&toy.machine, &i);
		must(result == EMULATE_DONE || i.rep || i.repne || memcmp(before, toy.gpr, sizeof(before)) == 0);
		data += i.length;
		size -= i.length;
	}
	return 0;
}
