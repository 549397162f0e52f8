/* SPDX-License-Identifier: MIT */
/* Many sources of text on one terminal: who writes when, with which prefix, and who gets the input. Pure. */
#ifndef KERNEL_CONSOLE_MUX_H
#define KERNEL_CONSOLE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_LINE 240      /* longer lines are broken */
#define CONSOLE_SWITCH 0x01   /* Ctrl-A */
#define CONSOLE_SWITCH_COUNT 3

/* One partition's side. All zero but name, receive and context at first. */
struct console_port {
	const char *name;
	void (*receive)(void *context, const uint8_t *data, size_t size); /* input; called without a lock */
	void *context;
	struct console_port *next;
	char line[CONSOLE_LINE]; /* the line so far */
	unsigned length;
	uint64_t lost;           /* bytes that found the ring full */
	uint64_t lost_reported;  /* of them, those that the log has told */
};

struct console_mux {
	/* Sends bytes to the terminal; false when they were lost. */
	bool (*emit)(struct console_mux *mux, const char *data, size_t size);
	struct console_port *ports; /* in the order of the configuration */
	struct console_port *monitor; /* the last stop of the focus: its line makes room for others' output */
	struct console_port *focus;
	unsigned switches;       /* Ctrl-A seen in a row */
	bool returned;           /* the focus has written a carriage return, and no line feed yet */
	bool fed;                /* its line feed was written for it: the one that comes is left out */
};

void console_mux_attach(struct console_mux *mux, struct console_port *port);
/* `port` becomes the monitor's. */
void console_mux_attach_monitor(struct console_mux *mux, struct console_port *port);
void console_mux_focus(struct console_mux *mux, struct console_port *port);
/* A byte that a partition writes. */
void console_mux_write(struct console_mux *mux, struct console_port *port, uint8_t byte);
/* The partition has ended, perhaps within a line: what it writes next begins a new one. */
void console_mux_end_line(struct console_mux *mux, struct console_port *port);
/* A whole line from the hypervisor itself. */
void console_mux_line(struct console_mux *mux, const char *text, size_t size);
/* A whole line from the monitor. */
void console_mux_monitor_line(struct console_mux *mux, const char *text, size_t size);
/* What the monitor's line shows from now on; CONSOLE_LINE bytes at the most, and no line end. */
void console_mux_monitor_show(struct console_mux *mux, const char *text, size_t size);
/* What it shows is complete: a new line begins. */
void console_mux_monitor_enter(struct console_mux *mux);
/*
 * A byte from the terminal: returns how many bytes (0..3) of `out` go to *to, the port that had the focus before it.
 * Moves the focus when it completes the switch.
 */
unsigned console_mux_input(struct console_mux *mux, uint8_t byte, uint8_t out[CONSOLE_SWITCH_COUNT],
                           struct console_port **to);

#endif
