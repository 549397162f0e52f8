/* SPDX-License-Identifier: MIT */
/* Physical interrupts: IDT, local APIC, I/O APIC, timer, IPIs, start of the other cores, time. */
#ifndef ARCH_X86_INTERRUPTS_H
#define ARCH_X86_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/cpu.h"

#define VECTOR_DEVICE   0x30 /* 0x30..0x5f: physical devices, from irq_install() */
#define VECTOR_KICK     0xf0 /* look at your mailbox and at your vCPU's todo word; the handler only says EOI */
#define VECTOR_TIMER    0xf1 /* the handler only says EOI: the point is the exit */
#define VECTOR_SPURIOUS 0xff

/*
 * Order at boot: cpu_init_boot(), mem_init(), paging_init(), acpi_init(), apic_init(), tsc_init(), smp_start(). The
 * console may come at any point; irq_install() and machine_power_off() need apic_init().
 */

/* Loads GDT and TSS on the calling core. gdt_create() makes those of another core, with its interrupt stacks. */
void gdt_init(struct cpu *cpu);
int gdt_create(struct cpu *cpu);
int gdt_stacks(struct cpu *cpu); /* E_NO_MEMORY */
void idt_init(void);  /* builds the table once */
void idt_load(void);  /* on each core */

/* Probes xAPIC/x2APIC; enables it on the calling core; masks the 8259s and the I/O APICs. After acpi_init(). */
void apic_init(void);
void apic_enable_core(void);
void apic_eoi(void);
uint32_t apic_id(void);
bool apic_is_x2apic(void);
void apic_send_ipi(uint32_t apic_id, uint8_t vector);
void cpu_kick(struct cpu *cpu); /* VECTOR_KICK */

/*
 * One-shot timer of this core at a TSC value; past values fire at once; UINT64_MAX disarms. TSC-deadline mode where the
 * processor has it, else count-down. On the way of every entry into a guest: cheap when the deadline is unchanged.
 */
void apic_timer_program(uint64_t deadline);
static inline bool apic_timer_is(uint64_t deadline)
{
	return this_cpu()->timer_deadline == deadline;
}
static inline void apic_timer_set(uint64_t deadline)
{
	if (!apic_timer_is(deadline))
		apic_timer_program(deadline);
}

/* Routes a GSI to the calling core: returns E_OK. The handler runs with interrupts off, EOI is said for it. */
typedef void irq_handler(void *context);
int irq_install(unsigned gsi, bool level, bool active_low, irq_handler *handler, void *context);
/* A vector for apic_send_ipi(), whose handler runs on the core that is sent it; or an error. */
int irq_ipi(irq_handler *handler, void *context);
/* GSI, polarity and trigger of an ISA interrupt after the MADT's overrides. */
void irq_isa(unsigned isa, unsigned *gsi, bool *level, bool *active_low);

/* Finds and starts every core; each calls `entry` on its own stack, with its GDT, IDT and APIC set up. */
void smp_start(void (*entry)(void));

/* Ticks per second, measured against HPET, PM timer or PIT (or told by CPUID); never 0 after tsc_init(). */
void tsc_init(void);
extern uint64_t tsc_hz;
const char *tsc_source(void);
uint64_t tsc_to_ns(uint64_t ticks);
uint64_t ns_to_tsc(uint64_t ns);

/* Prints registers, symbolised backtrace, core and partition; then halts or reboots as configured. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void panic_set_reboot(bool reboot);
/* Resets the machine: ACPI reset register, 0xCF9, keyboard controller, triple fault. Powers off by ACPI S5. */
void machine_reboot(void) __attribute__((noreturn));
void machine_power_off(void) __attribute__((noreturn));

#endif
