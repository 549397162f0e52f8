/* SPDX-License-Identifier: MIT */
/*
 * kernel/emulate*.c: what test_emulate_native.c cannot ask the processor: faults, 16- and 32-bit mode, segments, string
 * I/O, batches, the stack, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/emulate_alu.h"
#include "kernel/vcpu_ops.h"
#include "tests/unit/emulate_machine.h"

enum { AX, CX, DX, BX, SP, BP, SI, DI };

static struct board board;

static enum emulate_result run(const char *text)
{
	uint8_t bytes[32] = { 0 };
	struct instruction i;
	unsigned count = 0, value;
	int used;

	for (; sscanf(text, "%2x%n", &value, &used) == 1; text += used)
		bytes[count++] = (uint8_t)value;
	assert_int_equal(decode(bytes, 15, board.machine.mode, &i), DECODE_OK);
	assert_int_equal(i.length, count);
	return emulate(&board.machine, &i);
}

static void start(enum instruction_mode mode)
{
	board_init(&board, mode);
	for (unsigned reg = 0; reg < 16; reg++)
		board.gpr[reg] = 0x1111111111111111u * reg;
	board.gpr[SI] = 0x1040;
	board.gpr[DI] = 0x1080;
	board.gpr[SP] = 0x1100;
}

static uint64_t ram(unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, board.ram + offset, size);
	return value;
}

static void set_ram(unsigned offset, uint64_t value)
{
	memcpy(board.ram + offset, &value, 8);
}

static void merges_and_extends(void **state)
{
	(void)state;
	start(MODE_64);
	set_ram(0x80, 0x8877665544332211);
	board.gpr[AX] = UINT64_MAX;
	assert_int_equal(run("8a 07"), EMULATE_DONE);
	assert_true(board.gpr[AX] == 0xffffffffffffff11);
	assert_int_equal(run("8a 67 01"), EMULATE_DONE); /* AH */
	assert_true(board.gpr[AX] == 0xffffffffffff2211);
	assert_int_equal(run("66 8b 47 02"), EMULATE_DONE);
	assert_true(board.gpr[AX] == 0xffffffffffff4433);
	assert_int_equal(run("8b 07"), EMULATE_DONE);
	assert_true(board.gpr[AX] == 0x44332211);
	assert_int_equal(run("48 8b 07"), EMULATE_DONE);
	assert_true(board.gpr[AX] == 0x8877665544332211);
	assert_int_equal(run("40 8a 67 01"), EMULATE_DONE); /* SPL, not AH */
	assert_true(board.gpr[SP] == 0x1122);
	assert_true(board.gpr[AX] == 0x8877665544332211);
}

static void addresses(void **state)
{
	(void)state;
	start(MODE_64);
	board.rip = 0x1000;
	set_ram(0x27, 0x1234);
	assert_int_equal(run("8b 05 21 00 00 00"), EMULATE_DONE); /* from the end of the instruction */
	assert_true(board.gpr[AX] == 0x1234);
	board.rip = 0xffffffff00001000; /* with 67, EIP is what counts */
	assert_int_equal(run("67 8b 1d 20 00 00 00"), EMULATE_DONE);
	assert_true(board.gpr[BX] == 0x1234);

	board.gpr[BX] = 0x10000fff;
	board.gpr[CX] = 0xf0000028; /* wraps at 4 GiB with a 32-bit address only */
	assert_int_equal(run("67 8b 14 0b"), EMULATE_DONE);
	assert_true(board.gpr[DX] == 0x1234);
	assert_int_equal(run("8b 14 0b"), EMULATE_FAULT);

	start(MODE_16);
	set_ram(0x10, 0xabcd);
	board.gpr[BX] = 0xfff0;
	board.gpr[SI] = 0x0020;
	board.base[VCPU_DS] = 0x1000;
	assert_int_equal(run("8b 00"), EMULATE_DONE); /* BX + SI wraps at 64 KiB */
	assert_int_equal(board.gpr[AX] & 0xffff, 0xabcd);
	board.base[VCPU_ES] = 0x1008;
	assert_int_equal(run("26 8b 4e 00"), EMULATE_FAULT);
	board.gpr[BP] = 8;
	assert_int_equal(run("26 8b 4e 00"), EMULATE_DONE);
	assert_int_equal(board.gpr[CX] & 0xffff, 0xabcd);

	start(MODE_64);
	set_ram(0x30, 0x77);
	board.base[VCPU_GS] = 0x1000;
	assert_int_equal(run("65 a0 30 00 00 00 00 00 00 00"), EMULATE_DONE);
	assert_int_equal(board.gpr[AX] & 0xff, 0x77);
}

static void big_endian(void **state)
{
	(void)state;
	start(MODE_64);
	set_ram(0x80, 0x8877665544332211);
	assert_int_equal(run("0f 38 f0 07"), EMULATE_DONE);
	assert_true(board.gpr[AX] == 0x11223344);
	assert_int_equal(run("66 0f 38 f0 0f"), EMULATE_DONE);
	assert_true(board.gpr[CX] == 0x1111111111111122);
	assert_int_equal(run("48 0f 38 f0 17"), EMULATE_DONE);
	assert_true(board.gpr[DX] == 0x1122334455667788);
	assert_int_equal(run("66 0f 38 f1 57 10"), EMULATE_DONE);
	assert_true(ram(0x90, 8) == 0x8877);
	assert_int_equal(run("48 0f c3 57 20"), EMULATE_DONE); /* MOVNTI is a plain store */
	assert_true(ram(0xa0, 8) == 0x1122334455667788);
}

/* Whatever faults, registers, flags and memory are as before. */
static void faults_change_nothing(void **state)
{
	static const char *const instructions[] = {
		"8a 07", "8b 07", "89 07", "c6 07 01", "0f b6 07", "0f bf 07", "01 07", "03 07", "39 07", "3b 07",
		"83 07 01", "85 07", "f6 07 01", "f7 17", "f7 1f", "ff 07", "ff 0f", "87 07", "0f c1 07", "0f b1 07",
		"0f c7 0f", "0f a3 07", "0f ab 07", "0f ba 3f 01", "a5", "ab", "ad", "a7", "af", "6d", "6f", "f3 a5",
		"f3 6d", "f3 ab", "ff 37", "8f 07", "0f c3 07", "0f 38 f0 07", "0f 38 f1 07", "0f 94 07", "0f 44 07",
		"c1 27 01", "d3 27", "50", "58",
	};

	(void)state;
	for (unsigned n = 0; n < sizeof(instructions) / sizeof(*instructions); n++) {
		struct board before;

		start(MODE_64);
		board.gpr[SI] = board.gpr[DI] = board.gpr[SP] = 0x5000;
		before = board;
		if (run(instructions[n]) != EMULATE_FAULT)
			fail_msg("%s did not fault", instructions[n]);
		assert_memory_equal(board.gpr, before.gpr, sizeof(board.gpr));
		assert_true(board.rflags == before.rflags);
		assert_int_equal(board.ins + board.outs, 0);
	}
	for (unsigned n = 0; n < sizeof(instructions) / sizeof(*instructions); n++) { /* readable, but not writable */
		struct board before;

		start(MODE_64);
		board.gpr[AX] = 0x0101; /* so that CMPXCHG has something to load */
		board.read_only = board.ram_at;
		before = board;
		if (run(instructions[n]) != EMULATE_FAULT)
			continue;
		assert_memory_equal(board.gpr, before.gpr, sizeof(board.gpr));
		assert_memory_equal(board.ram, before.ram, sizeof(board.ram));
		assert_true(board.rflags == before.rflags);
	}
}

static void compare_exchange_always_writes(void **state)
{
	(void)state;
	start(MODE_64);
	set_ram(0x80, 5);
	board.gpr[AX] = 4;
	assert_int_equal(run("f0 0f b1 0f"), EMULATE_DONE);
	assert_int_equal(board.writes, 1);
	assert_int_equal(ram(0x80, 4), 5);
	assert_true(board.gpr[AX] == 5);
	assert_false(board.rflags & RFLAGS_ZF);
	assert_int_equal(run("f0 0f b1 0f"), EMULATE_DONE);
	assert_int_equal(ram(0x80, 4), 0x11111111);
	assert_true(board.rflags & RFLAGS_ZF);
}

static void string_io(void **state)
{
	(void)state;
	start(MODE_64);
	board.gpr[DX] = 0xffff01f0;
	board.gpr[CX] = 4;
	board.port_value = 0xaaaa0001;
	assert_int_equal(run("f3 66 6d"), EMULATE_DONE);
	assert_int_equal(board.port, 0x1f0);
	assert_int_equal(board.ins, 4);
	assert_true(ram(0x80, 8) == 0x0004000300020001);
	assert_true(ram(0x88, 8) == 0);
	assert_true(board.gpr[DI] == 0x1088 && board.gpr[CX] == 0 && board.gpr[SI] == 0x1040);

	set_ram(0x40, 0x44332211);
	board.gpr[CX] = 2;
	board.rflags |= RFLAGS_DF;
	assert_int_equal(run("f3 6e"), EMULATE_DONE);
	assert_true(board.port_value == 0);
	assert_int_equal(board.outs, 2);
	assert_true(board.gpr[SI] == 0x103e && board.gpr[CX] == 0);
	board.gpr[SI] = 0x1041;
	assert_int_equal(run("6e"), EMULATE_DONE);
	assert_true(board.port_value == 0x22 && board.gpr[SI] == 0x1040);
}

/* The device gives its word only when there is a place to put it. */
static void input_is_not_lost(void **state)
{
	(void)state;
	start(MODE_64);
	board.gpr[DI] = 0x11fe;
	board.gpr[CX] = 5;
	assert_int_equal(run("f3 66 6d"), EMULATE_FAULT);
	assert_int_equal(board.ins, 1);
	assert_true(board.gpr[CX] == 4 && board.gpr[DI] == 0x1200);

	start(MODE_64);
	board.gpr[DI] = 0x11fe;
	board.gpr[CX] = 5;
	assert_int_equal(run("f3 66 a5"), EMULATE_FAULT);
	assert_int_equal(board.reads, 1);
	assert_true(board.gpr[CX] == 4 && board.gpr[DI] == 0x1200 && board.gpr[SI] == 0x1042);

	start(MODE_64);
	board.machine.probe_write = NULL; /* does without */
	board.gpr[CX] = 2;
	assert_int_equal(run("f3 6d"), EMULATE_DONE);
	board.read_only = board.ram_at;
	assert_int_equal(run("6d"), EMULATE_FAULT);
	assert_true(board.gpr[DI] == 0x1088);
}

static void repeats_in_steps(void **state)
{
	(void)state;
	start(MODE_64);
	board.gpr[CX] = 10;
	board.continues = 3;
	assert_int_equal(run("f3 aa"), EMULATE_AGAIN);
	assert_true(board.gpr[CX] == 6 && board.gpr[DI] == 0x1084);
	board.continues = 100;
	assert_int_equal(run("f3 aa"), EMULATE_DONE);
	assert_true(board.gpr[CX] == 0 && board.gpr[DI] == 0x108a);

	start(MODE_64); /* up to the fault */
	board.gpr[CX] = 1000000;
	assert_int_equal(run("f3 6c"), EMULATE_FAULT);
	assert_true(board.gpr[DI] == 0x1200 && board.gpr[CX] == 1000000 - 0x180);

	start(MODE_64); /* the last one is the end, whatever waits */
	board.gpr[CX] = 4;
	board.continues = 3;
	assert_int_equal(run("f3 aa"), EMULATE_DONE);

	start(MODE_64);
	board.gpr[CX] = 0;
	assert_int_equal(run("f3 a5"), EMULATE_DONE);
	assert_int_equal(board.reads + board.writes, 0);
}

/* Memory everywhere, so that a long REP finds no end. */
static int endless(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	(void)m;
	(void)segment;
	(void)offset;
	(void)size;
	*value = 0;
	return 0;
}

static void batches_are_bounded(void **state)
{
	(void)state;
	start(MODE_64);
	board.machine.read_memory = endless;
	board.gpr[CX] = UINT64_MAX;
	assert_int_equal(run("f3 ac"), EMULATE_AGAIN);
	assert_true(board.gpr[CX] < UINT64_MAX - 100);
	assert_true(board.gpr[CX] > UINT64_MAX - 100000);
}

static void string_registers_have_the_address_size(void **state)
{
	(void)state;
	start(MODE_16);
	board.gpr[CX] = 0x12340002;
	board.gpr[DI] = 0x5678ffff;
	board.base[VCPU_ES] = 0x1000 - 0xffff;
	assert_int_equal(run("aa"), EMULATE_DONE);
	assert_true(board.gpr[DI] == 0x56780000);
	board.base[VCPU_ES] = 0x1000;
	assert_int_equal(run("f3 aa"), EMULATE_DONE);
	assert_true(board.gpr[DI] == 0x56780002 && board.gpr[CX] == 0x12340000);

	start(MODE_64); /* 32 bits: the upper halves go */
	board.gpr[CX] = 0xaaaaaaaa00000002;
	board.gpr[DI] = 0xbbbbbbbb00001080;
	assert_int_equal(run("67 f3 aa"), EMULATE_DONE);
	assert_true(board.gpr[DI] == 0x1082 && board.gpr[CX] == 0);

	start(MODE_16); /* the source's segment can be overridden, the destination's not */
	board.base[VCPU_FS] = 0x1000;
	board.base[VCPU_ES] = 0x1100;
	board.base[VCPU_DS] = 0x9000;
	board.gpr[SI] = 0x10;
	board.gpr[DI] = 0x20;
	set_ram(0x10, 0x5a);
	assert_int_equal(run("64 a4"), EMULATE_DONE);
	assert_int_equal(ram(0x120, 1), 0x5a);
	board.gpr[SI] = 0x10;
	board.gpr[DI] = 0x20;
	assert_int_equal(run("64 a6"), EMULATE_DONE);
	assert_true(board.rflags & RFLAGS_ZF);
	board.gpr[AX] = 0x5a;
	board.gpr[DI] = 0x20;
	assert_int_equal(run("64 ae"), EMULATE_DONE);
	assert_true(board.rflags & RFLAGS_ZF);
}

static void compares_stop(void **state)
{
	(void)state;
	start(MODE_64);
	memcpy(board.ram + 0x40, "hello", 5);
	memcpy(board.ram + 0x80, "help!", 5);
	board.gpr[CX] = 5;
	assert_int_equal(run("f3 a6"), EMULATE_DONE);
	assert_true(board.gpr[CX] == 1 && board.gpr[SI] == 0x1044 && board.gpr[DI] == 0x1084);
	assert_true(board.rflags & RFLAGS_CF); /* 'l' is less than 'p' */
	assert_false(board.rflags & RFLAGS_ZF);
	board.gpr[AX] = 'e';
	board.gpr[CX] = 100;
	board.gpr[DI] = 0x1080;
	assert_int_equal(run("f2 ae"), EMULATE_DONE);
	assert_true(board.gpr[CX] == 98 && board.gpr[DI] == 0x1082);
	assert_true(board.rflags & RFLAGS_ZF);
}

/* The flags of the iterations that were done are kept when a later one faults. */
static void compare_faults_late(void **state)
{
	(void)state;
	start(MODE_64);
	board.gpr[SI] = 0x11ff;
	board.gpr[CX] = 3;
	assert_int_equal(run("f3 a6"), EMULATE_FAULT);
	assert_true(board.gpr[CX] == 2 && board.gpr[SI] == 0x1200);
	assert_true(board.rflags & RFLAGS_ZF);
}

static void stack(void **state)
{
	(void)state;
	start(MODE_64);
	set_ram(0x80, 0x1122334455667788);
	assert_int_equal(run("ff 37"), EMULATE_DONE);
	assert_true(board.gpr[SP] == 0x10f8);
	assert_true(ram(0xf8, 8) == 0x1122334455667788);
	assert_int_equal(run("8f 44 24 10"), EMULATE_DONE); /* by RSP after the pop */
	assert_true(board.gpr[SP] == 0x1100);
	assert_true(ram(0x110, 8) == 0x1122334455667788);
	assert_int_equal(run("54"), EMULATE_DONE); /* PUSH RSP: the old value */
	assert_true(ram(0xf8, 8) == 0x1100);
	set_ram(0xf8, 0x4242);
	assert_int_equal(run("5c"), EMULATE_DONE);
	assert_true(board.gpr[SP] == 0x4242);
	board.gpr[SP] = 0x1100;
	assert_int_equal(run("66 6a fe"), EMULATE_DONE);
	assert_true(board.gpr[SP] == 0x10fe && ram(0xfe, 2) == 0xfffe);

	start(MODE_16);
	board.base[VCPU_SS] = 0x1000;
	board.gpr[SP] = 0x77770000;
	board.gpr[BX] = 0x1080;
	assert_int_equal(run("50"), EMULATE_FAULT); /* SP wraps to FFFE */
	board.gpr[SP] = 0x77770010;
	assert_int_equal(run("ff 37"), EMULATE_DONE);
	assert_true(board.gpr[SP] == 0x7777000e);
	board.machine.stack_size = 4;
	assert_int_equal(run("50"), EMULATE_FAULT);
}

static void conditions_read_anyway(void **state)
{
	(void)state;
	start(MODE_64);
	board.gpr[AX] = 0xffffffff12345678;
	board.rflags = 2;
	assert_int_equal(run("0f 44 07"), EMULATE_DONE); /* CMOVE, not equal */
	assert_int_equal(board.reads, 1);
	assert_true(board.gpr[AX] == 0x12345678);
	board.gpr[DI] = 0;
	assert_int_equal(run("0f 44 07"), EMULATE_FAULT);
}

static void bit_strings(void **state)
{
	(void)state;
	start(MODE_16);
	board.gpr[AX] = 0xfff0; /* -16 */
	board.gpr[BX] = 0x1010;
	assert_int_equal(run("0f ab 07"), EMULATE_DONE);
	assert_true(board.first_read == 0x100e);
	assert_int_equal(ram(0x0e, 2), 1);
	start(MODE_64);
	board.gpr[AX] = (uint64_t)-1;
	assert_int_equal(run("48 0f ab 07"), EMULATE_DONE);
	assert_true(board.first_read == 0x1078);
	assert_true(ram(0x78, 8) == 0x8000000000000000);
}

static void refused(void **state)
{
	static const char *const instructions[] = {
		"0f 11 07", "66 0f 6f 07", "c5 fc 28 07", "48 0f c7 0f", "0f a2", "f4", "8d 07", "f7 27", "d9 07",
		"0f ae 07",
		/* LOCK where it is not allowed */
		"f0 8b 07", "f0 39 07", "f0 03 07", "f0 01 c0", "f0 0f a3 07", "f0 a4", "f0 85 07", "f0 0f 95 07",
	};

	(void)state;
	for (unsigned n = 0; n < sizeof(instructions) / sizeof(*instructions); n++) {
		struct board before;

		start(MODE_64);
		before = board;
		if (run(instructions[n]) != EMULATE_UNSUPPORTED)
			fail_msg("%s was executed", instructions[n]);
		assert_memory_equal(&board, &before, sizeof(board));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_and_extends),
		cmocka_unit_test(addresses),
		cmocka_unit_test(big_endian),
		cmocka_unit_test(faults_change_nothing),
		cmocka_unit_test(compare_exchange_always_writes),
		cmocka_unit_test(string_io),
		cmocka_unit_test(input_is_not_lost),
		cmocka_unit_test(repeats_in_steps),
		cmocka_unit_test(batches_are_bounded),
		cmocka_unit_test(string_registers_have_the_address_size),
		cmocka_unit_test(compares_stop),
		cmocka_unit_test(compare_faults_late),
		cmocka_unit_test(stack),
		cmocka_unit_test(conditions_read_anyway),
		cmocka_unit_test(bit_strings),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
