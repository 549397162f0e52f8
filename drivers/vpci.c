/* SPDX-License-Identifier: MIT */
/* PCI configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), ECAM (PCIe 5.0, 7.2.2) and the functions of bus 0. */
#include "drivers/vpci.h"
#include "kernel/errno.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define RESET_CONTROL 0xcf9

#define ADDRESS_ENABLE (1u << 31)
#define ADDRESS_BITS 0x80fffffc
#define ADDRESS_BUS(address) ((address) >> 16 & 0xff)
#define ADDRESS_DEVFN(address) ((address) >> 8 & 0xff)
#define ADDRESS_REGISTER(address) ((address) & 0xfc)

#define ECAM_DEVFN(offset) ((offset) >> 12 & 0xff)
#define ECAM_REGISTER(offset) ((offset) & 0xfff)

static struct vpci_function *find(const struct vpci *pci, unsigned devfn)
{
	for (unsigned i = 0; i < pci->count; i++)
		if (pci->functions[i]->devfn == devfn)
			return pci->functions[i];
	return NULL;
}

static uint64_t all_ones(unsigned size)
{
	return size < 8 ? (1ULL << size * 8) - 1 : UINT64_MAX;
}

/* One access to a function that may be absent. */
static void configure(struct vpci *pci, unsigned devfn, unsigned reg, struct bus_access *access)
{
	struct vpci_function *function = find(pci, devfn);

	/* Neither mechanism has accesses across a doubleword. */
	if (!function || (reg & 3) + access->size > 4) {
		if (!access->write)
			access->value = all_ones(access->size);
	} else if (access->write) {
		function->config_write(function, reg, access->size, (uint32_t)(access->value & all_ones(access->size)));
	} else {
		access->value = function->config_read(function, reg, access->size) & all_ones(access->size);
	}
}

/* Only doublewords reach CONFIG_ADDRESS; what is smaller passes through to the ISA bus, where 0xcf9 is. */
static void address_io(struct vpci *pci, struct bus_access *access)
{
	if (access->address == CONFIG_ADDRESS && access->size == 4) {
		if (access->write)
			pci->address = (uint32_t)access->value & ADDRESS_BITS;
		else
			access->value = pci->address;
	} else if (access->address == RESET_CONTROL && access->size == 1 && pci->reset_handler) {
		pci->reset_handler(pci->reset_device, access);
	} else if (!access->write) {
		access->value = all_ones(access->size);
	}
}

void vpci_io(struct device *device, struct bus_access *access)
{
	struct vpci *pci = (struct vpci *)device;

	if (access->address < CONFIG_DATA)
		address_io(pci, access);
	else if (pci->address & ADDRESS_ENABLE && ADDRESS_BUS(pci->address) == 0)
		configure(pci, ADDRESS_DEVFN(pci->address), ADDRESS_REGISTER(pci->address) | (access->address & 3),
		          access);
	else if (!access->write)
		access->value = all_ones(access->size);
}

void vpci_ecam(struct device *device, struct bus_access *access)
{
	configure((struct vpci *)device, ECAM_DEVFN(access->offset), ECAM_REGISTER(access->offset), access);
}

int vpci_add(struct vpci *pci, struct vpci_function *function)
{
	if (find(pci, function->devfn))
		return E_BUSY;
	if (pci->count == VPCI_FUNCTIONS)
		return E_FULL;
	pci->functions[pci->count++] = function;
	return E_OK;
}

bool vpci_bar_access(struct vpci *pci, struct bus_access *access)
{
	for (unsigned i = 0; i < pci->count; i++)
		if (pci->functions[i]->access && pci->functions[i]->access(pci->functions[i], access))
			return true;
	return false;
}

static void reset(struct device *device)
{
	struct vpci *pci = (struct vpci *)device;

	pci->address = 0;
	for (unsigned i = 0; i < pci->count; i++)
		if (pci->functions[i]->reset)
			pci->functions[i]->reset(pci->functions[i]);
}

static void save(const struct device *device, struct stream *out)
{
	const struct vpci *pci = (const struct vpci *)device;
	size_t mark = stream_begin(out, "vpci");

	stream_put_u64(out, pci->address);
	stream_put(out, pci->bridge.config, sizeof(pci->bridge.config));
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vpci *pci = (struct vpci *)device;
	uint8_t config[VPCI_CONFIG_BYTES];

	stream_expect(in, "vpci", sizeof(uint64_t) + sizeof(config));
	pci->address = (uint32_t)stream_get_u64(in) & ADDRESS_BITS;
	stream_get(in, config, sizeof(config));
	vpci_bridge_reset(&pci->bridge.function);
	if (in->failed)
		pci->address = 0;
	else
		for (unsigned i = 0; i < sizeof(config); i++)
			vpci_bridge_write(&pci->bridge.function, i, 1, config[i]);
}

static const struct device_ops ops = {
	.name = "pci",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vpci_init(struct vpci *pci, struct device_host *host, bus_handler *reset_handler, struct device *reset_device)
{
	*pci = (struct vpci){
		.device = { .ops = &ops, .host = host },
		.reset_handler = reset_handler,
		.reset_device = reset_device,
		.bridge.function = {
			.devfn = VPCI_DEVFN(0, 0),
			.config_read = vpci_bridge_read,
			.config_write = vpci_bridge_write,
			.reset = vpci_bridge_reset,
		},
	};
	vpci_add(pci, &pci->bridge.function);
	reset(&pci->device);
}
