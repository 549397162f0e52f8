/* SPDX-License-Identifier: MIT */
#include "kernel/console_mux.h"

#include <string.h>

static void put(struct console_mux *mux, struct console_port *port, const char *data, size_t size)
{
	if (!mux->emit(mux, data, size) && port)
		port->lost += size;
}

static bool several(const struct console_mux *mux)
{
	return mux->ports && mux->ports->next;
}

static const char erase_line[] = "\r\x1b[K";

static void erase(struct console_mux *mux)
{
	put(mux, NULL, erase_line, sizeof(erase_line) - 1);
}

static void put_prefix(struct console_mux *mux, struct console_port *port)
{
	if (!several(mux))
		return;
	put(mux, port, "[", 1);
	put(mux, port, port->name, strlen(port->name));
	put(mux, port, "] ", 2);
}

/* Room for a line of somebody else's: the focused partition's unfinished line is left, and written again below. */
static bool leave_partial(struct console_mux *mux)
{
	/* Between carriage return and line feed: its line is complete and must not be written over. */
	if (mux->returned) {
		put(mux, NULL, "\n", 1);
		mux->returned = false;
		mux->fed = true;
	}
	if (!mux->focus || !mux->focus->length)
		return false;
	if (mux->focus == mux->monitor)
		erase(mux);
	else
		put(mux, NULL, "\r\n", 2);
	return true;
}

static void resume_partial(struct console_mux *mux)
{
	if (mux->focus != mux->monitor)
		put_prefix(mux, mux->focus);
	put(mux, mux->focus, mux->focus->line, mux->focus->length);
}

void console_mux_attach(struct console_mux *mux, struct console_port *port)
{
	struct console_port **end = &mux->ports;

	while (*end)
		end = &(*end)->next;
	*end = port;
	if (!mux->focus)
		mux->focus = port;
}

void console_mux_attach_monitor(struct console_mux *mux, struct console_port *port)
{
	mux->monitor = port;
	if (!mux->focus)
		mux->focus = port;
}

void console_mux_line(struct console_mux *mux, const char *text, size_t size)
{
	bool partial = leave_partial(mux);

	put(mux, NULL, text, size);
	put(mux, NULL, "\r\n", 2);
	if (partial)
		resume_partial(mux);
}

static void remember(struct console_port *port, char c)
{
	if (port->length < CONSOLE_LINE)
		port->line[port->length++] = c;
}

/* As it comes; only where lines begin is ours to say. */
static void write_focused(struct console_mux *mux, struct console_port *port, char c)
{
	bool fed = mux->fed;

	mux->fed = false;
	if (fed && c == '\n')
		return;
	mux->returned = c == '\r';
	if (!port->length && c != '\r' && c != '\n')
		put_prefix(mux, port);
	put(mux, port, &c, 1);
	if (c == '\n' || c == '\r')
		port->length = 0;
	else
		remember(port, c);
}

static void flush_line(struct console_mux *mux, struct console_port *port)
{
	bool partial = leave_partial(mux);

	put_prefix(mux, port);
	put(mux, port, port->line, port->length);
	put(mux, port, "\r\n", 2);
	port->length = 0;
	if (partial)
		resume_partial(mux);
}

void console_mux_write(struct console_mux *mux, struct console_port *port, uint8_t byte)
{
	char c = (char)byte;

	if (port == mux->focus) {
		write_focused(mux, port, c);
		return;
	}
	if (c == '\r')
		return;
	if (c != '\n')
		remember(port, c);
	if (c == '\n' || port->length == CONSOLE_LINE)
		flush_line(mux, port);
}

void console_mux_end_line(struct console_mux *mux, struct console_port *port)
{
	if (!port->length)
		return;
	if (port != mux->focus) {
		flush_line(mux, port);
		return;
	}
	put(mux, port, "\r\n", 2);
	port->length = 0;
}

/* Is there another place for the input to go to? */
static bool can_move(const struct console_mux *mux)
{
	return several(mux) || (mux->ports && mux->monitor);
}

static struct console_port *next_focus(const struct console_mux *mux)
{
	if (mux->focus == mux->monitor)
		return mux->ports;
	if (mux->focus->next)
		return mux->focus->next;
	return mux->monitor ? mux->monitor : mux->ports;
}

void console_mux_focus(struct console_mux *mux, struct console_port *port)
{
	static const char before[] = "--- input goes to ", after[] = " (Ctrl-A three times: next) ---\r\n";

	leave_partial(mux);
	mux->fed = false;
	mux->focus = port;
	put(mux, NULL, before, sizeof(before) - 1);
	put(mux, NULL, mux->focus->name, strlen(mux->focus->name));
	put(mux, NULL, after, sizeof(after) - 1);
	if (mux->focus->length)
		resume_partial(mux);
}

void console_mux_monitor_line(struct console_mux *mux, const char *text, size_t size)
{
	static const char prefix[] = "[monitor] ";
	bool partial = leave_partial(mux);

	if (mux->focus != mux->monitor)
		put(mux, NULL, prefix, sizeof(prefix) - 1);
	put(mux, NULL, text, size);
	put(mux, NULL, "\r\n", 2);
	if (partial)
		resume_partial(mux);
}

void console_mux_monitor_show(struct console_mux *mux, const char *text, size_t size)
{
	struct console_port *monitor = mux->monitor;
	size_t same = 0;

	if (size > CONSOLE_LINE)
		size = CONSOLE_LINE;
	if (size >= monitor->length && !memcmp(text, monitor->line, monitor->length))
		same = monitor->length; /* it has only grown */
	if (mux->focus == monitor && !same && monitor->length)
		erase(mux);
	if (mux->focus == monitor)
		put(mux, NULL, text + same, size - same);
	memcpy(monitor->line, text, size);
	monitor->length = (unsigned)size;
}

void console_mux_monitor_enter(struct console_mux *mux)
{
	if (mux->focus == mux->monitor)
		put(mux, NULL, "\r\n", 2);
	mux->monitor->length = 0;
}

unsigned console_mux_input(struct console_mux *mux, uint8_t byte, uint8_t out[CONSOLE_SWITCH_COUNT],
                           struct console_port **to)
{
	unsigned i, n = 0;

	*to = mux->focus;
	if (byte == CONSOLE_SWITCH && can_move(mux)) {
		if (++mux->switches < CONSOLE_SWITCH_COUNT)
			return 0;
		mux->switches = 0;
		console_mux_focus(mux, next_focus(mux));
		return 0;
	}
	/* Fewer than three were meant for the guest. */
	for (i = 0; i < mux->switches && n < CONSOLE_SWITCH_COUNT - 1; i++)
		out[n++] = CONSOLE_SWITCH;
	mux->switches = 0;
	out[n++] = byte;
	return n;
}
