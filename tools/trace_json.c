/* SPDX-License-Identifier: MIT */
/* A trace in the Trace Event Format, which Perfetto and Chrome show: a process for each core. */
#include "tools/bulkhead_trace.h"

#include <inttypes.h>
#include <string.h>

struct json {
	const struct trace *trace;
	FILE *file;
	uint64_t start;          /* the first record's time */
	bool named[TRACE_CORES]; /* the process has its name */
};

/* A string without its quotes. */
static void put_text(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
}

/* From 1 on: process 0 is an idle one to viewers that know Linux. */
static void put_place(const struct json *json, unsigned core)
{
	fprintf(json->file, "\"pid\":%u,\"tid\":%u", core + 1, core + 1);
}

static void name_core(struct json *json, unsigned core)
{
	static const char *const words[] = { "process_name", "thread_name" };

	if (json->named[core])
		return;
	json->named[core] = true;
	for (unsigned i = 0; i < 2; i++) {
		fprintf(json->file, ",\n{\"ph\":\"M\",\"name\":\"%s\",", words[i]);
		put_place(json, core);
		fprintf(json->file, ",\"args\":{\"name\":\"%s %u\"}}", i ? "vCPUs of core" : "core", core);
	}
	fputs(",\n{\"ph\":\"M\",\"name\":\"process_sort_index\",", json->file);
	put_place(json, core);
	fprintf(json->file, ",\"args\":{\"sort_index\":%u}}", core);
}

/* An event without its last brace. Times are microseconds, to the nanosecond. */
static void put_event(const struct json *json, const struct trace_step *step, char phase, const char *name)
{
	uint64_t ns = trace_ns(json->trace, step->tsc - json->start);

	fprintf(json->file, ",\n{\"ph\":\"%c\",\"ts\":%" PRIu64 ".%03u,", phase, ns / 1000, (unsigned)(ns % 1000));
	put_place(json, step->core);
	if (name) {
		fputs(",\"name\":\"", json->file);
		put_text(json->file, name);
		fputc('"', json->file);
	}
}

/* An arrow's end belongs to the slice or instant that stands before it at the same time, so the order matters. */
static void put_flow(const struct json *json, const struct trace_step *step, char phase)
{
	put_event(json, step, phase, "wake");
	fprintf(json->file, ",\"cat\":\"wake\",\"id\":%u%s}", step->flow, phase == 'f' ? ",\"bp\":\"e\"" : "");
}

static void begin(const struct json *json, const struct trace_step *step)
{
	char name[64];

	if (step->span == SPAN_RUN)
		trace_vcpu_name(json->trace, step->partition, step->vcpu, name);
	else if (step->span == SPAN_GUEST)
		strcpy(name, "guest");
	else
		trace_exit_name(json->trace, step->exit, name);
	put_event(json, step, 'B', name);
	fprintf(json->file, "%s}", step->cut ? ",\"args\":{\"beginning\":\"overwritten\"}" : "");
	if (step->flow)
		put_flow(json, step, 'f');
}

static void end(const struct json *json, const struct trace_step *step)
{
	put_event(json, step, 'E', NULL);
	if (step->span == SPAN_RUN && step->record && step->record->kind == TRACE_LEAVE)
		fprintf(json->file, ",\"args\":{\"leaves\":\"%s\"}", trace_leave_name(step->record->argument));
	fputc('}', json->file);
}

static void moment(const struct json *json, const struct trace_step *step)
{
	const struct trace_record *record = step->record;
	char name[64];

	trace_vcpu_name(json->trace, step->partition, step->vcpu, name);
	put_event(json, step, 'i', trace_kind_name(record->kind));
	fprintf(json->file, ",\"s\":\"t\",\"args\":{\"vcpu\":\"%s\"", name);
	if (record->kind == TRACE_INJECT)
		fprintf(json->file, ",\"vector\":%" PRIu64, record->argument);
	if (record->kind == TRACE_OVERRUN)
		fprintf(json->file, ",\"ns\":%" PRIu64, trace_ns(json->trace, record->argument));
	fputs("}}", json->file);
	if (step->flow)
		put_flow(json, step, 's');
}

static void tell(void *context, const struct trace_step *step)
{
	struct json *json = context;

	name_core(json, step->core);
	if (step->step == STEP_BEGIN)
		begin(json, step);
	else if (step->step == STEP_END)
		end(json, step);
	else
		moment(json, step);
}

void trace_json(const struct trace *trace, FILE *file)
{
	struct json json = { .trace = trace, .file = file, .start = trace->count ? trace->records[0].tsc : 0 };

	/* Events have commas before them, so one has to be the first. */
	fprintf(file,
		"{\"displayTimeUnit\":\"ns\",\"otherData\":{\"lost\":%" PRIu64 "},\"traceEvents\":[\n"
		"{\"ph\":\"M\",\"name\":\"trace_source\",\"pid\":1,\"tid\":1,\"args\":{\"name\":\"Bulkhead\"}}",
		trace->lost);
	trace_walk(trace, tell, &json);
	fputs("\n]}\n", file);
}
