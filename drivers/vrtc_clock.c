/* SPDX-License-Identifier: MIT */
/* Time of the MC146818, computed from the partition's clock and kept near the host's wall clock. */
#include "drivers/vrtc_clock.h"
#include "drivers/vrtc_calendar.h"
#include "drivers/vticks.h"

#define CRYSTAL_HZ 32768
/* UIP is set for 244 us before the update and during it (MC146818 data sheet, "Update cycle"). */
#define UPDATE_NS ((244 + 1984) * 1000ULL)
#define ANY 0x100   /* alarm byte that matches always */
#define NEVER 0x101 /* one that is no time */

bool vrtc_is_time(unsigned reg)
{
	return reg == RTC_SECONDS || reg == RTC_MINUTES || reg == RTC_HOURS || reg == RTC_CENTURY ||
	       (reg >= RTC_WEEKDAY && reg <= RTC_YEAR);
}

bool vrtc_counting(const struct vrtc *rtc)
{
	return (rtc->cmos[RTC_A] & RTC_A_DIVIDER) == RTC_A_DIVIDER_RUNS;
}

bool vrtc_updating(const struct vrtc *rtc)
{
	return vrtc_counting(rtc) && !(rtc->cmos[RTC_B] & RTC_B_SET);
}

/* Nanoseconds that the divider chain has run. */
static uint64_t chain(const struct vrtc *rtc, uint64_t ns)
{
	return ns > rtc->base_ns ? ns - rtc->base_ns : 0;
}

static int64_t seconds(const struct vrtc *rtc, uint64_t ns)
{
	return rtc->base + (int64_t)(chain(rtc, ns) / NS_PER_SECOND);
}

bool vrtc_update_in_progress(const struct vrtc *rtc, uint64_t ns)
{
	return vrtc_updating(rtc) && chain(rtc, ns) % NS_PER_SECOND >= NS_PER_SECOND - UPDATE_NS;
}

static uint8_t encode(const struct vrtc *rtc, unsigned value)
{
	return (uint8_t)(rtc->cmos[RTC_B] & RTC_B_BINARY ? value : value / 10 << 4 | value % 10);
}

static unsigned decode(const struct vrtc *rtc, uint8_t byte)
{
	return rtc->cmos[RTC_B] & RTC_B_BINARY ? byte : (byte >> 4) * 10u + (byte & 15);
}

static uint8_t encode_hour(const struct vrtc *rtc, unsigned hour)
{
	if (rtc->cmos[RTC_B] & RTC_B_24H)
		return encode(rtc, hour);
	return encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0); /* 12 is midnight, 12 PM noon */
}

static unsigned decode_hour(const struct vrtc *rtc, uint8_t byte)
{
	if (rtc->cmos[RTC_B] & RTC_B_24H)
		return decode(rtc, byte);
	return decode(rtc, byte & 0x7f) % 12 + (byte & 0x80 ? 12 : 0);
}

/* A partition that was paused, or a host whose clock was set: the guest's clock goes along, like a real one. */
static void follow_wall_clock(struct vrtc *rtc, uint64_t ns)
{
	struct device_host *host = rtc->device.host;
	int64_t behind = host->wall_clock(host) + rtc->offset - seconds(rtc, ns);

	/* The two need not change at the same moment: a difference of one is none. */
	if (behind < -1 || behind > 1)
		rtc->base += behind;
}

void vrtc_refresh(struct vrtc *rtc, uint64_t ns)
{
	struct calendar calendar;
	uint8_t *cmos = rtc->cmos;

	if (!vrtc_updating(rtc))
		return;
	follow_wall_clock(rtc, ns);
	calendar_from_seconds(&calendar, seconds(rtc, ns));
	cmos[RTC_SECONDS] = encode(rtc, calendar.second);
	cmos[RTC_MINUTES] = encode(rtc, calendar.minute);
	cmos[RTC_HOURS] = encode_hour(rtc, calendar.hour);
	cmos[RTC_WEEKDAY] = encode(rtc, calendar.weekday);
	cmos[RTC_DAY] = encode(rtc, calendar.day);
	cmos[RTC_MONTH] = encode(rtc, calendar.month);
	cmos[RTC_YEAR] = encode(rtc, calendar.year % 100);
	cmos[RTC_CENTURY] = encode(rtc, calendar.year / 100);
}

void vrtc_store(struct vrtc *rtc, uint64_t ns)
{
	struct device_host *host = rtc->device.host;
	const uint8_t *cmos = rtc->cmos;
	struct calendar calendar = {
		.second = decode(rtc, cmos[RTC_SECONDS]),
		.minute = decode(rtc, cmos[RTC_MINUTES]),
		.hour = decode_hour(rtc, cmos[RTC_HOURS]),
		.day = decode(rtc, cmos[RTC_DAY]),
		.month = decode(rtc, cmos[RTC_MONTH]),
		.year = decode(rtc, cmos[RTC_CENTURY]) * 100 + decode(rtc, cmos[RTC_YEAR]),
	};
	int64_t time = calendar_to_seconds(&calendar);

	rtc->base = time - (int64_t)(chain(rtc, ns) / NS_PER_SECOND);
	rtc->offset = time - host->wall_clock(host);
}

void vrtc_restart_divider(struct vrtc *rtc, uint64_t ns)
{
	rtc->base = seconds(rtc, ns);
	rtc->base_ns = ns > NS_PER_SECOND / 2 ? ns - NS_PER_SECOND / 2 : 0;
}

/* Period of the periodic interrupt in cycles of the crystal; 0: off. Rates 1 and 2 are those of 8 and 9. */
static unsigned period(const struct vrtc *rtc)
{
	unsigned rate = rtc->cmos[RTC_A] & RTC_A_RATE;

	if (!rate)
		return 0;
	return rate < 3 ? 1u << (rate + 6) : 1u << (rate - 1);
}

static unsigned alarm_field(const struct vrtc *rtc, unsigned reg, unsigned limit)
{
	uint8_t byte = rtc->cmos[reg];
	unsigned value = reg == RTC_HOURS_ALARM ? decode_hour(rtc, byte) : decode(rtc, byte);

	if ((byte & 0xc0) == 0xc0)
		return ANY;
	return value < limit ? value : NEVER;
}

/* Seconds from `time` to the next one that the alarm matches, 1..86400; 0: there is none. */
static unsigned alarm_after(const struct vrtc *rtc, int64_t time)
{
	unsigned hour = alarm_field(rtc, RTC_HOURS_ALARM, 24), minute = alarm_field(rtc, RTC_MINUTES_ALARM, 60);
	unsigned second = alarm_field(rtc, RTC_SECONDS_ALARM, 60);
	unsigned now = (unsigned)((time % SECONDS_PER_DAY + SECONDS_PER_DAY) % SECONDS_PER_DAY);
	unsigned t = now + 1;

	while (t <= now + SECONDS_PER_DAY) {
		unsigned of_day = t % SECONDS_PER_DAY;

		if (hour != ANY && of_day / 3600 != hour)
			t += 3600 - of_day % 3600;
		else if (minute != ANY && of_day / 60 % 60 != minute)
			t += 60 - of_day % 60;
		else if (second != ANY && of_day % 60 != second)
			t++;
		else
			return t - now;
	}
	return 0;
}

uint8_t vrtc_events(const struct vrtc *rtc, uint64_t from, uint64_t to)
{
	uint64_t passed = chain(rtc, to) / NS_PER_SECOND - chain(rtc, from) / NS_PER_SECOND;
	uint8_t events = 0;
	unsigned alarm;

	if (to <= from)
		return 0;
	if (vrtc_counting(rtc) && period(rtc) &&
	    vticks_from_ns(chain(rtc, to), CRYSTAL_HZ) / period(rtc) !=
	    vticks_from_ns(chain(rtc, from), CRYSTAL_HZ) / period(rtc))
		events |= RTC_PERIODIC;
	if (!vrtc_updating(rtc) || !passed)
		return events;
	alarm = alarm_after(rtc, seconds(rtc, from));
	return events | RTC_UPDATE | (alarm && alarm <= passed ? RTC_ALARM : 0);
}

uint64_t vrtc_next_event(const struct vrtc *rtc, uint8_t events, uint64_t ns)
{
	uint64_t next = UINT64_MAX, when = UINT64_MAX;
	uint64_t second = chain(rtc, ns) / NS_PER_SECOND;
	unsigned alarm = events & RTC_UPDATE ? 1 : events & RTC_ALARM ? alarm_after(rtc, seconds(rtc, ns)) : 0;

	if (events & RTC_PERIODIC && vrtc_counting(rtc) && period(rtc)) {
		uint64_t periods = vticks_from_ns(chain(rtc, ns), CRYSTAL_HZ) / period(rtc) + 1;

		next = rtc->base_ns + vticks_to_ns(periods * period(rtc), CRYSTAL_HZ);
	}
	if (alarm && vrtc_updating(rtc))
		when = rtc->base_ns + (second + alarm) * NS_PER_SECOND;
	return next < when ? next : when;
}
