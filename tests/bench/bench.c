/* SPDX-License-Identifier: MIT */
/*
 * What the hypervisor costs its guest: "bench NAME VALUE" lines, in ticks of the TSC. Where one instruction is one tick
 * (QEMU -icount shift=0, Bochs) these are instructions. Nothing is printed before everything is measured: output is
 * exits, too. A word on the command line picks one section; without one it is all but the counts.
 */
#include "guest.h"

#define ROUNDS 100
#define WARM_UP 10
#define COUNTED 1000
#define RESULTS 40

#define VECTOR_TIMER 0x41
#define VECTOR_SELF  0x42
#define VECTOR_PING  0x43
#define VECTOR_PONG  0x44

#define TSC_ADJUST   0x3b
#define TSC_DEADLINE 0x6e0
#define X2APIC_EOI   0x80b
#define X2APIC_SELF  0x83f
#define APIC_ID      0x20
#define APIC_TPR     0x80
#define APIC_LVT_TIMER 0x320
#define APIC_INITIAL_COUNT 0x380
#define APIC_DIVIDE    0x3e0
#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (2u << 17)
#define LVT_MASKED   (1u << 16)
#define ICR_ASSERT   (1u << 14)

#define APIC_PAGE   0xfee00000u
#define IOAPIC_PAGE 0xfec00000u
#define PM_TIMER    0x608
#define UART_LSR    0x3fd
#define ABSENT_PORT 0x2e0
#define SOON        30000 /* ticks: longer than setting a timer takes */
#define DIVIDE_BY_1 11
#define PERIOD      1000 /* counts of the local APIC's timer: at least as many ticks of the TSC */
#define SPREAD      0x200000 /* bytes between first touches: each meets a page of its own, however large */

static struct {
	const char *name;
	uint64_t value;
} list[RESULTS];
static unsigned listed;
static bool amd;
static uint64_t clock_cost;
static volatile uint64_t arrived, eoi_ticks;

static void result(const char *name, uint64_t value)
{
	if (listed == RESULTS)
		return;
	list[listed].name = name;
	list[listed++].value = value;
}

/* --- exits: a loop around each, less the same loop around nothing --- */

static void do_nothing(void) { }

static void do_cpuid(void)
{
	uint32_t out[4];

	cpuid(0, 0, out);
}

static void do_hypercall(void)
{
	uint64_t call = UINT32_MAX; /* no such call */

	if (amd)
		__asm__ volatile("vmmcall" : "+a"(call) : : "memory");
	else
		__asm__ volatile("vmcall" : "+a"(call) : : "memory");
}

static void do_rdmsr(void) { rdmsr(TSC_ADJUST); }
static void do_wrmsr(void) { wrmsr(TSC_ADJUST, 0); }
static void do_pm_timer(void) { in32(PM_TIMER); }
static void do_uart(void) { in8(UART_LSR); }
static void do_absent(void) { in8(ABSENT_PORT); }
static void do_ioapic_write(void) { *(volatile uint32_t *)(uintptr_t)IOAPIC_PAGE = 1; }
static void do_ioapic_read(void) { (void)*(volatile uint32_t *)(uintptr_t)(IOAPIC_PAGE + 0x10); }
static void do_apic_read(void) { (void)*(volatile uint32_t *)(uintptr_t)(APIC_PAGE + APIC_ID); }
static void do_apic_write(void) { *(volatile uint32_t *)(uintptr_t)(APIC_PAGE + APIC_TPR) = 0; }

/* The same code for every operation, so that all that is subtracted is the same. */
static __attribute__((noinline, noclone)) uint64_t loop(void (*operation)(void))
{
	uint64_t start;

	for (unsigned i = 0; i < WARM_UP; i++)
		operation();
	start = rdtsc();
	for (unsigned i = 0; i < ROUNDS; i++)
		operation();
	return rdtsc() - start;
}

static void operations(void)
{
	static const struct {
		const char *name;
		void (*operation)(void);
	} table[] = {
		{ "cpuid", do_cpuid },
		{ "hypercall", do_hypercall },
		{ "rdmsr-emulated", do_rdmsr },
		{ "wrmsr-emulated", do_wrmsr },
		{ "port-read-pm-timer", do_pm_timer },
		{ "port-read-uart", do_uart },
		{ "port-read-absent", do_absent },
		{ "ioapic-write", do_ioapic_write },
		{ "ioapic-read", do_ioapic_read },
		{ "apic-read", do_apic_read },
		{ "apic-write", do_apic_write },
	};
	uint64_t empty;

	apic_enable(false);
	empty = loop(do_nothing);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		result(table[i].name, (loop(table[i].operation) - empty) / ROUNDS);
}

/* --- interrupts: from the instruction that causes one to the first instruction of its handler --- */

/* An interrupt's first instructions note the time; then the runtime's own entry point goes on. */
__asm__(".text\n"
	"stamp:\n"
	"	push %rax\n"
	"	push %rdx\n"
	"	rdtsc\n"
	"	mov %eax, stamped\n"
	"	mov %edx, stamped + 4\n"
	"	pop %rdx\n"
	"	pop %rax\n"
	"	jmp *go_on\n");
extern const uint8_t stamp[];
extern uint64_t stamped;
extern uint64_t go_on;
uint64_t stamped, go_on;

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, reserved;
};

/* From now on this vector, and no other, is stamped. */
static void stamp_vector(uint8_t vector)
{
	static uint8_t stamped_vector;
	struct {
		uint16_t limit;
		struct gate *gates;
	} __attribute__((packed)) idt;
	struct gate *gate;
	uint64_t entry;

	__asm__ volatile("sidt %0" : "=m"(idt));
	if (go_on) {
		gate = &idt.gates[stamped_vector];
		gate->low = (uint16_t)go_on;
		gate->middle = (uint16_t)(go_on >> 16);
	}
	gate = &idt.gates[vector];
	go_on = gate->low | (uint64_t)gate->middle << 16; /* the guest lies below 4 GiB */
	entry = (uint64_t)stamp;
	gate->low = (uint16_t)entry;
	gate->middle = (uint16_t)(entry >> 16);
	stamped_vector = vector;
}

static void on_interrupt(struct frame *frame)
{
	uint64_t start = rdtsc();

	(void)frame;
	wrmsr(X2APIC_EOI, 0);
	eoi_ticks = rdtsc() - start - clock_cost;
	arrived = stamped;
}

static void wait(void)
{
	while (!arrived)
		pause();
}

/* Averages over ROUNDS of once(), which waits for `vector` and returns ticks; *eoi is the handlers' EOI. */
static uint64_t rounds(uint8_t vector, uint64_t (*once)(void), uint64_t *eoi)
{
	uint64_t total = 0;

	stamp_vector(vector);
	*eoi = 0;
	for (unsigned i = 0; i < WARM_UP + ROUNDS; i++) {
		uint64_t ticks;

		arrived = 0;
		ticks = once();
		if (i < WARM_UP)
			continue;
		total += ticks;
		*eoi += eoi_ticks;
	}
	*eoi /= ROUNDS;
	return total / ROUNDS;
}

static uint64_t self_ipi(void)
{
	uint64_t start = rdtsc();

	wrmsr(X2APIC_SELF, VECTOR_SELF);
	wait();
	return arrived - start - clock_cost;
}

static uint64_t deadline_passed(void)
{
	uint64_t start = rdtsc();

	wrmsr(TSC_DEADLINE, start);
	wait();
	return arrived - start - clock_cost;
}

static uint64_t deadline_ahead(void)
{
	uint64_t when = rdtsc() + SOON;

	wrmsr(TSC_DEADLINE, when);
	wait();
	return arrived - when;
}

static uint64_t deadline_halted(void)
{
	uint64_t when;

	cli();
	when = rdtsc() + SOON;
	wrmsr(TSC_DEADLINE, when);
	sti_hlt();
	sti();
	wait();
	return arrived - when;
}

static void interrupts(void)
{
	uint64_t eoi;

	apic_enable(true);
	set_handler(VECTOR_SELF, on_interrupt);
	set_handler(VECTOR_TIMER, on_interrupt);
	apic_write(APIC_LVT_TIMER, LVT_DEADLINE | VECTOR_TIMER);
	sti();
	result("self-ipi-to-handler", rounds(VECTOR_SELF, self_ipi, &eoi));
	result("x2apic-eoi", eoi);
	result("tsc-deadline-to-handler", rounds(VECTOR_TIMER, deadline_passed, &eoi));
	result("tsc-deadline-lateness", rounds(VECTOR_TIMER, deadline_ahead, &eoi));
	result("halted-timer-lateness", rounds(VECTOR_TIMER, deadline_halted, &eoi));
	cli();
}

/* --- two processors: there and back --- */

static volatile bool other_ready;

static void on_ping(struct frame *frame)
{
	(void)frame;
	wrmsr(X2APIC_EOI, 0);
	apic_send(0, ICR_ASSERT | VECTOR_PONG);
}

static void other(unsigned number)
{
	(void)number;
	apic_enable(true);
	other_ready = true;
	for (;;)
		sti_hlt();
}

static void await_halt(void)
{
	uint64_t start = rdtsc();

	while (rdtsc() - start < SOON)
		pause();
}

static uint64_t ping(void)
{
	uint64_t start;

	await_halt();
	start = rdtsc();
	apic_send(1, ICR_ASSERT | VECTOR_PING);
	wait();
	return arrived - start - clock_cost;
}

static uint64_t ping_both_halted(void)
{
	uint64_t start;

	await_halt();
	cli();
	start = rdtsc();
	apic_send(1, ICR_ASSERT | VECTOR_PING);
	sti_hlt();
	sti();
	wait();
	return arrived - start - clock_cost;
}

static void two_processors(void)
{
	uint64_t unused;

	apic_enable(true);
	set_handler(VECTOR_PING, on_ping);
	set_handler(VECTOR_PONG, on_interrupt);
	if (start_processors(other) < 2)
		return;
	while (!other_ready)
		pause();
	sti();
	result("ipi-to-halted-and-back", rounds(VECTOR_PONG, ping, &unused));
	result("ipi-both-halted-and-back", rounds(VECTOR_PONG, ping_both_halted, &unused));
	cli();
}

/* --- memory --- */

static void first_touch(void)
{
	uint64_t start, top = 1024 * (uint64_t)(multiboot_info()->mem_upper + 1024), touched = 0;
	uint8_t *at = (uint8_t *)(((uintptr_t)guest_end + 8 * SPREAD) & -(uintptr_t)SPREAD);

	start = rdtsc();
	for (; (uintptr_t)at + SPREAD <= top && touched < ROUNDS; at += SPREAD, touched++)
		*(volatile uint8_t *)at = 1;
	start = rdtsc() - start;
	if (touched)
		result("first-touch", start / touched);
}

/* --- many exits of one kind, for what a debug build counts of each kind --- */

static volatile uint64_t periods;

static void on_period(struct frame *frame)
{
	(void)frame;
	wrmsr(X2APIC_EOI, 0);
	periods++;
}

static void count_cpuid(void)
{
	for (unsigned i = 0; i < COUNTED; i++)
		do_cpuid();
	result("counted", COUNTED);
}

/* Every period is one exit of the timer and one EOI. Nothing else causes exits meanwhile. */
static void count_timer(void)
{
	apic_enable(true);
	set_handler(VECTOR_TIMER, on_period);
	apic_write(APIC_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
	sti();
	apic_write(APIC_INITIAL_COUNT, PERIOD);
	while (periods < COUNTED)
		pause();
	cli();
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	result("counted", periods);
}

static void measure_clock(void)
{
	uint64_t start = rdtsc();

	clock_cost = rdtsc() - start;
}

static const struct {
	const char *name;
	void (*run)(void);
	bool only_asked; /* not without its name on the command line */
} sections[] = {
	{ "exits", operations, false },
	{ "interrupts", interrupts, false },
	{ "processors", two_processors, false },
	{ "memory", first_touch, false },
	{ "count-cpuid", count_cpuid, true },
	{ "count-timer", count_timer, true },
};

int main(void)
{
	const char *word = strrchr(command_line(), ' ');
	uint32_t id[4];

	word = word ? word + 1 : "";
	cpuid(0, 0, id);
	amd = id[1] == 0x68747541; /* "Auth" */
	cpuid(1, 0, id);
	if (!(id[2] >> 31) || !(id[2] & 1u << 21) || !(id[2] & 1u << 24)) {
		print("not under a hypervisor with x2APIC and TSC deadline: nothing is measured\n");
		return 1;
	}
	measure_clock();
	for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (*word ? !strcmp(word, sections[i].name) : !sections[i].only_asked)
			sections[i].run();
	for (unsigned i = 0; i < listed; i++)
		print("bench %s %lu\n", list[i].name, list[i].value);
	print("bench done\n");
	return 0;
}
