/* SPDX-License-Identifier: MIT */
/* From GRUB's boot information to the kernel. */
#include "boot/multiboot2.h"

#include <cpuid.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOW_LIMIT (1ULL << 20)
#define BELOW_4G (1ULL << 32)
#define KERNEL_ALIGN (2ULL << 20)
#define INFO_MAX (64UL << 10)
#define MAP_ENTRIES 256
#define STAGES 4
#define COM1 0x3f8

extern const uint8_t carried_kernel[], carried_kernel_end[];
extern uint8_t __loader_start[], __loader_end[];

static uint8_t info_copy[INFO_MAX] __attribute__((aligned(8)));
static struct mb2_info mb2;
static struct bootinfo early;
static struct bootfile *files;

/* The map as it grows: firmware's entries, then every range that is taken. */
static struct bootmem raw_entries[MAP_ENTRIES], map_entries[2 * MAP_ENTRIES];
static struct bootmem_list raw = { .entries = raw_entries, .capacity = MAP_ENTRIES };

static void port_write(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static uint8_t port_read(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
	return value;
}

/* There is no firmware console any more: COM1, 115200 baud, 8 data bits, no parity (16550D data sheet, 8.0). */
static void serial_init(void)
{
	port_write(COM1 + 3, 0x80);
	port_write(COM1 + 0, 1);
	port_write(COM1 + 1, 0);
	port_write(COM1 + 3, 0x03);
}

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void print(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (const char *at = text; *at; at++) {
		for (unsigned spin = 0; !(port_read(COM1 + 5) & 0x20) && spin < 100000; spin++)
			;
		port_write(COM1, (uint8_t)*at);
	}
}

static void fail(const char *sentence) __attribute__((noreturn));
static void fail(const char *sentence)
{
	volatile uint16_t *screen = (volatile uint16_t *)0xb8000;

	print("Bulkhead cannot start: %s\r\n", sentence);
	for (unsigned i = 0; sentence[i]; i++)
		screen[i] = (uint16_t)(0x4f00 | (uint8_t)sentence[i]);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Free memory, zeroed and taken out of the map; fails by itself. */
static uint8_t *take(uint64_t size, uint64_t align)
{
	uint32_t count = bootmem_resolve(&raw, map_entries, 2 * MAP_ENTRIES);
	uint64_t base = bootmem_find(map_entries, count, size, align, LOW_LIMIT, BELOW_4G);

	if (raw.count + 1 >= raw.capacity) /* an entry may have been dropped: then free memory is not known */
		fail("the firmware's memory map and the modules have too many entries. Load fewer modules.");
	if (base == UINT64_MAX)
		fail("there is not enough free memory below 4 GiB. Give the machine more, or load smaller modules.");
	bootmem_add(&raw, base, size, BOOTMEM_BOOT);
	return memset((void *)base, 0, size);
}

static uint64_t whole_pages(uint64_t size)
{
	return (size + HANDOFF_PAGE - 1) & ~(HANDOFF_PAGE - 1);
}

/* Modules start on pages (the header asks for it); what follows one within its last page is nobody's by now. */
static void file_from(struct bootfile *file, const struct mb2_module *module)
{
	if (!module || module->end < module->start || module->start % HANDOFF_PAGE != 0)
		return;
	file->base = module->start;
	file->size = module->end - module->start;
	file->status = BOOTFILE_OK;
	memset((void *)(file->base + file->size), 0, whole_pages(file->size) - file->size);
}

static void take_modules(void)
{
	const struct mb2_tag *tag = NULL;

	bootmem_add(&raw, (uintptr_t)__loader_start, __loader_end - __loader_start, BOOTMEM_BOOT);
	while ((tag = mb2_next(&mb2, tag, MB2_MODULE, sizeof(struct mb2_module))) != NULL) {
		const struct mb2_module *module = (const struct mb2_module *)tag;

		if (module->end > module->start)
			bootmem_add(&raw, module->start, module->end - module->start, BOOTMEM_BOOT);
	}
}

static void start_info(uint64_t tsc)
{
	const struct mb2_tag *name = mb2_next(&mb2, NULL, MB2_LOADER_NAME, sizeof(*name) + 1);
	const struct mb2_module *config = mb2_config(&mb2);
	char loader[sizeof(early.loader)], title[sizeof(early.config_name)] = "bulkhead.conf";

	snprintf(loader, sizeof(loader), "Multiboot2: %.*s", name ? (int)(name->size - sizeof(*name)) : 0,
		 (const char *)(name + 1));
	if (config && *mb2_module_string(config))
		snprintf(title, sizeof(title), "%.*s", (int)strcspn(mb2_module_string(config), " "),
			 mb2_module_string(config));
	handoff_info_init(&early, loader, title);
	early.entry_tsc = tsc;
	file_from(&early.config, config);
	if (early.config.size > HANDOFF_CONFIG_MAX)
		fail("the first module is too large to be a configuration. In grub.cfg: module2 FILE bulkhead.conf");
	print("\r\nBulkhead\r\n[1/%u] configuration: %s, %lu bytes\r\n", STAGES, title, early.config.size);
}

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	(void)context;
	print("      %s:%u: %s; %s\r\n", early.config_name, line, problem, fix);
}

/* Parsing writes into the text, so it gets a copy; the kernel reads the original. */
static void find_files(void)
{
	const char *text = (const char *)early.config.base;
	unsigned partitions = config_count(text, early.config.size), capacity, good = 0;
	size_t array = partitions * sizeof(struct config_partition);
	uint8_t *scratch = take(array + early.config.size + 1, HANDOFF_PAGE);
	struct config config;

	memcpy(scratch + array, text, early.config.size);
	config_parse((char *)scratch + array, early.config.size, &config, (struct config_partition *)scratch,
		     partitions, report, NULL);
	capacity = handoff_file_count(&config);
	files = (struct bootfile *)take(capacity * sizeof(*files) + 1, HANDOFF_PAGE);
	early.file_count = handoff_file_list(&config, files, capacity);
	for (unsigned i = 0; i < early.file_count; i++) {
		file_from(&files[i], mb2_module_find(&mb2, files[i].name));
		if (files[i].status == BOOTFILE_OK)
			good++;
		else
			print("      there is no module %s; add it in grub.cfg: module2 FILE %s\r\n", files[i].name,
			      files[i].name);
	}
	early.files = (uintptr_t)files;
	print("[2/%u] files: %u of %u among the modules\r\n", STAGES, good, early.file_count);
}

static void load_kernel(struct kernel_elf *elf)
{
	uint8_t *to;

	if (!kernel_elf_open(elf, carried_kernel, carried_kernel_end - carried_kernel))
		fail("the kernel in this image is damaged. Copy bulkhead.mb2 again.");
	to = take(elf->memory_size, KERNEL_ALIGN);
	kernel_elf_load(elf, to);
	early.kernel_base = (uintptr_t)to;
	early.kernel_size = elf->memory_size;
	print("[3/%u] kernel: %lu KiB at 0x%lx\r\n", STAGES, early.kernel_size >> 10, early.kernel_base);
}

/* GRUB hands over a copy of the RSDP, which must stay: ACPI 2.0's if there is one. */
static void find_rsdp(struct handoff_arena *arena)
{
	const struct mb2_tag *tag = mb2_next(&mb2, NULL, MB2_RSDP_2, sizeof(*tag) + 36);
	void *copy;

	if (!tag)
		tag = mb2_next(&mb2, NULL, MB2_RSDP_1, sizeof(*tag) + 20);
	if (!tag || tag->size > HANDOFF_PAGE)
		return;
	copy = handoff_take(arena, HANDOFF_PAGE);
	memcpy(copy, tag + 1, tag->size - sizeof(*tag));
	early.rsdp = (uintptr_t)copy;
}

/* The SMBIOS entry point lies in the BIOS (SMBIOS specification 5.2.1, 5.2.2). */
static void find_smbios(void)
{
	for (uintptr_t at = 0xf0000; at < 0x100000; at += 16) {
		if (memcmp((const void *)at, "_SM3_", 5) == 0) {
			early.smbios = at;
			return;
		}
		if (memcmp((const void *)at, "_SM_", 4) == 0 && early.smbios == 0)
			early.smbios = at;
	}
}

static uint64_t top_of_memory(void)
{
	uint64_t top = 0;

	for (uint32_t i = 0; i < raw.count; i++)
		if (raw.entries[i].type != BOOTMEM_RESERVED && raw.entries[i].base + raw.entries[i].size > top)
			top = raw.entries[i].base + raw.entries[i].size;
	return top;
}

static void enter(const struct kernel_elf *elf)
{
	unsigned eax, ebx, ecx, edx;
	bool gigabyte = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & 1u << 26;
	unsigned table_pages = boot_tables_pages(top_of_memory(), gigabyte);
	struct handoff_arena arena = { .size = handoff_arena_size(0, MAP_ENTRIES, table_pages) + HANDOFF_PAGE };
	struct boot_tables tables;
	struct bootinfo *info;
	struct bootmem *memory;
	uint8_t *stack;

	arena.base = take(arena.size, HANDOFF_PAGE);
	find_rsdp(&arena);
	find_smbios();
	mb2_screen(&mb2, &early.framebuffer);
	print("[4/%u] machine: ACPI %s, screen %ux%u\r\n", STAGES, early.rsdp ? "yes" : "no", early.framebuffer.width,
	      early.framebuffer.height);
	stack = handoff_take(&arena, HANDOFF_STACK);
	info = handoff_take(&arena, sizeof(*info));
	memory = handoff_take(&arena, 2 * MAP_ENTRIES * sizeof(*memory));
	boot_tables_create(&tables, handoff_take(&arena, table_pages * HANDOFF_PAGE), table_pages, gigabyte);
	handoff_claim(&raw, &early, files, &arena);
	early.memory_count = bootmem_resolve(&raw, memory, 2 * MAP_ENTRIES);
	early.memory = (uintptr_t)memory;
	*info = early;
	if (!boot_tables_fill(&tables, info, memory, info->memory_count))
		fail("the machine's memory map does not fit into 47 bits of address. Please report it.");
	handoff_enter((uintptr_t)tables.pages, elf->entry, (uintptr_t)stack + HANDOFF_STACK, info);
}

void mb2_main(uint32_t magic, uint32_t address, uint64_t tsc)
{
	uint32_t size = *(const uint32_t *)(uintptr_t)address;
	struct kernel_elf elf;

	serial_init();
	if (magic != MULTIBOOT2_MAGIC)
		fail("it was not loaded by the Multiboot2 protocol. In grub.cfg, use the command multiboot2.");
	if (size > sizeof(info_copy))
		fail("the boot information is larger than 64 KiB. Load fewer modules.");
	/* The original may lie anywhere in free memory, even in the last page of a module. */
	memcpy(info_copy, (const void *)(uintptr_t)address, size);
	mb2 = (struct mb2_info){ .data = info_copy, .size = size };
	mb2_memory(&mb2, &raw);
	take_modules();
	start_info(tsc);
	find_files();
	load_kernel(&elf);
	enter(&elf);
}
