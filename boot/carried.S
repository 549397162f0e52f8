/* SPDX-License-Identifier: MIT */
/* The kernel that a loader carries: the stripped ELF file, named by the Makefile. */
	.section .rodata
	.balign 16
	.globl carried_kernel, carried_kernel_end
	.hidden carried_kernel, carried_kernel_end
carried_kernel:
	.incbin KERNEL_FILE
carried_kernel_end:

	.section .note.GNU-stack, "", @progbits
