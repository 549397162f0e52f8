/* SPDX-License-Identifier: MIT */
/* QEMU without acceleration: the one that emulates AMD-V. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CODE "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define VARS "/usr/share/OVMF/OVMF_VARS_4M.fd"

static void add_machine(struct words *words, const struct run *run)
{
	words_add(words, "-machine");
	words_add(words, "q35");
	words_add(words, "-accel");
	words_add(words, "tcg,thread=%s", run->icount ? "single" : "multi");
	if (run->icount) {
		words_add(words, "-icount");
		words_add(words, "shift=0,sleep=off");
	}
	words_add(words, "-cpu");
	words_add(words, "%s", run->model ? run->model : "max");
	words_add(words, "-smp");
	words_add(words, "%u", run->cpus);
	words_add(words, "-m");
	words_add(words, "%lluK", (unsigned long long)(run->memory >> 10));
}

/* Images of other formats than raw are not expected, and guessing one would be the guest's to abuse. */
static bool add_medium(struct words *words, const struct run *run)
{
	char *vars;
	bool good;

	if (run->firmware == FIRMWARE_BIOS) {
		words_add(words, "-drive");
		words_add(words, "media=cdrom,format=raw,readonly=on,file=%s", run->medium);
		words_add(words, "-boot");
		words_add(words, "d");
		return true;
	}
	if (!data_exists(CODE, "ovmf") || !data_exists(VARS, "ovmf"))
		return false;
	vars = format_text("%s/vars.fd", run->folder);
	good = copy_file(VARS, vars);
	words_add(words, "-drive");
	words_add(words, "if=pflash,unit=0,format=raw,readonly=on,file=" CODE);
	words_add(words, "-drive");
	words_add(words, "if=pflash,unit=1,format=raw,file=%s", vars);
	words_add(words, "-drive");
	words_add(words, "media=disk,format=raw,file=%s", run->medium);
	free(vars);
	return good;
}

static void add_console(struct words *words, const struct run *run)
{
	words_add(words, "-display");
	words_add(words, "none");
	words_add(words, "-monitor");
	words_add(words, "none");
	words_add(words, "-nic");
	words_add(words, "none");
	words_add(words, "-chardev");
	words_add(words, "stdio,id=c,signal=off");
	for (unsigned i = 0; i < run->serial; i++) {
		words_add(words, "-serial");
		words_add(words, "null");
	}
	words_add(words, "-serial");
	words_add(words, "chardev:c");
}

/* In the child: its terminal is two pipes. */
static void become(const char *path, struct words *words, const int input[2], const int output[2])
{
	signals_release();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* not even a killed command leaves an emulator behind */
	dup2(input[0], STDIN_FILENO);
	dup2(output[1], STDOUT_FILENO);
	execv(path, words->word);
	_exit(127);
}

bool qemu_start(const struct run *run, struct emulator *emulator)
{
	struct words words = { 0 };
	const char *path = tool_find("qemu-system-x86_64");
	int input[2], output[2];

	if (!path)
		return false;
	words_add(&words, "qemu-system-x86_64");
	add_machine(&words, run);
	if (!add_medium(&words, run))
		return false;
	add_console(&words, run);
	for (unsigned i = 0; i < run->extra.count; i++)
		words_add(&words, "%s", run->extra.word[i]);
	if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
		complain("no pipe to the emulator: %s", strerror(errno));
		return false;
	}
	*emulator = (struct emulator){
		.pid = fork(),
		.input = input[1],
		.output = output[0],
		.name = "QEMU",
		.ends_itself = true,
	};
	if (emulator->pid == 0)
		become(path, &words, input, output);
	close(input[0]);
	close(output[1]);
	words_free(&words);
	if (emulator->pid < 0)
		complain("the emulator cannot be started: %s", strerror(errno));
	return emulator->pid > 0;
}
