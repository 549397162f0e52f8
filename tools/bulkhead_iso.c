/* SPDX-License-Identifier: MIT */
/* The boot medium for BIOS: GRUB, the Multiboot2 image, and a module for each file. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GRUB_MODULES "/usr/lib/grub/i386-pc"

static bool put(const char *from, const char *folder, const char *name)
{
	char *to = format_text("%s/boot/%s", folder, name);
	bool good = copy_file(from, to);

	free(to);
	return good;
}

/* Single quotes take all of a name but a single quote. */
static void quote(FILE *script, const char *name)
{
	fputc('\'', script);
	for (; *name; name++)
		fputs(*name == '\'' ? "'\\''" : (char[]){ *name, '\0' }, script);
	fputc('\'', script);
}

/* On the medium the files are numbered; their names are the modules' command lines. */
static bool write_script(const struct conf *conf, const char *path)
{
	FILE *script = fopen(path, "we");

	if (!script) {
		complain("%s cannot be written: %s", path, strerror(errno));
		return false;
	}
	fputs("set timeout=0\nmultiboot2 /boot/bulkhead.mb2\n"
	      "module2 --nounzip /boot/bulkhead.conf bulkhead.conf\n",
	      script);
	for (unsigned i = 0; i < conf->file_count; i++) {
		if (!conf->files[i].there)
			continue;
		fprintf(script, "module2 --nounzip /boot/file%u ", i);
		quote(script, conf->files[i].name);
		fputc('\n', script);
	}
	fputs("boot\n", script);
	if (fclose(script) == 0)
		return true;
	complain("%s cannot be written: %s", path, strerror(errno));
	return false;
}

static bool make_folders(const char *folder)
{
	char *boot = format_text("%s/boot", folder), *grub = format_text("%s/boot/grub", folder);
	bool good = mkdir(folder, 0777) == 0 && mkdir(boot, 0777) == 0 && mkdir(grub, 0777) == 0;

	if (!good)
		complain("%s cannot be made: %s", grub, strerror(errno));
	free(boot);
	free(grub);
	return good;
}

static bool fill(const struct conf *conf, const char *loader, const char *folder)
{
	char *script = format_text("%s/boot/grub/grub.cfg", folder), name[32];
	bool good = make_folders(folder) && write_script(conf, script) && put(loader, folder, "bulkhead.mb2") &&
		    put(conf->path, folder, "bulkhead.conf");

	for (unsigned i = 0; i < conf->file_count && good; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		if (conf->files[i].there)
			good = put(conf->files[i].path, folder, name);
	}
	free(script);
	return good;
}

/* grub-mkrescue names neither of the programs that it needs. */
static bool tools_exist(void)
{
	return data_exists(GRUB_MODULES "/moddep.lst", "grub-pc-bin") && tool_find("grub-mkrescue") &&
	       tool_find("xorriso") && tool_find("mformat");
}

static bool rescue(const char *folder, const char *output)
{
	struct words words = { 0 };

	words_add(&words, "grub-mkrescue");
	words_add(&words, "--directory=" GRUB_MODULES);
	words_add(&words, "--install-modules=biosdisk iso9660 part_msdos part_gpt normal multiboot2");
	words_add(&words, "--fonts=");
	words_add(&words, "--themes=");
	words_add(&words, "--locales=");
	words_add(&words, "--output=%s", output);
	words_add(&words, "%s", folder);
	return tool_run(&words);
}

bool iso_make(const struct conf *conf, const char *build, const char *output)
{
	char *loader = format_text("%s/bulkhead.mb2", build), *folder;
	const char *temporary;
	bool good = false;

	if (access(loader, R_OK) != 0) {
		complain("%s: %s; build it with make, or say where it is with --build", loader, strerror(errno));
	} else if (tools_exist() && (temporary = temporary_folder()) != NULL) {
		folder = format_text("%s/iso", temporary);
		good = fill(conf, loader, folder) && rescue(folder, output);
		free(folder);
	}
	free(loader);
	return good;
}
