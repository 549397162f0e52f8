/* SPDX-License-Identifier: MIT */
/* Devices of byte-wide registers: a wider access is one per byte, lowest address first, as the ISA bus does it. */
#ifndef DRIVERS_VBYTES_H
#define DRIVERS_VBYTES_H

#include "kernel/bus.h"

typedef uint8_t vbytes_read(struct device *device, uint16_t port);
typedef void vbytes_write(struct device *device, uint16_t port, uint8_t value);

static inline void vbytes_access(struct device *device, struct bus_access *access, uint64_t first, vbytes_read *read,
                                 vbytes_write *write)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < access->size && i < 8; i++) {
		if (access->write)
			write(device, (uint16_t)(first + i), (uint8_t)(access->value >> i * 8));
		else
			value |= (uint64_t)read(device, (uint16_t)(first + i)) << i * 8;
	}
	if (!access->write)
		access->value = value;
}

#endif
