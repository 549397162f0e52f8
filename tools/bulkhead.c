/* SPDX-License-Identifier: MIT */
/* build/bulkhead, the host command: checks configurations, makes boot media, runs them in emulators, shows traces. */
#include "tools/bulkhead.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: bulkhead COMMAND ...\n"
			   "\n"
			   "  check CONF            say everything that is wrong with a configuration\n"
			   "  image CONF -o FILE    make a boot medium: a disk image, also for a USB stick\n"
			   "  run CONF              boot a configuration in an emulator, on this terminal\n"
			   "  trace FILE            show a trace that the monitor printed\n"
			   "\n"
			   "bulkhead COMMAND --help explains each. docs/guide.md explains the configuration.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{ "check", command_check },
	{ "image", command_image },
	{ "run", command_run },
	{ "trace", command_trace },
};

void complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("bulkhead: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

int bad_option(const char *command, int answer, char *const argv[])
{
	const char *word = argv[optind - 1];

	if (answer == ':')
		complain("option %s needs a value; see bulkhead %s --help", word, command);
	else if (optopt && word[1] != '-')
		complain("there is no option -%c; see bulkhead %s --help", optopt, command);
	else
		complain("there is no option %s, or it is one without a value; see bulkhead %s --help", word, command);
	return STATUS_USAGE;
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		complain("out of memory");
		exit(STATUS_FAILED);
	}
	return memory;
}

char *format_text(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0) {
		complain("out of memory");
		exit(STATUS_FAILED);
	}
	va_end(arguments);
	return text;
}

int main(int argc, char *argv[])
{
	if (argc < 2) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		fputs(help, stdout);
		return STATUS_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	complain("there is no command %s; the commands are check, image, run and trace", argv[1]);
	return STATUS_USAGE;
}
