/* SPDX-License-Identifier: MIT */
/*
 * Where another core starts: real mode, CS = page of this code (SDM 9.4.4). smp.c copies it below 1 MiB, fills in the
 * parameters, and starts one core at a time. From real mode straight to 64-bit mode: protected mode and paging are
 * turned on together.
 */
#include "arch/x86/gdt.h"

#define IA32_EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define CR4_PAE 0x20
#define CR0_PE_NE_WP_PG 0x80010021

	.section .rodata
	.balign 16
	.globl trampoline_start, trampoline_parameters, trampoline_end
trampoline_start:
	.code16
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	lgdtl gdt_pointer - trampoline_start
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl top_table - trampoline_start, %eax
	movl %eax, %cr3
	movl $IA32_EFER, %ecx
	movl $EFER_LME_NXE, %eax
	xorl %edx, %edx
	wrmsr
	movl $CR0_PE_NE_WP_PG, %eax
	movl %eax, %cr0
	ljmpl *(far_pointer - trampoline_start)

	.code64
long_mode:
	movl $SELECTOR_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	/* One core gets the stack; one that comes late finds none. */
	xchgq %rax, stack(%rip)
	testq %rax, %rax
	jz 1f
	movq %rax, %rsp
	movq core(%rip), %rdi
	movq kernel_cr3(%rip), %rcx
	xorl %ebp, %ebp
	movq $trampoline_high, %rax
	jmp *%rax
1:	cli
	hlt
	jmp 1b

	.balign 8
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* SELECTOR_CODE: 64-bit */
	.quad 0x00cf93000000ffff /* SELECTOR_DATA */

/* struct trampoline in smp.c */
	.balign 8
trampoline_parameters:
stack:
	.quad 0
core:
	.quad 0
kernel_cr3:
	.quad 0
top_table:
	.long 0
far_pointer:
	.long long_mode - trampoline_start /* smp.c adds the page's address */
	.word SELECTOR_CODE
	.word 0
gdt_pointer:
	.word 3 * 8 - 1
	.long gdt - trampoline_start       /* here too */
trampoline_end:

/* In the kernel's own text, mapped alike in both tables. */
	.text
	.type trampoline_high, @function
trampoline_high:
	movq %rcx, %cr3
	call smp_core_entry
	ud2
	.size trampoline_high, . - trampoline_high

	.section .note.GNU-stack, "", @progbits
