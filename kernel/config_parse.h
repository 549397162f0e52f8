/* SPDX-License-Identifier: MIT */
/* What the files of the configuration parser share. Pure: no other functions than these and those of string.h. */
#ifndef KERNEL_CONFIG_PARSE_H
#define KERNEL_CONFIG_PARSE_H

#include "kernel/config.h"

enum config_section {
	SECTION_NONE,      /* before the first header */
	SECTION_BULKHEAD,
	SECTION_PARTITION,
	SECTION_CHANNEL,
	SECTION_UNKNOWN,   /* reported; its keys are skipped */
};

#define CONFIG_KEYS 12       /* of one section, at the most */
#define CONFIG_KEY_VERSION 0 /* its place among those of [bulkhead] */

struct config_parser {
	struct config *config;
	struct config_partition *partition; /* the one whose section this is; NULL: another section */
	struct config_channel *channel;     /* likewise */
	unsigned capacity;                  /* of config->partitions */
	enum config_section section;
	unsigned section_line;
	unsigned bulkhead_line;             /* of its section header; 0: none yet */
	unsigned line;                      /* being parsed, 1-based */
	unsigned bulkhead_keys[CONFIG_KEYS]; /* line where the key stands; 0: not yet */
	unsigned partition_keys[CONFIG_KEYS];
	unsigned channel_keys[CONFIG_KEYS];
	bool crowded;                       /* more partitions than fit were reported */
	config_report *report;
	void *context;
};

/* --- config_text.c: words and messages --- */

/* Reports an error, marks the current partition. "%1" and "%2" in the sentences become `one` and `two`, cut short. */
void config_fault(struct config_parser *parser, unsigned line, const char *problem, const char *fix, const char *one,
		  const char *two);
/* Decimal digits of `value`; returns `buffer`. */
const char *config_decimal(char buffer[24], uint64_t value);
/* 1 to CONFIG_NAME_MAX letters, digits, '-' and '_'. */
bool config_name_is_good(const char *name);
/* The one of `words` that `word` was probably meant to be; NULL: none is near. */
const char *config_nearest(const char *word, const char *const *words, unsigned count);
bool config_blank(char c);
/* Cuts blanks at the end (writes a terminator) and returns the first other character. */
char *config_trim(char *text);

/* --- config_value.c: numbers and lists; false: not one --- */

/* Decimal, or hexadecimal after 0x; moves `*at` behind the digits. */
bool config_number(const char **at, uint64_t *value);
/* "0", "0-1", "0,2-3". `*why` says what is wrong. */
bool config_cpus(const char *text, uint64_t *cpus, const char **why);
/* "512M": a number and K, M or G. UINT64_MAX when it is beyond 64 bits. */
bool config_size(const char *text, uint64_t *size);
/* "com1,115200", "0x3f8,9600", "com2". */
bool config_uart(const char *text, uint16_t *port, uint32_t *baud);

/* --- config_sched.c --- */

/* The value of a partition's key sched. */
void config_sched(struct config_parser *parser, char *value);

/* --- config_channel.c --- */

/* A header [channel NAME]; keys that follow are its own. */
void config_channel_begin(struct config_parser *parser, const char *name);
void config_channel_partitions(struct config_parser *parser, char *value);
void config_channel_size(struct config_parser *parser, char *value);
/* The file is complete: do the channels lead to partitions? */
void config_channels_join(struct config_parser *parser);

/* --- config_keys.c --- */

/* One "key = value" line of the current section. */
void config_key(struct config_parser *parser, const char *key, char *value);
/* The section is complete: what must be in it? */
void config_section_end(struct config_parser *parser);

#endif
