/* SPDX-License-Identifier: MIT */
/*
 * The scheduler under any calls, and the admission test over any plan.
 * Input: the number of entities and windows, 8 bytes of parameters for each, then one or two bytes a call.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/errno.h"
#include "kernel/sched_admit.h"
#include "tests/unit/sched_check.h"

#define ENTITIES 8
#define WINDOWS 4
#define RECORD 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sched s;
static struct sched_entity entities[ENTITIES];
static _Alignas(8) char memory[2048];
static uint64_t now, until;

static uint64_t number(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	memcpy(&value, bytes, count);
	return value;
}

static struct sched_parameters parameters(const uint8_t *r)
{
	return (struct sched_parameters){
		.policy = (enum sched_policy)(r[0] % 5),
		.budget = number(r + 1, 2) << (r[0] >> 5),
		.period = number(r + 3, 2) << (r[0] >> 3),
		.weight = (unsigned)number(r + 5, 2),
		.cap = r[7] & 127,
	};
}

static void frame(const uint8_t *records, unsigned count)
{
	struct sched_window windows[WINDOWS];
	uint64_t end = 0;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *r = records + i * RECORD;

		windows[i].start = r[0] & 1 ? end + r[1] : number(r + 1, 2);
		windows[i].length = number(r + 3, 2);
		windows[i].owner = r[5] % 9 < ENTITIES ? &entities[r[5] % 9] : NULL;
		end = windows[i].start + windows[i].length;
	}
	if (count > 0)
		sched_set_frame(&s, end + records[7], windows, count, now + records[6]);
}

static void admit(const uint8_t *records, unsigned count, const uint8_t *window_records, unsigned window_count)
{
	struct sched_demand demands[ENTITIES];
	struct sched_plan_window windows[WINDOWS];
	struct sched_plan plan = {
		.demands = demands, .count = count, .windows = windows, .window_count = window_count,
	};
	struct sched_refusal refusal = { .demand = 0 };
	unsigned left = count + window_count + 1;

	for (unsigned i = 0; i < count; i++) {
		demands[i] = (struct sched_demand){ .name = "p", .parameters = parameters(records + i * RECORD) };
		demands[i].parameters.budget *= 1000;
		demands[i].parameters.period *= 10000;
	}
	for (unsigned i = 0; i < window_count; i++) {
		const uint8_t *r = window_records + i * RECORD;

		windows[i].start = number(r, 3) * 1000;
		windows[i].length = number(r + 3, 2) * 1000;
		windows[i].owner = r[5] % 9;
		plan.frame = windows[i].start + windows[i].length + r[6] * 100000;
	}
	/* Leaving out who is refused ends in a plan that can be met. */
	while (sched_admit(&plan, &refusal) != E_OK) {
		must(left-- > 0);
		must(memchr(refusal.problem, 0, sizeof(refusal.problem)) && refusal.fix);
		if (refusal.demand >= plan.count || plan.window_count > 0) {
			plan.window_count = 0;
			continue;
		}
		plan.count--;
		memmove(&demands[refusal.demand], &demands[refusal.demand + 1],
		        (plan.count - refusal.demand) * sizeof(demands[0]));
	}
}

static size_t call(const uint8_t *data, size_t left, const uint8_t *records)
{
	struct sched_entity *e = &entities[data[0] & 7], *current = s.current;
	struct sched_parameters p = parameters(records);

	switch (data[0] >> 3 & 7) {
	case 0:
	case 1:
		sched_wake(&s, e, now);
		return 1;
	case 2:
		sched_block(&s, e, now);
		return 1;
	case 3:
		if (current)
			sched_give_way(&s, current, now);
		return 1;
	case 4:
		if (data[0] & 0x80)
			sched_remove(&s, e, now);
		else
			sched_add(&s, e, &p);
		return 1;
	case 5: /* in time, or late */
		if (until > now && until < UINT64_MAX)
			now = until + (data[0] >> 6);
		break;
	default:
		if (left < 2)
			return left;
		now += (uint64_t)data[1] << (data[0] >> 6) * 8;
		break;
	}
	sched_check_choice(&s, entities, ENTITIES, now, sched_pick(&s, now, &until), until);
	return (data[0] >> 3 & 7) == 5 ? 1 : 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count, window_count;
	const uint8_t *windows, *end = data + size, *records = data + 1;

	if (size < 1)
		return 0;
	count = 1 + data[0] % ENTITIES;
	window_count = (data[0] >> 4) % (WINDOWS + 1);
	if (size < 1 + (count + window_count) * RECORD)
		return 0;
	windows = records + count * RECORD;
	admit(records, count, windows, window_count);

	memset(entities, 0, sizeof(entities));
	sched_init(&s, 1000000);
	now = until = 0;
	must(sched_size(ENTITIES, WINDOWS) <= sizeof(memory));
	must(sched_reserve(&s, ENTITIES, WINDOWS, memory) == E_OK);
	for (unsigned i = 0; i < count; i++) {
		struct sched_parameters p = parameters(records + i * RECORD);

		sched_add(&s, &entities[i], &p);
	}
	frame(windows, window_count);
	for (data = windows + window_count * RECORD; data < end;) {
		data += call(data, (size_t)(end - data), records);
		sched_check(&s, entities, ENTITIES);
	}
	return 0;
}
