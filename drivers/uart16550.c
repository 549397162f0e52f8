/* SPDX-License-Identifier: MIT */
/* PC16550D data sheet; register names as there. */
#include "drivers/uart16550.h"

#include "arch/x86/cpu.h"

enum { THR = 0, RBR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define IER_ERBFI 0x01 /* received data */
#define IER_ETBEI 0x02 /* transmitter holding register empty */
#define FCR_ENABLE 0x01
#define FCR_CLEAR 0x06
#define IIR_FIFO 0xc0
#define LCR_8N1 0x03
#define LCR_DLAB 0x80
#define MCR_DTR_RTS_OUT2 0x0b /* OUT2 gates the interrupt on a PC */
#define LSR_DR 0x01
#define LSR_THRE 0x20
#define LSR_TEMT 0x40 /* the shift register is empty, too */
#define CLOCK_BAUD 115200
#define PATIENCE 1000000 /* reads of LSR, each a microsecond or so on real hardware */

static uint8_t get(const struct uart16550 *uart, unsigned reg)
{
	if (!uart->registers)
		return inb((uint16_t)(uart->port + reg));
	if (uart->stride == 4)
		return (uint8_t)*(volatile uint32_t *)(uart->registers + 4 * reg);
	return uart->registers[uart->stride * reg];
}

static void set(const struct uart16550 *uart, unsigned reg, uint8_t value)
{
	if (!uart->registers)
		outb((uint16_t)(uart->port + reg), value);
	else if (uart->stride == 4)
		*(volatile uint32_t *)(uart->registers + 4 * reg) = value;
	else
		uart->registers[uart->stride * reg] = value;
}

bool uart16550_init(struct uart16550 *uart, uint32_t baud)
{
	uint32_t divisor = baud ? CLOCK_BAUD / baud : 0;

	uart->fifo = 1;
	uart->ier = 0;
	set(uart, SCR, 0x5a);
	uart->present = get(uart, SCR) == 0x5a && get(uart, LSR) != 0xff;
	if (!uart->present)
		return false;
	set(uart, IER, 0);
	uart16550_flush(uart); /* what was written before would be lost with the FIFO's contents */
	if (divisor) {
		set(uart, LCR, LCR_8N1 | LCR_DLAB);
		set(uart, DLL, (uint8_t)divisor);
		set(uart, DLM, (uint8_t)(divisor >> 8));
	}
	set(uart, LCR, LCR_8N1);
	set(uart, FCR, FCR_ENABLE | FCR_CLEAR);
	if ((get(uart, IIR) & IIR_FIFO) == IIR_FIFO)
		uart->fifo = 16;
	set(uart, MCR, MCR_DTR_RTS_OUT2);
	return true;
}

bool uart16550_ready(const struct uart16550 *uart)
{
	return get(uart, LSR) & LSR_THRE;
}

void uart16550_put(struct uart16550 *uart, uint8_t byte)
{
	unsigned i;

	for (i = 0; i < PATIENCE && !uart16550_ready(uart); i++)
		cpu_pause();
	if (i == PATIENCE)
		uart->present = false;
	else
		set(uart, THR, byte);
}

void uart16550_flush(const struct uart16550 *uart)
{
	unsigned i;

	for (i = 0; i < PATIENCE && !(get(uart, LSR) & LSR_TEMT); i++)
		cpu_pause();
}

void uart16550_write(const struct uart16550 *uart, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		set(uart, THR, data[i]);
}

int uart16550_get(const struct uart16550 *uart)
{
	return get(uart, LSR) & LSR_DR ? get(uart, RBR) : -1;
}

void uart16550_interrupts(struct uart16550 *uart, bool transmit)
{
	uint8_t ier = (uint8_t)(IER_ERBFI | (transmit ? IER_ETBEI : 0));

	if (ier == uart->ier)
		return;
	uart->ier = ier;
	set(uart, IER, ier);
}

void uart16550_acknowledge(const struct uart16550 *uart)
{
	get(uart, IIR);
}

void uart16550_rearm(const struct uart16550 *uart)
{
	set(uart, IER, 0);
	set(uart, IER, uart->ier);
}
