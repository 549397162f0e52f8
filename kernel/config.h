/* SPDX-License-Identifier: MIT */
/*
 * bulkhead.conf: INI text into structs. Pure: the same source serves the UEFI loader, the kernel and the host command.
 */
#ifndef KERNEL_CONFIG_H
#define KERNEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sched.h"

#define CONFIG_VERSION 1
#define CONFIG_NAME_MAX 31      /* characters of a partition's name: letters, digits, '-', '_' */
#define CONFIG_CPUS 64          /* physical cores that a configuration can name: 0..63 */
#define CONFIG_MODULES 8
#define CONFIG_PARTITIONS 64    /* each has a core of its own */
#define CONFIG_FILE_MAX 111     /* bytes of a file's name: struct bootfile's, without the terminator */
#define CONFIG_LINE_MAX 4096    /* bytes of a line, without its end */
#define CONFIG_REPORTS 100      /* errors after these are counted, not reported */
#define CONFIG_MEMORY_MIN (1ULL << 20)
#define CONFIG_MEMORY_MAX (256ULL << 30)
#define CONFIG_CHANNELS 16
#define CONFIG_PEERS 16         /* partitions that one channel can join */
#define CONFIG_CHANNEL_MIN (4ULL << 10)
#define CONFIG_CHANNEL_MAX (256ULL << 20)
#define CONFIG_CHANNEL_SUM (512ULL << 20) /* of all channels of a partition: the room for them in its address space */

enum config_restart { RESTART_NEVER, RESTART_ON_FAILURE, RESTART_ALWAYS };
enum config_panic { PANIC_HALT, PANIC_REBOOT };

struct config_module {
	const char *file;
	const char *cmdline; /* the words after the file name; "" when none */
};

#define CONFIG_WINDOWS 16

/* Times in nanoseconds. */
struct config_window {
	uint64_t start, length; /* in the frame */
};

struct config_sched {
	enum sched_policy policy; /* SCHED_DEDICATED when none is given */
	unsigned line;            /* of the key; 0: not given */
	uint64_t budget, period;  /* rt */
	unsigned weight, cap;     /* fair: 100 is usual; per cent of the core, 0: no cap */
	uint64_t frame;           /* cyclic */
	struct config_window windows[CONFIG_WINDOWS];
	unsigned window_count;
};

struct config_partition {
	const char *name;
	unsigned line;          /* of its section header, 1-based */
	bool bad;               /* it has an error: report it, start the others */
	unsigned cpus_line;
	uint64_t cpus;          /* bit n: physical core n; vCPU i runs on the i-th set bit */
	uint64_t memory;        /* bytes, multiple of 4 KiB */
	const char *kernel;     /* file names relative to the configuration; NULL: not given */
	const char *initrd;
	const char *cmdline;    /* never NULL */
	struct config_module modules[CONFIG_MODULES];
	unsigned module_count;
	struct config_sched sched; /* the same on each of its cores */
	enum config_restart restart;
	bool autostart;         /* default true */
	uint16_t debug_exit;    /* port of an isa-debug-exit device; 0: none */
};

/* Shared memory of several partitions. */
struct config_channel {
	const char *name;
	unsigned line;          /* of its section header */
	bool bad;               /* it has an error: its partitions start without it */
	uint64_t size;          /* bytes, a power of two */
	char *list;             /* the value of its key partitions, and that key's line */
	unsigned list_line;
	unsigned peers[CONFIG_PEERS]; /* indices of its partitions, in the order of the list */
	unsigned count;
};

struct config {
	unsigned version;
	const char *console;    /* "com1,115200", "none", ...; NULL: choose (SPCR, then com1) */
	uint16_t console_port;  /* decoded from console; 0: choose */
	uint32_t console_baud;
	bool console_off;       /* console = none */
	bool framebuffer;       /* default true */
	enum config_panic panic;
	unsigned log_level;     /* enum log_level (kernel/log.h): error 0, warning 1, info 2, debug 3; default 2 */
	struct config_partition *partitions;
	unsigned count;
	struct config_channel channels[CONFIG_CHANNELS];
	unsigned channel_count;
	unsigned errors;        /* number found; partitions without `bad` can still start unless fatal */
	bool fatal;             /* nothing can start (no [bulkhead] section, unknown version, ...) */
};

/*
 * One error: 1-based line, what is wrong, and how to mend it. Both are printable ASCII, under 240 bytes, without
 * capital and full stop, made to be printed as "FILE:LINE: PROBLEM; FIX"; they are gone after the call.
 */
typedef void config_report(void *context, unsigned line, const char *problem, const char *fix);

/* Number of partition sections in the text, CONFIG_PARTITIONS at the most: the array that config_parse() needs. */
unsigned config_count(const char *text, size_t size);

/*
 * Parses `text` in place: the strings of `*config` point into it, so it must stay. text[size] must be writable (it
 * becomes a terminator). Every error is reported, none stops the parsing. Returns config->errors.
 */
unsigned config_parse(char *text, size_t size, struct config *config, struct config_partition *partitions,
                      unsigned capacity, config_report *report, void *context);

#endif
