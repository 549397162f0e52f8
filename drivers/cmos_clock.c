/* SPDX-License-Identifier: MIT */
#include "drivers/cmos_clock.h"

#include <stdbool.h>

#include "arch/x86/cpu.h"

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, REGISTER_A = 0x0a, REGISTER_B = 0x0b };

#define UPDATE_IN_PROGRESS 0x80
#define BINARY 0x04
#define HOURS_24 0x02
#define PM 0x80
#define TRIES 1000000

static uint8_t cmos(uint8_t index)
{
	outb(0x70, index);
	return inb(0x71);
}

static unsigned number(uint8_t raw, bool binary)
{
	return binary ? raw : (raw >> 4) * 10u + (raw & 15u);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t days(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	unsigned y = year - 1;

	return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] + (leap && month > 2) + day - 1;
}

struct fields {
	uint8_t second, minute, hour, day, month, year;
};

static struct fields read_fields(void)
{
	return (struct fields){ cmos(SECONDS), cmos(MINUTES), cmos(HOURS), cmos(DAY), cmos(MONTH), cmos(YEAR) };
}

int64_t cmos_clock_read(void)
{
	unsigned tries = 0, hour, month, day;
	uint8_t mode = cmos(REGISTER_B);
	bool binary = mode & BINARY;
	struct fields f;

	/* The registers are consistent when no update is in progress before, and the seconds are the same after. */
	do {
		while (cmos(REGISTER_A) & UPDATE_IN_PROGRESS)
			if (++tries > TRIES)
				return 0;
		f = read_fields();
	} while (f.second != cmos(SECONDS) && ++tries <= TRIES);
	month = number(f.month, binary);
	day = number(f.day, binary);
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return 0;
	hour = number(mode & HOURS_24 ? f.hour : f.hour & (uint8_t)~PM, binary);
	if (!(mode & HOURS_24))
		hour = hour % 12 + (f.hour & PM ? 12 : 0);
	return days(2000 + number(f.year, binary), month, day) * 86400 + hour * 3600 + number(f.minute, binary) * 60 +
	       number(f.second, binary);
}
