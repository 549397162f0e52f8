/* SPDX-License-Identifier: MIT */
/*
 * A PCI function with a type 0 header (PCI 3.0, 6.1): base address registers that the guest sizes and moves, a command
 * register that turns them on. Pure. Embed it first in the device's struct.
 */
#ifndef DRIVERS_VPCI_ENDPOINT_H
#define DRIVERS_VPCI_ENDPOINT_H

#include "drivers/vpci.h"

#define VPCI_BARS 6

#define PCI_VENDOR        0x00
#define PCI_DEVICE        0x02
#define PCI_COMMAND       0x04
#define PCI_STATUS        0x06
#define PCI_REVISION      0x08
#define PCI_CLASS         0x0a /* subclass, then class */
#define PCI_CACHE_LINE    0x0c
#define PCI_BAR(n)        (0x10 + 4 * (n))
#define PCI_SUBSYSTEM_VENDOR 0x2c
#define PCI_SUBSYSTEM     0x2e
#define PCI_CAPABILITIES  0x34
#define PCI_LINE          0x3c

#define PCI_COMMAND_MEMORY (1u << 1)
#define PCI_COMMAND_MASTER (1u << 2)
#define PCI_COMMAND_SERR   (1u << 8)
#define PCI_COMMAND_INTX_OFF (1u << 10)
#define PCI_STATUS_CAPABILITIES (1u << 4)

#define PCI_BAR_64       0x4
#define PCI_BAR_PREFETCH 0x8

struct vpci_endpoint;

/* Memory space only. A 64-bit one takes its own place and the next. */
struct vpci_bar {
	uint64_t size;    /* power of two, at least 16; 0: there is none */
	uint64_t initial; /* its address after reset */
	uint8_t flags;    /* PCI_BAR_64, PCI_BAR_PREFETCH */
	/* offset and size lie within the BAR; NULL: the accesses reach nothing. */
	void (*access)(struct vpci_endpoint *endpoint, struct bus_access *access);
};

struct vpci_endpoint {
	struct vpci_function function; /* first */
	uint8_t config[VPCI_CONFIG_BYTES];
	uint8_t initial[VPCI_CONFIG_BYTES]; /* after reset */
	uint8_t writable[VPCI_CONFIG_BYTES];
	struct vpci_bar bars[VPCI_BARS];
	/* The command register, a BAR or a capability may have another value than before. */
	void (*changed)(struct vpci_endpoint *endpoint);
};

/* Identity: `class` is class and subclass in one word. BARs and capabilities are added before a reset. */
void vpci_endpoint_init(struct vpci_endpoint *endpoint, uint8_t devfn, uint16_t vendor, uint16_t device, uint16_t class,
                        uint8_t revision);
void vpci_endpoint_add_bar(struct vpci_endpoint *endpoint, unsigned n, const struct vpci_bar *bar);
/* `body` is what follows the identifier and the pointer to the next; the guest can write the bits that `mask` has. */
void vpci_endpoint_add_capability(struct vpci_endpoint *endpoint, uint8_t offset, uint8_t id, const uint8_t *body,
                                  const uint8_t *mask, unsigned size);
void vpci_endpoint_reset(struct vpci_endpoint *endpoint);

uint32_t vpci_endpoint_read(struct vpci_function *function, unsigned offset, unsigned size);
void vpci_endpoint_write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value);

uint16_t vpci_endpoint_command(const struct vpci_endpoint *endpoint);
/* The BAR's address; false: there is none, or the command register keeps it off. */
bool vpci_endpoint_bar(const struct vpci_endpoint *endpoint, unsigned n, uint64_t *address);
/* An access of the guest's; false: no BAR of this function has all of it. */
bool vpci_endpoint_access(struct vpci_function *function, struct bus_access *access);

void vpci_endpoint_save(const struct vpci_endpoint *endpoint, struct stream *out);
/* Takes only what the guest could have written, and tells `changed`. */
void vpci_endpoint_restore(struct vpci_endpoint *endpoint, struct stream *in);

#endif
