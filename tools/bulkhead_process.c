/* SPDX-License-Identifier: MIT */
/* Other programs and temporary files. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *program, *package;
} packages[] = {
	{ "mformat", "mtools" },
	{ "mmd", "mtools" },
	{ "mcopy", "mtools" },
	{ "sgdisk", "gdisk" },
	{ "grub-mkrescue", "grub-common" },
	{ "xorriso", "xorriso" },
	{ "qemu-system-x86_64", "qemu-system-x86" },
	{ "bochs-bin", "bochs" },
};

static char temporary[256];

void words_add(struct words *words, const char *format, ...)
{
	va_list arguments;

	if (words->count + 1 == sizeof(words->word) / sizeof(words->word[0])) {
		complain("too many options");
		exit(STATUS_USAGE);
	}
	va_start(arguments, format);
	if (vasprintf(&words->word[words->count++], format, arguments) < 0) {
		complain("out of memory");
		exit(STATUS_FAILED);
	}
	va_end(arguments);
}

void words_free(struct words *words)
{
	while (words->count > 0)
		free(words->word[--words->count]);
}

/* sgdisk is in /usr/sbin, which is not on everyone's path. */
const char *tool_find(const char *program)
{
	static char found[512];
	char *path = format_text("%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "");
	const char *package = program;
	char *rest = path, *folder;

	while ((folder = strsep(&rest, ":")) != NULL) {
		int length = snprintf(found, sizeof(found), "%s/%s", folder, program);

		if (*folder && length < (int)sizeof(found) && access(found, X_OK) == 0) {
			free(path);
			return found;
		}
	}
	free(path);
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (strcmp(packages[i].program, program) == 0)
			package = packages[i].package;
	complain("the program %s is missing; install Debian's package %s", program, package);
	return NULL;
}

bool data_exists(const char *path, const char *package)
{
	if (access(path, R_OK) == 0)
		return true;
	complain("%s is missing; install Debian's package %s", path, package);
	return false;
}

static void show(const char *program, int log)
{
	char buffer[4096];
	ssize_t got;

	complain("%s failed:", program);
	lseek(log, 0, SEEK_SET);
	while ((got = read(log, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)got, stderr);
}

bool tool_run(struct words *words)
{
	const char *path = tool_find(words->word[0]);
	int log = memfd_create("log", MFD_CLOEXEC), null = open("/dev/null", O_RDONLY | O_CLOEXEC), status = -1;
	pid_t pid = path && log >= 0 && null >= 0 ? fork() : -1;
	bool good;

	if (pid == 0) {
		signals_release();
		dup2(null, 0);
		dup2(log, 1);
		dup2(log, 2);
		execv(path, words->word);
		_exit(127);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	good = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && !signal_waiting();
	if (!good && path && !signal_waiting())
		show(words->word[0], log);
	close(log);
	close(null);
	words_free(words);
	return good;
}

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

void signals_hold(void)
{
	sigset_t set;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void signals_release(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
}

int signal_waiting(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	sigpending(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigismember(&set, signals[i]) == 1)
			return signals[i];
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	remove(path);
	return 0;
}

static void remove_temporary(void)
{
	nftw(temporary, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *temporary_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (*temporary)
		return temporary;
	snprintf(temporary, sizeof(temporary), "%s/bulkhead-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(temporary)) {
		complain("no temporary folder can be made as %s: %s", temporary, strerror(errno));
		*temporary = '\0';
		return NULL;
	}
	atexit(remove_temporary);
	return temporary;
}

bool copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	ssize_t got = in < 0 || out < 0 ? -1 : 1;

	while (got > 0)
		got = sendfile(out, in, NULL, 1 << 24);
	if (got < 0)
		complain("%s cannot be copied to %s: %s", from, to, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return got == 0;
}

bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	bool good = file && fputs(text, file) >= 0;

	if (file)
		good &= fclose(file) == 0;
	if (!good)
		complain("%s cannot be written: %s", path, strerror(errno));
	return good;
}
