/* SPDX-License-Identifier: MIT */
/* The parts of struct bootinfo that both ways in fill alike. Pure. */
#include "boot/handoff.h"

#include <stdio.h>
#include <string.h>

void handoff_info_init(struct bootinfo *info, const char *loader, const char *config_name)
{
	info->magic = BOOTINFO_MAGIC;
	info->version = BOOTINFO_VERSION;
	info->size = sizeof(*info);
	info->config.status = BOOTFILE_NOT_FOUND;
	snprintf(info->loader, sizeof(info->loader), "%s", loader);
	snprintf(info->config_name, sizeof(info->config_name), "%s", config_name);
	snprintf(info->config.name, sizeof(info->config.name), "%s", config_name);
}

void handoff_claim(struct bootmem_list *list, const struct bootinfo *info, const struct bootfile *files,
		   const struct handoff_arena *arena)
{
	/* The real-mode vectors and the BIOS data area: not ours to use, and a null pointer should stay one. */
	bootmem_add(list, 0, HANDOFF_PAGE, BOOTMEM_RESERVED);
	bootmem_add(list, info->kernel_base, info->kernel_size, BOOTMEM_BOOT);
	bootmem_add(list, (uintptr_t)arena->base, arena->size, BOOTMEM_BOOT);
	bootmem_add(list, info->config.base, info->config.size, BOOTMEM_BOOT);
	for (uint32_t i = 0; i < info->file_count; i++)
		bootmem_add(list, files[i].base, files[i].size, BOOTMEM_BOOT);
}
