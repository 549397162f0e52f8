/* SPDX-License-Identifier: MIT */
/* Who had which core from when to when. The oldest records of a core may be overwritten, so a trace can begin in the
 * middle of anything: then the first record says who has the core, and what it says has no known beginning. */
#include "tools/trace_text.h"

struct core {
	bool on, cut;            /* a vCPU has it; its beginning is not known */
	unsigned partition, vcpu;
	enum trace_span inner;   /* of the run, or SPAN_NONE */
	uint64_t since, inner_since, exit;
};

/* A wake that no run has followed yet. */
struct wake {
	uint64_t tsc;
	unsigned flow; /* 0: none */
};

struct walk {
	struct core cores[TRACE_CORES];
	struct wake wakes[TRACE_PARTITIONS][TRACE_VCPUS];
	unsigned flows;
	const struct trace_record *record;
	uint64_t now;
	trace_tell *tell;
	void *context;
};

static struct trace_step step_of(const struct walk *walk, unsigned core)
{
	return (struct trace_step){
		.record = walk->record,
		.tsc = walk->now,
		.core = core,
		.partition = walk->cores[core].partition,
		.vcpu = walk->cores[core].vcpu,
	};
}

static void end_inner(struct walk *walk, unsigned number, bool cut)
{
	struct core *core = &walk->cores[number];
	struct trace_step step = step_of(walk, number);

	if (core->inner == SPAN_NONE)
		return;
	step.step = STEP_END;
	step.span = core->inner;
	step.since = core->inner_since;
	step.exit = core->exit;
	step.cut = cut;
	core->inner = SPAN_NONE;
	walk->tell(walk->context, &step);
}

static void begin_inner(struct walk *walk, unsigned number, enum trace_span span)
{
	struct core *core = &walk->cores[number];
	struct trace_step step = step_of(walk, number);

	core->inner = span;
	core->inner_since = walk->now;
	core->exit = span == SPAN_HANDLING ? walk->record->argument : 0;
	step.step = STEP_BEGIN;
	step.span = span;
	step.exit = core->exit;
	walk->tell(walk->context, &step);
}

static void end_run(struct walk *walk, unsigned number, bool cut)
{
	struct core *core = &walk->cores[number];
	struct trace_step step;

	if (!core->on)
		return;
	end_inner(walk, number, cut);
	step = step_of(walk, number);
	step.step = STEP_END;
	step.span = SPAN_RUN;
	step.since = core->since;
	step.cut = cut || core->cut;
	core->on = false;
	walk->tell(walk->context, &step);
}

static void begin_run(struct walk *walk, bool cut)
{
	const struct trace_record *record = walk->record;
	struct wake *wake = &walk->wakes[record->partition][record->vcpu];
	struct trace_step step;

	end_run(walk, record->core, true);
	walk->cores[record->core] = (struct core){
		.on = true,
		.cut = cut,
		.partition = record->partition,
		.vcpu = record->vcpu,
		.since = walk->now,
	};
	step = step_of(walk, record->core);
	step.step = STEP_BEGIN;
	step.span = SPAN_RUN;
	step.cut = cut;
	if (!cut) {
		step.flow = wake->flow;
		step.since = wake->tsc;
	}
	*wake = (struct wake){ 0 };
	walk->tell(walk->context, &step);
}

static bool has_core(const struct walk *walk)
{
	const struct core *core = &walk->cores[walk->record->core];

	return core->on && core->partition == walk->record->partition && core->vcpu == walk->record->vcpu;
}

/* The record shows that the vCPU has the core, though no record said that it got it. */
static void assume_run(struct walk *walk)
{
	if (!has_core(walk))
		begin_run(walk, true);
}

static void leave(struct walk *walk)
{
	const struct trace_record *record = walk->record;

	assume_run(walk);
	end_run(walk, record->core, false);
	/* A wake while it ran is why it runs again only if it went to wait in spite of it. */
	if (record->argument != TRACE_WAITS)
		walk->wakes[record->partition][record->vcpu] = (struct wake){ 0 };
}

static void moment(struct walk *walk)
{
	const struct trace_record *record = walk->record;
	struct wake *wake = &walk->wakes[record->partition][record->vcpu];
	struct trace_step step = step_of(walk, record->core);

	step.step = STEP_MOMENT;
	step.partition = record->partition;
	step.vcpu = record->vcpu;
	/* The first wake is the one that it runs for. */
	if (record->kind == TRACE_WAKE && !wake->flow) {
		*wake = (struct wake){ .tsc = walk->now, .flow = ++walk->flows };
		step.flow = wake->flow;
	}
	walk->tell(walk->context, &step);
}

static void take_record(struct walk *walk)
{
	unsigned core = walk->record->core;

	switch (walk->record->kind) {
	case TRACE_RUN:
		begin_run(walk, false);
		break;
	case TRACE_LEAVE:
		leave(walk);
		break;
	case TRACE_ENTER:
		assume_run(walk);
		/* Two in a row: the exit between them is missing. */
		end_inner(walk, core, walk->cores[core].inner == SPAN_GUEST);
		begin_inner(walk, core, SPAN_GUEST);
		break;
	case TRACE_EXIT:
		assume_run(walk);
		end_inner(walk, core, walk->cores[core].inner == SPAN_HANDLING);
		begin_inner(walk, core, SPAN_HANDLING);
		break;
	default:
		moment(walk);
	}
}

void trace_walk(const struct trace *trace, trace_tell *tell, void *context)
{
	struct walk walk = { .tell = tell, .context = context };

	for (size_t i = 0; i < trace->count; i++) {
		walk.record = &trace->records[i];
		walk.now = walk.record->tsc;
		take_record(&walk);
	}
	walk.record = NULL;
	for (unsigned i = 0; i < TRACE_CORES; i++)
		end_run(&walk, i, true);
}
