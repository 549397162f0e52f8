/* SPDX-License-Identifier: MIT */
/* GRUB's boot information, good and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/multiboot2.h"

static uint8_t buffer[1024] __attribute__((aligned(8)));
static struct mb2_info info;

static void start(void)
{
	memset(buffer, 0, sizeof(buffer));
	info = (struct mb2_info){ .data = buffer, .size = 8 };
}

/* Appends a tag: type, `size` bytes of content. */
static void tag(uint32_t type, const void *content, uint32_t size)
{
	struct mb2_tag head = { type, size + sizeof(head) };

	memcpy(buffer + info.size, &head, sizeof(head));
	if (size)
		memcpy(buffer + info.size + sizeof(head), content, size);
	info.size += (head.size + 7) & ~7U;
}

static void module(uint32_t address, const char *string)
{
	struct {
		uint32_t start, end;
		char string[64];
	} content = { address, address + 100, "" };

	strcpy(content.string, string);
	tag(MB2_MODULE, &content, 8 + strlen(string) + 1);
}

static uint32_t found(const char *name)
{
	const struct mb2_module *module = mb2_module_find(&info, name);

	return module ? module->start : 0;
}

static void modules_by_name(void **state)
{
	(void)state;
	start();
	module(0x1000, "/boot/vmlinuz-6.1 quiet vmlinuz");
	module(0x2000, "sub/initrd.img");
	module(0x3000, "bulkhead.conf");
	module(0x4000, "");
	tag(MB2_END, NULL, 0);
	assert_int_equal(found("vmlinuz-6.1"), 0x1000);
	assert_int_equal(found("/boot/vmlinuz-6.1"), 0x1000);
	assert_int_equal(found("other/vmlinuz-6.1"), 0x1000);
	assert_int_equal(found("vmlinuz"), 0);
	assert_int_equal(found("quiet"), 0);
	assert_int_equal(found("sub/initrd.img"), 0x2000);
	assert_int_equal(found("img"), 0);
	assert_int_equal(mb2_config(&info)->start, 0x3000);
}

static void first_module_is_the_configuration(void **state)
{
	(void)state;
	start();
	tag(MB2_END, NULL, 0);
	assert_null(mb2_config(&info));
	start();
	module(0x1000, "my.conf");
	module(0x2000, "vmlinuz");
	tag(MB2_END, NULL, 0);
	assert_int_equal(mb2_config(&info)->start, 0x1000);
	assert_int_equal(found("vmlinuz"), 0x2000);
}

static void memory_and_screen(void **state)
{
	static const struct {
		uint32_t entry_size, version;
		struct mb2_memory_entry entry[3];
	} memory = { 24, 0, { { 0, 0x9f000, 1, 0 }, { 0x100000, 0x1000, 3, 0 }, { 0x200000, 0x1000, 77, 0 } } };
	struct mb2_framebuffer screen = { .address = 0xfd000000, .pitch = 4096, .width = 1024, .height = 768, .bpp = 32,
					  .kind = 1, .red_position = 16, .red_size = 8, .green_position = 8,
					  .green_size = 8, .blue_size = 8 };
	struct bootmem entries[8];
	struct bootmem_list list = { .entries = entries, .capacity = 8 };
	struct bootframebuffer result = { 0 };

	(void)state;
	start();
	tag(MB2_MEMORY_MAP, &memory, sizeof(memory));
	tag(MB2_FRAMEBUFFER, (uint8_t *)&screen + 8, offsetof(struct mb2_framebuffer, blue_size) + 1 - 8);
	tag(MB2_END, NULL, 0);
	mb2_memory(&info, &list);
	assert_int_equal(list.count, 3);
	assert_int_equal(entries[1].type, BOOTMEM_ACPI);
	assert_int_equal(entries[2].type, BOOTMEM_RESERVED);
	mb2_screen(&info, &result);
	assert_int_equal(result.base, 0xfd000000);
	assert_int_equal(result.size, 4096 * 768);
	assert_int_equal(result.red_shift, 16);
	assert_int_equal(result.bytes_per_pixel, 4);
	/* Text mode is no framebuffer. */
	start();
	screen.kind = 2;
	tag(MB2_FRAMEBUFFER, (uint8_t *)&screen + 8, 30);
	result = (struct bootframebuffer){ 0 };
	mb2_screen(&info, &result);
	assert_int_equal(result.base, 0);
}

/* Every length of a good one, in a block of just that size. */
static void cut_short(void **state)
{
	(void)state;
	start();
	module(0x1000, "vmlinuz");
	module(0x2000, "initrd.img");
	for (size_t size = 0; size <= info.size; size++) {
		uint8_t *copy = aligned_alloc(8, (size + 8) & ~7UL);
		struct mb2_info cut = { .data = copy, .size = size };
		const struct mb2_tag *at = NULL;
		unsigned count = 0;

		memcpy(copy, buffer, size);
		while ((at = mb2_next(&cut, at, MB2_MODULE, sizeof(struct mb2_module))) != NULL)
			count++;
		assert_true(count <= 2 && (count == 2) == (size + 5 >= info.size));
		free(copy);
	}
}

static void damaged(void **state)
{
	uint32_t huge = UINT32_MAX - 3;

	(void)state;
	start();
	module(0x1000, "vmlinuz");
	memcpy(buffer + 12, &huge, 4);
	assert_null(mb2_module_find(&info, "vmlinuz"));
	huge = 0;
	memcpy(buffer + 12, &huge, 4);
	assert_null(mb2_module_find(&info, "vmlinuz"));
	start();
	tag(MB2_MODULE, "\0\0\0\0\0\0\0\0no end..", 16);
	assert_string_equal(mb2_module_string((const struct mb2_module *)(buffer + 8)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_by_name),
		cmocka_unit_test(first_module_is_the_configuration),
		cmocka_unit_test(memory_and_screen),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
