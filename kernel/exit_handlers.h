/* SPDX-License-Identifier: MIT */
/* Handlers of exit_table that have a file of their own. */
#ifndef KERNEL_EXIT_HANDLERS_H
#define KERNEL_EXIT_HANDLERS_H

#include "kernel/exit.h"

exit_handler exit_rdmsr, exit_wrmsr; /* exit_msr.c */
exit_handler exit_pio;               /* exit_pio.c */
exit_handler exit_memory;            /* exit_memory.c */
exit_handler exit_cr;                /* exit_cr.c */
exit_handler exit_task_switch;       /* exit_task_switch.c */

#endif
