/* SPDX-License-Identifier: MIT */
/*
 * bool vmx_enter(uint64_t *gpr, bool launched, uint64_t *host_rsp)
 *
 * The VM entry loads RSP, RIP, RFLAGS, control and segment registers, the exit restores the host's (SDM 27.3.2, 28.5);
 * the other general registers are ours to switch. After an exit the processor goes on at vmx_exit_point, with
 * interrupts off.
 */
	.text
	.globl vmx_enter, vmx_exit_point
	.type vmx_enter, @function
vmx_enter:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	cmp %rsp, (%rdx)
	je 1f
	mov %rsp, (%rdx)
	mov $0x6c14, %eax /* HOST_RSP */
	vmwrite %rsp, %rax
1:	test %sil, %sil /* no instruction up to the jump changes the flags */
	mov 0x00(%rdi), %rax
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
	jz 2f
	vmresume
	jmp 3f
2:	vmlaunch
3:	pop %rdi /* it fell through: VMfail (SDM 31.2) */
	mov $1, %eax
	jmp 4f

vmx_exit_point:
	push %rdi
	mov 0x08(%rsp), %rdi
	mov %rax, 0x00(%rdi)
	mov %rcx, 0x08(%rdi)
	mov %rdx, 0x10(%rdi)
	mov %rbx, 0x18(%rdi)
	pop %rax
	mov %rbp, 0x28(%rdi)
	mov %rsi, 0x30(%rdi)
	mov %rax, 0x38(%rdi)
	mov %r8, 0x40(%rdi)
	mov %r9, 0x48(%rdi)
	mov %r10, 0x50(%rdi)
	mov %r11, 0x58(%rdi)
	mov %r12, 0x60(%rdi)
	mov %r13, 0x68(%rdi)
	mov %r14, 0x70(%rdi)
	mov %r15, 0x78(%rdi)
	pop %rdi
	xor %eax, %eax
4:	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size vmx_enter, . - vmx_enter
	.section .note.GNU-stack, "", @progbits
