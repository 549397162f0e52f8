/* SPDX-License-Identifier: MIT */
/* Multiboot 1 header; from 32-bit protected mode to main() in 64-bit mode. */
#define HEADER_MAGIC 0x1badb002
#define HEADER_FLAGS 3

#define CR0_PG   0x80000000
#define CR4_PAE  0x20
#define EFER     0xc0000080
#define EFER_LME 0x100

#define CODE_64 0x08
#define DATA    0x10

	.section .multiboot, "ax"
	.balign 4
	.long HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)

	.text
	.code32
	.globl _start
_start:
	cli
	cld
	movl %eax, multiboot_magic
	movl %ebx, multiboot_info_address
	movl $stack_top, %esp

	/* PML4 and PDPT point onwards, 2,048 entries of 2 MiB map 4 GiB; all user accessible. */
	movl $page_tables + 4096 + 7, page_tables
	movl $page_tables + 2 * 4096 + 7, %eax
	movl $page_tables + 4096, %edi
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 1b
	movl $0x87, %eax
	movl $page_tables + 2 * 4096, %edi
	movl $2048, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b

	call enter_long_mode
	ljmpl $CODE_64, $start_64

/* Shared with the other processors: paging and long mode on, GDT loaded; still in a 32-bit code segment. */
	.globl enter_long_mode
enter_long_mode:
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $page_tables, %eax
	movl %eax, %cr3
	movl $EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	lgdt gdt_pointer
	ret

	.code64
start_64:
	call load_segments
	movl $stack_top, %esp
	xorl %ebp, %ebp
	call runtime_start
	ud2

	.globl load_segments
load_segments:
	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	ret

	.data
	.balign 16
	.globl gdt
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 0x08 code, 64-bit */
	.quad 0x00cf93000000ffff /* 0x10 data */
	.quad 0x00cff3000000ffff /* 0x1b user data */
	.quad 0x00affb000000ffff /* 0x23 user code, 64-bit */
	.quad 0x00cf9b000000ffff /* 0x28 code, 32-bit */
	.quad 0, 0               /* 0x30 TSS; interrupts.c fills it in */
gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.globl multiboot_magic, multiboot_info_address
multiboot_magic:
	.long 0
multiboot_info_address:
	.long 0

	.bss
	.balign 4096
	.globl page_tables
page_tables:
	.skip 6 * 4096
	.skip 65536
stack_top:

	.section .note.GNU-stack, "", @progbits
