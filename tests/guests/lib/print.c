/* SPDX-License-Identifier: MIT */
/* Text on COM1, polled: bytes written without a look at LSR are lost on some machines. */
#include <stdarg.h>

#include "runtime.h"

#define COM1     0x3f8
#define LSR      (COM1 + 5)
#define LSR_THRE 0x20

static unsigned passed, failed;

void serial_start(void)
{
	out8(COM1 + 1, 0);    /* no interrupts */
	out8(COM1 + 3, 0x80); /* divisor 1: 115200 baud */
	out8(COM1 + 0, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);    /* 8n1 */
	out8(COM1 + 2, 7);    /* FIFOs on, cleared */
	out8(COM1 + 4, 3);    /* DTR, RTS */
}

static void put(char c)
{
	while (!(in8(LSR) & LSR_THRE))
		pause();
	out8(COM1, (uint8_t)c);
}

void print_char(char c)
{
	if (c == '\n')
		put('\r');
	put(c);
}

struct spec {
	bool left, zero;
	unsigned width, longs;
};

static void put_padded(const struct spec *spec, const char *text, size_t length)
{
	size_t pad = spec->width > length ? spec->width - length : 0;

	while (!spec->left && pad) {
		print_char(spec->zero ? '0' : ' ');
		pad--;
	}
	for (size_t i = 0; i < length; i++)
		print_char(text[i]);
	while (pad--)
		print_char(' ');
}

static void put_number(const struct spec *spec, uint64_t value, unsigned base, bool negative)
{
	char text[24];
	unsigned at = sizeof(text);

	do
		text[--at] = "0123456789abcdef"[value % base];
	while (value /= base);
	if (negative)
		text[--at] = '-';
	put_padded(spec, text + at, sizeof(text) - at);
}

static const char *parse(const char *format, struct spec *spec)
{
	*spec = (struct spec){ 0 };
	for (; *format == '-' || *format == '0'; format++) {
		spec->left |= *format == '-';
		spec->zero |= *format == '0';
	}
	for (; *format >= '0' && *format <= '9'; format++)
		spec->width = spec->width * 10 + (unsigned)(*format - '0');
	for (; *format == 'l' || *format == 'z'; format++)
		spec->longs++;
	return format;
}

static void vprint(const char *format, va_list args)
{
	struct spec spec;
	const char *text;
	uint64_t number;
	int64_t value;
	char c;

	for (; *format; format++) {
		if (*format != '%') {
			print_char(*format);
			continue;
		}
		format = parse(format + 1, &spec);
		switch (*format) {
		case 's':
			text = va_arg(args, const char *);
			put_padded(&spec, text, strlen(text));
			break;
		case 'c':
			c = (char)va_arg(args, int);
			put_padded(&spec, &c, 1);
			break;
		case 'd':
			value = spec.longs ? va_arg(args, int64_t) : va_arg(args, int);
			put_number(&spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, value < 0);
			break;
		case 'u':
		case 'x':
			number = spec.longs ? va_arg(args, uint64_t) : va_arg(args, unsigned);
			put_number(&spec, number, *format == 'u' ? 10 : 16, false);
			break;
		case 'p':
			put_number(&spec, va_arg(args, uint64_t), 16, false);
			break;
		case '\0':
			return;
		default:
			print_char(*format);
			break;
		}
	}
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint(format, args);
	va_end(args);
}

bool check(bool good, const char *format, ...)
{
	va_list args;

	print(good ? "ok " : "FAILED ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	passed += good;
	failed += !good;
	return good;
}

int results(void)
{
	print("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
