/* SPDX-License-Identifier: MIT */
/*
 * void run_protected(void (*code)(void)): out of long mode and back (SDM 9.8.5.4, APM 14.6). `code` is 32-bit code,
 * runs without paging in flat segments of the runtime's GDT with interrupts off, and returns so; it may load tables,
 * segments and the task register, and change CR3 and CR4.
 */
#define CR0_PG   0x80000000
#define EFER     0xc0000080
#define EFER_LME 0x100

#define CODE_64 0x08
#define DATA    0x10
#define CODE_32 0x28
#define TSS     0x30
#define TSS_TYPE 5 /* offset in a descriptor */
#define TSS_BUSY 2

	.text
	.code64
	.globl run_protected
run_protected:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	cli
	mov %rsp, stack
	sidt idt_pointer
	mov %cr0, %rax
	mov %eax, cr0
	mov %cr3, %rax
	mov %eax, cr3
	mov %cr4, %rax
	mov %eax, cr4
	mov %edi, %ebx
	ljmp *compatibility

	.code32
1:	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %cr0, %eax
	andl $~CR0_PG, %eax
	movl %eax, %cr0
	movl $EFER, %ecx
	rdmsr
	movl %eax, efer
	andl $~EFER_LME, %eax
	wrmsr
	call *%ebx
	movl cr4, %eax
	movl %eax, %cr4
	movl cr3, %eax
	movl %eax, %cr3
	movl $EFER, %ecx
	rdmsr
	movl efer, %eax
	wrmsr
	movl cr0, %eax
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmpl $CODE_64, $2f

	.code64
2:	call load_segments
	mov stack, %rsp
	lidt idt_pointer
	andb $~TSS_BUSY, gdt + TSS + TSS_TYPE
	mov $TSS, %eax
	ltr %ax
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.data
	.balign 8
compatibility:
	.long 1b
	.word CODE_32

	.bss
	.balign 8
stack:
	.skip 8
idt_pointer:
	.skip 16
cr0:
	.skip 4
cr3:
	.skip 4
cr4:
	.skip 4
efer:
	.skip 4

	.section .note.GNU-stack, "", @progbits
