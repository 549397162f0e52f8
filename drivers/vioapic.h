/* SPDX-License-Identifier: MIT */
/* Virtual I/O APIC (82093AA, version 0x20 with an EOI register), 24 pins. Pure. */
#ifndef DRIVERS_VIOAPIC_H
#define DRIVERS_VIOAPIC_H

#include "kernel/bus.h"
#include "kernel/device.h"

#define VIOAPIC_BASE 0xfec00000
#define VIOAPIC_PINS 24

struct vioapic {
	struct device device; /* first */
	uint32_t select;
	uint32_t id;
	uint64_t redirection[VIOAPIC_PINS];
	uint32_t lines;       /* level on each pin */
};

void vioapic_init(struct vioapic *ioapic, struct device_host *host);
bus_handler vioapic_mmio; /* 4 KiB at VIOAPIC_BASE */
void vioapic_set_line(struct vioapic *ioapic, unsigned pin, bool level);
/* EOI broadcast from a local APIC. */
void vioapic_eoi(struct vioapic *ioapic, uint8_t vector);

#endif
