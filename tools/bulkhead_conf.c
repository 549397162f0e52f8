/* SPDX-License-Identifier: MIT */
/* A configuration as the host sees it: the hypervisor's parser, and the files beside it. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/admission.h"

#define CONF_MAX (1UL << 20) /* the loaders take no more */
#define FAT_FILE_MAX 0xffffffffUL

static void add_fault(void *context, unsigned line, const char *problem, const char *fix)
{
	struct conf *conf = context;
	struct fault *fault;

	conf->faults = realloc(conf->faults, (conf->fault_count + 1) * sizeof(*conf->faults));
	if (!conf->faults) {
		complain("out of memory");
		exit(STATUS_FAILED);
	}
	fault = &conf->faults[conf->fault_count];
	fault->line = line;
	fault->order = conf->fault_count++;
	snprintf(fault->problem, sizeof(fault->problem), "%s", problem);
	snprintf(fault->fix, sizeof(fault->fix), "%s", fix);
}

static int by_line(const void *one, const void *two)
{
	const struct fault *a = one, *b = two;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static bool read_source(struct conf *conf)
{
	int file = open(conf->path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : 0;

	conf->source = allocate(CONF_MAX + 1);
	while (file >= 0 && conf->size <= CONF_MAX) {
		got = read(file, conf->source + conf->size, CONF_MAX + 1 - conf->size);
		if (got <= 0)
			break;
		conf->size += (size_t)got;
	}
	if (got < 0)
		complain("%s cannot be read: %s", conf->path, strerror(errno));
	else if (conf->size > CONF_MAX)
		complain("%s is larger than 1 MiB, which no configuration needs; is it the right file?", conf->path);
	if (file >= 0)
		close(file);
	return got >= 0 && conf->size <= CONF_MAX;
}

/* Names point into the parsed text, which has the same length as the source. */
static unsigned line_of(const struct conf *conf, const char *name)
{
	const char *end = conf->source + (name - conf->text);
	unsigned line = 1;

	for (const char *at = conf->source; at < end; at++)
		line += *at == '\n';
	return line;
}

/* FAT knows no difference of case, and two files of ours lie in the same folder. */
static void check_name(struct conf *conf, struct named_file *file)
{
	static const char *const ours[] = { "bulkhead.conf", "bootx64.efi" };
	char text[256];

	for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcasecmp(file->name, ours[i]) != 0)
			continue;
		file->there = false;
		add_fault(conf, file->line, "the boot medium has a file of that name already", "rename the file");
	}
	for (const struct named_file *other = conf->files; other < file; other++) {
		if (strcasecmp(file->name, other->name) != 0)
			continue;
		snprintf(text, sizeof(text), "%.100s and %.100s are one name on a boot medium", file->name,
			 other->name);
		add_fault(conf, file->line, text, "rename one of the two files");
	}
}

static void check_file(struct conf *conf, struct named_file *file)
{
	char problem[256];
	struct stat status;

	if (stat(file->path, &status) != 0) {
		snprintf(problem, sizeof(problem), "file %s: %s", file->name, strerror(errno));
		add_fault(conf, file->line, problem, "copy it beside the configuration or correct its name");
	} else if (!S_ISREG(status.st_mode)) {
		snprintf(problem, sizeof(problem), "%s is not a file", file->name);
		add_fault(conf, file->line, problem, "name a file");
	} else if (access(file->path, R_OK) != 0) {
		snprintf(problem, sizeof(problem), "file %s: %s", file->name, strerror(errno));
		add_fault(conf, file->line, problem, "let yourself read it with chmod");
	} else if ((uint64_t)status.st_size > FAT_FILE_MAX) {
		snprintf(problem, sizeof(problem), "file %s is larger than 4 GiB", file->name);
		add_fault(conf, file->line, problem, "make it smaller: the boot medium's FAT takes no larger files");
	} else {
		file->size = (uint64_t)status.st_size;
		file->there = true;
	}
}

static void add_file(struct conf *conf, const char *name)
{
	const char *slash = strrchr(conf->path, '/');
	struct named_file *file = &conf->files[conf->file_count];

	if (!name)
		return;
	for (unsigned i = 0; i < conf->file_count; i++)
		if (strcmp(conf->files[i].name, name) == 0)
			return;
	conf->file_count++;
	file->name = name;
	file->line = line_of(conf, name);
	file->path = format_text("%.*s/%s", slash ? (int)(slash - conf->path) : 1, slash ? conf->path : ".", name);
	check_file(conf, file);
	check_name(conf, file);
}

bool conf_load(struct conf *conf, const char *path)
{
	*conf = (struct conf){ .path = path };
	if (!read_source(conf))
		return false;
	conf->text = allocate(conf->size + 1);
	memcpy(conf->text, conf->source, conf->size);
	config_parse(conf->text, conf->size, &conf->config, conf->partitions, CONFIG_PARTITIONS, add_fault, conf);
	admission_check(&conf->config, add_fault, conf);
	for (unsigned i = 0; i < conf->config.count; i++) {
		const struct config_partition *partition = &conf->partitions[i];

		add_file(conf, partition->kernel);
		add_file(conf, partition->initrd);
		for (unsigned j = 0; j < partition->module_count; j++)
			add_file(conf, partition->modules[j].file);
	}
	if (conf->fault_count)
		qsort(conf->faults, conf->fault_count, sizeof(*conf->faults), by_line);
	return true;
}

void conf_free(struct conf *conf)
{
	for (unsigned i = 0; i < conf->file_count; i++)
		free(conf->files[i].path);
	free(conf->faults);
	free(conf->source);
	free(conf->text);
}

unsigned conf_report(const struct conf *conf)
{
	unsigned hidden = conf->config.errors > CONFIG_REPORTS ? conf->config.errors - CONFIG_REPORTS : 0;

	for (unsigned i = 0; i < conf->fault_count; i++)
		fprintf(stderr, "%s:%u: error: %s; %s\n", conf->path, conf->faults[i].line, conf->faults[i].problem,
			conf->faults[i].fix);
	if (hidden)
		fprintf(stderr, "%s: %u more errors are not shown; mend these first\n", conf->path, hidden);
	return conf->fault_count + hidden;
}
