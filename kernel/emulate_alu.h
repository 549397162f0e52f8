/* SPDX-License-Identifier: MIT */
/* Integer arithmetic with RFLAGS, on operands of 1, 2, 4 and 8 bytes. */
#ifndef KERNEL_EMULATE_ALU_H
#define KERNEL_EMULATE_ALU_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/emulate.h"

#define RFLAGS_CF (1ull << 0)
#define RFLAGS_PF (1ull << 2)
#define RFLAGS_AF (1ull << 4)
#define RFLAGS_ZF (1ull << 6)
#define RFLAGS_SF (1ull << 7)
#define RFLAGS_DF (1ull << 10)
#define RFLAGS_OF (1ull << 11)

static inline uint64_t size_mask(unsigned size)
{
	return size >= 8 ? UINT64_MAX : (1ull << 8 * size) - 1;
}

/* OP_ADD ... OP_XOR, OP_CMP, OP_TEST, OP_XADD as ADD. Operands within `size`; flags in and out by `rflags`. */
uint64_t alu_binary(enum operation operation, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags);
/* OP_NOT, OP_NEG, OP_INC, OP_DEC */
uint64_t alu_unary(enum operation operation, unsigned size, uint64_t a, uint64_t *rflags);
/* `kind` is ModRM.reg: ROL, ROR, RCL, RCR, SHL, SHR, SHL again, SAR. */
uint64_t alu_shift(unsigned kind, unsigned size, uint64_t a, unsigned count, uint64_t *rflags);
/* The condition in the low four bits of Jcc, SETcc and CMOVcc (SDM volume 1, appendix B). */
bool alu_condition(unsigned condition, uint64_t rflags);

#endif
