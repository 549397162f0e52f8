/* SPDX-License-Identifier: MIT */
/*
 * Debug exceptions as QEMU 7.2's own processor (TCG) does not raise them, with or without a hypervisor: it ignores GD,
 * sets BS for INT1, and delivers at once what MOV SS holds back. Nor does Bochs 2.7's AMD-V, which forgets DR6 when #DB
 * is intercepted and keeps a single step over #VMEXIT: it then stops the host. So this is shown on VT-x alone.
 */
#include "guest.h"

#define BD        (1ULL << 13)
#define CAUSES    0xe00fULL
#define DR6_RESET 0xffff0ff0ULL
#define DR7_RESET 0x400ULL
#define DR7_GD    (1ULL << 13)

static uint64_t trapped_at;
static unsigned count;

static void on_debug(struct frame *frame)
{
	count++;
	trapped_at = frame->rip;
}

static void read_dr7(void *argument)
{
	*(uint64_t *)argument = READ_DR(7);
}

static void icebp(void *argument)
{
	(void)argument;
	__asm__ volatile(".byte 0xf1");
}

CODE(code_mov_ss, "mov (%rsi), %ss; cpuid");
CODE(code_mov_ss_in, "mov (%rsi), %ss; inb $0x80, %al");

static void held_back(const uint8_t *code, const uint8_t *end, const char *name)
{
	static uint64_t watched = DATA;
	struct registers r = { .gpr = { [RSI] = (uint64_t)&watched } };

	WRITE_DR(6, DR6_RESET);
	WRITE_DR(0, &watched);
	WRITE_DR(7, DR7_RESET | 0xb0001);
	count = 0;
	run_with(&r, code);
	WRITE_DR(7, DR7_RESET);
	check(count == 1 && trapped_at == (uint64_t)end && (READ_DR(6) & CAUSES) == 1,
	      "MOV SS holds back the breakpoint on its operand, over %s", name);
	WRITE_DR(6, DR6_RESET);
}

/* SDM 18.2, 18.3.1.3, 6.8.3; APM 13.1. */
int main(void)
{
	struct fault fault;
	uint64_t value;

	WRITE_DR(6, DR6_RESET);
	WRITE_DR(7, DR7_RESET | DR7_GD);
	check(faults(read_dr7, &value, &fault) && fault.vector == DB, "general detect");
	check((READ_DR(6) & CAUSES) == BD && READ_DR(7) == DR7_RESET, "it is told in DR6, and off for the handler");
	WRITE_DR(6, DR6_RESET);
	check(faults(icebp, NULL, &fault) && fault.vector == DB && !(READ_DR(6) & CAUSES), "INT1 leaves DR6 alone");
	set_handler(DB, on_debug);
	held_back(code_mov_ss, code_mov_ss_end, "CPUID");
	held_back(code_mov_ss_in, code_mov_ss_in_end, "IN");
	set_handler(DB, NULL);
	return results();
}
