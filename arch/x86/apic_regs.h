/* SPDX-License-Identifier: MIT */
/* Registers of the local APIC (SDM table 11-1), and how apic*.c reach them in either mode. */
#ifndef ARCH_X86_APIC_REGS_H
#define ARCH_X86_APIC_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"

#define APIC_ID              0x020
#define APIC_VERSION         0x030
#define APIC_TPR             0x080
#define APIC_EOI             0x0b0
#define APIC_SPURIOUS        0x0f0
#define APIC_ISR             0x100
#define APIC_ESR             0x280
#define APIC_LVT_CMCI        0x2f0
#define APIC_ICR_LOW         0x300
#define APIC_ICR_HIGH        0x310
#define APIC_LVT_TIMER       0x320
#define APIC_LVT_THERMAL     0x330
#define APIC_LVT_PERFORMANCE 0x340
#define APIC_LVT_LINT0       0x350
#define APIC_LVT_LINT1       0x360
#define APIC_LVT_ERROR       0x370
#define APIC_TIMER_INITIAL   0x380
#define APIC_TIMER_CURRENT   0x390
#define APIC_TIMER_DIVIDE    0x3e0

#define LVT_MASKED        (1u << 16)
#define LVT_TSC_DEADLINE  (2u << 17)
#define SPURIOUS_ENABLE   (1u << 8)
#define TIMER_DIVIDE_BY_1 0xbu

extern volatile uint8_t *apic_registers; /* xAPIC mode */
extern bool apic_x2apic;

static inline uint32_t apic_read(unsigned offset)
{
	if (apic_x2apic)
		return (uint32_t)rdmsr(IA32_X2APIC_BASE + (offset >> 4));
	return *(volatile uint32_t *)(apic_registers + offset);
}

static inline void apic_write(unsigned offset, uint32_t value)
{
	if (apic_x2apic)
		wrmsr(IA32_X2APIC_BASE + (offset >> 4), value);
	else
		*(volatile uint32_t *)(apic_registers + offset) = value;
}

/* apic_timer.c: mode of the timer, on each core. */
void apic_timer_enable_core(void);

#endif
