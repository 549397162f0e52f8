/* SPDX-License-Identifier: MIT */
/* Names of the kernel's functions, for backtraces. */
#ifndef ARCH_X86_SYMBOLS_H
#define ARCH_X86_SYMBOLS_H

#include <stdint.h>

/* The function that holds `address`, and the distance from its start; NULL when it is not in the kernel's code. */
const char *symbol_lookup(uint64_t address, uint64_t *offset);

#endif
