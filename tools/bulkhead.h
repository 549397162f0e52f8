/* SPDX-License-Identifier: MIT */
/* The host command: what its files share. Functions that fail have said why on stderr. */
#ifndef TOOLS_BULKHEAD_H
#define TOOLS_BULKHEAD_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/config.h"

/* Exit statuses. */
#define STATUS_OK 0
#define STATUS_FAILED 1
#define STATUS_USAGE 2
#define STATUS_TIMEOUT 124 /* as timeout(1) has it */
#define STATUS_SIGNAL 128  /* plus the signal's number */

#define FILES_MAX (CONFIG_PARTITIONS * (2 + CONFIG_MODULES))

/* --- bulkhead.c --- */

/* One sentence to stderr, "bulkhead: " before it. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For what getopt_long() (with ":" first and opterr = 0) answered: the sentence for an option that is none. */
int bad_option(const char *command, int answer, char *const argv[]);
void *allocate(size_t size);
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

int command_check(int argc, char *argv[]);
int command_image(int argc, char *argv[]);
int command_run(int argc, char *argv[]);
int command_trace(int argc, char *argv[]);

/* --- bulkhead_conf.c: a configuration with all that is wrong with it --- */

struct fault {
	unsigned line, order;
	char problem[256], fix[256];
};

/* A file that the configuration names. */
struct named_file {
	const char *name;
	char *path; /* on this machine */
	uint64_t size;
	unsigned line;
	bool there; /* and can be copied */
};

struct conf {
	const char *path;
	char *source; /* as read */
	char *text;   /* as parsed; config's strings are in it */
	size_t size;
	struct config config;
	struct config_partition partitions[CONFIG_PARTITIONS];
	struct fault *faults;
	unsigned fault_count;
	struct named_file files[FILES_MAX]; /* each once */
	unsigned file_count;
};

/* Reads and parses; false: there is no such file. The faults are sorted by line. */
bool conf_load(struct conf *conf, const char *path);
void conf_free(struct conf *conf);
/* "file:line: error: problem; fix" for each fault. Returns the number of errors. */
unsigned conf_report(const struct conf *conf);

/* --- bulkhead_process.c: other programs, temporary files --- */

struct words {
	char *word[128];
	unsigned count;
};

void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_free(struct words *words);

/* Where the program is; NULL after naming the Debian package that has it. */
const char *tool_find(const char *program);
/* Runs words->word[0] and waits; shows its output only when it failed. */
bool tool_run(struct words *words);
/* False after saying which package is missing. */
bool data_exists(const char *path, const char *package);

/* Signals that end the command wait until temporary files can be removed. */
void signals_hold(void);
void signals_release(void); /* in a child before exec */
/* The one that waits; 0: none. */
int signal_waiting(void);

/* A new folder for temporary files; removed, with all that is in it, when the command ends. */
const char *temporary_folder(void);
bool copy_file(const char *from, const char *to);
bool write_file(const char *path, const char *text);

/* --- bulkhead_image.c, bulkhead_iso.c: boot media --- */

enum firmware { FIRMWARE_UEFI, FIRMWARE_BIOS };

bool firmware_option(const char *word, enum firmware *firmware);
/* The folder with bulkhead.efi and bulkhead.mb2: the one given, or the command's own. */
const char *build_folder(const char *given);
/* A GPT disk with an EFI system partition, or for BIOS an ISO 9660 image with GRUB. */
bool image_make(const struct conf *conf, const char *build, enum firmware firmware, const char *output);
bool iso_make(const struct conf *conf, const char *build, const char *output);

/* --- bulkhead_run.c and the emulators --- */

struct run {
	const struct conf *conf;
	enum firmware firmware;
	const char *medium; /* image_make()'s */
	const char *folder; /* for temporary files */
	const char *model;  /* of the processor, in the emulator's words */
	const char *debugger; /* commands for Bochs's; NULL: to continue */
	unsigned cpus;
	uint64_t memory;  /* bytes */
	unsigned timeout; /* seconds; 0: none */
	bool icount;
	unsigned serial;    /* 0: COM1, ... */
	struct words extra; /* --qemu-arg */
};

/* What the terminal is connected to. */
struct emulator {
	pid_t pid;
	int input, output; /* the guest's console */
	const char *name;
	const char *logs[2]; /* where it says what went wrong; NULL: on stderr */
	bool ends_itself;    /* at power-off; otherwise it is ended after a while */
};

bool qemu_start(const struct run *run, struct emulator *emulator);
bool bochs_start(const struct run *run, struct emulator *emulator);
/* True for the names of Bochs's AMD processors. */
bool bochs_amd_model(const char *model);

/* --- bulkhead_terminal.c --- */

/* Connects the terminal until the emulator has ended. Returns the command's exit status. */
int terminal_bridge(const struct emulator *emulator, unsigned timeout);

#endif
