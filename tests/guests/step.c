/* SPDX-License-Identifier: MIT */
/*
 * The trap flag, interrupt shadows and the resume flag across instructions that a hypervisor executes for its guest: a
 * debugger, or an interrupt, must not see the difference.
 */
#include "guest.h"

#define TF (1ULL << 8)
#define BS (1ULL << 14)

static uint64_t trapped[32];
static unsigned traps, stray;

static void on_debug(struct frame *frame)
{
	uint64_t dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ULL));
	stray += !(dr6 & BS);
	if (traps < sizeof(trapped) / sizeof(trapped[0]))
		trapped[traps++] = frame->rip;
}

/* Runs BODY with TF set; the addresses behind each of its instructions must trap, in order. */
#define STEP(body, ...) \
	({ \
		uint64_t first_; \
		traps = stray = 0; \
		__asm__ volatile("lea 1f(%%rip), %%rbx; pushfq; orl $0x100, (%%rsp); popfq; 1:" body \
		                 "; pushfq; andl $~0x100, (%%rsp); popfq" \
		                 : "=&b"(first_) \
		                 : __VA_ARGS__ \
		                 : "memory", "cc", "rcx", "rsi", "rdi"); \
		first_; \
	})

/* Did it trap behind instructions of these lengths? Behind POPFQ there is no trap yet, behind the last POPFQ one. */
static bool stepped(uint64_t at, const uint8_t *lengths, unsigned count)
{
	if (stray || traps < count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		at += lengths[i];
		if (trapped[i] != at)
			return false;
	}
	return true;
}

static void emulated_instructions(void)
{
	static const uint8_t out[] = { 1, 1 }, in[] = { 2, 1 }, msr[] = { 5, 2, 1 }, mmio[] = { 2, 1 };
	static const uint8_t id[] = { 2, 2, 2, 2, 2, 1 };
	volatile uint32_t *version = (volatile uint32_t *)0xfee00030;
	uint64_t first;

	set_handler(DB, on_debug);
	first = STEP("nop; nop", "d"(0));
	check(stepped(first, (const uint8_t[]){ 1, 1 }, 2), "single step over NOPs (%u traps)", traps);
	first = STEP("outb %%al, %%dx; nop", "a"(0), "d"(0x80));
	check(stepped(first, out, 2), "single step over OUT (%u traps)", traps);
	first = STEP("inb $0x80, %%al; nop", "a"(0));
	check(stepped(first, in, 2), "single step over IN (%u traps)", traps);
	first = STEP("mov $0x1b, %%ecx; rdmsr; nop", "a"(0), "d"(0));
	check(stepped(first, msr, 3), "single step over RDMSR (%u traps)", traps);
	apic_enable(false);
	first = STEP("mov (%%rax), %%ecx; nop", "a"(version));
	check(stepped(first, mmio, 2), "single step over a read of the local APIC (%u traps)", traps);
	/* CPUID overwrites RBX, where the macro keeps the address. */
	first = STEP("xchg %%esi, %%ebx; xor %%eax, %%eax; xor %%ecx, %%ecx; cpuid; xchg %%esi, %%ebx; nop", "a"(0), "d"(0));
	check(stepped(first, id, 6), "single step over CPUID (%u traps)", traps);
}

static volatile unsigned interrupts;
static volatile uint64_t interrupted_at;

static void on_interrupt(struct frame *frame)
{
	interrupts++;
	interrupted_at = frame->rip;
	apic_eoi();
}

/* With an interrupt waiting, STI lets exactly one instruction pass; an emulated one counts as one (SDM 6.8.3). */
static void shadows(void)
{
	uint64_t behind;

	apic_enable(false);
	set_handler(0x70, on_interrupt);
	cli();
	interrupts = 0;
	apic_send(apic_id(), 0x4070);
	__asm__ volatile("sti; nop; 1: nop; cli; lea 1b(%%rip), %0" : "=r"(behind));
	check(interrupts == 1 && interrupted_at == behind, "STI's shadow covers one instruction");
	apic_send(apic_id(), 0x4070);
	__asm__ volatile("sti; outb %%al, $0x80; 1: nop; cli; lea 1b(%%rip), %0" : "=r"(behind) : "a"(0));
	check(interrupts == 2 && interrupted_at == behind, "and ends behind an emulated one");
	apic_send(apic_id(), 0x4070);
	__asm__ volatile("sti; cli" : : : "memory");
	check(interrupts == 2, "STI before CLI opens nothing");
	__asm__ volatile("sti; hlt; 1: cli; lea 1b(%%rip), %0" : "=r"(behind));
	check(interrupts == 3 && interrupted_at == behind, "HLT in STI's shadow is woken by what waits");
	apic_send(apic_id(), 0x4070);
	__asm__ volatile("mov %%ss, %%ecx; sti; nop; cli; nop" : : : "rcx", "memory");
	check(interrupts == 4, "an interrupt that waits comes once");
}

static volatile unsigned hits;

static void on_breakpoint(struct frame *frame)
{
	hits++;
	frame->rflags |= 1u << 16; /* RF: not again at this instruction */
	__asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ULL));
}

/* A breakpoint on an instruction that is emulated comes before it, once. */
static void breakpoints(void)
{
	uint64_t watched = 0;

	set_handler(DB, on_breakpoint);
	__asm__ volatile("lea 1f(%%rip), %%rcx; mov %%rcx, %%dr0; mov %0, %%rcx; mov %%rcx, %%dr7;"
	                 "1: outb %%al, $0x80; xor %%ecx, %%ecx; mov %%rcx, %%dr7"
	                 :
	                 : "i"(0x401), "a"(0)
	                 : "rcx", "memory");
	check(hits == 1, "a breakpoint on OUT comes once (%u)", hits);
	hits = 0;
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(&watched), "r"(0x000d0401ULL));
	*(volatile uint64_t *)&watched = 1;
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x400ULL));
	check(hits == 1, "a data breakpoint comes once (%u)", hits);
}

int main(void)
{
	emulated_instructions();
	shadows();
	breakpoints();
	return results();
}
