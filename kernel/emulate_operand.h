/* SPDX-License-Identifier: MIT */
/* Operands of an instruction that is being executed: registers of every width, memory, immediates. */
#ifndef KERNEL_EMULATE_OPERAND_H
#define KERNEL_EMULATE_OPERAND_H

#include <stdint.h>

#include "kernel/emulate_alu.h"

/* Register numbers as in ModRM. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

/* Zero-extended. */
uint64_t read_register(struct machine *m, const struct instruction *i, unsigned reg, unsigned size);
/* 32 bits clear the upper half, 8 and 16 leave the rest alone (SDM volume 1, 3.4.1.1). */
void write_register(struct machine *m, const struct instruction *i, unsigned reg, unsigned size, uint64_t value);

/* The operand that ModRM.rm names; nonzero when a memory access stopped. */
int read_rm(struct machine *m, const struct instruction *i, unsigned size, uint64_t *value);
int write_rm(struct machine *m, const struct instruction *i, unsigned size, uint64_t value);

/* `address` as far as the instruction's address size goes. */
static inline uint64_t wrap_address(const struct instruction *i, uint64_t address)
{
	return address & size_mask(i->address_size);
}

enum emulate_result emulate_string(struct machine *m, const struct instruction *i);
enum emulate_result emulate_push(struct machine *m, const struct instruction *i);
enum emulate_result emulate_pop(struct machine *m, const struct instruction *i);

#endif
