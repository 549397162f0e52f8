/* SPDX-License-Identifier: MIT */
/*
 * kernel/emulate*.c against the processor that runs this test: instructions are put between a few others that load and
 * store all registers, and executed for real; the emulator must come to the same registers, flags and memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "kernel/emulate_alu.h"
#include "tests/unit/emulate_machine.h"

#define CODE_SIZE 4096
#define STATUS    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define RSP       4

/* Lies behind the code in the same mapping, within reach of RIP-relative addresses. */
struct context {
	uint64_t gpr[16], rflags;
	uint8_t ram[RAM_SIZE];
};

static uint8_t *code;
static struct context *native;
static struct board board;
static unsigned compared;
static uint64_t seed;

static uint8_t *put(uint8_t *at, const char *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

/* `opcode` (with its REX prefix) on [rip + distance to `target`]. */
static uint8_t *put_rip_relative(uint8_t *at, const uint8_t *opcode, size_t count, const void *target)
{
	int32_t distance;

	memcpy(at, opcode, count);
	at += count;
	distance = (int32_t)((const uint8_t *)target - (at + 4));
	memcpy(at, &distance, 4);
	return at + 4;
}

static uint8_t *put_moves(uint8_t *at, uint8_t mov)
{
	for (unsigned reg = 0; reg < 16; reg++) {
		uint8_t opcode[3] = { reg < 8 ? 0x48 : 0x4c, mov, (uint8_t)(0x05 | (reg & 7) << 3) };

		if (reg != RSP)
			at = put_rip_relative(at, opcode, 3, &native->gpr[reg]);
	}
	return at;
}

static void run_native(const uint8_t *instruction, unsigned length)
{
	static const uint8_t push[] = { 0xff, 0x35 }, pop[] = { 0x8f, 0x05 };
	uint8_t *at = code;
	void (*call)(void);

	at = put(at, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10); /* push rbx, rbp, r12 to r15 */
	at = put_rip_relative(at, push, 2, &native->rflags);
	at = put(at, "\x9d", 1); /* popfq */
	at = put_moves(at, 0x8b);
	at = put(at, (const char *)instruction, length);
	at = put_moves(at, 0x89);
	at = put(at, "\x9c", 1); /* pushfq */
	at = put_rip_relative(at, pop, 2, &native->rflags);
	put(at, "\xfc\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12); /* cld; pop them; ret */
	memcpy(&call, &code, sizeof(call));
	call();
}

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 16 ^ seed << 40;
}

/* Half of them from the edges, where carries and signs change. */
static uint64_t value(void)
{
	static const uint64_t edges[16] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 15, 16,
	};
	uint64_t random = next();

	return random & 1 ? edges[random >> 1 & 15] : random;
}

/* Flags that the SDM leaves undefined after this instruction. */
static uint64_t undefined_flags(const struct instruction *i, uint64_t rcx)
{
	unsigned bits = 8 * i->operand_size, count = 1;

	switch (i->operation) {
	case OP_AND:
	case OP_OR:
	case OP_XOR:
	case OP_TEST:
		return RFLAGS_AF;
	case OP_BT:
	case OP_BTS:
	case OP_BTR:
	case OP_BTC:
		return RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF;
	case OP_SHIFT:
		if (i->has_immediate)
			count = i->immediate & 0xff;
		else if (i->opcode & 2)
			count = rcx & 0xff;
		count &= bits == 64 ? 63 : 31;
		if (count == 0)
			return 0;
		return (i->modrm & 0x20 ? RFLAGS_AF : 0) | (count > 1 ? RFLAGS_OF : 0) |
		       (count >= bits && i->modrm & 0x20 ? RFLAGS_CF : 0);
	default:
		return 0;
	}
}

static void report(const char *what, const uint8_t *bytes, unsigned length)
{
	char text[64] = "";

	for (unsigned n = 0; n < length; n++)
		sprintf(text + 3 * n, " %02x", bytes[n]);
	fail_msg("%s differ:%s", what, text);
}

static void compare(const uint8_t *bytes)
{
	struct instruction i;
	uint64_t ignored;

	assert_int_equal(decode(bytes, 15, MODE_64, &i), DECODE_OK);
	board_init(&board, MODE_64);
	board.ram_at = (uint64_t)(uintptr_t)native->ram;
	memcpy(board.gpr, native->gpr, sizeof(board.gpr));
	memcpy(board.ram, native->ram, RAM_SIZE);
	board.rflags = native->rflags;
	ignored = undefined_flags(&i, native->gpr[1]);

	run_native(bytes, i.length);
	assert_int_equal(emulate(&board.machine, &i), EMULATE_DONE);
	if (memcmp(board.gpr, native->gpr, sizeof(board.gpr)))
		report("registers", bytes, i.length);
	if (memcmp(board.ram, native->ram, RAM_SIZE))
		report("memory", bytes, i.length);
	if ((board.rflags ^ native->rflags) & STATUS & ~ignored)
		report("flags", bytes, i.length);
	compared++;
}

/* RDI and RSI lead into memory; the rest is of all kinds. */
static void randomize(void)
{
	for (unsigned reg = 0; reg < 16; reg++)
		native->gpr[reg] = value();
	for (unsigned at = 0; at < RAM_SIZE; at += 8) {
		uint64_t v = value();

		memcpy(native->ram + at, &v, 8);
	}
	native->gpr[RSP] = 0;
	native->gpr[6] = (uint64_t)(uintptr_t)(native->ram + 64 + (next() & 63));
	native->gpr[7] = (uint64_t)(uintptr_t)(native->ram + 256 + (next() & 63));
	native->rflags = 0x202 | (next() & STATUS);
}

struct form {
	const char *opcode;
	uint8_t length;
	bool byte;  /* the operands are bytes: 4 to 7 are AH to BH */
	int8_t reg; /* in ModRM.reg; -1: any */
};

/* With memory at RDI, and with registers, at every operand size. Never RSP, which the processor needs for itself. */
static void try(const struct form *form)
{
	static const uint8_t prefixes[] = { 0, 0x66, 0x48, 0x40, 0x4c };
	static const uint8_t registers[] = { 0, 1, 2, 3, 5, 6, 7, 4 };

	for (unsigned n = 0; n < 400; n++) {
		uint8_t prefix = prefixes[n % 5], bytes[32] = { prefix };
		unsigned at = prefix != 0, choices = form->byte && !prefix ? 8 : 7;
		uint8_t reg = registers[next() % choices], rm = registers[next() % choices];
		uint64_t immediate = value();

		if (form->reg >= 0)
			reg = (uint8_t)form->reg;
		memcpy(bytes + at, form->opcode, form->length);
		at += form->length;
		bytes[at++] = (uint8_t)(reg << 3 | (n & 8 ? 0x07 : 0xc0 | rm));
		memcpy(bytes + at, &immediate, 8);
		randomize();
		compare(bytes);
	}
}

static void try_all(const struct form *forms, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		try(&forms[n]);
}

static void arithmetic(void **state)
{
	(void)state;
	for (uint8_t operation = 0; operation < 8; operation++) {
		for (uint8_t form = 0; form < 4; form++) {
			char opcode = (char)(operation << 3 | form);

			try(&(struct form){ &opcode, 1, !(form & 1), -1 });
		}
		try(&(struct form){ "\x80", 1, true, (int8_t)operation });
		try(&(struct form){ "\x81", 1, false, (int8_t)operation });
		try(&(struct form){ "\x83", 1, false, (int8_t)operation });
	}
}

static void accumulator(void **state)
{
	static const uint8_t prefixes[] = { 0x90, 0x66, 0x48 };

	(void)state;
	for (unsigned n = 0; n < 9 * 2 * 3 * 50; n++) {
		uint8_t operation = (uint8_t)(n % 9), bytes[32] = { prefixes[n / 18 % 3] };
		unsigned at = *bytes != 0x90;
		uint64_t immediate = value();

		bytes[at] = (uint8_t)((operation == 8 ? 0xa8 : operation << 3 | 4) | (n / 9 & 1));
		memcpy(bytes + at + 1, &immediate, 8);
		randomize();
		compare(bytes);
	}
}

static void other_arithmetic(void **state)
{
	static const struct form forms[] = {
		{ "\x84", 1, true, -1 }, { "\x85", 1, false, -1 }, /* TEST */
		{ "\xf6", 1, true, 0 }, { "\xf7", 1, false, 0 }, { "\xf6", 1, true, 1 },
		{ "\xf6", 1, true, 2 }, { "\xf7", 1, false, 2 }, /* NOT */
		{ "\xf6", 1, true, 3 }, { "\xf7", 1, false, 3 }, /* NEG */
		{ "\xfe", 1, true, 0 }, { "\xff", 1, false, 0 }, /* INC */
		{ "\xfe", 1, true, 1 }, { "\xff", 1, false, 1 }, /* DEC */
	};

	(void)state;
	try_all(forms, sizeof(forms) / sizeof(*forms));
}

static void shifts(void **state)
{
	(void)state;
	for (int8_t kind = 0; kind < 8; kind++) {
		const struct form forms[] = {
			{ "\xc0", 1, true, kind }, { "\xc1", 1, false, kind }, { "\xd0", 1, true, kind },
			{ "\xd1", 1, false, kind }, { "\xd2", 1, true, kind }, { "\xd3", 1, false, kind },
		};

		try_all(forms, 6);
	}
}

static void moves(void **state)
{
	static const struct form forms[] = {
		{ "\x88", 1, true, -1 }, { "\x89", 1, false, -1 }, { "\x8a", 1, true, -1 }, { "\x8b", 1, false, -1 },
		{ "\xc6", 1, true, 0 }, { "\xc7", 1, false, 0 },
		{ "\x86", 1, true, -1 }, { "\x87", 1, false, -1 },       /* XCHG */
		{ "\x0f\xc0", 2, true, -1 }, { "\x0f\xc1", 2, false, -1 }, /* XADD */
		{ "\x63", 1, false, -1 },
	};

	(void)state;
	try_all(forms, sizeof(forms) / sizeof(*forms));
}

/* The destination is never RSP, also where a byte register could be AH. */
static void extensions(void **state)
{
	static const struct form forms[] = {
		{ "\x0f\xb6", 2, false, -1 }, { "\x0f\xb7", 2, false, -1 }, { "\x0f\xbe", 2, false, -1 },
		{ "\x0f\xbf", 2, false, -1 },
	};

	(void)state;
	try_all(forms, sizeof(forms) / sizeof(*forms));
}

static void conditions(void **state)
{
	(void)state;
	for (unsigned condition = 0; condition < 16; condition++) {
		char setcc[2] = { 0x0f, (char)(0x90 | condition) }, cmovcc[2] = { 0x0f, (char)(0x40 | condition) };

		try(&(struct form){ setcc, 2, true, 0 });
		try(&(struct form){ cmovcc, 2, false, -1 });
	}
}

static void compare_and_exchange(void **state)
{
	static const uint8_t cmpxchg8b[15] = { 0xf0, 0x0f, 0xc7, 0x0f };

	(void)state;
	try(&(struct form){ "\x0f\xb0", 2, true, -1 });
	try(&(struct form){ "\x0f\xb1", 2, false, -1 });
	for (unsigned n = 0; n < 200; n++) {
		randomize();
		if (n & 1) { /* equal */
			memcpy(&native->gpr[0], (void *)(uintptr_t)native->gpr[7], 4);
			memcpy(&native->gpr[2], (void *)(uintptr_t)(native->gpr[7] + 4), 4);
		}
		compare(cmpxchg8b);
	}
}

/* The number of the bit reaches out of the operand, in both directions, but not out of our memory. */
static void bits(void **state)
{
	static const uint8_t opcodes[] = { 0xa3, 0xab, 0xb3, 0xbb };
	static const uint8_t prefixes[] = { 0x90, 0x66, 0x48 };

	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		uint8_t bytes[32] = { prefixes[n % 3] };
		unsigned at = n % 3 != 0;

		bytes[at] = 0x0f;
		bytes[at + 1] = opcodes[n / 3 & 3];
		bytes[at + 2] = n & 16 ? 0x0f : 0xca; /* [rdi] or edx, ecx */
		randomize();
		native->gpr[1] = n & 32 ? next() % 1024 : -(next() % 1024);
		compare(bytes);
	}
	for (int8_t operation = 4; operation < 8; operation++)
		try(&(struct form){ "\x0f\xba", 2, false, operation });
}

static void strings(void **state)
{
	static const uint8_t opcodes[] = { 0xa4, 0xa6, 0xaa, 0xac, 0xae };
	static const uint8_t repeats[] = { 0x3e, 0xf2, 0xf3 }, sizes[] = { 0x3e, 0x66, 0x48 };

	(void)state;
	for (unsigned n = 0; n < 5000; n++) {
		uint8_t bytes[32] = { repeats[n % 3], sizes[n / 3 % 3], opcodes[n / 9 % 5] | (n / 45 & 1) };

		randomize();
		if (n / 9 % 5 == 0 && n % 3 == 1)
			bytes[0] = 0xf3; /* REPNE MOVS is REP MOVS on most processors but promised nowhere */
		if (next() & 1) /* alike for some way, so that CMPS and SCAS go on */
			memset(native->ram, (int)native->gpr[0], next() % RAM_SIZE);
		native->gpr[1] = next() % 20;
		native->gpr[6] += 112; /* both ways 160 bytes to go */
		if (next() & 1)
			native->rflags |= RFLAGS_DF;
		compare(bytes);
	}
}

static int setup(void **state)
{
	(void)state;
	code = mmap(NULL, 2 * CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		return -1;
	native = (struct context *)(code + CODE_SIZE);
	seed = 2026;
	return 0;
}

static void many_were_compared(void **state)
{
	(void)state;
	assert_true(compared > 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(accumulator),
		cmocka_unit_test(other_arithmetic),
		cmocka_unit_test(shifts),
		cmocka_unit_test(moves),
		cmocka_unit_test(extensions),
		cmocka_unit_test(conditions),
		cmocka_unit_test(compare_and_exchange),
		cmocka_unit_test(bits),
		cmocka_unit_test(strings),
		cmocka_unit_test(many_were_compared),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
