/* SPDX-License-Identifier: MIT */
/* A trace as the monitor prints it, read back from whatever a terminal has kept of it; and what its records mean
 * together. Pure: no files, no output. Any text is taken: it may have come from a guest. */
#ifndef TOOLS_TRACE_TEXT_H
#define TOOLS_TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_RECORDS_MAX 1000000
#define TRACE_CORES 256
#define TRACE_PARTITIONS 64
#define TRACE_VCPUS 64  /* of a partition */
#define TRACE_EXITS 256 /* kinds of exits */
#define TRACE_PARTITION_NAME 32
#define TRACE_EXIT_NAME 48

enum trace_kind {
	TRACE_RUN,     /* the vCPU gets the core */
	TRACE_LEAVE,   /* and loses it; argument: enum trace_leave */
	TRACE_ENTER,   /* the guest is entered */
	TRACE_EXIT,    /* argument: kind of exit */
	TRACE_INJECT,  /* argument: vector */
	TRACE_WAKE,    /* something has come for a vCPU that waits; the core is the one that noticed */
	TRACE_OVERRUN, /* argument: ticks beyond its time */
	TRACE_KINDS,
};

enum trace_leave { TRACE_PREEMPTED = 1, TRACE_WAITS, TRACE_PARKED, TRACE_PAUSED, TRACE_LEAVES };

struct trace_record {
	uint64_t tsc, argument;
	uint32_t line; /* of the file, from 1 on */
	uint16_t core;
	uint8_t partition, vcpu, kind;
};

struct trace {
	uint64_t hz;   /* ticks per second, at least 1000 */
	uint64_t lost; /* records that were overwritten before they were printed */
	char partitions[TRACE_PARTITIONS][TRACE_PARTITION_NAME]; /* empty: not named */
	char exits[TRACE_EXITS][TRACE_EXIT_NAME];
	struct trace_record *records; /* the caller's memory; in order of time */
	size_t capacity, count;
};

/* Why a dump cannot be used. */
struct trace_fault {
	unsigned line; /* 0: nothing is wrong, or (when there is a problem) no line is the one */
	char problem[128];
	const char *fix;
};

/* Reads the last complete dump of a text. The caller has set `records` and `capacity`. False: there is none, and
 * `fault` says why. True with a line in `fault`: a later dump has this fault and is left out. */
bool trace_parse(struct trace *trace, const char *text, size_t size, struct trace_fault *fault);

/* Nanoseconds of so many ticks; UINT64_MAX: more than fit. */
uint64_t trace_ns(const struct trace *trace, uint64_t ticks);
/* The names, or numbers where the dump has no name; in `buffer`. */
const char *trace_vcpu_name(const struct trace *trace, unsigned partition, unsigned vcpu, char buffer[64]);
const char *trace_exit_name(const struct trace *trace, uint64_t exit, char buffer[64]);
const char *trace_kind_name(unsigned kind);
const char *trace_leave_name(uint64_t leave);

/* --- trace_walk.c: from single records to what lies between them --- */

enum trace_span {
	SPAN_NONE,
	SPAN_RUN,      /* a vCPU has a core; the other two lie within */
	SPAN_GUEST,    /* from enter to exit */
	SPAN_HANDLING, /* from exit to the next enter, or until the core is left */
};

/* A span begins or ends, or something happens at one moment. On each core spans nest, and all end. */
struct trace_step {
	enum { STEP_BEGIN, STEP_END, STEP_MOMENT } step;
	enum trace_span span;
	const struct trace_record *record; /* that led to it; NULL: the end of the trace */
	uint64_t tsc;
	uint64_t since;  /* an end: when it began; the beginning of a run with `flow`: when it was woken */
	uint64_t exit;   /* handling: of which kind of exit */
	unsigned core, partition, vcpu;
	unsigned flow;   /* 0, or a number that a wake and the run that follows it have in common */
	bool cut;        /* an end of it has no record: the time is less than the real one */
};

typedef void trace_tell(void *context, const struct trace_step *step);

/* Tells all steps in order of time. */
void trace_walk(const struct trace *trace, trace_tell *tell, void *context);

#endif
