/* SPDX-License-Identifier: MIT */
/*
 * Who runs on a core. Pure: queues and a clock, which the caller reads; times are ticks of the TSC, and `now` never
 * goes back. One struct sched per core, touched by that core only, which asks at every reason to switch:
 *
 *	e = sched_pick(s, now, &until);   run e until then at the latest, or sleep when it is NULL
 *
 * In order of precedence:
 *  dedicated  the only entity of its core. It runs whenever it is runnable; `until` is UINT64_MAX.
 *  cyclic     (ARINC 653) the major frame repeats from its origin on; in each of its windows the owner runs. Time
 *             that an owner does not want, and time in no window, is for those below.
 *  rt         a hard constant-bandwidth server each (Abeni and Buttazzo, RTSS 1998), served earliest deadline first:
 *             `budget` within each `period` while it is runnable, and no more. On wake-up it keeps what is left of
 *             its budget and its deadline if that takes no more than its bandwidth, else both start anew.
 *             Exhausted, it waits for its deadline. What it ran beyond its budget it pays back.
 *  fair       the smallest weighted virtual time, a slice at a time. A sleeper gets no credit beyond one slice. `cap`
 *             is a server as above, over 100 ms: so much and no more, but nothing guaranteed.
 *
 * What is guaranteed holds when sched_admit() (kernel/sched_admit.h) agrees and the core comes back at `until` and
 * after a wake-up. Pick, wake, block and give way cost O(log n) comparisons in the number of entities, and O(log w) in
 * windows; who waited for its deadline is put back by the first pick after it, O(log n) each. Nothing is allocated.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/sched_heap.h"

#define SCHED_WEIGHT_DEFAULT 100
#define SCHED_WEIGHT_MAX 10000
#define SCHED_CAP_MAX 99
#define SCHED_TICKS_MAX (1ull << 40)  /* of a period or frame: minutes; keeps sums and products in range */
#define SCHED_ENTITIES_MAX (1u << 16) /* on one core */
#define SCHED_WINDOWS_MAX 256         /* on one core */

enum sched_policy { SCHED_DEDICATED, SCHED_CYCLIC, SCHED_RT, SCHED_FAIR }; /* in order of precedence */

struct sched_parameters {
	enum sched_policy policy;
	uint64_t budget, period; /* rt: 1 <= budget <= period <= SCHED_TICKS_MAX */
	unsigned weight;         /* fair: 1..SCHED_WEIGHT_MAX, usually SCHED_WEIGHT_DEFAULT */
	unsigned cap;            /* fair: per cent of the core at most, 1..SCHED_CAP_MAX; 0: none */
};

enum sched_state {
	SCHED_ABSENT,    /* in no struct sched */
	SCHED_BLOCKED,   /* waits for sched_wake() */
	SCHED_READY,     /* waits for its turn */
	SCHED_RUNNING,   /* sched_pick() chose it */
	SCHED_THROTTLED, /* would run, but its budget or cap is used up until its deadline */
};

/* A budget in every period. */
struct sched_server {
	uint64_t budget, period;
	int64_t left;      /* of the budget until the deadline; negative: a debt */
	uint64_t deadline; /* absolute; when it gets a budget again */
};

/* What is scheduled: embedded in a vCPU, zeroed by it. The first part may be read by anyone for information. */
struct sched_entity {
	struct sched_node node;       /* first */
	enum sched_state state;
	struct sched_parameters parameters;
	uint64_t run;                 /* ticks that it had the core */
	uint64_t waited;              /* ticks ready, but another had the core; not those when throttled */
	uint64_t throttled;           /* times that its budget or cap was used up */
	uint64_t overruns;            /* times that it ran beyond `until` by more than the granularity */
	uint64_t worst_overrun;       /* ticks beyond `until`, the most of those */
	uint64_t missed;              /* rt: deadlines before which it did not get its budget, though it was runnable */

	struct sched *sched;
	struct sched_server server;   /* rt, and fair with a cap */
	uint64_t since;               /* ready since then */
	uint64_t vtime, remainder;    /* fair: ticks it ran / weight; and what that division left */
};

struct sched_window {
	uint64_t start, length;       /* from the frame's start */
	struct sched_entity *owner;   /* policy cyclic, of the same core */
};

/* One per core. */
struct sched {
	/* Set by sched_init(); may be changed before anything is added. */
	uint64_t slice;               /* 4 ms: a fair entity's turn */
	uint64_t cap_period;          /* 100 ms: over which `cap` is counted */
	uint64_t granularity;         /* 20 us: running beyond `until` by less is no overrun */

	struct sched_entity *current; /* who runs; NULL: idle */
	uint64_t since;               /* its time is accounted up to here */
	uint64_t until;               /* as sched_pick() told, or earlier, when sched_wake() said to pick again */
	unsigned count, capacity;     /* entities */

	struct sched_entity *dedicated;
	struct sched_window *windows;
	unsigned window_count, window_capacity;
	uint64_t frame, origin;
	unsigned cyclic_runnable;               /* entities, in their window or not */
	struct sched_heap rt, rt_throttled;     /* by deadline */
	struct sched_entity *yielded;           /* rt: lets the next one go first */
	uint64_t yielded_until;
	struct sched_heap fair, fair_throttled; /* by virtual time, one that yielded later; by deadline */
	struct sched_entity *turn;              /* fair: whose slice it is; NULL: the first one's */
	uint64_t turn_left;
	uint64_t floor;                         /* fair: the smallest virtual time of those who run; only grows */
};

/* An empty core whose TSC runs at `hz`, of 1 MHz at the least. There is room for nothing yet: sched_reserve(). */
void sched_init(struct sched *s, uint64_t hz);

/* Bytes that so many entities and windows need; 0: more than can be. */
size_t sched_size(unsigned entities, unsigned windows);
/*
 * Gives the core sched_size() bytes, aligned to 8, for so many entities and windows. When something is made, not when
 * it runs: this copies. The memory of the call before is the caller's again. E_INVALID: too few for what is there.
 */
int sched_reserve(struct sched *s, unsigned entities, unsigned windows, void *memory);

/*
 * The entity belongs to this core from now on, blocked, its figures 0. E_INVALID: parameters out of range; E_BUSY: it
 * is on a core already, or would not be alone as `dedicated` wants; E_FULL: sched_reserve() more. Whether what it asks
 * for is there is for sched_admit() to say.
 */
int sched_add(struct sched *s, struct sched_entity *e, const struct sched_parameters *p);
/* In any state; its windows fall to the others. If it ran, pick again. Its figures stay to be read. O(windows). */
void sched_remove(struct sched *s, struct sched_entity *e, uint64_t now);

/*
 * The major frame: `windows` in order of time, without overlap, within 0..frame; copied. The first frame starts at
 * `origin`, and before that no window is open. frame 0 and count 0: none. Pick again after it. E_INVALID: not so, or
 * an owner is not a cyclic entity of this core; E_FULL. Then the old frame stays.
 */
int sched_set_frame(struct sched *s, uint64_t frame, const struct sched_window *windows, unsigned count,
                    uint64_t origin);

/*
 * The entity has something to do. True: pick again at once, since it should run instead of the current one, or `until`
 * has to be earlier because of it. Does nothing to one that is not blocked.
 */
bool sched_wake(struct sched *s, struct sched_entity *e, uint64_t now);
/* HLT, or its partition pauses: gives the core away until sched_wake(). If it ran, pick again. */
void sched_block(struct sched *s, struct sched_entity *e, uint64_t now);
/*
 * The current entity spins (PAUSE): the next one of its policy goes first, for a slice at the most and without cost to
 * what this one is due. No effect on others and where it is the only one. Pick again. (Not sched_yield(): POSIX has one
 * of that name, and the tests' C library would call ours.)
 */
void sched_give_way(struct sched *s, struct sched_entity *e, uint64_t now);

/*
 * Accounts for the time of the current entity, and says who runs now and until when at the most: *until > now;
 * UINT64_MAX: until sched_wake() says so. NULL: nobody; sleep until *until.
 */
struct sched_entity *sched_pick(struct sched *s, uint64_t now, uint64_t *until);

#endif
