/* SPDX-License-Identifier: MIT */
/* kernel/decode.c: lengths of a table of encodings, what is undefined, and the operands of what is executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/decode_table.h"
#include "kernel/emulate.h"
#include "kernel/vcpu_ops.h"
#include "tests/unit/encodings.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* "0f c7 0f" to bytes; the rest of `bytes` is filled with INT3. */
static unsigned parse(const char *text, uint8_t bytes[32])
{
	unsigned count = 0, value;
	int used;

	memset(bytes, 0xcc, 32);
	for (; sscanf(text, "%2x%n", &value, &used) == 1; text += used)
		bytes[count++] = (uint8_t)value;
	return count;
}

/* From exactly `count` bytes of the heap, so that the sanitizer sees a read behind them. */
static enum decode_result decode_exactly(const uint8_t *bytes, unsigned count, enum instruction_mode mode,
                                         struct instruction *out)
{
	uint8_t *copy = test_malloc(count + !count);
	enum decode_result result;

	memcpy(copy, bytes, count);
	result = decode(copy, count, mode, out);
	test_free(copy);
	return result;
}

static void lengths(void **state)
{
	(void)state;
	for (unsigned n = 0; n < COUNT(encodings); n++) {
		const struct encoding *e = &encodings[n];
		uint8_t bytes[32];
		struct instruction i;
		unsigned count = parse(e->bytes, bytes);
		enum decode_result result = decode(bytes, 15, e->mode, &i);

		if (result != DECODE_OK || i.length != count)
			fail_msg("MODE_%d %s (%s): result %d, length %u", e->mode, e->bytes, e->text, result, i.length);
		for (unsigned less = 0; less < count; less++)
			if (decode_exactly(bytes, less, e->mode, &i) != DECODE_SHORT)
				fail_msg("MODE_%d %s (%s): not short with %u", e->mode, e->bytes, e->text, less);
		assert_int_equal(decode_exactly(bytes, count, e->mode, &i), DECODE_OK);
		assert_int_equal(i.length, count);
	}
}

/* Prefixes that change nothing may fill an instruction up to 15 bytes, not to 16. VEX takes segment prefixes too. */
static void fifteen_bytes(void **state)
{
	(void)state;
	for (unsigned n = 0; n < COUNT(encodings); n++) {
		const struct encoding *e = &encodings[n];
		uint8_t bytes[32], longer[64];
		struct instruction i;
		unsigned count = parse(e->bytes, bytes);

		memset(longer, 0x3e, sizeof(longer));
		memcpy(longer + 15 - count, bytes, count);
		assert_int_equal(decode(longer, 15, e->mode, &i), DECODE_OK);
		assert_int_equal(i.length, 15);
		memset(longer, 0x3e, sizeof(longer));
		memcpy(longer + 16 - count, bytes, count);
		assert_int_equal(decode(longer, 15, e->mode, &i), DECODE_INVALID);
		assert_int_equal(decode(longer, 16, e->mode, &i), DECODE_INVALID);
		assert_int_equal(decode_exactly(longer, 14, e->mode, &i), DECODE_SHORT);
	}
}

static const struct {
	enum instruction_mode mode;
	const char *bytes;
} undefined[] = {
	{ MODE_64, "06" }, { MODE_64, "0e" }, { MODE_64, "16" }, { MODE_64, "1f" }, { MODE_64, "27" },
	{ MODE_64, "2f" }, { MODE_64, "37" }, { MODE_64, "3f" }, { MODE_64, "60" }, { MODE_64, "61" },
	{ MODE_64, "62 01" }, { MODE_64, "82 c0 00" }, { MODE_64, "9a" }, { MODE_64, "ce" }, { MODE_64, "d4" },
	{ MODE_64, "d5" }, { MODE_64, "d6" }, { MODE_64, "ea" }, { MODE_32, "62 c0" }, { MODE_16, "62 c0" },
	{ MODE_64, "0f 04" }, { MODE_64, "0f 0a" }, { MODE_64, "0f 0c" }, { MODE_64, "0f 24" },
	{ MODE_64, "0f 36" }, { MODE_64, "0f 39" }, { MODE_64, "0f 3b" }, { MODE_64, "0f 3f" },
	{ MODE_64, "0f 7a" }, { MODE_64, "0f a6" }, { MODE_64, "0f 38 0c" }, { MODE_64, "0f 38 ff" },
	{ MODE_64, "0f 3a 00" }, { MODE_64, "0f 3a f0" },
	/* holes in groups, and a register or memory where the other must be */
	{ MODE_64, "8f c8" }, { MODE_64, "c6 c8" }, { MODE_64, "c7 f9" }, { MODE_64, "c6 38" },
	{ MODE_64, "fe d0" }, { MODE_64, "ff f8" }, { MODE_64, "ff d8" }, { MODE_64, "ff e8" },
	{ MODE_64, "0f 00 f0" }, { MODE_64, "0f ba c0" }, { MODE_64, "0f ba d8" }, { MODE_64, "0f c7 c8" },
	{ MODE_64, "0f c7 00" }, { MODE_64, "0f c7 d0" }, { MODE_64, "0f 71 c0" }, { MODE_64, "0f 73 c8" },
	{ MODE_64, "0f 71 10" }, { MODE_64, "8d c0" }, { MODE_64, "0f b2 c0" }, { MODE_64, "0f c3 c0" },
	{ MODE_64, "0f 38 f0 c0" }, { MODE_64, "0f 50 00" }, { MODE_64, "0f 2b c0" },
	/* VEX: after 66, F2, F3, LOCK or REX, in an unknown map, of an opcode without that form */
	{ MODE_64, "66 c5 f8" }, { MODE_64, "f2 c5 f8" }, { MODE_64, "f3 c5 f8" }, { MODE_64, "f0 c5 f8" },
	{ MODE_64, "48 c5 f8" }, { MODE_64, "40 c4 e2" }, { MODE_64, "c4 e0 78" }, { MODE_64, "c4 e4 78" },
	{ MODE_64, "c5 f8 05" }, { MODE_64, "c5 f8 a2" }, { MODE_64, "c4 e1 f8 c7" },
	{ MODE_64, "c4 e2 78 f0" }, { MODE_64, "c4 e2 78 10" }, { MODE_32, "66 c5 f8" },
	{ MODE_64, "c5 f8 40" }, { MODE_64, "c4 e2 70 f3 c0" },
};

static void undefined_encodings(void **state)
{
	(void)state;
	for (unsigned n = 0; n < COUNT(undefined); n++) {
		uint8_t bytes[32];
		struct instruction i;
		unsigned count = parse(undefined[n].bytes, bytes);

		if (decode_exactly(bytes, count, undefined[n].mode, &i) != DECODE_INVALID)
			fail_msg("MODE_%d %s is defined", undefined[n].mode, undefined[n].bytes);
		assert_int_equal(decode(bytes, 15, undefined[n].mode, &i), DECODE_INVALID);
	}
}

/* Without this the straight path would take a hole for an instruction: it does not look. */
static void one_byte_map_has_no_holes(void **state)
{
	(void)state;
	for (unsigned opcode = 0; opcode < 256; opcode++)
		assert_int_not_equal(opcode_maps[0][opcode].immediate, UNDEFINED);
}

static const char *const names[] = {
	[OP_OTHER] = "other", [OP_MOV] = "mov", [OP_MOVZX] = "movzx", [OP_MOVSX] = "movsx",
	[OP_ADD] = "add", [OP_OR] = "or", [OP_ADC] = "adc", [OP_SBB] = "sbb", [OP_AND] = "and", [OP_SUB] = "sub",
	[OP_XOR] = "xor", [OP_CMP] = "cmp", [OP_TEST] = "test", [OP_NOT] = "not", [OP_NEG] = "neg", [OP_INC] = "inc",
	[OP_DEC] = "dec", [OP_XCHG] = "xchg", [OP_XADD] = "xadd", [OP_CMPXCHG] = "cmpxchg",
	[OP_CMPXCHG8B] = "cmpxchg8b",
	[OP_BT] = "bt", [OP_BTS] = "bts", [OP_BTR] = "btr", [OP_BTC] = "btc", [OP_MOVS] = "movs", [OP_STOS] = "stos",
	[OP_LODS] = "lods", [OP_CMPS] = "cmps", [OP_SCAS] = "scas", [OP_INS] = "ins", [OP_OUTS] = "outs",
	[OP_PUSH] = "push", [OP_POP] = "pop", [OP_MOVNTI] = "movnti", [OP_MOVBE] = "movbe", [OP_SETCC] = "setcc",
	[OP_CMOVCC] = "cmovcc", [OP_SHIFT] = "shift", [OP_MOVDQ] = "movdq",
};

static void append(char *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + strlen(text), 128 - strlen(text), format, arguments);
	va_end(arguments);
}

/*
 * All that decode() found out, for people: the operation with its operand size (and that of its source), an equals
 * sign before r/m when that is written, segment and address in hexadecimal, a and the address size, reg, immediate,
 * prefixes.
 */
static void describe(const struct instruction *i, char text[128])
{
	static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs" };

	*text = 0;
	append(text, "%s%u", names[i->operation], i->operand_size);
	if (i->source_size)
		append(text, "/%u", i->source_size);
	append(text, " %s%s", i->memory_is_destination ? "=" : "", i->has_memory ? segments[i->segment] : "");
	if (i->has_memory) {
		append(text, ":[");
		if (i->base >= 0)
			append(text, "r%u", i->base);
		if (i->index >= 0)
			append(text, "+r%u*%u", i->index, 1u << i->scale);
		if (i->rip_relative)
			append(text, "rip");
		append(text, "%s%llx]", i->displacement < 0 ? "-" : "+",
		       (unsigned long long)(i->displacement < 0 ? -i->displacement : i->displacement));
	} else {
		append(text, "r%u", i->rm);
	}
	append(text, " a%u reg%u", i->address_size, i->reg);
	if (i->has_immediate)
		append(text, " %llx", (unsigned long long)i->immediate);
	append(text, "%s%s", i->lock ? " lock" : "", i->rep ? " rep" : "");
	append(text, "%s%s", i->repne ? " repne" : "", i->rex ? " rex" : "");
}

static const struct encoding operands[] = {
	/* straight path: REX, SIB, the three displacements, RIP */
	{ MODE_64, "89 87 b0 00 00 00", "mov4 =ds:[r7+b0] a8 reg0" },
	{ MODE_64, "89 3c 25 b0 00 e0 fe", "mov4 =ds:[-11fff50] a8 reg7" },
	{ MODE_64, "45 8b 24 24", "mov4 ds:[r12+0] a8 reg12 rex" },
	{ MODE_64, "4d 8b 7d 80", "mov8 ds:[r13-80] a8 reg15 rex" },
	{ MODE_64, "88 64 24 08", "mov1 =ss:[r4+8] a8 reg4" },
	{ MODE_64, "40 8a 65 00", "mov1 ss:[r5+0] a8 reg4 rex" },
	{ MODE_64, "42 89 84 e3 00 10 00 00", "mov4 =ds:[r3+r12*8+1000] a8 reg0 rex" },
	{ MODE_64, "8b 04 65 78 56 34 12", "mov4 ds:[+12345678] a8 reg0" },
	{ MODE_64, "8b 04 4d 78 56 34 12", "mov4 ds:[+r1*2+12345678] a8 reg0" },
	{ MODE_64, "41 8b 05 f0 ff ff ff", "mov4 ds:[rip-10] a8 reg0 rex" },
	{ MODE_32, "8b 05 f0 ff ff ff", "mov4 ds:[-10] a4 reg0" },
	{ MODE_32, "89 4c 35 10", "mov4 =ss:[r5+r6*1+10] a4 reg1" },
	{ MODE_64, "89 c8", "mov4 =r0 a8 reg1" },
	/* prefixes: REX only right before the opcode, the last segment, the last of F2 and F3 */
	{ MODE_64, "66 8b 07", "mov2 ds:[r7+0] a8 reg0" },
	{ MODE_64, "66 48 8b 07", "mov8 ds:[r7+0] a8 reg0 rex" },
	{ MODE_64, "48 66 8b 07", "mov2 ds:[r7+0] a8 reg0" },
	{ MODE_64, "4c 41 8b 07", "mov4 ds:[r15+0] a8 reg0 rex" },
	{ MODE_64, "64 8b 07", "mov4 fs:[r7+0] a8 reg0" },
	{ MODE_64, "64 2e 8b 07", "mov4 fs:[r7+0] a8 reg0" },
	{ MODE_64, "36 8b 07", "mov4 ds:[r7+0] a8 reg0" },
	{ MODE_32, "64 2e 8b 07", "mov4 cs:[r7+0] a4 reg0" },
	{ MODE_32, "3e 8b 45 00", "mov4 ds:[r5+0] a4 reg0" },
	{ MODE_64, "67 8b 07", "mov4 ds:[r7+0] a4 reg0" },
	{ MODE_32, "67 8b 07", "mov4 ds:[r3+0] a2 reg0" },
	{ MODE_16, "67 66 8b 07", "mov4 ds:[r7+0] a4 reg0" },
	{ MODE_64, "f3 f2 ae", "scas1 r0 a8 reg0 repne" },
	{ MODE_64, "f2 f3 48 af", "scas8 r0 a8 reg0 rep rex" },
	/* 16-bit addresses */
	{ MODE_16, "8b 00", "mov2 ds:[r3+r6*1+0] a2 reg0" },
	{ MODE_16, "8b 01", "mov2 ds:[r3+r7*1+0] a2 reg0" },
	{ MODE_16, "8b 02", "mov2 ss:[r5+r6*1+0] a2 reg0" },
	{ MODE_16, "8b 03", "mov2 ss:[r5+r7*1+0] a2 reg0" },
	{ MODE_16, "8b 04", "mov2 ds:[r6+0] a2 reg0" },
	{ MODE_16, "8b 05", "mov2 ds:[r7+0] a2 reg0" },
	{ MODE_16, "8b 06 34 12", "mov2 ds:[+1234] a2 reg0" },
	{ MODE_16, "8b 07", "mov2 ds:[r3+0] a2 reg0" },
	{ MODE_16, "8b 46 fe", "mov2 ss:[r5-2] a2 reg0" },
	{ MODE_16, "8b 80 00 80", "mov2 ds:[r3+r6*1-8000] a2 reg0" },
	/* every form of what is executed */
	{ MODE_64, "a1 88 77 66 55 44 33 22 11", "mov4 ds:[+1122334455667788] a8 reg0" },
	{ MODE_64, "67 a2 44 33 22 11", "mov1 =ds:[+11223344] a4 reg0" },
	{ MODE_16, "a3 34 12", "mov2 =ds:[+1234] a2 reg0" },
	{ MODE_64, "c7 07 ff ff ff ff", "mov4 =ds:[r7+0] a8 reg0 ffffffffffffffff" },
	{ MODE_64, "66 c7 07 34 12", "mov2 =ds:[r7+0] a8 reg0 1234" },
	{ MODE_64, "48 c7 05 10 00 00 00 ff ff ff 7f", "mov8 =ds:[rip+10] a8 reg0 7fffffff rex" },
	{ MODE_64, "c6 07 80", "mov1 =ds:[r7+0] a8 reg0 ffffffffffffff80" },
	{ MODE_64, "b4 12", "mov1 =r4 a8 reg4 12" },
	{ MODE_64, "49 b8 88 77 66 55 44 33 22 11", "mov8 =r8 a8 reg8 1122334455667788 rex" },
	{ MODE_64, "0f b6 07", "movzx4/1 ds:[r7+0] a8 reg0" },
	{ MODE_64, "66 0f be 07", "movsx2/1 ds:[r7+0] a8 reg0" },
	{ MODE_64, "48 0f bf 07", "movsx8/2 ds:[r7+0] a8 reg0 rex" },
	{ MODE_64, "48 63 07", "movsx8/4 ds:[r7+0] a8 reg0 rex" },
	{ MODE_32, "63 07", "other2 =ds:[r7+0] a4 reg0" },
	{ MODE_64, "01 07", "add4 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "0a 07", "or1 ds:[r7+0] a8 reg0" },
	{ MODE_64, "15 ff ff ff ff", "adc4 =r0 a8 reg0 ffffffffffffffff" },
	{ MODE_64, "83 1f 80", "sbb4 =ds:[r7+0] a8 reg3 ffffffffffffff80" },
	{ MODE_64, "f0 81 27 00 01 00 00", "and4 =ds:[r7+0] a8 reg4 100 lock" },
	{ MODE_64, "39 07", "cmp4 ds:[r7+0] a8 reg0" },
	{ MODE_64, "80 3f 01", "cmp1 ds:[r7+0] a8 reg7 1" },
	{ MODE_32, "82 2f 01", "sub1 =ds:[r7+0] a4 reg5 1" },
	{ MODE_64, "85 07", "test4 ds:[r7+0] a8 reg0" },
	{ MODE_64, "f6 07 80", "test1 ds:[r7+0] a8 reg0 ffffffffffffff80" },
	{ MODE_16, "f7 0f 34 12", "test2 ds:[r3+0] a2 reg1 1234" },
	{ MODE_64, "f7 17", "not4 =ds:[r7+0] a8 reg2" },
	{ MODE_64, "f6 1f", "neg1 =ds:[r7+0] a8 reg3" },
	{ MODE_64, "f7 27", "other4 ds:[r7+0] a8 reg4" },
	{ MODE_64, "fe 0f", "dec1 =ds:[r7+0] a8 reg1" },
	{ MODE_32, "47", "inc4 =r7 a4 reg7" },
	{ MODE_64, "87 07", "xchg4 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "49 93", "xchg8 =r0 a8 reg11 rex" },
	{ MODE_64, "f0 0f c1 07", "xadd4 =ds:[r7+0] a8 reg0 lock" },
	{ MODE_64, "f0 0f b0 0f", "cmpxchg1 =ds:[r7+0] a8 reg1 lock" },
	{ MODE_64, "0f c7 0f", "cmpxchg8b8 =ds:[r7+0] a8 reg1" },
	{ MODE_64, "48 0f c7 0f", "cmpxchg8b16 =ds:[r7+0] a8 reg1 rex" },
	{ MODE_64, "0f a3 07", "bt4 ds:[r7+0] a8 reg0" },
	{ MODE_64, "0f ba 27 05", "bt4 ds:[r7+0] a8 reg4 5" },
	{ MODE_64, "0f ba 3f 05", "btc4 =ds:[r7+0] a8 reg7 5" },
	{ MODE_64, "0f b3 07", "btr4 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "65 a4", "movs1 r0 a8 reg0" },
	{ MODE_16, "67 f3 66 ab", "stos4 r0 a4 reg0 rep" },
	{ MODE_64, "f3 48 6d", "ins4 r0 a8 reg0 rep rex" },
	{ MODE_64, "66 6f", "outs2 r0 a8 reg0" },
	{ MODE_64, "ff 37", "push8 ds:[r7+0] a8 reg6" },
	{ MODE_64, "66 ff 37", "push2 ds:[r7+0] a8 reg6" },
	{ MODE_32, "6a ff", "push4 r0 a4 reg0 ffffffffffffffff" },
	{ MODE_64, "41 58", "pop8 =r8 a8 reg8 rex" },
	{ MODE_64, "8f 44 24 08", "pop8 =ss:[r4+8] a8 reg0" },
	{ MODE_64, "48 0f c3 07", "movnti8 =ds:[r7+0] a8 reg0 rex" },
	{ MODE_64, "0f 38 f0 07", "movbe4 ds:[r7+0] a8 reg0" },
	{ MODE_64, "66 0f 38 f1 07", "movbe2 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "f2 0f 38 f1 07", "other4 ds:[r7+0] a8 reg0 repne" },
	{ MODE_64, "0f 95 07", "setcc1 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "0f 42 07", "cmovcc4 ds:[r7+0] a8 reg0" },
	{ MODE_64, "c1 2f 03", "shift4 =ds:[r7+0] a8 reg5 3" },
	{ MODE_64, "d2 07", "shift1 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "0f 11 07", "movdq16 =ds:[r7+0] a8 reg0" },
	{ MODE_64, "c5 fc 28 07", "movdq16 ds:[r7+0] a8 reg0" },
	{ MODE_64, "f3 0f 7e 07", "movdq16 ds:[r7+0] a8 reg0 rep" },
	{ MODE_64, "c5 f8 90 c1", "other1 =r1 a8 reg0" },
	/* control registers: r/m is a register although ModRM.mod says memory */
	{ MODE_64, "44 0f 20 04", "other4 r4 a8 reg8 rex" },
};

static void operand_fields(void **state)
{
	(void)state;
	for (unsigned n = 0; n < COUNT(operands); n++) {
		const struct encoding *e = &operands[n];
		uint8_t bytes[32];
		char text[128];
		struct instruction i;
		unsigned count = parse(e->bytes, bytes);

		assert_int_equal(decode(bytes, 15, e->mode, &i), DECODE_OK);
		assert_int_equal(i.length, count);
		describe(&i, text);
		if (strcmp(text, e->text))
			fail_msg("MODE_%d %s: %s, expected %s", e->mode, e->bytes, text, e->text);
	}
}

/* String instructions say which segment they read, though they have no operand in their encoding. */
static void string_segments(void **state)
{
	static const uint8_t movs[15] = { 0xa4 }, gs_outs[15] = { 0x65, 0x6e };
	struct instruction i;

	(void)state;
	assert_int_equal(decode(movs, 15, MODE_32, &i), DECODE_OK);
	assert_int_equal(i.segment, VCPU_DS);
	assert_int_equal(decode(gs_outs, 15, MODE_64, &i), DECODE_OK);
	assert_int_equal(i.segment, VCPU_GS);
}

/* With 15 bytes at hand a plain MOV takes a path of its own; with fewer it does not. Both must find the same. */
static void agree(const uint8_t bytes[15], enum instruction_mode mode)
{
	struct instruction whole, part;
	char a[128], b[128];

	assert_int_equal(decode(bytes, 15, mode, &whole), DECODE_OK);
	assert_int_equal(decode_exactly(bytes, whole.length, mode, &part), DECODE_OK);
	describe(&whole, a);
	describe(&part, b);
	assert_string_equal(a, b);
	assert_int_equal(whole.length, part.length);
	assert_int_equal(whole.modrm, part.modrm);
	assert_int_equal(whole.opcode, part.opcode);
}

static void short_path_agrees(void **state)
{
	static const uint8_t sibs[8] = { 0x00, 0x20, 0x25, 0x24, 0x65, 0x8d, 0xd8, 0xff };

	(void)state;
	for (unsigned n = 0; n < 16 * 4 * 0xc0 * 8; n++) {
		uint8_t sib = sibs[n & 7], rex = 0x40 | (n >> 3 & 15), opcode = 0x88 | (n >> 7 & 3);
		uint8_t modrm = (uint8_t)(n >> 9);
		uint8_t bytes[16] = { rex, opcode, modrm, sib, 0x81, 0x02, 0x03, 0x84 };

		agree(bytes, MODE_64);
		if (rex == 0x40) { /* and without it */
			agree(bytes + 1, MODE_64);
			agree(bytes + 1, MODE_32);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(fifteen_bytes),
		cmocka_unit_test(undefined_encodings),
		cmocka_unit_test(one_byte_map_has_no_holes),
		cmocka_unit_test(operand_fields),
		cmocka_unit_test(string_segments),
		cmocka_unit_test(short_path_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
