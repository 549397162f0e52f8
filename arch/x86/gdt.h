/* SPDX-License-Identifier: MIT */
/* Selectors and interrupt stacks; isr.S and the trampoline know the selectors too. */
#ifndef ARCH_X86_GDT_H
#define ARCH_X86_GDT_H

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

/* Indices of the TSS's interrupt stack table, 1..7. */
#define IST_NMI 1
#define IST_DF  2
#define IST_MC  3

#endif
