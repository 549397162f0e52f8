/* SPDX-License-Identifier: MIT */
/* Files on the volume that the image was loaded from (13.4, 13.5). */
#include "boot/efi.h"

#include <stdio.h>
#include <string.h>

#define READ_CHUNK (4UL << 20)
#define PROGRESS_SIZE (16UL << 20) /* smaller files are there before anyone wonders */
#define CHARACTERS(array) (sizeof(array) / sizeof((array)[0]))

static EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
static EFI_GUID file_info_guid = EFI_FILE_INFO_ID;

static EFI_LOADED_IMAGE *loaded_image(void)
{
	EFI_LOADED_IMAGE *image;

	if (EFI_ERROR(efi_system->BootServices->HandleProtocol(efi_image, &loaded_image_guid, (void **)&image)))
		return NULL;
	return image;
}

/* The path of the image's file from its device path (10.3.5.4), cut after the last separator. */
static void folder_of(const EFI_LOADED_IMAGE *image, CHAR16 *path, unsigned capacity)
{
	unsigned length = 0, cut = 0;

	path[length++] = '\\';
	for (EFI_DEVICE_PATH *node = image->FilePath; node && !IsDevicePathEnd(node); node = NextDevicePathNode(node)) {
		const CHAR16 *name = ((FILEPATH_DEVICE_PATH *)node)->PathName;
		unsigned size = DevicePathNodeLength(node);

		if (size < sizeof(*node))
			break;
		if (DevicePathType(node) != MEDIA_DEVICE_PATH || DevicePathSubType(node) != MEDIA_FILEPATH_DP)
			continue;
		for (unsigned i = 0; i < (size - sizeof(*node)) / sizeof(*name) && name[i]; i++) {
			if (length + 1 == capacity)
				break;
			if (name[i] != '\\' || path[length - 1] != '\\')
				path[length++] = name[i];
		}
	}
	for (unsigned i = 0; i < length; i++)
		if (path[i] == '\\')
			cut = i;
	path[cut + 1] = 0;
}

bool efi_folder_open(struct efi_folder *folder)
{
	EFI_BOOT_SERVICES *services = efi_system->BootServices;
	EFI_LOADED_IMAGE *image = loaded_image();
	EFI_FILE_IO_INTERFACE *volume;

	if (!image || !image->DeviceHandle)
		return false;
	if (EFI_ERROR(services->HandleProtocol(image->DeviceHandle, &file_system_guid, (void **)&volume)))
		return false;
	folder_of(image, folder->path, CHARACTERS(folder->path));
	return !EFI_ERROR(volume->OpenVolume(volume, &folder->root));
}

/* Load options are whatever the boot entry or the shell put there: not terminated, maybe not text. */
void efi_config_name(char *name, size_t size)
{
	static const char key[] = "-cfg=";
	EFI_LOADED_IMAGE *image = loaded_image();
	const CHAR16 *options = image ? image->LoadOptions : NULL;
	size_t count = options ? image->LoadOptionsSize / sizeof(*options) : 0;
	size_t length = 0;

	for (size_t i = 0; i + sizeof(key) - 1 < count && length == 0; i++) {
		size_t match = 0;

		if (i > 0 && options[i - 1] != ' ')
			continue;
		while (match < sizeof(key) - 1 && options[i + match] == (CHAR16)key[match])
			match++;
		if (match < sizeof(key) - 1)
			continue;
		for (size_t j = i + match; j < count && options[j] > ' ' && length + 1 < size; j++)
			name[length++] = options[j] < 0x80 ? (char)options[j] : '?';
	}
	name[length] = '\0';
	if (length == 0)
		snprintf(name, size, "bulkhead.conf");
}

/* UTF-8 (RFC 3629) to UCS-2. 0 at the end, 0xffff for what is malformed or beyond UCS-2: no such file. */
static CHAR16 next_character(const char **text)
{
	const uint8_t *at = (const uint8_t *)*text;
	unsigned more = at[0] < 0x80 ? 0 : at[0] >> 5 == 6 ? 1 : at[0] >> 4 == 14 ? 2 : 9;
	unsigned value = more == 0 ? at[0] : more == 1 ? at[0] & 0x1f : at[0] & 0x0f;

	if (more == 9)
		return 0xffff;
	for (unsigned i = 1; i <= more; i++) {
		if (at[i] >> 6 != 2)
			return 0xffff;
		value = value << 6 | (at[i] & 0x3f);
	}
	*text += more + 1;
	return value;
}

/* The name with the firmware's separators, under the folder unless it starts with one. */
static bool full_path(const struct efi_folder *folder, const char *name, CHAR16 *path, unsigned capacity)
{
	unsigned length = 0;
	CHAR16 character;

	if (name[0] != '/' && name[0] != '\\')
		for (; folder->path[length] && length < capacity; length++)
			path[length] = folder->path[length];
	do {
		character = next_character(&name);
		if (character == 0xffff || length == capacity)
			return false;
		path[length++] = character == '/' ? '\\' : character;
	} while (character);
	return true;
}

void efi_folder_enter(struct efi_folder *folder, const char *name)
{
	CHAR16 path[CHARACTERS(folder->path)];
	unsigned cut = 0;

	if (!full_path(folder, name, path, CHARACTERS(path)))
		return;
	for (unsigned i = 0; path[i]; i++)
		if (path[i] == '\\')
			cut = i;
	path[cut + 1] = 0;
	memcpy(folder->path, path, sizeof(path));
}

/* Size of a file; false for a folder and when the firmware cannot say. */
static bool file_size(EFI_FILE_HANDLE handle, uint64_t *size)
{
	union {
		EFI_FILE_INFO info;
		uint8_t bytes[SIZE_OF_EFI_FILE_INFO + 512 * sizeof(CHAR16)];
	} buffer;
	UINTN length = sizeof(buffer);

	if (EFI_ERROR(handle->GetInfo(handle, &file_info_guid, &length, &buffer)))
		return false;
	*size = buffer.info.FileSize;
	return !(buffer.info.Attribute & EFI_FILE_DIRECTORY);
}

static bool read_all(EFI_FILE_HANDLE handle, const char *name, uint8_t *to, uint64_t size)
{
	bool progress = size >= PROGRESS_SIZE;
	uint64_t done = 0;

	while (done < size) {
		UINTN chunk = size - done < READ_CHUNK ? size - done : READ_CHUNK;

		if (EFI_ERROR(handle->Read(handle, &chunk, to + done)) || chunk == 0)
			break;
		done += chunk;
		if (progress)
			efi_print("\r      %s: %lu of %lu MiB", name, done >> 20, size >> 20);
	}
	if (progress)
		efi_print("\n");
	return done == size;
}

static enum bootfile_status read_open(EFI_FILE_HANDLE handle, struct bootfile *file, uint64_t most)
{
	uint64_t size, space;
	uint8_t *data;

	if (!file_size(handle, &size))
		return BOOTFILE_READ_ERROR;
	if (size > most)
		return BOOTFILE_NO_MEMORY;
	space = (size + 1 + HANDOFF_PAGE - 1) & ~(HANDOFF_PAGE - 1);
	/* Below 4 GiB where that is possible: there boot code of every width reaches it. */
	data = efi_pages(space, 1ULL << 32);
	if (!data)
		data = efi_pages(space, UINT64_MAX);
	if (!data)
		return BOOTFILE_NO_MEMORY;
	if (!read_all(handle, file->name, data, size)) {
		efi_system->BootServices->FreePages((uintptr_t)data, space / HANDOFF_PAGE);
		return BOOTFILE_READ_ERROR;
	}
	memset(data + size, 0, space - size);
	file->base = (uintptr_t)data;
	file->size = size;
	return BOOTFILE_OK;
}

void efi_file_read(const struct efi_folder *folder, struct bootfile *file, uint64_t most)
{
	CHAR16 path[1024];
	EFI_FILE_HANDLE handle;
	EFI_STATUS status = EFI_NOT_FOUND;

	if (full_path(folder, file->name, path, CHARACTERS(path)))
		status = folder->root->Open(folder->root, &handle, path, EFI_FILE_MODE_READ, 0);
	if (EFI_ERROR(status)) {
		file->status = status == EFI_NOT_FOUND ? BOOTFILE_NOT_FOUND : BOOTFILE_READ_ERROR;
		return;
	}
	file->status = read_open(handle, file, most);
	handle->Close(handle);
}
