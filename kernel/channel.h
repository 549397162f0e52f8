/* SPDX-License-Identifier: MIT */
/*
 * Shared-memory channels between partitions: who has the memory, and where each of them sees it. The memory is the
 * hypervisor's for good, zeroed once at boot: it outlives the partitions, which come and go.
 */
#ifndef KERNEL_CHANNEL_H
#define KERNEL_CHANNEL_H

struct config;
struct partition;

/* After partitions_create(): plugs every channel of the configuration that can be into its partitions. */
void channels_create(const struct config *config);
/* The partition has ended: from now on no peer interrupts it. */
void channels_quiet(struct partition *partition);

#endif
