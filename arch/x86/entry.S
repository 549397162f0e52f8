/* SPDX-License-Identifier: MIT */
/* Where boot/ enters the kernel: 64-bit mode, interrupts off, RDI = struct bootinfo (boot/bootinfo.h). */
#include "arch/x86/layout.h"

	.section .text.entry, "ax", @progbits
	.globl _start
	.type _start, @function
_start:
	cld
	/* The top word of every stack points to its core (arch/x86/cpu.h). */
	movq $cpus, boot_stack + STACK_SIZE - 8
	movq $boot_stack + STACK_SIZE - 16, %rsp
	xorl %ebp, %ebp /* ends a backtrace */
	call kernel_main
1:	cli
	hlt
	jmp 1b
	.size _start, . - _start

	.section .bss.page, "aw", @nobits
	.globl boot_stack, boot_stack_guard
	.balign STACK_SIZE
	.skip STACK_SIZE - PAGE_SIZE
boot_stack_guard:
	.skip PAGE_SIZE
boot_stack:
	.skip STACK_SIZE

	.section .note.GNU-stack, "", @progbits
