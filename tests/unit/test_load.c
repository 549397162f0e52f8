/* SPDX-License-Identifier: MIT */
/* kernel/load*.c, guest_layout.c: crafted kernels, good and broken, and Debian's own where the build has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/x86/msr.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/load.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define WINDOW (5 * GIB)

static struct guest_memory memory;
static struct load_request request;
static struct load_state state;
static char why[256];
static uint8_t image[64 * 1024];

static void memory_of(uint64_t size)
{
	memory.size = size;
	memory.count = guest_layout_ranges(size, memory.ranges);
}

static int setup(void **test)
{
	(void)test;
	memory.window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(memory.window, MAP_FAILED);
	memory_of(64 * MIB);
	memset(image, 0, sizeof(image));
	request = (struct load_request){
		.memory = &memory,
		.kernel = { .name = "kernel", .data = image, .size = sizeof(image) },
		.cmdline = "quiet",
		.rsdp = 0xe0000,
	};
	why[0] = 0;
	return 0;
}

static int teardown(void **test)
{
	(void)test;
	return munmap(memory.window, WINDOW);
}

static void put(uint64_t offset, uint64_t value, unsigned size)
{
	memcpy(image + offset, &value, size);
}

static uint64_t guest(uint64_t gpa, unsigned size)
{
	uint64_t value = 0;

	assert_int_equal(guest_read(&memory, gpa, &value, size), E_OK);
	return value;
}

static void refused(int error, const char *words)
{
	assert_int_equal(load_kernel(&request, &state, why, sizeof(why)), error);
	if (!strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void loaded(void)
{
	int error = load_kernel(&request, &state, why, sizeof(why));

	if (error)
		fail_msg("refused (%d): %s", error, why);
}

/* --- layout --- */

static void layout_small(void **test)
{
	struct e820_entry map[E820_ENTRIES];

	(void)test;
	memory_of(64 * MIB);
	assert_int_equal(memory.count, 1);
	assert_int_equal(memory.ranges[0].size, 64 * MIB);
	assert_int_equal(guest_e820(&memory, map), 4);
	assert_int_equal(map[0].size, 0x9fc00);
	assert_int_equal(map[1].type, E820_RESERVED);
	assert_int_equal(map[2].base, 0xe0000);
	assert_int_equal(map[3].base + map[3].size, 64 * MIB);
	memory_of(1 * MIB);
	assert_int_equal(guest_e820(&memory, map), 3);
}

static void layout_around_the_hole(void **test)
{
	struct e820_entry map[E820_ENTRIES];
	uint64_t total = 0;

	(void)test;
	memory_of(3 * GIB);
	assert_int_equal(memory.count, 1);
	memory_of(4 * GIB + 4096);
	assert_int_equal(memory.count, 2);
	assert_int_equal(memory.ranges[0].size, 3 * GIB);
	assert_int_equal(memory.ranges[1].gpa, 4 * GIB);
	assert_int_equal(memory.ranges[1].size, 1 * GIB + 4096);
	assert_int_equal(guest_e820(&memory, map), 5);
	for (unsigned i = 0; i < 5; i++)
		total += map[i].type == E820_RAM ? map[i].size : 0;
	assert_int_equal(total, 4 * GIB + 4096 - MIB + 0x9fc00);
}

/* --- Linux --- */

#define PAYLOAD (2 * 512) /* one setup sector */

static void make_linux(void)
{
	put(0x1f1, 1, 1);
	put(0x1f4, (sizeof(image) - PAYLOAD) / 16, 4);
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2);
	memcpy(image + 0x202, "HdrS", 4);
	put(0x206, 0x20f, 2);
	put(0x211, 1, 1);
	put(0x22c, 0x7fffffff, 4);
	put(0x230, 0x200000, 4);
	put(0x234, 1, 1);
	put(0x236, 3, 2);
	put(0x238, 2047, 4);
	put(0x250, 0xdeadbeef, 8); /* setup_data: must not reach the guest */
	put(0x258, 0x1000000, 8);
	put(0x260, 0x1800000, 4);
	put(PAYLOAD, 0x1122334455667788, 8);
	put(sizeof(image) - 8, 0x99aabbccddeeff00, 8);
}

static void linux_loads(void **test)
{
	(void)test;
	make_linux();
	loaded();
	assert_int_equal(guest(0x1000000, 8), 0x1122334455667788);
	assert_int_equal(guest(0x1000000 + sizeof(image) - PAYLOAD - 8, 8), 0x99aabbccddeeff00);
	assert_int_equal(state.rip, 0x1000200);
	assert_int_equal(state.efer, EFER_LME | EFER_LMA);
	assert_int_equal(state.cr4, CR4_PAE);
	assert_int_equal(state.cr0 & (CR0_PE | CR0_PG), CR0_PE | CR0_PG);
	assert_int_equal(state.rflags, 2);
	assert_int_equal(state.segments[VCPU_CS].selector, 0x10);
	assert_int_equal(state.segments[VCPU_CS].attributes, 0xa09b);
	assert_int_equal(state.segments[VCPU_DS].selector, 0x18);
	assert_int_equal(state.segments[VCPU_SS].attributes, 0xc093);
	assert_int_equal(state.segments[VCPU_TR].attributes, 0x8b);
	/* What the selectors say is what the descriptors say. */
	assert_int_equal(state.segments[VCPU_GDTR].limit, 31);
	assert_int_equal(guest(state.segments[VCPU_GDTR].base + 0x10, 8), 0x00af9b000000ffff);
	assert_int_equal(guest(state.segments[VCPU_GDTR].base + 0x18, 8), 0x00cf93000000ffff);
}

static void linux_params(void **test)
{
	uint64_t params, cmdline;

	(void)test;
	make_linux();
	loaded();
	params = state.gpr[6];
	cmdline = guest(params + 0x228, 4);
	assert_string_equal(memory.window + cmdline, "quiet");
	assert_int_equal(guest(params + 0x202, 4), 0x53726448);
	assert_int_equal(guest(params + 0x210, 1), 0xff);
	assert_int_equal(guest(params + 0x070, 8), 0xe0000);
	assert_int_equal(guest(params + 0x250, 8), 0);
	assert_int_equal(guest(params + 0x1ef, 1), 0); /* sentinel */
	assert_int_equal(guest(params + 0x1e8, 1), 4);
	assert_int_equal(guest(params + 0x2d0, 8), 0);
	assert_int_equal(guest(params + 0x2d0 + 8, 8), 0x9fc00);
	assert_int_equal(guest(params + 0x2d0 + 16, 4), 1);
	assert_int_equal(guest(params + 0x2d0 + 60, 8), 0x100000);
	assert_int_equal(guest(params + 0x2d0 + 68, 8), 63 * MIB);
	assert_int_equal(guest(params + 0x218, 4), 0);
	assert_int_equal(guest(params, 4), 0); /* screen_info */
}

/* A walk of the tables gives every address below 4 GiB itself. */
static void linux_page_tables(void **test)
{
	static const uint64_t addresses[] = { 0, 0x7000, 0x1000200, 0x3fffffff, 0x40000000, 0xfee00000, 0xffffffff };

	(void)test;
	make_linux();
	loaded();
	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		uint64_t a = addresses[i], entry = state.cr3 | 3;

		for (unsigned shift = 39; shift >= 21; shift -= 9) {
			assert_int_equal(entry & 0x83, 3);
			entry = guest((entry & ~0xfffULL) + (a >> shift & 511) * 8, 8);
		}
		assert_int_equal(entry & 0x83, 0x83);
		assert_int_equal((entry & ~0x1fffffULL) | (a & 0x1fffff), a);
	}
}

static void linux_initrd(void **test)
{
	uint8_t initrd[5000];
	uint64_t at;

	(void)test;
	make_linux();
	memset(initrd, 0x5a, sizeof(initrd));
	request.initrd = (struct load_file){ .name = "initrd", .data = initrd, .size = sizeof(initrd) };
	loaded();
	at = guest(state.gpr[6] + 0x218, 4);
	assert_int_equal(at, 64 * MIB - 8192);
	assert_int_equal(guest(state.gpr[6] + 0x21c, 4), sizeof(initrd));
	assert_memory_equal(memory.window + at, initrd, sizeof(initrd));

	put(0x22c, 0x2ffffff, 4);
	loaded();
	assert_int_equal(guest(state.gpr[6] + 0x218, 4), 0x3000000 - 8192);

	put(0x22c, 0x2801000, 4); /* two pages are free behind the kernel's 0x2800000, less one byte */
	refused(E_NO_MEMORY, "initrd: the initrd (1 MiB) does not fit in 64 MiB of memory");
	request.initrd.size = 1;
	loaded();
}

static void linux_cut_short(void **test)
{
	(void)test;
	make_linux();
	request.kernel.size = sizeof(image) - 16;
	refused(E_INVALID, "cut short: its header says 65536 bytes, the file has 65520: copy it again");
	request.kernel.size = PAYLOAD;
	refused(E_INVALID, "cut short");
	request.kernel.size = 0x263;
	refused(E_INVALID, "cut short");
	request.kernel.size = 0x207;
	refused(E_UNSUPPORTED, "not a kernel");
	request.kernel.size = 0;
	refused(E_INVALID, "empty");
	/* The last 16 bytes may be rounding. */
	request.kernel.size = sizeof(image) - 15;
	loaded();
}

static void linux_header_lies(void **test)
{
	(void)test;
	make_linux();
	put(0x230, 3, 4);
	refused(E_INVALID, "alignment of 0x3");
	put(0x230, 0, 4);
	refused(E_INVALID, "alignment");
	put(0x230, 0x80000000, 4);
	refused(E_NO_MEMORY, "raise `memory`");
	make_linux();
	put(0x258, 0xfffffffffffff000, 8);
	refused(E_RANGE, "0xfffffffffffff000");
	put(0x258, 0x7000, 8);
	put(0x234, 0, 1);
	refused(E_INVALID, "below 1 MiB");
	make_linux();
	put(0x1f4, 0xffffffff, 4);
	refused(E_INVALID, "its header says 68719477744 bytes");
	put(0x1f4, 0, 4);
	refused(E_INVALID, "without a kernel");
	make_linux();
	put(0x260, 0xffffffff, 4);
	refused(E_RANGE, "4096 MiB");
	put(0x260, 0, 4); /* less than the payload: the payload counts */
	loaded();
	make_linux();
	put(0x201, 0xff, 1); /* a header beyond all bounds stays out of the E820 map */
	memset(image + 0x264, 0xee, 0x100);
	loaded();
	assert_int_equal(guest(state.gpr[6] + 0x28c, 4), 0xeeeeeeee);
	assert_int_equal(guest(state.gpr[6] + 0x290, 4), 0);
}

static void linux_unsupported(void **test)
{
	(void)test;
	make_linux();
	put(0x206, 0x20b, 2);
	refused(E_UNSUPPORTED, "no 64-bit entry (boot protocol 2.11)");
	make_linux();
	put(0x236, 2, 2);
	refused(E_UNSUPPORTED, "no 64-bit entry");
	make_linux();
	request.module_count = 1;
	refused(E_INVALID, "no modules");
}

static void linux_memory(void **test)
{
	(void)test;
	make_linux();
	memory_of(40 * MIB);
	loaded();
	memory_of(40 * MIB - 4096);
	refused(E_NO_MEMORY, "needs 40 MiB of memory to start, the partition has 40 MiB");
	memory_of(16 * MIB);
	refused(E_NO_MEMORY, "needs 40 MiB of memory to start, the partition has 16 MiB: raise `memory`");
	memory_of(4 * GIB);
	loaded();
	assert_int_equal(guest(state.gpr[6] + 0x1e8, 1), 5);
	assert_int_equal(guest(state.gpr[6] + 0x2d0 + 80, 8), 4 * GIB);
}

static void linux_cmdline(void **test)
{
	static char line[4096];

	(void)test;
	make_linux();
	memset(line, 'x', 2047);
	request.cmdline = line;
	loaded();
	line[2047] = 'x';
	refused(E_INVALID, "the command line has 2048 characters, this kernel takes 2047");
	put(0x238, 0, 4);
	refused(E_INVALID, "takes 255");
	put(0x238, 0xffffffff, 4);
	loaded();
}

/* --- Multiboot 1 --- */

static void make_multiboot(uint64_t offset, uint32_t flags)
{
	put(offset, 0x1badb002, 4);
	put(offset + 4, flags, 4);
	put(offset + 8, -(0x1badb002 + flags), 4);
}

/* Header at 0x100 of a file whose first byte goes to 1 MiB. */
static void make_addresses(void)
{
	make_multiboot(0x100, 0x10003);
	put(0x10c, 0x100100, 4);
	put(0x110, 0x100000, 4);
	put(0x114, 0x100000 + 0x1000, 4);
	put(0x118, 0x100000 + 0x3000, 4);
	put(0x11c, 0x100020, 4);
	put(0xff8, 0x1122334455667788, 8);
}

static void multiboot_addresses(void **test)
{
	(void)test;
	make_addresses();
	memset(memory.window + 0x101000, 0xff, 0x2000);
	loaded();
	assert_int_equal(guest(0x100ff8, 8), 0x1122334455667788);
	assert_int_equal(guest(0x101000, 8), 0);
	assert_int_equal(guest(0x102ff8, 8), 0);
	assert_int_equal(state.rip, 0x100020);
	assert_int_equal(state.gpr[0], 0x2badb002);
	assert_int_equal(state.cr0, CR0_PE | CR0_ET);
	assert_int_equal(state.efer, 0);
	assert_int_equal(state.segments[VCPU_CS].attributes, 0xc09b);
	assert_int_equal(state.segments[VCPU_ES].attributes, 0xc093);

	/* No end: all of the file. */
	put(0x114, 0, 4);
	put(0x118, 0, 4);
	put(sizeof(image) - 8, 0x99, 8);
	loaded();
	assert_int_equal(guest(0x100000 + sizeof(image) - 8, 8), 0x99);
	/* Part of the file: the load address may be behind its start. */
	put(0x110, 0x100080, 4);
	loaded();
	assert_int_equal(guest(0x100100, 4), 0x1badb002);
}

static void multiboot_addresses_lie(void **test)
{
	(void)test;
	make_addresses();
	put(0x10c, 0xfff00, 4);
	refused(E_INVALID, "claims the address 0xfff00");
	put(0x10c, 0x100104, 4);
	refused(E_INVALID, "claims the address");
	make_addresses();
	put(0x114, 0xff000, 4);
	refused(E_INVALID, "do not rise");
	make_addresses();
	put(0x118, 0x100800, 4);
	refused(E_INVALID, "do not rise");
	make_addresses();
	put(0x118, 0xffffffff, 4);
	refused(E_NO_MEMORY, "needs memory up to 4096 MiB, the partition has 64 MiB");
	make_addresses();
	put(0x11c, 0xf0000000, 4);
	refused(E_INVALID, "entry point 0xf0000000");
	make_addresses();
	request.kernel.size = 0xfff;
	refused(E_INVALID, "cut short: its header says 4096 bytes, the file has 4095");
	put(0x10c, 0x90100, 4);
	put(0x110, 0x90000, 4);
	put(0x114, 0x90010, 4);
	put(0x118, 0xa0000, 4);
	refused(E_RANGE, "0x90000, where there is no RAM");
}

static void multiboot_header_place(void **test)
{
	(void)test;
	make_multiboot(8192 - 12, 3);
	refused(E_UNSUPPORTED, "neither load addresses");
	memset(image, 0, sizeof(image));
	make_multiboot(8192 - 8, 3);
	refused(E_UNSUPPORTED, "not a kernel");
	memset(image, 0, sizeof(image));
	make_multiboot(2, 3);
	refused(E_UNSUPPORTED, "not a kernel");
	memset(image, 0, sizeof(image));
	make_multiboot(64, 3);
	put(72, 1, 4);
	refused(E_UNSUPPORTED, "not a kernel");
	make_multiboot(64, 0x10003); /* the file ends within the address fields */
	request.kernel.size = 64 + 31;
	refused(E_UNSUPPORTED, "not a kernel");
	make_multiboot(64, 0x13);
	request.kernel.size = sizeof(image);
	refused(E_UNSUPPORTED, "flags 0x13");
}

/* Two segments, linked at 3 GiB plus, loaded at 1 MiB and 2 MiB. */
static void make_elf(void)
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

	memcpy(image, ident, sizeof(ident));
	put(16, 2, 2);
	put(18, 3, 2);
	put(24, 0xc0100010, 4);
	put(28, 52, 4);
	put(42, 32, 2);
	put(44, 2, 2);
	for (unsigned i = 0; i < 2; i++) {
		put(52 + 32 * i, 1, 4);
		put(52 + 32 * i + 4, 0x1000 + i * 0x1000, 4);
		put(52 + 32 * i + 8, 0xc0100000 + i * 0x100000, 4);
		put(52 + 32 * i + 12, 0x100000 + i * 0x100000, 4);
		put(52 + 32 * i + 16, 0x1000, 4);
		put(52 + 32 * i + 20, 0x1800, 4);
	}
	make_multiboot(0x200, 3);
	put(0x1000, 0x1111, 4);
	put(0x2000, 0x2222, 4);
}

static void multiboot_elf(void **test)
{
	(void)test;
	make_elf();
	loaded();
	assert_int_equal(guest(0x100000, 4), 0x1111);
	assert_int_equal(guest(0x200000, 4), 0x2222);
	assert_int_equal(state.rip, 0x100010);
	assert_true(state.gpr[3] >= 0x201800);
	/* An entry point outside every segment is taken as it is. */
	put(24, 0x100020, 4);
	loaded();
	assert_int_equal(state.rip, 0x100020);
}

static void multiboot_elf_lies(void **test)
{
	(void)test;
	make_elf();
	put(44, 65, 2);
	refused(E_INVALID, "make no sense");
	put(44, 0, 2);
	refused(E_INVALID, "make no sense");
	make_elf();
	put(28, 0xfffffff0, 4);
	refused(E_INVALID, "cut short");
	make_elf();
	put(52 + 16, 0xffffffff, 4);
	refused(E_INVALID, "segment 0 is larger");
	put(52 + 20, 0xffffffff, 4);
	refused(E_INVALID, "cut short");
	make_elf();
	put(52 + 4, 0xffffffff, 4);
	refused(E_INVALID, "cut short");
	make_elf();
	put(52 + 12, 0xffffffff, 4);
	refused(E_NO_MEMORY, "raise `memory`");
	make_elf();
	put(52, 2, 4);
	put(52 + 32, 2, 4);
	refused(E_INVALID, "nothing to load");
	make_elf();
	put(4, 2, 1);
	refused(E_UNSUPPORTED, "objcopy -O elf32-i386");
	make_elf();
	put(16, 3, 2);
	refused(E_UNSUPPORTED, "statically");
}

static void multiboot_info(void **test)
{
	static const uint8_t data[] = "initrd", more[5000] = "module";
	const struct load_module modules[] = {
		{ { "one.bin", more, sizeof(more) }, "a b" },
		{ { "two.bin", more, 1 }, "" },
	};
	uint64_t info, mods, map;

	(void)test;
	make_elf();
	request.initrd = (struct load_file){ "initrd.img", data, sizeof(data) };
	request.modules = modules;
	request.module_count = 2;
	loaded();
	info = state.gpr[3];
	assert_int_equal(guest(info, 4), 0x24d);
	assert_int_equal(guest(info + 4, 4), 639);
	assert_int_equal(guest(info + 8, 4), 63 * 1024);
	assert_string_equal(memory.window + guest(info + 16, 4), "kernel quiet");
	assert_string_equal(memory.window + guest(info + 64, 4), "Bulkhead");
	assert_int_equal(guest(info + 20, 4), 3);
	mods = guest(info + 24, 4);
	assert_string_equal(memory.window + guest(mods + 8, 4), "initrd.img");
	assert_string_equal(memory.window + guest(mods, 4), "initrd");
	assert_string_equal(memory.window + guest(mods + 24, 4), "one.bin a b");
	assert_int_equal(guest(mods + 16, 4) % 4096, 0);
	assert_int_equal(guest(mods + 20, 4) - guest(mods + 16, 4), sizeof(more));
	assert_memory_equal(memory.window + guest(mods + 16, 4), more, sizeof(more));
	assert_string_equal(memory.window + guest(mods + 40, 4), "two.bin");
	assert_true(guest(mods + 32, 4) >= guest(mods + 20, 4));
	map = guest(info + 48, 4);
	assert_int_equal(guest(info + 44, 4), 4 * 24);
	assert_int_equal(guest(map, 4), 20);
	assert_int_equal(guest(map + 12, 8), 0x9fc00);
	assert_int_equal(guest(map + 72 + 4, 8), 0x100000);
	assert_int_equal(guest(map + 72 + 20, 4), 1);
}

static void multiboot_modules_too_large(void **test)
{
	static uint8_t large[2 * MIB];
	const struct load_module modules[] = { { { "large", large, sizeof(large) }, "" } };

	(void)test;
	make_elf();
	memory_of(4 * MIB);
	request.modules = modules;
	request.module_count = 1;
	refused(E_NO_MEMORY, "modules (2 MiB in all) do not fit in 4 MiB of memory above the kernel (up to 3 MiB)");
	memory_of(5 * MIB);
	loaded();
	memory_of(3 * MIB);
	request.module_count = 0;
	loaded();
	memory_of(2 * MIB);
	refused(E_NO_MEMORY, "needs memory up to 3 MiB, the partition has 2 MiB");
}

static void multiboot_in_one_mebibyte(void **test)
{
	(void)test;
	make_addresses();
	put(0x10c, 0x10100, 4);
	put(0x110, 0x10000, 4);
	put(0x114, 0x11000, 4);
	put(0x118, 0x12000, 4);
	put(0x11c, 0x10020, 4);
	memory_of(1 * MIB);
	loaded();
	assert_true(state.gpr[3] >= 0x12000 && state.gpr[3] < 0x9fc00);
	assert_int_equal(guest(state.gpr[3] + 8, 4), 0);
}

/* --- neither --- */

static void others(void **test)
{
	(void)test;
	refused(E_UNSUPPORTED, "kernel: not a kernel: a Linux bzImage or a Multiboot 1 kernel is needed");
	memcpy(image, "\177ELF\2", 5);
	refused(E_UNSUPPORTED, "goes by its bzImage");
	memcpy(image, "\177ELF\1", 5);
	refused(E_UNSUPPORTED, "without a Multiboot 1 header");
	memcpy(image, "\037\213", 2);
	refused(E_UNSUPPORTED, "gzip");
	memcpy(image, "MZ", 2);
	refused(E_UNSUPPORTED, "EFI program");
	request.kernel.data = NULL;
	refused(E_INVALID, "empty");
}

/* A short buffer for the sentence is cut, not overrun. */
static void sentence_is_cut(void **test)
{
	char little[10];

	(void)test;
	assert_int_equal(load_kernel(&request, &state, little, sizeof(little)), E_UNSUPPORTED);
	assert_string_equal(little, "kernel: n");
	assert_int_equal(load_kernel(&request, &state, little, 3), E_UNSUPPORTED);
	assert_string_equal(little, "ke");
}

static void stock_kernel(void **test)
{
	FILE *file = fopen("build/demo/vmlinuz", "rb");
	static uint8_t bytes[32 * MIB];

	(void)test;
	if (!file)
		skip();
	request.kernel = (struct load_file){ "vmlinuz", bytes, fread(bytes, 1, sizeof(bytes), file) };
	fclose(file);
	memory_of(256 * MIB);
	loaded();
	assert_int_equal(state.rip, 0x1000200);
	assert_int_equal(guest(state.gpr[6] + 0x206, 2) >= 0x20c, 1);
	request.kernel.size -= 64 * 1024;
	refused(E_INVALID, "cut short");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(layout_small, setup, teardown),
		cmocka_unit_test_setup_teardown(layout_around_the_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_loads, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_params, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_page_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_initrd, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_header_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_unsupported, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(linux_cmdline, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_addresses_lie, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_header_place, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_elf, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_elf_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_info, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_modules_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(multiboot_in_one_mebibyte, setup, teardown),
		cmocka_unit_test_setup_teardown(others, setup, teardown),
		cmocka_unit_test_setup_teardown(sentence_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(stock_kernel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
