/* SPDX-License-Identifier: MIT */
#include "kernel/log_list.h"

#include <stdio.h>

#include "kernel/log.h"

void log_list_end(struct log_list *list)
{
	if (list->used)
		log_error(list->who, "%s: %s", list->title, list->line);
	list->used = 0;
}

void log_list_add(struct log_list *list, const char *name, uint64_t value)
{
	char item[64];
	size_t length = (size_t)snprintf(item, sizeof(item), "%.40s %#llx", name, (unsigned long long)value);

	if (list->used + 2 + length >= sizeof(list->line))
		log_list_end(list);
	list->used += (size_t)snprintf(list->line + list->used, sizeof(list->line) - list->used, "%s%s",
	                               list->used ? ", " : "", item);
}
