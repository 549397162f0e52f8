/* SPDX-License-Identifier: MIT */
/*
 * Boundaries of the kernel's image, set by kernel.lds; all page aligned, in this order in memory. Virtual addresses:
 * the machine address is bootinfo.kernel_base + (symbol - KERNEL_BASE).
 */
#ifndef ARCH_X86_SECTIONS_H
#define ARCH_X86_SECTIONS_H

extern char __image_start[];
extern char __text_start[], __text_end[];     /* read, execute */
extern char __data_start[], __data_end[];     /* read, write */
extern char __bss_start[], __bss_end[];       /* read, write */
extern char __rodata_start[], __rodata_end[]; /* read; the symbol table is at its end */
extern char __image_end[];

/* The boot processor's first stack (STACK_SIZE, in bss), and the page below it that should not be mapped. */
extern char boot_stack_guard[];
extern char boot_stack[];

#endif
