/* SPDX-License-Identifier: MIT */
/*
 * MSI-X (PCI 3.0, 6.8.2): a table of messages with mask bits, and pending bits. Pure. The owner's accesses come under
 * its partition's device lock; vpci_msix_raise() is called from any core, without one.
 */
#ifndef DRIVERS_VPCI_MSIX_H
#define DRIVERS_VPCI_MSIX_H

#include <stdatomic.h>

#include "drivers/vpci_endpoint.h"

#define VPCI_MSIX_VECTORS 4
#define VPCI_MSIX_BAR_SIZE 0x1000
#define VPCI_MSIX_PBA 0x800 /* offset of the pending bits; the table is at 0 */

/* As the guest sees it. */
struct vpci_msix_entry {
	uint32_t address, address_high, data, control;
};

struct vpci_msix {
	struct device_host *host;
	struct vpci_msix_entry entries[VPCI_MSIX_VECTORS];
	_Atomic uint64_t routes[VPCI_MSIX_VECTORS]; /* what raising one leads to: vpci_msix.c */
	_Atomic uint32_t pending;
};

void vpci_msix_init(struct vpci_msix *msix, struct device_host *host);
/* Adds the capability, whose table and pending bits are in BAR `bar`. */
void vpci_msix_add(struct vpci_endpoint *endpoint, uint8_t offset, unsigned bar);
void vpci_msix_reset(struct vpci_msix *msix);
/* Accesses to the BAR. */
void vpci_msix_access(struct vpci_msix *msix, const struct vpci_endpoint *endpoint, uint8_t offset,
                      struct bus_access *access);
/* The command register or the capability at `offset` changed. */
void vpci_msix_changed(struct vpci_msix *msix, const struct vpci_endpoint *endpoint, uint8_t offset);
/* From any core: the device wants to interrupt. A vector that there is not, or that is off, is nothing. */
void vpci_msix_raise(struct vpci_msix *msix, unsigned vector);
/* Nothing is sent until the guest changes something again. */
void vpci_msix_quiet(struct vpci_msix *msix);

void vpci_msix_save(const struct vpci_msix *msix, struct stream *out);
/* vpci_msix_changed() has to follow. */
void vpci_msix_restore(struct vpci_msix *msix, struct stream *in);
#define VPCI_MSIX_SAVED (sizeof(struct vpci_msix_entry) * VPCI_MSIX_VECTORS + 8)

#endif
