/* SPDX-License-Identifier: MIT */
/* ECMA-48, sections 5.4 (control sequences) and 5.6 (control strings). */
#include "drivers/ansi.h"

#define ESC 0x1b
#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define DEL 0x7f

enum { TEXT, ESCAPE, ESCAPE_MORE, SEQUENCE, STRING };

static enum ansi_event event(struct ansi *ansi, enum ansi_event what, uint8_t byte)
{
	ansi->state = TEXT;
	ansi->byte = byte;
	return what;
}

static enum ansi_event text(struct ansi *ansi, uint8_t byte)
{
	if (byte == ESC) {
		ansi->state = ESCAPE;
		return ANSI_NOTHING;
	}
	if (byte < ' ')
		return event(ansi, ANSI_CONTROL, byte);
	if (byte < DEL)
		return event(ansi, ANSI_PRINT, byte);
	/* UTF-8: one sign for the whole character, at its first byte. */
	return byte >= 0xc0 ? event(ansi, ANSI_PRINT, '?') : ANSI_NOTHING;
}

static enum ansi_event escape(struct ansi *ansi, uint8_t byte)
{
	ansi->state = TEXT;
	if (byte == '[') {
		ansi->state = SEQUENCE;
		ansi->marked = false;
		ansi->count = 0;
	} else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_') {
		ansi->state = STRING;
	} else if (byte >= ' ' && byte < '0') {
		ansi->state = ESCAPE_MORE; /* ESC ( B and its like: up to a final byte */
	}
	return ANSI_NOTHING;
}

static void digit(struct ansi *ansi, unsigned value)
{
	uint16_t *parameter;

	if (!ansi->count)
		ansi->parameters[ansi->count++] = 0;
	if (ansi->count > ANSI_PARAMETERS)
		return;
	parameter = &ansi->parameters[ansi->count - 1];
	value += *parameter * 10u;
	*parameter = (uint16_t)(value < ANSI_PARAMETER_MAX ? value : ANSI_PARAMETER_MAX);
}

static void separator(struct ansi *ansi)
{
	unsigned i;

	for (i = ansi->count ? 1 : 2; i && ansi->count <= ANSI_PARAMETERS; i--) {
		if (ansi->count < ANSI_PARAMETERS)
			ansi->parameters[ansi->count] = 0;
		ansi->count++;
	}
}

static enum ansi_event sequence(struct ansi *ansi, uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		digit(ansi, byte - (unsigned)'0');
	else if (byte == ';' || byte == ':')
		separator(ansi);
	else if (byte >= '@' && byte < DEL)
		return event(ansi, ANSI_SEQUENCE, byte);
	else
		ansi->marked = true;
	return ANSI_NOTHING;
}

enum ansi_event ansi_put(struct ansi *ansi, uint8_t byte)
{
	if (ansi->state == TEXT)
		return text(ansi, byte);
	/* ESC begins anew; other control characters work within a sequence, so that a broken one does not eat lines. */
	if (byte == ESC) {
		ansi->state = ESCAPE;
		return ANSI_NOTHING;
	}
	if (ansi->state == STRING && byte != BEL && byte != CAN && byte != SUB && byte != '\n')
		return ANSI_NOTHING;
	if (byte < ' ' && (ansi->state == STRING || byte == CAN || byte == SUB || byte == '\n'))
		return event(ansi, ANSI_CONTROL, byte);
	if (byte < ' ') {
		ansi->byte = byte;
		return ANSI_CONTROL;
	}
	if (ansi->state == ESCAPE)
		return escape(ansi, byte);
	if (ansi->state == SEQUENCE)
		return sequence(ansi, byte);
	if (byte >= '0')
		ansi->state = TEXT;
	return ANSI_NOTHING;
}

unsigned ansi_parameter(const struct ansi *ansi, unsigned index, unsigned otherwise)
{
	if (index >= ANSI_PARAMETERS || index >= ansi->count || !ansi->parameters[index])
		return otherwise;
	return ansi->parameters[index];
}
