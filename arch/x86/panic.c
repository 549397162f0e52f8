/* SPDX-License-Identifier: MIT */
/*
 * The end: one core prints, all others halt. Whatever goes wrong while printing ends in a halt, never in a loop.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include "arch/x86/apic.h"
#include "arch/x86/exception.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "arch/x86/sections.h"
#include "arch/x86/symbols.h"
#include "kernel/console.h"
#include "kernel/log.h"
#include "kernel/partition.h"

#define FRAMES_MAX 32
#define DF_VECTOR 8
#define PF_VECTOR 14

#define NOBODY -1

static _Atomic int owner = NOBODY; /* the core that panicked first */
static bool reboot;

static const char *const names[] = {
	"divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound range exceeded", "invalid opcode",
	"device not available", "double fault", "vector 9", "invalid TSS", "segment not present", "stack fault",
	"general protection", "page fault", "vector 15", "x87 error", "alignment check", "machine check", "SIMD error",
	"virtualization exception", "control protection", "vector 22", "vector 23", "vector 24", "vector 25", "vector 26",
	"vector 27", "hypervisor injection", "VMM communication", "security exception", "vector 31",
};

void panic_set_reboot(bool enable)
{
	reboot = enable;
}

static void halt(void) __attribute__((noreturn));
static void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void panic_check(void)
{
	int by = atomic_load(&owner);

	if (by != NOBODY && by != (int)this_cpu()->id)
		halt();
}

static void stop_others(void)
{
	for (unsigned i = 0; apic_ready() && i < CPU_MAX; i++)
		if (cpus[i].online && &cpus[i] != this_cpu())
			apic_send(cpus[i].apic_id, ICR_NMI | ICR_ASSERT);
}

/* The first one in prints. A second panic of the same core is one of printing itself: no more attempts. */
static void take_over(void)
{
	int nobody = NOBODY;

	interrupts_off();
	if (!atomic_compare_exchange_strong(&owner, &nobody, (int)this_cpu()->id))
		halt();
	stop_others();
	console_panic();
}

static void print_place(const char *prefix, uint64_t address)
{
	uint64_t offset;
	const char *name = symbol_lookup(address, &offset);

	if (name)
		log_error(NULL, "%s%016llx %s+%#llx", prefix, (unsigned long long)address, name, (unsigned long long)offset);
	else
		log_error(NULL, "%s%016llx", prefix, (unsigned long long)address);
}

static bool readable(uint64_t address)
{
	if (address & 7)
		return false;
	if (address >= (uint64_t)__image_start && address < (uint64_t)__image_end - 16)
		return !stack_guard(address) && !stack_guard(address + 8);
	return paging_mapped(address) && paging_mapped(address + 8);
}

static bool in_text(uint64_t address)
{
	return address >= (uint64_t)__text_start && address < (uint64_t)__text_end;
}

/*
 * By frame pointers, which only go up within a stack. isr.S leaves words that are no code address: not shown. `called`:
 * where a jump to nowhere left its return address, or 0.
 */
static void backtrace(uint64_t rbp, uint64_t called)
{
	log_error(NULL, "backtrace:");
	if (readable(called) && in_text(*(const uint64_t *)called))
		print_place("  ", *(const uint64_t *)called - 1);
	for (unsigned i = 0; i < FRAMES_MAX && readable(rbp); i++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		if (in_text(frame[1]))
			print_place("  ", frame[1] - 1); /* in the call, not after it */
		if (frame[0] <= rbp || frame[0] - rbp > STACK_SIZE)
			break;
		rbp = frame[0];
	}
}

static void print_who(void)
{
	const struct cpu *cpu = this_cpu();

	log_error(NULL, "core %u (APIC ID %u), partition %s", cpu->id, cpu->apic_id,
	          cpu->partition ? partition_name(cpu->partition) : "none");
}

static void print_control(void)
{
	log_error(NULL, "CR0 %016llx CR2 %016llx CR3 %016llx CR4 %016llx", (unsigned long long)CR_READ(0),
	          (unsigned long long)CR_READ(2), (unsigned long long)CR_READ(3), (unsigned long long)CR_READ(4));
}

static void print_registers(const struct exception_frame *f)
{
	const struct {
		const char *name[4];
		uint64_t value[4];
	} rows[] = {
		{ { "RAX", "RBX", "RCX", "RDX" }, { f->rax, f->rbx, f->rcx, f->rdx } },
		{ { "RSI", "RDI", "RBP", "RSP" }, { f->rsi, f->rdi, f->rbp, f->rsp } },
		{ { "R8 ", "R9 ", "R10", "R11" }, { f->r8, f->r9, f->r10, f->r11 } },
		{ { "R12", "R13", "R14", "R15" }, { f->r12, f->r13, f->r14, f->r15 } },
		{ { "RFL", "CS ", "SS ", "ERR" }, { f->rflags, f->cs, f->ss, f->error } },
	};

	print_place("RIP ", f->rip);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		log_error(NULL, "%s %016llx %s %016llx %s %016llx %s %016llx", rows[i].name[0],
		          (unsigned long long)rows[i].value[0], rows[i].name[1], (unsigned long long)rows[i].value[1],
		          rows[i].name[2], (unsigned long long)rows[i].value[2], rows[i].name[3],
		          (unsigned long long)rows[i].value[3]);
	print_control();
}

static void finish(void) __attribute__((noreturn));
static void finish(void)
{
	log_error(NULL, reboot ? "rebooting" : "halted: switch the machine off or reset it");
	if (reboot)
		machine_reboot();
	halt();
}

void panic(const char *format, ...)
{
	char text[200];
	va_list arguments;

	take_over();
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_error(NULL, "PANIC: %s", text);
	print_who();
	print_control();
	backtrace((uint64_t)__builtin_frame_address(0), 0);
	finish();
}

/* A full stack shows as a page fault, or as a double fault because the page fault's frame did not fit either. */
static bool is_overflow(const struct exception_frame *frame)
{
	return (frame->vector == PF_VECTOR || frame->vector == DF_VECTOR) && stack_guard(CR_READ(2));
}

void panic_exception(const struct exception_frame *frame)
{
	take_over();
	if (is_overflow(frame))
		log_error(NULL, "PANIC: stack overflow (%s at %#llx)", names[frame->vector], (unsigned long long)CR_READ(2));
	else if (frame->vector == PF_VECTOR)
		log_error(NULL, "PANIC: page fault: %s %#llx%s", frame->error & 16 ? "execution of" :
		          frame->error & 2 ? "write to" : "read of", (unsigned long long)CR_READ(2),
		          frame->error & 1 ? " (no right)" : " (not mapped)");
	else
		log_error(NULL, "PANIC: %s", names[frame->vector & 31]);
	print_who();
	print_registers(frame);
	backtrace(frame->rbp, in_text(frame->rip) ? 0 : frame->rsp);
	finish();
}
