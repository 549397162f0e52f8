/* SPDX-License-Identifier: MIT */
/*
 * Who raises a vector reads one word, its route: off, masked, or the message. The owner writes the table and then the
 * route, so that nobody sees half of a message. A mask bit that falls between the look at the route and the setting of
 * the pending bit is seen by one of the two: the pending bit is set before the route is looked at again, the route is
 * written before the pending bit is taken.
 */
#include "drivers/vpci_msix.h"

#include <string.h>

#define CAPABILITY_MSIX 0x11
#define CONTROL 2 /* offset in the capability */
#define CONTROL_MASKED (1u << 14)
#define CONTROL_ENABLE (1u << 15)
#define ENTRY_MASKED 1u

#define ROUTE_OFF 0ULL
#define ROUTE_MASKED 1ULL
/* Anything above: the low half of the address, then the data. */
#define ROUTE(address, data) ((uint64_t)(address) << 32 | (data))

/* SDM 11.11.1: what is written elsewhere is no interrupt, and devices here write nothing else. */
#define ADDRESS_BASE 0xfee00000
#define ADDRESS_MASK 0xfff00000

static void send(struct vpci_msix *msix, uint64_t route)
{
	msix->host->message(msix->host, route >> 32, (uint32_t)route);
}

void vpci_msix_raise(struct vpci_msix *msix, unsigned vector)
{
	uint64_t route;
	uint32_t bit;

	if (vector >= VPCI_MSIX_VECTORS)
		return;
	bit = 1u << vector;
	route = atomic_load(&msix->routes[vector]);
	if (route == ROUTE_MASKED) {
		atomic_fetch_or(&msix->pending, bit);
		route = atomic_load(&msix->routes[vector]);
		if (route <= ROUTE_MASKED || !(atomic_fetch_and(&msix->pending, ~bit) & bit))
			return;
	}
	if (route != ROUTE_OFF)
		send(msix, route);
}

static uint64_t route_of(const struct vpci_msix_entry *entry, uint16_t control, bool master)
{
	if (!(control & CONTROL_ENABLE))
		return ROUTE_OFF;
	/* Without the right to write to memory, a message waits like a masked one. */
	if (!master || control & CONTROL_MASKED || entry->control & ENTRY_MASKED)
		return ROUTE_MASKED;
	if (entry->address_high || (entry->address & ADDRESS_MASK) != ADDRESS_BASE)
		return ROUTE_OFF;
	return ROUTE(entry->address, entry->data);
}

void vpci_msix_changed(struct vpci_msix *msix, const struct vpci_endpoint *endpoint, uint8_t offset)
{
	bool master = vpci_endpoint_command(endpoint) & PCI_COMMAND_MASTER;
	uint16_t control;

	memcpy(&control, endpoint->config + offset + CONTROL, sizeof(control));
	for (unsigned i = 0; i < VPCI_MSIX_VECTORS; i++) {
		uint64_t route = route_of(&msix->entries[i], control, master);
		uint32_t bit = 1u << i;

		if (route == atomic_load_explicit(&msix->routes[i], memory_order_relaxed))
			continue;
		atomic_store(&msix->routes[i], route);
		if (route != ROUTE_MASKED && atomic_fetch_and(&msix->pending, ~bit) & bit && route != ROUTE_OFF)
			send(msix, route);
	}
}

void vpci_msix_quiet(struct vpci_msix *msix)
{
	for (unsigned i = 0; i < VPCI_MSIX_VECTORS; i++)
		atomic_store(&msix->routes[i], ROUTE_OFF);
	atomic_store(&msix->pending, 0);
}

void vpci_msix_reset(struct vpci_msix *msix)
{
	vpci_msix_quiet(msix);
	for (unsigned i = 0; i < VPCI_MSIX_VECTORS; i++)
		msix->entries[i] = (struct vpci_msix_entry){ .control = ENTRY_MASKED };
}

void vpci_msix_init(struct vpci_msix *msix, struct device_host *host)
{
	memset(msix, 0, sizeof(*msix));
	msix->host = host;
	vpci_msix_reset(msix);
}

void vpci_msix_add(struct vpci_endpoint *endpoint, uint8_t offset, unsigned bar)
{
	const uint8_t body[10] = { VPCI_MSIX_VECTORS - 1, 0, (uint8_t)bar, 0, 0, 0,
				   (uint8_t)bar | (VPCI_MSIX_PBA & 0xff), VPCI_MSIX_PBA >> 8, 0, 0 };
	static const uint8_t mask[10] = { 0, (CONTROL_MASKED | CONTROL_ENABLE) >> 8 };

	vpci_endpoint_add_capability(endpoint, offset, CAPABILITY_MSIX, body, mask, sizeof(body));
}

static uint32_t read_dword(const struct vpci_msix *msix, uint64_t offset)
{
	uint32_t value = 0;

	if (offset == VPCI_MSIX_PBA)
		return atomic_load(&msix->pending);
	if (offset < sizeof(msix->entries))
		memcpy(&value, (const uint8_t *)msix->entries + offset, sizeof(value));
	return value;
}

static void write_dword(struct vpci_msix *msix, uint64_t offset, uint32_t value)
{
	uint64_t field = offset % sizeof(struct vpci_msix_entry);

	if (offset >= sizeof(msix->entries))
		return;
	if (field == offsetof(struct vpci_msix_entry, control))
		value &= ENTRY_MASKED;
	else if (field == offsetof(struct vpci_msix_entry, address))
		value &= ~3u;
	memcpy((uint8_t *)msix->entries + offset, &value, sizeof(value));
}

/* Software uses aligned doublewords and quadwords (6.8.2); anything else reads as zeros and is lost. */
void vpci_msix_access(struct vpci_msix *msix, const struct vpci_endpoint *endpoint, uint8_t offset,
                      struct bus_access *access)
{
	bool good = access->size >= 4 && !(access->offset & (access->size - 1u));

	if (!access->write)
		access->value = 0;
	for (unsigned at = 0; good && at < access->size; at += 4) {
		if (access->write)
			write_dword(msix, access->offset + at, (uint32_t)(access->value >> at * 8));
		else
			access->value |= (uint64_t)read_dword(msix, access->offset + at) << at * 8;
	}
	if (access->write)
		vpci_msix_changed(msix, endpoint, offset);
}

void vpci_msix_save(const struct vpci_msix *msix, struct stream *out)
{
	stream_put(out, msix->entries, sizeof(msix->entries));
	stream_put_u64(out, atomic_load(&msix->pending));
}

void vpci_msix_restore(struct vpci_msix *msix, struct stream *in)
{
	uint32_t words[sizeof(msix->entries) / 4], pending;

	stream_get(in, words, sizeof(words));
	pending = (uint32_t)stream_get_u64(in) & ((1u << VPCI_MSIX_VECTORS) - 1);
	vpci_msix_reset(msix);
	if (in->failed)
		return;
	for (unsigned i = 0; i < sizeof(words) / 4; i++)
		write_dword(msix, i * 4, words[i]);
	/* As if all had come while masked: vpci_msix_changed() sends or drops them. */
	for (unsigned i = 0; i < VPCI_MSIX_VECTORS; i++)
		atomic_store(&msix->routes[i], ROUTE_MASKED);
	atomic_store(&msix->pending, pending);
}
