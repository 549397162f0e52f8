/* SPDX-License-Identifier: MIT */
/* Virtual I/O APIC: the 82093AA's registers and pins, with the EOI register of version 0x20. */
#include "drivers/vioapic.h"

#include <string.h>

/* Offsets of the memory-mapped registers (82093AA datasheet 3.1; EOI: ICH datasheets, "EOIR"). */
#define IOREGSEL 0x00
#define IOWIN    0x10
#define EOIR     0x40

/* Registers behind IOWIN (3.2). */
#define IOAPICID  0x00
#define IOAPICVER 0x01
#define IOAPICARB 0x02
#define IOREDTBL  0x10
#define ID_MASK   0x0f000000u
#define VERSION   (0x20u | (VIOAPIC_PINS - 1) << 16)

/* Redirection entry (3.2.4). Delivery status (bit 12) reads 0: a message is gone as soon as it is made. */
#define RTE_VECTOR      0xffULL
#define RTE_MODE        0x700ULL
#define RTE_LOGICAL     (1ULL << 11)
#define RTE_POLARITY    (1ULL << 13)
#define RTE_REMOTE_IRR  (1ULL << 14)
#define RTE_LEVEL       (1ULL << 15)
#define RTE_MASK        (1ULL << 16)
#define RTE_DESTINATION (0xffULL << 56)
#define RTE_WRITABLE \
	(RTE_VECTOR | RTE_MODE | RTE_LOGICAL | RTE_POLARITY | RTE_LEVEL | RTE_MASK | RTE_DESTINATION)

#define MODE_LOWEST (1ULL << 8)

/* Message (SDM 11.11.1, 11.11.2). */
#define MESSAGE_ADDRESS  0xfee00000u
#define MESSAGE_REDIRECT (1u << 3)
#define MESSAGE_LOGICAL  (1u << 2)
#define MESSAGE_ASSERT   (1u << 14)
#define MESSAGE_LEVEL    (1u << 15)

/* Only fixed and lowest-priority interrupts are levels; the other modes always act as edges (3.2.4, DELMOD). */
static bool is_level(uint64_t entry)
{
	return (entry & RTE_LEVEL) && (entry & RTE_MODE) <= MODE_LOWEST;
}

static void send(struct vioapic *ioapic, uint64_t entry)
{
	uint32_t address = MESSAGE_ADDRESS | (uint32_t)(entry >> 56) << 12;
	uint32_t data = entry & (RTE_VECTOR | RTE_MODE);

	if (entry & RTE_LOGICAL)
		address |= MESSAGE_LOGICAL;
	if ((entry & RTE_MODE) == MODE_LOWEST)
		address |= MESSAGE_REDIRECT;
	if (is_level(entry))
		data |= MESSAGE_LEVEL | MESSAGE_ASSERT;
	ioapic->device.host->message(ioapic->device.host, address, data);
}

/* A level pin that is asserted, not masked and not waiting for an EOI sends. */
static void level_evaluate(struct vioapic *ioapic, unsigned pin)
{
	uint64_t *entry = &ioapic->redirection[pin];

	if (!is_level(*entry) || !(ioapic->lines >> pin & 1) || (*entry & (RTE_MASK | RTE_REMOTE_IRR)))
		return;
	*entry |= RTE_REMOTE_IRR;
	send(ioapic, *entry);
}

void vioapic_set_line(struct vioapic *ioapic, unsigned pin, bool level)
{
	uint32_t bit;
	bool rising;

	if (pin >= VIOAPIC_PINS)
		return;
	bit = 1u << pin;
	rising = level && !(ioapic->lines & bit);
	ioapic->lines = level ? ioapic->lines | bit : ioapic->lines & ~bit;
	if (!rising)
		return;
	/* An edge on a masked pin is neither delivered nor held (3.2.4, Interrupt Mask). */
	if (is_level(ioapic->redirection[pin]))
		level_evaluate(ioapic, pin);
	else if (!(ioapic->redirection[pin] & RTE_MASK))
		send(ioapic, ioapic->redirection[pin]);
}

void vioapic_eoi(struct vioapic *ioapic, uint8_t vector)
{
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		uint64_t *entry = &ioapic->redirection[pin];

		if (!(*entry & RTE_REMOTE_IRR) || (*entry & RTE_VECTOR) != vector)
			continue;
		*entry &= ~RTE_REMOTE_IRR;
		level_evaluate(ioapic, pin);
	}
}

static void write_entry(struct vioapic *ioapic, unsigned pin, uint64_t value)
{
	uint64_t *entry = &ioapic->redirection[pin];

	*entry = (value & RTE_WRITABLE) | (*entry & RTE_REMOTE_IRR);
	/* To become an edge ends a wait for EOI: what operating systems do where there is no EOI register. */
	if (!is_level(*entry))
		*entry &= ~RTE_REMOTE_IRR;
	level_evaluate(ioapic, pin);
}

static uint32_t read_register(const struct vioapic *ioapic)
{
	unsigned index = ioapic->select;
	unsigned pin = (index - IOREDTBL) / 2;

	if (index == IOAPICVER)
		return VERSION;
	if (index == IOAPICID || index == IOAPICARB)
		return ioapic->id;
	if (index < IOREDTBL || pin >= VIOAPIC_PINS)
		return 0;
	return (uint32_t)(ioapic->redirection[pin] >> (index & 1 ? 32 : 0));
}

static void write_register(struct vioapic *ioapic, uint32_t value)
{
	unsigned index = ioapic->select;
	unsigned pin = (index - IOREDTBL) / 2;

	if (index == IOAPICID)
		ioapic->id = value & ID_MASK;
	if (index < IOREDTBL || pin >= VIOAPIC_PINS)
		return;
	if (index & 1)
		write_entry(ioapic, pin, (uint32_t)ioapic->redirection[pin] | (uint64_t)value << 32);
	else
		write_entry(ioapic, pin, (ioapic->redirection[pin] >> 32 << 32) | value);
}

static void write(struct vioapic *ioapic, const struct bus_access *access)
{
	if (access->offset == IOREGSEL)
		ioapic->select = access->value & 0xff;
	else if (access->offset == IOWIN && access->size >= 4)
		write_register(ioapic, (uint32_t)access->value);
	else if (access->offset == EOIR)
		vioapic_eoi(ioapic, (uint8_t)access->value);
}

void vioapic_mmio(struct device *device, struct bus_access *access)
{
	struct vioapic *ioapic = (struct vioapic *)device;

	if (access->write) {
		write(ioapic, access);
		return;
	}
	access->value = 0;
	if (access->offset == IOREGSEL)
		access->value = ioapic->select;
	else if (access->offset == IOWIN)
		access->value = read_register(ioapic);
}

static void reset(struct device *device)
{
	struct vioapic *ioapic = (struct vioapic *)device;

	ioapic->select = 0;
	ioapic->id = 0;
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		ioapic->redirection[pin] = RTE_MASK;
}

static void save(const struct device *device, struct stream *out)
{
	const struct vioapic *ioapic = (const struct vioapic *)device;
	size_t mark = stream_begin(out, "IOAP");

	stream_put_u64(out, ioapic->select);
	stream_put_u64(out, ioapic->id);
	stream_put_u64(out, ioapic->lines);
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++)
		stream_put_u64(out, ioapic->redirection[pin]);
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vioapic *ioapic = (struct vioapic *)device;
	uint64_t select, id, lines, redirection[VIOAPIC_PINS];

	stream_expect(in, "IOAP", (3 + VIOAPIC_PINS) * sizeof(uint64_t));
	select = stream_get_u64(in);
	id = stream_get_u64(in);
	lines = stream_get_u64(in);
	if (select > 0xff || (id & ~(uint64_t)ID_MASK) || lines >> VIOAPIC_PINS)
		stream_fail(in);
	for (unsigned pin = 0; pin < VIOAPIC_PINS; pin++) {
		redirection[pin] = stream_get_u64(in);
		if (redirection[pin] & ~(RTE_WRITABLE | (is_level(redirection[pin]) ? RTE_REMOTE_IRR : 0)))
			stream_fail(in);
	}
	if (in->failed)
		return;
	ioapic->select = (uint32_t)select;
	ioapic->id = (uint32_t)id;
	ioapic->lines = (uint32_t)lines;
	memcpy(ioapic->redirection, redirection, sizeof(redirection));
}

void vioapic_init(struct vioapic *ioapic, struct device_host *host)
{
	static const struct device_ops ops = { .name = "IO-APIC", .reset = reset, .save = save, .restore = restore };

	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->device = (struct device){ .ops = &ops, .host = host };
	reset(&ioapic->device);
}
