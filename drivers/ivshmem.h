/* SPDX-License-Identifier: MIT */
/*
 * One end of a shared-memory channel: the PCI device that QEMU's docs/specs/ivshmem-spec calls ivshmem-doorbell,
 * revision 1, with MSI-X. Pure. BAR0 has the registers, BAR1 the MSI-X table, BAR2 the memory, which is mapped into the
 * guest by the kernel where `moved` finds it; only accesses that the kernel emulates come here.
 */
#ifndef DRIVERS_IVSHMEM_H
#define DRIVERS_IVSHMEM_H

#include "drivers/vpci_endpoint.h"
#include "drivers/vpci_msix.h"

#define IVSHMEM_PEERS 16
#define IVSHMEM_REGISTERS 0x100 /* bytes of BAR0 */
#define IVSHMEM_BAR_REGISTERS 0
#define IVSHMEM_BAR_MSIX 1
#define IVSHMEM_BAR_MEMORY 2

struct ivshmem;

/* All that the ends have in common. Complete before any of their partitions starts. */
struct ivshmem_channel {
	uint64_t size;                        /* power of two, 4 KiB at least */
	struct ivshmem *peers[IVSHMEM_PEERS]; /* by IVPosition; NULL: not there */
};

struct ivshmem_config {
	const struct ivshmem_channel *channel;
	uint16_t position;
	uint8_t devfn;
	uint64_t registers, msix, memory; /* initial addresses of the BARs */
	uint8_t *window;                  /* the memory, as this partition's core reaches it */
	void (*moved)(struct ivshmem *ivshmem, void *context);
	void *context;
};

struct ivshmem {
	struct device device; /* first */
	struct vpci_endpoint endpoint;
	struct vpci_msix msix;
	struct ivshmem_config config;
};

void ivshmem_init(struct ivshmem *ivshmem, struct device_host *host, const struct ivshmem_config *config);
/* Where the guest wants the memory; false: nowhere. */
bool ivshmem_memory(const struct ivshmem *ivshmem, uint64_t *address);
/* The partition ends: from now on no peer interrupts it. */
void ivshmem_quiet(struct ivshmem *ivshmem);

#endif
