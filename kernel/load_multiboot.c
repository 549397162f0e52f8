/* SPDX-License-Identifier: MIT */
/* Multiboot 1 (Multiboot Specification version 0.6.96): the machine state and what goes where. The image itself:
 * load_multiboot_image.c. */
#include <string.h>

#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/load_multiboot.h"

#define BOOTLOADER_MAGIC 0x2badb002

#define LOADER_NAME "Bulkhead"

/* Section 3.3: the information structure. */
#define INFO_SIZE        116
#define INFO_FLAGS       0
#define INFO_MEM_LOWER   4 /* KiB */
#define INFO_MEM_UPPER   8 /* KiB from 1 MiB */
#define INFO_CMDLINE     16
#define INFO_MODS_COUNT  20
#define INFO_MODS_ADDR   24
#define INFO_MMAP_LENGTH 44
#define INFO_MMAP_ADDR   48
#define INFO_LOADER_NAME 64
#define INFO_HAS         (1u << 0 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 9) /* memory, cmdline, modules, map, name */

#define MODULE_SIZE 16
#define MMAP_SIZE   24 /* with its own size field, which does not count itself */

#define CODE_32   0xc09b /* execute/read, accessed, present, D, G */
#define DATA_FLAT 0xc093
#define RAX       0
#define RBX       3

/* Writes upwards from the kernel's end; the first thing that does not fit makes it fail for good. */
struct cursor {
	const struct guest_memory *memory;
	uint64_t next, end;
	struct load_copies *copies;
	bool full;
};

static uint64_t reserve(struct cursor *c, uint64_t size, uint64_t align)
{
	uint64_t at = (c->next + align - 1) & ~(align - 1);

	if (c->full || at > c->end || size > c->end - at) {
		c->full = true;
		return 0;
	}
	c->next = at + size;
	return at;
}

static uint64_t append(struct cursor *c, const void *data, uint64_t size, uint64_t align)
{
	uint64_t at = reserve(c, size, align);

	if (!c->full && guest_write(c->memory, at, data, size))
		c->full = true;
	return at;
}

/* By convention a command line starts with the file's name. */
static uint64_t append_cmdline(struct cursor *c, const struct load_file *file, const char *words)
{
	uint64_t at = append(c, file->name, strlen(file->name), 1);

	if (*words) {
		append(c, " ", 1, 1);
		append(c, words, strlen(words), 1);
	}
	append(c, "", 1, 1);
	return at;
}

static void put(uint8_t *to, uint64_t value, unsigned size)
{
	memcpy(to, &value, size);
}

static void append_map(struct cursor *c, uint8_t *info)
{
	struct e820_entry map[E820_ENTRIES];
	uint8_t raw[E820_ENTRIES * MMAP_SIZE];
	unsigned count = guest_e820(c->memory, map);

	for (unsigned i = 0; i < count; i++) {
		uint8_t *to = raw + i * MMAP_SIZE;

		put(to, MMAP_SIZE - 4, 4);
		put(to + 4, map[i].base, 8);
		put(to + 12, map[i].size, 8);
		put(to + 20, map[i].type, 4);
	}
	put(info + INFO_MMAP_LENGTH, count * MMAP_SIZE, 4);
	put(info + INFO_MMAP_ADDR, append(c, raw, count * MMAP_SIZE, 8), 4);
}

static void append_module(struct cursor *c, uint64_t list, unsigned number, const struct load_file *file,
                          const char *cmdline)
{
	uint64_t at = reserve(c, file->size, 4096);
	uint64_t string = append_cmdline(c, file, cmdline);
	uint8_t raw[MODULE_SIZE] = { 0 };

	if (!c->full && load_copy_add(c->copies, c->memory, at, file->data, file->size))
		c->full = true;
	put(raw, at, 4);
	put(raw + 4, at + file->size, 4);
	put(raw + 8, string, 4);
	if (!c->full && guest_write(c->memory, list + number * MODULE_SIZE, raw, sizeof(raw)))
		c->full = true;
}

/* Returns the address of the information structure. */
static uint64_t append_all(struct cursor *c, const struct load_request *request)
{
	uint8_t info[INFO_SIZE] = { 0 };
	uint64_t at = reserve(c, INFO_SIZE, 8), list;
	unsigned i, count = request->module_count + (request->initrd.data != NULL), number = 0;

	put(info + INFO_FLAGS, INFO_HAS, 4);
	put(info + INFO_MEM_LOWER, LAYOUT_EBDA / 1024, 4);
	put(info + INFO_MEM_UPPER, (guest_low_end(c->memory) - LAYOUT_HIGH) / 1024, 4);
	put(info + INFO_CMDLINE, append_cmdline(c, &request->kernel, request->cmdline), 4);
	put(info + INFO_LOADER_NAME, append(c, LOADER_NAME, sizeof(LOADER_NAME), 1), 4);
	append_map(c, info);
	list = reserve(c, (uint64_t)count * MODULE_SIZE, 8);
	put(info + INFO_MODS_COUNT, count, 4);
	put(info + INFO_MODS_ADDR, list, 4);
	if (request->initrd.data)
		append_module(c, list, number++, &request->initrd, "");
	for (i = 0; i < request->module_count; i++)
		append_module(c, list, number++, &request->modules[i].file, request->modules[i].cmdline);
	if (!c->full && guest_write(c->memory, at, info, sizeof(info)))
		c->full = true;
	return at;
}

static int refuse_modules(const struct load_request *request, uint64_t kernel_end, char *why, size_t size)
{
	uint64_t total = request->initrd.size;

	for (unsigned i = 0; i < request->module_count; i++)
		total += request->modules[i].file.size;
	return load_refuse(
		E_NO_MEMORY, &request->kernel, why, size,
		"its modules (%llu MiB in all) do not fit in %llu MiB of memory above the kernel (up to %llu MiB): "
		"raise `memory`",
		load_mib(total), load_mib(request->memory->size), load_mib(kernel_end));
}

int load_multiboot(const struct load_request *request, struct load_state *out, char *why, size_t size)
{
	struct multiboot_image image = { 0 };
	struct cursor cursor;
	uint64_t info;
	int error = load_multiboot_image(request, &image, why, size);

	if (error)
		return error;
	/* Behind the kernel, above 1 MiB if there is RAM. */
	cursor = (struct cursor){ .memory = request->memory, .copies = request->copies, .next = image.end,
	                          .end = guest_low_end(request->memory) };
	if (cursor.end > LAYOUT_HIGH && cursor.next < LAYOUT_HIGH)
		cursor.next = LAYOUT_HIGH;
	else if (cursor.end == LAYOUT_HIGH)
		cursor.end = LAYOUT_EBDA;
	cursor.next = (cursor.next + 4095) & ~4095ULL;
	info = append_all(&cursor, request);
	if (cursor.full)
		return refuse_modules(request, image.end, why, size);
	load_flat_segments(out, 0x10, CODE_32, 0x18, DATA_FLAT);
	out->rip = image.entry;
	out->gpr[RAX] = BOOTLOADER_MAGIC;
	out->gpr[RBX] = info;
	out->cr0 = CR0_PE | CR0_ET;
	return E_OK;
}
