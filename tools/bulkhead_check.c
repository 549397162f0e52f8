/* SPDX-License-Identifier: MIT */
/* bulkhead check: everything that is wrong with a configuration, at once. */
#include "tools/bulkhead.h"

#include <stdio.h>

static const char help[] =
	"Usage: bulkhead check CONF\n"
	"\n"
	"Reads the configuration CONF with the hypervisor's own parser, looks for the files that it\n"
	"names, and prints every error as\n"
	"  FILE:LINE: error: what is wrong; how to mend it\n"
	"\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 no errors, 1 errors, 2 wrong use.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int command_check(int argc, char *argv[])
{
	static struct conf conf;
	unsigned errors;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option != 'h')
			return bad_option("check", option, argv);
		fputs(help, stdout);
		return STATUS_OK;
	}
	if (argc - optind != 1) {
		complain("check takes one configuration; see bulkhead check --help");
		return STATUS_USAGE;
	}
	if (!conf_load(&conf, argv[optind]))
		return STATUS_FAILED;
	errors = conf_report(&conf);
	if (errors)
		fprintf(stderr, "%s: %u error%s\n", conf.path, errors, errors == 1 ? "" : "s");
	else
		printf("%s: %u partition%s, no errors\n", conf.path, conf.config.count,
		       conf.config.count == 1 ? "" : "s");
	conf_free(&conf);
	return errors ? STATUS_FAILED : STATUS_OK;
}
