/* SPDX-License-Identifier: MIT */
#include "kernel/log.h"

#include <stdatomic.h>
#include <stdio.h>

#include "arch/x86/interrupts.h"
#include "kernel/console.h"
#include "kernel/log_ring.h"

#define LINE 320
#define STAGES 7 /* calls of log_stage() in kernel/main.c and partition_create.c */

static _Atomic enum log_level threshold = BULKHEAD_DEBUG ? LOG_DEBUG : LOG_INFO;
static unsigned stage;

struct log_ring log_lines;

static const char *const names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, BULKHEAD_DEBUG ? LOG_DEBUG : level);
}

static void write(char *line, int size)
{
	size_t length = size < LINE ? (size_t)size : LINE - 1;

	log_ring_put(&log_lines, line, length);
	console_write_line(line, length);
}

void log_at(enum log_level level, const char *who, const char *format, ...)
{
	uint64_t us = tsc_hz ? tsc_to_ns(rdtsc()) / 1000 : 0;
	char line[LINE];
	va_list arguments;
	int n;

	if (level > atomic_load_explicit(&threshold, memory_order_relaxed))
		return;
	n = snprintf(line, sizeof(line), "[%5llu.%06llu] %u %s %s: ", (unsigned long long)(us / 1000000),
	             (unsigned long long)(us % 1000000), this_cpu()->id, names[level], who ? who : "bulkhead");
	va_start(arguments, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, arguments);
	va_end(arguments);
	write(line, n);
}

void log_stage(const char *name, const char *format, ...)
{
	char line[LINE];
	va_list arguments;
	int n = snprintf(line, sizeof(line), "[%u/%u] %s: ", ++stage, STAGES, name);

	va_start(arguments, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, arguments);
	va_end(arguments);
	write(line, n);
}
