/* SPDX-License-Identifier: MIT */
/* What the parts of the UEFI loader share. Section numbers are the UEFI specification's, version 2.10. */
#ifndef BOOT_EFI_H
#define BOOT_EFI_H

#include <efi.h>

#include "boot/bootinfo.h"
#include "boot/handoff.h"

/* Provided by gnu-efi's start code through efi_main(). */
extern EFI_HANDLE efi_image;
extern EFI_SYSTEM_TABLE *efi_system;

static inline uint64_t efi_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* --- efi_console.c: the firmware's console --- */
void efi_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "[2/5] files: " and the text. */
void efi_stage(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the sentence, waits up to 10 s for a key, and gives the status to return to the firmware. */
EFI_STATUS efi_fail(EFI_STATUS status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- efi_memory.c --- */
/* Page-aligned memory of type EfiLoaderData below `limit`, not zeroed; NULL: none. */
void *efi_pages(uint64_t size, uint64_t limit);
/* The same, aligned to `align` (a power of two above a page). */
void *efi_pages_aligned(uint64_t size, uint64_t align, uint64_t limit);
/* The firmware's map. `buffer` NULL: only counts. */
struct efi_map {
	uint8_t *buffer;
	UINTN capacity, size, key, descriptor_size; /* bytes */
};
EFI_STATUS efi_map_get(struct efi_map *map);
void efi_map_add(const struct efi_map *map, struct bootmem_list *list);
/* Address after the last byte of RAM in the map. */
uint64_t efi_map_top(const struct efi_map *map);
/* Leaves boot services; afterwards nothing of the firmware may be called, `map` holds the final map. */
EFI_STATUS efi_exit_boot_services(struct efi_map *map);

/* --- efi_file.c: files beside the image --- */
struct efi_folder {
	EFI_FILE_HANDLE root;  /* of the volume that the image came from */
	CHAR16 path[512];      /* names are relative to it: at first the image's folder; ends with '\' */
};
/* False: the image did not come from a file system. */
bool efi_folder_open(struct efi_folder *folder);
/* From now on names are relative to the folder of the file `name`. */
void efi_folder_enter(struct efi_folder *folder, const char *name);
/* What -cfg= names in the load options, else "bulkhead.conf". `size` of name, truncated. */
void efi_config_name(char *name, size_t size);
/* Reads the file called file->name; sets base, size, status. `most`: largest size accepted; one byte stays writable. */
void efi_file_read(const struct efi_folder *folder, struct bootfile *file, uint64_t most);

/* --- efi_tables.c: what the firmware tells of the machine --- */
uint64_t efi_rsdp(void);
uint64_t efi_smbios(void);
void efi_framebuffer(struct bootframebuffer *screen);
/* Local APIC IDs by the MP services protocol, boot processor first; leaves cpu_count 0 when there is none. */
void efi_processors(struct bootinfo *info);

#endif
