/* SPDX-License-Identifier: MIT */
/* The files that a configuration names, each once. Pure. */
#include "boot/handoff.h"

#include <string.h>

unsigned handoff_file_count(const struct config *config)
{
	return config->count * (2 + CONFIG_MODULES);
}

/* A name too long for struct bootfile is left out: the kernel will not find it and says so. */
static unsigned list_add(struct bootfile *files, unsigned count, unsigned capacity, const char *name)
{
	if (!name || strlen(name) >= sizeof(files->name) || count == capacity)
		return count;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(files[i].name, name) == 0)
			return count;
	memset(&files[count], 0, sizeof(files[count]));
	strcpy(files[count].name, name);
	files[count].status = BOOTFILE_NOT_FOUND;
	return count + 1;
}

unsigned handoff_file_list(const struct config *config, struct bootfile *files, unsigned capacity)
{
	unsigned count = 0;

	for (unsigned i = 0; i < config->count; i++) {
		const struct config_partition *partition = &config->partitions[i];

		count = list_add(files, count, capacity, partition->kernel);
		count = list_add(files, count, capacity, partition->initrd);
		for (unsigned j = 0; j < partition->module_count; j++)
			count = list_add(files, count, capacity, partition->modules[j].file);
	}
	return count;
}
