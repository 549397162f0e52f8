/* SPDX-License-Identifier: MIT */
/* Physical I/O APICs (82093AA) and the interrupts of physical devices. */
#include <stddef.h>

#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"

#define IOAPIC_DEFAULT 0xfec00000 /* where the only one is without ACPI */

/* Byte offsets of the two registers, and indices behind them. */
#define IOREGSEL   0x00
#define IOWIN      0x10
#define IOAPICVER  0x01
#define IOREDTBL   0x10

#define REDIRECTION_ACTIVE_LOW (1u << 13)
#define REDIRECTION_LEVEL      (1u << 15)
#define REDIRECTION_MASKED     (1u << 16)

struct ioapic {
	volatile uint8_t *registers;
	uint32_t gsi_base;
	unsigned pins;
};

static struct ioapic ioapics[ACPI_IOAPICS];
static unsigned count;

#define NO_GSI UINT32_MAX /* of a vector for IPIs */

static struct irq {
	irq_handler *handler;
	void *context;
	unsigned gsi;
} irqs[IRQ_VECTORS];

static struct spinlock lock;

static uint32_t read(const struct ioapic *ioapic, unsigned index)
{
	*(volatile uint32_t *)(ioapic->registers + IOREGSEL) = index;
	return *(volatile uint32_t *)(ioapic->registers + IOWIN);
}

static void write(const struct ioapic *ioapic, unsigned index, uint32_t value)
{
	*(volatile uint32_t *)(ioapic->registers + IOREGSEL) = index;
	*(volatile uint32_t *)(ioapic->registers + IOWIN) = value;
}

static void add(uint64_t address, uint32_t gsi_base)
{
	struct ioapic *ioapic = &ioapics[count];
	uint32_t version;

	ioapic->registers = map_physical(address, PAGE_SIZE, PTAB_UNCACHED);
	if (!ioapic->registers)
		return;
	version = read(ioapic, IOAPICVER);
	ioapic->gsi_base = gsi_base;
	ioapic->pins = (version >> 16 & 0xff) + 1;
	/* All ones or all zeroes: nothing is there. */
	if (version == UINT32_MAX || version == 0 || ioapic->pins > 240) {
		log_warning(NULL, "no I/O APIC answers at %#llx", (unsigned long long)address);
		unmap_physical((void *)ioapic->registers, PAGE_SIZE);
		return;
	}
	for (unsigned pin = 0; pin < ioapic->pins; pin++)
		write(ioapic, IOREDTBL + 2 * pin, REDIRECTION_MASKED);
	count++;
}

void ioapic_init(void)
{
	for (unsigned i = 0; i < acpi.ioapic_count; i++)
		add(acpi.ioapics[i].address, acpi.ioapics[i].gsi_base);
	if (!acpi.present)
		add(IOAPIC_DEFAULT, 0);
}

static const struct ioapic *find(unsigned gsi)
{
	for (unsigned i = 0; i < count; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
			return &ioapics[i];
	return NULL;
}

/* Index of a free entry, or an error. The handler comes last: the vector may be raised as soon as it is written. */
static int claim(unsigned gsi, irq_handler *handler, void *context)
{
	int free = E_FULL;

	for (int i = IRQ_VECTORS - 1; i >= 0; i--) {
		if (irqs[i].handler && irqs[i].gsi == gsi && gsi != NO_GSI)
			return E_BUSY;
		if (!irqs[i].handler)
			free = i;
	}
	if (free >= 0)
		irqs[free] = (struct irq){ .handler = handler, .context = context, .gsi = gsi };
	return free;
}

int irq_install(unsigned gsi, bool level, bool active_low, irq_handler *handler, void *context)
{
	const struct ioapic *ioapic = find(gsi);
	uint32_t low, target = this_cpu()->apic_id;
	unsigned index;
	int entry;

	if (!ioapic)
		return E_NOT_FOUND;
	if (target > 0xff) /* needs interrupt remapping */
		return E_UNSUPPORTED;
	index = IOREDTBL + 2 * (gsi - ioapic->gsi_base);
	spin_lock(&lock);
	entry = claim(gsi, handler, context);
	if (entry >= 0) {
		low = VECTOR_DEVICE + (uint32_t)entry;
		low |= (level ? REDIRECTION_LEVEL : 0) | (active_low ? REDIRECTION_ACTIVE_LOW : 0);
		write(ioapic, index + 1, target << 24);
		write(ioapic, index, low);
	}
	spin_unlock(&lock);
	return entry < 0 ? entry : E_OK;
}

int irq_ipi(irq_handler *handler, void *context)
{
	int entry;

	spin_lock(&lock);
	entry = claim(NO_GSI, handler, context);
	spin_unlock(&lock);
	return entry < 0 ? entry : VECTOR_DEVICE + entry;
}

void irq_isa(unsigned isa, unsigned *gsi, bool *level, bool *active_low)
{
	*gsi = isa;
	*level = false;
	*active_low = false;
	for (unsigned i = 0; i < acpi.override_count; i++)
		if (acpi.overrides[i].isa == isa) {
			*gsi = acpi.overrides[i].gsi;
			*level = acpi.overrides[i].level;
			*active_low = acpi.overrides[i].active_low;
		}
	if (!acpi.present && isa == 0)
		*gsi = 2; /* the PIT's pin on every PC that has an I/O APIC */
}

void irq_dispatch(unsigned vector)
{
	unsigned i = vector - VECTOR_DEVICE;

	if (vector >= VECTOR_DEVICE && i < IRQ_VECTORS && irqs[i].handler)
		irqs[i].handler(irqs[i].context);
}
