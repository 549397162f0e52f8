/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as a configuration. What comes out must keep the promises of kernel/config.h. */
#include <stdlib.h>
#include <string.h>

#include "kernel/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void report(void *context, unsigned line, const char *problem, const char *fix)
{
	++*(unsigned *)context;
	require(line > 0 && *problem && *fix && strlen(problem) < 240 && strlen(fix) < 240);
	for (; *problem; problem++)
		require(*problem >= ' ' && *problem <= '~');
	for (; *fix; fix++)
		require(*fix >= ' ' && *fix <= '~');
}

static void check_file(const char *name)
{
	require(strlen(name) > 0 && strlen(name) <= CONFIG_FILE_MAX && name[0] != '/' && !strstr(name, "/../"));
}

static void check_partition(const struct config_partition *partition)
{
	require(partition->name && strlen(partition->name) <= CONFIG_NAME_MAX && partition->cmdline);
	require(partition->module_count <= CONFIG_MODULES && partition->memory % 4096 == 0);
	require(partition->memory <= CONFIG_MEMORY_MAX);
	for (unsigned i = 0; i < partition->module_count; i++) {
		check_file(partition->modules[i].file);
		require(strlen(partition->modules[i].cmdline) <= CONFIG_LINE_MAX);
	}
	if (partition->kernel)
		check_file(partition->kernel);
	if (partition->initrd)
		check_file(partition->initrd);
	require(partition->bad || (partition->cpus && partition->memory >= CONFIG_MEMORY_MIN && partition->kernel));
}

static void check_channel(const struct config *config, const struct config_channel *channel)
{
	require(channel->name && strlen(channel->name) <= CONFIG_NAME_MAX && channel->count <= CONFIG_PEERS);
	for (unsigned i = 0; i < channel->count; i++)
		require(channel->peers[i] < config->count);
	require(channel->bad || (channel->count >= 2 && channel->size >= CONFIG_CHANNEL_MIN &&
				 channel->size <= CONFIG_CHANNEL_MAX && !(channel->size & (channel->size - 1))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count = config_count((const char *)data, size), reports = 0;
	struct config_partition *partitions = malloc((count ? count : 1) * sizeof(*partitions));
	char *text = malloc(size + 1);
	struct config config;

	require(partitions && text && count <= CONFIG_PARTITIONS);
	if (size)
		memcpy(text, data, size);
	config_parse(text, size, &config, partitions, count, report, &reports);
	require(config.count <= count && (config.errors > 0 || !config.fatal));
	require(reports == (config.errors < CONFIG_REPORTS ? config.errors : CONFIG_REPORTS));
	for (unsigned i = 0; i < config.count; i++) {
		check_partition(&partitions[i]);
		require(config.errors > 0 || !partitions[i].bad);
	}
	require(config.channel_count <= CONFIG_CHANNELS);
	for (unsigned i = 0; i < config.channel_count; i++) {
		check_channel(&config, &config.channels[i]);
		require(config.errors > 0 || !config.channels[i].bad);
	}
	free(text);
	free(partitions);
	return 0;
}
