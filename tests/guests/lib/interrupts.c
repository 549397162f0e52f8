/* SPDX-License-Identifier: MIT */
/* IDT, TSS, and what becomes of an exception. */
#include "runtime.h"

#define GATE_INTERRUPT 0x8e00ULL /* present, 64-bit interrupt gate */
#define GATE_PRESENT   (1ULL << 47)
#define GATE_IST       (7ULL << GATE_IST_SHIFT)
#define GATE_IST_SHIFT 32
#define TSS_AVAILABLE  0x0000890000000067ULL
#define DOUBLE_FAULT_IST 1

struct gate {
	uint64_t low, high;
};

static struct gate idt[256] __attribute__((aligned(16)));
static interrupt_handler *handlers[256];
static uint64_t caught_stack; /* 0: nobody is prepared for a fault */
static struct fault *caught;

static struct {
	uint32_t reserved;
	uint64_t rsp[3];
	uint64_t reserved_1;
	uint64_t ist[7];
	uint64_t reserved_2;
	uint16_t reserved_3, io_map;
} __attribute__((packed)) tss = { .io_map = 0x68 };
static uint8_t double_fault_stack[4096] __attribute__((aligned(16)));
static uint8_t privilege_stack[8192] __attribute__((aligned(16)));

void set_handler(uint8_t vector, interrupt_handler *handler)
{
	handlers[vector] = handler;
}

void set_kernel_stack(uint64_t rsp)
{
	tss.rsp[0] = rsp;
}

void set_ist(unsigned number, uint64_t rsp)
{
	tss.ist[number - 1] = rsp;
}

void set_gate(uint8_t vector, bool present, unsigned ist)
{
	idt[vector].low &= ~(GATE_PRESENT | GATE_IST);
	idt[vector].low |= (uint64_t)ist << GATE_IST_SHIFT | (present ? GATE_PRESENT : 0);
}

void load_idt(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void interrupts_start(void)
{
	uint64_t base = (uint64_t)&tss;

	for (unsigned i = 0; i < 256; i++) {
		uint64_t entry = (uint64_t)isr_stubs[i], flags = GATE_INTERRUPT | (i == DF ? DOUBLE_FAULT_IST : 0);

		idt[i].low = (entry & 0xffff) | CODE_64 << 16 | flags << 32 | (entry >> 16 & 0xffff) << 48;
		idt[i].high = entry >> 32;
	}
	tss.rsp[0] = (uint64_t)privilege_stack + sizeof(privilege_stack);
	tss.ist[DOUBLE_FAULT_IST - 1] = (uint64_t)double_fault_stack + sizeof(double_fault_stack);
	gdt[TSS / 8] = TSS_AVAILABLE | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[TSS / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(TSS));
	load_idt();
}

static void unexpected(const struct frame *f)
{
	print("unexpected vector %lu error %lx at %lx:%lx, cr2 %lx\n", f->vector, f->error, f->cs, f->rip, READ_CR(2));
	print("rax %lx rbx %lx rcx %lx rdx %lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	print("rsi %lx rdi %lx rbp %lx rsp %lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
	guest_exit(127);
}

void interrupt(struct frame *frame)
{
	uint64_t stack = caught_stack;

	if (handlers[frame->vector]) {
		handlers[frame->vector](frame);
	} else if (frame->vector < 32 && stack) {
		*caught = (struct fault){ frame->vector, frame->error, frame->rip, READ_CR(2) };
		fault_resume(stack);
	} else {
		unexpected(frame);
	}
}

bool faults(void (*fn)(void *), void *argument, struct fault *fault)
{
	*fault = (struct fault){ 0 };
	caught = fault;
	return call_caught(fn, argument, &caught_stack);
}

struct msr_access {
	uint32_t msr;
	uint64_t value;
};

static void read_it(void *argument)
{
	struct msr_access *a = argument;

	a->value = rdmsr(a->msr);
}

static void write_it(void *argument)
{
	struct msr_access *a = argument;

	wrmsr(a->msr, a->value);
}

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
	struct msr_access a = { msr, 0 };
	struct fault fault;
	bool good = !faults(read_it, &a, &fault);

	*value = a.value;
	return good;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
	struct msr_access a = { msr, value };
	struct fault fault;

	return !faults(write_it, &a, &fault);
}
