/* SPDX-License-Identifier: MIT */
/*
 * Virtual PCI bus 0: configuration mechanism 1 (0xcf8, 0xcfc), ECAM, and a host bridge at 00:00.0. Pure. Functions are
 * added before the guest starts; what is absent answers all ones.
 */
#ifndef DRIVERS_VPCI_H
#define DRIVERS_VPCI_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VPCI_PORTS_BASE 0xcf8
#define VPCI_PORTS 8
#define VPCI_ECAM_BASE 0xe0000000ULL
#define VPCI_ECAM_SIZE 0x100000ULL /* one bus */
#define VPCI_FUNCTIONS 32

#define VPCI_DEVFN(device, function) ((device) << 3 | (function))

/* One function; embed it first in the device's struct. Offsets are 0..4095, aligned to `size` (1, 2 or 4). */
struct vpci_function {
	uint8_t devfn;
	uint32_t (*config_read)(struct vpci_function *function, unsigned offset, unsigned size);
	void (*config_write)(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value);
	void (*reset)(struct vpci_function *function); /* NULL: nothing to do; it saves itself as a device of its own */
	/* False: not to a BAR; NULL: it has none. */
	bool (*access)(struct vpci_function *function, struct bus_access *access);
};

/* The host bridge (vpci_bridge.c): plain bytes of which a few can be written. */
#define VPCI_CONFIG_BYTES 256
struct vpci_bridge {
	struct vpci_function function; /* first */
	uint8_t config[VPCI_CONFIG_BYTES];
};
uint32_t vpci_bridge_read(struct vpci_function *function, unsigned offset, unsigned size);
void vpci_bridge_write(struct vpci_function *function, unsigned offset, unsigned size, uint32_t value);
void vpci_bridge_reset(struct vpci_function *function);

struct vpci {
	struct device device; /* first */
	struct vpci_function *functions[VPCI_FUNCTIONS];
	unsigned count;
	uint32_t address;     /* CONFIG_ADDRESS */
	bus_handler *reset_handler;  /* byte port 0xcf9, which lies inside the range of CONFIG_ADDRESS */
	struct device *reset_device;
	struct vpci_bridge bridge;
};

/* `reset_handler` of `reset_device` gets byte accesses to 0xcf9; NULL: nothing there. */
void vpci_init(struct vpci *pci, struct device_host *host, bus_handler *reset_handler, struct device *reset_device);
/* E_BUSY when its devfn is taken, E_FULL. */
int vpci_add(struct vpci *pci, struct vpci_function *function);
/* To the BARs, where the guest has put them; of two that overlap the first function answers. False: to none. */
bool vpci_bar_access(struct vpci *pci, struct bus_access *access);
bus_handler vpci_io;   /* VPCI_PORTS from VPCI_PORTS_BASE, 0xcf9 included */
bus_handler vpci_ecam; /* MMIO: VPCI_ECAM_SIZE from VPCI_ECAM_BASE */

#endif
