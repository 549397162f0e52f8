/* SPDX-License-Identifier: MIT */
/* What the opcode maps say about an instruction (SDM volume 2, appendix A; APM volume 3, appendix A). */
#ifndef KERNEL_DECODE_TABLE_H
#define KERNEL_DECODE_TABLE_H

#include <stdint.h>

/* What follows the opcode, ModRM and displacement. */
enum immediate {
	UNDEFINED,  /* a hole in the opcode map, so that a row that is not written is one */
	NONE,
	IB,         /* 1 byte, sign-extended */
	IW,         /* 2 bytes */
	IZ,         /* the operand's size but 4 bytes at most, sign-extended */
	IV,         /* the operand's size, 8 bytes too */
	JZ,         /* as IZ, but always 4 bytes in 64-bit mode: near branches */
	IW_IB,      /* ENTER */
	FAR_POINTER,
	MOFFS,      /* an address instead of ModRM */
	SSE4A,      /* EXTRQ and INSERTQ have two bytes, VMREAD in the same place has none */
	IMMEDIATES
};

/* Fields of struct opcode's flags. */
#define MODRM     0x0001
#define BYTE      0x0002 /* the operand is a byte whatever the prefixes say */
#define WRITES    0x0004 /* r/m, or the accumulator or register in its place, is the destination */
#define OPREG     0x0008 /* the low bits of the opcode name a register */
#define DEFAULT64 0x0010 /* the operand has 64 bits in 64-bit mode without REX.W */
#define NOT64     0x0020 /* undefined in 64-bit mode */
#define MEMORY    0x0040 /* r/m must be memory */
#define REGISTER  0x0080 /* r/m must be a register */
#define VEX       0x0100 /* exists with a VEX prefix */
#define VEX_ONLY  0x0200 /* does not exist without one */
#define GROUP     0x0400 /* `operation` is an index into opcode_groups, picked by ModRM.reg */
#define PREFIX    0x0800
#define ESCAPE    0x1000 /* leads to another map */
#define CONTROL   0x2000 /* control and debug registers: r/m is a register whatever ModRM.mod says */
#define ODD       0x4000 /* has a rule of its own in decode.c */

struct opcode {
	uint8_t operation; /* enum operation */
	uint8_t immediate; /* enum immediate */
	uint16_t flags;
};

enum opcode_group {
	GROUP_1, GROUP_1A, GROUP_2, GROUP_3, GROUP_4, GROUP_5, GROUP_6, GROUP_7, GROUP_8, GROUP_9, GROUP_11, GROUP_12,
	GROUP_14, GROUP_17, OPCODE_GROUPS
};

extern const struct opcode opcode_maps[4][256]; /* one-byte, 0F, 0F38, 0F3A */
extern const struct opcode opcode_groups[OPCODE_GROUPS][8];

#endif
