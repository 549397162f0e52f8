/* SPDX-License-Identifier: MIT */
/* bulkhead image: a GPT disk with an EFI system partition (UEFI 2.10, 5.3 and 13.3), the same bytes every time. */
#include "tools/bulkhead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1ULL << 20)
#define SECTORS_PER_MIB 2048ULL
#define PARTITION_START 1 /* MiB; the backup GPT takes another one behind the partition */
#define FAT16_LEAST 16	  /* MiB: enough clusters to be FAT16 and not FAT12 */
#define FAT16_MOST 255	  /* MiB: with 4 KiB clusters */
#define FAT32_LEAST 260	  /* MiB: 65525 clusters of 4 KiB (FAT specification 3.5) */
#define FOLDER "::/EFI/BOOT"

static const char help[] =
	"Usage: bulkhead image CONF -o FILE [options]\n"
	"\n"
	"Makes FILE, a disk image that boots the configuration CONF: a GPT with an EFI system\n"
	"partition, in it Bulkhead as \\EFI\\BOOT\\BOOTX64.EFI, and beside that the configuration and\n"
	"every file that it names. For a USB stick, write the image to the whole device:\n"
	"  dd if=FILE of=/dev/sdX bs=4M conv=fsync\n"
	"\n"
	"  -o, --output FILE       the image to make; an older file is replaced\n"
	"      --firmware KIND     uefi (default): a disk image; bios: an ISO 9660 image with GRUB\n"
	"      --build DIR         where bulkhead.efi and bulkhead.mb2 are; default: beside this\n"
	"                          command\n"
	"      --force             also when the configuration has errors\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 done, 1 errors, 2 wrong use.\n";

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' }, { "firmware", required_argument, NULL, 'f' },
	{ "build", required_argument, NULL, 'b' },  { "force", no_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
};

bool firmware_option(const char *word, enum firmware *firmware)
{
	if (strcmp(word, "uefi") == 0)
		*firmware = FIRMWARE_UEFI;
	else if (strcmp(word, "bios") == 0)
		*firmware = FIRMWARE_BIOS;
	else {
		complain("there is no firmware %s; write uefi or bios", word);
		return false;
	}
	return true;
}

const char *build_folder(const char *given)
{
	static char own[1024];
	ssize_t length = given ? -1 : readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (length < 0)
		return given ? given : ".";
	own[length] = '\0';
	*strrchr(own, '/') = '\0';
	return own;
}

static uint64_t clusters(uint64_t size)
{
	return (size + 4095) / 4096 * 4096;
}

/* MiB: the files, a cluster for each folder, the two FATs, and room for a log or a larger configuration. */
static uint64_t partition_size(const struct conf *conf, uint64_t loader)
{
	uint64_t bytes = clusters(loader) + clusters(conf->size) + 4 * MIB, size;

	for (unsigned i = 0; i < conf->file_count; i++)
		if (conf->files[i].there)
			bytes += clusters(conf->files[i].size) + CONFIG_FILE_MAX / 2 * 4096;
	size = (bytes + bytes / 128 + MIB - 1) / MIB;
	if (size < FAT16_LEAST)
		size = FAT16_LEAST;
	if (size > FAT16_MOST && size < FAT32_LEAST)
		size = FAT32_LEAST;
	return size;
}

/* FNV-1a over the configuration: media of different configurations have different serial numbers. */
static uint64_t serial_of(const struct conf *conf)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < conf->size; i++)
		hash = (hash ^ (uint8_t)conf->source[i]) * 0x100000001b3;
	return hash;
}

static bool make_partition(const char *disk, uint64_t size, uint64_t serial)
{
	struct words words = { 0 };

	words_add(&words, "sgdisk");
	words_add(&words, "--set-alignment=2048");
	words_add(&words, "--new=1:%llu:+%lluM", (unsigned long long)(PARTITION_START * SECTORS_PER_MIB),
		  (unsigned long long)size);
	words_add(&words, "--typecode=1:ef00");
	words_add(&words, "--change-name=1:Bulkhead");
	words_add(&words, "--disk-guid=62756c6b-6865-4164-8000-%012llx", (unsigned long long)(serial >> 16));
	words_add(&words, "--partition-guid=1:62756c6b-6865-4164-8001-%012llx", (unsigned long long)(serial >> 16));
	words_add(&words, "%s", disk);
	return tool_run(&words);
}

static bool make_fat(const char *disk, uint64_t size, uint64_t serial)
{
	struct words words = { 0 };

	words_add(&words, "mformat");
	words_add(&words, "-i");
	words_add(&words, "%s@@%uM", disk, PARTITION_START);
	words_add(&words, "-T");
	words_add(&words, "%llu", (unsigned long long)(size * SECTORS_PER_MIB));
	words_add(&words, "-h");
	words_add(&words, "64");
	words_add(&words, "-s");
	words_add(&words, "32");
	words_add(&words, "-H");
	words_add(&words, "%llu", (unsigned long long)(PARTITION_START * SECTORS_PER_MIB));
	words_add(&words, "-c");
	words_add(&words, "%u", size < 128 ? 4 : 8);
	words_add(&words, "-N");
	words_add(&words, "%08x", (unsigned)serial);
	words_add(&words, "-v");
	words_add(&words, "BULKHEAD");
	if (size >= FAT32_LEAST)
		words_add(&words, "-F");
	words_add(&words, "::");
	return tool_run(&words);
}

static bool make_folder(const char *disk, const char *path, size_t length)
{
	struct words words = { 0 };

	words_add(&words, "mmd");
	words_add(&words, "-i");
	words_add(&words, "%s@@%uM", disk, PARTITION_START);
	words_add(&words, "%.*s", (int)length, path);
	return tool_run(&words);
}

static bool copy(const char *disk, const char *from, const char *to)
{
	struct words words = { 0 };

	words_add(&words, "mcopy");
	words_add(&words, "-o");
	words_add(&words, "-i");
	words_add(&words, "%s@@%uM", disk, PARTITION_START);
	/* A drive letter is what mtools would see in "a:"; a path with a slash is a path. */
	words_add(&words, "%s%s", *from == '/' ? "" : "./", from);
	words_add(&words, FOLDER "/%s", to);
	return tool_run(&words);
}

/* Does an earlier file lie in the folder name[0..length)? FAT knows no difference of case. */
static bool folder_known(const struct conf *conf, unsigned before, const char *name, size_t length)
{
	for (unsigned i = 0; i < before; i++)
		if (conf->files[i].there && strncasecmp(conf->files[i].name, name, length) == 0 &&
		    conf->files[i].name[length] == '/')
			return true;
	return false;
}

static bool copy_named(const struct conf *conf, unsigned index, const char *disk)
{
	const struct named_file *file = &conf->files[index];

	for (const char *at = strchr(file->name, '/'); at; at = strchr(at + 1, '/')) {
		size_t length = (size_t)(at - file->name);
		char *folder;
		bool good;

		if (folder_known(conf, index, file->name, length))
			continue;
		folder = format_text(FOLDER "/%.*s", (int)length, file->name);
		good = make_folder(disk, folder, strlen(folder));
		free(folder);
		if (!good)
			return false;
	}
	return copy(disk, file->path, file->name);
}

static bool fill(const struct conf *conf, const char *loader, const char *disk)
{
	if (!make_folder(disk, FOLDER, strlen("::/EFI")) || !make_folder(disk, FOLDER, strlen(FOLDER)))
		return false;
	if (!copy(disk, loader, "BOOTX64.EFI") || !copy(disk, conf->path, "bulkhead.conf"))
		return false;
	for (unsigned i = 0; i < conf->file_count; i++)
		if (conf->files[i].there && !copy_named(conf, i, disk))
			return false;
	return true;
}

/* An empty file of that size; holes are not written. */
static bool make_disk(const char *path, uint64_t size)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	bool good = file >= 0 && ftruncate(file, (off_t)(size * MIB)) == 0;

	if (!good)
		complain("%s cannot be written: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
	return good;
}

static bool disk_make(const struct conf *conf, const char *build, const char *output)
{
	char *loader = format_text("%s/bulkhead.efi", build);
	uint64_t serial = serial_of(conf), size;
	struct stat status;
	bool good = false;

	if (stat(loader, &status) != 0) {
		complain("%s: %s; build it with make, or say where it is with --build", loader, strerror(errno));
	} else {
		size = partition_size(conf, (uint64_t)status.st_size);
		good = make_disk(output, PARTITION_START + size + 1) && make_partition(output, size, serial) &&
		       make_fat(output, size, serial) && fill(conf, loader, output);
	}
	free(loader);
	return good;
}

bool image_make(const struct conf *conf, const char *build, enum firmware firmware, const char *output)
{
	/* mtools and xorriso take the time from here, if the caller has set none. */
	setenv("SOURCE_DATE_EPOCH", "1767225600", 0);
	setenv("TZ", "UTC", 1);
	setenv("MTOOLSRC", "/dev/null", 1);
	return firmware == FIRMWARE_BIOS ? iso_make(conf, build, output) : disk_make(conf, build, output);
}

/* Made beside the output and then put in its place: half an image is none. */
static int make_output(const struct conf *conf, const char *build, enum firmware firmware, const char *output)
{
	char *part = format_text("%s.part", output);
	struct stat status;
	int waiting;

	if (stat(output, &status) == 0 && !S_ISREG(status.st_mode)) {
		complain("%s is not a file; make an image file first, then write that to a device with dd", output);
		free(part);
		return STATUS_FAILED;
	}
	signals_hold();
	if (!image_make(conf, build, firmware, part)) {
		unlink(part);
	} else if (rename(part, output) == 0) {
		free(part);
		return STATUS_OK;
	} else {
		complain("%s cannot be written: %s", output, strerror(errno));
	}
	free(part);
	waiting = signal_waiting();
	return waiting ? STATUS_SIGNAL + waiting : STATUS_FAILED;
}

int command_image(int argc, char *argv[])
{
	static struct conf conf;
	enum firmware firmware = FIRMWARE_UEFI;
	const char *output = NULL, *build = NULL;
	bool force = false;
	int option, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			output = optarg;
			break;
		case 'f':
			if (!firmware_option(optarg, &firmware))
				return STATUS_USAGE;
			break;
		case 'b':
			build = optarg;
			break;
		case 'F':
			force = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return bad_option("image", option, argv);
		}
	}
	if (argc - optind != 1 || !output || !*output) {
		complain("image takes one configuration and -o FILE; see bulkhead image --help");
		return STATUS_USAGE;
	}
	if (!conf_load(&conf, argv[optind]))
		return STATUS_FAILED;
	if (conf_report(&conf) && !force) {
		complain("no image was made; mend the configuration, or use --force");
		conf_free(&conf);
		return STATUS_FAILED;
	}
	status = make_output(&conf, build_folder(build), firmware, output);
	conf_free(&conf);
	return status;
}
