/* SPDX-License-Identifier: MIT */
/* ACPI fixed hardware (ACPI 6.4, 4.8.3) and the PC's reset ports. */
#include "drivers/vpm.h"
#include "drivers/vbytes.h"
#include "drivers/vticks.h"

#define PM1_TMR (1 << 0)   /* the timer's top bit changed: status and enable */
#define PM1_STATUS_BITS (PM1_TMR | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 15)
#define PM1_ENABLE_BITS (PM1_TMR | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 10)

#define PM1_SCI_EN (1 << 0)
#define PM1_BM_RLD (1 << 1)
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP (7 << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN (1 << 13) /* write-only */
#define PM1_CONTROL_KEPT (PM1_BM_RLD | PM1_SLP_TYP)

#define TIMER_HALF (1ULL << 31) /* ticks between changes of bit 31 */

#define RESET_CPU (1 << 2)     /* 0xcf9 (ICH9 data sheet, 13.7.5): a rising bit resets */
#define RESET_KEPT 0x0e
#define PORT_92_RESET (1 << 0)
#define PORT_92_KEPT 0x03

static uint64_t now(struct vpm *pm)
{
	return pm->device.host->now(pm->device.host);
}

static void drive(struct vpm *pm)
{
	uint8_t level = (pm->status & pm->enable) != 0;

	if (level == pm->line)
		return;
	pm->line = level;
	pm->device.host->set_line(pm->device.host, VPM_SCI, level);
}

/* TMR_STS up to now, and the timer for the next change while the guest wants an interrupt of it. */
static void check(struct vpm *pm, uint64_t ns)
{
	uint64_t half = vticks_from_ns(ns, VPM_HZ) / TIMER_HALF, when = UINT64_MAX;

	if (half != vticks_from_ns(pm->status_ns, VPM_HZ) / TIMER_HALF)
		pm->status |= PM1_TMR;
	pm->status_ns = ns;
	drive(pm);
	if (pm->enable & ~pm->status & PM1_TMR)
		when = vticks_to_ns((half + 1) * TIMER_HALF, VPM_HZ);
	if (when == pm->timer.when)
		return;
	pm->timer.when = when;
	pm->device.host->timer_changed(pm->device.host, &pm->timer);
}

static void fire(struct device *device, struct device_timer *timer, uint64_t ns)
{
	timer->when = UINT64_MAX;
	check((struct vpm *)device, ns);
}

static uint8_t read_event(struct device *device, uint16_t offset)
{
	const struct vpm *pm = (const struct vpm *)device;

	return (uint8_t)((offset & 2 ? pm->enable : pm->status) >> (offset & 1) * 8);
}

static void write_event(struct device *device, uint16_t offset, uint8_t value)
{
	struct vpm *pm = (struct vpm *)device;
	unsigned shift = (offset & 1) * 8;

	if (offset & 2)
		pm->enable = ((pm->enable & ~(0xff << shift)) | value << shift) & PM1_ENABLE_BITS;
	else
		pm->status &= (uint16_t)~(value << shift); /* ones clear */
}

void vpm_event_io(struct device *device, struct bus_access *access)
{
	struct vpm *pm = (struct vpm *)device;
	uint64_t ns = now(pm);

	check(pm, ns);
	vbytes_access(device, access, access->offset, read_event, write_event);
	if (access->write)
		check(pm, ns);
}

static uint8_t read_control(struct device *device, uint16_t offset)
{
	const struct vpm *pm = (const struct vpm *)device;

	return (uint8_t)((pm->control | PM1_SCI_EN) >> (offset & 1) * 8);
}

static void write_control(struct device *device, uint16_t offset, uint8_t value)
{
	struct vpm *pm = (struct vpm *)device;
	unsigned shift = (offset & 1) * 8, written = (unsigned)value << shift;

	pm->control = ((pm->control & ~(0xffu << shift)) | written) & PM1_CONTROL_KEPT;
	if (written & PM1_SLP_EN && (pm->control & PM1_SLP_TYP) >> PM1_SLP_TYP_SHIFT == VPM_SLP_TYP_S5)
		device->host->power(device->host, POWER_OFF, 0);
}

void vpm_control_io(struct device *device, struct bus_access *access)
{
	vbytes_access(device, access, access->offset, read_control, write_control);
}

void vpm_timer_io(struct device *device, struct bus_access *access)
{
	uint32_t ticks;

	if (access->write)
		return; /* read-only */
	ticks = (uint32_t)vticks_from_ns(device->host->now(device->host), VPM_HZ);
	access->value = ticks >> (access->offset & 3) * 8;
}

void vpm_reset_io(struct device *device, struct bus_access *access)
{
	struct vpm *pm = (struct vpm *)device;
	uint8_t before = pm->reset_control;

	if (!access->write) {
		access->value = before;
		return;
	}
	pm->reset_control = access->value & RESET_KEPT;
	if (pm->reset_control & ~before & RESET_CPU)
		device->host->power(device->host, POWER_RESET, 0);
}

/* A20 is not masked, as on processors of today; its bit only reads back. */
void vpm_92_io(struct device *device, struct bus_access *access)
{
	struct vpm *pm = (struct vpm *)device;
	uint8_t before = pm->port_92;

	if (!access->write) {
		access->value = before;
		return;
	}
	pm->port_92 = access->value & PORT_92_KEPT;
	if (pm->port_92 & ~before & PORT_92_RESET)
		device->host->power(device->host, POWER_RESET, 0);
}

static void reset(struct device *device)
{
	struct vpm *pm = (struct vpm *)device;

	pm->status = 0;
	pm->enable = 0;
	pm->control = 0;
	pm->reset_control = 0;
	pm->port_92 = 1 << 1; /* A20 is on */
	pm->status_ns = now(pm);
	check(pm, pm->status_ns);
}

#define SAVED_WORDS 6

static void save(const struct device *device, struct stream *out)
{
	const struct vpm *pm = (const struct vpm *)device;
	const uint64_t words[SAVED_WORDS] = {
		pm->status_ns, pm->status, pm->enable, pm->control, pm->reset_control, pm->port_92,
	};
	size_t mark = stream_begin(out, "acpi");

	for (unsigned i = 0; i < SAVED_WORDS; i++)
		stream_put_u64(out, words[i]);
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vpm *pm = (struct vpm *)device;
	uint64_t words[SAVED_WORDS], ns = now(pm);

	stream_expect(in, "acpi", sizeof(words));
	for (unsigned i = 0; i < SAVED_WORDS; i++)
		words[i] = stream_get_u64(in);
	if (in->failed) {
		reset(device);
		return;
	}
	pm->status_ns = words[0] < ns ? words[0] : ns;
	pm->status = words[1] & PM1_STATUS_BITS;
	pm->enable = words[2] & PM1_ENABLE_BITS;
	pm->control = words[3] & PM1_CONTROL_KEPT;
	pm->reset_control = words[4] & RESET_KEPT;
	pm->port_92 = words[5] & PORT_92_KEPT;
	check(pm, ns);
}

static const struct device_ops ops = {
	.name = "acpi",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vpm_init(struct vpm *pm, struct device_host *host)
{
	*pm = (struct vpm){
		.device = { .ops = &ops, .host = host },
		.timer = { .when = UINT64_MAX, .fire = fire, .device = &pm->device },
	};
	reset(&pm->device);
}
