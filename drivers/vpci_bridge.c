/* SPDX-License-Identifier: MIT */
/* The host bridge at 00:00.0: as much of an i440FX (82441FX data sheet, chapter 3) as an operating system looks at. */
#include "drivers/vpci.h"

#include <string.h>

#define COMMAND 0x04
#define COMMAND_SERR (1 << 0) /* in the high byte */

static const uint8_t power_on[VPCI_CONFIG_BYTES] = {
	[0x00] = 0x86, 0x80, 0x37, 0x12, /* vendor Intel, device 82441FX */
	[COMMAND] = 0x06, 0x00,          /* memory space and bus master are always on */
	[0x06] = 0x80, 0x02,             /* fast back-to-back, medium DEVSEL */
	[0x08] = 0x02,                   /* revision */
	[0x0a] = 0x00, 0x06,             /* class: host bridge */
};

/* Everything else, the registers of its memory controller included, is read-only here. */
static const uint8_t writable[VPCI_CONFIG_BYTES] = {
	[COMMAND + 1] = COMMAND_SERR,
	[0x0d] = 0xf8,                   /* latency timer */
};

uint32_t vpci_bridge_read(struct vpci_function *function, unsigned offset, unsigned size)
{
	const struct vpci_bridge *bridge = (const struct vpci_bridge *)function;
	uint32_t value = 0;

	/* No extended configuration space: it reads as zeros (PCIe 5.0, 7.2.2). */
	for (unsigned i = 0; i < size && offset + i < VPCI_CONFIG_BYTES; i++)
		value |= (uint32_t)bridge->config[offset + i] << i * 8;
	return value;
}

void vpci_bridge_write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value)
{
	struct vpci_bridge *bridge = (struct vpci_bridge *)function;

	for (unsigned i = 0; i < size && offset + i < VPCI_CONFIG_BYTES; i++) {
		uint8_t mask = writable[offset + i];

		bridge->config[offset + i] = (bridge->config[offset + i] & ~mask) | (uint8_t)(value >> i * 8 & mask);
	}
}

void vpci_bridge_reset(struct vpci_function *function)
{
	struct vpci_bridge *bridge = (struct vpci_bridge *)function;

	memcpy(bridge->config, power_on, sizeof(bridge->config));
}
