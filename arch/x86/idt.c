/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table, one for all cores, and what happens at each vector. */
#include <stdbool.h>
#include <stddef.h>

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/exception.h"
#include "arch/x86/gdt.h"
#include "arch/x86/interrupts.h"

#define STUB_SIZE  16
#define EXCEPTIONS 32
#define VECTORS    256

#define NMI_VECTOR 2
#define DF_VECTOR  8
#define GP_VECTOR  13
#define MC_VECTOR  18

#define GATE_INTERRUPT 0x8e00 /* P, DPL 0, 64-bit interrupt gate (SDM 6.14.1) */

struct gate {
	uint16_t offset_0;
	uint16_t selector;
	uint16_t flags; /* IST in bits 2:0 */
	uint16_t offset_16;
	uint32_t offset_32;
	uint32_t reserved;
};

static struct gate idt[VECTORS] __attribute__((aligned(16)));

extern const char exception_stubs[], interrupt_stubs[];
extern const char rdmsr_safe_instruction[], wrmsr_safe_instruction[], msr_safe_failed[];

/* Instructions that may raise #GP, and where to go on then. */
static const struct {
	const char *instruction, *go_on;
} expected_faults[] = {
	{ rdmsr_safe_instruction, msr_safe_failed },
	{ wrmsr_safe_instruction, msr_safe_failed },
};

static unsigned ist_of(unsigned vector)
{
	switch (vector) {
	case NMI_VECTOR: return IST_NMI;
	case DF_VECTOR:  return IST_DF;
	case MC_VECTOR:  return IST_MC;
	default:         return 0;
	}
}

void idt_init(void)
{
	for (unsigned vector = 0; vector < VECTORS; vector++) {
		uint64_t stub = vector < EXCEPTIONS ? (uint64_t)exception_stubs + vector * STUB_SIZE
		                                    : (uint64_t)interrupt_stubs + (vector - EXCEPTIONS) * STUB_SIZE;

		idt[vector] = (struct gate){
			.offset_0 = (uint16_t)stub,
			.selector = SELECTOR_CODE,
			.flags = (uint16_t)(GATE_INTERRUPT | ist_of(vector)),
			.offset_16 = (uint16_t)(stub >> 16),
			.offset_32 = (uint32_t)(stub >> 32),
		};
	}
}

void idt_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static bool was_expected(struct exception_frame *frame)
{
	for (unsigned i = 0; i < sizeof(expected_faults) / sizeof(expected_faults[0]); i++)
		if (frame->rip == (uint64_t)expected_faults[i].instruction) {
			frame->rip = (uint64_t)expected_faults[i].go_on;
			return true;
		}
	return false;
}

__attribute__((weak)) void nmi_handler(struct cpu *cpu)
{
	cpu->nmis++;
}

void exception_handler(struct exception_frame *frame)
{
	if (frame->vector == NMI_VECTOR) {
		panic_check();
		nmi_handler(this_cpu());
		return;
	}
	if (frame->vector == GP_VECTOR && was_expected(frame))
		return;
	panic_exception(frame);
}

void interrupt_handler(unsigned vector)
{
	struct cpu *cpu = this_cpu();

	cpu->interrupts++;
	if (vector == VECTOR_TIMER)
		cpu->timer_deadline = UINT64_MAX; /* it has fired: not armed */
	else if (vector < VECTOR_DEVICE + IRQ_VECTORS)
		irq_dispatch(vector);
	else if (vector == VECTOR_SPURIOUS)
		return; /* no EOI (SDM 11.9) */
	apic_eoi();
}
