/* SPDX-License-Identifier: MIT */
/* Which boot protocol, and what all of them share. */
#include "kernel/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/errno.h"
#include "kernel/guest_layout.h"

#define BUSY_TSS_32_64 0x8bu /* present, type 11: what a processor expects in TR */

int load_refuse(int error, const struct load_file *file, char *why, size_t size, const char *format, ...)
{
	int used = snprintf(why, size, "%.64s: ", file->name);
	va_list args;

	va_start(args, format);
	if (used >= 0 && (size_t)used < size)
		vsnprintf(why + used, size - (size_t)used, format, args);
	va_end(args);
	return error;
}

unsigned long long load_mib(uint64_t bytes)
{
	return (bytes >> 20) + (bytes % (1u << 20) != 0);
}

void load_flat_segments(struct load_state *out, uint16_t cs, uint32_t code, uint16_t ds, uint32_t data)
{
	static const enum vcpu_segment data_segments[] = { VCPU_ES, VCPU_SS, VCPU_DS, VCPU_FS, VCPU_GS };

	out->rflags = 1u << 1; /* always set */
	out->segments[VCPU_CS] = (struct segment){ .limit = UINT32_MAX, .attributes = code, .selector = cs };
	for (unsigned i = 0; i < sizeof(data_segments) / sizeof(data_segments[0]); i++)
		out->segments[data_segments[i]] =
			(struct segment){ .limit = UINT32_MAX, .attributes = data, .selector = ds };
	out->segments[VCPU_TR] = (struct segment){ .limit = 0x67, .attributes = BUSY_TSS_32_64 };
	out->segments[VCPU_LDTR] = (struct segment){ .attributes = SEGMENT_UNUSABLE };
}

/* Files that people try, and what to do instead. */
static const struct {
	const char *magic;
	unsigned length;
	const char *sentence;
} others[] = {
	{ "\177ELF\2", 5,
	  "a 64-bit ELF file without a Multiboot 1 header: Linux goes by its bzImage, not its vmlinux" },
	{ "\177ELF", 4, "an ELF file without a Multiboot 1 header in its first 8192 bytes: link it with one" },
	{ "\037\213", 2, "compressed with gzip: unpack it (gunzip)" },
	{ "\3757zXZ", 5, "compressed with xz: unpack it (unxz)" },
	{ "\050\265\057\375", 4, "compressed with zstd: unpack it (unzstd)" },
	{ "MZ", 2, "an EFI program, not a kernel: a Linux bzImage or a Multiboot 1 kernel is needed" },
};

static int refuse_other(const struct load_file *kernel, char *why, size_t size)
{
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (kernel->size >= others[i].length && !memcmp(kernel->data, others[i].magic, others[i].length))
			return load_refuse(E_UNSUPPORTED, kernel, why, size, "%s", others[i].sentence);
	return load_refuse(E_UNSUPPORTED, kernel, why, size,
	                   "not a kernel: a Linux bzImage or a Multiboot 1 kernel is needed (the file has %llu bytes)",
	                   (unsigned long long)kernel->size);
}

int load_kernel(const struct load_request *request, struct load_state *out, char *why, size_t size)
{
	const struct load_file *kernel = &request->kernel;

	memset(out, 0, sizeof(*out));
	if (guest_low_end(request->memory) < LAYOUT_HIGH)
		return load_refuse(E_NO_MEMORY, kernel, why, size,
		                   "a guest needs 1 MiB of memory at least: raise `memory`");
	if (!kernel->data || !kernel->size)
		return load_refuse(E_INVALID, kernel, why, size, "the file is empty: copy it again");
	if (load_linux_is(kernel))
		return load_linux(request, out, why, size);
	if (load_multiboot_is(kernel))
		return load_multiboot(request, out, why, size);
	return refuse_other(kernel, why, size);
}
