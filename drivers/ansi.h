/* SPDX-License-Identifier: MIT */
/*
 * Escape sequences of ECMA-48 ("ANSI") as terminals receive them: what is text, what is control, what is a sequence.
 * Pure.
 */
#ifndef DRIVERS_ANSI_H
#define DRIVERS_ANSI_H

#include <stdbool.h>
#include <stdint.h>

#define ANSI_PARAMETERS 8      /* more are ignored */
#define ANSI_PARAMETER_MAX 9999

enum ansi_event {
	ANSI_NOTHING,  /* part of something longer, or of no interest */
	ANSI_PRINT,    /* `byte` is a character; '?' for one that is not ASCII */
	ANSI_CONTROL,  /* `byte` is a control character: backspace, tab, line feed, carriage return, ... */
	ANSI_SEQUENCE, /* CSI ... `byte`; the parameters are ansi_parameter()'s */
};

/* All zero at first. */
struct ansi {
	uint8_t state;
	uint8_t byte;       /* of the last event */
	bool marked;        /* the sequence has a '?', '>', ... or an intermediate byte: nobody's standard meaning */
	unsigned count;     /* parameters begun */
	uint16_t parameters[ANSI_PARAMETERS];
};

enum ansi_event ansi_put(struct ansi *ansi, uint8_t byte);
/* The parameter `index`, or `otherwise` when it is absent or 0. */
unsigned ansi_parameter(const struct ansi *ansi, unsigned index, unsigned otherwise);

#endif
