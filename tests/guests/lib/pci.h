/* SPDX-License-Identifier: MIT */
/* PCI configuration space of bus 0 by mechanism 1, and shared-memory devices (1af4:1110). */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stdint.h>

uint32_t pci_read(unsigned devfn, unsigned reg); /* doublewords */
void pci_write(unsigned devfn, unsigned reg, uint32_t value);
/* The n-th function with these identifiers, in order; -1: there are fewer. */
int pci_find(uint16_t vendor, uint16_t device, unsigned n);
/* The size of a BAR; the address stays as it was. 64-bit ones count with both halves. 0: none. */
uint64_t pci_bar_size(unsigned devfn, unsigned bar);
uint64_t pci_bar(unsigned devfn, unsigned bar);

struct ivshmem {
	unsigned devfn;
	volatile uint32_t *registers, *msix;
	uint8_t *memory;
	uint64_t size;
	unsigned position;
};

#define IVSHMEM_POSITION 2 /* indices of `registers` */
#define IVSHMEM_DOORBELL 3

/* The n-th one, where the virtual machine has put it. */
bool ivshmem_open(struct ivshmem *ivshmem, unsigned n);
/* MSI-X on: `vector` of the device becomes interrupt `interrupt` of the local APIC `apic`. */
void ivshmem_arm(const struct ivshmem *ivshmem, unsigned vector, uint8_t interrupt, unsigned apic);
static inline void ivshmem_ring(const struct ivshmem *ivshmem, unsigned peer, unsigned vector)
{
	ivshmem->registers[IVSHMEM_DOORBELL] = peer << 16 | vector;
}

#endif
