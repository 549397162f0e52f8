/* SPDX-License-Identifier: MIT */
/*
 * Guest boot protocols: puts a kernel into a partition's zeroed RAM and says how its first vCPU starts. The file itself
 * tells which protocol: Linux bzImage (64-bit entry) or Multiboot 1. Pure; every file is taken for hostile.
 */
#ifndef KERNEL_LOAD_H
#define KERNEL_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/guest_memory.h"
#include "kernel/load_copy.h"
#include "kernel/vcpu_ops.h"

struct load_file {
	const char *name;      /* for messages, and for the guest as first word of a Multiboot command line */
	const uint8_t *data;   /* NULL: no such file */
	uint64_t size;
};

struct load_module {
	struct load_file file;
	const char *cmdline;   /* never NULL */
};

struct load_request {
	const struct guest_memory *memory; /* laid out by guest_layout_ranges(); ACPI tables may be there already */
	struct load_copies *copies;        /* gets what is large, for later; NULL: all is copied at once */
	struct load_file kernel;
	struct load_file initrd;           /* Multiboot: the first module */
	const char *cmdline;               /* never NULL */
	const struct load_module *modules; /* Multiboot only */
	unsigned module_count;
	uint64_t rsdp;                     /* guest-physical address of the RSDP; 0: none */
};

/* Registers of vCPU 0; those not named here are as after RESET. */
struct load_state {
	uint64_t rip, rflags, cr0, cr3, cr4, efer;
	uint64_t gpr[16];                  /* by the encoding of instructions; RSP is gpr[4] */
	struct segment segments[VCPU_SEGMENTS];
};

/* E_OK, or an error and in `why` a sentence that names the file and the mend. RAM may have been written to then. */
int load_kernel(const struct load_request *request, struct load_state *out, char *why, size_t size);

/* --- one per protocol: does the file follow it, and load it --- */
bool load_linux_is(const struct load_file *kernel);
int load_linux(const struct load_request *request, struct load_state *out, char *why, size_t size);
bool load_multiboot_is(const struct load_file *kernel);
int load_multiboot(const struct load_request *request, struct load_state *out, char *why, size_t size);

/* --- shared by them --- */

/* Writes the sentence "NAME: ..." into `why` and returns `error`. */
int load_refuse(int error, const struct load_file *file, char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Flat segments with these selectors, no LDT, an empty IDT, RFLAGS clear; `code` and `data` are segment attributes. */
void load_flat_segments(struct load_state *out, uint16_t cs, uint32_t code, uint16_t ds, uint32_t data);
/* MiB, rounded up: how messages name sizes. */
unsigned long long load_mib(uint64_t bytes);

#endif
