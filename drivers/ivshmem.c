/* SPDX-License-Identifier: MIT */
/* A doorbell is a look at the peer's route and a message to its local APICs: no lock, and nothing of it can wait. */
#include "drivers/ivshmem.h"

#include <string.h>

#define VENDOR 0x1af4
#define DEVICE 0x1110
#define CLASS_RAM 0x0500
#define REVISION 1
#define CAPABILITY 0x40 /* offset of MSI-X */

/* IntrMask (0) and IntrStatus (4) are reserved in revision 1. */
#define IV_POSITION 8
#define DOORBELL 12

static struct ivshmem *of_endpoint(struct vpci_endpoint *endpoint)
{
	return (struct ivshmem *)((char *)endpoint - offsetof(struct ivshmem, endpoint));
}

static void ring(const struct ivshmem *ivshmem, uint32_t value)
{
	uint32_t peer = value >> 16;
	struct ivshmem *to = peer < IVSHMEM_PEERS ? ivshmem->config.channel->peers[peer] : NULL;

	if (to)
		vpci_msix_raise(&to->msix, value & 0xffff);
}

/* Doublewords; what is narrower, wider or unaligned reads as zeros and is lost. */
static void access_registers(struct vpci_endpoint *endpoint, struct bus_access *access)
{
	const struct ivshmem *ivshmem = of_endpoint(endpoint);

	if (!access->write)
		access->value = access->size == 4 && access->offset == IV_POSITION ? ivshmem->config.position : 0;
	else if (access->size == 4 && access->offset == DOORBELL)
		ring(ivshmem, (uint32_t)access->value);
}

static void access_msix(struct vpci_endpoint *endpoint, struct bus_access *access)
{
	vpci_msix_access(&of_endpoint(endpoint)->msix, endpoint, CAPABILITY, access);
}

/* Instructions that touch a register and this memory at once. */
static void access_memory(struct vpci_endpoint *endpoint, struct bus_access *access)
{
	uint8_t *at = of_endpoint(endpoint)->config.window + access->offset;

	if (access->write) {
		memcpy(at, &access->value, access->size);
	} else {
		access->value = 0;
		memcpy(&access->value, at, access->size);
	}
}

static void changed(struct vpci_endpoint *endpoint)
{
	struct ivshmem *ivshmem = of_endpoint(endpoint);

	vpci_msix_changed(&ivshmem->msix, endpoint, CAPABILITY);
	ivshmem->config.moved(ivshmem, ivshmem->config.context);
}

bool ivshmem_memory(const struct ivshmem *ivshmem, uint64_t *address)
{
	return vpci_endpoint_bar(&ivshmem->endpoint, IVSHMEM_BAR_MEMORY, address);
}

void ivshmem_quiet(struct ivshmem *ivshmem)
{
	vpci_msix_quiet(&ivshmem->msix);
}

static void reset(struct device *device)
{
	struct ivshmem *ivshmem = (struct ivshmem *)device;

	vpci_msix_reset(&ivshmem->msix);
	vpci_endpoint_reset(&ivshmem->endpoint);
}

static void save(const struct device *device, struct stream *out)
{
	const struct ivshmem *ivshmem = (const struct ivshmem *)device;
	size_t mark = stream_begin(out, "ivsh");

	vpci_endpoint_save(&ivshmem->endpoint, out);
	vpci_msix_save(&ivshmem->msix, out);
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct ivshmem *ivshmem = (struct ivshmem *)device;

	stream_expect(in, "ivsh", VPCI_CONFIG_BYTES + VPCI_MSIX_SAVED);
	vpci_msix_reset(&ivshmem->msix);
	vpci_endpoint_restore(&ivshmem->endpoint, in);
	vpci_msix_restore(&ivshmem->msix, in);
	vpci_msix_changed(&ivshmem->msix, &ivshmem->endpoint, CAPABILITY);
}

static const struct device_ops ops = {
	.name = "ivshmem",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void ivshmem_init(struct ivshmem *ivshmem, struct device_host *host, const struct ivshmem_config *config)
{
	struct vpci_endpoint *endpoint = &ivshmem->endpoint;

	*ivshmem = (struct ivshmem){ .device = { .ops = &ops, .host = host }, .config = *config };
	vpci_msix_init(&ivshmem->msix, host);
	vpci_endpoint_init(endpoint, config->devfn, VENDOR, DEVICE, CLASS_RAM, REVISION);
	vpci_endpoint_add_bar(endpoint, IVSHMEM_BAR_REGISTERS, &(struct vpci_bar){
		.size = IVSHMEM_REGISTERS, .initial = config->registers, .access = access_registers });
	vpci_endpoint_add_bar(endpoint, IVSHMEM_BAR_MSIX, &(struct vpci_bar){
		.size = VPCI_MSIX_BAR_SIZE, .initial = config->msix, .access = access_msix });
	vpci_endpoint_add_bar(endpoint, IVSHMEM_BAR_MEMORY, &(struct vpci_bar){
		.size = config->channel->size, .initial = config->memory, .flags = PCI_BAR_64 | PCI_BAR_PREFETCH,
		.access = access_memory });
	vpci_msix_add(endpoint, CAPABILITY, IVSHMEM_BAR_MSIX);
	endpoint->changed = changed;
	reset(&ivshmem->device);
}
