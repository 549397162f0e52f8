/* SPDX-License-Identifier: MIT */
/* Reads the Multiboot2 boot information (3.6). Pure. */
#include "boot/multiboot2.h"

#include <string.h>

const struct mb2_tag *mb2_next(const struct mb2_info *info, const struct mb2_tag *previous, uint32_t type,
			       size_t least)
{
	size_t at = 8; /* after total_size and reserved */

	if (previous)
		at = (const uint8_t *)previous - info->data + ((previous->size + 7UL) & ~7UL);
	while (at <= info->size && info->size - at >= sizeof(struct mb2_tag)) {
		const struct mb2_tag *tag = (const struct mb2_tag *)(info->data + at);

		if (tag->type == MB2_END || tag->size < sizeof(*tag) || tag->size > info->size - at)
			return NULL;
		if (tag->type == type && tag->size >= least)
			return tag;
		at += (tag->size + 7UL) & ~7UL;
	}
	return NULL;
}

const char *mb2_module_string(const struct mb2_module *module)
{
	size_t room = module->size - sizeof(*module);

	return memchr(module->string, '\0', room) ? module->string : "";
}

static bool named(const struct mb2_module *module, const char *name)
{
	const char *string = mb2_module_string(module);
	size_t length = strcspn(string, " "), size = strlen(name), tail = length;

	while (tail > 0 && string[tail - 1] != '/')
		tail--;
	if (size == length && memcmp(string, name, size) == 0)
		return true;
	/* GRUB may have found it under another folder than the configuration names. */
	if (strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	size = strlen(name);
	return size == length - tail && memcmp(string + tail, name, size) == 0;
}

static const struct mb2_module *module_next(const struct mb2_info *info, const struct mb2_module *previous)
{
	return (const struct mb2_module *)mb2_next(info, (const struct mb2_tag *)previous, MB2_MODULE,
						   sizeof(struct mb2_module));
}

const struct mb2_module *mb2_module_find(const struct mb2_info *info, const char *name)
{
	for (const struct mb2_module *module = NULL; (module = module_next(info, module)) != NULL;)
		if (named(module, name))
			return module;
	return NULL;
}

const struct mb2_module *mb2_config(const struct mb2_info *info)
{
	const struct mb2_module *config = mb2_module_find(info, "bulkhead.conf");

	return config ? config : module_next(info, NULL);
}

void mb2_memory(const struct mb2_info *info, struct bootmem_list *list)
{
	static const uint8_t types[] = {
		[1] = BOOTMEM_FREE, [2] = BOOTMEM_RESERVED, [3] = BOOTMEM_ACPI, [4] = BOOTMEM_NVS, [5] = BOOTMEM_BAD,
	};
	const struct mb2_memory_map *map = (const struct mb2_memory_map *)
		mb2_next(info, NULL, MB2_MEMORY_MAP, sizeof(*map));
	struct mb2_memory_entry entry;

	if (!map || map->entry_size < sizeof(entry))
		return;
	for (size_t at = sizeof(*map); at + map->entry_size <= map->size; at += map->entry_size) {
		memcpy(&entry, (const uint8_t *)map + at, sizeof(entry));
		if (entry.type == 0 || entry.type >= sizeof(types))
			entry.type = 2;
		bootmem_add(list, entry.base, entry.length, types[entry.type]);
	}
}

void mb2_screen(const struct mb2_info *info, struct bootframebuffer *screen)
{
	const struct mb2_framebuffer *tag = (const struct mb2_framebuffer *)
		mb2_next(info, NULL, MB2_FRAMEBUFFER, offsetof(struct mb2_framebuffer, blue_size) + 1);

	if (!tag || tag->kind != 1 || (tag->bpp != 32 && tag->bpp != 24))
		return;
	if (tag->red_size != 8 || tag->green_size != 8 || tag->blue_size != 8)
		return;
	screen->base = tag->address;
	screen->width = tag->width;
	screen->height = tag->height;
	screen->pitch = tag->pitch;
	screen->bytes_per_pixel = tag->bpp / 8;
	screen->red_shift = tag->red_position;
	screen->green_shift = tag->green_position;
	screen->blue_shift = tag->blue_position;
	screen->size = (uint64_t)tag->pitch * tag->height;
}
