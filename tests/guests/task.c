/* SPDX-License-Identifier: MIT */
/*
 * Task state: the task register, stacks of the TSS and its I/O permission in 64-bit mode (SDM 8.7, APM 12.3); hardware
 * task switches between 32-bit tasks (SDM 8.3, APM 12.4), with paging: by JMP, CALL, IRET, and task gates for INT, an
 * exception and an interrupt.
 */
#include "guest.h"

#define BUSY        (1ULL << 41) /* of a TSS descriptor's type */
#define PRESENT     (1ULL << 47)
#define EFLAGS_NT   (1u << 14)
#define CR0_TS      (1u << 3)
#define DR6_BT      (1u << 15)
#define GATE        2
#define VECTOR      0x70
#define OPEN        0x71         /* a vector that user mode may use */
#define MARK        0x40000000u /* a linear address that is another page in each task */

/* --- 64-bit mode --- */

static void load_tr(void *argument)
{
	__asm__ volatile("ltr %w0" : : "r"((uint32_t)(uint64_t)argument));
}

static uint16_t task_register(void)
{
	uint16_t selector;

	__asm__ volatile("str %0" : "=r"(selector));
	return selector;
}

static volatile uint64_t *table;

static bool refuses(uint16_t selector, uint8_t vector)
{
	struct fault fault;

	return faults(load_tr, (void *)(uint64_t)selector, &fault) && fault.vector == vector && fault.error == selector;
}

static void long_mode(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer;

	__asm__ volatile("sgdt %0" : "=m"(pointer));
	table = (volatile uint64_t *)pointer.base;
	check(task_register() == TSS && table[TSS / 8] & BUSY, "LTR makes its TSS busy");
	check(refuses(TSS, GP), "a busy TSS is not loaded again");
	check(refuses(DATA, GP), "nor is a data segment"); /* a null selector neither, but QEMU takes it */
	table[TSS / 8] &= ~(BUSY | PRESENT);
	check(refuses(TSS, NP), "nor one that is not present");
	check(task_register() == TSS && !(table[TSS / 8] & BUSY), "and nothing has changed");
	table[TSS / 8] |= PRESENT;
	load_tr((void *)TSS);
	check(table[TSS / 8] & BUSY, "an available one is");
}

static uint8_t kernel_stack[4096] __attribute__((aligned(16))), other_stack[4096] __attribute__((aligned(16)));
static uint8_t user_stack[4096] __attribute__((aligned(16)));
static uint64_t seen_sp, seen_cs, seen_ss, seen_rsp;

static void look(struct frame *frame)
{
	seen_sp = (uint64_t)frame;
	seen_cs = frame->cs;
	seen_ss = frame->ss;
	seen_rsp = frame->rsp;
}

static bool within(const uint8_t *stack)
{
	return seen_sp - (uint64_t)stack < 4096;
}

/* Enters user mode at `code`, which ends by a fault. */
static void enter_user(void *code)
{
	__asm__ volatile("push %0; push %1; push $2; push %2; push %3; iretq"
	                 :
	                 : "i"(USER_DATA), "r"((uint64_t)user_stack + sizeof(user_stack)), "i"(USER_CODE), "r"(code));
}

CODE(code_user, "int3; ud2");
CODE(code_user_in, "inb $0x80, %al; user_in_1: ud2");
CODE(code_user_int, "int $0x71; ud2");
extern const uint8_t user_in_1[];

static bool within_user(uint64_t rsp)
{
	return rsp - (uint64_t)user_stack <= sizeof(user_stack);
}

static void open_gate(uint8_t vector)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer;

	__asm__ volatile("sidt %0" : "=m"(pointer));
	((uint64_t *)pointer.base)[2 * vector] |= 3ULL << 45;
}

static void stacks(void)
{
	struct fault fault;

	set_kernel_stack((uint64_t)kernel_stack + sizeof(kernel_stack));
	set_ist(3, (uint64_t)other_stack + sizeof(other_stack));
	set_handler(BP, look);
	set_gate(BP, true, 0);
	check(faults(enter_user, (void *)code_user, &fault) && fault.vector == GP && fault.error & GATE,
	      "user mode may not use a gate of DPL 0");
	__asm__ volatile("int3");
	check(!within(kernel_stack) && seen_cs == CODE_64, "without a change of privilege the stack stays");
	set_gate(BP, true, 3);
	__asm__ volatile("int3");
	check(within(other_stack) && seen_ss == DATA, "the IST gives another");
	set_gate(BP, true, 0);
	set_handler(BP, NULL);
	check(faults(enter_user, (void *)user_in_1, &fault) && fault.vector == UD, "user mode runs to its UD2");
	check(faults(enter_user, (void *)code_user_in, &fault) && fault.vector == GP &&
	      fault.rip == (uint64_t)code_user_in,
	      "and has no ports");
	open_gate(OPEN);
	set_handler(OPEN, look);
	check(faults(enter_user, (void *)code_user_int, &fault) && fault.vector == UD && within(kernel_stack) &&
	      (seen_cs & 3) == 3 && (seen_ss & 3) == 3 && within_user(seen_rsp), "INT from user mode takes RSP0");
}

/* --- 32-bit tasks --- */

struct tss32 {
	uint32_t link, stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
} __attribute__((packed));

enum { NULL_32, FLAT_CODE, FLAT_DATA, TASK_A, TASK_B, ABSENT, SHORT, TASK_GATE, DESCRIPTORS };
#define SELECTOR(n) ((n) * 8)

struct tss32 task_a, task_b;
uint64_t task_gdt[DESCRIPTORS];
uint64_t task_idt[256];
uint32_t task_stack[1024] __attribute__((aligned(16)));
uint32_t task_pages_a[1024] __attribute__((aligned(4096))), task_pages_b[1024] __attribute__((aligned(4096)));
static uint32_t mark_a[1024] __attribute__((aligned(4096))), mark_b[1024] __attribute__((aligned(4096)));
static uint32_t marks_a[1024] __attribute__((aligned(4096))), marks_b[1024] __attribute__((aligned(4096)));

struct task_pointer {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));
struct task_pointer task_gdt_pointer = { sizeof(task_gdt) - 1, 0 }, task_idt_pointer = { sizeof(task_idt) - 1, 0 };

/* What task B finds each time that it comes to run, and what task A finds after it; what faults are seen. */
struct visit {
	uint32_t tr, eflags, cr0, cr3, mark, ebx, link, error;
	uint64_t a, b; /* descriptors */
};
struct visit visits[16];
uint32_t visit_count;
struct task_fault {
	uint32_t vector, error, eip, tr, dr6, eflags;
} task_faults[16];
uint32_t task_fault_count;
uint64_t task_gp_gate;
void task_main(void);
void task_b_main(void);
void task_vector_1(void);
void task_vector_10(void);
void task_vector_11(void);
void task_vector_13(void);

/* In AT&T: RECORD writes one struct visit. Registers other than EBX are free in task B. */
__asm__(
	".pushsection .text; .code32; .globl task_main, task_b_main\n"
	".globl task_vector_1, task_vector_10, task_vector_11, task_vector_13\n"
	".macro RECORD\n"
	"	movl visit_count, %ecx; incl visit_count\n"
	"	imull $48, %ecx, %ecx; leal visits(%ecx), %edi\n"
	"	xorl %eax, %eax; str %ax; movl %eax, (%edi)\n"
	"	pushfl; popl 4(%edi)\n"
	"	movl %cr0, %eax; movl %eax, 8(%edi)\n"
	"	movl %cr3, %eax; movl %eax, 12(%edi)\n"
	"	movl 0x40000000, %eax; movl %eax, 16(%edi)\n"
	"	movl %ebx, 20(%edi)\n"
	"	movl task_b, %eax; movl %eax, 24(%edi)\n"
	"	movl %edx, 28(%edi)\n"
	"	movl task_gdt + 28, %eax; movl %eax, 36(%edi)\n"
	"	movl task_gdt + 36, %eax; movl %eax, 44(%edi)\n"
	"	clts; xorl %edx, %edx\n"
	".endm\n"

	"task_main:\n"
	"	lgdt task_gdt_pointer; ljmp $0x08, $1f\n"
	"1:	movl $0x10, %eax; movl %eax, %ds; movl %eax, %es; movl %eax, %ss; movl %eax, %fs; movl %eax, %gs\n"
	"	lidt task_idt_pointer\n"
	"	movl $0x10, %eax; movl %eax, %cr4\n"              /* PSE, no PAE */
	"	movl $task_pages_a, %eax; movl %eax, %cr3\n"
	"	movl %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0\n"
	"	movl $0x18, %eax; ltr %ax; clts\n"
	"	xorl %edx, %edx\n"
	"	movl $0xaaaa0001, %ebx; ljmp $0x20, $0; RECORD\n"  /* JMP to a TSS */
	"	movl $0xaaaa0002, %ebx; lcall $0x20, $0; RECORD\n" /* CALL */
	"	movl $0xaaaa0003, %ebx; lcall $0x38, $0; RECORD\n" /* CALL to a task gate */
	"	movl $0xaaaa0004, %ebx; int $0x40; RECORD\n"       /* INT n */
	"	movl $0xaaaa0005, %ebx; movl $0x7f8, %eax\n"
	"task_gp: movl %eax, %fs\n"                            /* #GP(7f8); task B steps over it */
	"task_gp_next: RECORD\n"
	"	movl $0xaaaa0006, %ebx\n"
	"	movl $0x4070, %eax; movl %eax, 0xfee00300\n"        /* an interrupt to itself */
	"	sti; nop; nop; nop; nop; cli; RECORD\n"
	"	movl $0xaaaa0007, %ebx; movw $1, task_b + 100\n"    /* T of task B: a debug trap */
	"	lcall $0x20, $0; RECORD\n"
	"	movl task_gp_gate, %eax; movl %eax, task_idt + 104\n"
	"	movl task_gp_gate + 4, %eax; movl %eax, task_idt + 108\n"
	"	lcall $0x18, $0\n"                                  /* itself, busy: #GP */
	"	lcall $0x28, $0\n"                                  /* not present: #NP */
	"	lcall $0x30, $0\n"                                  /* too short: #TS */
	"	lcall $0x40, $0\n"                                  /* behind the table: #GP */
	"	movl %cr0, %eax; andl $0x7fffffff, %eax; movl %eax, %cr0\n"
	"	ret\n"

	"task_b_main:\n"
	"	RECORD; ljmp $0x18, $0\n"
	"	RECORD; iretl\n"
	"	RECORD; iretl\n"
	"	RECORD; iretl\n"
	"	popl %edx; movl $task_gp_next, task_a + 32; RECORD; iretl\n"
	"	movl $0, 0xfee000b0; RECORD; iretl\n"
	"	RECORD; movw $0, task_b + 100; iretl\n"
	"	ud2\n"

	/* Faults that task A provokes by a far CALL of 7 bytes; #DB goes on where it was. */
	".irp vector, 1, 10, 11, 13\n"
	"task_vector_\\vector:\n"
	".if \\vector == 1; pushl $0; .endif\n"
	"	pushl $\\vector; jmp task_faulted_common\n"
	".endr\n"
	"task_faulted_common:\n"
	"	pushal\n"
	"	imull $24, task_fault_count, %ecx; incl task_fault_count; leal task_faults(%ecx), %edi\n"
	"	movl 32(%esp), %eax; movl %eax, (%edi)\n"
	"	movl 36(%esp), %eax; movl %eax, 4(%edi)\n"
	"	movl 40(%esp), %eax; movl %eax, 8(%edi)\n"
	"	xorl %eax, %eax; str %ax; movl %eax, 12(%edi)\n"
	"	movl %dr6, %eax; movl %eax, 16(%edi)\n"
	"	movl 48(%esp), %eax; movl %eax, 20(%edi)\n"
	"	movl $0xffff0ff0, %eax; movl %eax, %dr6\n"
	"	cmpl $1, 32(%esp); je 1f; addl $7, 40(%esp)\n"
	"1:	popal; addl $8, %esp; iretl\n"
	".code64; .popsection\n");

static uint64_t gate(void (*target)(void))
{
	uint32_t address = (uint32_t)(uint64_t)target;

	return (address & 0xffff) | SELECTOR(FLAT_CODE) << 16 | 0x8e00ULL << 32 |
	       (uint64_t)(address & 0xffff0000) << 32;
}

static uint64_t task_gate(void)
{
	return SELECTOR(TASK_B) << 16 | 0x8500ULL << 32;
}

static uint64_t tss_descriptor(const struct tss32 *tss, uint32_t limit, bool present)
{
	uint64_t base = (uint64_t)tss;

	return limit | (base & 0xffffff) << 16 | (base >> 24) << 56 | (present ? 0x89ULL : 0x09ULL) << 40;
}

static void prepare(void)
{
	const struct tss32 start = {
		.cr3 = (uint32_t)(uint64_t)task_pages_b, .eip = (uint32_t)(uint64_t)task_b_main, .eflags = 2,
		.ebx = 0xbbbb0000, .esp = (uint32_t)(uint64_t)(task_stack + 1024), .cs = SELECTOR(FLAT_CODE),
		.es = SELECTOR(FLAT_DATA), .ss = SELECTOR(FLAT_DATA), .ds = SELECTOR(FLAT_DATA),
		.fs = SELECTOR(FLAT_DATA), .gs = SELECTOR(FLAT_DATA), .io_map = sizeof(start),
	};

	task_a.cr3 = (uint32_t)(uint64_t)task_pages_a;
	task_a.io_map = sizeof(task_a);
	task_b = start;
	task_gdt[FLAT_CODE] = 0x00cf9b000000ffff;
	task_gdt[FLAT_DATA] = 0x00cf93000000ffff;
	task_gdt[TASK_A] = tss_descriptor(&task_a, sizeof(task_a) - 1, true);
	task_gdt[TASK_B] = tss_descriptor(&task_b, sizeof(task_b) - 1, true);
	task_gdt[ABSENT] = tss_descriptor(&task_b, sizeof(task_b) - 1, false);
	task_gdt[SHORT] = tss_descriptor(&task_b, sizeof(task_b) - 2, true);
	task_gdt[TASK_GATE] = task_gate();
	task_idt[DB] = gate(task_vector_1);
	task_idt[TS] = gate(task_vector_10);
	task_idt[NP] = gate(task_vector_11);
	task_gp_gate = gate(task_vector_13);
	task_idt[0x40] = task_idt[GP] = task_idt[VECTOR] = task_gate();
	task_gdt_pointer.base = (uint32_t)(uint64_t)task_gdt;
	task_idt_pointer.base = (uint32_t)(uint64_t)task_idt;
	for (uint32_t i = 0; i < 1024; i++)
		task_pages_a[i] = task_pages_b[i] = i << 22 | 0x83;
	mark_a[0] = 0xa;
	mark_b[0] = 0xb;
	marks_a[0] = (uint32_t)(uint64_t)mark_a | 3;
	marks_b[0] = (uint32_t)(uint64_t)mark_b | 3;
	task_pages_a[MARK >> 22] = (uint32_t)(uint64_t)marks_a | 3;
	task_pages_b[MARK >> 22] = (uint32_t)(uint64_t)marks_b | 3;
}

/* Task B runs with its own registers and tables; the descriptors say who is busy. */
static bool is_b(const struct visit *v, bool nested)
{
	return v->tr == SELECTOR(TASK_B) && v->cr0 & CR0_TS && v->cr3 == task_b.cr3 && v->mark == 0xb &&
	       v->ebx == 0xbbbb0000 && !(v->eflags & EFLAGS_NT) == !nested &&
	       (!nested || v->link == SELECTOR(TASK_A)) && v->b & BUSY &&
	       !(v->a & BUSY) == !nested;
}

/* Back in task A, whose registers are as they were. */
static bool is_a(const struct visit *v, uint32_t ebx)
{
	return v->tr == SELECTOR(TASK_A) && v->cr0 & CR0_TS && v->cr3 == task_a.cr3 && v->mark == 0xa &&
	       v->ebx == ebx && !(v->eflags & EFLAGS_NT) && v->a & BUSY && !(v->b & BUSY);
}

/* `number` from the last. */
static bool fault_is(unsigned number, uint32_t vector, uint32_t error)
{
	const struct task_fault *f = &task_faults[task_fault_count - number];

	return f->vector == vector && f->error == error && f->tr == SELECTOR(TASK_A);
}

static bool is_amd(void)
{
	uint32_t id[4];

	cpuid(0, 0, id);
	return id[1] == 0x68747541;
}

static void switches(void)
{
	static const char *const names[] = {
		"JMP", "CALL", "CALL through a task gate", "INT through a task gate", "#GP through a task gate",
		"an interrupt through a task gate", "CALL of a task with its debug trap set",
	};

	apic_write(0x310, apic_id() << 24);
	prepare();
	run_protected(task_main);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		check(is_b(&visits[2 * i], i > 0), "%s switches the task", names[i]);
		check(is_a(&visits[2 * i + 1], 0xaaaa0001 + i), "and %s switches back", i ? "IRET" : "JMP");
	}
	check(visits[8].error == 0x7f8, "the error code is on the new task's stack");
	check(visit_count == 14, "there were 14 switches");
	/* QEMU 7.2 knows no debug trap flag. */
	check(is_amd() || (task_fault_count == 5 && task_faults[0].vector == DB && task_faults[0].dr6 & DR6_BT &&
	      task_faults[0].tr == SELECTOR(TASK_B)), "the debug trap is the new task's, and DR6 has BT");
	check(fault_is(4, GP, SELECTOR(TASK_A)), "CALL of a busy task is #GP");
	check(fault_is(3, NP, SELECTOR(ABSENT)), "of one that is not present #NP");
	check(fault_is(2, TS, SELECTOR(SHORT)), "of one that is too short #TS");
	check(fault_is(1, GP, SELECTOR(DESCRIPTORS)), "of one behind the end of the GDT #GP");
	check(task_register() == TSS, "64-bit mode has its own task register again");
}

int main(void)
{
	apic_enable(false);
	long_mode();
	stacks();
	switches();
	return results();
}
