/* SPDX-License-Identifier: MIT */
/* Counting of an 8254 channel in modes 0 to 5 (82C54 data sheet, "Mode definitions"), computed from the time. */
#include "drivers/vpit_channel.h"

enum mode { TERMINAL_COUNT, ONE_SHOT, RATE_GENERATOR, SQUARE_WAVE, SOFTWARE_STROBE, HARDWARE_STROBE };

static bool periodic(const struct vpit_channel *channel)
{
	return channel->mode == RATE_GENERATOR || channel->mode == SQUARE_WAVE;
}

/* Counting starts with a rising edge of the gate; its level does not matter. */
static bool triggered(const struct vpit_channel *channel)
{
	return channel->mode == ONE_SHOT || channel->mode == HARDWARE_STROBE;
}

static uint64_t elapsed(const struct vpit_channel *channel, uint64_t now)
{
	if (!channel->running)
		return channel->paused;
	return now > channel->start ? now - channel->start : 0;
}

static void start(struct vpit_channel *channel, uint32_t count, uint64_t now)
{
	channel->count = count;
	channel->next = 0;
	channel->start = now;
	channel->paused = 0;
	channel->running = triggered(channel) || channel->gate;
}

void vpit_channel_settle(struct vpit_channel *channel, uint64_t now)
{
	if (channel->next && periodic(channel) && channel->running && now >= channel->switch_at)
		start(channel, channel->next, channel->switch_at);
}

void vpit_channel_control(struct vpit_channel *channel, uint8_t access, uint8_t mode, uint8_t bcd)
{
	*channel = (struct vpit_channel){
		.gate = channel->gate,
		.access = access,
		.mode = mode > 5 ? mode - 4 : mode, /* 6 and 7 are 2 and 3 */
		.bcd = bcd,
	};
}

/* A count register value as the number of ticks it stands for; 0 is the largest. */
static uint32_t decode(const struct vpit_channel *channel, uint16_t value)
{
	uint32_t count = value;

	if (channel->bcd)
		count = (value >> 12) * 1000u + (value >> 8 & 15) * 100u + (value >> 4 & 15) * 10u + (value & 15);
	if (!count)
		count = channel->bcd ? 10000 : VPIT_COUNT_MAX;
	return count;
}

static void load(struct vpit_channel *channel, uint32_t count, uint64_t now)
{
	if (!triggered(channel) && !(periodic(channel) && channel->count)) {
		start(channel, count, now);
		return;
	}
	/* A new count waits for the trigger, or for the period to end (mode 3: the whole one, not the half). */
	channel->next = count;
	if (periodic(channel))
		channel->switch_at = channel->start + (elapsed(channel, now) / channel->count + 1) * channel->count;
}

void vpit_channel_write(struct vpit_channel *channel, uint8_t value, uint64_t now)
{
	uint16_t count = channel->access == 2 ? (uint16_t)(value << 8) : value;

	if (channel->access == 3 && !channel->write_high) {
		channel->low = value;
		channel->write_high = 1;
		if (channel->mode == TERMINAL_COUNT) {
			/* The first byte stops the count and lowers OUT. */
			channel->paused = 0;
			channel->running = 0;
		}
		return;
	}
	if (channel->access == 3) {
		channel->write_high = 0;
		count = (uint16_t)(value << 8 | channel->low);
	}
	load(channel, decode(channel, count), now);
}

void vpit_channel_gate(struct vpit_channel *channel, bool gate, uint64_t now)
{
	bool rises = gate && !channel->gate;
	uint32_t count = channel->next ? channel->next : channel->count;

	if (gate == channel->gate)
		return;
	channel->gate = gate;
	if (!count)
		return;
	if (triggered(channel) || periodic(channel)) {
		if (rises)
			start(channel, count, now);
		else if (periodic(channel))
			channel->running = 0; /* the next rise starts afresh; OUT is high until then */
		return;
	}
	if (!rises) {
		channel->paused = elapsed(channel, now);
		channel->running = 0;
	} else if (!channel->write_high || channel->mode != TERMINAL_COUNT) {
		channel->start = now > channel->paused ? now - channel->paused : 0;
		channel->running = 1;
	}
}

/* Counter value in mode 3, where it falls by two in each half (an odd count starts one lower). */
static uint32_t square_count(const struct vpit_channel *channel, uint64_t phase)
{
	uint32_t half = (channel->count + 1) / 2;
	uint32_t even = channel->count & ~1u;

	return even - 2 * (uint32_t)(phase < half ? phase : phase - half);
}

uint16_t vpit_channel_read(const struct vpit_channel *channel, uint64_t now)
{
	uint64_t ticks = elapsed(channel, now);
	uint32_t modulus = channel->bcd ? 10000 : VPIT_COUNT_MAX;
	uint32_t count;

	if (!channel->count)
		return 0;
	if (channel->mode == SQUARE_WAVE)
		count = square_count(channel, ticks % channel->count);
	else if (channel->mode == RATE_GENERATOR)
		count = channel->count - (uint32_t)(ticks % channel->count);
	else
		count = channel->count % modulus + modulus - (uint32_t)(ticks % modulus);
	count %= modulus;
	if (channel->bcd)
		count = (count / 1000) << 12 | (count / 100 % 10) << 8 | (count / 10 % 10) << 4 | count % 10;
	return (uint16_t)count;
}

bool vpit_channel_out(const struct vpit_channel *channel, uint64_t now)
{
	uint64_t ticks = elapsed(channel, now);

	if (channel->mode == TERMINAL_COUNT)
		return channel->count && ticks >= channel->count;
	if (!channel->count || (periodic(channel) && !channel->running))
		return true;
	switch ((enum mode)channel->mode) {
	case ONE_SHOT:
		return ticks >= channel->count;
	case RATE_GENERATOR:
		return ticks % channel->count != channel->count - 1 || channel->count == 1;
	case SQUARE_WAVE:
		return ticks % channel->count < (channel->count + 1) / 2;
	default:
		return ticks != channel->count; /* the strobes: low for one tick */
	}
}

/* As if a pending count did not exist: at the end of the period that it waits for, OUT rises all the same. */
uint64_t vpit_channel_next_edge(const struct vpit_channel *channel, uint64_t now)
{
	uint64_t ticks = elapsed(channel, now);
	uint64_t edge = channel->count;

	if (!channel->count || !channel->running)
		return UINT64_MAX;
	if (periodic(channel)) {
		if (channel->count == 1)
			return UINT64_MAX; /* illegal; OUT never falls */
		edge = (ticks / channel->count + 1) * channel->count;
	} else if (channel->mode == SOFTWARE_STROBE || channel->mode == HARDWARE_STROBE) {
		edge++;
	}
	return edge > ticks ? channel->start + edge : UINT64_MAX;
}
