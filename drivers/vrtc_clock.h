/* SPDX-License-Identifier: MIT */
/* The time-keeping part of the MC146818: time registers, divider chain, alarm. Pure; of vrtc alone. */
#ifndef DRIVERS_VRTC_CLOCK_H
#define DRIVERS_VRTC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/vrtc.h"

enum vrtc_register {
	RTC_SECONDS, RTC_SECONDS_ALARM, RTC_MINUTES, RTC_MINUTES_ALARM, RTC_HOURS, RTC_HOURS_ALARM, RTC_WEEKDAY,
	RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, RTC_C, RTC_D,
	RTC_CENTURY = 0x32, /* the FADT says so */
};

#define RTC_A_UIP (1 << 7)
#define RTC_A_DIVIDER 0x70
#define RTC_A_DIVIDER_RUNS 0x20 /* a 32768 Hz crystal, chain not held in reset */
#define RTC_A_RATE 0x0f
#define RTC_B_SET (1 << 7)
#define RTC_B_UIE (1 << 4)
#define RTC_B_BINARY (1 << 2)
#define RTC_B_24H (1 << 1)
#define RTC_C_IRQF (1 << 7)
#define RTC_PERIODIC (1 << 6) /* enable in B, flag in C */
#define RTC_ALARM (1 << 5)
#define RTC_UPDATE (1 << 4)
#define RTC_EVENTS (RTC_PERIODIC | RTC_ALARM | RTC_UPDATE)
#define RTC_D_VALID (1 << 7)

bool vrtc_is_time(unsigned reg);
/* The divider chain runs. */
bool vrtc_counting(const struct vrtc *rtc);
/* The time registers follow it. */
bool vrtc_updating(const struct vrtc *rtc);
bool vrtc_update_in_progress(const struct vrtc *rtc, uint64_t ns);
/* Time to registers; nothing while they are not updating. */
void vrtc_refresh(struct vrtc *rtc, uint64_t ns);
/* Registers to time: the guest has set them. */
void vrtc_store(struct vrtc *rtc, uint64_t ns);
/* The divider chain leaves reset: the first update comes half a second later. */
void vrtc_restart_divider(struct vrtc *rtc, uint64_t ns);
/* Events (RTC_EVENTS) in the time after `from` up to and including `to`. */
uint8_t vrtc_events(const struct vrtc *rtc, uint64_t from, uint64_t to);
/* When the first of `events` comes after `ns`; UINT64_MAX: never. */
uint64_t vrtc_next_event(const struct vrtc *rtc, uint8_t events, uint64_t ns);

#endif
