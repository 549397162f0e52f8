/* SPDX-License-Identifier: MIT */
/*
 * A bus routes a guest's access (port or MMIO) to the device that claims the range. Pure. A partition has two: one for
 * the 64 Ki ports, one for guest-physical addresses. Filled before the guest starts, read-only afterwards.
 */
#ifndef KERNEL_BUS_H
#define KERNEL_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct device;
struct vcpu;

struct bus_access {
	uint64_t address; /* absolute; `offset` is relative to the range's base */
	uint64_t offset;
	uint64_t value;   /* written value, or where a read puts its result; only `size` low bytes count */
	uint8_t size;     /* 1, 2, 4 or 8 */
	bool write;
	struct vcpu *vcpu; /* who accesses; only for devices that are one per vCPU */
};

typedef void bus_handler(struct device *device, struct bus_access *access);

struct bus_range {
	uint64_t base, size;
	bus_handler *handler;
	struct device *device;
};

/* All of [address, address + size)? */
static inline bool bus_range_holds(const struct bus_range *range, uint64_t address, unsigned size)
{
	return size <= range->size && address - range->base <= range->size - size;
}

#define BUS_RANGES 32

struct bus {
	unsigned count;
	struct bus_range ranges[BUS_RANGES]; /* sorted by base */
};

/* E_FULL, E_BUSY when the range overlaps another, E_INVALID when it is empty or wraps. */
int bus_add(struct bus *bus, uint64_t base, uint64_t size, bus_handler *handler, struct device *device);

/* The range that holds all of [address, address + size), or NULL. */
const struct bus_range *bus_find(const struct bus *bus, uint64_t address, unsigned size);

/* False when nothing is there; a read then has all ones in value (what an empty bus answers). */
bool bus_dispatch(const struct bus *bus, struct bus_access *access);

#endif
