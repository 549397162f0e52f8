/* SPDX-License-Identifier: MIT */
/* The log: "[seconds.micros] cpu level partition: text" to every console. Not for hot exits. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* `who`: partition name, or NULL for the hypervisor itself. One call, one line (no trailing newline), 256 characters. */
void log_at(enum log_level level, const char *who, const char *format, ...) __attribute__((format(printf, 3, 4)));
void log_set_level(enum log_level level);

/* The last lines that were logged, whatever became of the console. */
struct log_ring;
extern struct log_ring log_lines;

#define log_error(who, ...)   log_at(LOG_ERROR, who, __VA_ARGS__)
#define log_warning(who, ...) log_at(LOG_WARNING, who, __VA_ARGS__)
#define log_info(who, ...)    log_at(LOG_INFO, who, __VA_ARGS__)
#define log_debug(who, ...)   log_at(LOG_DEBUG, who, __VA_ARGS__)

/* A numbered boot stage: "[3/9] memory: 2047 MiB free". The last thing seen before a hang says where it is. */
void log_stage(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
