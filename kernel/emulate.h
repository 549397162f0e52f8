/* SPDX-License-Identifier: MIT */
/*
 * An x86 instruction decoder for 16-, 32- and 64-bit mode, and the execution of those that touch emulated memory or
 * string I/O. Pure: registers and memory are reached through callbacks.
 */
#ifndef KERNEL_EMULATE_H
#define KERNEL_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

#define INSTRUCTION_MAX 15

enum instruction_mode { MODE_16 = 2, MODE_32 = 4, MODE_64 = 8 }; /* default address size in bytes */

enum operation {
	OP_OTHER,           /* length known, not one that is executed here */
	OP_MOV, OP_MOVZX, OP_MOVSX,
	OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP, OP_TEST,
	OP_NOT, OP_NEG, OP_INC, OP_DEC,
	OP_XCHG, OP_XADD, OP_CMPXCHG, OP_CMPXCHG8B,
	OP_BT, OP_BTS, OP_BTR, OP_BTC,
	OP_MOVS, OP_STOS, OP_LODS, OP_CMPS, OP_SCAS, OP_INS, OP_OUTS,
	OP_PUSH, OP_POP, OP_MOVNTI, OP_MOVBE, OP_SETCC, OP_CMOVCC, OP_SHIFT,
	OP_MOVDQ,           /* 16-byte SSE/AVX loads and stores: recognised, refused by emulate_memory() */
};

struct instruction {
	uint8_t length;
	enum operation operation;
	uint8_t operand_size;   /* bytes: 1, 2, 4, 8 (16 for OP_MOVDQ) */
	uint8_t source_size;    /* MOVZX, MOVSX: size of the memory operand */
	uint8_t address_size;   /* bytes: 2, 4, 8 */
	bool lock, rep, repne, rex, has_modrm, has_memory, has_immediate;
	bool memory_is_destination; /* r/m is written */
	uint8_t opcode_map;     /* 0 one-byte, 1 0F, 2 0F38, 3 0F3A */
	uint8_t opcode;
	uint8_t modrm;
	uint8_t reg;            /* ModRM.reg with REX.R, or the register in the opcode; 4..7 without REX and size 1: AH.. */
	uint8_t rm;             /* ModRM.rm with REX.B when a register */
	uint8_t segment;        /* enum vcpu_segment of the memory operand (override or default) */
	int8_t base, index;     /* registers of the effective address, -1: none */
	uint8_t scale;          /* shift */
	bool rip_relative;
	int64_t displacement;
	uint64_t immediate;     /* sign-extended to the operand size where the manual says so */
};

enum decode_result { DECODE_OK, DECODE_SHORT /* needs more bytes than given */, DECODE_INVALID };

/* Decodes one instruction from `count` bytes (1..15). Knows the length of every instruction of the general, x87, SSE,
 * AVX (VEX) and system groups; anything longer than 15 bytes or undefined is DECODE_INVALID. An SSE or AVX opcode
 * with a mandatory prefix under which it does not exist is not told apart, nor is LOCK where it is not allowed. */
enum decode_result decode(const uint8_t *bytes, unsigned count, enum instruction_mode mode, struct instruction *out);

/* Effects of a step on the world outside. Each memory or port call returns 0, or nonzero to stop: the machine has then
 * arranged a fault (or the like), and no register has changed. */
struct machine {
	enum instruction_mode mode;
	bool (*can_continue)(struct machine *m); /* between REP iterations: false to stop with a resumable state */
	uint64_t (*read_gpr)(struct machine *m, unsigned reg);      /* 0..15, full width */
	void (*write_gpr)(struct machine *m, unsigned reg, uint64_t value);
	uint64_t (*rip)(struct machine *m);                         /* of the instruction */
	uint64_t (*rflags)(struct machine *m);
	void (*set_rflags)(struct machine *m, uint64_t value);
	uint64_t (*segment_base)(struct machine *m, unsigned segment);
	int (*read_memory)(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t *value);
	int (*write_memory)(struct machine *m, unsigned segment, uint64_t offset, unsigned size, uint64_t value);
	int (*in)(struct machine *m, uint16_t port, unsigned size, uint64_t *value);
	int (*out)(struct machine *m, uint16_t port, unsigned size, uint64_t value);
	/* May be NULL. Would this write fault? Asked before reading what must not be lost: MOVS and INS take their input
	 * from a device that may never give it again. Returns as write_memory() does, and writes nothing. */
	int (*probe_write)(struct machine *m, unsigned segment, uint64_t offset, unsigned size);
	uint8_t stack_size; /* bytes of the stack pointer that PUSH and POP use; 0: as the mode has it */
};

enum emulate_result {
	EMULATE_DONE,        /* advance RIP by instruction->length */
	EMULATE_AGAIN,       /* a REP string is not finished: leave RIP, enter again or call again */
	EMULATE_FAULT,       /* a callback stopped it; state is architecturally before the (current iteration's) effect */
	EMULATE_UNSUPPORTED, /* this operation is not executed here */
};

/* Effective address (offset within the segment) of the memory operand. */
uint64_t effective_address(struct machine *m, const struct instruction *i);
enum emulate_result emulate(struct machine *m, const struct instruction *i);

#endif
