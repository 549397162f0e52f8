/* SPDX-License-Identifier: MIT */
/*
 * Debug exceptions over instructions that a hypervisor executes for its guest: single step, breakpoints, DR6 and DR7,
 * and what MOV SS does to them. A debugger must not see the difference.
 */
#include "guest.h"

#define TF (1ULL << 8)
#define RF (1ULL << 16)

#define BD (1ULL << 13)
#define BS (1ULL << 14)
#define CAUSES (0xfULL | BD | BS | 1ULL << 15)
#define DR6_RESET 0xffff0ff0ULL
#define DR7_RESET 0x400ULL
#define CR4_DE    (1ULL << 3)

#define APIC_ID 0xfee00020 /* the local APIC's page: ID */
#define IOAPIC  0xfec00000
#define EMPTY   0x5678     /* a port where nothing is */
#define EMPTY_ADDRESS 0xd0000000
#define PAT     0x277
#define VECTOR  0x70

/* Every debug exception, in order. */
static struct trap {
	uint64_t rip, dr6, dr7, rcx;
} traps[64];
static unsigned count;
static uint64_t resume_flag;

static void on_debug(struct frame *frame)
{
	if (count < sizeof(traps) / sizeof(traps[0]))
		traps[count++] = (struct trap){ frame->rip, READ_DR(6), READ_DR(7), frame->rcx };
	frame->rflags |= resume_flag;
	WRITE_DR(6, DR6_RESET);
}

static bool trap_is(unsigned n, const void *rip, uint64_t causes)
{
	return n < count && traps[n].rip == (uint64_t)rip && (traps[n].dr6 & CAUSES) == causes;
}

static void start(void)
{
	count = 0;
	resume_flag = 0;
}

/* --- single step: a trap behind each instruction (SDM 18.3.1.4, APM 13.1.4). Bare QEMU forgets it over PAUSE. --- */

CODE(code_nop, "nop");
CODE(code_wrmsr, "wrmsr");
CODE(code_rdtsc, "rdtsc");
CODE(code_cpuid, "cpuid");
CODE(code_cr4, "mov %rax, %cr4");
CODE(code_clts, "clts");
CODE(code_wbinvd, "wbinvd");
CODE(code_invlpg, "invlpg (%rsi)");
CODE(code_read, "mov (%rsi), %eax");
CODE(code_write, "mov %eax, (%rsi)");
CODE(code_modify, "lock orl %eax, (%rsi)");
CODE(code_in, "in %dx, %eax");
CODE(code_insb, "insb");
CODE(code_outsb, "outsb");
CODE(code_dr7, "mov %rbx, %dr7");

static uint8_t memory[64];

static const struct {
	const char *name;
	const uint8_t *start, *end;
	uint64_t rcx, rsi;
} steps[] = {
	{ "WRMSR", code_wrmsr, code_wrmsr_end, PAT, 0 },
	{ "RDTSC", code_rdtsc, code_rdtsc_end, 0, 0 },
	{ "CPUID", code_cpuid, code_cpuid_end, 0, 0 },
	{ "MOV to CR4", code_cr4, code_cr4_end, 0, 0 },
	{ "CLTS", code_clts, code_clts_end, 0, 0 },
	{ "WBINVD", code_wbinvd, code_wbinvd_end, 0, 0 },
	{ "INVLPG", code_invlpg, code_invlpg_end, 0, (uint64_t)memory },
	{ "a read of the local APIC", code_read, code_read_end, 0, APIC_ID },
	{ "a write of the I/O APIC", code_write, code_write_end, 0, IOAPIC },
	{ "a locked instruction on the I/O APIC", code_modify, code_modify_end, 0, IOAPIC },
	{ "IN", code_in, code_in_end, 0, 0 },
	{ "INSB", code_insb, code_insb_end, 0, 0 },
	{ "OUTSB", code_outsb, code_outsb_end, 0, (uint64_t)memory },
	{ "MOV to DR7", code_dr7, code_dr7_end, 0, 0 },
};

static void execute_stepped(const uint8_t *code, struct registers *r)
{
	start();
	r->rflags = TF | 2;
	run_with(r, code);
}

static void single_step(void)
{
	struct registers r = { .rflags = 0 };
	unsigned usual;

	execute_stepped(code_nop, &r);
	usual = count;
	check(trap_is(0, code_nop, BS) && trap_is(1, code_nop_end, BS), "single step over NOP");
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t value = steps[i].rcx == PAT ? rdmsr(PAT) : steps[i].start == code_cr4 ? READ_CR(4) : 0;

		r = (struct registers){ .gpr = {
			[RAX] = (uint32_t)value, [RCX] = steps[i].rcx, [RDX] = steps[i].rcx ? value >> 32 : EMPTY,
			[RBX] = DR7_RESET, [RSI] = steps[i].rsi, [RDI] = (uint64_t)memory } };
		execute_stepped(steps[i].start, &r);
		check(count == usual && trap_is(0, steps[i].start, BS) && trap_is(1, steps[i].end, BS),
		      "single step over %s", steps[i].name);
	}
}

CODE(code_rep_insb, "rep insb");
CODE(code_rep_outsb, "rep outsb");
CODE(code_rep_movsl, "rep movsl");

/* A repeated instruction traps after each iteration: at itself but for the last. */
static void repeat(const char *name, const uint8_t *code, const uint8_t *end, uint64_t from)
{
	struct registers r = { .gpr = {
		[RCX] = 3, [RDX] = EMPTY, [RSI] = from, [RDI] = (uint64_t)memory } };

	execute_stepped(code, &r);
	check(trap_is(1, code, BS) && traps[1].rcx == 2 && trap_is(2, code, BS) && traps[2].rcx == 1 &&
	      trap_is(3, end, BS) && traps[3].rcx == 0, "single step over %s traps after each iteration", name);
}

/* --- interrupts and shadows under single step --- */

static volatile unsigned interrupts;

static void on_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	apic_eoi();
}

/* MOV SS holds the trap back for one instruction, and that one's own is all that comes (SDM 6.8.3). */
CODE(code_mov_ss, "mov %ebx, %ss; mov_ss_next: cpuid");
CODE(code_mov_ss_in, "mov %ebx, %ss; mov_ss_in_next: inb %dx, %al");
CODE(code_sti, "sti; cpuid; sti_behind: nop");
extern const uint8_t sti_behind[];

static void shadows(void)
{
	struct registers r = { .gpr = { [RBX] = DATA, [RDX] = EMPTY } };

	execute_stepped(code_mov_ss, &r);
	check(trap_is(0, code_mov_ss, BS) && trap_is(1, code_mov_ss_end, BS),
	      "MOV SS holds back a single step, over CPUID");
	r = (struct registers){ .gpr = { [RBX] = DATA, [RDX] = EMPTY } };
	execute_stepped(code_mov_ss_in, &r);
	check(trap_is(0, code_mov_ss_in, BS) && trap_is(1, code_mov_ss_in_end, BS), "and over IN");
	/* Whether STI's shadow holds it back, too, is the processor's own affair; it ends behind CPUID. */
	execute_stepped(code_sti, &r);
	cli();
	check(trap_is(1, sti_behind, BS) || trap_is(2, sti_behind, BS), "single step over CPUID in STI's shadow");
}

/* --- breakpoints --- */

CODE(code_break, "mov %rbx, %dr7; break_1: nop; break_2: cpuid; nop");
extern const uint8_t break_1[], break_2[];
CODE(code_data, "mov %rax, (%rdi)");

static void breakpoints(void)
{
	static uint64_t watched = DATA;
	struct registers r = { .gpr = { [RBX] = DR7_RESET | 1 } };

	/* On instructions: a fault, so that RF or another address is needed to go on (SDM 18.3.1.1). */
	WRITE_DR(0, break_2);
	start();
	resume_flag = RF;
	run_with(&r, code_break);
	WRITE_DR(7, DR7_RESET);
	check(count == 1 && trap_is(0, break_2, 1), "a breakpoint on CPUID comes once, before it");
	r = (struct registers){ .rflags = TF, .gpr = { [RBX] = DR7_RESET | 1 } };
	WRITE_DR(0, break_1);
	start();
	resume_flag = RF;
	run_with(&r, code_break);
	WRITE_DR(7, DR7_RESET);
	/* With the trap flag the two come at the same place, one after the other or as one (SDM table 6-2). */
	check((trap_is(1, break_1, BS | 1) && trap_is(2, break_2, BS)) ||
	      (trap_is(1, break_1, BS) && trap_is(2, break_1, 1) && trap_is(3, break_2, BS)), "with TF, too");
	/* On data: a trap behind the instruction. */
	WRITE_DR(1, &watched);
	r = (struct registers){ .gpr = { [RAX] = DATA, [RDI] = (uint64_t)&watched, [RSI] = (uint64_t)&watched } };
	start();
	WRITE_DR(7, DR7_RESET | 0x900004);
	run_with(&r, code_data);
	check(count == 1 && trap_is(0, code_data_end, 2), "a write to watched data");
	WRITE_DR(7, DR7_RESET);
}

/* The iteration that touches watched memory traps behind itself. With TF, bare QEMU tells the two one by one. */
static void watched_string(const char *name, const uint8_t *code, uint64_t si, uint64_t di, unsigned kind, uint64_t cx,
                           uint64_t flags)
{
	struct registers r = { .rflags = flags | 2, .gpr = { [RCX] = 8, [RDX] = EMPTY, [RSI] = si, [RDI] = di } };
	unsigned at = flags & TF ? 9 - (unsigned)cx - 1 : 0;

	WRITE_DR(2, memory + 32);
	start();
	WRITE_DR(7, DR7_RESET | 0x10 | (uint64_t)kind << 24);
	run_with(&r, code);
	WRITE_DR(7, DR7_RESET);
	check(trap_is(at, code, 4 | (flags & TF ? BS : 0)) && traps[at].rcx == cx && (flags & TF || count == 1),
	      "a watched byte that %s reaches", name);
}

static void watched_strings(void)
{
	uint64_t byte = (uint64_t)memory + 32;

	watched_string("REP INSB", code_rep_insb, 0, byte - 3, 1, 4, 0);
	watched_string("REP INSB with TF", code_rep_insb, 0, byte - 3, 1, 4, TF);
	watched_string("REP OUTSB", code_rep_outsb, byte - 5, 0, 3, 2, 0);
	watched_string("REP MOVSL from an empty bus", code_rep_movsl, EMPTY_ADDRESS, byte - 4, 1, 6, 0);
}

/* --- DR6 and DR7 --- */

static void move_dr4(void *argument)
{
	__asm__ volatile("mov %%dr4, %0" : "=r"(*(uint64_t *)argument));
}

static void registers(void)
{
	struct fault fault;
	uint64_t value;

	WRITE_DR(6, 0);
	check(READ_DR(6) == DR6_RESET, "DR6 has its fixed bits");
	WRITE_DR(6, DR6_RESET);
	WRITE_DR(7, 0);
	check(READ_DR(7) == DR7_RESET, "DR7 has its fixed bit");
	WRITE_DR(0, 0x123456789abcULL);
	WRITE_DR(1, 0x123456789abcULL * 2);
	WRITE_DR(2, 0x123456789abcULL * 3);
	WRITE_DR(3, 0x123456789abcULL * 4);
	out8(0x80, 0);
	check(READ_DR(0) == 0x123456789abcULL && READ_DR(1) == 0x123456789abcULL * 2 &&
	      READ_DR(2) == 0x123456789abcULL * 3 && READ_DR(3) == 0x123456789abcULL * 4,
	      "DR0 to DR3 keep what they hold");
	set_handler(DB, NULL);
	WRITE_CR(4, READ_CR(4) | CR4_DE);
	check(faults(move_dr4, &value, &fault) && fault.vector == UD, "DR4 does not exist with CR4.DE");
	WRITE_CR(4, READ_CR(4) & ~CR4_DE);
	WRITE_DR(6, DR6_RESET);
	check(!faults(move_dr4, &value, &fault) && value == READ_DR(6), "and is DR6 without");
	set_handler(DB, on_debug);
}

/* With interrupts off, nothing but the trap can wake it (SDM, HLT). Bare QEMU and Bochs sleep on: hence the last. */
CODE(code_hlt, "hlt");

static void step_halt(void)
{
	struct registers r = { .rflags = 0 };

	execute_stepped(code_hlt, &r);
	check(trap_is(0, code_hlt, BS) && trap_is(1, code_hlt_end, BS), "single step over HLT");
}

int main(void)
{
	set_handler(DB, on_debug);
	set_handler(VECTOR, on_interrupt);
	apic_enable(false);
	single_step();
	repeat("REP INSB", code_rep_insb, code_rep_insb_end, (uint64_t)memory + 32);
	repeat("REP OUTSB", code_rep_outsb, code_rep_outsb_end, (uint64_t)memory);
	repeat("REP MOVSL from an empty bus", code_rep_movsl, code_rep_movsl_end, EMPTY_ADDRESS);
	shadows();
	breakpoints();
	watched_strings();
	registers();
	step_halt();
	return results();
}
