/* SPDX-License-Identifier: MIT */
/* drivers/vuart.c: registers, FIFO, interrupts, loop-back, and what Linux's 8250 driver tests for. */
#include "tests/unit/fake_host.h"

#include "drivers/vuart.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

static struct vuart uart, copy;

static int setup(void **state)
{
	(void)state;
	fake_init();
	vuart_init(&uart, &fake.host, VUART_COM1_IRQ);
	return 0;
}

static void out(unsigned reg, uint8_t value)
{
	fake_write(vuart_io, &uart.device, VUART_COM1, VUART_COM1 + reg, 1, value);
}

static uint8_t in(unsigned reg)
{
	return (uint8_t)fake_read(vuart_io, &uart.device, VUART_COM1, VUART_COM1 + reg, 1);
}

static void feed(const char *text)
{
	assert_int_equal(vuart_receive(&uart, (const uint8_t *)text, strlen(text)), strlen(text));
}

static void power_on_state(void **state)
{
	static const uint8_t expected[] = { 0x00, 0x00, 0x01, 0x00, 0x00, 0x60, 0xb0, 0x00 };

	(void)state;
	for (unsigned reg = 0; reg < sizeof(expected); reg++)
		assert_int_equal(in(reg), expected[reg]);
}

static void divisor_and_scratch(void **state)
{
	(void)state;
	out(LCR, 0x83);
	out(DATA, 0x34);
	out(IER, 0x12);
	assert_int_equal(in(DATA), 0x34);
	assert_int_equal(in(IER), 0x12);
	out(LCR, 0x03);
	assert_int_equal(in(IER), 0x00);
	assert_int_equal(fake.written, 0);
	assert_int_equal(in(LCR), 0x03);
	out(SCR, 0xa5);
	assert_int_equal(in(SCR), 0xa5);
}

static void transmits(void **state)
{
	(void)state;
	for (const char *c = "hello"; *c; c++) {
		assert_int_equal(in(LSR), 0x60);
		out(DATA, (uint8_t)*c);
	}
	assert_int_equal(fake.written, 5);
	assert_memory_equal(fake.output, "hello", 5);
	fake_write(vuart_io, &uart.device, VUART_COM1, VUART_COM1, 2, 0x0341); /* data, then IER */
	assert_int_equal(fake.output[5], 'A');
	assert_int_equal(in(IER), 3);
}

/* The steps of autoconfig() and autoconfig_16550a() in drivers/tty/serial/8250. */
static void linux_sees_a_16550a(void **state)
{
	uint8_t before, after;

	(void)state;
	out(IER, 0);
	assert_int_equal(in(IER), 0);
	out(IER, 0x0f);
	assert_int_equal(in(IER), 0x0f);
	out(IER, 0);
	out(MCR, 0x1a);
	assert_int_equal(in(MSR) & 0xf0, 0x90);
	out(MCR, 0x00);
	out(LCR, 0xbf);
	out(FCR, 0);
	out(LCR, 0);
	out(FCR, 1);
	assert_int_equal(in(IIR) >> 6, 3);
	out(LCR, 0x80);
	assert_int_not_equal(in(IIR), 0); /* no extended features register */
	out(LCR, 0xbf);
	assert_int_not_equal(in(IIR), 0);
	out(LCR, 0);
	before = in(MCR);
	out(LCR, 0xe0);
	after = in(IIR);
	assert_false((before ^ after) & 0x10);
	out(LCR, 0);
	out(MCR, before ^ 0x10);
	out(LCR, 0xe0);
	after = in(IIR);
	out(LCR, 0);
	out(MCR, before);
	assert_false((before ^ after) & 0x10); /* not a National part with banks */
	out(FCR, 1);
	assert_int_equal(in(IIR) & 0xe0, 0xc0);
	out(LCR, 0x80);
	out(FCR, 0x21);
	assert_int_equal(in(IIR) & 0xe0, 0xc0); /* no 64-byte FIFO */
	out(LCR, 0);
	out(IER, 0x40);
	assert_false(in(IER) & 0x40); /* not an XScale */
}

/* serial8250_do_startup() checks for parts that do not raise the interrupt again. */
static void linux_trusts_the_transmitter_interrupt(void **state)
{
	(void)state;
	out(FCR, 7);
	out(MCR, 0x08);
	out(IER, 2);
	assert_int_equal(in(IIR), 0xc2);
	out(IER, 0);
	out(IER, 2);
	assert_int_equal(in(IIR), 0xc2);
	assert_int_equal(in(IIR), 0xc1);
	out(IER, 0);
	out(IER, 2);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(IIR), 0xc2);
}

static void transmitter_interrupt_is_one_edge_per_batch(void **state)
{
	(void)state;
	out(FCR, 1);
	out(MCR, 0x0b);
	out(IER, 2);
	assert_int_equal(fake.rises[4], 1);
	assert_int_equal(in(IIR), 0xc2);
	assert_false(fake.line[4]);
	for (unsigned i = 0; i < 16; i++)
		out(DATA, 'x');
	assert_int_equal(fake.rises[4], 2);
	assert_true(fake.line[4]);
	out(IER, 0);
	assert_false(fake.line[4]);
	assert_int_equal(in(IIR), 0xc1);
}

static void receives(void **state)
{
	(void)state;
	out(FCR, 0x81); /* trigger at 8 */
	out(MCR, 0x08);
	out(IER, 1);
	feed("ab");
	assert_true(fake.line[4]);
	assert_int_equal(in(IIR), 0xcc); /* below the trigger level */
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(DATA), 'a');
	assert_true(fake.line[4]);
	assert_int_equal(in(DATA), 'b');
	assert_false(fake.line[4]);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(DATA), 0);
	feed("12345678");
	assert_int_equal(in(IIR), 0xc4);
	in(DATA);
	assert_int_equal(in(IIR), 0xcc);
}

static void priorities(void **state)
{
	(void)state;
	out(MCR, 0x18 | 0x01);
	in(MSR);
	out(IER, 0x0f);
	out(DATA, 'a');
	out(DATA, 'b'); /* overruns the one-byte receiver */
	out(MCR, 0x08);
	assert_int_equal(in(IIR), 0x06);
	assert_int_equal(in(LSR), 0x63);
	assert_int_equal(in(LSR), 0x61);
	assert_int_equal(in(IIR), 0x04);
	assert_int_equal(in(DATA), 'a');
	assert_int_equal(in(IIR), 0x02);
	assert_int_equal(in(IIR), 0x00);
	assert_true(fake.line[4]);
	assert_int_not_equal(in(MSR) & 0x0f, 0);
	assert_int_equal(in(IIR), 0x01);
	assert_false(fake.line[4]);
}

static void out2_gates_the_interrupt(void **state)
{
	(void)state;
	out(IER, 1);
	feed("x");
	assert_false(fake.line[4]);
	assert_int_equal(in(IIR), 0x04);
	out(MCR, 0x08);
	assert_true(fake.line[4]);
	out(MCR, 0x18);
	assert_false(fake.line[4]);
}

static void loop_back(void **state)
{
	(void)state;
	out(FCR, 1);
	out(MCR, 0x10);
	assert_int_equal(in(MSR), 0x0b); /* CTS, DSR and DCD have gone */
	out(MCR, 0x1f);
	assert_int_equal(in(MSR), 0xf0 | 0x0b);
	out(MCR, 0x10 | 0x0b);
	assert_int_equal(in(MSR), 0xb0 | 0x04); /* trailing edge of RI */
	for (unsigned i = 0; i < 16; i++)
		out(DATA, (uint8_t)i);
	assert_int_equal(in(LSR), 0x61);
	out(DATA, 99);
	assert_int_equal(in(LSR), 0x63);
	assert_int_equal(vuart_receive(&uart, (const uint8_t *)"z", 1), 0);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(in(DATA), i);
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(fake.written, 0);
}

static void fifo_reset_spares_what_is_behind_it(void **state)
{
	(void)state;
	out(FCR, 1);
	feed("0123456789abcdefXYZ");
	out(FCR, 3);
	assert_int_equal(in(DATA), 'X');
	out(FCR, 0); /* disabling clears, too: one byte, as there is no FIFO any more after that */
	assert_int_equal(in(LSR), 0x60);
	assert_int_equal(in(IIR), 0x01);
}

static void queue_fills_up_and_drains(void **state)
{
	static uint8_t data[VUART_QUEUE + 100];

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	assert_int_equal(vuart_receive(&uart, data, 10), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(in(DATA), data[i]);
	assert_int_equal(vuart_space(&uart), VUART_QUEUE);
	assert_int_equal(vuart_receive(&uart, data, sizeof(data)), VUART_QUEUE);
	assert_int_equal(vuart_space(&uart), 0);
	assert_int_equal(vuart_receive(&uart, data, 1), 0);
	for (unsigned i = 0; i < VUART_QUEUE; i++)
		assert_int_equal(in(DATA), data[i]);
	assert_int_equal(in(LSR), 0x60);
}

static void use(void)
{
	for (unsigned reg = 0; reg < 8; reg++)
		in(reg);
	vuart_receive(&uart, (const uint8_t *)"abc", 3);
	out(LCR, 0);
	out(FCR, 3);
	out(DATA, 'x');
	fake.written = 0;
	in(DATA);
}

static void save_and_restore(void **state)
{
	(void)state;
	out(FCR, 0xc1);
	out(MCR, 0x0b);
	out(IER, 5);
	feed("state");
	in(DATA);
	vuart_init(&copy, &fake.host, VUART_COM1_IRQ);
	fake_round_trip(&uart.device, &copy.device);
	uart = copy;
	assert_int_equal(in(IIR), 0xcc);
	assert_int_equal(in(DATA), 't');
	fake_hostile_restore(&uart.device, use);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on_state, setup),
		cmocka_unit_test_setup(divisor_and_scratch, setup),
		cmocka_unit_test_setup(transmits, setup),
		cmocka_unit_test_setup(linux_sees_a_16550a, setup),
		cmocka_unit_test_setup(linux_trusts_the_transmitter_interrupt, setup),
		cmocka_unit_test_setup(transmitter_interrupt_is_one_edge_per_batch, setup),
		cmocka_unit_test_setup(receives, setup),
		cmocka_unit_test_setup(priorities, setup),
		cmocka_unit_test_setup(out2_gates_the_interrupt, setup),
		cmocka_unit_test_setup(loop_back, setup),
		cmocka_unit_test_setup(fifo_reset_spares_what_is_behind_it, setup),
		cmocka_unit_test_setup(queue_fills_up_and_drains, setup),
		cmocka_unit_test_setup(save_and_restore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
