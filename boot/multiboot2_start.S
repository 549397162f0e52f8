/* SPDX-License-Identifier: MIT */
/* Multiboot2 header and 32-bit entry (3.1, 3.3): to 64-bit mode on an identity map of 4 GiB. */

#define MAGIC 0xe85250d6
#define ARCHITECTURE_I386 0

#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define IA32_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define CPUID_LM (1 << 29) /* CPUID.80000001H:EDX */

	.section .multiboot2, "a", @progbits
	.balign 8
header:
	.long MAGIC, ARCHITECTURE_I386, header_end - header
	.long -(MAGIC + ARCHITECTURE_I386 + (header_end - header))
	/* 3.1.8: modules start on pages */
	.balign 8
	.word 6, 0
	.long 8
	/* 3.1.10: a graphics mode, optional; with a size left open GRUB takes 640x480 in 256 colours */
	.balign 8
	.word 5, 1
	.long 20, 1024, 768, 32
	.balign 8
	.word 0, 0
	.long 8
header_end:

	.code32
	.text
	.globl multiboot2_start
multiboot2_start:
	cli
	cld
	movl $stack_end, %esp
	movl %eax, %esi /* magic */
	movl %ebx, %edi /* boot information */
	rdtsc
	movl %eax, entry_tsc
	movl %edx, entry_tsc + 4

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	testl $CPUID_LM, %edx
	jz no_long_mode

	/* Four directories of 2 MiB pages: every processor with long mode has those. */
	movl $directories + 3, %eax
	xorl %ecx, %ecx
1:	movl %eax, pointers(, %ecx, 8)
	addl $4096, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b
	movl $0x83, %eax
	xorl %ecx, %ecx
2:	movl %eax, directories(, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $2048, %ecx
	jb 2b
	movl $pointers + 3, top_level

	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $top_level, %eax
	movl %eax, %cr3
	movl $IA32_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $gdt_code - gdt, $start_64

	/* There is no C code yet: the sentence goes to the first serial port and the VGA text page. */
no_long_mode:
	movw $0x3fb, %dx /* line control: 8 data bits */
	movb $3, %al
	outb %al, %dx
	movl $sentence, %esi
	movl $0xb8000, %edi
3:	lodsb
	testb %al, %al
	jz 5f
	movb $0x4f, %ah
	stosw
	movb %al, %bl
	movw $0x3fd, %dx
	movl $100000, %ecx
4:	inb %dx, %al
	testb $0x20, %al
	loopz 4b
	movb %bl, %al
	movw $0x3f8, %dx
	outb %al, %dx
	jmp 3b
5:	hlt
	jmp 5b

	.code64
start_64:
	movl $gdt_data - gdt, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $stack_end, %esp
	xorl %ebp, %ebp
	xchgl %esi, %edi
	movq entry_tsc, %rdx
	call mb2_main
6:	hlt
	jmp 6b

	.section .rodata
	.balign 8
gdt:
	.quad 0
gdt_code:
	.quad 0x00af9b000000ffff
gdt_data:
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt
sentence:
	.asciz "Bulkhead cannot start: this processor has no 64-bit mode. Use another machine.\r\n"

	.bss
	.balign 4096
top_level:
	.skip 4096
pointers:
	.skip 4096
directories:
	.skip 4 * 4096
stack:
	.skip 16384
stack_end:
entry_tsc:
	.skip 8

	.section .note.GNU-stack, "", @progbits
