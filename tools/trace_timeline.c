/* SPDX-License-Identifier: MIT */
/* A trace as text: a line for each record, in order of time, and what it comes to for each vCPU. */
#include "tools/bulkhead_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bulkhead.h"

struct handling {
	uint64_t count;
	uint64_t timed, ticks, worst; /* of those with a known end */
};

struct summary {
	uint64_t runs, ticks;
	uint64_t woken, worst_wake; /* runs that follow a wake */
	struct handling exits[TRACE_EXITS];
};

struct timeline {
	const struct trace *trace;
	FILE *file;
	uint64_t start;
	uint64_t took; /* ticks of what the record at hand has ended; UINT64_MAX: nothing, or not known */
	struct summary *vcpus[TRACE_PARTITIONS][TRACE_VCPUS]; /* NULL: not seen */
};

/* In a column of that width, or 0. */
static void put_us(const struct timeline *timeline, int width, uint64_t ticks)
{
	uint64_t ns = trace_ns(timeline->trace, ticks);

	fprintf(timeline->file, "%*" PRIu64 ".%03u", width ? width - 4 : 0, ns / 1000, (unsigned)(ns % 1000));
}

static struct summary *summary_of(struct timeline *timeline, const struct trace_step *step)
{
	struct summary **summary = &timeline->vcpus[step->partition][step->vcpu];

	if (!*summary)
		*summary = allocate(sizeof(**summary));
	return *summary;
}

/* --- lines --- */

static void put_start(const struct timeline *timeline, const struct trace_step *step)
{
	char name[64];

	put_us(timeline, 14, step->tsc - timeline->start);
	fprintf(timeline->file, "  %4u  %-20s  ", step->core,
		trace_vcpu_name(timeline->trace, step->partition, step->vcpu, name));
}

/* The rest of a line: what, and a time with words around it. */
static void put_rest(const struct timeline *timeline, const char *what, const char *before, uint64_t ticks,
		     const char *after)
{
	if (ticks == UINT64_MAX) {
		fprintf(timeline->file, "%s\n", what);
		return;
	}
	fprintf(timeline->file, "%-24s  %s", what, before);
	put_us(timeline, 0, ticks);
	fprintf(timeline->file, " us%s\n", after);
}

static void put_begin(const struct timeline *timeline, const struct trace_step *step)
{
	char name[64], what[80];

	/* Only records have lines. */
	if (step->span == SPAN_RUN && step->cut)
		return;
	put_start(timeline, step);
	if (step->span == SPAN_RUN) {
		put_rest(timeline, "run", "", step->flow ? step->tsc - step->since : UINT64_MAX, " after its wake");
	} else if (step->span == SPAN_GUEST) {
		put_rest(timeline, "enter", "handled in ", timeline->took, "");
	} else {
		snprintf(what, sizeof(what), "exit %s", trace_exit_name(timeline->trace, step->exit, name));
		put_rest(timeline, what, "after ", timeline->took, " in the guest");
	}
}

static void put_leave(const struct timeline *timeline, const struct trace_step *step)
{
	char what[32];

	snprintf(what, sizeof(what), "leave: %s", trace_leave_name(step->record->argument));
	put_start(timeline, step);
	put_rest(timeline, what, "after ", step->cut ? UINT64_MAX : step->tsc - step->since, " on the core");
}

static void put_moment(const struct timeline *timeline, const struct trace_step *step)
{
	const struct trace_record *record = step->record;
	char what[48];

	put_start(timeline, step);
	if (record->kind == TRACE_INJECT) {
		snprintf(what, sizeof(what), "inject vector %" PRIu64, record->argument);
		put_rest(timeline, what, "", UINT64_MAX, "");
	} else {
		put_rest(timeline, trace_kind_name(record->kind), "by ",
			 record->kind == TRACE_OVERRUN ? record->argument : UINT64_MAX, "");
	}
}

/* --- the summary --- */

static void add_begin(struct summary *summary, const struct trace_step *step)
{
	uint64_t wait = step->tsc - step->since;

	if (step->span == SPAN_HANDLING)
		summary->exits[step->exit].count++;
	if (step->span != SPAN_RUN || step->cut)
		return;
	summary->runs++;
	if (!step->flow)
		return;
	summary->woken++;
	if (wait > summary->worst_wake)
		summary->worst_wake = wait;
}

static void add_end(struct summary *summary, const struct trace_step *step)
{
	uint64_t ticks = step->tsc - step->since;
	struct handling *handling = &summary->exits[step->exit];

	if (step->span == SPAN_RUN)
		summary->ticks += ticks;
	if (step->span != SPAN_HANDLING || step->cut)
		return;
	handling->timed++;
	handling->ticks += ticks;
	if (ticks > handling->worst)
		handling->worst = ticks;
}

static void put_exits(const struct timeline *timeline, const struct summary *summary)
{
	char name[64];

	for (unsigned i = 0; i < TRACE_EXITS; i++) {
		const struct handling *handling = &summary->exits[i];

		if (!handling->count)
			continue;
		fprintf(timeline->file, "    %-24s %8" PRIu64, trace_exit_name(timeline->trace, i, name),
			handling->count);
		if (handling->timed) {
			put_us(timeline, 14, handling->ticks / handling->timed);
			put_us(timeline, 14, handling->worst);
		}
		fputc('\n', timeline->file);
	}
}

static void put_summary(const struct timeline *timeline, unsigned partition, unsigned vcpu)
{
	const struct summary *summary = timeline->vcpus[partition][vcpu];
	char name[64];

	fprintf(timeline->file, "\n%s: %" PRIu64 " run%s, ", trace_vcpu_name(timeline->trace, partition, vcpu, name),
		summary->runs, summary->runs == 1 ? "" : "s");
	put_us(timeline, 0, summary->ticks);
	fputs(" us on a core", timeline->file);
	if (summary->woken) {
		fputs(", from wake to run ", timeline->file);
		put_us(timeline, 0, summary->worst_wake);
		fputs(" us at the worst", timeline->file);
	}
	fprintf(timeline->file, "\n    %-24s %8s%14s%14s\n", "exit", "count", "mean us", "worst us");
	put_exits(timeline, summary);
}

/* --- all of it --- */

static void tell(void *context, const struct trace_step *step)
{
	struct timeline *timeline = context;
	struct summary *summary = summary_of(timeline, step);

	if (step->step == STEP_BEGIN) {
		add_begin(summary, step);
		put_begin(timeline, step);
	} else if (step->step == STEP_END) {
		add_end(summary, step);
		if (step->span == SPAN_RUN && step->record && step->record->kind == TRACE_LEAVE)
			put_leave(timeline, step);
	} else {
		put_moment(timeline, step);
	}
	/* The end of a guest's or handling's time comes right before the step whose line says how long it was. */
	timeline->took = step->step == STEP_END && step->span != SPAN_RUN && !step->cut ? step->tsc - step->since
											: UINT64_MAX;
}

void trace_timeline(const struct trace *trace, FILE *file)
{
	struct timeline *timeline = allocate(sizeof(*timeline));

	timeline->trace = trace;
	timeline->file = file;
	timeline->start = trace->count ? trace->records[0].tsc : 0;
	timeline->took = UINT64_MAX;
	fprintf(file, "%14s  %4s  %-20s  what\n", "us", "core", "vCPU");
	trace_walk(trace, tell, timeline);
	fprintf(file, "\n%zu records in ", trace->count);
	put_us(timeline, 0, trace->count ? trace->records[trace->count - 1].tsc - timeline->start : 0);
	fprintf(file, " us; %" PRIu64 " older ones were overwritten\n", trace->lost);
	for (unsigned i = 0; i < TRACE_PARTITIONS; i++)
		for (unsigned j = 0; j < TRACE_VCPUS; j++)
			if (timeline->vcpus[i][j])
				put_summary(timeline, i, j);
	for (unsigned i = 0; i < TRACE_PARTITIONS; i++)
		for (unsigned j = 0; j < TRACE_VCPUS; j++)
			free(timeline->vcpus[i][j]);
	free(timeline);
}
