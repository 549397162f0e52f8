/* SPDX-License-Identifier: MIT */
/*
 * Entry of the 256 vectors. Exceptions save everything and get a struct exception_frame; interrupts save what the
 * calling convention does not, because they are on the way of hot exits. GS is never used: it may be the guest's.
 */
#include "arch/x86/layout.h"

#define STUB_SIZE 16

/* Vectors that push an error code: 8, 10..14, 17, 21, 29, 30 (SDM 6.15, APM 8.2). */
#define ERROR_CODES 0x60227d00

	.text

/* Vectors 0..31. */
	.balign STUB_SIZE
	.globl exception_stubs
exception_stubs:
	.set vector, 0
	.rept 32
	.balign STUB_SIZE
	.if !(ERROR_CODES >> vector & 1)
	pushq $0
	.endif
	pushq $vector
	jmp exception_common
	.set vector, vector + 1
	.endr

/* Vectors 32..255. The number is pushed as a signed byte and corrected below. */
	.balign STUB_SIZE
	.globl interrupt_stubs
interrupt_stubs:
	.set vector, 32
	.rept 224
	.balign STUB_SIZE
	pushq $(vector - 128)
	jmp interrupt_common
	.set vector, vector + 1
	.endr

	.balign 16
	.type exception_common, @function
exception_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	cld
	movq %rsp, %rdi
	movq %rsp, %rbx
	andq $-16, %rsp
	xorl %ebp, %ebp /* panic() goes on from the frame's RBP */
	call exception_handler
	movq %rbx, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq
	.size exception_common, . - exception_common

/* The processor aligns the stack to 16 before it pushes five words; one vector, RBP and nine registers follow. */
	.balign 16
	.type interrupt_common, @function
interrupt_common:
	pushq %rbp
	movq %rsp, %rbp
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	cld
	movl 8(%rbp), %edi
	addl $128, %edi
	call interrupt_handler
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	popq %rbp
	addq $8, %rsp
	iretq
	.size interrupt_common, . - interrupt_common

/* bool rdmsr_safe(uint32_t msr, uint64_t *value) */
	.globl rdmsr_safe, rdmsr_safe_instruction, msr_safe_failed
	.type rdmsr_safe, @function
rdmsr_safe:
	movl %edi, %ecx
rdmsr_safe_instruction:
	rdmsr
	shlq $32, %rdx
	movl %eax, %eax
	orq %rdx, %rax
	movq %rax, (%rsi)
	movl $1, %eax
	ret
	.size rdmsr_safe, . - rdmsr_safe

/* bool wrmsr_safe(uint32_t msr, uint64_t value) */
	.globl wrmsr_safe, wrmsr_safe_instruction
	.type wrmsr_safe, @function
wrmsr_safe:
	movl %edi, %ecx
	movq %rsi, %rdx
	movl %esi, %eax
	shrq $32, %rdx
wrmsr_safe_instruction:
	wrmsr
	movl $1, %eax
	ret
msr_safe_failed:
	xorl %eax, %eax
	ret
	.size wrmsr_safe, . - wrmsr_safe

	.section .note.GNU-stack, "", @progbits
