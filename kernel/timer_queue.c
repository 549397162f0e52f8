/* SPDX-License-Identifier: MIT */
/* A min-heap of device timers. */
#include "kernel/timer_queue.h"

#include "kernel/errno.h"

static unsigned find(const struct timer_queue *queue, const struct device_timer *timer)
{
	unsigned at = 0;

	while (at < queue->count && queue->heap[at] != timer)
		at++;
	return at;
}

static bool earlier(const struct timer_queue *queue, unsigned a, unsigned b)
{
	return queue->heap[a]->when < queue->heap[b]->when;
}

static void swap(struct timer_queue *queue, unsigned a, unsigned b)
{
	struct device_timer *timer = queue->heap[a];

	queue->heap[a] = queue->heap[b];
	queue->heap[b] = timer;
}

/* Puts the timer at `at` where its time belongs; the others are in order. */
static void settle(struct timer_queue *queue, unsigned at)
{
	while (at > 0 && earlier(queue, at, (at - 1) / 2)) {
		swap(queue, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
	for (unsigned child = 2 * at + 1; child < queue->count; child = 2 * at + 1) {
		if (child + 1 < queue->count && earlier(queue, child + 1, child))
			child++;
		if (!earlier(queue, child, at))
			break;
		swap(queue, child, at);
		at = child;
	}
}

int timer_queue_add(struct timer_queue *queue, struct device_timer *timer)
{
	if (find(queue, timer) < queue->count)
		return E_BUSY;
	if (queue->count == TIMER_QUEUE_CAPACITY)
		return E_FULL;
	queue->heap[queue->count++] = timer;
	settle(queue, queue->count - 1);
	return E_OK;
}

void timer_queue_remove(struct timer_queue *queue, struct device_timer *timer)
{
	unsigned at = find(queue, timer);

	if (at == queue->count)
		return;
	queue->heap[at] = queue->heap[--queue->count];
	if (at < queue->count)
		settle(queue, at);
}

void timer_queue_update(struct timer_queue *queue, struct device_timer *timer)
{
	unsigned at = find(queue, timer);

	if (at < queue->count)
		settle(queue, at);
}

uint64_t timer_queue_earliest(const struct timer_queue *queue)
{
	return queue->count > 0 ? queue->heap[0]->when : UINT64_MAX;
}

static bool is_due(const struct device_timer *timer, uint64_t now)
{
	return timer->when <= now && timer->when != UINT64_MAX;
}

static void fire(struct timer_queue *queue, struct device_timer *timer, uint64_t now)
{
	uint64_t when = timer->when;

	timer->fire(timer->device, timer, now);
	if (timer->when == when) {
		timer->when = UINT64_MAX;
		timer_queue_update(queue, timer);
	}
}

void timer_queue_expire(struct timer_queue *queue, uint64_t now)
{
	struct device_timer *due[TIMER_QUEUE_CAPACITY];
	unsigned count = 0;

	if (timer_queue_earliest(queue) > now)
		return;
	for (unsigned i = 0; i < queue->count; i++) {
		struct device_timer *timer = queue->heap[i];
		unsigned at = count;

		if (!is_due(timer, now))
			continue;
		for (; at > 0 && due[at - 1]->when > timer->when; at--)
			due[at] = due[at - 1];
		due[at] = timer;
		count++;
	}
	/* An earlier one may have moved or removed a later one. */
	for (unsigned i = 0; i < count; i++)
		if (find(queue, due[i]) < queue->count && is_due(due[i], now))
			fire(queue, due[i], now);
}
