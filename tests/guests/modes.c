/* SPDX-License-Identifier: MIT */
/*
 * The way from long mode through every older one and back: 16-bit protected mode, real mode, virtual-8086 mode, PAE
 * paging, and compatibility mode, with instructions in each that a hypervisor executes for its guest.
 */
#include "guest.h"

#define LOW      0x60000 /* where the 16-bit code is copied to; results at LOW + 0x1000, its stack below LOW + 0x3000 */
#define RESULTS  0x1000
#define PORT     0x3ff   /* the scratch register of COM1 */
#define PATTERN  0x5a

/* What the code below finds, as doublewords. */
enum {
	CPUID_16, PORT_16, APIC_16, APIC_BX_SI,
	BIG_REAL, CPUID_REAL, MSR_REAL, INT_REAL, PORT_REAL, LIMIT_IP, LIMIT_SP, MSR_IP, MSR_SP, SP_REAL, TICKS, STEPS,
	STEP_IP, CPUID_V86 = STEP_IP + 8, PORT_V86, FAULT_V86, ERROR_V86, IP_V86, FLAGS_V86,
	MARK_PAE, CPUID_PAE, APIC_PAE, MARK_PAE_2
};

extern const uint8_t low_start[], low_end[], low_limit[], low_msr[], low_step[], low_v86_fault[];
void modes_main(void);

/* The constants of the assembler below are those above: .set cannot see an enum. */
__asm__(
	".pushsection .text; .globl modes_main\n"
	".set RES, 0x1000\n"
	".macro SAVE reg, n; movl %\\reg, RES + 4 * \\n; .endm\n"
	".code32\n"
	"modes_main:\n"
	"	movl %esp, modes_esp\n"
	"	lgdt modes_gdt_pointer; lidt modes_idt_pointer\n"
	"	ljmp $0x18, $0\n"

	".code16\n"
	"low_start:\n"
	"	movw $0x20, %ax; movw %ax, %ds; movw %ax, %ss; movw $0x3000, %sp\n"
	"	xorl %eax, %eax; xorl %ecx, %ecx; cpuid; SAVE ebx, 0\n"
	"	movw $0x3ff, %dx; movb $0x5a, %al; outb %al, %dx; xorl %eax, %eax; inb %dx, %al; SAVE eax, 1\n"
	"	movw $0x28, %ax; movw %ax, %es; movl %es:0x30, %eax; SAVE eax, 2\n"
	"	movw $0x20, %bx; movw $0x8, %si; movl %es:8(%bx,%si), %eax; SAVE eax, 3\n"
	"	movl %cr0, %eax; andl $~1, %eax; movl %eax, %cr0; ljmp $0x6000, $(real - low_start)\n"

	/* ES keeps base and limit of 16-bit protected mode until it is loaded again. */
	"real:	movw $0x6000, %ax; movw %ax, %ds; movw %ax, %ss; movl %es:0x30, %eax; SAVE eax, 4\n"
	"	xorw %ax, %ax; movw %ax, %es; lidtl real_idt - low_start\n"
	"	movl $0x60000000 + int_50 - low_start, %es:0x140\n"
	"	movl $0x60000000 + int_gp - low_start, %es:0x34\n"
	"	movl $0x60000000 + int_db - low_start, %es:0x4\n"
	"	movl $0x60000000 + int_20 - low_start, %es:0x80\n"
	"	xorl %eax, %eax; xorl %ecx, %ecx; cpuid; SAVE ebx, 5\n"
	"	movl $0x1b, %ecx; rdmsr; SAVE eax, 6\n"
	"	int $0x50\n"
	"	movw %ds, %ax; movw %ax, %es; cld; movw $0x3ff, %dx; movw $0x1100, %di; movw $16, %cx; rep insb\n"
	"	movw $0x1102, %si; movw $4, %cx; rep outsb; xorl %eax, %eax; inb %dx, %al\n"
	"	movb 0x110f, %ah; SAVE eax, 8\n"
	"	xorl %eax, %eax; movw %sp, %ax; SAVE eax, 13\n"
	"	movw $0, gp_at - low_start\n"
	"low_limit: int $0x90\n"
	"	movw $8, gp_at - low_start; movl $0x12345678, %ecx\n"
	"low_msr: rdmsr\n"
	"	pushfw; popw %ax; orw $0x100, %ax; pushw %ax; xorl %eax, %eax; xorl %ecx, %ecx; popfw\n"
	"low_step: cpuid; inb $0x80, %al; nop; pushfw; popw %ax; andw $~0x100, %ax; pushw %ax; popfw; nop\n"
	"1:	sti; hlt; cli; cmpl $2, RES + 4 * 14; jb 1b\n"
	"	movl %cr0, %eax; orb $1, %al; movl %eax, %cr0; ljmpl $0x08, $modes_back\n"

	"int_50: movl $0x50, RES + 4 * 7; iretw\n"
	"int_20: pushw %ax; movb $0x20, %al; outb %al, $0x20; incl RES + 4 * 14; popw %ax; iretw\n"
	"int_gp: pushw %bp; movw %sp, %bp; pushw %bx; pushl %eax; movw gp_at - low_start, %bx; xorl %eax, %eax\n"
	"	movw 2(%bp), %ax; movl %eax, RES + 4 * 9(%bx); leaw 2(%bp), %ax; movl %eax, RES + 4 * 10(%bx)\n"
	"	addw $2, 2(%bp); popl %eax; popw %bx; popw %bp; iretw\n"
	"int_db: pushw %bp; movw %sp, %bp; pushw %bx; pushl %eax; movw RES + 4 * 15, %bx; cmpw $8, %bx; jae 1f\n"
	"	shlw $2, %bx; xorl %eax, %eax; movw 2(%bp), %ax; movl %eax, RES + 4 * 16(%bx)\n"
	"1:	incl RES + 4 * 15; popl %eax; popw %bx; popw %bp; iretw\n"
	"v86:	xorl %eax, %eax; xorl %ecx, %ecx; cpuid; SAVE ebx, 24\n"
	"	movw $0x3ff, %dx; movb $0x5a, %al; outb %al, %dx; xorl %eax, %eax; inb %dx, %al; SAVE eax, 25\n"
	"low_v86_fault: inb $0x80, %al; outb %al, %dx; incw %dx; inb %dx, %al; hlt\n"
	"gp_at:	.word 0\n"
	"real_idt: .word 0x1ff; .long 0\n"
	"low_end:\n"

	".code32\n"
	"modes_back:\n"
	"	movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; movl %eax, %ss; movl modes_esp, %esp\n"
	"	lidt modes_idt_pointer; movl $0x30, %eax; ltr %ax\n"
	/* Virtual-8086 mode, which ends by #GP at a port that the TSS forbids. */
	"	movl %esp, modes_tss + 4\n"
	"	pushl $0x6000; pushl $0x6000; pushl $0x6000; pushl $0x6000; pushl $0x6000; pushl $0x3000\n"
	"	pushl $0x20002; pushl $0x6000; pushl $(v86 - low_start); iretl\n"
	"modes_gp: movl $0x10, %eax; movl %eax, %ds; movl %eax, %es\n" /* they are null (SDM 21.3.1) */
	"	popl %eax; movl %eax, 0x61000 + 4 * 27; popl %eax; movl %eax, 0x61000 + 4 * 28\n"
	"	popl %eax; popl %eax; movl %eax, 0x61000 + 4 * 29; movl $13, 0x61000 + 4 * 26\n"
	"	movl modes_esp, %esp\n"
	/* PAE paging; CR4.PAE is on. */
	"	movl $modes_pdpt, %eax; movl %eax, %cr3; movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0\n"
	"	movl 0x40000000, %eax; movl %eax, 0x61000 + 4 * 30\n"
	"	xorl %eax, %eax; xorl %ecx, %ecx; cpuid; movl %ebx, 0x61000 + 4 * 31\n"
	"	movl 0xfee00030, %eax; movl %eax, 0x61000 + 4 * 32\n"
	"	movl $modes_other_directory + 1, modes_pdpt + 8; movl %cr3, %eax; movl %eax, %cr3\n"
	"	movl 0x40000000, %eax; movl %eax, 0x61000 + 4 * 33\n"
	"	movl %cr0, %eax; andl $0x7fffffff, %eax; movl %eax, %cr0\n"
	"	ret\n"
	".code64; .popsection\n"
	".pushsection .bss; modes_esp: .skip 4; .popsection\n");

uint64_t modes_gdt[8] = {
	0,
	0x00cf9b000000ffff, 0x00cf93000000ffff, /* 08, 10: flat */
	0x00009b060000ffff, 0x000093060000ffff, /* 18, 20: 16 bits, base LOW */
	0xfe0093e00000ffff,                     /* 28: 16 bits, base of the local APIC */
};
uint64_t modes_idt[16];
struct modes_pointer {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));
struct modes_pointer modes_gdt_pointer = { sizeof(modes_gdt) - 1, 0 }, modes_idt_pointer = { sizeof(modes_idt) - 1, 0 };

/* 32-bit TSS; its I/O permission map forbids one port only. */
struct {
	uint32_t link, esp0, ss0, others[22];
	uint16_t trap, io_map;
	uint8_t ports[0x400 / 8 + 1];
} __attribute__((packed)) modes_tss = { .ss0 = 0x10, .io_map = 104, .ports[0x80 / 8] = 1, .ports[0x400 / 8] = 0xff };

uint64_t modes_pdpt[4] __attribute__((aligned(32)));
uint64_t modes_directory[4][512] __attribute__((aligned(4096)));
uint64_t modes_other_directory[512] __attribute__((aligned(4096)));
static uint64_t mark_table[512] __attribute__((aligned(4096))), other_table[512] __attribute__((aligned(4096)));
static uint32_t marks[2][1024] __attribute__((aligned(4096)));
void modes_gp(void);

static void prepare(void)
{
	uint64_t gp = (uint64_t)modes_gp, tss = (uint64_t)&modes_tss;

	memcpy((void *)LOW, low_start, (size_t)(low_end - low_start));
	memset((void *)(LOW + RESULTS), 0, 256);
	modes_gdt[6] = (sizeof(modes_tss) - 1) | (tss & 0xffffff) << 16 | 0x89ULL << 40 | (tss >> 24) << 56;
	modes_idt[GP] = (gp & 0xffff) | 0x08 << 16 | 0x8e00ULL << 32 | (gp >> 16) << 48;
	modes_gdt_pointer.base = (uint32_t)(uint64_t)modes_gdt;
	modes_idt_pointer.base = (uint32_t)(uint64_t)modes_idt;
	for (unsigned i = 0; i < 4; i++) {
		modes_pdpt[i] = (uint64_t)modes_directory[i] | 1;
		for (uint64_t j = 0; j < 512; j++)
			modes_directory[i][j] = ((uint64_t)i << 30 | j << 21) | 0x83;
	}
	memcpy(modes_other_directory, modes_directory[1], sizeof(modes_other_directory));
	mark_table[0] = (uint64_t)marks[0] | 3;
	other_table[0] = (uint64_t)marks[1] | 3;
	modes_directory[1][0] = (uint64_t)mark_table | 3;
	modes_other_directory[0] = (uint64_t)other_table | 3;
	marks[0][0] = 0x1111;
	marks[1][0] = 0x2222;
}

static uint32_t offset_of(const uint8_t *at)
{
	return (uint32_t)(at - low_start);
}

static void old_modes(void)
{
	const volatile uint32_t *r = (const volatile uint32_t *)(LOW + RESULTS);
	uint32_t id[4], apic = apic_read(0x30);

	prepare();
	cpuid(0, 0, id);
	pit_periodic(1193);
	pic_init(0x20, 0xfffe);
	run_protected(modes_main);
	pic_init(0x20, 0xffff);
	check(r[CPUID_16] == id[1], "16-bit protected mode: CPUID");
	check(r[PORT_16] == PATTERN, "16-bit protected mode: IN and OUT");
	check(r[APIC_16] == apic && r[APIC_BX_SI] == apic, "16-bit protected mode: a device by 16-bit addresses");
	check(r[BIG_REAL] == apic, "real mode: a device through the base and limit that a segment has kept");
	check(r[CPUID_REAL] == id[1], "real mode: CPUID");
	check(r[MSR_REAL] == (uint32_t)rdmsr(0x1b), "real mode: RDMSR");
	check(r[INT_REAL] == 0x50, "real mode: INT");
	check(r[PORT_REAL] == (PATTERN | PATTERN << 8), "real mode: REP INSB and REP OUTSB");
	check(r[LIMIT_IP] == offset_of(low_limit) && r[LIMIT_SP] == r[SP_REAL] - 6,
	      "real mode: an exception has no error code");
	/* Bare QEMU has all MSRs. */
	check(r[MSR_IP] == offset_of(low_msr) && r[MSR_SP] == r[SP_REAL] - 6, "real mode: nor has the hypervisor's");
	check(r[STEPS] >= 3 && r[STEP_IP] == offset_of(low_step) + 2 && r[STEP_IP + 1] == offset_of(low_step) + 4 &&
	      r[STEP_IP + 2] == offset_of(low_step) + 5, "real mode: single step over CPUID and IN");
	check(r[TICKS] >= 2, "real mode: HLT, and the timer by the 8259");
	check(r[CPUID_V86] == id[1], "virtual-8086 mode: CPUID");
	check(r[PORT_V86] == PATTERN, "virtual-8086 mode: a port that the TSS allows");
	check(r[FAULT_V86] == GP && !r[ERROR_V86] && r[IP_V86] == offset_of(low_v86_fault) && r[FLAGS_V86] & 1u << 17,
	      "virtual-8086 mode: one that it forbids");
	check(r[MARK_PAE] == 0x1111, "PAE paging");
	check(r[CPUID_PAE] == id[1], "PAE paging: CPUID");
	check(r[APIC_PAE] == apic, "PAE paging: a device");
	check(r[MARK_PAE_2] == 0x2222, "PAE paging: CR3 loads the directory pointers");
}

/* --- compatibility mode --- */

enum { CPUID_32, PORT_32, APIC_32, APIC_INDEX, APIC_FS, APIC_WRAP, APIC_SHORT, POPPED, MSR_32, INT_32 };

uint32_t compatibility_results[16];
void compatibility(void);

__asm__(
	".pushsection .text; .globl compatibility\n"
	".macro KEEP reg, n; movl %\\reg, compatibility_results + 4 * \\n; .endm\n"
	".code32\n"
	"compatibility:\n"
	"	pushl %ebx; pushl %esi; pushl %edi; pushl %ebp\n"
	"	xorl %eax, %eax; xorl %ecx, %ecx; cpuid; KEEP ebx, 0\n"
	"	movw $0x3ff, %dx; movb $0x5a, %al; outb %al, %dx; xorl %eax, %eax; inb %dx, %al; KEEP eax, 1\n"
	"	movl 0xfee00030, %eax; KEEP eax, 2\n"
	"	movl $0xfee00000, %ebx; movl $6, %esi; movl (%ebx,%esi,8), %eax; KEEP eax, 3\n"
	"	movl $0x30, %ebx; movl %fs:(%ebx), %eax; KEEP eax, 4\n"
	"	movl $0xfee00040, %ebx; movl $0xfffffff0, %esi; movl (%ebx,%esi), %eax; KEEP eax, 5\n" /* wraps */
	"	movw $0x20, %bx; movw $0x10, %si; addr16 movl %fs:(%bx,%si), %eax; KEEP eax, 6\n"
	"	pushl 0xfee00030; popl %eax; KEEP eax, 7\n"
	"	movl $0x1b, %ecx; rdmsr; KEEP eax, 8\n"
	"	int $0x71\n"
	"	popl %ebp; popl %edi; popl %esi; popl %ebx\n"
	"	lretl\n"
	".code64; .popsection\n");

static void on_int(struct frame *frame)
{
	compatibility_results[INT_32] = frame->cs == CODE_32 && frame->ss == DATA;
}

static void compatibility_mode(void)
{
	const uint32_t *r = compatibility_results;
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) target = { (uint32_t)(uint64_t)compatibility, CODE_32 };
	uint32_t id[4], apic = apic_read(0x30);

	cpuid(0, 0, id);
	set_handler(0x71, on_int);
	/* The segment must be there; its base is what the MSR says. */
	__asm__ volatile("mov %0, %%fs" : : "r"(DATA));
	wrmsr(0xc0000100, 0xfee00000);
	__asm__ volatile("lcall *%0" : : "m"(target) : "memory", "cc", "rax", "rcx", "rdx", "r8", "r9", "r10", "r11");
	wrmsr(0xc0000100, 0);
	check(r[CPUID_32] == id[1], "compatibility mode: CPUID");
	check(r[PORT_32] == PATTERN, "compatibility mode: IN and OUT");
	check(r[APIC_32] == apic && r[APIC_INDEX] == apic, "compatibility mode: a device");
	check(r[APIC_FS] == apic && r[APIC_SHORT] == apic,
	      "compatibility mode: a device by FS, and by 16-bit addresses");
	check(r[APIC_WRAP] == apic, "compatibility mode: an address that wraps");
	check(r[POPPED] == apic, "compatibility mode: PUSH from a device");
	check(r[MSR_32] == (uint32_t)rdmsr(0x1b), "compatibility mode: RDMSR");
	check(r[INT_32] == 1, "compatibility mode: INT");
}

int main(void)
{
	apic_enable(false);
	old_modes();
	compatibility_mode();
	old_modes();
	return results();
}
