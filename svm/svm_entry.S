/* SPDX-License-Identifier: MIT */
/*
 * void svm_enter(struct vcpu *vcpu, uint64_t vmcb_phys, struct exit *exit): `vcpu` begins with the general registers.
 * Ends in svm_left(vcpu, exit), which returns to the caller.
 *
 * VMRUN loads and #VMEXIT restores RAX, RSP, RIP, RFLAGS, control and descriptor-table registers (APM 15.5.1, 15.6); the
 * other general registers are ours to switch. FS, GS, TR, LDTR and the system-call MSRs stay the guest's until
 * vcpu_ops.put(): nothing between two entries uses them.
 */
	.text
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdx
	push %rdi
	mov %rsi, %rax
	mov 0x08(%rdi), %rcx
	mov 0x10(%rdi), %rdx
	mov 0x18(%rdi), %rbx
	mov 0x28(%rdi), %rbp
	mov 0x30(%rdi), %rsi
	mov 0x40(%rdi), %r8
	mov 0x48(%rdi), %r9
	mov 0x50(%rdi), %r10
	mov 0x58(%rdi), %r11
	mov 0x60(%rdi), %r12
	mov 0x68(%rdi), %r13
	mov 0x70(%rdi), %r14
	mov 0x78(%rdi), %r15
	mov 0x38(%rdi), %rdi
	vmrun %rax
	mov %rdi, %rax
	pop %rdi
	mov %rax, 0x38(%rdi)
	mov %rcx, 0x08(%rdi)
	mov %rdx, 0x10(%rdi)
	mov %rbx, 0x18(%rdi)
	mov %rbp, 0x28(%rdi)
	mov %rsi, 0x30(%rdi)
	mov %r8, 0x40(%rdi)
	mov %r9, 0x48(%rdi)
	mov %r10, 0x50(%rdi)
	mov %r11, 0x58(%rdi)
	mov %r12, 0x60(%rdi)
	mov %r13, 0x68(%rdi)
	mov %r14, 0x70(%rdi)
	mov %r15, 0x78(%rdi)
	pop %rsi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	jmp svm_left
	.size svm_enter, . - svm_enter
	.section .note.GNU-stack, "", @progbits
