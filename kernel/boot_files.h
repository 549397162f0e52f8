/* SPDX-License-Identifier: MIT */
/* What the boot loader handed over, for as long as the machine runs. */
#ifndef KERNEL_BOOT_FILES_H
#define KERNEL_BOOT_FILES_H

#include <stdint.h>

#include "boot/bootinfo.h"

/* Copies bootinfo, its memory map and its file table out of the loader's memory; before paging_init(). */
void boot_info_init(uint64_t phys);
/* The copy. `files` and `memory` in it are ordinary pointers of the kernel. */
const struct bootinfo *boot_info(void);

/* Maps the configuration's text and every file read-only (text: writable, it is parsed in place); after paging_init(). */
void boot_files_map(void);
/* The file read under this name; NULL when the loader did not see the name. */
const struct bootfile *boot_file(const char *name);
/* Its bytes. NULL unless its status is BOOTFILE_OK. */
const uint8_t *boot_file_data(const struct bootfile *file);
char *boot_config_text(void);

#endif
