/* SPDX-License-Identifier: MIT */
/* The local APIC: enabling, end of interrupt, IPIs (SDM chapter 11, APM volume 2 chapter 16). */
#include "arch/x86/apic.h"

#include <stddef.h>

#include "arch/x86/acpi.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"

#define ICR_PENDING (1u << 12)
#define ICR_POLLS   100000 /* an IPI leaves within microseconds, or the bus is dead */
#define BASE_MASK   0x000ffffffffff000ULL

volatile uint8_t *apic_registers;
bool apic_x2apic;

static bool ready;

bool apic_ready(void)
{
	return ready;
}

bool apic_is_x2apic(void)
{
	return apic_x2apic;
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return apic_x2apic ? id : id >> 24;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

/* What the firmware left in service would block everything of its priority and below. */
static void finish_interrupts(void)
{
	for (unsigned word = 0; word < 8; word++)
		for (unsigned polls = 0; polls < 32 && apic_read(APIC_ISR + 16 * word); polls++)
			apic_eoi();
}

/* NMI arrives where the MADT says, LINT1 on every PC without one; the pin of the 8259 is not used. */
static unsigned nmi_lint(void)
{
	return acpi.lapic_nmi_count && acpi.lapic_nmis[0].lint == 0 ? 0 : 1;
}

static void init_lvt(void)
{
	unsigned last = apic_read(APIC_VERSION) >> 16 & 0xff;
	unsigned nmi = nmi_lint();

	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVT_LINT0, nmi == 0 ? ICR_NMI : LVT_MASKED);
	apic_write(APIC_LVT_LINT1, nmi == 1 ? ICR_NMI : LVT_MASKED);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	if (last >= 4)
		apic_write(APIC_LVT_PERFORMANCE, LVT_MASKED);
	if (last >= 5)
		apic_write(APIC_LVT_THERMAL, LVT_MASKED);
	if (last >= 6)
		apic_write(APIC_LVT_CMCI, LVT_MASKED);
}

/* From xAPIC mode to x2APIC mode, or from disabled to xAPIC mode and then on (SDM figure 11-27). */
static void enable(void)
{
	uint64_t base = rdmsr(IA32_APIC_BASE);

	if (!(base & APIC_BASE_ENABLE))
		wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE);
	if (apic_x2apic)
		wrmsr(IA32_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

void apic_enable_core(void)
{
	enable();
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	init_lvt();
	apic_write(APIC_ESR, 0);
	finish_interrupts();
	apic_timer_enable_core();
}

void apic_init(void)
{
	uint64_t base = rdmsr(IA32_APIC_BASE);

	pic_disable();
	apic_x2apic = cpuid(1, 0).ecx & 1u << 21;
	if (!apic_x2apic) {
		apic_registers = map_physical(base & BASE_MASK, PAGE_SIZE, PTAB_UNCACHED);
		if (!apic_registers)
			panic("the local APIC at %#llx cannot be mapped", (unsigned long long)(base & BASE_MASK));
	}
	apic_enable_core();
	this_cpu()->apic_id = apic_id();
	ready = true;
	ioapic_init();
	power_init();
}

/* The two halves of the xAPIC's ICR belong together: no interrupt handler may send in between. */
static void send_xapic(uint32_t target, uint32_t command)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	for (unsigned polls = 0; polls < ICR_POLLS && apic_read(APIC_ICR_LOW) & ICR_PENDING; polls++)
		cpu_pause();
	apic_write(APIC_ICR_HIGH, target << 24);
	apic_write(APIC_ICR_LOW, command);
	if (flags & RFLAGS_IF)
		interrupts_on();
}

void apic_send(uint32_t target, uint32_t command)
{
	if (apic_x2apic) {
		/* A write to an x2APIC register does not wait for stores before it (SDM 11.12.3). */
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(IA32_X2APIC_BASE + (APIC_ICR_LOW >> 4), (uint64_t)target << 32 | command);
	} else {
		send_xapic(target, command);
	}
}

void apic_send_ipi(uint32_t target, uint8_t vector)
{
	apic_send(target, ICR_ASSERT | vector);
}

void cpu_kick(struct cpu *cpu)
{
	apic_send_ipi(cpu->apic_id, VECTOR_KICK);
}
