/* SPDX-License-Identifier: MIT */
/* The commands of the monitor, and what help says of them. */
#include <string.h>

#include "kernel/monitor_command.h"

#define HELP(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct monitor_command monitor_commands[MONITOR_COMMANDS] = {
	{ "help", "[COMMAND]", "what commands there are, or what one does", HELP(
	  "Keys: arrows, Home, End, Ctrl-A, -E move; Backspace, Ctrl-D, -K, -U, -W delete; Up and Down repeat.",
	  "Tab completes commands and partitions. Ctrl-C ends a command. Ctrl-A three times moves the input on."),
	  monitor_help, 0, 1, ARGUMENT_COMMAND },
	{ "list", "", "all partitions", HELP(
	  "STARTS counts all starts since the machine's; UP is the time since the last one."),
	  monitor_list, 0, 0, ARGUMENT_OTHER },
	{ "info", "P", "everything about a partition", NULL, monitor_info, 1, 1, ARGUMENT_PARTITION },
	{ "stats", "[P]", "where time went; of a partition also its exits by kind", HELP(
	  "Times since the partition's first start. run: on its core; steal: it could have run, another one did;",
	  "wait: the rest. overruns: it had the core too long; throttled: its budget or cap was used up; missed: its",
	  "deadlines before which it did not get its budget. An exit's time is that of its handling."),
	  monitor_stats, 0, 1, ARGUMENT_PARTITION },
	{ "top", "", "the busiest partitions, anew each second, until a key is pressed", NULL, monitor_top, 0, 0,
	  ARGUMENT_OTHER },
	{ "pause", "P", "take a running partition off its cores", HELP(
	  "It keeps everything, and resume lets it go on. Its clocks run on meanwhile."),
	  monitor_pause, 1, 1, ARGUMENT_PARTITION },
	{ "resume", "P", "let a paused partition go on", NULL, monitor_resume, 1, 1, ARGUMENT_PARTITION },
	{ "stop", "P", "end a partition at once, as by its power switch", HELP(
	  "It stays off whatever its key restart says, until start. The machine stays on, too."),
	  monitor_stop, 1, 1, ARGUMENT_PARTITION },
	{ "start", "P", "start a partition that is off, with zeroed memory", NULL, monitor_begin, 1, 1,
	  ARGUMENT_PARTITION },
	{ "reset", "P", "end a partition and start it anew, as by its reset button", NULL, monitor_reset, 1, 1,
	  ARGUMENT_PARTITION },
	{ "console", "P", "move the input to a partition's console", HELP(
	  "Ctrl-A three times moves it on, after the last partition to the monitor."),
	  monitor_console, 1, 1, ARGUMENT_PARTITION },
	{ "regs", "P [N]", "the registers of its vCPU N, or 0", HELP(
	  "A running vCPU writes them down on its core and goes on; one of a partition that is off has its last ones."),
	  monitor_regs, 1, 2, ARGUMENT_PARTITION },
	{ "mem", "P ADDRESS [COUNT]", "what is in its memory, by guest-physical address", HELP(
	  "256 bytes if COUNT is not given. Numbers are decimal, or hexadecimal after 0x. Ctrl-C ends it."),
	  monitor_mem, 2, 3, ARGUMENT_PARTITION },
	{ "log", "[COUNT]", "the last lines of the hypervisor's log, 24 if COUNT is not given", NULL, monitor_log, 0, 1,
	  ARGUMENT_OTHER },
	{ "sched", "", "who shares which core, and how", NULL, monitor_sched, 0, 0, ARGUMENT_OTHER },
	{ "trace", "on|off|dump [COUNT]", "record what the cores do; show the last records of each", HELP(
	  "dump switches it off and prints 200 records of each core, if COUNT is not given, at most 4096. Capture what",
	  "the terminal shows, and give it to bulkhead trace: a timeline, and a file for Perfetto."),
	  monitor_trace, 1, 2, ARGUMENT_OTHER },
	{ "version", "", "of the hypervisor, its uptime and memory", NULL, monitor_version, 0, 0, ARGUMENT_OTHER },
	{ "hw", "", "what was found in this machine, and what is used of it", NULL, monitor_hw, 0, 0, ARGUMENT_OTHER },
	{ "power", "off|reboot", "turn the machine off or reset it, at once", HELP(
	  "The partitions are not asked: let those that should end well do so before."),
	  monitor_power, 1, 1, ARGUMENT_POWER },
};

const struct monitor_command *monitor_command_find(const char *name)
{
	unsigned i;

	for (i = 0; i < MONITOR_COMMANDS; i++)
		if (!strcmp(monitor_commands[i].name, name))
			return &monitor_commands[i];
	return NULL;
}

static enum monitor_verdict explain(struct monitor_job *job)
{
	const struct monitor_command *c = monitor_command_find(job->words[1]);
	const char *const *help;

	if (!c) {
		monitor_print("there is no command \"%.40s\"; help shows all", job->words[1]);
		return MONITOR_DONE;
	}
	monitor_print("%s %s: %s", c->name, c->arguments, c->summary);
	for (help = c->help; help && *help; help++)
		monitor_print("%s", *help);
	return MONITOR_DONE;
}

enum monitor_verdict monitor_help(struct monitor_job *job)
{
	const struct monitor_command *c = &monitor_commands[job->index++];

	if (job->count > 1)
		return explain(job);
	monitor_print("  %-8s%-20s %s", c->name, c->arguments, c->summary);
	return job->index < MONITOR_COMMANDS ? MONITOR_MORE : MONITOR_DONE;
}
