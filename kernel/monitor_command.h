/* SPDX-License-Identifier: MIT */
/* What a command of the monitor sees. */
#ifndef KERNEL_MONITOR_COMMAND_H
#define KERNEL_MONITOR_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/monitor_line.h"

struct partition;
struct sched_entity;

#define MONITOR_WORDS 8  /* of a command line */
#define MONITOR_LINES 4  /* that a step may print */
#define MONITOR_TEXT 240 /* characters of each, at the most */

struct monitor_job;

enum monitor_verdict {
	MONITOR_MORE, /* call again: when `wake` has come, or there is input; 0: soon */
	MONITOR_DONE,
};

/* A step of a command: takes microseconds, prints a few lines, waits for nothing. */
typedef enum monitor_verdict monitor_step(struct monitor_job *job);

/* What the first word after the command is, for completion. */
enum monitor_argument { ARGUMENT_OTHER, ARGUMENT_PARTITION, ARGUMENT_COMMAND, ARGUMENT_POWER };

struct monitor_command {
	const char *name;
	const char *arguments;     /* "P [N]"; "" when none */
	const char *summary;
	const char *const *help;   /* more lines, NULL at the end; NULL: none */
	monitor_step *step;
	unsigned least, most;      /* words after the name */
	enum monitor_argument first;
};

/* A command that is being executed. */
struct monitor_job {
	monitor_step *step;        /* NULL: none is */
	const struct monitor_command *command; /* NULL: unknown */
	char *words[MONITOR_WORDS]; /* words[0]: the command */
	unsigned count;
	struct partition *partition; /* words[1], where that is one; NULL: not given */
	unsigned steps;            /* calls so far */
	uint64_t wake;             /* TSC; set anew in each step */
	unsigned index, sub;       /* these are the command's, 0 at first */
	uint64_t value, deadline;
	char text[MONITOR_LINE + 1];
};

#define MONITOR_COMMANDS 19
extern const struct monitor_command monitor_commands[MONITOR_COMMANDS];
const struct monitor_command *monitor_command_find(const char *name);

/* A line of output. */
void monitor_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Has a key been pressed since the command began? Takes it. */
bool monitor_take_key(void);
/* A number, printed words if it is none. */
bool monitor_take_number(const char *word, uint64_t *value);

/* --- monitor_format.c --- */
#define MONITOR_TIME 24
#define MONITOR_CORES 64
/* "1.234 ms", from ticks of the TSC; returns `out`. */
const char *monitor_time(char out[MONITOR_TIME], uint64_t ticks);
/* "0-1,3" */
const char *monitor_cores(char out[MONITOR_CORES], uint64_t mask);
/* "rt budget=2.000 ms period=4.000 ms" */
struct config_sched;
void monitor_policy(char *out, size_t size, const struct config_sched *sched);
extern const char *const monitor_policies[];
/* vCPUs that it has; 0 for a partition that could not be created. */
unsigned monitor_vcpus(const struct partition *partition);
/* Ticks that the vCPU ran and waited for its turn until now, without its core's help: good enough to be read. */
uint64_t monitor_run(const struct sched_entity *entity, uint64_t now);
uint64_t monitor_steal(const struct sched_entity *entity, uint64_t now);

monitor_step monitor_help, monitor_list, monitor_info, monitor_stats, monitor_top, monitor_pause, monitor_resume;
monitor_step monitor_stop, monitor_begin, monitor_reset, monitor_console, monitor_regs, monitor_mem, monitor_log;
monitor_step monitor_sched, monitor_trace, monitor_version, monitor_hw, monitor_power;

#endif
