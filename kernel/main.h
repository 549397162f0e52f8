/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include <stdint.h>

/* Entered from arch/x86/entry.S on the boot core, with interrupts off; see boot/bootinfo.h for the state. */
void kernel_main(uint64_t bootinfo_phys) __attribute__((noreturn));

#endif
