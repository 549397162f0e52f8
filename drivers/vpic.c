/* SPDX-License-Identifier: MIT */
/* The interrupt logic of the 8259A pair: requests, priorities, cascade, INTA. The registers are in vpic_io.c. */
#include "drivers/vpic.h"
#include "drivers/vpic_chip.h"

#include <string.h>

/* Rank of the highest-priority bit of `mask`, 0 first; 8 when there is none. */
static unsigned rank(const struct vpic_chip *chip, uint8_t mask)
{
	unsigned doubled = mask | (unsigned)mask << 8;

	return mask ? (unsigned)__builtin_ctz(doubled >> chip->priority_add) : 8;
}

static int by_rank(const struct vpic_chip *chip, unsigned r)
{
	return r < 8 ? (int)((r + chip->priority_add) & 7) : -1;
}

int vpic_chip_pending(const struct vpic_chip *chip, bool master)
{
	uint8_t in_service = chip->isr;
	unsigned request = rank(chip, chip->irr & ~chip->imr);

	/* What is masked does not hold others back in special mask mode. */
	if (chip->special_mask)
		in_service &= ~chip->imr;
	/* In special fully nested mode the slave may interrupt itself. */
	if (chip->special_fully_nested && master)
		in_service &= ~(1u << VPIC_CASCADE);
	return request < rank(chip, in_service) ? by_rank(chip, request) : -1;
}

int vpic_chip_in_service(const struct vpic_chip *chip)
{
	/* A non-specific EOI leaves a masked level alone in special mask mode. */
	return by_rank(chip, rank(chip, chip->special_mask ? chip->isr & ~chip->imr : chip->isr));
}

void vpic_update(struct vpic *pic)
{
	struct vpic_chip *master = &pic->chip[0];
	bool intr;

	if (!master->single) {
		/* The slave's INT is wired here. Its level is followed, so that no edge gets lost between two EOIs. */
		master->irr &= ~(1u << VPIC_CASCADE);
		if (vpic_chip_pending(&pic->chip[1], false) >= 0)
			master->irr |= 1u << VPIC_CASCADE;
	}
	intr = vpic_chip_pending(master, true) >= 0;
	if (intr == pic->intr)
		return;
	pic->intr = intr;
	pic->device.host->extint(pic->device.host, intr);
}

void vpic_chip_acknowledge(struct vpic_chip *chip, unsigned irq)
{
	uint8_t bit = 1u << irq;

	if (!chip->auto_eoi)
		chip->isr |= bit;
	else if (chip->rotate_on_auto_eoi)
		chip->priority_add = (irq + 1) & 7;
	if (!(chip->elcr & bit)) /* a level request lasts as long as its line */
		chip->irr &= ~bit;
}

/* The vector from one chip; IR7 without ISR when the request has gone (spurious). */
static uint8_t vector(struct vpic_chip *chip, bool master)
{
	int irq = vpic_chip_pending(chip, master);

	if (irq < 0)
		return chip->vector_base | 7;
	vpic_chip_acknowledge(chip, (unsigned)irq);
	return chip->vector_base | (uint8_t)irq;
}

uint8_t vpic_acknowledge(struct vpic *pic)
{
	bool cascade = !pic->chip[0].single && vpic_chip_pending(&pic->chip[0], true) == VPIC_CASCADE;
	uint8_t result = vector(&pic->chip[0], true);

	if (cascade)
		result = vector(&pic->chip[1], false);
	vpic_update(pic);
	return result;
}

void vpic_set_line(struct vpic *pic, unsigned irq, bool level)
{
	struct vpic_chip *chip = &pic->chip[irq / 8 & 1];
	uint8_t bit = 1u << (irq & 7);

	if (irq > 15 || irq == VPIC_CASCADE)
		return;
	/*
	 * An edge stays requested when its line falls again before INTA. The chip would answer with a spurious IR7, but
	 * devices here pulse their lines in no time at all.
	 */
	if (level && (!(chip->lines & bit) || (chip->elcr & bit)))
		chip->irr |= bit;
	if (!level && (chip->elcr & bit))
		chip->irr &= ~bit;
	chip->lines = level ? chip->lines | bit : chip->lines & ~bit;
	vpic_update(pic);
}

static void reset(struct device *device)
{
	struct vpic *pic = (struct vpic *)device;

	for (unsigned i = 0; i < 2; i++) {
		uint8_t lines = pic->chip[i].lines;

		/* The chip's power-on state is undefined; nothing is let through until ICW1. */
		pic->chip[i] = (struct vpic_chip){ .imr = 0xff, .lines = lines };
	}
	vpic_update(pic);
}

static void save_chip(const struct vpic_chip *chip, struct stream *out)
{
	const uint8_t bytes[VPIC_CHIP_BYTES] = {
		chip->irr, chip->isr, chip->imr, chip->lines, chip->elcr, chip->vector_base, chip->icw3, chip->icw4,
		chip->init_state, chip->priority_add, chip->read_isr, chip->poll, chip->special_mask, chip->auto_eoi,
		chip->rotate_on_auto_eoi, chip->special_fully_nested, chip->single, chip->wants_icw4,
	};

	stream_put(out, bytes, sizeof(bytes));
}

static void save(const struct device *device, struct stream *out)
{
	const struct vpic *pic = (const struct vpic *)device;
	size_t mark = stream_begin(out, "VPIC");

	save_chip(&pic->chip[0], out);
	save_chip(&pic->chip[1], out);
	stream_end(out, mark);
}

static void restore_chip(struct vpic_chip *chip, uint8_t elcr_mask, struct stream *in)
{
	uint8_t b[VPIC_CHIP_BYTES];

	stream_get(in, b, sizeof(b));
	for (unsigned i = 10; i < VPIC_CHIP_BYTES; i++)
		if (b[i] > 1)
			stream_fail(in);
	if ((b[4] & ~elcr_mask) || (b[5] & 7) || b[8] > ICW4 || b[9] > 7)
		stream_fail(in);
	*chip = (struct vpic_chip){
		.irr = b[0], .isr = b[1], .imr = b[2], .lines = b[3], .elcr = b[4], .vector_base = b[5], .icw3 = b[6],
		.icw4 = b[7], .init_state = b[8], .priority_add = b[9], .read_isr = b[10] == 1, .poll = b[11] == 1,
		.special_mask = b[12] == 1, .auto_eoi = b[13] == 1, .rotate_on_auto_eoi = b[14] == 1,
		.special_fully_nested = b[15] == 1, .single = b[16] == 1, .wants_icw4 = b[17] == 1,
	};
}

static void restore(struct device *device, struct stream *in)
{
	struct vpic *pic = (struct vpic *)device;
	struct vpic_chip chip[2];

	stream_expect(in, "VPIC", sizeof(chip) / sizeof(chip[0]) * VPIC_CHIP_BYTES);
	restore_chip(&chip[0], VPIC_ELCR_MASTER, in);
	restore_chip(&chip[1], VPIC_ELCR_SLAVE, in);
	if (in->failed)
		return;
	memcpy(pic->chip, chip, sizeof(chip));
	vpic_update(pic);
}

void vpic_init(struct vpic *pic, struct device_host *host)
{
	static const struct device_ops ops = { .name = "8259", .reset = reset, .save = save, .restore = restore };

	memset(pic, 0, sizeof(*pic));
	pic->device = (struct device){ .ops = &ops, .host = host };
	reset(&pic->device);
}
