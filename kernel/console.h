/* SPDX-License-Identifier: MIT */
/*
 * The physical console, shared by the hypervisor's log and all guests. Output goes into a ring that the UART's
 * interrupt drains, so that a guest's exit never waits for a slow line; what does not fit is counted as lost by its
 * partition.
 *
 * One partition's output passes unchanged. With several, each line is prefixed with its partition; the one that has the
 * input focus appears as it types, the others line by line. Ctrl-A three times moves the focus; the monitor
 * (kernel/monitor.h) is its last stop.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/console_mux.h"

struct bootinfo;
struct config;

/* COM1 by polling and the framebuffer: from the first line of boot on. */
void console_early(const struct bootinfo *boot);
/* The framebuffer at its new address. Right after paging_init(). */
void console_map(const struct bootinfo *boot);
/* The configured port (or that of the SPCR table, or COM1) with interrupts. After apic_init() and acpi_init(). */
void console_init(const struct config *config);
/* From now on drawing, and a UART without an interrupt, are left to a chore. */
void console_start(void);
/* See chores_step(). */
uint64_t console_chore(void);
/* Breaks locks and polls from now on: what is printed is seen. */
void console_panic(void);

/* A whole line, without its newline; never lost, may wait for the UART. */
void console_write_line(const char *text, size_t size);
/* Waits until everything has been sent. */
void console_flush(void);

/* Before the partition starts: `name`, `receive` and `context` are set. */
void console_attach(struct console_port *port);
/* A byte of a guest's output. */
void console_guest_write(struct console_port *port, uint8_t byte);
/* The guest has ended. */
void console_end_line(struct console_port *port);

/* --- the monitor's side. False: there is no room at the moment, nothing was done. See console_mux.h. --- */
void console_attach_monitor(struct console_port *port);
bool console_monitor_line(const char *text, size_t size);
bool console_monitor_show(const char *text, size_t size);
bool console_monitor_enter(void);
/* The input goes to this port from now on. */
bool console_focus(struct console_port *port);

#endif
