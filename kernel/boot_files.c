/* SPDX-License-Identifier: MIT */
#include "kernel/boot_files.h"

#include <string.h>

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"

#define FILES_MAX 1024
#define MEMORY_MAX 1024

static struct bootinfo info;
static struct bootfile files[FILES_MAX];
static struct bootmem memory[MEMORY_MAX];
static const uint8_t *data[FILES_MAX];
static char *config_text;

/* The loader's identity map is still there. */
void boot_info_init(uint64_t phys)
{
	const struct bootinfo *boot = (const struct bootinfo *)phys;

	if (boot->magic != BOOTINFO_MAGIC || boot->version != BOOTINFO_VERSION || boot->size != sizeof(info))
		panic("the boot loader and the kernel are of different versions: install both from one build");
	info = *boot;
	if (info.file_count > FILES_MAX)
		info.file_count = FILES_MAX;
	if (info.memory_count > MEMORY_MAX)
		info.memory_count = MEMORY_MAX;
	memcpy(files, (const void *)boot->files, info.file_count * sizeof(files[0]));
	memcpy(memory, (const void *)boot->memory, info.memory_count * sizeof(memory[0]));
	info.files = (uint64_t)files;
	info.memory = (uint64_t)memory;
}

const struct bootinfo *boot_info(void)
{
	return &info;
}

void boot_files_map(void)
{
	unsigned i;

	/* One byte more than the text: the parser's terminator. The loader pads files with zeroes to a page. */
	config_text = map_physical(info.config.base, info.config.size + 1, PTAB_READ | PTAB_WRITE);
	for (i = 0; i < info.file_count; i++)
		if (files[i].status == BOOTFILE_OK && files[i].size)
			data[i] = map_physical(files[i].base, files[i].size, PTAB_READ);
}

char *boot_config_text(void)
{
	return config_text;
}

const struct bootfile *boot_file(const char *name)
{
	unsigned i;

	for (i = 0; i < info.file_count; i++)
		if (!strncmp(files[i].name, name, sizeof(files[i].name)))
			return &files[i];
	return NULL;
}

const uint8_t *boot_file_data(const struct bootfile *file)
{
	return data[file - files];
}
