/* SPDX-License-Identifier: MIT */
/* The boot loaders: the kernel's ELF file, the page tables, the list of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/layout.h"
#include "boot/handoff.h"

#define GIB (1ULL << 30)

/* An ELF file with two segments: 16 bytes at KERNEL_BASE, and 4 bytes plus BSS at KERNEL_BASE + 0x2000. */
struct sample {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	struct {
		uint32_t type, flags;
		uint64_t offset, vaddr, paddr, filesz, memsz, align;
	} segment[2];
	char text[16], data[4];
};

static const struct sample good = {
	.ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
	.machine = 62,
	.entry = KERNEL_BASE + 4,
	.phoff = offsetof(struct sample, segment),
	.phentsize = 56,
	.phnum = 2,
	.segment = {
		{ .type = 1, .offset = offsetof(struct sample, text), .vaddr = KERNEL_BASE, .filesz = 16, .memsz = 16 },
		{ .type = 1, .offset = offsetof(struct sample, data), .vaddr = KERNEL_BASE + 0x2000, .filesz = 4,
		  .memsz = 0x1801 },
	},
	.text = "text of sixteen",
	.data = "dat",
};

static bool opens(const struct sample *sample, size_t size)
{
	struct kernel_elf elf;

	return kernel_elf_open(&elf, (const uint8_t *)sample, size);
}

static void loads_segments(void **state)
{
	static uint8_t memory[0x4000];
	struct kernel_elf elf;

	(void)state;
	memset(memory, 0xaa, sizeof(memory));
	assert_true(kernel_elf_open(&elf, (const uint8_t *)&good, sizeof(good)));
	assert_int_equal(elf.memory_size, 0x4000);
	assert_int_equal(elf.entry, KERNEL_BASE + 4);
	kernel_elf_load(&elf, memory);
	assert_string_equal((char *)memory, "text of sixteen");
	assert_string_equal((char *)memory + 0x2000, "dat");
	assert_int_equal(memory[16], 0);
	assert_int_equal(memory[0x3800], 0);
	assert_int_equal(memory[0x3fff], 0);
}

#define REFUSES(change)                                     \
	do {                                                \
		struct sample sample = good;                \
		change;                                     \
		assert_false(opens(&sample, sizeof(sample))); \
	} while (0)

static void refuses_damage(void **state)
{
	(void)state;
	assert_true(opens(&good, sizeof(good)));
	for (size_t size = 0; size < offsetof(struct sample, data) + 4; size++) {
		uint8_t *cut = malloc(size ? size : 1); /* exact size, for the address sanitizer */

		memcpy(cut, &good, size);
		assert_false(opens((const struct sample *)cut, size));
		free(cut);
	}
	REFUSES(sample.ident[4] = 1);
	REFUSES(sample.machine = 3);
	REFUSES(sample.phentsize = 32);
	REFUSES(sample.phoff = UINT64_MAX);
	REFUSES(sample.phnum = 0);
	REFUSES(sample.phnum = 0xffff);
	REFUSES(sample.entry = 0x100000);
	REFUSES(sample.entry = KERNEL_BASE + 0x3801);
	REFUSES(sample.segment[0].vaddr = 0x100000);
	REFUSES(sample.segment[1].vaddr = KERNEL_BASE + (1ULL << 30));
	REFUSES(sample.segment[1].memsz = UINT64_MAX);
	REFUSES(sample.segment[1].memsz = 3);
	REFUSES(sample.segment[1].filesz = 0x1000);
	REFUSES(sample.segment[1].offset = UINT64_MAX - 2);
}

/* Follows the tables as the processor would (SDM 4.5); UINT64_MAX: not mapped. */
static uint64_t walk(const struct boot_tables *tables, uint64_t virt)
{
	const uint64_t *table = tables->pages;

	for (unsigned shift = 39; shift >= 21; shift -= 9) {
		uint64_t entry = table[virt >> shift & 511];

		if (!(entry & 1))
			return UINT64_MAX;
		assert_int_equal(entry & 2, 2);
		if (entry & 0x80)
			return (entry & 0x000ffffffffff000) + (virt & ((1ULL << shift) - 1));
		table = (const uint64_t *)(uintptr_t)(entry & 0x000ffffffffff000);
	}
	return UINT64_MAX;
}

static void tables_map(bool gigabyte)
{
	static const struct bootmem map[] = {
		{ 0, 0x100000000, BOOTMEM_FREE, 0 },
		{ 0x100000000, 5 * GIB + 0x1000, BOOTMEM_FREE, 0 },
		{ 0xfd00000000, 3 * GIB, BOOTMEM_RESERVED, 0 },
	};
	static const struct bootinfo info = {
		.kernel_base = 0x7fe00000,
		.kernel_size = 0x234000,
		.framebuffer = { .base = 0x3fffff0000, .size = 0x300000 },
	};
	unsigned count = boot_tables_pages(9 * GIB + 0x1000, gigabyte);
	uint64_t *pages = aligned_alloc(4096, count * 4096UL);
	struct boot_tables tables;

	memset(pages, 0, count * 4096UL);
	assert_true(boot_tables_create(&tables, pages, count, gigabyte));
	assert_true(boot_tables_fill(&tables, &info, map, 3));
	assert_int_equal(walk(&tables, 0), 0);
	assert_int_equal(walk(&tables, 0xfee00123), 0xfee00123);
	assert_int_equal(walk(&tables, 9 * GIB), 9 * GIB);
	assert_int_equal(walk(&tables, 10 * GIB), UINT64_MAX);
	assert_int_equal(walk(&tables, 0xfd00000000), UINT64_MAX);
	assert_int_equal(walk(&tables, 0x3fffff0000), 0x3fffff0000);
	assert_int_equal(walk(&tables, 0x40002effff), 0x40002effff);
	assert_int_equal(walk(&tables, KERNEL_BASE), 0x7fe00000);
	assert_int_equal(walk(&tables, KERNEL_BASE + 0x233fff), 0x80033fff);
	assert_int_equal(walk(&tables, KERNEL_BASE + 0x400000), UINT64_MAX);
	free(pages);
}

static void tables_with_gigabyte_pages(void **state)
{
	(void)state;
	tables_map(true);
}

static void tables_without_gigabyte_pages(void **state)
{
	(void)state;
	tables_map(false);
}

static void tables_run_out(void **state)
{
	uint64_t *pages = aligned_alloc(4096, 3 * 4096UL);
	struct boot_tables tables;

	(void)state;
	memset(pages, 0, 3 * 4096UL);
	assert_false(boot_tables_create(&tables, pages, 0, false));
	assert_true(boot_tables_create(&tables, pages, 3, false));
	assert_true(boot_tables_identity(&tables, 0, GIB));
	assert_true(boot_tables_identity(&tables, 0, GIB));
	assert_false(boot_tables_identity(&tables, GIB, 1));
	assert_false(boot_tables_kernel(&tables, 0, 4096));
	assert_false(boot_tables_identity(&tables, 1ULL << 47, 1));
	assert_false(boot_tables_identity(&tables, UINT64_MAX, 2));
	free(pages);
}

static void files_once_each(void **state)
{
	char long_name[200];
	struct config_partition partitions[3] = {
		{ .kernel = "vmlinuz", .initrd = "initrd.img" },
		{ .kernel = "vmlinuz" },
		{ .kernel = "mb.elf", .initrd = long_name, .module_count = 2,
		  .modules = { { .file = "initrd.img" }, { .file = "disk.img" } } },
	};
	struct config config = { .partitions = partitions, .count = 3 };
	struct bootfile files[30];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_true(handoff_file_count(&config) <= 30);
	assert_int_equal(handoff_file_list(&config, files, 30), 4);
	assert_string_equal(files[0].name, "vmlinuz");
	assert_string_equal(files[1].name, "initrd.img");
	assert_string_equal(files[2].name, "mb.elf");
	assert_string_equal(files[3].name, "disk.img");
	assert_int_equal(files[3].status, BOOTFILE_NOT_FOUND);
	assert_int_equal(handoff_file_list(&config, files, 2), 2);
}

static void info_and_claims(void **state)
{
	static struct bootmem raw[8], map[16];
	struct bootmem_list list = { .entries = raw, .capacity = 8 };
	struct handoff_arena arena = { .base = (uint8_t *)0x300000, .size = 0x4000 };
	struct bootfile file = { .base = 0x400000, .size = 1, .status = BOOTFILE_OK };
	struct bootinfo info = { .file_count = 1, .kernel_base = 0x200000, .kernel_size = 0x5000 };

	(void)state;
	handoff_info_init(&info, "a loader whose name is longer than the field", "bulkhead.conf");
	assert_int_equal(info.magic, BOOTINFO_MAGIC);
	assert_int_equal(info.size, sizeof(info));
	assert_int_equal(strlen(info.loader), sizeof(info.loader) - 1);
	assert_string_equal(info.config_name, "bulkhead.conf");
	bootmem_add(&list, 0, 0x1000000, BOOTMEM_FREE);
	handoff_claim(&list, &info, &file, &arena);
	assert_int_equal(bootmem_resolve(&list, map, 16), 8);
	assert_int_equal(map[0].type, BOOTMEM_RESERVED);
	assert_int_equal(map[2].base, 0x200000);
	assert_int_equal(map[4].base, 0x300000);
	assert_int_equal(map[6].base, 0x400000);
	assert_int_equal(map[6].size, 0x1000);
	assert_int_equal(map[6].type, BOOTMEM_BOOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_segments),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(tables_with_gigabyte_pages),
		cmocka_unit_test(tables_without_gigabyte_pages),
		cmocka_unit_test(tables_run_out),
		cmocka_unit_test(files_once_each),
		cmocka_unit_test(info_and_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
