/* SPDX-License-Identifier: MIT */
/* bulkhead trace: the two forms in which it shows a trace. Write errors are the stream's, for the caller to look at. */
#ifndef TOOLS_BULKHEAD_TRACE_H
#define TOOLS_BULKHEAD_TRACE_H

#include <stdio.h>

#include "tools/trace_text.h"

void trace_json(const struct trace *trace, FILE *file);
/* A line for each record, and a summary of each vCPU. */
void trace_timeline(const struct trace *trace, FILE *file);

#endif
