/* SPDX-License-Identifier: MIT */
/* Registers of the 8254 (82C54 data sheet) and of port 0x61. How a channel counts is in vpit_channel.c. */
#include "drivers/vpit.h"
#include "drivers/vbytes.h"
#include "drivers/vpit_channel.h"
#include "drivers/vticks.h"

#include <string.h>

/* Control word */
#define SELECT_READ_BACK 3
#define READ_BACK_NO_COUNT (1 << 5)
#define READ_BACK_NO_STATUS (1 << 4)
#define STATUS_OUT (1 << 7)
#define STATUS_NULL_COUNT (1 << 6)

/* Port 0x61 */
#define GATE2 (1 << 0)
#define CONTROL_61_WRITABLE 0x0f
#define REFRESH_TOGGLE (1 << 4)
#define OUT2 (1 << 5)
#define REFRESH_NS 15085 /* a refresh request every 18 ticks of the 1.19 MHz clock */

static uint64_t now(struct vpit *pit)
{
	return vticks_from_ns(pit->device.host->now(pit->device.host), VPIT_HZ);
}

/* Arms the timer for the next rising edge of channel 0 after `tick`. */
static void arm(struct vpit *pit, uint64_t tick)
{
	uint64_t edge = vpit_channel_next_edge(&pit->channel[0], tick);
	uint64_t when = edge == UINT64_MAX ? UINT64_MAX : vticks_to_ns(edge, VPIT_HZ);

	if (when == pit->timer.when)
		return;
	pit->timer.when = when;
	pit->device.host->timer_changed(pit->device.host, &pit->timer);
}

/*
 * One edge, however many periods have gone by: a guest that was not running does not get a burst. The line stays high
 * until the next edge, as OUT0 does but for one tick: an 8259 whose request falls before INTA answers with IR7.
 */
static void fire(struct device *device, struct device_timer *timer, uint64_t ns)
{
	struct vpit *pit = (struct vpit *)device;
	uint64_t tick = vticks_from_ns(ns, VPIT_HZ);

	timer->when = UINT64_MAX;
	device->host->set_line(device->host, VPIT_IRQ, false);
	device->host->set_line(device->host, VPIT_IRQ, true);
	vpit_channel_settle(&pit->channel[0], tick);
	arm(pit, tick);
}

static void latch_count(struct vpit_channel *channel, uint64_t tick)
{
	if (channel->count_latched)
		return; /* the first of several latch commands counts */
	channel->count_latch = vpit_channel_read(channel, tick);
	channel->count_latched = channel->access == 3 ? 2 : 1;
}

static void latch_status(struct vpit_channel *channel, uint64_t tick)
{
	if (channel->status_latched)
		return;
	channel->status_latch = (uint8_t)(channel->access << 4 | channel->mode << 1 | channel->bcd);
	if (vpit_channel_out(channel, tick))
		channel->status_latch |= STATUS_OUT;
	if (!channel->count || channel->next)
		channel->status_latch |= STATUS_NULL_COUNT;
	channel->status_latched = 1;
}

static void write_control(struct vpit *pit, uint8_t value, uint64_t tick)
{
	unsigned select = value >> 6, access = value >> 4 & 3;

	if (select == SELECT_READ_BACK) {
		for (unsigned i = 0; i < VPIT_CHANNELS; i++) {
			if (!(value >> (i + 1) & 1))
				continue;
			if (!(value & READ_BACK_NO_COUNT))
				latch_count(&pit->channel[i], tick);
			if (!(value & READ_BACK_NO_STATUS))
				latch_status(&pit->channel[i], tick);
		}
		return;
	}
	if (!access) {
		latch_count(&pit->channel[select], tick);
		return;
	}
	vpit_channel_control(&pit->channel[select], (uint8_t)access, value >> 1 & 7, value & 1);
	if (select)
		return;
	/* Mode 0 lowers OUT. The other modes raise it, but that must not look like an interrupt of a running timer. */
	if (!pit->channel[0].mode)
		pit->device.host->set_line(pit->device.host, VPIT_IRQ, false);
	arm(pit, tick);
}

static void write_count(struct vpit *pit, unsigned index, uint8_t value, uint64_t tick)
{
	struct vpit_channel *channel = &pit->channel[index];

	vpit_channel_write(channel, value, tick);
	if (index)
		return;
	if (!channel->mode)
		pit->device.host->set_line(pit->device.host, VPIT_IRQ, false);
	arm(pit, tick);
}

static uint8_t read_count(struct vpit_channel *channel, uint64_t tick)
{
	uint16_t count;
	bool high;

	if (channel->status_latched) {
		channel->status_latched = 0;
		return channel->status_latch;
	}
	high = channel->access == 2 || (channel->access == 3 && channel->read_high);
	channel->read_high = channel->access == 3 && !high;
	count = channel->count_latch;
	if (channel->count_latched)
		channel->count_latched--;
	else
		count = vpit_channel_read(channel, tick);
	return high ? count >> 8 : (uint8_t)count;
}

static uint8_t read_port(struct device *device, uint16_t port)
{
	struct vpit *pit = (struct vpit *)device;
	unsigned index = port & 3;
	uint64_t tick = now(pit);

	if (index == 3)
		return 0xff; /* the control word cannot be read */
	vpit_channel_settle(&pit->channel[index], tick);
	return read_count(&pit->channel[index], tick);
}

static void write_port(struct device *device, uint16_t port, uint8_t value)
{
	struct vpit *pit = (struct vpit *)device;
	uint64_t tick = now(pit);

	for (unsigned i = 0; i < VPIT_CHANNELS; i++)
		vpit_channel_settle(&pit->channel[i], tick);
	if ((port & 3) == 3)
		write_control(pit, value, tick);
	else
		write_count(pit, port & 3, value, tick);
}

void vpit_io(struct device *device, struct bus_access *access)
{
	vbytes_access(device, access, access->address, read_port, write_port);
}

void vpit_61_io(struct device *device, struct bus_access *access)
{
	struct vpit *pit = (struct vpit *)device;
	uint64_t ns = device->host->now(device->host), tick = vticks_from_ns(ns, VPIT_HZ);

	vpit_channel_settle(&pit->channel[2], tick);
	if (access->write) {
		pit->control_61 = access->value & CONTROL_61_WRITABLE;
		vpit_channel_gate(&pit->channel[2], pit->control_61 & GATE2, tick);
		return;
	}
	access->value = pit->control_61;
	if (ns / REFRESH_NS & 1)
		access->value |= REFRESH_TOGGLE;
	if (vpit_channel_out(&pit->channel[2], tick))
		access->value |= OUT2;
}

static void reset(struct device *device)
{
	struct vpit *pit = (struct vpit *)device;

	memset(pit->channel, 0, sizeof(pit->channel));
	for (unsigned i = 0; i < VPIT_CHANNELS; i++) {
		pit->channel[i].mode = 3;
		pit->channel[i].access = 3;
		pit->channel[i].gate = i < 2; /* only channel 2 has a gate that software moves */
	}
	pit->control_61 = 0;
	device->host->set_line(device->host, VPIT_IRQ, false);
	arm(pit, 0);
}

#define CHANNEL_WORDS 17

static void save_channel(const struct vpit_channel *channel, struct stream *out)
{
	const uint64_t words[CHANNEL_WORDS] = {
		channel->start, channel->paused, channel->switch_at, channel->count, channel->next,
		channel->count_latch, channel->count_latched, channel->status_latch, channel->status_latched,
		channel->mode, channel->bcd, channel->access, channel->write_high, channel->read_high, channel->low,
		channel->gate, channel->running,
	};

	for (unsigned i = 0; i < CHANNEL_WORDS; i++)
		stream_put_u64(out, words[i]);
}

static bool sane(const struct vpit_channel *channel)
{
	return channel->start <= VPIT_TICK_MAX && channel->paused <= VPIT_TICK_MAX &&
	       channel->switch_at <= VPIT_TICK_MAX && channel->count <= VPIT_COUNT_MAX &&
	       channel->next <= VPIT_COUNT_MAX && channel->count_latched <= 2 && channel->mode <= 5 &&
	       channel->access >= 1 && channel->access <= 3;
}

static void restore_channel(struct vpit_channel *channel, struct stream *in)
{
	uint64_t words[CHANNEL_WORDS];
	struct vpit_channel restored;

	for (unsigned i = 0; i < CHANNEL_WORDS; i++)
		words[i] = stream_get_u64(in);
	restored = (struct vpit_channel){
		.start = words[0], .paused = words[1], .switch_at = words[2], .count = (uint32_t)words[3],
		.next = (uint32_t)words[4], .count_latch = (uint16_t)words[5], .count_latched = (uint8_t)words[6],
		.status_latch = (uint8_t)words[7], .status_latched = words[8] & 1, .mode = (uint8_t)words[9],
		.bcd = words[10] & 1, .access = (uint8_t)words[11], .write_high = words[12] & 1,
		.read_high = words[13] & 1, .low = (uint8_t)words[14], .gate = words[15] & 1,
		.running = words[16] & 1,
	};
	if (sane(&restored))
		*channel = restored;
	else
		stream_fail(in);
}

static void save(const struct device *device, struct stream *out)
{
	const struct vpit *pit = (const struct vpit *)device;
	size_t mark = stream_begin(out, "vpit");

	for (unsigned i = 0; i < VPIT_CHANNELS; i++)
		save_channel(&pit->channel[i], out);
	stream_put_u64(out, pit->control_61);
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vpit *pit = (struct vpit *)device;

	stream_expect(in, "vpit", (VPIT_CHANNELS * CHANNEL_WORDS + 1) * sizeof(uint64_t));
	for (unsigned i = 0; i < VPIT_CHANNELS; i++)
		restore_channel(&pit->channel[i], in);
	pit->control_61 = stream_get_u64(in) & CONTROL_61_WRITABLE;
	if (in->failed)
		reset(device);
	else
		arm(pit, now(pit));
}

static const struct device_ops ops = {
	.name = "pit",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vpit_init(struct vpit *pit, struct device_host *host)
{
	*pit = (struct vpit){
		.device = { .ops = &ops, .host = host },
		.timer = { .when = UINT64_MAX, .fire = fire, .device = &pit->device },
	};
	reset(&pit->device);
}
