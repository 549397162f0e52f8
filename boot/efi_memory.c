/* SPDX-License-Identifier: MIT */
/* Memory services (7.2), and the way out of boot services (7.4.6). */
#include "boot/efi.h"

#define MAP_SLACK 32 /* entries that our own allocations may add between two calls */
#define EXIT_ATTEMPTS 8

/* Attributes and types that gnu-efi does not name (7.2.3). */
#define MEMORY_SPECIFIC_PURPOSE 0x40000ULL

void *efi_pages(uint64_t size, uint64_t limit)
{
	EFI_PHYSICAL_ADDRESS address = limit - 1;
	UINTN pages = size / HANDOFF_PAGE + (size % HANDOFF_PAGE != 0);

	if (EFI_ERROR(efi_system->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages, &address)))
		return NULL;
	return (void *)address;
}

void *efi_pages_aligned(uint64_t size, uint64_t align, uint64_t limit)
{
	EFI_BOOT_SERVICES *services = efi_system->BootServices;
	uint64_t whole = (size + HANDOFF_PAGE - 1) & ~(HANDOFF_PAGE - 1);
	uint64_t base = (uint64_t)efi_pages(whole + align, limit);
	uint64_t start = (base + align - 1) & ~(align - 1);

	if (!base)
		return NULL;
	if (start > base)
		services->FreePages(base, (start - base) / HANDOFF_PAGE);
	services->FreePages(start + whole, (base + align - start) / HANDOFF_PAGE);
	return (void *)start;
}

EFI_STATUS efi_map_get(struct efi_map *map)
{
	UINT32 version;
	EFI_STATUS status;

	map->size = map->capacity;
	status = efi_system->BootServices->GetMemoryMap(&map->size, (EFI_MEMORY_DESCRIPTOR *)map->buffer, &map->key,
							&map->descriptor_size, &version);
	if (status == EFI_BUFFER_TOO_SMALL && !map->buffer)
		map->capacity = map->size + MAP_SLACK * map->descriptor_size;
	return status;
}

static enum bootmem_type type_of(const EFI_MEMORY_DESCRIPTOR *descriptor)
{
	switch (descriptor->Type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		if (!(descriptor->Attribute & EFI_MEMORY_WB) || descriptor->Attribute & MEMORY_SPECIFIC_PURPOSE)
			return BOOTMEM_RESERVED;
		return BOOTMEM_FREE;
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
		return BOOTMEM_RUNTIME;
	case EfiACPIReclaimMemory:
		return BOOTMEM_ACPI;
	case EfiACPIMemoryNVS:
		return BOOTMEM_NVS;
	case EfiUnusableMemory:
		return BOOTMEM_BAD;
	case EfiMemoryMappedIO:
	case EfiMemoryMappedIOPortSpace:
		return BOOTMEM_MMIO;
	default:
		return BOOTMEM_RESERVED;
	}
}

static const EFI_MEMORY_DESCRIPTOR *descriptor_at(const struct efi_map *map, UINTN offset)
{
	return (const EFI_MEMORY_DESCRIPTOR *)(map->buffer + offset);
}

void efi_map_add(const struct efi_map *map, struct bootmem_list *list)
{
	for (UINTN at = 0; at + map->descriptor_size <= map->size; at += map->descriptor_size) {
		const EFI_MEMORY_DESCRIPTOR *descriptor = descriptor_at(map, at);

		if (descriptor->NumberOfPages <= UINT64_MAX / HANDOFF_PAGE)
			bootmem_add(list, descriptor->PhysicalStart, descriptor->NumberOfPages * HANDOFF_PAGE,
				    type_of(descriptor));
	}
}

uint64_t efi_map_top(const struct efi_map *map)
{
	uint64_t top = 0;

	for (UINTN at = 0; at + map->descriptor_size <= map->size; at += map->descriptor_size) {
		const EFI_MEMORY_DESCRIPTOR *descriptor = descriptor_at(map, at);
		uint64_t end = descriptor->PhysicalStart + descriptor->NumberOfPages * HANDOFF_PAGE;
		enum bootmem_type type = type_of(descriptor);

		if (type != BOOTMEM_MMIO && type != BOOTMEM_RESERVED && type != BOOTMEM_BAD && end > top)
			top = end;
	}
	return top;
}

/*
 * The map may change until the very call (a timer in the firmware allocates), and then its key is stale: take it again.
 * After the first attempt nothing but GetMemoryMap and ExitBootServices may be called (7.4.6).
 */
EFI_STATUS efi_exit_boot_services(struct efi_map *map)
{
	EFI_STATUS status = EFI_INVALID_PARAMETER;

	for (unsigned i = 0; i < EXIT_ATTEMPTS && status == EFI_INVALID_PARAMETER; i++) {
		status = efi_map_get(map);
		if (EFI_ERROR(status))
			return status;
		status = efi_system->BootServices->ExitBootServices(efi_image, map->key);
	}
	return status;
}
