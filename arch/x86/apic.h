/* SPDX-License-Identifier: MIT */
/* What the files about interrupts tell each other; the rest of the kernel uses arch/x86/interrupts.h. */
#ifndef ARCH_X86_APIC_H
#define ARCH_X86_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define IRQ_VECTORS 48 /* from VECTOR_DEVICE on */

/* ICR, low half (SDM 11.6.1). */
#define ICR_NMI     (4u << 8)
#define ICR_INIT    (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_ASSERT  (1u << 14)

/* Sends the command to one core and waits until it has left. */
void apic_send(uint32_t apic_id, uint32_t command);
/* Can IPIs be sent? False before apic_init(). */
bool apic_ready(void);
/* Count-down mode: measures the timer against the TSC. From tsc_init(). */
void apic_timer_start(void);

/* ioapic.c: finds the I/O APICs and masks every pin. */
void ioapic_init(void);
/* Calls the handler of a vector VECTOR_DEVICE.. (others: stray, ignored). */
void irq_dispatch(unsigned vector);

/* pic.c: the 8259 pair, moved out of the way and masked. */
void pic_disable(void);

/* power.c: what a reset needs. */
void power_init(void);

/* smp.c: where trampoline.S enters the kernel. */
struct cpu;
void smp_core_entry(struct cpu *cpu) __attribute__((noreturn));

#endif
