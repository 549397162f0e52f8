/* SPDX-License-Identifier: MIT */
/*
 * What happens on each core, in the order of time: a ring of fixed records per core, written by that core alone, the
 * oldest overwritten. Switched off, a point of the program costs one predicted branch.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

enum trace_kind {
	TRACE_RUN,     /* the vCPU gets the core */
	TRACE_LEAVE,   /* argument: enum vcpu_leave */
	TRACE_ENTER,   /* its guest is entered */
	TRACE_EXIT,    /* argument: enum exit_kind */
	TRACE_INJECT,  /* argument: vector */
	TRACE_WAKE,    /* something has come for a vCPU that waits */
	TRACE_OVERRUN, /* argument: ticks of the TSC beyond its time */
	TRACE_KINDS
};

struct trace_record {
	uint64_t tsc;
	uint16_t partition;
	uint8_t vcpu, kind;
	uint32_t argument;
};
_Static_assert(sizeof(struct trace_record) == 16, "four to a cache line");

#define TRACE_RECORDS 4096 /* per core */

extern bool trace_on;

/* Not to be called directly: see trace(). It saves all registers, so that its callers need not while it is off. */
__attribute__((cold, no_caller_saved_registers))
void trace_add(enum trace_kind kind, const struct vcpu *vcpu, uint32_t argument);

/* On the core that it is about. */
static inline void trace(enum trace_kind kind, const struct vcpu *vcpu, uint32_t argument)
{
	if (__builtin_expect(trace_on, false))
		trace_add(kind, vcpu, argument);
}

/* E_NO_MEMORY. The rings are made at the first start, and are empty after each. */
int trace_start(void);
void trace_stop(void);
/* Records ever written on core `core` since the start, of which the last TRACE_RECORDS are there. */
uint64_t trace_count(unsigned core);
/* Record `number`, from 0; it must be there. While the trace is on, it may be overwritten meanwhile. */
struct trace_record trace_get(unsigned core, uint64_t number);

#endif
