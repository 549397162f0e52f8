/* SPDX-License-Identifier: MIT */
/* Can every core do what the configuration asks of it? Pure: the host command answers as the kernel does. */
#ifndef KERNEL_ADMISSION_H
#define KERNEL_ADMISSION_H

#include "kernel/config.h"

/*
 * After config_parse(): reports, counts in config->errors and marks as bad each partition whose demands on a core cannot
 * be met beside those before it in the file; all others can start. Returns config->errors. Not reentrant.
 */
unsigned admission_check(struct config *config, config_report *report, void *context);

#endif
