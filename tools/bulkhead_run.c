/* SPDX-License-Identifier: MIT */
/* bulkhead run: a boot medium, an emulator, and this terminal as its console. */
#include "tools/bulkhead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/config_parse.h"

#define MEMORY_OWN (512ULL << 20) /* firmware, hypervisor, and the files in memory twice */
#define CPUS_MAX 255		  /* xAPIC IDs */

static const char help[] =
	"Usage: bulkhead run CONF [options]\n"
	"\n"
	"Makes a boot medium of the configuration CONF and boots it in an emulator of a whole\n"
	"machine; this terminal is its console. Ctrl-] three times within a second ends the\n"
	"emulator. All other keys are the machine's: Ctrl-A three times is Bulkhead's own key for\n"
	"the next partition.\n"
	"\n"
	"      --vendor amd|intel     AMD-V in QEMU (default), or VT-x in Bochs\n"
	"      --firmware uefi|bios   what starts Bulkhead: UEFI (default), or a BIOS and GRUB\n"
	"      --cpus N               cores of the machine; default: as many as CONF names; in\n"
	"                             QEMU 2 at the least\n"
	"      --memory SIZE          memory of the machine, such as 2G; default: what the partitions\n"
	"                             and files take, and 512M more\n"
	"      --timeout S            end it after S seconds, with status 124\n"
	"      --icount               time is counted in instructions, so that runs are equal: in QEMU\n"
	"                             one is one nanosecond; Bochs always does, the date is fixed, too\n"
	"      --model NAME           the processor, as QEMU's -cpu or Bochs's cpu: model= has it;\n"
	"                             default: max for QEMU, broadwell_ult for Bochs; with --vendor\n"
	"                             amd, ryzen is AMD-V in Bochs\n"
	"      --qemu-arg ARG         one more word for QEMU's command line; can be given many times\n"
	"      --bochs-rc FILE        commands for Bochs's debugger in place of \"c\", which continues;\n"
	"                             its answers are in FILE.log\n"
	"      --build DIR            where bulkhead.efi and bulkhead.mb2 are; default: beside this\n"
	"                             command\n"
	"  -h, --help                 this text\n"
	"\n"
	"Errors in CONF are said, and then the machine boots all the same: Bulkhead starts the\n"
	"partitions that have none.\n"
	"\n"
	"Exit status: 0 after an orderly power-off, 1 after any other end, 2 wrong use, 124 when\n"
	"the time is over.\n";

static const struct option options[] = {
	{ "vendor", required_argument, NULL, 'v' },
	{ "firmware", required_argument, NULL, 'f' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "memory", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 't' },
	{ "icount", no_argument, NULL, 'i' },
	{ "model", required_argument, NULL, 'M' },
	{ "qemu-arg", required_argument, NULL, 'q' },
	{ "bochs-rc", required_argument, NULL, 'r' },
	{ "build", required_argument, NULL, 'b' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct request {
	struct run run;
	const char *build;
	bool intel, bochs;
};

static bool number_option(const char *name, const char *word, unsigned most, unsigned *number)
{
	const char *at = word;
	uint64_t value;

	if (config_number(&at, &value) && *at == '\0' && value > 0 && value <= most) {
		*number = (unsigned)value;
		return true;
	}
	complain("%s cannot be %s; write a number from 1 to %u", name, word, most);
	return false;
}

static bool vendor_option(const char *word, bool *intel)
{
	*intel = strcmp(word, "intel") == 0;
	if (*intel || strcmp(word, "amd") == 0)
		return true;
	complain("there is no vendor %s; write amd or intel", word);
	return false;
}

static bool memory_option(const char *word, uint64_t *memory)
{
	if (config_size(word, memory) && *memory >= 64ULL << 20 && *memory <= 1ULL << 40 && *memory % (1 << 20) == 0)
		return true;
	complain("--memory cannot be %s; write a size in whole MiB such as 512M or 2G, 64M at the least", word);
	return false;
}

/* -1: go on; otherwise the status to end with. */
static int take_option(struct request *request, int option, char *argv[])
{
	struct run *run = &request->run;
	bool good = true;

	switch (option) {
	case 'v':
		good = vendor_option(optarg, &request->intel);
		break;
	case 'f':
		good = firmware_option(optarg, &run->firmware);
		break;
	case 'c':
		good = number_option("--cpus", optarg, CPUS_MAX, &run->cpus);
		break;
	case 'm':
		good = memory_option(optarg, &run->memory);
		break;
	case 't':
		good = number_option("--timeout", optarg, 1000000, &run->timeout);
		break;
	case 'i':
		run->icount = true;
		break;
	case 'M':
		run->model = optarg;
		break;
	case 'q':
		words_add(&run->extra, "%s", optarg);
		break;
	case 'r':
		run->debugger = optarg;
		break;
	case 'b':
		request->build = optarg;
		break;
	case 'h':
		fputs(help, stdout);
		return STATUS_OK;
	default:
		return bad_option("run", option, argv);
	}
	return good ? -1 : STATUS_USAGE;
}

/* A machine that has what the configuration asks for. */
static void size_machine(struct run *run, bool bochs)
{
	uint64_t cores = 0, memory = MEMORY_OWN;
	unsigned least = bochs ? 1 : 2;

	for (unsigned i = 0; i < run->conf->config.count; i++) {
		cores |= run->conf->partitions[i].cpus;
		memory += run->conf->partitions[i].memory;
	}
	for (unsigned i = 0; i < run->conf->file_count; i++)
		memory += run->conf->files[i].size;
	/* In Bochs all processors take turns on one thread: one that only sleeps costs as much as one that works. */
	if (run->cpus == 0)
		run->cpus = cores >> least ? 64 - (unsigned)__builtin_clzll(cores) : least;
	if (run->memory == 0)
		run->memory = (memory + (2 << 20) - 1) >> 21 << 21;
}

/* Which of the machine's UARTs this terminal is. */
static bool choose_serial(struct run *run)
{
	static const uint16_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	const struct config *config = &run->conf->config;

	for (run->serial = 0; run->serial < 4; run->serial++)
		if (!config->console_off && config->console_port == ports[run->serial])
			return true;
	run->serial = 0;
	if (config->console_port == 0 && !config->console_off)
		return true;
	complain("console = %s leaves this terminal without Bulkhead's console; write console = com1,115200",
		 config->console);
	return false;
}

static int boot(struct request *request)
{
	struct run *run = &request->run;
	const char *folder = temporary_folder();
	struct emulator emulator;
	char *medium;

	if (!folder)
		return STATUS_FAILED;
	medium = format_text("%s/%s", folder, run->firmware == FIRMWARE_BIOS ? "boot.iso" : "boot.img");
	run->folder = folder;
	run->medium = medium;
	if (!image_make(run->conf, build_folder(request->build), run->firmware, medium) ||
	    !(request->bochs ? bochs_start(run, &emulator) : qemu_start(run, &emulator))) {
		free(medium);
		return signal_waiting() ? STATUS_SIGNAL + signal_waiting() : STATUS_FAILED;
	}
	free(medium);
	return terminal_bridge(&emulator, run->timeout);
}

int command_run(int argc, char *argv[])
{
	static struct request request;
	static struct conf conf;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		status = take_option(&request, option, argv);
		if (status >= 0)
			return status;
	}
	if (argc - optind != 1) {
		complain("run takes one configuration; see bulkhead run --help");
		return STATUS_USAGE;
	}
	request.bochs = bochs_amd_model(request.run.model);
	if (request.intel && request.bochs) {
		complain("%s is a processor with AMD-V; leave --vendor intel out", request.run.model);
		return STATUS_USAGE;
	}
	request.bochs |= request.intel;
	if (!conf_load(&conf, argv[optind]))
		return STATUS_FAILED;
	conf_report(&conf);
	request.run.conf = &conf;
	size_machine(&request.run, request.bochs);
	if (!choose_serial(&request.run))
		return STATUS_FAILED;
	signals_hold();
	status = boot(&request);
	words_free(&request.run.extra);
	conf_free(&conf);
	return status;
}
