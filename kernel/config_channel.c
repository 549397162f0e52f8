/* SPDX-License-Identifier: MIT */
/* The configuration's sections [channel NAME]: shared memory, and whom it joins. */
#include "kernel/config_parse.h"

#include <string.h>

static void name_channel(struct config_parser *parser, const char *name)
{
	const struct config *config = parser->config;
	char number[24];

	if (!config_name_is_good(name)) {
		config_fault(parser, parser->line, *name ? "'%1' is no name for a channel" : "the channel has no name",
			     "write [channel NAME] with 1 to 31 letters, digits, - or _", name, NULL);
		return;
	}
	parser->channel->name = name;
	for (unsigned i = 0; i + 1 < config->channel_count; i++) {
		if (strcmp(config->channels[i].name, name) != 0)
			continue;
		config_fault(parser, parser->line, "there is a channel %1 in line %2 already",
			     "give this one another name", name, config_decimal(number, config->channels[i].line));
		return;
	}
}

void config_channel_begin(struct config_parser *parser, const char *name)
{
	struct config *config = parser->config;

	if (config->channel_count == CONFIG_CHANNELS) {
		parser->section = SECTION_UNKNOWN;
		config_fault(parser, parser->line, "channel %1 is one more than the sixteen that there can be",
			     "remove a channel", name, NULL);
		return;
	}
	parser->section = SECTION_CHANNEL;
	parser->channel = &config->channels[config->channel_count++];
	*parser->channel = (struct config_channel){ .name = "?", .line = parser->line };
	memset(parser->channel_keys, 0, sizeof(parser->channel_keys));
	name_channel(parser, name);
}

/* Partitions may follow below: they are looked up at the end of the file. */
void config_channel_partitions(struct config_parser *parser, char *value)
{
	parser->channel->list = value;
	parser->channel->list_line = parser->line;
}

void config_channel_size(struct config_parser *parser, char *value)
{
	uint64_t size;

	if (!config_size(value, &size))
		config_fault(parser, parser->line, "'%1' is not a size", "write a number and K or M, such as 64K",
			     value, NULL);
	else if (size < CONFIG_CHANNEL_MIN || size > CONFIG_CHANNEL_MAX || size & (size - 1))
		config_fault(parser, parser->line, "%1 is no size for a channel",
			     "write a power of two from 4K to 256M", value, NULL);
	else
		parser->channel->size = size;
}

static void unknown_partition(struct config_parser *parser, const char *name)
{
	const struct config *config = parser->config;
	const char *names[CONFIG_PARTITIONS], *nearest;

	for (unsigned i = 0; i < config->count; i++)
		names[i] = config->partitions[i].name;
	nearest = config_nearest(name, names, config->count);
	config_fault(parser, parser->channel->list_line,
		     "the channel leads to '%1', which is no partition of this file",
		     nearest ? "did you mean %2?" : "name partitions, between commas", name, nearest);
}

/* One name of the list. */
static void join(struct config_parser *parser, const char *name)
{
	struct config_channel *channel = parser->channel;
	const struct config *config = parser->config;
	unsigned index, i;

	for (index = 0; index < config->count && strcmp(config->partitions[index].name, name) != 0; index++)
		;
	if (index == config->count) {
		unknown_partition(parser, name);
		return;
	}
	for (i = 0; i < channel->count && channel->peers[i] != index; i++)
		;
	if (i < channel->count)
		config_fault(parser, channel->list_line, "the channel names partition %1 twice",
			     "remove one of the two", name, NULL);
	else if (channel->count == CONFIG_PEERS)
		config_fault(parser, channel->list_line,
			     "partition %1 is one more than the sixteen that a channel can join",
			     "remove a partition from the list", name, NULL);
	else
		channel->peers[channel->count++] = index;
}

static void join_all(struct config_parser *parser)
{
	struct config_channel *channel = parser->channel;
	char *name = channel->list, *comma;

	for (; name; name = comma ? comma + 1 : NULL) {
		comma = strchr(name, ',');
		if (comma)
			*comma = '\0';
		join(parser, config_trim(name));
	}
	if (channel->list && !channel->bad && channel->count < 2)
		config_fault(parser, channel->list_line, "channel %1 has one partition alone",
			     "name two or more, between commas", channel->name, NULL);
}

/* All that a partition shares must fit into its address space. */
static void check_sums(struct config_parser *parser)
{
	uint64_t sums[CONFIG_PARTITIONS] = { 0 };
	struct config_channel *channel = parser->channel;
	const struct config *config = parser->config;

	for (const struct config_channel *c = config->channels; c <= channel; c++)
		for (unsigned i = 0; !c->bad && i < c->count; i++)
			sums[c->peers[i]] += c->size;
	for (unsigned i = 0; !channel->bad && i < channel->count; i++)
		if (sums[channel->peers[i]] > CONFIG_CHANNEL_SUM)
			config_fault(parser, channel->line,
				     "with channel %1 partition %2 has more than 512M of shared memory",
				     "make its channels smaller", channel->name,
				     config->partitions[channel->peers[i]].name);
}

void config_channels_join(struct config_parser *parser)
{
	for (unsigned i = 0; i < parser->config->channel_count; i++) {
		parser->channel = &parser->config->channels[i];
		join_all(parser);
		check_sums(parser);
	}
	parser->channel = NULL;
}
