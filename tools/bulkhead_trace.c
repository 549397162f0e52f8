/* SPDX-License-Identifier: MIT */
/* bulkhead trace: what the monitor printed of the trace, as a timeline or for Perfetto. */
#include "tools/bulkhead_trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bulkhead.h"

#define FILE_MAX (1UL << 30) /* as many records as are shown take less than a tenth */

static const char help[] =
	"Usage: bulkhead trace FILE [--json OUT]\n"
	"\n"
	"FILE is a capture of the console while the monitor printed a trace; other lines in it do\n"
	"not matter, and of several traces the last complete one counts. Shows who had which core,\n"
	"every guest exit and how long it took, in order of time, and a summary of each vCPU.\n"
	"\n"
	"      --json OUT    write it to the file OUT instead, for https://ui.perfetto.dev or\n"
	"                    chrome://tracing\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 success, 1 no complete trace or another failure, 2 wrong use.\n";

static const struct option options[] = {
	{ "json", required_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* All of a file or pipe; NULL after saying why not. */
static char *read_text(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	size_t room = 1 << 16, got = 1;
	char *text = allocate(room);
	bool good;

	*size = 0;
	while (file && got && *size <= FILE_MAX) {
		got = fread(text + *size, 1, room - *size, file);
		*size += got;
		if (*size == room)
			text = realloc(text, room *= 2);
		if (!text) {
			complain("out of memory");
			exit(STATUS_FAILED);
		}
	}
	good = file && !ferror(file);
	if (!good)
		complain("%s cannot be read: %s", path, strerror(errno));
	else if (*size > FILE_MAX)
		complain("%s is larger than 1 GiB; cut out the part with the trace", path);
	if (file)
		fclose(file);
	if (good && *size <= FILE_MAX)
		return text;
	free(text);
	return NULL;
}

static bool load(struct trace *trace, const char *path)
{
	struct trace_fault fault;
	size_t size;
	char *text = read_text(path, &size);
	bool good;

	if (!text)
		return false;
	good = trace_parse(trace, text, size, &fault);
	free(text);
	if (fault.line)
		fprintf(stderr, "%s:%u: %s: %s; %s\n", path, fault.line, good ? "warning" : "error", fault.problem,
			good ? "an earlier trace is shown" : fault.fix);
	else if (!good)
		fprintf(stderr, "%s: error: %s; %s\n", path, fault.problem, fault.fix);
	return good;
}

static bool write_json(const struct trace *trace, const char *path)
{
	FILE *file = fopen(path, "we");
	bool good = file != NULL;

	if (file) {
		trace_json(trace, file);
		good = !ferror(file);
		good &= fclose(file) == 0;
	}
	if (!good)
		complain("%s cannot be written: %s", path, strerror(errno));
	return good;
}

static bool write_timeline(const struct trace *trace)
{
	trace_timeline(trace, stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	complain("the timeline cannot be written: %s", strerror(errno));
	return false;
}

int command_trace(int argc, char *argv[])
{
	static struct trace trace = { .capacity = TRACE_RECORDS_MAX };
	const char *json = NULL;
	bool good;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return bad_option("trace", option, argv);
		}
	}
	if (argc - optind != 1) {
		complain("trace takes one file; see bulkhead trace --help");
		return STATUS_USAGE;
	}
	trace.records = allocate(trace.capacity * sizeof(*trace.records));
	good = load(&trace, argv[optind]) && (json ? write_json(&trace, json) : write_timeline(&trace));
	free(trace.records);
	return good ? STATUS_OK : STATUS_FAILED;
}
