/* SPDX-License-Identifier: MIT */
/*
 * Where a partition's RAM is in its physical address space, and what the guest is told about it. Pure.
 *
 *   0         .. 0x9fc00      RAM
 *   0x9fc00   .. 0xa0000      EBDA, reserved
 *   0xa0000   .. 0xe0000      the hole of a PC: nothing is announced there
 *   0xe0000   .. 0x100000     reserved: ACPI tables, where a PC has its BIOS
 *   0x100000  .. 0xc0000000   RAM, up to the configured size
 *   0xc0000000 .. 4 GiB       device registers
 *   4 GiB     ..              the rest of the RAM
 *
 * Everything below 3 GiB is backed by RAM without a gap, the hole below 1 MiB included: stage-2 pages of 2 MiB and
 * 1 GiB need that. What the guest reads there is zeros or what it wrote.
 */
#ifndef KERNEL_GUEST_LAYOUT_H
#define KERNEL_GUEST_LAYOUT_H

#include <stdint.h>

#include "kernel/guest_memory.h"

#define LAYOUT_EBDA     0x9fc00ULL
#define LAYOUT_HOLE     0xa0000ULL
#define LAYOUT_ROM      0xe0000ULL  /* ACPI tables go here: RSDP and the rest */
#define LAYOUT_ROM_SIZE 0x20000ULL
#define LAYOUT_HIGH     0x100000ULL
#define LAYOUT_LOW_END  0xc0000000ULL  /* RAM below 4 GiB ends here at the latest */
#define LAYOUT_ABOVE_4G 0x100000000ULL

/* In the hole below 4 GiB, as dsdt.asl describes it: memory of channels by the size of its pages, and their registers. */
#define LAYOUT_SHARED_LARGE     0xc0000000ULL
#define LAYOUT_SHARED_LARGE_END 0xe0000000ULL
#define LAYOUT_SHARED_SMALL     0xf0000000ULL
#define LAYOUT_SHARED_SMALL_END 0xfec00000ULL
#define LAYOUT_SHARED_REGISTERS 0xfe000000ULL

enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

struct e820_entry {
	uint64_t base, size;
	uint32_t type; /* enum e820_type */
};

#define E820_ENTRIES 5

/* Fills gpa and size of one or two ranges for `size` bytes of RAM (multiple of 4 KiB), hpa is 0; returns their number. */
unsigned guest_layout_ranges(uint64_t size, struct guest_range *ranges);
/* The map that the guest gets, sorted; returns the number of entries. */
unsigned guest_e820(const struct guest_memory *memory, struct e820_entry map[E820_ENTRIES]);
/* End of the RAM that starts at 0. */
uint64_t guest_low_end(const struct guest_memory *memory);

#endif
