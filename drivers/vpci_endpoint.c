/* SPDX-License-Identifier: MIT */
/* Type 0 headers: bytes of which masks say what can be written. Sizing a BAR by writing ones follows from its mask. */
#include "drivers/vpci_endpoint.h"

#include <string.h>

static void put(uint8_t *bytes, unsigned offset, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> i * 8);
}

static uint64_t get(const uint8_t *bytes, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)bytes[offset + i] << i * 8;
	return value;
}

void vpci_endpoint_init(struct vpci_endpoint *endpoint, uint8_t devfn, uint16_t vendor, uint16_t device, uint16_t class,
                        uint8_t revision)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->function = (struct vpci_function){
		.devfn = devfn,
		.config_read = vpci_endpoint_read,
		.config_write = vpci_endpoint_write,
		.access = vpci_endpoint_access,
	};
	put(endpoint->initial, PCI_VENDOR, 2, vendor);
	put(endpoint->initial, PCI_DEVICE, 2, device);
	put(endpoint->initial, PCI_REVISION, 1, revision);
	put(endpoint->initial, PCI_CLASS, 2, class);
	put(endpoint->initial, PCI_SUBSYSTEM_VENDOR, 2, vendor);
	put(endpoint->initial, PCI_SUBSYSTEM, 2, device);
	put(endpoint->writable, PCI_COMMAND, 2,
	    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF);
	put(endpoint->writable, PCI_CACHE_LINE, 2, 0xf8ff); /* and the latency timer; both mean nothing here */
	put(endpoint->writable, PCI_LINE, 1, 0xff);
}

void vpci_endpoint_add_bar(struct vpci_endpoint *endpoint, unsigned n, const struct vpci_bar *bar)
{
	unsigned bytes = bar->flags & PCI_BAR_64 ? 8 : 4;

	endpoint->bars[n] = *bar;
	put(endpoint->initial, PCI_BAR(n), bytes, bar->initial | bar->flags);
	put(endpoint->writable, PCI_BAR(n), bytes, ~(bar->size - 1));
	/* Whoever gives it an address has no firmware to turn it on. */
	endpoint->initial[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
}

void vpci_endpoint_add_capability(struct vpci_endpoint *endpoint, uint8_t offset, uint8_t id, const uint8_t *body,
                                  const uint8_t *mask, unsigned size)
{
	endpoint->initial[offset] = id;
	endpoint->initial[offset + 1] = endpoint->initial[PCI_CAPABILITIES];
	memcpy(endpoint->initial + offset + 2, body, size);
	memcpy(endpoint->writable + offset + 2, mask, size);
	endpoint->initial[PCI_CAPABILITIES] = offset;
	endpoint->initial[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
}

void vpci_endpoint_reset(struct vpci_endpoint *endpoint)
{
	memcpy(endpoint->config, endpoint->initial, sizeof(endpoint->config));
	endpoint->changed(endpoint);
}

uint32_t vpci_endpoint_read(struct vpci_function *function, unsigned offset, unsigned size)
{
	const struct vpci_endpoint *endpoint = (const struct vpci_endpoint *)function;

	/* No extended configuration space: it reads as zeros (PCIe 5.0, 7.2.2). */
	return offset + size <= VPCI_CONFIG_BYTES ? (uint32_t)get(endpoint->config, offset, size) : 0;
}

void vpci_endpoint_write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
	struct vpci_endpoint *endpoint = (struct vpci_endpoint *)function;

	if (offset + size > VPCI_CONFIG_BYTES)
		return;
	for (unsigned i = 0; i < size; i++) {
		uint8_t mask = endpoint->writable[offset + i];

		endpoint->config[offset + i] &= ~mask;
		endpoint->config[offset + i] |= (uint8_t)(value >> i * 8 & mask);
	}
	endpoint->changed(endpoint);
}

uint16_t vpci_endpoint_command(const struct vpci_endpoint *endpoint)
{
	return (uint16_t)get(endpoint->config, PCI_COMMAND, 2);
}

bool vpci_endpoint_bar(const struct vpci_endpoint *endpoint, unsigned n, uint64_t *address)
{
	const struct vpci_bar *bar = &endpoint->bars[n];

	if (!bar->size || !(vpci_endpoint_command(endpoint) & PCI_COMMAND_MEMORY))
		return false;
	*address = get(endpoint->config, PCI_BAR(n), bar->flags & PCI_BAR_64 ? 8 : 4) & ~(bar->size - 1);
	return true;
}

bool vpci_endpoint_access(struct vpci_function *function, struct bus_access *access)
{
	struct vpci_endpoint *endpoint = (struct vpci_endpoint *)function;

	for (unsigned n = 0; n < VPCI_BARS; n++) {
		uint64_t base;

		if (!vpci_endpoint_bar(endpoint, n, &base) || access->size > endpoint->bars[n].size ||
		    access->address - base > endpoint->bars[n].size - access->size)
			continue;
		access->offset = access->address - base;
		if (endpoint->bars[n].access)
			endpoint->bars[n].access(endpoint, access);
		else if (!access->write)
			access->value = UINT64_MAX;
		return true;
	}
	return false;
}

void vpci_endpoint_save(const struct vpci_endpoint *endpoint, struct stream *out)
{
	stream_put(out, endpoint->config, sizeof(endpoint->config));
}

void vpci_endpoint_restore(struct vpci_endpoint *endpoint, struct stream *in)
{
	uint8_t config[VPCI_CONFIG_BYTES];

	stream_get(in, config, sizeof(config));
	memcpy(endpoint->config, endpoint->initial, sizeof(endpoint->config));
	for (unsigned i = 0; i < sizeof(config) && !in->failed; i++) {
		endpoint->config[i] &= ~endpoint->writable[i];
		endpoint->config[i] |= config[i] & endpoint->writable[i];
	}
	endpoint->changed(endpoint);
}
