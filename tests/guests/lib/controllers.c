/* SPDX-License-Identifier: MIT */
/* 8259 pair, 8254, local APIC in both modes, I/O APIC. */
#include "guest.h"

#define PIC_MASTER 0x20
#define PIC_SLAVE  0xa0
#define OCW2_EOI   0x20

#define APIC_BASE_MSR    0x1b
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define X2APIC_MSR       0x800
#define APIC_ID          0x20
#define APIC_EOI         0xb0
#define APIC_SVR         0xf0
#define APIC_ICR_LOW     0x300
#define APIC_ICR_HIGH    0x310
#define SVR_ENABLE       0x100
#define ICR_PENDING      (1u << 12)

#define APIC_PAGE   0xfee00000u
#define IOAPIC_PAGE 0xfec00000u
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_LEVEL (1u << 15)

void pic_init(uint8_t base, uint16_t mask)
{
	static const uint16_t ports[] = { PIC_MASTER, PIC_SLAVE };

	for (unsigned i = 0; i < 2; i++) {
		out8(ports[i], 0x11);                      /* ICW1: cascade, ICW4 follows */
		out8(ports[i] + 1, (uint8_t)(base + i * 8));
		out8(ports[i] + 1, i ? 2 : 4);             /* ICW3: the slave is on input 2 */
		out8(ports[i] + 1, 1);                     /* ICW4: 8086 mode */
		out8(ports[i] + 1, (uint8_t)(mask >> i * 8));
	}
}

void pic_eoi(unsigned irq)
{
	if (irq >= 8)
		out8(PIC_SLAVE, OCW2_EOI);
	out8(PIC_MASTER, OCW2_EOI);
}

void pit_periodic(uint16_t divisor)
{
	out8(0x43, 0x34); /* channel 0, both bytes, mode 2 */
	out8(0x40, (uint8_t)divisor);
	out8(0x40, (uint8_t)(divisor >> 8));
}

static bool is_x2apic(void)
{
	return rdmsr(APIC_BASE_MSR) & APIC_BASE_X2APIC;
}

static volatile uint32_t *apic_register(uint32_t reg)
{
	return (volatile uint32_t *)(uintptr_t)(APIC_PAGE + reg);
}

uint32_t apic_read(uint32_t reg)
{
	return is_x2apic() ? (uint32_t)rdmsr(X2APIC_MSR + reg / 16) : *apic_register(reg);
}

void apic_write(uint32_t reg, uint32_t value)
{
	if (is_x2apic())
		wrmsr(X2APIC_MSR + reg / 16, value);
	else
		*apic_register(reg) = value;
}

void apic_enable(bool x2apic)
{
	wrmsr(APIC_BASE_MSR, rdmsr(APIC_BASE_MSR) | APIC_BASE_ENABLE);
	if (x2apic)
		wrmsr(APIC_BASE_MSR, rdmsr(APIC_BASE_MSR) | APIC_BASE_X2APIC);
	apic_write(APIC_SVR, SVR_ENABLE | 0xff);
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_send(uint32_t destination, uint32_t command)
{
	if (is_x2apic()) {
		wrmsr(X2APIC_MSR + APIC_ICR_LOW / 16, (uint64_t)destination << 32 | command);
		return;
	}
	apic_write(APIC_ICR_HIGH, destination << 24);
	apic_write(APIC_ICR_LOW, command);
	while (apic_read(APIC_ICR_LOW) & ICR_PENDING)
		pause();
}

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return is_x2apic() ? id : id >> 24;
}

void ioapic_route(unsigned pin, uint8_t vector, uint32_t destination, bool level)
{
	volatile uint32_t *page = (volatile uint32_t *)(uintptr_t)IOAPIC_PAGE;

	page[0] = IOAPIC_REDIRECTION + 2 * pin + 1;
	page[4] = destination << 24;
	page[0] = IOAPIC_REDIRECTION + 2 * pin;
	page[4] = vector | (level ? IOAPIC_LEVEL : 0);
}
