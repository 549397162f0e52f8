/* SPDX-License-Identifier: MIT */
/* Days are counted in years that begin on 1 March, so that the leap day is the last of its year. */
#include "drivers/vrtc_calendar.h"

#define DAYS_PER_YEAR 365
#define EPOCH_DAY 719468        /* 1970-01-01, counted from 0000-03-01 */
#define FIRST_SECOND (-62167219200) /* 0000-01-01 00:00:00 */
#define LAST_SECOND 253402300799    /* 9999-12-31 23:59:59 */

/* Days before month 0..11 = March..February in such a year: 153 days in every five months. */
static unsigned month_start(unsigned month)
{
	return (153 * month + 2) / 5;
}

/* Days before year `y` of that kind; y is not negative. */
static int64_t year_start(int64_t y)
{
	return y * DAYS_PER_YEAR + y / 4 - y / 100 + y / 400;
}

void calendar_from_seconds(struct calendar *calendar, int64_t seconds)
{
	int64_t days, of_day, year;
	unsigned of_year, month;

	if (seconds < FIRST_SECOND)
		seconds = FIRST_SECOND;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	/* 400 years more keep everything positive; they repeat the weekdays, too. */
	days = (seconds - FIRST_SECOND) / SECONDS_PER_DAY + year_start(400) - 60;
	of_day = (seconds - FIRST_SECOND) % SECONDS_PER_DAY;
	year = days * 400 / year_start(400);
	while (year_start(year) > days)
		year--;
	while (year_start(year + 1) <= days)
		year++;
	of_year = (unsigned)(days - year_start(year));
	month = (5 * of_year + 2) / 153;
	*calendar = (struct calendar){
		.second = (unsigned)(of_day % 60),
		.minute = (unsigned)(of_day / 60 % 60),
		.hour = (unsigned)(of_day / 3600),
		.weekday = (unsigned)((days + 3) % 7) + 1, /* 0000-03-01 was a Wednesday */
		.day = of_year - month_start(month) + 1,
		.month = month < 10 ? month + 3 : month - 9,
		.year = (unsigned)(year - 400 + (month >= 10)),
	};
}

int64_t calendar_to_seconds(const struct calendar *calendar)
{
	unsigned month = calendar->month < 1 ? 1 : calendar->month > 12 ? 12 : calendar->month;
	unsigned from_march = (month + 9) % 12;
	int64_t year = (int64_t)calendar->year + 400 - (month < 3);
	int64_t days = year_start(year) + month_start(from_march) + calendar->day - 1 - year_start(400) - EPOCH_DAY;

	return days * SECONDS_PER_DAY + calendar->hour * 3600LL + calendar->minute * 60LL + calendar->second;
}
