/* SPDX-License-Identifier: MIT */
/* Where a SIPI lands: real mode at 0x8000, to which start_processors() copies this. */
#define TRAMPOLINE 0x8000
#define STACK_SHIFT 13
#define CR0_PE 1
#define CODE_64 0x08
#define DATA    0x10
#define CODE_32 0x28

	.text
	.code16
	.globl trampoline_start, trampoline_end
trampoline_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl TRAMPOLINE + (pointer - trampoline_start)
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $CODE_32, $protected
	.balign 4
pointer:
	.word 6 * 8 - 1
	.long gdt
trampoline_end:

	.code32
protected:
	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $1, %ebx
	lock xaddl %ebx, processor_next
	leal 1(%ebx), %esp
	shll $STACK_SHIFT, %esp
	addl processor_stacks, %esp
	call enter_long_mode
	ljmpl $CODE_64, $1f
	.code64
1:	call load_segments
	movl %esp, %esp
	movl %ebx, %edi
	xorl %ebp, %ebp
	call processor_start
	ud2

	.section .note.GNU-stack, "", @progbits
