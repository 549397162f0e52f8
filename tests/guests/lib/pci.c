/* SPDX-License-Identifier: MIT */
/* No bridges, no functions but 0 of devices that say so: bus 0 is small enough to look at all of it. */
#include "pci.h"

#include "guest.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define COMMAND        0x04
#define BAR(n)         (0x10 + 4 * (n))
#define BAR_64         0x4u
#define CAPABILITIES   0x34
#define MEMORY_MASTER  0x6u
#define CAPABILITY_MSIX 0x11u
#define MSIX_ENABLE    (1u << 31) /* of the capability's first doubleword */
#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110

uint32_t pci_read(unsigned devfn, unsigned reg)
{
	out32(CONFIG_ADDRESS, 1u << 31 | devfn << 8 | (reg & 0xfc));
	return in32(CONFIG_DATA);
}

void pci_write(unsigned devfn, unsigned reg, uint32_t value)
{
	out32(CONFIG_ADDRESS, 1u << 31 | devfn << 8 | (reg & 0xfc));
	out32(CONFIG_DATA, value);
}

int pci_find(uint16_t vendor, uint16_t device, unsigned n)
{
	for (unsigned devfn = 0; devfn < 256; devfn++)
		if (pci_read(devfn, 0) == ((uint32_t)device << 16 | vendor) && n-- == 0)
			return (int)devfn;
	return -1;
}

uint64_t pci_bar(unsigned devfn, unsigned bar)
{
	uint64_t low = pci_read(devfn, BAR(bar)), high = low & BAR_64 ? pci_read(devfn, BAR(bar + 1)) : 0;

	return high << 32 | (low & ~15ULL);
}

uint64_t pci_bar_size(unsigned devfn, unsigned bar)
{
	uint64_t address = pci_bar(devfn, bar), size;
	uint32_t command = pci_read(devfn, COMMAND);
	bool wide = pci_read(devfn, BAR(bar)) & BAR_64;

	pci_write(devfn, COMMAND, command & 0xffff & ~MEMORY_MASTER);
	pci_write(devfn, BAR(bar), UINT32_MAX);
	if (wide)
		pci_write(devfn, BAR(bar + 1), UINT32_MAX);
	size = -pci_bar(devfn, bar);
	pci_write(devfn, BAR(bar), (uint32_t)address);
	if (wide)
		pci_write(devfn, BAR(bar + 1), (uint32_t)(address >> 32));
	pci_write(devfn, COMMAND, command & 0xffff);
	return wide ? size : (uint32_t)size;
}

bool ivshmem_open(struct ivshmem *ivshmem, unsigned n)
{
	int devfn = pci_find(IVSHMEM_VENDOR, IVSHMEM_DEVICE, n);

	if (devfn < 0)
		return false;
	ivshmem->devfn = (unsigned)devfn;
	ivshmem->registers = (volatile uint32_t *)pci_bar(ivshmem->devfn, 0);
	ivshmem->msix = (volatile uint32_t *)pci_bar(ivshmem->devfn, 1);
	ivshmem->memory = (uint8_t *)pci_bar(ivshmem->devfn, 2);
	ivshmem->size = pci_bar_size(ivshmem->devfn, 2);
	ivshmem->position = ivshmem->registers[IVSHMEM_POSITION];
	return true;
}

void ivshmem_arm(const struct ivshmem *ivshmem, unsigned vector, uint8_t interrupt, unsigned apic)
{
	volatile uint32_t *entry = ivshmem->msix + vector * 4;
	unsigned at = pci_read(ivshmem->devfn, CAPABILITIES) & 0xff;

	while (at && (pci_read(ivshmem->devfn, at) & 0xff) != CAPABILITY_MSIX)
		at = pci_read(ivshmem->devfn, at) >> 8 & 0xff;
	entry[0] = 0xfee00000u | apic << 12;
	entry[1] = 0;
	entry[2] = interrupt;
	entry[3] = 0;
	pci_write(ivshmem->devfn, COMMAND, MEMORY_MASTER);
	pci_write(ivshmem->devfn, at, pci_read(ivshmem->devfn, at) | MSIX_ENABLE);
}
