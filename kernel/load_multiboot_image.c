/* SPDX-License-Identifier: MIT */
/* The image of a Multiboot 1 kernel: by the header's address fields (section 3.1.3), else as ELF32. */
#include <string.h>

#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/load_multiboot.h"

#define HEADER_MAGIC     0x1badb002
#define SEARCH           8192 /* the header lies within these first bytes, 4-byte aligned */
#define HEADER_SHORT     12   /* magic, flags, checksum */
#define HEADER_ADDRESSES 32   /* with header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr */
#define FLAG_ADDRESSES   (1u << 16)
#define FLAGS_KNOWN      0x7u /* of the low 16, which a loader must understand: page alignment, memory, video */

#define PT_LOAD      1
#define EM_386       3
#define ET_EXEC      2
#define EHDR_SIZE    52
#define PHDR_SIZE    32
#define SEGMENTS_MAX 64

static uint32_t get32(const struct load_file *file, uint64_t offset)
{
	uint32_t value;

	memcpy(&value, file->data + offset, sizeof(value));
	return value;
}

static uint16_t get16(const struct load_file *file, uint64_t offset)
{
	uint16_t value;

	memcpy(&value, file->data + offset, sizeof(value));
	return value;
}

/* Offset of the header, or UINT64_MAX. All of it is in the file. */
static uint64_t find_header(const struct load_file *kernel)
{
	for (uint64_t at = 0; at + HEADER_SHORT <= SEARCH && at + HEADER_SHORT <= kernel->size; at += 4) {
		uint32_t flags;

		if (get32(kernel, at) != HEADER_MAGIC)
			continue;
		flags = get32(kernel, at + 4);
		if (HEADER_MAGIC + flags + get32(kernel, at + 8) != 0)
			continue;
		if (!(flags & FLAG_ADDRESSES) || at + HEADER_ADDRESSES <= kernel->size)
			return at;
	}
	return UINT64_MAX;
}

bool load_multiboot_is(const struct load_file *kernel)
{
	return find_header(kernel) != UINT64_MAX;
}

/* One piece: `file_size` bytes from the file, zeros up to `memory_size`, which is not the smaller one. RAM is zero. */
struct piece {
	uint64_t offset, file_size, address, memory_size;
};

static int load_piece(const struct load_request *request, const struct piece *p, struct multiboot_image *image,
                      char *why, size_t size)
{
	const struct load_file *kernel = &request->kernel;
	uint64_t end = p->address + p->memory_size, low = guest_low_end(request->memory);

	if (p->offset > kernel->size || p->file_size > kernel->size - p->offset)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "cut short: its header says %llu bytes, the file has %llu: copy it again",
		                   (unsigned long long)(p->offset + p->file_size), (unsigned long long)kernel->size);
	if (end > low)
		return load_refuse(E_NO_MEMORY, kernel, why, size,
		                   "it needs memory up to %llu MiB, the partition has %llu MiB: raise `memory`",
		                   load_mib(end), load_mib(request->memory->size));
	if (p->memory_size && p->address < LAYOUT_HIGH && end > LAYOUT_EBDA)
		return load_refuse(E_RANGE, kernel, why, size,
		                   "it wants to be at 0x%llx, where there is no RAM: link it at 1 MiB or above",
		                   (unsigned long long)p->address);
	if (load_copy_add(request->copies, request->memory, p->address, kernel->data + p->offset, p->file_size) ||
	    load_copy_add(request->copies, request->memory, p->address + p->file_size, NULL,
	                  p->memory_size - p->file_size))
		return load_refuse(E_RANGE, kernel, why, size,
		                   "it does not fit in the partition's memory: raise `memory`");
	if (end > image->end)
		image->end = end;
	return E_OK;
}

static int load_addresses(const struct load_request *request, uint64_t header, struct multiboot_image *image, char *why,
                          size_t size)
{
	const struct load_file *kernel = &request->kernel;
	uint64_t header_addr = get32(kernel, header + 12), load = get32(kernel, header + 16);
	uint64_t load_end = get32(kernel, header + 20), bss_end = get32(kernel, header + 24);
	struct piece piece = { .address = load };

	if (header_addr < load || header_addr - load > header)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "its Multiboot header, at byte %llu, claims the address 0x%llx where the file's "
		                   "first byte is for 0x%llx: mend the header",
		                   (unsigned long long)header, (unsigned long long)header_addr,
		                   (unsigned long long)load);
	piece.offset = header - (header_addr - load);
	/* 0: all of the file; no bss. */
	piece.file_size = load_end ? load_end - load : kernel->size - piece.offset;
	piece.memory_size = piece.file_size;
	if ((load_end && load_end < load) || (bss_end && bss_end < load + piece.file_size))
		return load_refuse(
			E_INVALID, kernel, why, size,
			"the addresses in its Multiboot header do not rise (load 0x%llx, end 0x%llx, bss end 0x%llx): "
			"mend the header",
			(unsigned long long)load, (unsigned long long)load_end, (unsigned long long)bss_end);
	if (bss_end)
		piece.memory_size = bss_end - load;
	image->entry = get32(kernel, header + 28);
	return load_piece(request, &piece, image, why, size);
}

static int check_elf(const struct load_file *kernel, char *why, size_t size)
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 1, 1 }; /* 32 bits, little-endian */

	if (kernel->size < EHDR_SIZE || memcmp(kernel->data, ident, 4) != 0)
		return load_refuse(E_UNSUPPORTED, kernel, why, size,
		                   "it has a Multiboot header, but neither load addresses in it nor is it an ELF file: "
		                   "add the addresses");
	if (memcmp(kernel->data, ident, sizeof(ident)) != 0 || get16(kernel, 18) != EM_386)
		return load_refuse(
			E_UNSUPPORTED, kernel, why, size,
			"Multiboot 1 loads 32-bit ELF files for the 80386: convert it (objcopy -O elf32-i386)");
	if (get16(kernel, 16) != ET_EXEC)
		return load_refuse(E_UNSUPPORTED, kernel, why, size,
		                   "not an executable ELF file: link it statically (ET_EXEC)");
	if (get16(kernel, 42) != PHDR_SIZE || !get16(kernel, 44) || get16(kernel, 44) > SEGMENTS_MAX)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "its ELF program headers make no sense: link it again");
	return E_OK;
}

static int load_elf(const struct load_request *request, struct multiboot_image *image, char *why, size_t size)
{
	const struct load_file *kernel = &request->kernel;
	uint64_t table = 0, entry;
	unsigned i, count = 0;
	int error = check_elf(kernel, why, size);

	if (error)
		return error;
	entry = image->entry = get32(kernel, 24);
	table = get32(kernel, 28);
	count = get16(kernel, 44);
	if (table > kernel->size || (uint64_t)count * PHDR_SIZE > kernel->size - table)
		return load_refuse(E_INVALID, kernel, why, size,
		                   "cut short: its program headers end at byte %llu, the file has %llu: copy it again",
		                   (unsigned long long)(table + count * PHDR_SIZE), (unsigned long long)kernel->size);
	for (i = 0; i < count; i++) {
		uint64_t at = table + i * PHDR_SIZE, virtual = get32(kernel, at + 8);
		struct piece piece = {
			.offset = get32(kernel, at + 4),
			.address = get32(kernel, at + 12),
			.file_size = get32(kernel, at + 16),
			.memory_size = get32(kernel, at + 20),
		};

		if (get32(kernel, at) != PT_LOAD)
			continue;
		if (piece.memory_size < piece.file_size)
			return load_refuse(E_INVALID, kernel, why, size,
			                   "segment %u is larger in the file than in memory: link it again", i);
		error = load_piece(request, &piece, image, why, size);
		if (error)
			return error;
		/* The entry point is a linear address; paging is off when it is used. */
		if (entry >= virtual && entry - virtual < piece.memory_size)
			image->entry = entry - virtual + piece.address;
	}
	if (!image->end)
		return load_refuse(E_INVALID, kernel, why, size, "an ELF file with nothing to load: link it again");
	return E_OK;
}

int load_multiboot_image(const struct load_request *request, struct multiboot_image *image, char *why, size_t size)
{
	const struct load_file *kernel = &request->kernel;
	uint64_t header = find_header(kernel);
	uint32_t flags = get32(kernel, header + 4);
	int error;

	if (flags & 0xffff & ~FLAGS_KNOWN)
		return load_refuse(E_UNSUPPORTED, kernel, why, size,
		                   "its Multiboot header wants what is not offered (flags 0x%x): clear those bits",
		                   flags & 0xffff);
	if (flags & FLAG_ADDRESSES)
		error = load_addresses(request, header, image, why, size);
	else
		error = load_elf(request, image, why, size);
	if (!error && image->entry >= guest_low_end(request->memory))
		return load_refuse(E_INVALID, kernel, why, size,
		                   "its entry point 0x%llx is not in the partition's memory: link it again",
		                   (unsigned long long)image->entry);
	return error;
}
