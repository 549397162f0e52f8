/* SPDX-License-Identifier: MIT */
/* Puts a partition's kernel, modules and ACPI tables into its zeroed memory. */
#include <stdio.h>

#include "drivers/vacpi.h"
#include "kernel/boot_files.h"
#include "kernel/errno.h"
#include "kernel/guest_layout.h"
#include "kernel/load.h"
#include "kernel/mem.h"
#include "kernel/partition.h"

static struct load_file load_file(const char *name)
{
	const struct bootfile *file = name ? boot_file(name) : NULL;

	if (!file)
		return (struct load_file){ .name = name };
	return (struct load_file){ .name = name, .data = boot_file_data(file), .size = file->size };
}

static int load_acpi(struct partition *partition, uint64_t *rsdp)
{
	const struct vacpi_config config = { .cpus = partition->vcpu_count };
	uint8_t *tables = mem_alloc(VACPI_SIZE_MAX);
	int size;

	if (!tables)
		return E_NO_MEMORY;
	size = vacpi_build(&config, tables, VACPI_SIZE_MAX, LAYOUT_ROM, rsdp);
	if (size > 0)
		size = guest_write(&partition->memory, LAYOUT_ROM, tables, (size_t)size);
	mem_free(tables);
	return size;
}

int partition_load(struct partition *partition, struct load_state *state, char *why, size_t size)
{
	const struct config_partition *c = partition->config;
	struct load_module modules[CONFIG_MODULES];
	struct load_request request = {
		.memory = &partition->memory,
		.copies = &partition->copies,
		.kernel = load_file(c->kernel),
		.initrd = load_file(c->initrd),
		.cmdline = c->cmdline,
		.modules = modules,
		.module_count = c->module_count,
	};
	unsigned i;

	for (i = 0; i < c->module_count; i++)
		modules[i] = (struct load_module){ load_file(c->modules[i].file), c->modules[i].cmdline };
	/* A partition of 1 MiB has no room above the tables' place, and none for a kernel either: the loader says so. */
	if (load_acpi(partition, &request.rsdp)) {
		snprintf(why, size, "no memory for its ACPI tables; give the partition 2 MiB or more");
		return E_NO_MEMORY;
	}
	return load_kernel(&request, state, why, size);
}
