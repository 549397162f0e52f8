/* SPDX-License-Identifier: MIT */
/*
 * struct bootinfo: the only thing that boot/ hands to kernel/. Both ways in (UEFI, Multiboot2) fill it the same way.
 *
 * State at the kernel's entry point (boot/ guarantees, kernel/ relies on it):
 *  - 64-bit mode, interrupts off, RDI = physical address of struct bootinfo, a stack of at least 16 KiB;
 *  - all RAM, the framebuffer, and everything this struct points to identity-mapped, writable;
 *  - the kernel's ELF segments copied to one physical range [kernel_base, kernel_base + kernel_size), 2 MiB aligned,
 *    BSS zeroed, mapped at KERNEL_BASE (arch/x86/layout.h) writable and executable: the kernel builds its own W^X tables;
 *  - all addresses here are physical, all sizes are in bytes.
 */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include <stdint.h>

#define BOOTINFO_MAGIC 0x646165686b6c7562ULL /* "bulkhead", little-endian */
#define BOOTINFO_VERSION 1

enum bootmem_type {
	BOOTMEM_FREE = 1, /* usable now */
	BOOTMEM_RESERVED, /* never touch */
	BOOTMEM_ACPI,     /* ACPI tables: readable, reclaimable */
	BOOTMEM_NVS,      /* ACPI non-volatile storage */
	BOOTMEM_RUNTIME,  /* UEFI runtime services */
	BOOTMEM_BOOT,     /* kernel image, loaded files, this struct, boot page tables and boot stack */
	BOOTMEM_MMIO,     /* device memory named by the firmware's map */
	BOOTMEM_BAD,      /* faulty RAM */
};

/* Sorted by base, not overlapping, 4 KiB granular. */
struct bootmem {
	uint64_t base;
	uint64_t size;
	uint32_t type; /* enum bootmem_type */
	uint32_t reserved;
};

enum bootfile_status {
	BOOTFILE_OK = 0,
	BOOTFILE_NOT_FOUND,
	BOOTFILE_READ_ERROR,
	BOOTFILE_NO_MEMORY,
};

/* A file named by the configuration; `name` is spelled as there. Data is 4 KiB aligned, zero-padded to a page. */
struct bootfile {
	char name[112];
	uint64_t base;
	uint64_t size;
	uint32_t status; /* enum bootfile_status; base and size are 0 unless OK */
	uint32_t reserved;
};

struct bootframebuffer {
	uint64_t base; /* 0: none */
	uint64_t size;
	uint32_t width, height; /* pixels */
	uint32_t pitch;         /* bytes from one line to the next */
	uint8_t bytes_per_pixel;
	uint8_t red_shift, green_shift, blue_shift; /* 8 bits each */
};

#define BOOTINFO_CPUS 64

struct bootinfo {
	uint64_t magic;
	uint32_t version;
	uint32_t size;             /* sizeof(struct bootinfo) */
	char loader[32];           /* "UEFI" or "Multiboot2: GRUB 2.06" */
	char config_name[112];     /* as messages should name it */
	struct bootfile config;    /* the configuration's text */
	uint64_t files;            /* struct bootfile[file_count] */
	uint64_t memory;           /* struct bootmem[memory_count] */
	uint32_t file_count;
	uint32_t memory_count;
	uint64_t kernel_base;
	uint64_t kernel_size;
	uint64_t rsdp;             /* 0: none found by the loader */
	uint64_t smbios;           /* entry point, 0: none */
	uint64_t entry_tsc;        /* TSC when the loader was entered */
	uint64_t file_tsc;         /* of these, TSC ticks spent reading files */
	struct bootframebuffer framebuffer;
	uint32_t cpu_count;        /* from UEFI MP services; 0: unknown */
	uint32_t cpus[BOOTINFO_CPUS]; /* local APIC IDs, boot processor first */
};

#endif
