/* SPDX-License-Identifier: MIT */
/* Many names and values in the log, as few lines as they fit in. */
#ifndef KERNEL_LOG_LIST_H
#define KERNEL_LOG_LIST_H

#include <stddef.h>
#include <stdint.h>

#define LOG_LIST_LINE 200

struct log_list {
	const char *who, *title; /* each line is an error of `who`'s and begins with the title */
	size_t used;             /* the rest is 0 at first */
	char line[LOG_LIST_LINE];
};

void log_list_add(struct log_list *list, const char *name, uint64_t value);
/* What has not been logged yet. */
void log_list_end(struct log_list *list);

#endif
