/* SPDX-License-Identifier: MIT */
/* How one channel of the 8254 counts. Times are ticks of its clock since the partition started. Pure; of vpit alone. */
#ifndef DRIVERS_VPIT_CHANNEL_H
#define DRIVERS_VPIT_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/vpit.h"

#define VPIT_COUNT_MAX 0x10000
#define VPIT_TICK_MAX (1ULL << 53) /* 240 years: what a restore accepts, so that sums do not wrap */

/* Loads a count whose time has come. To be called first, with the time of what follows. */
void vpit_channel_settle(struct vpit_channel *channel, uint64_t now);
void vpit_channel_control(struct vpit_channel *channel, uint8_t access, uint8_t mode, uint8_t bcd);
void vpit_channel_write(struct vpit_channel *channel, uint8_t value, uint64_t now);
void vpit_channel_gate(struct vpit_channel *channel, bool gate, uint64_t now);
/* The counting element as software reads it (BCD where selected). */
uint16_t vpit_channel_read(const struct vpit_channel *channel, uint64_t now);
bool vpit_channel_out(const struct vpit_channel *channel, uint64_t now);
/* First tick after `now` at which OUT rises, UINT64_MAX: never. */
uint64_t vpit_channel_next_edge(const struct vpit_channel *channel, uint64_t now);

#endif
