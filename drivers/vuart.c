/* SPDX-License-Identifier: MIT */
/* Registers and interrupts of the 16550A (PC16550D data sheet, section 8). */
#include "drivers/vuart.h"
#include "drivers/vbytes.h"

#include <string.h>

enum { UART_DATA, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR };

#define IER_RECEIVED (1 << 0)
#define IER_TRANSMITTER_EMPTY (1 << 1)
#define IER_LINE_STATUS (1 << 2)
#define IER_MODEM_STATUS (1 << 3)
#define IER_BITS 0x0f

/* Interrupt identification, from the highest priority down */
#define IIR_LINE_STATUS 0x06
#define IIR_RECEIVED 0x04
#define IIR_CHARACTER_TIMEOUT 0x0c
#define IIR_TRANSMITTER_EMPTY 0x02
#define IIR_MODEM_STATUS 0x00
#define IIR_NONE 0x01
#define IIR_FIFOS 0xc0

#define FCR_ENABLE (1 << 0)
#define FCR_CLEAR_RECEIVE (1 << 1)
#define FCR_KEPT 0xc9 /* trigger level, DMA mode, enable; the clear bits read as done */

#define LCR_DLAB (1 << 7)

#define MCR_DTR (1 << 0)
#define MCR_RTS (1 << 1)
#define MCR_OUT1 (1 << 2)
#define MCR_OUT2 (1 << 3) /* on a PC it gates the interrupt line */
#define MCR_LOOP (1 << 4)
#define MCR_BITS 0x1f

#define LSR_DATA_READY (1 << 0)
#define LSR_OVERRUN (1 << 1)
#define LSR_TRANSMITTER_EMPTY 0x60 /* THRE and TEMT */

#define MSR_CTS (1 << 4)
#define MSR_DSR (1 << 5)
#define MSR_RI (1 << 6)
#define MSR_DCD (1 << 7)
#define MSR_DELTA_RI (1 << 2) /* the trailing edge only */

#define FIFO_DEPTH 16
#define DIVISOR_115200 1

static const uint8_t trigger_level[4] = { 1, 4, 8, 14 };

/* How many received bytes the guest can see. */
static unsigned visible(const struct vuart *uart)
{
	unsigned depth = uart->fcr & FCR_ENABLE ? FIFO_DEPTH : 1;

	return uart->count < depth ? uart->count : depth;
}

static uint8_t identify(const struct vuart *uart)
{
	unsigned received = visible(uart);

	if (uart->ier & IER_LINE_STATUS && uart->lsr_errors)
		return IIR_LINE_STATUS;
	/* Below the trigger level the four character times of the time-out are over at once. */
	if (uart->ier & IER_RECEIVED && received)
		return !(uart->fcr & FCR_ENABLE) || received >= trigger_level[uart->fcr >> 6] ? IIR_RECEIVED
		                                                                              : IIR_CHARACTER_TIMEOUT;
	if (uart->ier & IER_TRANSMITTER_EMPTY && uart->thre_pending)
		return IIR_TRANSMITTER_EMPTY;
	if (uart->ier & IER_MODEM_STATUS && uart->msr_delta)
		return IIR_MODEM_STATUS;
	return IIR_NONE;
}

/* OUT2 is inactive at the pin in loop-back mode, whatever its bit says. */
static void drive(struct vuart *uart)
{
	uint8_t level = identify(uart) != IIR_NONE && (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	if (level == uart->line)
		return;
	uart->line = level;
	uart->device.host->set_line(uart->device.host, uart->gsi, level);
}

/* Modem inputs: a peer that is always there, or our own outputs. */
static uint8_t modem_inputs(const struct vuart *uart)
{
	uint8_t inputs = 0;

	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (uart->mcr & MCR_RTS)
		inputs |= MSR_CTS;
	if (uart->mcr & MCR_DTR)
		inputs |= MSR_DSR;
	if (uart->mcr & MCR_OUT1)
		inputs |= MSR_RI;
	if (uart->mcr & MCR_OUT2)
		inputs |= MSR_DCD;
	return inputs;
}

static void write_mcr(struct vuart *uart, uint8_t value)
{
	uint8_t before = modem_inputs(uart), changed;

	uart->mcr = value & MCR_BITS;
	changed = before ^ modem_inputs(uart);
	uart->msr_delta |= changed >> 4 & ~MSR_DELTA_RI;
	if (changed & before & MSR_RI)
		uart->msr_delta |= MSR_DELTA_RI;
}

static void enqueue(struct vuart *uart, uint8_t byte)
{
	uart->queue[(uart->head + uart->count) % VUART_QUEUE] = byte;
	uart->count++;
}

static void discard(struct vuart *uart, unsigned count)
{
	uart->head = (uint16_t)((uart->head + count) % VUART_QUEUE);
	uart->count = (uint16_t)(uart->count - count);
}

static uint8_t read_data(struct vuart *uart)
{
	uint8_t byte = uart->queue[uart->head];

	if (!uart->count)
		return 0;
	discard(uart, 1);
	return byte;
}

/* In loop-back mode the line is ourselves, and what does not fit into the FIFO is lost. */
static void write_data(struct vuart *uart, uint8_t byte)
{
	if (!(uart->mcr & MCR_LOOP))
		uart->device.host->console_write(uart->device.host, byte);
	else if (uart->count >= (uart->fcr & FCR_ENABLE ? FIFO_DEPTH : 1))
		uart->lsr_errors |= LSR_OVERRUN;
	else
		enqueue(uart, byte);
	uart->thre_pending = 1; /* already empty again */
}

static void write_fcr(struct vuart *uart, uint8_t value)
{
	/* Changing the enable bit empties the FIFOs, too. What the sender has yet to send stays in the queue. */
	if ((value ^ uart->fcr) & FCR_ENABLE || value & FCR_CLEAR_RECEIVE)
		discard(uart, visible(uart));
	uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

static void write_ier(struct vuart *uart, uint8_t value)
{
	/* Enabling the interrupt of an empty transmitter raises it; Linux's 8250 driver tests for that. */
	if (value & ~uart->ier & IER_TRANSMITTER_EMPTY)
		uart->thre_pending = 1;
	uart->ier = value & IER_BITS;
}

static uint8_t read_iir(struct vuart *uart)
{
	uint8_t iir = identify(uart);

	if (iir == IIR_TRANSMITTER_EMPTY)
		uart->thre_pending = 0; /* reading it is the acknowledgement */
	return iir | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct vuart *uart)
{
	uint8_t lsr = LSR_TRANSMITTER_EMPTY | uart->lsr_errors | (uart->count ? LSR_DATA_READY : 0);

	uart->lsr_errors = 0;
	return lsr;
}

static uint8_t read_msr(struct vuart *uart)
{
	uint8_t msr = modem_inputs(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	return msr;
}

static uint8_t read_register(struct device *device, uint16_t reg)
{
	struct vuart *uart = (struct vuart *)device;
	uint8_t value = 0xff;

	switch (reg) {
	case UART_DATA:
		value = uart->lcr & LCR_DLAB ? uart->dll : read_data(uart);
		break;
	case UART_IER:
		return uart->lcr & LCR_DLAB ? uart->dlm : uart->ier;
	case UART_IIR_FCR:
		value = read_iir(uart);
		break;
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		value = read_lsr(uart);
		break;
	case UART_MSR:
		value = read_msr(uart);
		break;
	case UART_SCR:
		return uart->scr;
	}
	drive(uart);
	return value;
}

static void write_register(struct device *device, uint16_t reg, uint8_t value)
{
	struct vuart *uart = (struct vuart *)device;

	switch (reg) {
	case UART_DATA:
		if (uart->lcr & LCR_DLAB)
			uart->dll = value;
		else
			write_data(uart, value);
		break;
	case UART_IER:
		if (uart->lcr & LCR_DLAB)
			uart->dlm = value;
		else
			write_ier(uart, value);
		break;
	case UART_IIR_FCR:
		write_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		return;
	case UART_MCR:
		write_mcr(uart, value);
		break;
	case UART_SCR:
		uart->scr = value;
		return;
	}
	drive(uart);
}

void vuart_io(struct device *device, struct bus_access *access)
{
	struct vuart *uart = (struct vuart *)device;

	/* The hottest access: "can I send?", before every character. */
	if (access->offset == UART_LSR && access->size == 1 && !access->write && !uart->lsr_errors) {
		access->value = LSR_TRANSMITTER_EMPTY | (uart->count ? LSR_DATA_READY : 0);
		return;
	}
	vbytes_access(device, access, access->offset, read_register, write_register);
}

size_t vuart_space(const struct vuart *uart)
{
	return VUART_QUEUE - uart->count;
}

size_t vuart_receive(struct vuart *uart, const uint8_t *data, size_t size)
{
	size_t taken = 0;

	if (uart->mcr & MCR_LOOP)
		return 0; /* the receiver is disconnected from the line; the sender keeps what it has */
	while (taken < size && uart->count < VUART_QUEUE)
		enqueue(uart, data[taken++]);
	drive(uart);
	return taken;
}

static void reset(struct device *device)
{
	struct vuart *uart = (struct vuart *)device;

	uart->ier = 0;
	uart->fcr = 0;
	uart->lcr = 0;
	uart->mcr = 0;
	uart->scr = 0;
	uart->dll = DIVISOR_115200; /* undefined at power-on; firmware leaves a usable one */
	uart->dlm = 0;
	uart->lsr_errors = 0;
	uart->msr_delta = 0;
	uart->thre_pending = 0;
	uart->head = 0;
	uart->count = 0;
	drive(uart);
}

static void save(const struct device *device, struct stream *out)
{
	const struct vuart *uart = (const struct vuart *)device;
	const uint8_t registers[] = { uart->ier, uart->fcr, uart->lcr, uart->mcr, uart->scr, uart->dll, uart->dlm,
	                              uart->lsr_errors, uart->msr_delta, uart->thre_pending };
	size_t mark = stream_begin(out, "uart");

	stream_put(out, registers, sizeof(registers));
	stream_put_u64(out, uart->head);
	stream_put_u64(out, uart->count);
	stream_put(out, uart->queue, sizeof(uart->queue));
	stream_end(out, mark);
}

static void restore(struct device *device, struct stream *in)
{
	struct vuart *uart = (struct vuart *)device;
	uint8_t registers[10];
	uint64_t head, count;

	stream_expect(in, "uart", sizeof(registers) + 2 * sizeof(uint64_t) + sizeof(uart->queue));
	stream_get(in, registers, sizeof(registers));
	head = stream_get_u64(in);
	count = stream_get_u64(in);
	stream_get(in, uart->queue, sizeof(uart->queue));
	if (head >= VUART_QUEUE || count > VUART_QUEUE)
		stream_fail(in);
	if (in->failed) {
		reset(device);
		return;
	}
	uart->ier = registers[0] & IER_BITS;
	uart->fcr = registers[1] & FCR_KEPT;
	uart->lcr = registers[2];
	uart->mcr = registers[3] & MCR_BITS;
	uart->scr = registers[4];
	uart->dll = registers[5];
	uart->dlm = registers[6];
	uart->lsr_errors = registers[7] & LSR_OVERRUN;
	uart->msr_delta = registers[8] & 0x0f;
	uart->thre_pending = registers[9] & 1;
	uart->head = (uint16_t)head;
	uart->count = (uint16_t)count;
	drive(uart);
}

static const struct device_ops ops = {
	.name = "uart",
	.reset = reset,
	.save = save,
	.restore = restore,
};

void vuart_init(struct vuart *uart, struct device_host *host, unsigned gsi)
{
	memset(uart, 0, sizeof(*uart));
	uart->device = (struct device){ .ops = &ops, .host = host };
	uart->gsi = gsi;
	reset(&uart->device);
}
