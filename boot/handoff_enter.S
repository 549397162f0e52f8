/* SPDX-License-Identifier: MIT */
/* The jump into the kernel: from the firmware's or the boot loader's descriptor and page tables to our own. */

#define CR0_PG    (1 << 31)
#define CR4_PGE   (1 << 7)
#define CR4_LA57  (1 << 12)
#define CR4_PCIDE (1 << 17)
#define CR4_CET   (1 << 23)

#define STACK_SIZE 16384
#define SCRATCH_CODE 64   /* offsets from the stack's far end, where nothing has been pushed yet */
#define SCRATCH_PML5 4096

	.text
	.globl handoff_enter
	.hidden handoff_enter
	.type handoff_enter, @function
/* rdi: page tables, rsi: entry point, rdx: top of the stack (zeroed, below 4 GiB), rcx: struct bootinfo */
handoff_enter:
	cli
	cld
	movq %rdi, %r8
	movq %rsi, %r9
	movq %rcx, %r12
	/* The descriptor table must outlive this loader: it goes to the far end of the new stack. */
	leaq -STACK_SIZE(%rdx), %r10
	leaq gdt(%rip), %rsi
	movq %r10, %rdi
	movl $gdt_end - gdt, %ecx
	rep movsb
	movq %rdx, %rsp
	subq $16, %rsp
	movw $gdt_end - gdt - 1, 6(%rsp)
	movq %r10, 8(%rsp)
	lgdt 6(%rsp)
	/* No interrupt table: what goes wrong before the kernel has its own resets the machine. */
	movw $0, 6(%rsp)
	lidt 6(%rsp)
	movl $gdt_data - gdt, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	xorl %ebp, %ebp
	movq %rdx, %rsp

	/*
	 * Without global pages the load of CR3 flushes all (SDM 4.10.4.1); PCIDE must go before CR3 has other meanings;
	 * shadow stacks would fault on the first return.
	 */
	movq %cr4, %rax
	andq $~(CR4_PGE | CR4_PCIDE | CR4_CET), %rax
	movq %rax, %cr4
	testl $CR4_LA57, %eax
	jnz five_levels
	movq %r8, %cr3
	movq %r12, %rdi
	pushq $gdt_code - gdt
	pushq %r9
	lretq

	/*
	 * Firmware with 5-level paging: LA57 changes only with paging off (SDM 4.1.2), paging goes off only in 32-bit
	 * code, and that reaches 4 GiB only. So a copy of leave_five runs on the stack's page, by a fifth level over
	 * our tables (the firmware's may forbid execution there).
	 */
five_levels:
	leaq leave_five(%rip), %rsi
	leaq SCRATCH_CODE(%r10), %rdi
	movl $leave_five_end - leave_five, %ecx
	rep movsb
	leaq 3(%r8), %rcx
	movq %rcx, SCRATCH_PML5(%r10)
	leaq SCRATCH_PML5(%r10), %rcx
	movq %rcx, %cr3
	pushq %r9
	pushq %r12
	leaq SCRATCH_CODE(%r10), %rbx
	movl %r8d, %ecx
	pushq $gdt_code_32 - gdt
	pushq %rbx
	lretq

	.code32
/* ebx: where this copy runs, ecx: page tables, eax: CR4; on the stack: struct bootinfo, entry point */
leave_five:
	movl %cr0, %edx
	andl $~CR0_PG, %edx
	movl %edx, %cr0
	andl $~CR4_LA57, %eax
	movl %eax, %cr4
	movl %ecx, %cr3
	orl $CR0_PG, %edx
	movl %edx, %cr0
	addl $1f - leave_five, %ebx
	pushl $gdt_code - gdt
	pushl %ebx
	lretl
	.code64
1:	popq %rdi
	ret
leave_five_end:
	.size handoff_enter, . - handoff_enter

	.section .rodata
	.balign 8
gdt:
	.quad 0
gdt_code:
	.quad 0x00af9b000000ffff /* 64-bit code */
gdt_data:
	.quad 0x00cf93000000ffff /* data */
gdt_code_32:
	.quad 0x00cf9b000000ffff /* 32-bit code */
gdt_end:

	.section .note.GNU-stack, "", @progbits
