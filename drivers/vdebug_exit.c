/* SPDX-License-Identifier: MIT */
/* isa-debug-exit. It has no state. */
#include "drivers/vdebug_exit.h"

void vdebug_exit_io(struct device *device, struct bus_access *access)
{
	uint64_t mask = access->size < 8 ? (1ULL << access->size * 8) - 1 : UINT64_MAX;

	if (access->write)
		device->host->power(device->host, POWER_DEBUG_EXIT, (uint32_t)(access->value & mask));
	else
		access->value = 0;
}

static void reset(struct device *device)
{
	(void)device;
}

static void save(const struct device *device, struct stream *out)
{
	(void)device;
	stream_end(out, stream_begin(out, "dbgx"));
}

static void restore(struct device *device, struct stream *in)
{
	(void)device;
	stream_expect(in, "dbgx", 0);
}

static const struct device_ops ops = {
	.name = "debug-exit",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vdebug_exit_init(struct vdebug_exit *debug_exit, struct device_host *host)
{
	debug_exit->device = (struct device){ .ops = &ops, .host = host };
}
