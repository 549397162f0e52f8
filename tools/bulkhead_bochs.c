/* SPDX-License-Identifier: MIT */
/* Bochs: the emulator of VT-x, and of the AMD-V features that QEMU has not. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#define OVMF "/usr/share/ovmf/OVMF.fd" /* Bochs 2.7 refuses images of 4 MB */
#define BIOS "/usr/share/bochs/BIOS-bochs-latest"
#define VGA_BIOS "/usr/share/vgabios/vgabios.bin"
#define ZONE "UTC0SUMMER0,M3.2.0,M10.1.0" /* a time zone whose summer time differs in name only */
#define MEMORY_MAX 2048 /* MiB, of Bochs 2.7 */

/* Time is counted in instructions anyway. The date is the one thing of this machine that a guest could see. */
#define DATE "utc"
#define DATE_ICOUNT "1700000000" /* seconds since 1970 */

static const char common[] = "display_library: rfb, options=\"timeout=0\"\n"
			     "config_interface: textconfig\n"
			     "vgaromimage: file=" VGA_BIOS "\n"
			     "sound: driver=dummy\n"
			     "speaker: enabled=1, mode=none\n"
			     "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14\n"
			     "panic: action=fatal\n"
			     "error: action=report\n"
			     "info: action=ignore\n";

static const char *const amd_models[] = { "ryzen", "trinity_apu", "phenomx3_8650_toliman", "turion64_tyler" };

bool bochs_amd_model(const char *model)
{
	for (size_t i = 0; model && i < sizeof(amd_models) / sizeof(amd_models[0]); i++)
		if (strcmp(model, amd_models[i]) == 0)
			return true;
	return false;
}

static bool write_setup(const struct run *run, const char *terminal)
{
	char *path = format_text("%s/bochsrc", run->folder), *go = format_text("%s/rc", run->folder);
	unsigned memory = (unsigned)(run->memory >> 20);
	FILE *file = fopen(path, "we");
	bool good = file != NULL;

	if (file) {
		fputs(common, file);
		fprintf(file, "clock: sync=none, time0=%s\n", run->icount ? DATE_ICOUNT : DATE);
		fprintf(file, "memory: guest=%u, host=%u\n", memory, memory);
		fprintf(file, "cpu: model=%s, count=%u, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1\n",
			run->model ? run->model : "broadwell_ult", run->cpus);
		fprintf(file, "com%u: enabled=1, mode=term, dev=%s\n", run->serial + 1, terminal);
		fprintf(file, "log: %s/bochs.log\n", run->folder);
		if (run->debugger)
			fprintf(file, "debugger_log: %s.log\n", run->debugger);
		/* GRUB dies in this video BIOS when it looks for graphics modes: so there are none. */
		if (run->firmware == FIRMWARE_BIOS)
			fprintf(file,
				"romimage: file=" BIOS ", options=fastboot\nboot: cdrom\nvga: extension=none\n"
				"ata0-master: type=cdrom, path=%s, status=inserted\n",
				run->medium);
		else
			fprintf(file,
				"romimage: file=" OVMF "\nboot: disk\n"
				"ata0-master: type=disk, path=%s, mode=flat\n",
				run->medium);
		good = fclose(file) == 0;
	}
	if (!good)
		complain("%s cannot be written: %s", path, strerror(errno));
	/* Debian's Bochs starts in its debugger: "c" continues. */
	good = good && write_file(go, "c\n");
	free(path);
	free(go);
	return good;
}

/* The guest's UART is the one end of a pseudo-terminal; returns the other, and holds the first open in `*slave`. */
static int open_terminal(char name[64], int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, name, 64) != 0)
		return -1;
	*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0 || tcgetattr(*slave, &settings) != 0)
		return -1;
	cfmakeraw(&settings);
	tcsetattr(*slave, TCSANOW, &settings);
	return master;
}

static void become(const char *path, const struct run *run)
{
	char *setup = format_text("%s/bochsrc", run->folder), *said = format_text("%s/bochs.out", run->folder);
	char *go = run->debugger ? format_text("%s", run->debugger) : format_text("%s/rc", run->folder);
	char *const words[] = { "bochs-bin", "-q", "-f", setup, "-rc", go, NULL };
	int null = open("/dev/null", O_RDONLY), out = open(said, O_WRONLY | O_CREAT, 0666);

	signals_release();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* When firmware writes the clock, cmos.cc asks mktime() with a tm_isdst that nobody set: an hour came and went. */
	setenv("TZ", ZONE, 1);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(path, words);
	_exit(127);
}

static bool data_is_there(const struct run *run)
{
	return data_exists(VGA_BIOS, "vgabios") &&
	       (run->firmware == FIRMWARE_BIOS ? data_exists(BIOS, "bochsbios") : data_exists(OVMF, "ovmf"));
}

bool bochs_start(const struct run *run, struct emulator *emulator)
{
	const char *path = tool_find("bochs-bin");
	static char log[512], said[512];
	char terminal[64];
	int slave, master;

	if (!path || !data_is_there(run))
		return false;
	if (run->extra.count) {
		complain("--qemu-arg is for QEMU, this run is in Bochs; leave it out");
		return false;
	}
	if (run->memory >> 20 > MEMORY_MAX) {
		complain("Bochs has %u MiB of memory at the most; give the partitions less, or use --memory 2G",
			 MEMORY_MAX);
		return false;
	}
	master = open_terminal(terminal, &slave);
	if (master < 0) {
		complain("no pseudo-terminal for the console: %s", strerror(errno));
		return false;
	}
	if (!write_setup(run, terminal))
		return false;
	snprintf(log, sizeof(log), "%s/bochs.log", run->folder);
	snprintf(said, sizeof(said), "%s/bochs.out", run->folder);
	*emulator = (struct emulator){
		.pid = fork(),
		.input = master,
		.output = master,
		.name = "Bochs",
		.logs = { log, said },
	};
	if (emulator->pid == 0)
		become(path, run);
	if (emulator->pid < 0)
		complain("the emulator cannot be started: %s", strerror(errno));
	return emulator->pid > 0;
}
