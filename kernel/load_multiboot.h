/* SPDX-License-Identifier: MIT */
/* What load_multiboot.c and load_multiboot_image.c share. */
#ifndef KERNEL_LOAD_MULTIBOOT_H
#define KERNEL_LOAD_MULTIBOOT_H

#include "kernel/load.h"

struct multiboot_image {
	uint64_t entry; /* physical */
	uint64_t end;   /* of the highest segment */
};

/* Checks the image and copies it into the guest's RAM. */
int load_multiboot_image(const struct load_request *request, struct multiboot_image *image, char *why, size_t size);

#endif
