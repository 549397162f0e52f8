/* SPDX-License-Identifier: MIT */
/* The configuration's numbers, sizes, lists of cores and UARTs. */
#include "kernel/config_parse.h"

#include <string.h>

#define UART_CLOCK 115200 /* baud at divisor 1 */

static const struct {
	char name[5];
	uint16_t port;
} uarts[] = {
	{ "com1", 0x3f8 },
	{ "com2", 0x2f8 },
	{ "com3", 0x3e8 },
	{ "com4", 0x2e8 },
};

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

bool config_number(const char **at, uint64_t *value)
{
	const char *text = *at;
	unsigned base = 10;
	bool overflow = false;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (digit(*text) >= base)
		return false;
	for (*value = 0; digit(*text) < base; text++) {
		overflow |= __builtin_mul_overflow(*value, base, value);
		overflow |= __builtin_add_overflow(*value, digit(*text), value);
	}
	if (overflow)
		*value = UINT64_MAX;
	*at = text;
	return true;
}

static const char *skip_blanks(const char *text)
{
	while (config_blank(*text))
		text++;
	return text;
}

/* One number or range; returns what is wrong. */
static const char *cpu_range(const char **at, uint64_t *cpus)
{
	uint64_t first, last;

	*at = skip_blanks(*at);
	if (!config_number(at, &first))
		return "is not a list of cores";
	last = first;
	*at = skip_blanks(*at);
	if (**at == '-') {
		*at = skip_blanks(*at + 1);
		if (!config_number(at, &last))
			return "is not a list of cores";
		*at = skip_blanks(*at);
	}
	if (first >= CONFIG_CPUS || last >= CONFIG_CPUS)
		return "names a core above 63";
	if (last < first)
		return "has a range that runs backwards";
	for (; first <= last; first++) {
		if (*cpus >> first & 1)
			return "names a core twice";
		*cpus |= 1ULL << first;
	}
	return NULL;
}

bool config_cpus(const char *text, uint64_t *cpus, const char **why)
{
	*cpus = 0;
	for (;;) {
		*why = cpu_range(&text, cpus);
		if (*why)
			return false;
		if (*text == '\0')
			return true;
		if (*text++ != ',') {
			*why = "is not a list of cores";
			return false;
		}
	}
}

bool config_size(const char *text, uint64_t *size)
{
	static const char units[] = "KkMmGg";
	const char *unit;

	if (!config_number(&text, size))
		return false;
	unit = *text ? strchr(units, *text) : NULL;
	if (!unit || text[1])
		return false;
	if (__builtin_mul_overflow(*size, 1ULL << 10 * ((unit - units) / 2 + 1), size))
		*size = UINT64_MAX;
	return true;
}

bool config_uart(const char *text, uint16_t *port, uint32_t *baud)
{
	uint64_t number = 0, rate = UART_CLOCK;

	for (unsigned i = 0; i < sizeof(uarts) / sizeof(uarts[0]); i++) {
		if (strncmp(text, uarts[i].name, strlen(uarts[i].name)) == 0) {
			number = uarts[i].port;
			text += strlen(uarts[i].name);
		}
	}
	if (number == 0 && !config_number(&text, &number))
		return false;
	text = skip_blanks(text);
	if (*text == ',') {
		text = skip_blanks(text + 1);
		if (!config_number(&text, &rate))
			return false;
	}
	/* Eight registers; the divisor is a whole number of 16 bits. */
	if (*text || number == 0 || number > 0xfff8 || rate == 0 || UART_CLOCK % rate)
		return false;
	*port = (uint16_t)number;
	*baud = (uint32_t)rate;
	return true;
}
