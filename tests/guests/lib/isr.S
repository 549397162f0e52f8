/* SPDX-License-Identifier: MIT */
/* 256 entry points of 16 bytes, one common path to interrupt(); and the call that catches faults. */
	.text
	.balign 16
	.globl isr_stubs
isr_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	/* Vectors 8, 10 to 14, 17, 21, 29, 30 push an error code themselves (SDM 6.3.1, APM 8.2). */
	.if vector > 31 || !(0x60227d00 >> (vector & 31) & 1)
	push $0
	.endif
	push $vector
	jmp common
	.set vector, vector + 1
	.endr

common:
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call interrupt
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	iretq

/* bool call_caught(void (*fn)(void *), void *argument, uint64_t *stack): *stack is where fault_resume() returns to. */
	.globl call_caught
call_caught:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	push %rdx
	mov %rsp, (%rdx)
	mov %rdi, %rax
	mov %rsi, %rdi
	call *%rax
	xor %eax, %eax
1:	pop %rdx
	movq $0, (%rdx)
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* void fault_resume(uint64_t stack): leaves the handler as if call_caught() returned true. */
	.globl fault_resume
fault_resume:
	mov %rdi, %rsp
	call load_segments
	mov $1, %eax
	jmp 1b

	.section .note.GNU-stack, "", @progbits
