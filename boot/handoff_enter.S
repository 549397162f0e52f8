/* SPDX-License-Identifier: MIT */
/* The jump into the kernel: from the firmware's or the boot loader's descriptor and page tables to our own. */

#define CR4_PGE   (1 << 7)
#define CR4_PCIDE (1 << 17)
#define CR4_CET   (1 << 23)

	.text
	.globl handoff_enter
	.hidden handoff_enter
	.type handoff_enter, @function
/* rdi: page tables, rsi: entry point, rdx: top of the stack, rcx: struct bootinfo */
handoff_enter:
	cli
	cld
	/*
	 * Without global pages the load of CR3 flushes all (SDM 4.10.4.1); PCIDE must go before CR3 has other meanings;
	 * shadow stacks would fault on the first return.
	 */
	movq %cr4, %rax
	andq $~(CR4_PGE | CR4_PCIDE | CR4_CET), %rax
	movq %rdi, %r8
	movq %rsi, %r9
	movq %rcx, %rdi
	/* The descriptor table must outlive this loader: it goes to the far end of the new stack. */
	leaq -16384(%rdx), %r10
	leaq gdt(%rip), %rsi
	movq (%rsi), %r11
	movq %r11, (%r10)
	movq 8(%rsi), %r11
	movq %r11, 8(%r10)
	movq 16(%rsi), %r11
	movq %r11, 16(%r10)

	movq %rax, %cr4
	movq %r8, %cr3
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
	movq %rdx, %rsp
	xorl %ebp, %ebp
	pushq $gdt_code - gdt
	pushq %r9
	lretq
	.size handoff_enter, . - handoff_enter

	.section .rodata
	.balign 8
gdt:
	.quad 0
gdt_code:
	.quad 0x00af9b000000ffff /* 64-bit code */
gdt_data:
	.quad 0x00cf93000000ffff /* data */
gdt_end:

	.section .note.GNU-stack, "", @progbits
