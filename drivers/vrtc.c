/* SPDX-License-Identifier: MIT */
/* Ports, registers A to D and the interrupt of the MC146818. The time itself is in vrtc_clock.c. */
#include "drivers/vrtc.h"
#include "drivers/vbytes.h"
#include "drivers/vrtc_clock.h"
#include "drivers/vticks.h"

#include <string.h>

/* CMOS bytes that firmware fills on a PC; pairs are low, high. */
#define CMOS_EQUIPMENT 0x14
#define CMOS_BASE_KIB 0x15
#define CMOS_EXTENDED_KIB 0x17
#define CMOS_CHECKSUM_FIRST 0x10
#define CMOS_CHECKSUM_LAST 0x2d
#define CMOS_CHECKSUM 0x2e        /* high, low */
#define CMOS_EXTENDED_KIB_2 0x30
#define CMOS_ABOVE_16M 0x34       /* units of 64 KiB */
#define CMOS_ABOVE_4G 0x5b        /* three bytes, units of 64 KiB */
#define EQUIPMENT_FPU (1 << 1)

#define KIB 1024ULL
#define MIB (1024 * KIB)

#define INDEX_NMI_MASK (1 << 7)
#define TIME_MAX (1LL << 40)        /* either way: what a restore accepts, so that sums do not overflow */

static uint64_t now(struct vrtc *rtc)
{
	return rtc->device.host->now(rtc->device.host);
}

static void drive(struct vrtc *rtc)
{
	uint8_t level = (rtc->cmos[RTC_B] & rtc->cmos[RTC_C] & RTC_EVENTS) != 0;

	rtc->cmos[RTC_C] &= ~RTC_C_IRQF;
	if (level)
		rtc->cmos[RTC_C] |= RTC_C_IRQF;
	if (level == rtc->line)
		return;
	rtc->line = level;
	rtc->device.host->set_line(rtc->device.host, VRTC_IRQ, level);
}

/* Flags of register C up to now; the timer for what is enabled and not flagged yet. */
static void check(struct vrtc *rtc, uint64_t ns)
{
	uint64_t when;

	rtc->cmos[RTC_C] |= vrtc_events(rtc, rtc->checked_ns, ns);
	rtc->checked_ns = ns;
	drive(rtc);
	when = vrtc_next_event(rtc, rtc->cmos[RTC_B] & ~rtc->cmos[RTC_C] & RTC_EVENTS, ns);
	if (when == rtc->timer.when)
		return;
	rtc->timer.when = when;
	rtc->device.host->timer_changed(rtc->device.host, &rtc->timer);
}

static void fire(struct device *device, struct device_timer *timer, uint64_t ns)
{
	timer->when = UINT64_MAX;
	check((struct vrtc *)device, ns);
}

static uint8_t read_c(struct vrtc *rtc, uint64_t ns)
{
	uint8_t value;

	check(rtc, ns);
	value = rtc->cmos[RTC_C];
	rtc->cmos[RTC_C] = 0;
	check(rtc, ns);
	return value;
}

static uint8_t read_port(struct device *device, uint16_t port)
{
	struct vrtc *rtc = (struct vrtc *)device;
	uint64_t ns = now(rtc);

	if (!(port & 1))
		return 0xff; /* the index cannot be read */
	if (rtc->index == RTC_C)
		return read_c(rtc, ns);
	if (vrtc_is_time(rtc->index))
		vrtc_refresh(rtc, ns);
	if (rtc->index == RTC_A && vrtc_update_in_progress(rtc, ns))
		return rtc->cmos[RTC_A] | RTC_A_UIP;
	return rtc->cmos[rtc->index];
}

/* Freezing and setting the time: SET in register B, or the divider chain held in reset (register A). */
static void write_control(struct vrtc *rtc, unsigned reg, uint8_t value, uint64_t ns)
{
	bool counted = vrtc_counting(rtc), updated = vrtc_updating(rtc);

	vrtc_refresh(rtc, ns);
	rtc->cmos[reg] = value;
	if (vrtc_counting(rtc) && !counted)
		vrtc_restart_divider(rtc, ns);
	if (vrtc_updating(rtc) && !updated)
		vrtc_store(rtc, ns);
}

static void write_data(struct vrtc *rtc, unsigned reg, uint8_t value, uint64_t ns)
{
	if (vrtc_is_time(reg)) {
		vrtc_refresh(rtc, ns);
		rtc->cmos[reg] = value;
		if (vrtc_updating(rtc))
			vrtc_store(rtc, ns);
	} else if (reg == RTC_A) {
		write_control(rtc, reg, value & ~RTC_A_UIP, ns);
	} else if (reg == RTC_B) {
		/* SET clears UIE (MC146818 data sheet, register B). */
		write_control(rtc, reg, value & RTC_B_SET ? value & ~RTC_B_UIE : value, ns);
	} else if (reg != RTC_C && reg != RTC_D) {
		rtc->cmos[reg] = value;
	}
}

static void write_port(struct device *device, uint16_t port, uint8_t value)
{
	struct vrtc *rtc = (struct vrtc *)device;
	uint64_t ns;

	if (!(port & 1)) {
		rtc->index = value & ~INDEX_NMI_MASK;
		rtc->nmi_masked = value >> 7;
		return;
	}
	ns = now(rtc);
	check(rtc, ns); /* what has happened under the old settings */
	write_data(rtc, rtc->index, value, ns);
	check(rtc, ns);
}

void vrtc_io(struct device *device, struct bus_access *access)
{
	vbytes_access(device, access, access->address, read_port, write_port);
}

static void put_u16(uint8_t *cmos, uint64_t value)
{
	if (value > UINT16_MAX)
		value = UINT16_MAX;
	cmos[0] = (uint8_t)value;
	cmos[1] = (uint8_t)(value >> 8);
}

void vrtc_set_memory(struct vrtc *rtc, uint64_t below_4g, uint64_t above_4g)
{
	uint64_t extended = below_4g > MIB ? below_4g - MIB : 0;
	uint64_t above_16m = below_4g > 16 * MIB ? below_4g - 16 * MIB : 0;
	uint64_t high = above_4g / (64 * KIB);
	uint8_t *cmos = rtc->cmos;
	unsigned sum = 0;

	if (extended > 63 * MIB)
		extended = 63 * MIB;
	if (high > 0xffffff)
		high = 0xffffff;
	cmos[CMOS_EQUIPMENT] = EQUIPMENT_FPU;
	put_u16(&cmos[CMOS_BASE_KIB], below_4g < 640 * KIB ? below_4g / KIB : 640);
	put_u16(&cmos[CMOS_EXTENDED_KIB], extended / KIB);
	put_u16(&cmos[CMOS_EXTENDED_KIB_2], extended / KIB);
	put_u16(&cmos[CMOS_ABOVE_16M], above_16m / (64 * KIB));
	put_u16(&cmos[CMOS_ABOVE_4G], high & 0xffff);
	cmos[CMOS_ABOVE_4G + 2] = (uint8_t)(high >> 16);
	for (unsigned i = CMOS_CHECKSUM_FIRST; i <= CMOS_CHECKSUM_LAST; i++)
		sum += cmos[i];
	cmos[CMOS_CHECKSUM] = (uint8_t)(sum >> 8);
	cmos[CMOS_CHECKSUM + 1] = (uint8_t)sum;
}

/* The clock and the memory have a battery; RESET clears the interrupt enables and flags only. */
static void reset(struct device *device)
{
	struct vrtc *rtc = (struct vrtc *)device;
	uint64_t ns = now(rtc);

	rtc->index = 0;
	rtc->nmi_masked = 0;
	rtc->cmos[RTC_A] = RTC_A_DIVIDER_RUNS | 6; /* 1024 Hz, as PC firmware sets it */
	rtc->cmos[RTC_B] = RTC_B_24H;
	rtc->cmos[RTC_C] = 0;
	rtc->cmos[RTC_D] = RTC_D_VALID;
	rtc->base = device->host->wall_clock(device->host) + rtc->offset;
	rtc->base_ns = ns;
	rtc->checked_ns = ns;
	check(rtc, ns);
}

static void save(const struct device *device, struct stream *out)
{
	const struct vrtc *rtc = (const struct vrtc *)device;
	size_t mark = stream_begin(out, "vrtc");

	stream_put_u64(out, (uint64_t)rtc->base);
	stream_put_u64(out, (uint64_t)rtc->offset);
	stream_put_u64(out, rtc->base_ns);
	stream_put_u64(out, rtc->checked_ns);
	stream_put_u64(out, rtc->index | rtc->nmi_masked << 7);
	stream_put(out, rtc->cmos, sizeof(rtc->cmos));
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vrtc *rtc = (struct vrtc *)device;
	uint64_t ns = now(rtc), base_ns, checked_ns, index;
	int64_t base, offset;
	uint8_t cmos[VRTC_BYTES];

	stream_expect(in, "vrtc", 5 * sizeof(uint64_t) + VRTC_BYTES);
	base = (int64_t)stream_get_u64(in);
	offset = (int64_t)stream_get_u64(in);
	base_ns = stream_get_u64(in);
	checked_ns = stream_get_u64(in);
	index = stream_get_u64(in);
	stream_get(in, cmos, sizeof(cmos));
	if (base < -TIME_MAX || base > TIME_MAX || offset < -TIME_MAX || offset > TIME_MAX)
		stream_fail(in);
	if (in->failed) {
		reset(device);
		return;
	}
	rtc->base = base;
	rtc->offset = offset;
	rtc->base_ns = base_ns < ns ? base_ns : ns;
	rtc->checked_ns = checked_ns < ns ? checked_ns : ns;
	rtc->index = index & ~INDEX_NMI_MASK & 0xff;
	rtc->nmi_masked = index >> 7 & 1;
	memcpy(rtc->cmos, cmos, sizeof(cmos));
	rtc->cmos[RTC_A] &= ~RTC_A_UIP;
	rtc->cmos[RTC_C] &= RTC_EVENTS;
	rtc->cmos[RTC_D] = RTC_D_VALID;
	check(rtc, ns);
}

static const struct device_ops ops = {
	.name = "rtc",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vrtc_init(struct vrtc *rtc, struct device_host *host)
{
	*rtc = (struct vrtc){
		.device = { .ops = &ops, .host = host },
		.timer = { .when = UINT64_MAX, .fire = fire, .device = &rtc->device },
	};
	reset(&rtc->device);
}
