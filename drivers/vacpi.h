/* SPDX-License-Identifier: MIT */
/* ACPI tables of the virtual PC: RSDP, RSDT, XSDT, FADT, FACS, MADT, MCFG, DSDT, SSDT with the processors. Pure. */
#ifndef DRIVERS_VACPI_H
#define DRIVERS_VACPI_H

#include <stddef.h>
#include <stdint.h>

#define VACPI_CPUS 64
#define VACPI_SIZE_MAX 0x4000 /* a buffer of this size always suffices */

struct vacpi_config {
	unsigned cpus;            /* 1..VACPI_CPUS */
	const uint32_t *apic_ids; /* of each; NULL: 0, 1, 2, ... */
};

/*
 * Builds all tables into `buffer`, which the guest will see at `gpa` (64-byte aligned, below 4 GiB; between 0xe0000 and
 * 0xfffff a guest finds the RSDP by searching). The RSDP is at *rsdp_gpa. Returns the bytes used, E_INVALID, E_FULL.
 */
int vacpi_build(const struct vacpi_config *config, uint8_t *buffer, size_t size, uint64_t gpa, uint64_t *rsdp_gpa);

#endif
