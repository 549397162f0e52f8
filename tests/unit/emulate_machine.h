/* SPDX-License-Identifier: MIT */
/* A machine for the emulator: registers, a little memory, and ports that remember. */
#ifndef TESTS_UNIT_EMULATE_MACHINE_H
#define TESTS_UNIT_EMULATE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernel/emulate.h"

#define RAM_SIZE 512

struct board {
	struct machine machine; /* first */
	uint64_t gpr[16], rip, rflags, base[6];
	uint64_t ram_at;        /* linear address */
	uint8_t ram[RAM_SIZE];
	uint64_t read_only;     /* writes from here on fault; 0: all is writable */
	unsigned continues;     /* how many more times can_continue() says yes */
	unsigned reads, writes, ins, outs;
	uint64_t first_read;    /* linear address of the first read */
	uint64_t port_value;    /* what IN gives, plus one each time; what OUT was given last */
	uint16_t port;
};

static struct board *board_of(struct machine *m)
{
	return (struct board *)m;
}

static bool board_can_continue(struct machine *m)
{
	struct board *b = board_of(m);

	if (b->continues == 0)
		return false;
	b->continues--;
	return true;
}

static uint64_t board_read_gpr(struct machine *m, unsigned reg)
{
	return board_of(m)->gpr[reg];
}

static void board_write_gpr(struct machine *m, unsigned reg, uint64_t value)
{
	board_of(m)->gpr[reg] = value;
}

static uint64_t board_rip(struct machine *m)
{
	return board_of(m)->rip;
}

static uint64_t board_rflags(struct machine *m)
{
	return board_of(m)->rflags;
}

static void board_set_rflags(struct machine *m, uint64_t value)
{
	board_of(m)->rflags = value;
}

static uint64_t board_segment_base(struct machine *m, unsigned segment)
{
	return board_of(m)->base[segment];
}

/* NULL: a fault. */
static uint8_t *board_memory(struct board *b, unsigned segment, uint64_t offset, unsigned size, bool write)
{
	uint64_t linear = b->base[segment] + offset, at = linear - b->ram_at;

	if (at >= RAM_SIZE || RAM_SIZE - at < size)
		return NULL;
	if (write && b->read_only && linear + size > b->read_only)
		return NULL;
	return b->ram + at;
}

static int board_read(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	struct board *b = board_of(m);
	uint8_t *at = board_memory(b, segment, offset, size, false);

	if (!at)
		return -1;
	if (b->reads++ == 0)
		b->first_read = b->base[segment] + offset;
	*value = 0x5a5a5a5a5a5a5a5a; /* what lies beyond `size` is not the emulator's to use */
	memcpy(value, at, size);
	return 0;
}

static int board_write(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t value)
{
	struct board *b = board_of(m);
	uint8_t *at = board_memory(b, segment, offset, size, true);

	if (!at)
		return -1;
	b->writes++;
	memcpy(at, &value, size);
	return 0;
}

static int board_probe_write(struct machine *m, unsigned segment, uint64_t offset, unsigned size)
{
	return board_memory(board_of(m), segment, offset, size, true) ? 0 : -1;
}

static int board_in(struct machine *m, uint16_t port, unsigned size, uint64_t *value)
{
	struct board *b = board_of(m);

	(void)size;
	b->ins++;
	b->port = port;
	*value = b->port_value++;
	return 0;
}

static int board_out(struct machine *m, uint16_t port, unsigned size, uint64_t value)
{
	struct board *b = board_of(m);

	(void)size;
	b->outs++;
	b->port = port;
	b->port_value = value;
	return 0;
}

static void board_init(struct board *b, enum instruction_mode mode)
{
	memset(b, 0, sizeof(*b));
	b->machine = (struct machine){
		.mode = mode,
		.can_continue = board_can_continue,
		.read_gpr = board_read_gpr,
		.write_gpr = board_write_gpr,
		.rip = board_rip,
		.rflags = board_rflags,
		.set_rflags = board_set_rflags,
		.segment_base = board_segment_base,
		.read_memory = board_read,
		.write_memory = board_write,
		.in = board_in,
		.out = board_out,
		.probe_write = board_probe_write,
	};
	b->rflags = 2;
	b->ram_at = 0x1000;
	b->continues = UINT32_MAX;
}

#endif
