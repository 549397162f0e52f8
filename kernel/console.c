/* SPDX-License-Identifier: MIT */
#include "kernel/console.h"

#include <stdatomic.h>

#include "arch/x86/acpi.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "boot/bootinfo.h"
#include "drivers/uart16550.h"
#include "kernel/chores.h"
#include "kernel/config.h"
#include "kernel/console_screen.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/spinlock.h"

#define COM1 0x3f8
#define COM2 0x2f8
#define DEFAULT_BAUD 115200
#define RING 32768    /* a power of two */
#define RESERVE 4096  /* of it, for the log and the monitor: guests cannot make them wait */
#define MONITOR_RESERVE 1024 /* of that, for the log alone */
#define INPUT 64      /* bytes handled per interrupt */
#define POLL_NS 1000000 /* 16 bytes, the receiver's FIFO, take 1.4 ms at 115,200 baud */
#define REGISTERS 8
#define POLLS 100000 /* of a UART that sends: far longer than its FIFO takes */

/* Who moves bytes between ring and UART. */
enum mode {
	DIRECT,    /* whoever writes, at once */
	INTERRUPT, /* the UART's interrupt */
	POLLED,    /* a chore */
};

static struct uart16550 uart;
static struct spinlock lock;
static enum mode mode;
static _Atomic bool losses; /* of some partition's output, that have not been reported */

static uint8_t ring[RING];
static uint32_t head, tail; /* written at head, sent from tail; free-running */
static uint32_t reserve;    /* what emit() has to leave free */

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

/* Waits for the UART until at most `left` bytes are in the ring. */
static void drain_to(uint32_t left)
{
	while (uart.present && head - tail > left)
		uart16550_put(&uart, ring[tail++ % RING]);
}

/*
 * The same with the lock held, but not while it waits: a core that has much to say, such as the dump of a partition
 * that is stopped, does not keep a guest that writes meanwhile.
 */
static void make_room(uint32_t left)
{
	unsigned i;

	while (uart.present && head - tail > left) {
		spin_unlock(&lock);
		for (i = 0; i < POLLS && !uart16550_ready(&uart); i++)
			cpu_pause();
		spin_lock(&lock);
		if (i < POLLS)
			drain();
		else
			drain_to(left); /* gives up a UART that is dead */
	}
}

/* All of it or, when the ring has no room, nothing. */
static bool emit(struct console_mux *mux, const char *data, size_t size)
{
	size_t i;

	(void)mux;
	console_screen_write(data, size);
	if (!uart.present)
		return true;
	if (RING - (head - tail) < size + reserve) {
		atomic_store_explicit(&losses, true, memory_order_relaxed);
		return false;
	}
	for (i = 0; i < size; i++)
		ring[head++ % RING] = (uint8_t)data[i];
	return true;
}

static struct console_mux mux = { .emit = emit };

/* After emit(), with the lock held: get it on its way. */
static void send(void)
{
	if (uart.present && mode == DIRECT)
		drain_to(0);
	else if (uart.present && mode == INTERRUPT)
		uart16550_interrupts(&uart, !drain());
	console_screen_show();
}

void console_guest_write(struct console_port *port, uint8_t byte)
{
	spin_lock(&lock);
	reserve = RESERVE;
	console_mux_write(&mux, port, byte);
	reserve = 0;
	send();
	spin_unlock(&lock);
}

void console_end_line(struct console_port *port)
{
	spin_lock(&lock);
	reserve = RESERVE;
	console_mux_end_line(&mux, port);
	reserve = 0;
	send();
	spin_unlock(&lock);
}

void console_write_line(const char *text, size_t size)
{
	uint32_t room = (uint32_t)size + 2 * CONSOLE_LINE; /* the line, and the focused partition's again */

	spin_lock(&lock);
	make_room(room < RING ? RING - room : 0);
	console_mux_line(&mux, text, size);
	send();
	spin_unlock(&lock);
}

void console_flush(void)
{
	spin_lock(&lock);
	drain_to(0);
	if (uart.present)
		uart16550_flush(&uart);
	spin_unlock(&lock);
}

void console_attach(struct console_port *port)
{
	spin_lock(&lock);
	console_mux_attach(&mux, port);
	spin_unlock(&lock);
}

void console_attach_monitor(struct console_port *port)
{
	spin_lock(&lock);
	console_mux_attach_monitor(&mux, port);
	spin_unlock(&lock);
}

/* --- the monitor, which never waits --- */

/* For so many bytes, and the line that is drawn again after them. */
static bool has_room(size_t size)
{
	return !uart.present || RING - (head - tail) >= size + 2 * CONSOLE_LINE + MONITOR_RESERVE;
}

static bool monitor_begin(size_t size)
{
	spin_lock(&lock);
	if (has_room(size))
		return true;
	spin_unlock(&lock);
	return false;
}

static bool monitor_end(void)
{
	send();
	spin_unlock(&lock);
	return true;
}

bool console_monitor_line(const char *text, size_t size)
{
	if (!monitor_begin(size))
		return false;
	console_mux_monitor_line(&mux, text, size);
	return monitor_end();
}

bool console_monitor_show(const char *text, size_t size)
{
	if (!monitor_begin(size))
		return false;
	console_mux_monitor_show(&mux, text, size);
	return monitor_end();
}

bool console_monitor_enter(void)
{
	if (!monitor_begin(0))
		return false;
	console_mux_monitor_enter(&mux);
	return monitor_end();
}

bool console_focus(struct console_port *port)
{
	if (!monitor_begin(0))
		return false;
	console_mux_focus(&mux, port);
	return monitor_end();
}

/*
 * Collects input for one port, so that it is delivered without the console's lock: the guest's UART has its own. Where
 * the focus moves it ends; what follows belongs to another.
 */
static size_t take_input(uint8_t *out, size_t room, struct console_port **to)
{
	const struct console_port *focus = mux.focus;
	size_t n = 0;
	int byte;

	while (room - n >= CONSOLE_SWITCH_COUNT && mux.focus == focus && (byte = uart16550_get(&uart)) >= 0)
		n += console_mux_input(&mux, (uint8_t)byte, out + n, to);
	return n;
}

/* A partition that has lost output since it was last told so, and how much; NULL: none. */
static struct console_port *next_loss(uint64_t *lost)
{
	struct console_port *port;

	spin_lock(&lock);
	for (port = mux.ports; port && port->lost == port->lost_reported; port = port->next)
		;
	if (port) {
		*lost = port->lost - port->lost_reported;
		port->lost_reported = port->lost;
	}
	spin_unlock(&lock);
	return port;
}

/* One partition's. When the line has nothing to send, so that nobody waits for it. */
static bool report_loss(void)
{
	struct console_port *port;
	uint64_t lost;

	if (head != tail || !atomic_exchange(&losses, false))
		return false;
	port = next_loss(&lost);
	if (!port)
		return false;
	atomic_store(&losses, true);
	log_warning(port->name, "%llu bytes of console output lost: it writes faster than the line can send",
	            (unsigned long long)lost);
	return true;
}

static void serve(void)
{
	struct console_port *to = NULL;
	uint8_t input[INPUT];
	size_t n;

	spin_lock(&lock);
	n = take_input(input, sizeof(input), &to);
	if (mode == POLLED)
		drain();
	send();
	spin_unlock(&lock);
	if (n && to && to->receive)
		to->receive(to->context, input, n);
	if (head == tail && atomic_load_explicit(&losses, memory_order_relaxed))
		chores_wake(CHORE_CONSOLE);
}

static void on_interrupt(void *context)
{
	(void)context;
	uart16550_acknowledge(&uart);
	serve();
	spin_lock(&lock);
	uart16550_rearm(&uart);
	spin_unlock(&lock);
}

uint64_t console_chore(void)
{
	uint64_t next = console_screen_chore();

	if (mode == POLLED) {
		uint64_t poll = rdtsc() + ns_to_tsc(POLL_NS);

		serve();
		next = poll < next ? poll : next;
	}
	return report_loss() ? 0 : next;
}

void console_early(const struct bootinfo *boot)
{
	uart.port = COM1;
	uart16550_init(&uart, DEFAULT_BAUD);
	console_screen_early(boot);
}

void console_map(const struct bootinfo *boot)
{
	console_screen_map(boot);
}

/* Where the UART is: as configured, else as the SPCR table says, else COM1. False when it cannot be mapped. */
static bool choose_uart(const struct config *config, struct uart16550 *at, uint32_t *baud)
{
	const struct acpi_address *base = &acpi.spcr.base;
	bool wide = base->access == 3; /* 32-bit registers */

	*at = (struct uart16550){ .port = COM1 };
	*baud = config->console_baud ? config->console_baud : DEFAULT_BAUD;
	if (config->console_port) {
		at->port = config->console_port;
		return true;
	}
	if (!base->address)
		return true;
	*baud = acpi.spcr.baud;
	if (base->space == ACPI_IO) {
		at->port = (uint16_t)base->address;
		return true;
	}
	*at = (struct uart16550){ .stride = wide ? 4 : 1 };
	at->registers = map_physical(base->address, (uint64_t)REGISTERS * at->stride, PTAB_UNCACHED);
	return at->registers;
}

/* As the SPCR table says, or the ISA interrupt that a PC gives to COM1 and COM2. */
static int install_interrupt(void)
{
	bool level = true, active_low = false, of_spcr = acpi.spcr.base.address && (uart.registers ||
	                                                 acpi.spcr.base.address == uart.port);
	unsigned gsi = acpi.spcr.gsi, isa = uart.port == COM2 ? 3 : 4;

	if (of_spcr && acpi.spcr.has_gsi && !acpi.spcr.has_irq)
		return irq_install(gsi, level, active_low, on_interrupt, NULL);
	if (of_spcr && acpi.spcr.has_irq)
		isa = acpi.spcr.irq;
	else if (uart.registers || (uart.port != COM1 && uart.port != COM2))
		return E_NOT_FOUND;
	irq_isa(isa, &gsi, &level, &active_low);
	return irq_install(gsi, level, active_low, on_interrupt, NULL);
}

static void start_uart(const struct config *config)
{
	struct uart16550 chosen;
	uint32_t baud;

	if (!choose_uart(config, &chosen, &baud)) {
		log_warning(NULL, "the registers of the UART that the SPCR table names cannot be mapped: set console");
		return;
	}
	uart = chosen;
	if (!uart16550_init(&uart, baud)) {
		log_warning(NULL, "no UART answers at %s 0x%llx: no serial console; set console in the configuration",
		            uart.registers ? "address" : "port",
		            (unsigned long long)(uart.registers ? acpi.spcr.base.address : uart.port));
		return;
	}
	if (install_interrupt())
		return; /* console_start() sees what can be done */
	spin_lock(&lock);
	mode = INTERRUPT;
	uart16550_interrupts(&uart, false);
	spin_unlock(&lock);
}

void console_init(const struct config *config)
{
	console_flush();
	if (!config->framebuffer)
		console_screen_off();
	if (config->console_off)
		uart.present = false;
	else
		start_uart(config);
}

void console_start(void)
{
	console_screen_start();
	if (uart.present && mode == DIRECT)
		mode = POLLED;
}

void console_panic(void)
{
	spin_break(&lock);
	console_screen_panic();
	mode = DIRECT;
	mux.focus = NULL; /* no half line is written again */
	console_write_line("", 0);
}
