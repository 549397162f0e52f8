/* SPDX-License-Identifier: MIT */
/* The UEFI application: reads the configuration and its files, leaves boot services, enters the kernel. */
#include "boot/efi.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

#define BELOW_4G (1ULL << 32)
#define KERNEL_ALIGN (2ULL << 20)

extern const uint8_t carried_kernel[], carried_kernel_end[];

EFI_HANDLE efi_image;
EFI_SYSTEM_TABLE *efi_system;

/* The entry point that gnu-efi's start code calls. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static struct bootinfo early; /* copied into the arena at the end */
static struct bootfile *files;
static struct efi_folder folder;

static const char *const file_faults[] = {
	[BOOTFILE_NOT_FOUND] = "is not there; copy it beside the configuration or correct its name",
	[BOOTFILE_READ_ERROR] = "cannot be read; check the disk, or write the file again",
	[BOOTFILE_NO_MEMORY] = "does not fit into the machine's memory",
};

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	efi_print("      %s:%u: %s; %s\n", (const char *)context, line, problem, fix);
}

static EFI_STATUS load_config(void)
{
	struct bootfile *config = &early.config;
	char name[sizeof(config->name)];
	uint64_t start = efi_tsc();

	efi_config_name(name, sizeof(name));
	handoff_info_init(&early, "UEFI", name);
	if (!efi_folder_open(&folder))
		return efi_fail(EFI_UNSUPPORTED, "the firmware did not load it from a disk with a file system. Put "
				"bulkhead.efi and bulkhead.conf on a FAT partition and start it from there.");
	efi_file_read(&folder, config, HANDOFF_CONFIG_MAX);
	if (config->status == BOOTFILE_NOT_FOUND)
		return efi_fail(EFI_NOT_FOUND, "there is no configuration %s beside its image. Copy one there, or name "
				"another with -cfg=NAME in the boot entry's options.", name);
	if (config->status == BOOTFILE_NO_MEMORY)
		return efi_fail(EFI_BAD_BUFFER_SIZE, "the configuration %s is larger than %lu KiB, which no "
				"configuration needs. Check what was copied there.", name, HANDOFF_CONFIG_MAX >> 10);
	if (config->status != BOOTFILE_OK)
		return efi_fail(EFI_DEVICE_ERROR, "the configuration %s %s.", name, file_faults[config->status]);
	efi_folder_enter(&folder, name);
	early.file_tsc = efi_tsc() - start;
	efi_stage("configuration", "%s, %lu bytes", name, config->size);
	return EFI_SUCCESS;
}

/* Parsing writes into the text, and the kernel wants it whole: so on a copy, which need not outlive boot services. */
static EFI_STATUS list_files(void)
{
	const struct bootfile *source = &early.config;
	unsigned partitions = config_count((const char *)source->base, source->size), capacity;
	size_t array = partitions * sizeof(struct config_partition);
	uint8_t *scratch = efi_pages(array + source->size + 1, UINT64_MAX);
	struct config config;
	char *text;

	if (!scratch)
		return efi_fail(EFI_OUT_OF_RESOURCES, "there is no memory left to read %s. Give the machine more.",
				source->name);
	memset(scratch, 0, array);
	text = (char *)scratch + array;
	memcpy(text, (const void *)source->base, source->size);
	config_parse(text, source->size, &config, (struct config_partition *)scratch, partitions, report,
		     early.config_name);
	capacity = handoff_file_count(&config);
	files = efi_pages(capacity * sizeof(*files) + 1, UINT64_MAX);
	if (!files)
		return efi_fail(EFI_OUT_OF_RESOURCES, "there is no memory left for a list of files. "
				"Give the machine more.");
	early.file_count = handoff_file_list(&config, files, capacity);
	return EFI_SUCCESS;
}

static void load_files(void)
{
	uint64_t start = efi_tsc(), bytes = 0;
	unsigned good = 0;

	for (unsigned i = 0; i < early.file_count; i++) {
		efi_file_read(&folder, &files[i], UINT64_MAX / 2);
		if (files[i].status != BOOTFILE_OK) {
			efi_print("      %s %s\n", files[i].name, file_faults[files[i].status]);
			continue;
		}
		bytes += files[i].size;
		good++;
	}
	early.file_tsc += efi_tsc() - start;
	efi_stage("files", "%u of %u read, %lu KiB", good, early.file_count, bytes >> 10);
}

static EFI_STATUS load_kernel(struct kernel_elf *elf)
{
	uint8_t *to;

	if (!kernel_elf_open(elf, carried_kernel, carried_kernel_end - carried_kernel))
		return efi_fail(EFI_LOAD_ERROR, "the kernel in this image is damaged. Copy bulkhead.efi again.");
	/* The other processors start in 16 bits and reach 4 GiB at first. */
	to = efi_pages_aligned(elf->memory_size, KERNEL_ALIGN, BELOW_4G);
	if (!to)
		return efi_fail(EFI_OUT_OF_RESOURCES, "there are no %lu KiB of memory below 4 GiB for the kernel.",
				elf->memory_size >> 10);
	kernel_elf_load(elf, to);
	early.kernel_base = (uintptr_t)to;
	early.kernel_size = elf->memory_size;
	efi_stage("kernel", "%lu KiB at 0x%lx", early.kernel_size >> 10, early.kernel_base);
	return EFI_SUCCESS;
}

static void find_hardware(void)
{
	const struct bootframebuffer *screen = &early.framebuffer;

	early.rsdp = efi_rsdp();
	early.smbios = efi_smbios();
	efi_framebuffer(&early.framebuffer);
	efi_processors(&early);
	efi_stage("machine", "%u processors, ACPI %s, screen %ux%u", early.cpu_count, early.rsdp ? "yes" : "no",
		  screen->width, screen->height);
}

static bool has_gigabyte_pages(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & 1u << 26;
}

struct departure {
	struct efi_map map;
	struct handoff_arena arena;
	unsigned map_entries, table_pages;
};

/* Everything that needs the firmware's allocator, so that nothing is left to do but to leave. */
static EFI_STATUS prepare(struct departure *leave)
{
	static const char no_memory[] = "there is no memory left below 4 GiB for page tables. Give the machine more.";

	efi_map_get(&leave->map);
	leave->map.buffer = efi_pages(leave->map.capacity, BELOW_4G);
	if (!leave->map.buffer || EFI_ERROR(efi_map_get(&leave->map)))
		return efi_fail(EFI_OUT_OF_RESOURCES, no_memory);
	leave->map_entries = leave->map.capacity / leave->map.descriptor_size + early.file_count + 8;
	leave->table_pages = boot_tables_pages(efi_map_top(&leave->map), has_gigabyte_pages());
	leave->arena.size = handoff_arena_size(early.file_count, leave->map_entries, leave->table_pages);
	leave->arena.base = efi_pages(leave->arena.size, BELOW_4G);
	if (!leave->arena.base)
		return efi_fail(EFI_OUT_OF_RESOURCES, no_memory);
	return EFI_SUCCESS;
}

/* After boot services: no failure can be told any more, so every size was settled before. */
static void enter(struct departure *leave, uint64_t entry)
{
	struct handoff_arena *arena = &leave->arena;
	struct bootinfo *info = handoff_take(arena, sizeof(*info));
	struct bootfile *list = handoff_take(arena, early.file_count * sizeof(*list));
	uint8_t *stack = handoff_take(arena, HANDOFF_STACK);
	struct bootmem_list raw = { .capacity = leave->map_entries };
	struct bootmem *memory;
	struct boot_tables tables;

	raw.entries = handoff_take(arena, raw.capacity * sizeof(*raw.entries));
	memory = handoff_take(arena, 2 * raw.capacity * sizeof(*memory));
	boot_tables_create(&tables, handoff_take(arena, leave->table_pages * HANDOFF_PAGE), leave->table_pages,
			   has_gigabyte_pages());
	memcpy(list, files, early.file_count * sizeof(*list));
	efi_map_add(&leave->map, &raw);
	handoff_claim(&raw, &early, list, arena);
	early.memory_count = bootmem_resolve(&raw, memory, 2 * raw.capacity);
	early.memory = (uintptr_t)memory;
	early.files = (uintptr_t)list;
	*info = early;
	boot_tables_fill(&tables, info, memory, info->memory_count);
	handoff_enter((uintptr_t)tables.pages, entry, (uintptr_t)stack + HANDOFF_STACK, info);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static struct departure leave;
	struct kernel_elf elf;
	EFI_STATUS status;

	early.entry_tsc = efi_tsc();
	efi_image = image;
	efi_system = system;
	/* Reading may take longer than the firmware's five minutes (7.5.1). */
	system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
	efi_print("\nBulkhead\n");
	status = load_config();
	if (!EFI_ERROR(status))
		status = list_files();
	if (EFI_ERROR(status))
		return status;
	load_files();
	status = load_kernel(&elf);
	if (EFI_ERROR(status))
		return status;
	find_hardware();
	status = prepare(&leave);
	if (EFI_ERROR(status))
		return status;
	efi_stage("start", "leaving the firmware");
	status = efi_exit_boot_services(&leave.map);
	if (EFI_ERROR(status))
		return efi_fail(status, "the firmware does not let go (ExitBootServices: 0x%lx). Update it.", status);
	enter(&leave, elf.entry);
	return EFI_LOAD_ERROR;
}
