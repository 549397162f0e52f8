/* SPDX-License-Identifier: MIT */
#include "kernel/console.h"

#include "arch/x86/acpi.h"
#include "arch/x86/interrupts.h"
#include "boot/bootinfo.h"
#include "drivers/uart16550.h"
#include "kernel/config.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"

#define COM1 0x3f8
#define COM2 0x2f8
#define DEFAULT_BAUD 115200
#define RING 32768 /* a power of two */
#define INPUT 64   /* bytes handled per interrupt */

static struct uart16550 uart;
static struct spinlock lock;
static bool interrupts; /* the UART's interrupt drains the ring; else every byte is sent at once */

static uint8_t ring[RING];
static uint32_t head, tail; /* written at head, sent from tail; free-running */

/* Moves what fits into the UART's FIFO. True when the ring is empty. */
static bool drain(void)
{
	while (head != tail && uart16550_ready(&uart)) {
		uint32_t n = head - tail, until_wrap = RING - tail % RING;

		if (n > uart.fifo)
			n = uart.fifo;
		if (n > until_wrap)
			n = until_wrap;
		uart16550_write(&uart, &ring[tail % RING], n);
		tail += n;
	}
	return head == tail;
}

static void drain_by_polling(void)
{
	while (head != tail)
		uart16550_put(&uart, ring[tail++ % RING]);
}

/* All of it or, when the ring has no room, nothing. */
static bool emit(struct console_mux *mux, const char *data, size_t size)
{
	size_t i;

	(void)mux;
	if (!uart.port)
		return true;
	if (RING - (head - tail) < size)
		return false;
	for (i = 0; i < size; i++)
		ring[head++ % RING] = (uint8_t)data[i];
	return true;
}

static struct console_mux mux = { .emit = emit };

/* After emit(), with the lock held: get it on its way. */
static void send(void)
{
	if (!uart.port)
		return;
	if (!interrupts)
		drain_by_polling();
	else
		uart16550_interrupts(&uart, !drain());
}

void console_guest_write(struct console_port *port, uint8_t byte)
{
	spin_lock(&lock);
	console_mux_write(&mux, port, byte);
	send();
	spin_unlock(&lock);
}

void console_write_line(const char *text, size_t size)
{
	spin_lock(&lock);
	if (uart.port && RING - (head - tail) < size + 2 * CONSOLE_LINE)
		drain_by_polling();
	console_mux_line(&mux, text, size);
	send();
	spin_unlock(&lock);
}

void console_flush(void)
{
	spin_lock(&lock);
	if (uart.port)
		drain_by_polling();
	spin_unlock(&lock);
}

void console_attach(struct console_port *port)
{
	spin_lock(&lock);
	console_mux_attach(&mux, port);
	spin_unlock(&lock);
}

/* Collects the input for one port, so that it is delivered without the console's lock: the guest's UART has its own. */
static size_t take_input(uint8_t *out, size_t room, struct console_port **to)
{
	struct console_port *port = NULL;
	size_t n = 0;
	int byte;

	while (room - n >= CONSOLE_SWITCH_COUNT && (byte = uart16550_get(&uart)) >= 0) {
		n += console_mux_input(&mux, (uint8_t)byte, out + n, &port);
		if (*to && port != *to)
			break;
		*to = port;
	}
	return n;
}

static void on_interrupt(void *context)
{
	struct console_port *to = NULL;
	uint8_t input[INPUT];
	size_t n;

	(void)context;
	spin_lock(&lock);
	uart16550_acknowledge(&uart);
	n = take_input(input, sizeof(input), &to);
	send();
	spin_unlock(&lock);
	if (n && to && to->receive)
		to->receive(to->context, input, n);
}

void console_early(const struct bootinfo *boot)
{
	(void)boot;
	uart16550_init(&uart, COM1, DEFAULT_BAUD);
}

static uint16_t choose_port(const struct config *config, uint32_t *baud)
{
	*baud = config->console_baud;
	if (config->console_port)
		return config->console_port;
	if (acpi.spcr.base.address && acpi.spcr.base.space == ACPI_IO) {
		*baud = acpi.spcr.baud;
		return (uint16_t)acpi.spcr.base.address;
	}
	*baud = DEFAULT_BAUD;
	return COM1;
}

/* The port's interrupt: as the SPCR table says, or the ISA interrupt that a PC gives to COM1 and COM2. */
static int install_interrupt(uint16_t port)
{
	unsigned gsi = acpi.spcr.gsi;
	bool level = true, active_low = false;

	if (acpi.spcr.base.address == port && acpi.spcr.has_gsi && !acpi.spcr.has_irq)
		return irq_install(gsi, level, active_low, on_interrupt, NULL);
	if (port != COM1 && port != COM2)
		return E_NOT_FOUND;
	irq_isa(port == COM1 ? 4 : 3, &gsi, &level, &active_low);
	return irq_install(gsi, level, active_low, on_interrupt, NULL);
}

void console_init(const struct config *config, const struct bootinfo *boot)
{
	uint32_t baud;
	uint16_t port;

	(void)boot;
	console_flush();
	if (config->console_off) {
		uart.port = 0;
		return;
	}
	port = choose_port(config, &baud);
	if (!uart16550_init(&uart, port, baud)) {
		log_warning(NULL, "no UART answers at port 0x%x: the console is off; set console in the configuration", port);
		return;
	}
	if (install_interrupt(port)) {
		log_warning(NULL, "the UART at port 0x%x has no interrupt: no console input", port);
		return;
	}
	spin_lock(&lock);
	interrupts = true;
	uart16550_interrupts(&uart, false);
	spin_unlock(&lock);
}

void console_panic(void)
{
	spin_break(&lock);
	interrupts = false;
	mux.focus = NULL; /* no half line is written again */
	console_write_line("", 0);
}
