/* SPDX-License-Identifier: MIT */
/* Reads the kernel's ELF file (ELF-64 Object File Format, System V ABI AMD64). Pure. */
#include "boot/handoff.h"

#include <string.h>

#include "arch/x86/layout.h"

#define KERNEL_MAX (64ULL << 20) /* nobody's kernel is larger; keeps every sum below within range */
#define EM_X86_64 62
#define PT_LOAD 1

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/* "\177ELF", ELFCLASS64, ELFDATA2LSB, EV_CURRENT */
static const uint8_t elf_ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

static void segment_read(const struct kernel_elf *elf, const struct elf_header *header, unsigned index,
			 struct elf_segment *segment)
{
	memcpy(segment, elf->file + header->phoff + index * sizeof(*segment), sizeof(*segment));
}

static bool segment_good(const struct kernel_elf *elf, const struct elf_segment *segment)
{
	return segment->vaddr >= KERNEL_BASE && segment->vaddr - KERNEL_BASE <= KERNEL_MAX &&
	       segment->memsz <= KERNEL_MAX && segment->filesz <= segment->memsz &&
	       segment->offset <= elf->file_size && segment->filesz <= elf->file_size - segment->offset;
}

bool kernel_elf_open(struct kernel_elf *elf, const uint8_t *file, size_t file_size)
{
	struct elf_header header;
	uint64_t end = 0;

	*elf = (struct kernel_elf){ .file = file, .file_size = file_size };
	if (file_size < sizeof(header))
		return false;
	memcpy(&header, file, sizeof(header));
	if (memcmp(header.ident, elf_ident, sizeof(elf_ident)) != 0 || header.machine != EM_X86_64 ||
	    header.phentsize != sizeof(struct elf_segment) || header.phoff > file_size ||
	    header.phnum * sizeof(struct elf_segment) > file_size - header.phoff)
		return false;
	for (unsigned i = 0; i < header.phnum; i++) {
		struct elf_segment segment;

		segment_read(elf, &header, i, &segment);
		if (segment.type != PT_LOAD)
			continue;
		if (!segment_good(elf, &segment))
			return false;
		if (segment.vaddr - KERNEL_BASE + segment.memsz > end)
			end = segment.vaddr - KERNEL_BASE + segment.memsz;
	}
	if (header.entry < KERNEL_BASE || header.entry - KERNEL_BASE >= end)
		return false;
	elf->entry = header.entry;
	elf->memory_size = (end + HANDOFF_PAGE - 1) & ~(HANDOFF_PAGE - 1);
	return true;
}

void kernel_elf_load(const struct kernel_elf *elf, uint8_t *to)
{
	struct elf_header header;

	memcpy(&header, elf->file, sizeof(header));
	memset(to, 0, elf->memory_size);
	for (unsigned i = 0; i < header.phnum; i++) {
		struct elf_segment segment;

		segment_read(elf, &header, i, &segment);
		if (segment.type == PT_LOAD)
			memcpy(to + (segment.vaddr - KERNEL_BASE), elf->file + segment.offset, segment.filesz);
	}
}
