/* SPDX-License-Identifier: MIT */
/* Configuration tables (4.6), graphics output (12.9) and processors (PI specification, volume 2, 13.4). */
#include "boot/efi.h"

#include <string.h>

#define MP_SERVICES_GUID { 0x3fdda605, 0xa76e, 0x4f46, { 0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08 } }
#define PROCESSOR_AS_BSP (1u << 0)
#define PROCESSOR_ENABLED (1u << 1)

struct processor_information {
	UINT64 processor_id; /* local APIC ID */
	UINT32 status_flag;
	UINT32 location[3];
	UINT32 extended_location[6];
};

/* The first two of the protocol's functions; the others are not for us. */
struct mp_services {
	EFI_STATUS (EFIAPI *get_number_of_processors)(struct mp_services *this, UINTN *number, UINTN *enabled);
	EFI_STATUS (EFIAPI *get_processor_info)(struct mp_services *this, UINTN index,
						struct processor_information *information);
};

static EFI_GUID acpi_20_guid = ACPI_20_TABLE_GUID;
static EFI_GUID acpi_guid = ACPI_TABLE_GUID;
static EFI_GUID smbios3_guid = SMBIOS3_TABLE_GUID;
static EFI_GUID smbios_guid = SMBIOS_TABLE_GUID;
static EFI_GUID graphics_guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
static EFI_GUID mp_services_guid = MP_SERVICES_GUID;

static uint64_t configuration_table(const EFI_GUID *guid)
{
	for (UINTN i = 0; i < efi_system->NumberOfTableEntries; i++) {
		const EFI_CONFIGURATION_TABLE *table = &efi_system->ConfigurationTable[i];

		if (memcmp(&table->VendorGuid, guid, sizeof(*guid)) == 0)
			return (uintptr_t)table->VendorTable;
	}
	return 0;
}

uint64_t efi_rsdp(void)
{
	uint64_t table = configuration_table(&acpi_20_guid);

	return table ? table : configuration_table(&acpi_guid);
}

uint64_t efi_smbios(void)
{
	uint64_t table = configuration_table(&smbios3_guid);

	return table ? table : configuration_table(&smbios_guid);
}

/* The three masks of a 32-bit pixel as shifts; false unless each is 8 bits wide. */
static bool shifts_of(const EFI_PIXEL_BITMASK *mask, struct bootframebuffer *screen)
{
	const UINT32 masks[3] = { mask->RedMask, mask->GreenMask, mask->BlueMask };
	uint8_t shifts[3];

	for (unsigned i = 0; i < 3; i++) {
		if (masks[i] == 0)
			return false;
		shifts[i] = (uint8_t)__builtin_ctz(masks[i]);
		if (masks[i] >> shifts[i] != 0xff)
			return false;
	}
	screen->red_shift = shifts[0];
	screen->green_shift = shifts[1];
	screen->blue_shift = shifts[2];
	return true;
}

void efi_framebuffer(struct bootframebuffer *screen)
{
	static const EFI_PIXEL_BITMASK rgb = { 0xff, 0xff00, 0xff0000, 0 }, bgr = { 0xff0000, 0xff00, 0xff, 0 };
	EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
	const EFI_PIXEL_BITMASK *mask = NULL;

	if (EFI_ERROR(efi_system->BootServices->LocateProtocol(&graphics_guid, NULL, (void **)&graphics)) ||
	    !graphics->Mode || !graphics->Mode->Info)
		return;
	mode = graphics->Mode->Info;
	if (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor)
		mask = &rgb;
	else if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor)
		mask = &bgr;
	else if (mode->PixelFormat == PixelBitMask)
		mask = &mode->PixelInformation;
	if (!mask || !shifts_of(mask, screen) || graphics->Mode->FrameBufferBase == 0)
		return;
	screen->base = graphics->Mode->FrameBufferBase;
	screen->width = mode->HorizontalResolution;
	screen->height = mode->VerticalResolution;
	screen->bytes_per_pixel = 4;
	screen->pitch = mode->PixelsPerScanLine * 4;
	screen->size = (uint64_t)screen->pitch * screen->height;
}

void efi_processors(struct bootinfo *info)
{
	struct mp_services *services;
	UINTN number, enabled;

	if (EFI_ERROR(efi_system->BootServices->LocateProtocol(&mp_services_guid, NULL, (void **)&services)) ||
	    EFI_ERROR(services->get_number_of_processors(services, &number, &enabled)))
		return;
	for (UINTN i = 0; i < number && info->cpu_count < BOOTINFO_CPUS; i++) {
		struct processor_information processor;

		if (EFI_ERROR(services->get_processor_info(services, i, &processor)) ||
		    !(processor.status_flag & PROCESSOR_ENABLED))
			continue;
		info->cpus[info->cpu_count] = (uint32_t)processor.processor_id;
		if (processor.status_flag & PROCESSOR_AS_BSP) {
			info->cpus[info->cpu_count] = info->cpus[0];
			info->cpus[0] = (uint32_t)processor.processor_id;
		}
		info->cpu_count++;
	}
}
