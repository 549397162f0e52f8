/* SPDX-License-Identifier: MIT */
/* Ranges of a bus, sorted by base, found by bisection. */
#include "kernel/bus.h"

#include <stddef.h>

#include "kernel/errno.h"

/* The number of ranges whose base is not above `address`. */
static unsigned ranges_below(const struct bus *bus, uint64_t address)
{
	unsigned low = 0, high = bus->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (bus->ranges[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t size, bus_handler *handler, struct device *device)
{
	unsigned at = ranges_below(bus, base);

	if (size == 0 || size - 1 > UINT64_MAX - base)
		return E_INVALID;
	if (at > 0 && base - bus->ranges[at - 1].base < bus->ranges[at - 1].size)
		return E_BUSY;
	if (at < bus->count && bus->ranges[at].base - base < size)
		return E_BUSY;
	if (bus->count == BUS_RANGES)
		return E_FULL;
	for (unsigned i = bus->count; i > at; i--)
		bus->ranges[i] = bus->ranges[i - 1];
	bus->ranges[at] = (struct bus_range){ .base = base, .size = size, .handler = handler, .device = device };
	bus->count++;
	return E_OK;
}

const struct bus_range *bus_find(const struct bus *bus, uint64_t address, unsigned size)
{
	unsigned at = ranges_below(bus, address);

	return at > 0 && bus_range_holds(&bus->ranges[at - 1], address, size) ? &bus->ranges[at - 1] : NULL;
}

bool bus_dispatch(const struct bus *bus, struct bus_access *access)
{
	const struct bus_range *range = bus_find(bus, access->address, access->size);

	if (!range) {
		if (!access->write)
			access->value = UINT64_MAX;
		return false;
	}
	access->offset = access->address - range->base;
	range->handler(range->device, access);
	return true;
}
