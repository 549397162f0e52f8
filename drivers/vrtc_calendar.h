/* SPDX-License-Identifier: MIT */
/* Seconds since 1970 and the proleptic Gregorian calendar. Pure. */
#ifndef DRIVERS_VRTC_CALENDAR_H
#define DRIVERS_VRTC_CALENDAR_H

#include <stdint.h>

#define SECONDS_PER_DAY 86400

struct calendar {
	unsigned second, minute, hour; /* 0..59, 0..59, 0..23 */
	unsigned weekday;              /* 1 = Sunday .. 7 */
	unsigned day, month;           /* 1..31, 1..12 */
	unsigned year;                 /* 0..9999 */
};

/* A time outside the years 0 to 9999 gives the nearest second inside. */
void calendar_from_seconds(struct calendar *calendar, int64_t seconds);
/* Any values: what is too large for its place carries over (month: 1..12 expected, others count as the nearest). */
int64_t calendar_to_seconds(const struct calendar *calendar);

#endif
