/* SPDX-License-Identifier: MIT */
/* The timers of a partition's devices, earliest first. Pure; under the partition's device lock. */
#ifndef KERNEL_TIMER_QUEUE_H
#define KERNEL_TIMER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/device.h"

#define TIMER_QUEUE_CAPACITY 16

/* A binary min-heap by `when`; timers that are not armed are in it too, at the bottom. All zero is an empty queue. */
struct timer_queue {
	unsigned count;
	struct device_timer *heap[TIMER_QUEUE_CAPACITY];
};

/* E_FULL, or E_BUSY when it is in the queue already. */
int timer_queue_add(struct timer_queue *queue, struct device_timer *timer);
/* Both do nothing to a timer that is not in the queue. */
void timer_queue_remove(struct timer_queue *queue, struct device_timer *timer);
/* timer->when has changed. */
void timer_queue_update(struct timer_queue *queue, struct device_timer *timer);

/* When the next timer is due; UINT64_MAX: none is armed. */
uint64_t timer_queue_earliest(const struct timer_queue *queue);

/*
 * Fires what is due at `now`, in order of time, each timer once: one that fire() arms in the past waits for the next
 * call, so that a guest cannot hold the caller here. A timer whose `when` fire() leaves alone is disarmed. fire() may
 * add, update and remove any timer.
 */
void timer_queue_expire(struct timer_queue *queue, uint64_t now);

#endif
