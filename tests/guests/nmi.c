/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts that a processor sends to itself: blocked until IRET, and one of them is kept (SDM 6.7.1,
 * APM 8.2.3); with what a hypervisor executes for its guest in between.
 */
#include "guest.h"

#define TF        (1ULL << 8)
#define BS        (1ULL << 14)
#define DR6_RESET 0xffff0ff0ULL
#define APIC_ICR  0xfee00300
#define ICR_NMI   0x4400
#define ICR_FIXED 0x4000
#define VECTOR    0x70

static volatile unsigned nmis, depth, deepest, interrupts;
static void (*volatile in_handler)(void);

static void send_nmi(void)
{
	apic_send(apic_id(), ICR_NMI);
}

/* Long enough for whatever is on its way; each turn leaves the guest. */
static void wait(void)
{
	uint32_t id[4];

	for (unsigned i = 0; i < 100; i++) {
		cpuid(0, 0, id);
		out8(0x80, 0);
		(void)apic_read(0x20);
	}
}

static void on_nmi(struct frame *frame)
{
	(void)frame;
	nmis++;
	if (++depth > deepest)
		deepest = depth;
	if (nmis == 1 && in_handler)
		in_handler();
	depth--;
}

static void on_breakpoint(struct frame *frame)
{
	(void)frame;
}

static void on_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	apic_eoi();
}

static void begin(void (*handler)(void))
{
	nmis = depth = deepest = 0;
	in_handler = handler;
}

static unsigned seen;

static void send_three(void)
{
	for (unsigned i = 0; i < 3; i++) {
		send_nmi();
		wait();
	}
	seen = nmis;
}

/* The IRET of any handler opens NMIs, not only that of theirs. */
static void send_and_break(void)
{
	send_nmi();
	wait();
	seen = nmis;
	__asm__ volatile("int3");
	wait();
}

static void interrupt_within(void)
{
	apic_send(apic_id(), ICR_FIXED | VECTOR);
	wait();
	seen = interrupts;
}

static void blocking(void)
{
	begin(NULL);
	send_nmi();
	wait();
	check(nmis == 1, "an NMI comes with interrupts off");
	begin(send_three);
	send_nmi();
	wait();
	check(seen == 1 && deepest == 1, "none comes before IRET");
	check(nmis == 2, "one of those that were held back comes behind it");
	send_nmi();
	wait();
	check(nmis == 3, "and the next comes at once");
	begin(send_and_break);
	send_nmi();
	wait();
	check(seen == 1 && nmis == 2 && deepest == 2, "IRET from an exception in the handler opens them");
	begin(send_three);
	__asm__ volatile("int $2");
	wait();
	check(deepest == 2, "INT 2 does not block them");
	begin(interrupt_within);
	interrupts = 0;
	send_nmi();
	wait();
	check(seen == 0 && interrupts == 0, "an interrupt in the handler waits for IF");
	sti();
	wait();
	cli();
	check(interrupts == 1, "and comes with it");
}

/* --- with single step --- */

CODE(code_steps, "mov %eax, (%rsi); steps_1: cpuid; steps_2: nop; steps_3: inb $0x80, %al; steps_4: nop");
extern const uint8_t steps_1[], steps_2[], steps_3[], steps_4[];
static uint64_t trapped[32];
static unsigned traps, stray;

static void on_debug(struct frame *frame)
{
	stray += !(READ_DR(6) & BS);
	WRITE_DR(6, DR6_RESET);
	if (traps < sizeof(trapped) / sizeof(trapped[0]))
		trapped[traps++] = frame->rip;
}

static unsigned trapped_times(const uint8_t *at)
{
	unsigned times = 0;

	for (unsigned i = 0; i < traps; i++)
		times += trapped[i] == (uint64_t)at;
	return times;
}

/* Each instruction traps once, whatever NMIs come between them and however the hypervisor waits for their end. */
static void stepping(void)
{
	static const uint8_t *const places[] = { code_steps, steps_1, steps_2, steps_3, steps_4, code_steps_end };
	struct registers r = { .rflags = TF | 2, .gpr = { [RAX] = ICR_NMI, [RSI] = APIC_ICR } };
	bool good = true;

	apic_write(0x310, apic_id() << 24);
	set_handler(DB, on_debug);
	begin(send_three);
	run_with(&r, code_steps);
	set_handler(DB, NULL);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		good &= trapped_times(places[i]) == 1;
	check(good && !stray, "each instruction traps once with NMIs in between");
	check(nmis == 2 && deepest == 1, "and both NMIs came");
}

/* An NMI that is pending through the shadow of STI and MOV SS comes once. */
static void shadows(void)
{
	begin(NULL);
	interrupts = 0;
	apic_send(apic_id(), ICR_FIXED | VECTOR);
	apic_write(0x310, apic_id() << 24);
	__asm__ volatile("sti; mov %0, (%1); nop; nop; cli" : : "r"(ICR_NMI), "r"((uint64_t)APIC_ICR) : "memory");
	wait();
	check(nmis == 1 && interrupts == 1, "an NMI sent in STI's shadow, with an interrupt waiting");
	begin(NULL);
	__asm__ volatile("mov %2, %%ss; mov %0, (%1); nop; nop"
	                 : : "r"(ICR_NMI), "r"((uint64_t)APIC_ICR), "r"(DATA) : "memory");
	wait();
	check(nmis == 1, "an NMI sent in the shadow of MOV SS");
}

int main(void)
{
	apic_enable(false);
	set_handler(NMI, on_nmi);
	set_handler(BP, on_breakpoint);
	set_handler(VECTOR, on_interrupt);
	blocking();
	stepping();
	shadows();
	return results();
}
