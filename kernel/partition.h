/* SPDX-License-Identifier: MIT */
/* A partition: memory, virtual processors and devices of one guest, and its life from start to end. */
#ifndef KERNEL_PARTITION_H
#define KERNEL_PARTITION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/x86/guest_cpuid.h"
#include "arch/x86/paging.h"
#include "kernel/bus.h"
#include "kernel/config.h"
#include "kernel/console.h"
#include "kernel/guest_memory.h"
#include "kernel/load.h"
#include "kernel/pc.h"
#include "kernel/spinlock.h"
#include "kernel/vcpu.h"

enum partition_state {
	PARTITION_OFF,      /* not started, or ended */
	PARTITION_STARTING, /* the core of vCPU 0 is to load it */
	PARTITION_RUNNING,
	PARTITION_ENDING,   /* its vCPUs are being parked */
	PARTITION_PAUSED,   /* its vCPUs leave their cores, and keep everything */
	PARTITION_REFUSED,  /* could not be created; the reason has been logged */
};

/* Why it ends. The first reason counts. */
enum partition_end {
	END_NONE,
	END_POWER_OFF,
	END_RESET,
	END_DEBUG_EXIT,
	END_FAILED,
	END_STOPPED,        /* by the operator, for whom `stopping` says so as well */
	END_RESTARTED,      /* reset by the operator */
};

/* Why it is off. */
enum partition_off { OFF_ORDERLY, OFF_FAILED, OFF_STOPPED };

struct partition {
	const struct config_partition *config;
	const char *name;
	unsigned id;                 /* index, 0.. */
	_Atomic int state;           /* enum partition_state */
	_Atomic int end;             /* enum partition_end */
	uint32_t end_status;         /* debug-exit value */
	_Atomic bool stopping;       /* the operator wants it off, whatever its restart policy */
	enum partition_off off;      /* while state is OFF, after its first start */
	_Atomic unsigned active;     /* vCPUs not parked */
	struct guest_memory memory;
	struct address_space space;  /* the guest window */
	struct ptab stage2;
	void *backend;
	struct vcpu *vcpus;
	unsigned vcpu_count;
	struct guest_cpuid cpuid;
	struct bus ports, mmio;
	struct spinlock lock;        /* of the devices */
	struct pc *pc;
	struct channel_end *channels; /* its ends of shared memory: channel.c */
	struct console_port console;
	uint64_t start_tsc;          /* when the guest's clock was zero */
	unsigned failures;           /* in a row, for the back-off */
	uint64_t restart_at;         /* host TSC of the next start, while state is STARTING */
	bool loaded;                 /* these three while state is STARTING: memory is zero, the kernel being copied */
	struct load_copies copies;
	struct load_state load_state;
	unsigned starts;
	uint64_t first_start;        /* host TSC; 0: never started */
	unsigned stray_accesses;     /* to addresses where nothing is */
	unsigned unknown_msrs;       /* accesses to MSRs that do not exist */
};

extern struct partition *partitions;
extern unsigned partition_count;

/* Creates every partition of the configuration that can be; a sentence for each that cannot. */
void partitions_create(const struct config *config);

/* Starts those that are to start by themselves. */
void partitions_start(void);
/* partition_load.c: kernel, modules and ACPI tables into its memory; E_* and a sentence in `why`. */
int partition_load(struct partition *partition, struct load_state *state, char *why, size_t size);

/*
 * While state is STARTING, the core of vCPU 0 with the partition's address space: some more of zeroing its memory, loading
 * the kernel, resetting devices and vCPUs, setting all running. True: that was the last step.
 */
bool partition_start_step(struct partition *partition);
/* Ends it for this reason; from any core, from any handler. `status` is for END_DEBUG_EXIT. */
void partition_end(struct partition *partition, enum partition_end end, uint32_t status);
/* A vCPU has parked; the last one decides what comes next. */
void partition_parked(struct partition *partition);

/* Its core of vCPU 0, while it is STARTING: the operator has stopped it. */
void partition_not_started(struct partition *partition);

/*
 * partition_control.c: what the operator asks for, from one core at a time, not from a handler of an exit. They return
 * at once; what they lead to is seen in `state`. E_INVALID: not in this state.
 */
int partition_turn_on(struct partition *partition);  /* OFF: with zeroed memory (partition.c) */
int partition_turn_off(struct partition *partition); /* all but OFF; again until it is off, for it may start anew */
int partition_reset(struct partition *partition);    /* RUNNING, PAUSED: ends and starts */
int partition_pause(struct partition *partition);    /* RUNNING */
int partition_resume(struct partition *partition);   /* PAUSED */
/* Has every vCPU left its core? */
bool partition_is_still(const struct partition *partition);
const char *partition_state_name(const struct partition *partition);

const char *partition_name(const struct partition *partition);

#endif
