/* SPDX-License-Identifier: MIT */
/*
 * 32-bit protected mode without paging, and what can be reached from it only: hardware task switches good and bad,
 * virtual-8086 mode, PAE paging, real mode with the segments of protected mode. Each with an exit to the hypervisor in
 * it, to which the processor must be able to return from there.
 */
#include "guest.h"

enum {
	MAIN_TSS = 0x50, TASK = 0x58, TSS_16 = 0x60, USER_32 = 0x6b, CODE_L_AND_D = 0x70, CONFORMING = 0x78,
	ABSENT = 0x83, READ_ONLY = 0x88, SIXTEEN = 0x90, LOW_CODE = 0x98, LDT = 0xa0,
	FAULT_TSS = 0x100, /* one for each exception */
	GDT_ENTRIES = 64,
};
enum { DONE = 0x100 }; /* what a piece of code ends with that raised nothing */

#define LOW       0x9000 /* where real mode reaches it */
#define EFLAGS_TF 0x100u
#define EFLAGS_IF 0x200u
#define EFLAGS_VM 0x20000u

/* SDM figure 8-2. */
struct task {
	uint32_t link, stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
};

/* Used by the code below. */
uint64_t legacy_gdt[GDT_ENTRIES] __attribute__((aligned(8)));
uint64_t legacy_idt[32] __attribute__((aligned(8)));
uint64_t legacy_pdpt[4] __attribute__((aligned(32)));
static struct task main_task, task, fault_tasks[32];
static uint8_t stacks[3][4096] __attribute__((aligned(16)));

/* Runs 32-bit code at EBX with paging off; returns the exception that it raised, or DONE. */
unsigned legacy_call(uint32_t code);
extern const uint8_t legacy_fault[], legacy_gp[], legacy_task_end[], legacy_low[], legacy_low_end[];

__asm__(".pushsection .text\n"
        "legacy_call:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, legacy_rsp; mov %edi, %ebx\n"
        "sgdt legacy_old_gdt; sidt legacy_old_idt; lgdt legacy_gdt_pointer; lidt legacy_idt_pointer\n"
        "ljmp *1f(%rip)\n"
        "1: .long 2f; .word 0x28\n"
        ".code32\n"
        "2: movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; movl %eax, %ss\n"
        "movl %cr0, %eax; andl $0x7fffffff, %eax; movl %eax, %cr0\n"
        "movl $0xc0000080, %ecx; rdmsr; andl $~0x100, %eax; wrmsr\n"
        "movl $0x50, %eax; ltr %ax; xorl %eax, %eax; lldt %ax\n"
        "jmp *%ebx\n"
        "legacy_gp: movl $13, %ebx; jmp legacy_fault\n"
        "legacy_done: movl $0x100, %ebx\n"
        "legacy_fault: cld; movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; movl %eax, %ss; movl legacy_rsp, %esp\n"
        "pushl $2; popfl; clts; xorl %eax, %eax; movl %eax, %fs; movl %eax, %gs\n"
        "movl %cr0, %eax; andl $0x1fffffff, %eax; movl %eax, %cr0\n"
        "andb $0xfd, legacy_gdt + 0x55; movl $0x50, %eax; ltr %ax\n" /* whatever task it was */
        "movl %cr4, %eax; orl $0x20, %eax; movl %eax, %cr4; movl $page_tables, %eax; movl %eax, %cr3\n"
        "movl $0xc0000080, %ecx; rdmsr; orl $0x100, %eax; wrmsr\n"
        "movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0\n"
        "ljmpl $0x08, $3f\n"
        ".code64\n"
        "3: lgdt legacy_old_gdt; lidt legacy_old_idt; mov legacy_rsp, %rsp\n"
        "push %rbx; call load_segments; pop %rax\n"
        "andb $0xfd, gdt + 0x35; mov $0x30, %ecx; ltr %cx\n" /* it was busy */
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".popsection .pushsection .data; .balign 8\n"
        "legacy_rsp: .quad 0\n"
        "legacy_old_gdt: .fill 16\n legacy_old_idt: .fill 16\n"
        "legacy_gdt_pointer: .word 511; .quad legacy_gdt\n"
        "legacy_idt_pointer: .word 255; .quad legacy_idt\n"
        ".popsection");

#define CODE_32_BIT(name, body) \
	extern const uint8_t name[]; \
	__asm__(".pushsection .text; .code32\n" #name ": " body "\n jmp legacy_done\n.code64; .popsection")

/* The end of every task. */
__asm__(".pushsection .text; .code32\n legacy_task_end: cpuid; ud2\n.code64; .popsection");
/* The same in virtual-8086 mode, copied to LOW. */
__asm__(".pushsection .text; .code16\n legacy_low: cpuid; ud2\n legacy_low_end:\n.code64; .popsection");

CODE_32_BIT(just_exit, "cpuid");
CODE_32_BIT(switch_task, "ljmp $0x58, $0");
CODE_32_BIT(switch_task_sti, "sti; ljmp $0x58, $0");
CODE_32_BIT(switch_task_mov_ss, "movl $0x10, %eax; movl %eax, %ss; ljmp $0x58, $0");
CODE_32_BIT(switch_task_tf, "pushl $0x102; movl $0x10, %eax; popfl; movl %eax, %ss; ljmp $0x58, $0");
CODE_32_BIT(conforming, "ljmp $0x78, $1f; 1: cpuid; ljmp $0x28, $2f; 2:");
CODE_32_BIT(bad_stack, "movl $0x60, %eax; movl %eax, %ss; cpuid");

/* IA-32e mode wants a 32-bit TSS and a code segment of the old kind (SDM 9.8.5). */
#define LONG_MODE \
	"movl %cr4, %eax; orl $0x20, %eax; movl %eax, %cr4; movl $page_tables, %eax; movl %eax, %cr3\n" \
	"movl $0xc0000080, %ecx; rdmsr; orl $0x100, %eax; wrmsr\n" \
	"movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0\n" \
	"cpuid"
CODE_32_BIT(long_mode_tss_16, "movl $0x60, %eax; ltr %ax\n" LONG_MODE);
CODE_32_BIT(long_mode_code_l, "ljmp $0x70, $1f\n1: " LONG_MODE);
CODE_32_BIT(long_mode, LONG_MODE);

/* PAE: the entries are loaded by the MOV to CR3; what another processor makes of them in memory shows with the next. */
#define PAE \
	"movl %cr4, %eax; orl $0x20, %eax; movl %eax, %cr4; movl $legacy_pdpt, %eax; movl %eax, %cr3\n" \
	"movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0; cpuid\n"
CODE_32_BIT(pae, PAE);
CODE_32_BIT(pae_changed, PAE "movl $0x1e7, legacy_pdpt + 24; movl $-1, legacy_pdpt + 28; cpuid\n"
                         "movl %cr0, %eax; orl $0x40000000, %eax; movl %eax, %cr0; cpuid\n"
                         "movl %cr0, %eax; xorl $0x40000000, %eax; movl %eax, %cr0; cpuid\n"
                         "movl %cr3, %eax; movl %eax, %cr3");

/* Real mode under a code segment and with data segments that only protected mode loads. */
#define REAL(segment) \
	"movl $" segment ", %eax; movl %eax, %ds; movl %eax, %es; movl %eax, %fs\n" \
	"movl %cr0, %edi; leal -1(%edi), %eax; movl %eax, %cr0\n" \
	"cpuid; xorl %eax, %eax; inb $0x80, %al; movl %edi, %eax; movl %eax, %cr0; cpuid"
CODE_32_BIT(real_flat, REAL("0x10"));
CODE_32_BIT(real_null, REAL("0"));
CODE_32_BIT(real_read_only, REAL("0x88"));
CODE_32_BIT(real_conforming, "ljmp $0x78, $1f\n1: " REAL("0x78") "\nljmp $0x28, $2f; 2:");
CODE_32_BIT(real_user, REAL("0x1b"));

struct scenario {
	const char *name;
	const uint8_t *code;
	unsigned raises;
	bool intel; /* QEMU's processor, which is AMD's, has it otherwise, with no hypervisor as well */
};

static const struct scenario scenarios[] = {
	{ "protected mode", just_exit, DONE, false },
	{ "a conforming code segment", conforming, DONE, false },
	{ "a system segment as the stack's", bad_stack, GP, false },
	{ "long mode", long_mode, DONE, false },
	{ "long mode with a 16-bit TSS", long_mode_tss_16, GP, true },
	{ "long mode from a code segment with L and D", long_mode_code_l, GP, true },
	{ "PAE paging", pae, DONE, false },
	{ "PAE paging with entries that change", pae_changed, GP, true },
	{ "real mode, flat segments", real_flat, DONE, false },
	{ "real mode, null segments", real_null, DONE, false },
	{ "real mode, read-only segments", real_read_only, DONE, false },
	{ "real mode, conforming segments", real_conforming, DONE, false },
	{ "real mode, user segments", real_user, DONE, false },
};

/* What the new task has, other than the usual; `raises` UD is its regular end. */
struct switching {
	const char *name;
	const uint8_t *code;
	uint16_t cs, ss, ds, ldt;
	uint32_t eflags;
	uint16_t trap;
	unsigned raises;
	bool intel;
};

static const struct switching switchings[] = {
	{ "an ordinary task", switch_task, CODE_32, DATA, DATA, 0, 0, 0, UD, false },
	{ "a user task", switch_task, USER_32, USER_DATA, USER_DATA, 0, 0, 0, UD, false },
	{ "a task after STI", switch_task_sti, CODE_32, DATA, DATA, 0, 0, 0, UD, false },
	{ "a task after MOV to SS", switch_task_mov_ss, CODE_32, DATA, DATA, 0, 0, 0, UD, false },
	{ "a stepped task after MOV to SS", switch_task_mov_ss, CODE_32, DATA, DATA, 0, EFLAGS_TF, 0, DB, false },
	{ "a stepped task", switch_task, CODE_32, DATA, DATA, 0, EFLAGS_TF, 0, DB, false },
	{ "a task with the trap bit", switch_task, CODE_32, DATA, DATA, 0, 0, 1, DB, true },
	{ "user code, system stack", switch_task, USER_32, DATA, USER_DATA, 0, 0, 0, TS, false },
	{ "user code, null stack", switch_task, USER_32, 0, USER_DATA, 0, 0, 0, TS, false },
	{ "user code, stack not present", switch_task, USER_32, ABSENT, USER_DATA, 0, 0, 0, SS, true },
	{ "user code, system data", switch_task, USER_32, USER_DATA, DATA, 0, 0, 0, TS, false },
	{ "user code, bad LDT", switch_task, USER_32, USER_DATA, USER_DATA, DATA, 0, 0, TS, false },
	{ "system code, user stack", switch_task, CODE_32, USER_DATA, DATA, 0, 0, 0, TS, false },
	{ "null code", switch_task, 0, DATA, DATA, 0, 0, 0, TS, false },
	{ "data as code", switch_task, DATA, DATA, DATA, 0, 0, 0, TS, false },
	{ "data as code, user stack, interrupts", switch_task, USER_DATA, USER_DATA, DATA, 0, EFLAGS_IF, 0, TS, false },
	{ "an LDT", switch_task, CODE_32, DATA, DATA, LDT, 0, 0, UD, false },
	{ "virtual-8086 mode", switch_task, LOW >> 4, 0x1234, 0xffff, 0, EFLAGS_VM, 0, UD, false },
	{ "virtual-8086 mode, stepped", switch_task, LOW >> 4, 0x1234, 0xffff, 0, EFLAGS_VM | EFLAGS_TF, 0, DB, false },
	{ "virtual-8086 mode, bad LDT", switch_task, LOW >> 4, 0x1234, 0xffff, DATA, EFLAGS_VM, 0, TS, false },
	{ "virtual-8086 mode after STI, bad LDT", switch_task_sti, LOW >> 4, 0, 0, DATA, EFLAGS_VM, 0, TS, false },
};

static uint64_t tss_descriptor(const void *base, unsigned type)
{
	uint64_t at = (uint64_t)base;

	return (sizeof(struct task) - 1) | (at & 0xffffff) << 16 | (0x80ULL | type) << 40 | at >> 24 << 56;
}

/* As new before each: a switch changes TSSs and their descriptors. */
static void prepare(void)
{
	extern uint64_t gdt[];

	memcpy(legacy_gdt, gdt, 8 * sizeof(uint64_t));
	legacy_gdt[MAIN_TSS / 8] = tss_descriptor(&main_task, 9);
	legacy_gdt[TASK / 8] = tss_descriptor(&task, 9);
	legacy_gdt[TSS_16 / 8] = tss_descriptor(&task, 1);
	legacy_gdt[USER_32 / 8] = 0x00cffb000000ffff;
	legacy_gdt[CODE_L_AND_D / 8] = 0x00ef9b000000ffff;
	legacy_gdt[CONFORMING / 8] = 0x00cf9f000000ffff;
	legacy_gdt[ABSENT / 8] = 0x00cf73000000ffff;
	legacy_gdt[READ_ONLY / 8] = 0x00cf91000000ffff;
	legacy_gdt[LDT / 8] = 0x00008200000000ff;
	legacy_pdpt[0] = (uint64_t)&page_tables[2 * 512] | 1;
	legacy_pdpt[1] = legacy_pdpt[2] = 0;
	legacy_pdpt[3] = (uint64_t)&page_tables[5 * 512] | 1;
	for (unsigned i = 0; i < 32; i++) {
		fault_tasks[i] = (struct task){
			.cr3 = (uint32_t)(uint64_t)page_tables, .eip = (uint32_t)(uint64_t)legacy_fault,
			.ebx = i, .eflags = 2, .esp = (uint32_t)(uint64_t)stacks[1],
			.cs = CODE_32, .ss = DATA, .ds = DATA, .es = DATA,
		};
		legacy_gdt[FAULT_TSS / 8 + i] = tss_descriptor(&fault_tasks[i], 9);
		legacy_idt[i] = (uint64_t)(FAULT_TSS + 8 * i) << 16 | 0x8500ULL << 32; /* task gate */
	}
}

static unsigned switch_to(const struct switching *s)
{
	bool v86 = s->eflags & EFLAGS_VM;

	prepare();
	task = (struct task){
		.stacks = { (uint32_t)(uint64_t)stacks[2], DATA }, .cr3 = (uint32_t)(uint64_t)page_tables,
		.eip = v86 ? 0 : (uint32_t)(uint64_t)legacy_task_end, .eflags = s->eflags | 2,
		.esp = v86 ? 0x800 : (uint32_t)(uint64_t)stacks[2], .cs = s->cs, .ss = s->ss, .ds = s->ds, .es = s->ds,
		.ldt = s->ldt, .trap = s->trap, .io_map = sizeof(struct task),
	};
	return legacy_call((uint32_t)(uint64_t)s->code);
}

static uint64_t interrupt_gate(const void *handler)
{
	uint64_t at = (uint64_t)handler;

	return (at & 0xffff) | CODE_32 << 16 | 0x8e00ULL << 32 | at >> 16 << 48;
}

/* #GP without a task switch: TR may be of a kind that cannot be left by one. */
static void run(const struct scenario *s)
{
	unsigned raised;

	prepare();
	legacy_idt[GP] = interrupt_gate(legacy_gp);
	raised = legacy_call((uint32_t)(uint64_t)s->code);
	check(raised == s->raises, "%s (%x)", s->name, raised);
}

int main(void)
{
	uint32_t id[4];
	unsigned raised;
	bool intel;

	cpuid(0, 0, id);
	intel = !memcmp(&id[1], "Genu", 4);

	memcpy((void *)LOW, legacy_low, (size_t)(legacy_low_end - legacy_low));
	for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (intel || !scenarios[i].intel)
			run(&scenarios[i]);
	for (unsigned i = 0; i < sizeof(switchings) / sizeof(switchings[0]); i++) {
		if (switchings[i].intel && !intel)
			continue;
		raised = switch_to(&switchings[i]);
		check(raised == switchings[i].raises, "task switch: %s (%x)", switchings[i].name, raised);
	}
	return results();
}
