/* SPDX-License-Identifier: MIT */
/* The 8042 as IBM's PC/AT and PS/2 technical references describe it, with open keyboard and mouse connectors. */
#include "drivers/vkbc.h"
#include "drivers/vbytes.h"

#include <string.h>

#define STATUS_OUTPUT_FULL (1 << 0)
#define STATUS_SYSTEM (1 << 2)
#define STATUS_COMMAND (1 << 3)     /* the last write was to port 0x64 */
#define STATUS_UNLOCKED (1 << 4)
#define STATUS_MOUSE_DATA (1 << 5)  /* the output buffer holds what came from the mouse */
#define STATUS_TIMEOUT (1 << 6)
#define STATUS_OF_BUFFER (STATUS_OUTPUT_FULL | STATUS_MOUSE_DATA | STATUS_TIMEOUT)

#define COMMAND_BYTE_KEYBOARD_IRQ (1 << 0)
#define COMMAND_BYTE_MOUSE_IRQ (1 << 1)
#define COMMAND_BYTE_SYSTEM (1 << 2)
#define COMMAND_BYTE_KEYBOARD_OFF (1 << 4)
#define COMMAND_BYTE_MOUSE_OFF (1 << 5)

#define OUTPUT_PORT_NO_RESET (1 << 0)
#define OUTPUT_PORT_A20 (1 << 1)

enum {
	READ_RAM = 0x20, WRITE_RAM = 0x60, MOUSE_OFF = 0xa7, MOUSE_ON = 0xa8, MOUSE_TEST = 0xa9, SELF_TEST = 0xaa,
	KEYBOARD_TEST = 0xab, KEYBOARD_OFF = 0xad, KEYBOARD_ON = 0xae, READ_INPUT_PORT = 0xc0, READ_OUTPUT_PORT = 0xd0,
	WRITE_OUTPUT_PORT = 0xd1, FAKE_KEYBOARD = 0xd2, FAKE_MOUSE = 0xd3, TO_MOUSE = 0xd4, PULSE = 0xf0,
};

#define SELF_TEST_PASSED 0x55
#define LINES_TEST_PASSED 0x00
#define INPUT_PORT 0x80    /* keyboard not inhibited */
#define RESEND 0xfe        /* with the time-out bit: nobody answered */

static void drive(struct vkbc *kbc)
{
	uint8_t lines = 0;

	if (kbc->status & STATUS_OUTPUT_FULL)
		lines = kbc->status & STATUS_MOUSE_DATA ? kbc->ram[0] & COMMAND_BYTE_MOUSE_IRQ
		                                        : kbc->ram[0] & COMMAND_BYTE_KEYBOARD_IRQ;
	if ((lines ^ kbc->lines) & COMMAND_BYTE_KEYBOARD_IRQ)
		kbc->device.host->set_line(kbc->device.host, VKBC_KEYBOARD_IRQ, lines & COMMAND_BYTE_KEYBOARD_IRQ);
	if ((lines ^ kbc->lines) & COMMAND_BYTE_MOUSE_IRQ)
		kbc->device.host->set_line(kbc->device.host, VKBC_MOUSE_IRQ, lines & COMMAND_BYTE_MOUSE_IRQ);
	kbc->lines = lines;
}

static void answer(struct vkbc *kbc, uint8_t byte, uint8_t flags)
{
	kbc->output = byte;
	kbc->status = (kbc->status & ~STATUS_OF_BUFFER) | STATUS_OUTPUT_FULL | flags;
}

static void write_output_port(struct vkbc *kbc, uint8_t value)
{
	kbc->output_port = value | OUTPUT_PORT_NO_RESET;
	if (!(value & OUTPUT_PORT_NO_RESET))
		kbc->device.host->power(kbc->device.host, POWER_RESET, 0);
}

static void write_ram(struct vkbc *kbc, unsigned index, uint8_t value)
{
	kbc->ram[index] = value;
	if (index)
		return;
	kbc->status &= ~STATUS_SYSTEM;
	if (value & COMMAND_BYTE_SYSTEM)
		kbc->status |= STATUS_SYSTEM;
}

static void self_test(struct vkbc *kbc)
{
	kbc->status |= STATUS_SYSTEM;
	kbc->ram[0] |= COMMAND_BYTE_SYSTEM;
	answer(kbc, SELF_TEST_PASSED, 0);
}

static void write_command(struct vkbc *kbc, uint8_t command)
{
	kbc->status |= STATUS_COMMAND;
	kbc->command = 0;
	if (command >= READ_RAM && command < READ_RAM + VKBC_RAM) {
		answer(kbc, kbc->ram[command - READ_RAM], 0);
		return;
	}
	if (command >= PULSE) {
		/* The low bits name the lines that are pulsed low; of those only bit 0 is connected. */
		if (!(command & OUTPUT_PORT_NO_RESET))
			kbc->device.host->power(kbc->device.host, POWER_RESET, 0);
		return;
	}
	switch (command) {
	case MOUSE_OFF:
		kbc->ram[0] |= COMMAND_BYTE_MOUSE_OFF;
		break;
	case MOUSE_ON:
		kbc->ram[0] &= ~COMMAND_BYTE_MOUSE_OFF;
		break;
	case MOUSE_TEST:
	case KEYBOARD_TEST:
		answer(kbc, LINES_TEST_PASSED, 0);
		break;
	case SELF_TEST:
		self_test(kbc);
		break;
	case KEYBOARD_OFF:
		kbc->ram[0] |= COMMAND_BYTE_KEYBOARD_OFF;
		break;
	case KEYBOARD_ON:
		kbc->ram[0] &= ~COMMAND_BYTE_KEYBOARD_OFF;
		break;
	case READ_INPUT_PORT:
		answer(kbc, INPUT_PORT, 0);
		break;
	case READ_OUTPUT_PORT:
		answer(kbc, kbc->output_port, 0);
		break;
	default:
		kbc->command = command; /* takes a byte, or is none */
		break;
	}
}

static void write_data(struct vkbc *kbc, uint8_t value)
{
	uint8_t command = kbc->command;

	kbc->status &= ~STATUS_COMMAND;
	kbc->command = 0;
	if (command >= WRITE_RAM && command < WRITE_RAM + VKBC_RAM)
		write_ram(kbc, command - WRITE_RAM, value);
	else if (command == WRITE_OUTPUT_PORT)
		write_output_port(kbc, value);
	else if (command == FAKE_KEYBOARD)
		answer(kbc, value, 0);
	else if (command == FAKE_MOUSE)
		answer(kbc, value, STATUS_MOUSE_DATA);
	else if (command == TO_MOUSE)
		answer(kbc, RESEND, STATUS_MOUSE_DATA | STATUS_TIMEOUT);
	else
		answer(kbc, RESEND, STATUS_TIMEOUT); /* for the keyboard */
}

static uint8_t read_port(struct device *device, uint16_t port)
{
	struct vkbc *kbc = (struct vkbc *)device;

	if (port & 4)
		return kbc->status;
	kbc->status &= ~STATUS_OF_BUFFER;
	drive(kbc);
	return kbc->output;
}

static void write_port(struct device *device, uint16_t port, uint8_t value)
{
	struct vkbc *kbc = (struct vkbc *)device;

	if (port & 4)
		write_command(kbc, value);
	else
		write_data(kbc, value);
	drive(kbc);
}

void vkbc_io(struct device *device, struct bus_access *access)
{
	vbytes_access(device, access, access->address, read_port, write_port);
}

static void reset(struct device *device)
{
	struct vkbc *kbc = (struct vkbc *)device;

	memset(kbc->ram, 0, sizeof(kbc->ram));
	kbc->ram[0] = COMMAND_BYTE_SYSTEM | COMMAND_BYTE_KEYBOARD_OFF | COMMAND_BYTE_MOUSE_OFF;
	kbc->status = STATUS_SYSTEM | STATUS_UNLOCKED;
	kbc->output = 0;
	kbc->output_port = OUTPUT_PORT_NO_RESET | OUTPUT_PORT_A20;
	kbc->command = 0;
	drive(kbc);
}

static void save(const struct device *device, struct stream *out)
{
	const struct vkbc *kbc = (const struct vkbc *)device;
	const uint8_t registers[] = { kbc->status, kbc->output, kbc->output_port, kbc->command };
	size_t mark = stream_begin(out, "vkbc");

	stream_put(out, registers, sizeof(registers));
	stream_put(out, kbc->ram, sizeof(kbc->ram));
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vkbc *kbc = (struct vkbc *)device;
	uint8_t registers[4];

	stream_expect(in, "vkbc", sizeof(registers) + sizeof(kbc->ram));
	stream_get(in, registers, sizeof(registers));
	stream_get(in, kbc->ram, sizeof(kbc->ram));
	if (in->failed) {
		reset(device);
		return;
	}
	kbc->status = registers[0];
	kbc->output = registers[1];
	kbc->output_port = registers[2] | OUTPUT_PORT_NO_RESET;
	kbc->command = registers[3];
	drive(kbc);
}

static const struct device_ops ops = {
	.name = "keyboard",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vkbc_init(struct vkbc *kbc, struct device_host *host)
{
	*kbc = (struct vkbc){ .device = { .ops = &ops, .host = host } };
	reset(&kbc->device);
}
