/* SPDX-License-Identifier: MIT */
/* What the parts of the Multiboot2 loader share. Section numbers are the Multiboot2 specification's, version 2.0. */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include <stddef.h>
#include <stdint.h>

#include "boot/bootinfo.h"
#include "boot/handoff.h"

#define MULTIBOOT2_MAGIC 0x36d76289u /* 3.3: in EAX at entry */

/* 3.6: tags of the boot information. */
enum mb2_type {
	MB2_END = 0,
	MB2_LOADER_NAME = 2,
	MB2_MODULE = 3,
	MB2_MEMORY_MAP = 6,
	MB2_FRAMEBUFFER = 8,
	MB2_RSDP_1 = 14,
	MB2_RSDP_2 = 15,
};

struct mb2_tag {
	uint32_t type, size;
};

struct mb2_module {
	uint32_t type, size;
	uint32_t start, end;
	char string[];
};

struct mb2_memory_map {
	uint32_t type, size;
	uint32_t entry_size, entry_version;
};

struct mb2_memory_entry {
	uint64_t base, length;
	uint32_t type; /* as E820: 1 free, 3 ACPI, 4 NVS, 5 bad */
	uint32_t reserved;
};

struct mb2_framebuffer {
	uint32_t type, size;
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t bpp, kind; /* kind 1: direct colour */
	uint16_t reserved;
	uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size;
};

/* A copy of the boot information, its length checked; tags are 8-byte aligned. */
struct mb2_info {
	const uint8_t *data;
	size_t size;
};

/* --- multiboot2_tags.c, pure --- */

/* The tag after `previous` (NULL: the first) of this type, whole and at least `least` bytes long; NULL: no more. */
const struct mb2_tag *mb2_next(const struct mb2_info *info, const struct mb2_tag *previous, uint32_t type,
			       size_t least);
/* A module's command line: always a terminated string within the tag ("" when it is not). */
const char *mb2_module_string(const struct mb2_module *module);
/* The module named `name`: by the whole first word of its command line, or by that word's last path component. */
const struct mb2_module *mb2_module_find(const struct mb2_info *info, const char *name);
/* The configuration: the module called bulkhead.conf, or else the first; NULL: there are no modules. */
const struct mb2_module *mb2_config(const struct mb2_info *info);
void mb2_memory(const struct mb2_info *info, struct bootmem_list *list);
void mb2_screen(const struct mb2_info *info, struct bootframebuffer *screen);

/* --- multiboot2_main.c, entered from multiboot2_start.S in 64-bit mode on an identity map of 4 GiB --- */
void mb2_main(uint32_t magic, uint32_t address, uint64_t tsc);

#endif
