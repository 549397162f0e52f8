/* SPDX-License-Identifier: MIT */
/* The terminal as the console of the emulated machine, and what its end means. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ESCAPE 0x1d /* Ctrl-] */
#define ESCAPES 3
#define ESCAPE_MS 1000
#define GRACE_MS 3000 /* from the last line to the machine's end */

/* The last line that Bulkhead prints before it turns the machine off. */
static const char *const last_lines[] = { "all partitions are off: power off", "bulkhead: power off" };

/* What it prints when it waits for somebody to reset the machine: nothing is left that could run, or it panicked. */
static const char *const idle_lines[] = { "error bulkhead: no partition is running", "error bulkhead: halted" };

enum reason { REASON_NONE, REASON_ENDED, REASON_IDLE, REASON_TIMEOUT, REASON_ESCAPE, REASON_SIGNAL };

struct bridge {
	const struct emulator *emulator;
	int signals;		  /* signalfd */
	int signal;		  /* that ended us */
	int64_t deadline;	  /* ms; -1: none */
	int64_t off_since;	  /* when the last line was seen; -1: not yet */
	int64_t escaped[ESCAPES]; /* times of the last Ctrl-] */
	char line[256];
	size_t line_length;
	char pending[4096]; /* typed, not yet taken */
	size_t pending_length;
	bool idle;	/* one of idle_lines was seen */
	bool no_input;	/* stdin is at its end */
	bool no_output; /* the emulator's is */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void watch_line(struct bridge *bridge, char byte)
{
	if (byte != '\n' && byte != '\r') {
		if (bridge->line_length + 1 < sizeof(bridge->line))
			bridge->line[bridge->line_length++] = byte;
		return;
	}
	bridge->line[bridge->line_length] = '\0';
	bridge->line_length = 0;
	for (size_t i = 0; i < sizeof(idle_lines) / sizeof(idle_lines[0]); i++)
		if (strstr(bridge->line, idle_lines[i]))
			bridge->idle = true;
	for (size_t i = 0; i < sizeof(last_lines) / sizeof(last_lines[0]); i++)
		if (strstr(bridge->line, last_lines[i]) && bridge->off_since < 0)
			bridge->off_since = now_ms();
}

/* A terminal that has gone away is no reason to stop: the machine's end still counts. */
static void write_all(int file, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(file, data, size);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd wait = { .fd = file, .events = POLLOUT };

			poll(&wait, 1, -1);
			continue;
		}
		if (done <= 0)
			return;
		data += done;
		size -= (size_t)done;
	}
}

static void read_output(struct bridge *bridge)
{
	char buffer[4096];
	ssize_t got = read(bridge->emulator->output, buffer, sizeof(buffer));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		bridge->no_output = true;
		return;
	}
	for (ssize_t i = 0; i < got; i++)
		watch_line(bridge, buffer[i]);
	write_all(STDOUT_FILENO, buffer, (size_t)got);
}

/* True: the third of three in time. */
static bool escape_pressed(struct bridge *bridge)
{
	memmove(bridge->escaped, bridge->escaped + 1, sizeof(bridge->escaped) - sizeof(bridge->escaped[0]));
	bridge->escaped[ESCAPES - 1] = now_ms();
	return bridge->escaped[0] > 0 && bridge->escaped[ESCAPES - 1] - bridge->escaped[0] <= ESCAPE_MS;
}

static enum reason read_input(struct bridge *bridge)
{
	char *at = bridge->pending + bridge->pending_length;
	ssize_t got = read(STDIN_FILENO, at, sizeof(bridge->pending) - bridge->pending_length);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return REASON_NONE;
	if (got <= 0) {
		bridge->no_input = true;
		return REASON_NONE;
	}
	for (ssize_t i = 0; i < got; i++) {
		if (at[i] != ESCAPE)
			memset(bridge->escaped, 0, sizeof(bridge->escaped));
		else if (escape_pressed(bridge))
			return REASON_ESCAPE;
	}
	bridge->pending_length += (size_t)got;
	return REASON_NONE;
}

static void write_input(struct bridge *bridge)
{
	ssize_t done = write(bridge->emulator->input, bridge->pending, bridge->pending_length);

	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (done <= 0)
		done = (ssize_t)bridge->pending_length; /* nobody takes it any more */
	bridge->pending_length -= (size_t)done;
	memmove(bridge->pending, bridge->pending + done, bridge->pending_length);
}

static enum reason read_signal(struct bridge *bridge)
{
	struct signalfd_siginfo info;

	if (read(bridge->signals, &info, sizeof(info)) != sizeof(info))
		return REASON_NONE;
	if (info.ssi_signo == SIGCHLD)
		return info.ssi_code == CLD_STOPPED || info.ssi_code == CLD_CONTINUED ? REASON_NONE : REASON_ENDED;
	bridge->signal = (int)info.ssi_signo;
	return REASON_SIGNAL;
}

/* Milliseconds that poll() may sleep; 0 when a time is over. */
static int time_left(const struct bridge *bridge)
{
	int64_t now = now_ms(), left = 60000;

	if (bridge->deadline >= 0 && bridge->deadline - now < left)
		left = bridge->deadline - now;
	if (!bridge->emulator->ends_itself && bridge->off_since >= 0 && bridge->off_since + GRACE_MS - now < left)
		left = bridge->off_since + GRACE_MS - now;
	return left > 0 ? (int)left : 0;
}

static enum reason expired(const struct bridge *bridge)
{
	if (!bridge->emulator->ends_itself && bridge->off_since >= 0 && now_ms() >= bridge->off_since + GRACE_MS)
		return REASON_ENDED;
	if (bridge->idle)
		return REASON_IDLE;
	if (bridge->deadline >= 0 && now_ms() >= bridge->deadline)
		return REASON_TIMEOUT;
	return REASON_NONE;
}

static enum reason carry(struct bridge *bridge)
{
	enum reason reason = REASON_NONE;

	while (reason == REASON_NONE) {
		bool room = !bridge->no_input && bridge->pending_length < sizeof(bridge->pending);
		struct pollfd files[] = {
			{ .fd = bridge->signals, .events = POLLIN },
			{ .fd = bridge->no_output ? -1 : bridge->emulator->output, .events = POLLIN },
			{ .fd = room ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = bridge->pending_length ? bridge->emulator->input : -1, .events = POLLOUT },
		};

		if (poll(files, sizeof(files) / sizeof(files[0]), time_left(bridge)) < 0 && errno != EINTR)
			return REASON_ENDED;
		if (files[1].revents)
			read_output(bridge);
		if (files[2].revents)
			reason = read_input(bridge);
		if (files[3].revents)
			write_input(bridge);
		if (files[0].revents && reason == REASON_NONE)
			reason = read_signal(bridge);
		if (reason == REASON_NONE)
			reason = expired(bridge);
	}
	return reason;
}

/* What the machine wrote last may still be on its way. */
static void drain(struct bridge *bridge)
{
	struct pollfd file = { .fd = bridge->emulator->output, .events = POLLIN };

	while (!bridge->no_output && poll(&file, 1, 0) > 0)
		read_output(bridge);
	watch_line(bridge, '\n');
}

static bool raw_terminal(struct termios *before)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0)
		return false;
	raw = *before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* SIGTERM first: QEMU removes its temporary files. */
static int end_emulator(const struct emulator *emulator)
{
	int status = 0;

	kill(emulator->pid, SIGTERM);
	for (unsigned i = 0; i < 200; i++) {
		if (waitpid(emulator->pid, &status, WNOHANG) != 0)
			return status;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	kill(emulator->pid, SIGKILL);
	waitpid(emulator->pid, &status, 0);
	return status;
}

/* Bochs says in its log why it stopped, or before it has one where its output goes. */
static void show_panics(const char *const paths[2])
{
	char line[512];

	for (unsigned i = 0; i < 2; i++) {
		FILE *log = paths[i] ? fopen(paths[i], "re") : NULL;

		while (log && fgets(line, sizeof(line), log))
			if (strstr(line, ">>PANIC<<") || strstr(line, "wrong value for parameter"))
				fputs(line, stderr);
		if (log)
			fclose(log);
	}
}

static int verdict(const struct bridge *bridge, enum reason reason, int status)
{
	const struct emulator *emulator = bridge->emulator;

	switch (reason) {
	case REASON_TIMEOUT:
		complain("the time is over: %s was ended", emulator->name);
		return STATUS_TIMEOUT;
	case REASON_IDLE:
		complain("nothing is running: %s was ended", emulator->name);
		return STATUS_FAILED;
	case REASON_ESCAPE:
		complain("%s was ended by Ctrl-]", emulator->name);
		return STATUS_FAILED;
	case REASON_SIGNAL:
		return STATUS_SIGNAL + bridge->signal;
	case REASON_NONE:
	case REASON_ENDED:
		break;
	}
	if (bridge->off_since >= 0 && (!emulator->ends_itself || (WIFEXITED(status) && WEXITSTATUS(status) == 0)))
		return STATUS_OK;
	show_panics(emulator->logs);
	complain("the machine ended without an orderly power-off of Bulkhead (%s %s %d)", emulator->name,
		 WIFSIGNALED(status) ? "was killed by signal" : "had status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return STATUS_FAILED;
}

int terminal_bridge(const struct emulator *emulator, unsigned timeout)
{
	struct bridge bridge = { .emulator = emulator, .off_since = -1, .deadline = -1 };
	struct termios before;
	enum reason reason;
	sigset_t set;
	bool raw;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	bridge.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (timeout)
		bridge.deadline = now_ms() + timeout * 1000LL;
	fcntl(emulator->input, F_SETFL, O_NONBLOCK);
	fcntl(emulator->output, F_SETFL, O_NONBLOCK);
	complain("%s starts; Ctrl-] three times ends it", emulator->name);
	raw = raw_terminal(&before);
	/* The child may have ended before its signal was waited for. */
	reason = waitpid(emulator->pid, &status, WNOHANG) != 0 ? REASON_ENDED : REASON_NONE;
	if (reason == REASON_NONE) {
		reason = carry(&bridge);
		status = end_emulator(emulator);
	}
	drain(&bridge);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	close(bridge.signals);
	return verdict(&bridge, reason, status);
}
