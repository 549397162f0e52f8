/* SPDX-License-Identifier: MIT */
/* From bytes to struct instruction. A plain MOV takes one pass without detours: the local APIC by MMIO is hot. */
#include <string.h>

#include "kernel/decode_table.h"
#include "kernel/emulate.h"
#include "kernel/vcpu_ops.h"

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

#define NO_SEGMENT 0xff

/* Flags that leave the straight path before ModRM. */
#define DETOUR (PREFIX | ESCAPE | NOT64 | VEX_ONLY)

/* 15 prefixes and the longest instruction after them: nothing below has to ask whether there is another byte. */
#define BUFFER 32

struct decoder {
	const uint8_t *at, *end; /* `end`: behind the last byte that a prefix may have */
	struct instruction *out;
	enum instruction_mode mode;
	struct opcode row;
	uint8_t rex;
	uint8_t override;       /* enum vcpu_segment */
	bool operand_override;
	bool vex;
};

/* Little-endian, sign-extended. */
static inline int64_t take(struct decoder *d, unsigned size)
{
	const uint8_t *at = d->at;
	int16_t word;
	int32_t dword;
	int64_t qword;

	d->at += size;
	switch (size) {
	case 1:
		return (int8_t)*at;
	case 2:
		__builtin_memcpy(&word, at, 2); /* a freestanding memcpy is a call */
		return word;
	case 4:
		__builtin_memcpy(&dword, at, 4);
		return dword;
	default:
		__builtin_memcpy(&qword, at, 8);
		return qword;
	}
}

/* SDM 2.1.1. Of the group F2, F3 the last counts. In 64-bit mode only FS and GS override (SDM 2.1.1, APM 1.2.4). */
static void prefix(struct decoder *d, uint8_t byte)
{
	d->rex = 0; /* REX counts only right before the opcode */
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (d->mode != MODE_64)
			d->override = VCPU_ES + (byte >> 3 & 3);
		break;
	case 0x64:
	case 0x65:
		d->override = VCPU_FS + (byte & 1);
		break;
	case 0x66:
		d->operand_override = true;
		break;
	case 0x67:
		d->out->address_size = d->mode == MODE_32 ? 2 : 4;
		break;
	case 0xf0:
		d->out->lock = true;
		break;
	case 0xf2:
	case 0xf3:
		d->out->repne = byte == 0xf2;
		d->out->rep = byte == 0xf3;
		break;
	}
}

/* SDM 2.3.5. `byte` is C4 or C5, known to start a VEX prefix. */
static bool vex(struct decoder *d, uint8_t byte)
{
	struct instruction *out = d->out;
	uint8_t first, last, map = 1;

	if (d->operand_override || out->lock || out->rep || out->repne || out->rex)
		return false;
	first = last = *d->at++;
	d->rex = first & 0x80 ? 0 : REX_R;
	if (byte == 0xc4) {
		last = *d->at++;
		map = first & 0x1f;
		d->rex |= (first & 0x40 ? 0 : REX_X) | (first & 0x20 ? 0 : REX_B) | (last & 0x80 ? REX_W : 0);
	}
	if (d->mode != MODE_64)
		d->rex = 0;
	d->operand_override = (last & 3) == 1;
	out->rep = (last & 3) == 2;
	out->repne = (last & 3) == 3;
	d->vex = true;
	if (map < 1 || map > 3)
		return false;
	out->opcode = *d->at++;
	out->opcode_map = map;
	d->row = opcode_maps[map][out->opcode];
	return (d->row.flags & VEX) != 0;
}

static bool escape(struct decoder *d)
{
	struct instruction *out = d->out;

	do {
		out->opcode_map = out->opcode_map == 0 ? 1 : out->opcode == 0x38 ? 2 : 3;
		out->opcode = *d->at++;
		d->row = opcode_maps[out->opcode_map][out->opcode];
	} while (d->row.flags & ESCAPE);
	return d->row.immediate != UNDEFINED && !(d->row.flags & VEX_ONLY);
}

/* Prefixes and opcode. False: undefined, or nothing but prefixes. */
static inline bool opcode(struct decoder *d)
{
	uint8_t byte;

	for (;;) {
		if (d->at == d->end)
			return false;
		byte = *d->at++;
		if ((byte & 0xf0) == 0x40 && d->mode == MODE_64) {
			d->rex = byte;
			continue;
		}
		d->row = opcode_maps[0][byte];
		if (!(d->row.flags & PREFIX))
			break;
		prefix(d, byte);
	}
	d->out->opcode = byte;
	d->out->rex = d->rex != 0;
	if (!(d->row.flags & DETOUR))
		return true;
	if (d->row.flags & ESCAPE)
		return escape(d);
	/* LES and LDS have a memory operand, so ModRM.mod 3 is free for VEX outside 64-bit mode. */
	if ((byte == 0xc4 || byte == 0xc5) && (d->mode == MODE_64 || *d->at >= 0xc0))
		return vex(d, byte);
	return d->mode != MODE_64;
}

static void address_16(struct decoder *d, uint8_t modrm)
{
	static const int8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const int8_t index[8] = { 6, 7, 6, 7, -1, -1, -1, -1 };
	unsigned mod = modrm >> 6, rm = modrm & 7;

	if (mod == 0 && rm == 6) {
		d->out->displacement = take(d, 2);
		return;
	}
	d->out->base = base[rm];
	d->out->index = index[rm];
	if (base[rm] == 5)
		d->out->segment = VCPU_SS;
	if (mod != 0)
		d->out->displacement = take(d, mod);
}

static inline void address(struct decoder *d, uint8_t modrm)
{
	unsigned mod = modrm >> 6, base = modrm & 7, index;
	uint8_t sib;

	if (base == 4) {
		sib = *d->at++;
		base = sib & 7;
		index = (sib >> 3 & 7) | (d->rex & REX_X) << 2;
		if (index != 4) {
			d->out->index = (int8_t)index;
			d->out->scale = sib >> 6;
		}
	}
	if (mod == 0 && base == 5) {
		d->out->rip_relative = d->mode == MODE_64 && (modrm & 7) == 5;
		d->out->displacement = take(d, 4);
		return;
	}
	if (mod != 0)
		d->out->displacement = take(d, mod == 1 ? 1 : 4);
	base |= (d->rex & REX_B) << 3;
	d->out->base = (int8_t)base;
	if (base == 4 || base == 5)
		d->out->segment = VCPU_SS;
}

/* One of the rows that an opcode shares. */
static bool group(struct decoder *d, uint8_t modrm)
{
	const struct opcode *row = &opcode_groups[d->row.operation][modrm >> 3 & 7];

	d->row.operation = row->operation;
	d->row.flags |= row->flags;
	if (row->immediate != NONE)
		d->row.immediate = row->immediate;
	return row->immediate != UNDEFINED;
}

static inline bool modrm_operand(struct decoder *d)
{
	struct instruction *out = d->out;
	uint8_t modrm = *d->at++;

	out->has_modrm = true;
	out->modrm = modrm;
	out->reg = (modrm >> 3 & 7) | (d->rex & REX_R) << 1;
	if (d->row.flags & GROUP && !group(d, modrm))
		return false;
	if (modrm >= 0xc0 || d->row.flags & CONTROL) {
		out->rm = (modrm & 7) | (d->rex & REX_B) << 3;
		return !(d->row.flags & MEMORY);
	}
	out->has_memory = true;
	if (out->address_size == 2)
		address_16(d, modrm);
	else
		address(d, modrm);
	return !(d->row.flags & REGISTER);
}

static inline unsigned operand_size(const struct decoder *d)
{
	if (d->row.flags & BYTE)
		return 1;
	if (d->rex & REX_W)
		return 8;
	if (d->operand_override)
		return d->mode == MODE_16 ? 4 : 2;
	if (d->mode == MODE_64)
		return d->row.flags & DEFAULT64 ? 8 : 4;
	return d->mode;
}

/* By kind and by the logarithm of the operand's size: the first or only part. */
static const uint8_t immediate_size[IMMEDIATES][4] = {
	[IB] = { 1, 1, 1, 1 },
	[IW] = { 2, 2, 2, 2 },
	[IZ] = { 1, 2, 4, 4 },
	[IV] = { 1, 2, 4, 8 },
	[JZ] = { 4, 2, 4, 4 },
	[IW_IB] = { 2, 2, 2, 2 },
	[FAR_POINTER] = { 4, 2, 4, 4 },
	[SSE4A] = { 2, 2, 2, 2 },
};

static void immediate(struct decoder *d)
{
	struct instruction *out = d->out;
	enum immediate kind = d->row.immediate;
	unsigned size = immediate_size[kind][__builtin_ctz(out->operand_size)];

	if (kind == MOFFS) {
		out->has_memory = true;
		out->displacement = take(d, out->address_size);
		return;
	}
	if (kind == SSE4A && !d->operand_override && !out->repne)
		return;
	if (kind == JZ && d->mode == MODE_64)
		size = 4; /* 66 is ignored: SDM CALL, JMP, Jcc. AMD takes 2 bytes here, which no compiler writes. */
	out->has_immediate = true;
	out->immediate = (uint64_t)take(d, size);
	if (kind == FAR_POINTER)
		d->at += 2;
	if (kind == IW_IB)
		d->at += 1;
}

/* The rows marked ODD or VEX, after ModRM. */
static bool odd(struct decoder *d)
{
	struct instruction *out = d->out;

	if (d->vex && out->operation != OP_MOVDQ)
		out->operation = OP_OTHER; /* its place among the legacy opcodes may be CMOVcc's or SETcc's */
	if (!(d->row.flags & ODD))
		return true;
	switch (out->operation) {
	case OP_MOVDQ:
		out->operand_size = 16;
		if (out->opcode == 0x7e && out->rep)
			out->memory_is_destination = false; /* MOVQ */
		return true;
	case OP_INS:
	case OP_OUTS:
		if (out->operand_size == 8)
			out->operand_size = 4;
		return true;
	case OP_XCHG:
		out->rm = 0; /* with the accumulator */
		return true;
	case OP_MOVZX:
		out->source_size = 1 << (out->opcode & 1);
		return true;
	case OP_MOVSX:
		if (out->opcode_map == 1) {
			out->source_size = 1 << (out->opcode & 1);
		} else if (d->mode == MODE_64) {
			out->source_size = out->operand_size == 2 ? 2 : 4;
		} else {
			out->operation = OP_OTHER; /* ARPL */
			out->operand_size = 2;
			out->memory_is_destination = true;
		}
		return true;
	case OP_MOVBE:
		if (out->repne) {
			out->operation = OP_OTHER; /* CRC32 */
			out->memory_is_destination = false;
			return true;
		}
		return out->has_memory;
	case OP_CMPXCHG8B:
		out->operand_size = d->rex & REX_W ? 16 : 8;
		return true;
	default:
		return out->modrm == 0xf8; /* XABORT, XBEGIN */
	}
}

static inline bool decode_all(struct decoder *d)
{
	struct instruction *out = d->out;

	if (!opcode(d))
		return false;
	if (d->row.flags & MODRM) {
		if (!modrm_operand(d))
			return false;
	} else if (d->row.flags & OPREG) {
		out->reg = out->rm = (out->opcode & 7) | (d->rex & REX_B) << 3;
	}
	out->operation = d->row.operation;
	out->operand_size = (uint8_t)operand_size(d);
	out->memory_is_destination = (d->row.flags & WRITES) != 0;
	if (d->row.flags & (ODD | VEX) && !odd(d))
		return false;
	if (d->override != NO_SEGMENT)
		out->segment = d->override;
	if (d->row.immediate != NONE)
		immediate(d);
	return true;
}

/* In two halves: GCC clears each with plain stores, but the whole with a slow REP STOS. */
static inline void clear(struct instruction *out, enum instruction_mode mode)
{
	__builtin_memset(out, 0, sizeof(*out) / 2);
	__builtin_memset((uint8_t *)out + sizeof(*out) / 2, 0, sizeof(*out) - sizeof(*out) / 2);
	out->address_size = (uint8_t)mode;
	out->segment = VCPU_DS;
	out->base = -1;
	out->index = -1;
}

/* Opcodes 88 to 8B with a memory operand and no prefix but REX, from 15 bytes. False: something else. */
static inline bool decode_mov(const uint8_t *bytes, enum instruction_mode mode, struct instruction *out)
{
	struct decoder d = { .at = bytes, .out = out, .mode = mode };
	uint8_t modrm;

	if (mode == MODE_64 && (*d.at & 0xf0) == 0x40)
		d.rex = *d.at++;
	modrm = d.at[1];
	if ((*d.at & 0xfc) != 0x88 || modrm >= 0xc0)
		return false;
	clear(out, mode);
	out->opcode = *d.at;
	out->operation = OP_MOV;
	out->operand_size = out->opcode & 1 ? (d.rex & REX_W ? 8 : 4) : 1;
	out->memory_is_destination = !(out->opcode & 2);
	out->rex = d.rex != 0;
	out->has_modrm = true;
	out->has_memory = true;
	out->modrm = modrm;
	out->reg = (modrm >> 3 & 7) | (d.rex & REX_R) << 1;
	d.at += 2;
	address(&d, modrm);
	out->length = (uint8_t)(d.at - bytes);
	return true;
}

/* Not inline: its stack frame would be decode_mov()'s too. */
__attribute__((noinline))
static enum decode_result decode_any(const uint8_t *bytes, unsigned count, enum instruction_mode mode,
                                     struct instruction *out)
{
	uint8_t buffer[BUFFER] = { 0 };
	struct decoder d = {
		.at = buffer,
		.end = buffer + INSTRUCTION_MAX,
		.out = out,
		.mode = mode,
		.override = NO_SEGMENT,
	};
	bool defined;
	unsigned length;

	memcpy(buffer, bytes, count < INSTRUCTION_MAX ? count : INSTRUCTION_MAX);
	clear(out, mode);
	defined = decode_all(&d);
	length = (unsigned)(d.at - buffer);
	if (length > count && count < INSTRUCTION_MAX)
		return DECODE_SHORT;
	if (!defined || length > INSTRUCTION_MAX)
		return DECODE_INVALID;
	out->length = (uint8_t)length;
	return DECODE_OK;
}

enum decode_result decode(const uint8_t *bytes, unsigned count, enum instruction_mode mode, struct instruction *out)
{
	if (count >= INSTRUCTION_MAX && mode != MODE_16 && decode_mov(bytes, mode, out))
		return DECODE_OK;
	return decode_any(bytes, count, mode, out);
}
