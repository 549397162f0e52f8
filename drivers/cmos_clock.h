/* SPDX-License-Identifier: MIT */
/* The machine's own MC146818-compatible clock, ports 0x70 and 0x71. */
#ifndef DRIVERS_CMOS_CLOCK_H
#define DRIVERS_CMOS_CLOCK_H

#include <stdint.h>

/* Seconds since 1970-01-01, taking the clock for UTC; 0 when there is no clock that answers. */
int64_t cmos_clock_read(void);

#endif
