/* SPDX-License-Identifier: MIT */
/* libFuzzer: any text as a captured trace; what is read from it is in order and in bounds, and its spans nest. */
#include <stdlib.h>

#include "tools/trace_text.h"

#define RECORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
	uint64_t now;
	enum trace_span open[TRACE_CORES][2]; /* a run, and what lies in it */
};

static void require(bool good)
{
	if (!good)
		abort();
}

static void check_step(void *context, const struct trace_step *step)
{
	struct check *check = context;
	bool run = step->span == SPAN_RUN;
	enum trace_span *open;

	require(step->core < TRACE_CORES && step->partition < TRACE_PARTITIONS && step->vcpu < TRACE_VCPUS);
	require(step->exit < TRACE_EXITS && step->tsc >= check->now && step->since <= step->tsc);
	check->now = step->tsc;
	open = check->open[step->core];
	if (step->step == STEP_BEGIN) {
		require(open[!run] == SPAN_NONE && (run || open[0] == SPAN_RUN));
		open[!run] = step->span;
	} else if (step->step == STEP_END) {
		require(open[!run] == step->span && (!run || open[1] == SPAN_NONE));
		open[!run] = SPAN_NONE;
	} else {
		require(step->span == SPAN_NONE && step->record);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trace_record records[RECORDS];
	static struct trace trace = { .records = records, .capacity = RECORDS };
	struct check check = { 0 };
	struct trace_fault fault;
	char name[64];

	if (!trace_parse(&trace, (const char *)data, size, &fault)) {
		require(*fault.problem && fault.fix);
		return 0;
	}
	require(trace.count <= RECORDS && trace.hz);
	for (size_t i = 0; i < trace.count; i++) {
		require(records[i].kind < TRACE_KINDS && (i == 0 || records[i - 1].tsc <= records[i].tsc));
		trace_ns(&trace, records[i].tsc);
		trace_vcpu_name(&trace, records[i].partition, records[i].vcpu, name);
	}
	trace_walk(&trace, check_step, &check);
	for (unsigned i = 0; i < TRACE_CORES; i++)
		require(check.open[i][0] == SPAN_NONE && check.open[i][1] == SPAN_NONE);
	return 0;
}
