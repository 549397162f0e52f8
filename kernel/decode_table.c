/* SPDX-License-Identifier: MIT */
/* The opcode maps. A row that is not written is undefined. */
#include "kernel/decode_table.h"

#include "kernel/emulate.h"

/* Addressing forms in the manuals' letters: E is r/m, G the register in ModRM, b a byte, v the operand's size. */
enum {
	EB_GB = MODRM | BYTE | WRITES,
	EV_GV = MODRM | WRITES,
	GB_EB = MODRM | BYTE,
	GV_EV = MODRM,
	AL_IB = BYTE | WRITES,
	AX_IZ = WRITES,
	LEGACY = MODRM,             /* an SSE or MMX instruction that has no VEX form */
	SSE    = MODRM | VEX,
	AVX    = MODRM | VEX | VEX_ONLY,
};

const struct opcode opcode_maps[4][256] = {
	[0] = {
		[0x00] = { OP_ADD, NONE, EB_GB }, { OP_ADD, NONE, EV_GV }, { OP_ADD, NONE, GB_EB },
		{ OP_ADD, NONE, GV_EV }, { OP_ADD, IZ, AL_IB }, { OP_ADD, IZ, AX_IZ },
		[0x06] = { OP_OTHER, NONE, NOT64 }, { OP_OTHER, NONE, NOT64 }, /* PUSH ES, POP ES */
		[0x08] = { OP_OR, NONE, EB_GB }, { OP_OR, NONE, EV_GV }, { OP_OR, NONE, GB_EB },
		{ OP_OR, NONE, GV_EV }, { OP_OR, IZ, AL_IB }, { OP_OR, IZ, AX_IZ },
		[0x0e] = { OP_OTHER, NONE, NOT64 }, { OP_OTHER, NONE, ESCAPE }, /* PUSH CS, the two-byte opcodes */
		[0x10] = { OP_ADC, NONE, EB_GB }, { OP_ADC, NONE, EV_GV }, { OP_ADC, NONE, GB_EB },
		{ OP_ADC, NONE, GV_EV }, { OP_ADC, IZ, AL_IB }, { OP_ADC, IZ, AX_IZ },
		[0x16] = { OP_OTHER, NONE, NOT64 }, { OP_OTHER, NONE, NOT64 }, /* PUSH SS, POP SS */
		[0x18] = { OP_SBB, NONE, EB_GB }, { OP_SBB, NONE, EV_GV }, { OP_SBB, NONE, GB_EB },
		{ OP_SBB, NONE, GV_EV }, { OP_SBB, IZ, AL_IB }, { OP_SBB, IZ, AX_IZ },
		[0x1e] = { OP_OTHER, NONE, NOT64 }, { OP_OTHER, NONE, NOT64 }, /* PUSH DS, POP DS */
		[0x20] = { OP_AND, NONE, EB_GB }, { OP_AND, NONE, EV_GV }, { OP_AND, NONE, GB_EB },
		{ OP_AND, NONE, GV_EV }, { OP_AND, IZ, AL_IB }, { OP_AND, IZ, AX_IZ },
		[0x26] = { OP_OTHER, NONE, PREFIX }, { OP_OTHER, NONE, NOT64 }, /* ES, DAA */
		[0x28] = { OP_SUB, NONE, EB_GB }, { OP_SUB, NONE, EV_GV }, { OP_SUB, NONE, GB_EB },
		{ OP_SUB, NONE, GV_EV }, { OP_SUB, IZ, AL_IB }, { OP_SUB, IZ, AX_IZ },
		[0x2e] = { OP_OTHER, NONE, PREFIX }, { OP_OTHER, NONE, NOT64 }, /* CS, DAS */
		[0x30] = { OP_XOR, NONE, EB_GB }, { OP_XOR, NONE, EV_GV }, { OP_XOR, NONE, GB_EB },
		{ OP_XOR, NONE, GV_EV }, { OP_XOR, IZ, AL_IB }, { OP_XOR, IZ, AX_IZ },
		[0x36] = { OP_OTHER, NONE, PREFIX }, { OP_OTHER, NONE, NOT64 }, /* SS, AAA */
		[0x38] = { OP_CMP, NONE, MODRM | BYTE }, { OP_CMP, NONE, MODRM }, { OP_CMP, NONE, GB_EB },
		{ OP_CMP, NONE, GV_EV }, { OP_CMP, IZ, BYTE }, { OP_CMP, IZ, 0 },
		[0x3e] = { OP_OTHER, NONE, PREFIX }, { OP_OTHER, NONE, NOT64 }, /* DS, AAS */

		[0x40 ... 0x47] = { OP_INC, NONE, OPREG | WRITES }, /* REX in 64-bit mode */
		[0x48 ... 0x4f] = { OP_DEC, NONE, OPREG | WRITES },
		[0x50 ... 0x57] = { OP_PUSH, NONE, OPREG | DEFAULT64 },
		[0x58 ... 0x5f] = { OP_POP, NONE, OPREG | DEFAULT64 | WRITES },

		[0x60 ... 0x61] = { OP_OTHER, NONE, NOT64 },         /* PUSHA, POPA */
		[0x62] = { OP_OTHER, NONE, MODRM | MEMORY | NOT64 }, /* BOUND */
		[0x63] = { OP_MOVSX, NONE, GV_EV | ODD },            /* MOVSXD; ARPL outside 64-bit mode */
		[0x64 ... 0x67] = { OP_OTHER, NONE, PREFIX },        /* FS, GS, operand size, address size */
		[0x68] = { OP_PUSH, IZ, DEFAULT64 },
		[0x69] = { OP_OTHER, IZ, GV_EV }, /* IMUL */
		[0x6a] = { OP_PUSH, IB, DEFAULT64 },
		[0x6b] = { OP_OTHER, IB, GV_EV },
		[0x6c] = { OP_INS, NONE, BYTE }, { OP_INS, NONE, ODD },
		[0x6e] = { OP_OUTS, NONE, BYTE }, { OP_OUTS, NONE, ODD },

		[0x70 ... 0x7f] = { OP_OTHER, IB, 0 }, /* Jcc */

		[0x80] = { GROUP_1, IZ, MODRM | BYTE | GROUP }, { GROUP_1, IZ, MODRM | GROUP },
		[0x82] = { GROUP_1, IZ, MODRM | BYTE | GROUP | NOT64 }, { GROUP_1, IB, MODRM | GROUP },
		[0x84] = { OP_TEST, NONE, GB_EB }, { OP_TEST, NONE, GV_EV },
		[0x86] = { OP_XCHG, NONE, EB_GB }, { OP_XCHG, NONE, EV_GV },
		[0x88] = { OP_MOV, NONE, EB_GB }, { OP_MOV, NONE, EV_GV },
		[0x8a] = { OP_MOV, NONE, GB_EB }, { OP_MOV, NONE, GV_EV },
		[0x8c] = { OP_OTHER, NONE, EV_GV },          /* MOV from a segment register */
		[0x8d] = { OP_OTHER, NONE, GV_EV | MEMORY }, /* LEA */
		[0x8e] = { OP_OTHER, NONE, GV_EV },          /* MOV to a segment register */
		[0x8f] = { GROUP_1A, NONE, MODRM | GROUP },

		[0x90] = { OP_OTHER, NONE, 0 }, /* NOP, PAUSE */
		[0x91 ... 0x97] = { OP_XCHG, NONE, OPREG | WRITES | ODD },
		[0x98 ... 0x99] = { OP_OTHER, NONE, 0 },      /* CBW, CWD */
		[0x9a] = { OP_OTHER, FAR_POINTER, NOT64 },    /* CALL far */
		[0x9b ... 0x9f] = { OP_OTHER, NONE, 0 },      /* WAIT, PUSHF, POPF, SAHF, LAHF */

		[0xa0] = { OP_MOV, MOFFS, BYTE }, { OP_MOV, MOFFS, 0 },
		[0xa2] = { OP_MOV, MOFFS, BYTE | WRITES }, { OP_MOV, MOFFS, WRITES },
		[0xa4] = { OP_MOVS, NONE, BYTE }, { OP_MOVS, NONE, 0 }, { OP_CMPS, NONE, BYTE }, { OP_CMPS, NONE, 0 },
		[0xa8] = { OP_TEST, IZ, BYTE }, { OP_TEST, IZ, 0 },
		[0xaa] = { OP_STOS, NONE, BYTE }, { OP_STOS, NONE, 0 }, { OP_LODS, NONE, BYTE }, { OP_LODS, NONE, 0 },
		[0xae] = { OP_SCAS, NONE, BYTE }, { OP_SCAS, NONE, 0 },

		[0xb0 ... 0xb7] = { OP_MOV, IB, BYTE | OPREG | WRITES },
		[0xb8 ... 0xbf] = { OP_MOV, IV, OPREG | WRITES },

		[0xc0] = { GROUP_2, IB, MODRM | BYTE | GROUP }, { GROUP_2, IB, MODRM | GROUP },
		[0xc2] = { OP_OTHER, IW, 0 }, { OP_OTHER, NONE, 0 }, /* RET */
		[0xc4 ... 0xc5] = { OP_OTHER, NONE, MODRM | MEMORY | NOT64 }, /* LES, LDS; the VEX prefixes */
		[0xc6] = { GROUP_11, IZ, MODRM | BYTE | GROUP }, { GROUP_11, IZ, MODRM | GROUP },
		[0xc8] = { OP_OTHER, IW_IB, 0 }, { OP_OTHER, NONE, 0 }, /* ENTER, LEAVE */
		[0xca] = { OP_OTHER, IW, 0 }, { OP_OTHER, NONE, 0 },      /* RET far */
		[0xcc] = { OP_OTHER, NONE, 0 }, { OP_OTHER, IB, 0 },      /* INT3, INT */
		[0xce] = { OP_OTHER, NONE, NOT64 }, { OP_OTHER, NONE, 0 }, /* INTO, IRET */

		[0xd0] = { GROUP_2, NONE, MODRM | BYTE | GROUP }, { GROUP_2, NONE, MODRM | GROUP },
		[0xd2] = { GROUP_2, NONE, MODRM | BYTE | GROUP }, { GROUP_2, NONE, MODRM | GROUP },
		[0xd4 ... 0xd5] = { OP_OTHER, IB, NOT64 }, /* AAM, AAD */
		[0xd6] = { OP_OTHER, NONE, NOT64 },        /* SALC */
		[0xd7] = { OP_OTHER, NONE, 0 },            /* XLAT */
		[0xd8 ... 0xdf] = { OP_OTHER, NONE, MODRM }, /* x87 */

		[0xe0 ... 0xe3] = { OP_OTHER, IB, 0 }, /* LOOP, JCXZ */
		[0xe4 ... 0xe7] = { OP_OTHER, IB, 0 }, /* IN, OUT */
		[0xe8 ... 0xe9] = { OP_OTHER, JZ, 0 }, /* CALL, JMP */
		[0xea] = { OP_OTHER, FAR_POINTER, NOT64 }, { OP_OTHER, IB, 0 },
		[0xec ... 0xef] = { OP_OTHER, NONE, 0 }, /* IN, OUT */

		[0xf0] = { OP_OTHER, NONE, PREFIX }, { OP_OTHER, NONE, 0 }, /* LOCK, INT1 */
		[0xf2 ... 0xf3] = { OP_OTHER, NONE, PREFIX },               /* REPNE, REP */
		[0xf4 ... 0xf5] = { OP_OTHER, NONE, 0 },                    /* HLT, CMC */
		[0xf6] = { GROUP_3, NONE, MODRM | BYTE | GROUP }, { GROUP_3, NONE, MODRM | GROUP },
		[0xf8 ... 0xfd] = { OP_OTHER, NONE, 0 }, /* CLC, STC, CLI, STI, CLD, STD */
		[0xfe] = { GROUP_4, NONE, MODRM | BYTE | GROUP }, { GROUP_5, NONE, MODRM | GROUP },
	},
	[1] = {
		[0x00] = { GROUP_6, NONE, MODRM | GROUP }, { GROUP_7, NONE, MODRM | GROUP },
		[0x02 ... 0x03] = { OP_OTHER, NONE, GV_EV }, /* LAR, LSL */
		[0x05 ... 0x09] = { OP_OTHER, NONE, 0 },     /* SYSCALL, CLTS, SYSRET, INVD, WBINVD */
		[0x0b] = { OP_OTHER, NONE, 0 },              /* UD2 */
		[0x0d] = { OP_OTHER, NONE, MODRM },          /* PREFETCHW */
		[0x0e] = { OP_OTHER, NONE, 0 },              /* FEMMS */
		[0x0f] = { OP_OTHER, IB, MODRM },            /* 3DNow!: the opcode is the last byte */
		[0x10] = { OP_MOVDQ, NONE, SSE | ODD }, { OP_MOVDQ, NONE, SSE | ODD | WRITES },
		[0x12] = { OP_MOVDQ, NONE, SSE | ODD }, { OP_MOVDQ, NONE, SSE | ODD | WRITES | MEMORY },
		[0x14 ... 0x15] = { OP_OTHER, NONE, SSE },
		[0x16] = { OP_MOVDQ, NONE, SSE | ODD }, { OP_MOVDQ, NONE, SSE | ODD | WRITES | MEMORY },
		[0x18 ... 0x1f] = { OP_OTHER, NONE, MODRM },           /* prefetches and NOPs with an operand */
		[0x20 ... 0x23] = { OP_OTHER, NONE, MODRM | CONTROL }, /* MOV CR, MOV DR */
		[0x28] = { OP_MOVDQ, NONE, SSE | ODD }, { OP_MOVDQ, NONE, SSE | ODD | WRITES },
		[0x2a] = { OP_OTHER, NONE, SSE }, { OP_MOVDQ, NONE, SSE | ODD | WRITES | MEMORY },
		[0x2c ... 0x2f] = { OP_OTHER, NONE, SSE },
		[0x30 ... 0x35] = { OP_OTHER, NONE, 0 }, /* WRMSR, RDTSC, RDMSR, RDPMC, SYSENTER, SYSEXIT */
		[0x37] = { OP_OTHER, NONE, 0 },          /* GETSEC */
		[0x38] = { OP_OTHER, NONE, ESCAPE },
		[0x3a] = { OP_OTHER, NONE, ESCAPE },

		/* With VEX, 41 to 4B and 90 to 99 are operations on mask registers of the same lengths. */
		[0x40] = { OP_CMOVCC, NONE, GV_EV },
		[0x41 ... 0x42] = { OP_CMOVCC, NONE, GV_EV | VEX },
		[0x43] = { OP_CMOVCC, NONE, GV_EV },
		[0x44 ... 0x47] = { OP_CMOVCC, NONE, GV_EV | VEX },
		[0x48 ... 0x49] = { OP_CMOVCC, NONE, GV_EV },
		[0x4a ... 0x4b] = { OP_CMOVCC, NONE, GV_EV | VEX },
		[0x4c ... 0x4f] = { OP_CMOVCC, NONE, GV_EV },

		[0x50] = { OP_OTHER, NONE, SSE | REGISTER }, /* MOVMSKPS */
		[0x51 ... 0x6d] = { OP_OTHER, NONE, SSE },
		[0x6e ... 0x6f] = { OP_MOVDQ, NONE, SSE | ODD },
		[0x70] = { OP_OTHER, IB, SSE },
		[0x71] = { GROUP_12, IB, SSE | GROUP | REGISTER }, { GROUP_12, IB, SSE | GROUP | REGISTER },
		[0x73] = { GROUP_14, IB, SSE | GROUP | REGISTER },
		[0x74 ... 0x76] = { OP_OTHER, NONE, SSE },
		[0x77] = { OP_OTHER, NONE, VEX }, /* EMMS, VZEROUPPER, VZEROALL */
		[0x78] = { OP_OTHER, SSE4A, MODRM }, { OP_OTHER, NONE, MODRM }, /* VMREAD, VMWRITE */
		[0x7c ... 0x7d] = { OP_OTHER, NONE, SSE },
		[0x7e ... 0x7f] = { OP_MOVDQ, NONE, SSE | ODD | WRITES },

		[0x80 ... 0x8f] = { OP_OTHER, JZ, 0 }, /* Jcc */
		[0x90 ... 0x93] = { OP_SETCC, NONE, MODRM | BYTE | WRITES | VEX },
		[0x94 ... 0x97] = { OP_SETCC, NONE, MODRM | BYTE | WRITES },
		[0x98 ... 0x99] = { OP_SETCC, NONE, MODRM | BYTE | WRITES | VEX },
		[0x9a ... 0x9f] = { OP_SETCC, NONE, MODRM | BYTE | WRITES },

		[0xa0 ... 0xa2] = { OP_OTHER, NONE, 0 }, /* PUSH FS, POP FS, CPUID */
		[0xa3] = { OP_BT, NONE, MODRM },
		[0xa4] = { OP_OTHER, IB, EV_GV }, { OP_OTHER, NONE, EV_GV }, /* SHLD */
		[0xa8 ... 0xaa] = { OP_OTHER, NONE, 0 }, /* PUSH GS, POP GS, RSM */
		[0xab] = { OP_BTS, NONE, EV_GV },
		[0xac] = { OP_OTHER, IB, EV_GV }, { OP_OTHER, NONE, EV_GV }, /* SHRD */
		[0xae] = { OP_OTHER, NONE, SSE }, /* FXSAVE, LDMXCSR, XSAVE, CLFLUSH, fences, ... */
		[0xaf] = { OP_OTHER, NONE, GV_EV }, /* IMUL */
		[0xb0] = { OP_CMPXCHG, NONE, EB_GB }, { OP_CMPXCHG, NONE, EV_GV },
		[0xb2] = { OP_OTHER, NONE, GV_EV | MEMORY }, /* LSS */
		[0xb3] = { OP_BTR, NONE, EV_GV },
		[0xb4 ... 0xb5] = { OP_OTHER, NONE, GV_EV | MEMORY }, /* LFS, LGS */
		[0xb6] = { OP_MOVZX, NONE, GV_EV | ODD }, { OP_MOVZX, NONE, GV_EV | ODD },
		[0xb8] = { OP_OTHER, NONE, GV_EV }, /* POPCNT */
		[0xb9] = { OP_OTHER, NONE, MODRM }, /* UD1 */
		[0xba] = { GROUP_8, IB, MODRM | GROUP },
		[0xbb] = { OP_BTC, NONE, EV_GV },
		[0xbc ... 0xbd] = { OP_OTHER, NONE, GV_EV }, /* BSF, BSR */
		[0xbe] = { OP_MOVSX, NONE, GV_EV | ODD }, { OP_MOVSX, NONE, GV_EV | ODD },

		[0xc0] = { OP_XADD, NONE, EB_GB }, { OP_XADD, NONE, EV_GV },
		[0xc2] = { OP_OTHER, IB, SSE },
		[0xc3] = { OP_MOVNTI, NONE, EV_GV | MEMORY },
		[0xc4] = { OP_OTHER, IB, SSE }, { OP_OTHER, IB, SSE | REGISTER }, { OP_OTHER, IB, SSE },
		[0xc7] = { GROUP_9, NONE, MODRM | GROUP },
		[0xc8 ... 0xcf] = { OP_OTHER, NONE, OPREG | WRITES }, /* BSWAP */
		[0xd0 ... 0xd5] = { OP_OTHER, NONE, SSE },
		[0xd6] = { OP_MOVDQ, NONE, SSE | ODD | WRITES },
		[0xd7] = { OP_OTHER, NONE, SSE | REGISTER }, /* PMOVMSKB */
		[0xd8 ... 0xe6] = { OP_OTHER, NONE, SSE },
		[0xe7] = { OP_MOVDQ, NONE, SSE | ODD | WRITES | MEMORY }, /* MOVNTDQ */
		[0xe8 ... 0xef] = { OP_OTHER, NONE, SSE },
		[0xf0] = { OP_MOVDQ, NONE, SSE | ODD | MEMORY }, /* LDDQU */
		[0xf1 ... 0xf6] = { OP_OTHER, NONE, SSE },
		[0xf7] = { OP_OTHER, NONE, SSE | REGISTER }, /* MASKMOVQ */
		[0xf8 ... 0xfe] = { OP_OTHER, NONE, SSE },
		[0xff] = { OP_OTHER, NONE, MODRM }, /* UD0 */
	},
	[2] = {
		[0x00 ... 0x0b] = { OP_OTHER, NONE, SSE },
		[0x0c ... 0x0f] = { OP_OTHER, NONE, AVX },
		[0x10] = { OP_OTHER, NONE, LEGACY },
		[0x13] = { OP_OTHER, NONE, AVX },
		[0x14 ... 0x15] = { OP_OTHER, NONE, LEGACY },
		[0x16] = { OP_OTHER, NONE, AVX },
		[0x17] = { OP_OTHER, NONE, SSE },
		[0x18 ... 0x19] = { OP_OTHER, NONE, AVX }, { OP_OTHER, NONE, AVX | MEMORY },
		[0x1c ... 0x1e] = { OP_OTHER, NONE, SSE },
		[0x20 ... 0x25] = { OP_OTHER, NONE, SSE },
		[0x28 ... 0x29] = { OP_OTHER, NONE, SSE },
		[0x2a] = { OP_MOVDQ, NONE, SSE | ODD | MEMORY }, /* MOVNTDQA */
		[0x2b] = { OP_OTHER, NONE, SSE },
		[0x2c ... 0x2f] = { OP_OTHER, NONE, AVX | MEMORY }, /* VMASKMOVPS, VMASKMOVPD */
		[0x30 ... 0x35] = { OP_OTHER, NONE, SSE },
		[0x36] = { OP_OTHER, NONE, AVX },
		[0x37 ... 0x41] = { OP_OTHER, NONE, SSE },
		[0x45 ... 0x47] = { OP_OTHER, NONE, AVX },
		[0x50 ... 0x53] = { OP_OTHER, NONE, AVX }, /* AVX-VNNI */
		[0x58 ... 0x59] = { OP_OTHER, NONE, AVX }, { OP_OTHER, NONE, AVX | MEMORY },
		[0x78 ... 0x79] = { OP_OTHER, NONE, AVX },
		[0x80 ... 0x82] = { OP_OTHER, NONE, LEGACY | MEMORY }, /* INVEPT, INVVPID, INVPCID */
		[0x8c] = { OP_OTHER, NONE, AVX | MEMORY },
		[0x8e] = { OP_OTHER, NONE, AVX | MEMORY },
		[0x90 ... 0x93] = { OP_OTHER, NONE, AVX | MEMORY }, /* gathers */
		[0x96 ... 0x9f] = { OP_OTHER, NONE, AVX },          /* FMA */
		[0xa6 ... 0xaf] = { OP_OTHER, NONE, AVX },
		[0xb0 ... 0xb1] = { OP_OTHER, NONE, AVX | MEMORY },
		[0xb4 ... 0xbf] = { OP_OTHER, NONE, AVX },
		[0xc8 ... 0xcd] = { OP_OTHER, NONE, LEGACY }, /* SHA */
		[0xcf] = { OP_OTHER, NONE, SSE },             /* GF2P8MULB */
		[0xdb ... 0xdf] = { OP_OTHER, NONE, SSE },    /* AES */
		[0xe0 ... 0xef] = { OP_OTHER, NONE, AVX | MEMORY }, /* CMPccXADD */
		[0xf0] = { OP_MOVBE, NONE, GV_EV | ODD }, { OP_MOVBE, NONE, EV_GV | ODD }, /* CRC32 with F2 */
		[0xf2] = { OP_OTHER, NONE, AVX }, { GROUP_17, NONE, AVX | GROUP },
		[0xf5] = { OP_OTHER, NONE, SSE }, { OP_OTHER, NONE, SSE }, { OP_OTHER, NONE, AVX },
		[0xf8 ... 0xf9] = { OP_OTHER, NONE, LEGACY | MEMORY }, /* MOVDIR64B, MOVDIRI */
	},
	[3] = {
		[0x00 ... 0x02] = { OP_OTHER, IB, AVX },
		[0x04 ... 0x06] = { OP_OTHER, IB, AVX },
		[0x08 ... 0x0f] = { OP_OTHER, IB, SSE },
		[0x14 ... 0x17] = { OP_OTHER, IB, SSE },
		[0x18 ... 0x19] = { OP_OTHER, IB, AVX },
		[0x1d] = { OP_OTHER, IB, AVX },
		[0x20 ... 0x22] = { OP_OTHER, IB, SSE },
		[0x30 ... 0x33] = { OP_OTHER, IB, AVX | REGISTER }, /* shifts of mask registers */
		[0x38 ... 0x39] = { OP_OTHER, IB, AVX },
		[0x40 ... 0x42] = { OP_OTHER, IB, SSE },
		[0x44] = { OP_OTHER, IB, SSE },
		[0x46] = { OP_OTHER, IB, AVX },
		[0x4a ... 0x4c] = { OP_OTHER, IB, AVX },
		[0x60 ... 0x63] = { OP_OTHER, IB, SSE },
		[0xcc] = { OP_OTHER, IB, LEGACY },
		[0xce ... 0xcf] = { OP_OTHER, IB, SSE },
		[0xdf] = { OP_OTHER, IB, SSE },
		[0xf0] = { OP_OTHER, IB, AVX }, /* RORX */
	},
};

/* The flags add to those of the map's row; an immediate here replaces the row's. */
const struct opcode opcode_groups[OPCODE_GROUPS][8] = {
	[GROUP_1] = {
		{ OP_ADD, NONE, WRITES }, { OP_OR, NONE, WRITES }, { OP_ADC, NONE, WRITES }, { OP_SBB, NONE, WRITES },
		{ OP_AND, NONE, WRITES }, { OP_SUB, NONE, WRITES }, { OP_XOR, NONE, WRITES }, { OP_CMP, NONE, 0 },
	},
	[GROUP_1A] = { { OP_POP, NONE, WRITES | DEFAULT64 } },
	[GROUP_2] = { [0 ... 7] = { OP_SHIFT, NONE, WRITES } },
	[GROUP_3] = {
		{ OP_TEST, IZ, 0 }, { OP_TEST, IZ, 0 }, { OP_NOT, NONE, WRITES }, { OP_NEG, NONE, WRITES },
		[4 ... 7] = { OP_OTHER, NONE, 0 }, /* MUL, IMUL, DIV, IDIV */
	},
	[GROUP_4] = { { OP_INC, NONE, WRITES }, { OP_DEC, NONE, WRITES } },
	[GROUP_5] = {
		{ OP_INC, NONE, WRITES }, { OP_DEC, NONE, WRITES },
		{ OP_OTHER, NONE, DEFAULT64 }, { OP_OTHER, NONE, MEMORY }, /* CALL */
		{ OP_OTHER, NONE, DEFAULT64 }, { OP_OTHER, NONE, MEMORY }, /* JMP */
		{ OP_PUSH, NONE, DEFAULT64 },
	},
	[GROUP_6] = { [0 ... 5] = { OP_OTHER, NONE, 0 } }, /* SLDT, STR, LLDT, LTR, VERR, VERW */
	[GROUP_7] = { [0 ... 7] = { OP_OTHER, NONE, 0 } }, /* SGDT, ..., INVLPG; VMCALL, VMRUN, SWAPGS, ... */
	[GROUP_8] = {
		[4] = { OP_BT, NONE, 0 }, { OP_BTS, NONE, WRITES }, { OP_BTR, NONE, WRITES }, { OP_BTC, NONE, WRITES },
	},
	[GROUP_9] = {
		[1] = { OP_CMPXCHG8B, NONE, WRITES | MEMORY | ODD },
		[3 ... 5] = { OP_OTHER, NONE, MEMORY }, /* XRSTORS, XSAVEC, XSAVES */
		[6 ... 7] = { OP_OTHER, NONE, 0 },      /* VMPTRLD, VMPTRST, RDRAND, RDSEED, RDPID */
	},
	[GROUP_11] = {
		[0] = { OP_MOV, NONE, WRITES },
		[7] = { OP_OTHER, NONE, REGISTER | ODD }, /* XABORT, XBEGIN */
	},
	[GROUP_12] = { [2] = { OP_OTHER, NONE, 0 }, [4] = { OP_OTHER, NONE, 0 }, [6] = { OP_OTHER, NONE, 0 } },
	[GROUP_14] = { [2 ... 3] = { OP_OTHER, NONE, 0 }, [6 ... 7] = { OP_OTHER, NONE, 0 } },
	[GROUP_17] = { [1 ... 3] = { OP_OTHER, NONE, 0 } }, /* BLSR, BLSMSK, BLSI */
};
